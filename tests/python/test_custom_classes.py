"""The helpers for authors of array classes, and the four example classes made with them."""

import importlib.util
import operator
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ufunx as ux
from ufunx import _native

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "bindings" / "python" / "examples"
NAMES = ("units", "lazy", "metadata", "masked")


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


units, lazy, metadata, masked = map(load, NAMES)
Quantity, Lazy, Noted, Masked = units.Quantity, lazy.Lazy, metadata.Noted, masked.Masked
X, Y = np.linspace(0.5, 3.0, 6).reshape(2, 3), np.linspace(-2.0, 3.0, 3)
both = pytest.mark.parametrize("m", [np, ux], ids=["numpy", "ufunx"])


@pytest.fixture
def kernels():
    """How many of our kernels ran since the test began."""
    before = ux.native_calls()
    return lambda: ux.native_calls() - before


# The mixin


def operators(base: type, log: list[Any]) -> Any:
    class Custom(base):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
            log.append((ufunc, method, inputs, kwargs))
            return "done"

    return Custom()


class OptOut:
    __array_ufunc__ = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


UNARY = [operator.neg, operator.pos, operator.abs, operator.invert]
ARITHMETIC = "add sub mul matmul truediv floordiv mod pow lshift rshift"
BINARY = [getattr(operator, name) for name in f"lt le eq ne gt ge {ARITHMETIC} and_ xor or_".split()]
BINARY.append(divmod)
IN_PLACE = [getattr(operator, f"i{name}") for name in f"{ARITHMETIC} and xor or".split()]


@pytest.mark.parametrize("op", UNARY + BINARY + IN_PLACE, ids=lambda op: op.__name__)
def test_operators_call_what_numpys_mixin_calls(op: Any) -> None:
    ours_log, theirs_log = [], []
    ours = operators(ux.OperatorsMixin, ours_log)
    theirs = operators(np.lib.mixins.NDArrayOperatorsMixin, theirs_log)
    for operand in (1, X, np.float64(2), [1], None):
        calls = [lambda c: op(c)] if op in UNARY else [lambda c, o=operand: op(c, o)]
        if op in BINARY:
            calls.append(lambda c, o=operand: op(o, c))
        for call in calls:
            assert call(ours) == call(theirs) == "done"
            (ufunc, method, inputs, kwargs), expected = ours_log.pop(), theirs_log.pop()
            assert type(ufunc) is type(ux.add) or isinstance(operand, np.ndarray | np.generic)
            assert (ufunc, method) == expected[:2]
            assert [x is ours for x in inputs] == [x is theirs for x in expected[2]]
            assert [x is operand for x in inputs] == [x is operand for x in expected[2]]
            assert [x is ours for x in kwargs.get("out", ())] == [
                x is theirs for x in expected[3].get("out", ())
            ]
            assert kwargs.keys() == expected[3].keys()
            assert not ours_log
            assert not theirs_log


def test_the_mixin_has_what_numpys_has() -> None:
    theirs = np.lib.mixins.NDArrayOperatorsMixin
    assert {n for n in vars(ux.OperatorsMixin) if n != "__firstlineno__"} == {
        n for n in vars(theirs) if n != "__firstlineno__"
    }
    assert ux.OperatorsMixin.__hash__ is None
    assert ux.OperatorsMixin.__radd__.__name__ == "__radd__"
    assert ux.OperatorsMixin.__iadd__.__qualname__ == "OperatorsMixin.__iadd__"


@pytest.mark.parametrize("base", [ux.OperatorsMixin, np.lib.mixins.NDArrayOperatorsMixin])
def test_operators_give_way_to_a_class_that_opts_out(base: type) -> None:
    log: list[Any] = []
    custom, out = operators(base, log), OptOut()
    for name in ("add", "radd", "matmul", "divmod", "rdivmod", "eq", "lt", "or", "rpow"):
        assert getattr(custom, f"__{name}__")(out) is NotImplemented
    with pytest.raises(TypeError, match="unsupported operand"):
        custom + out
    assert not log
    # In place there is no giving way: the ufunc refuses.
    with pytest.raises(TypeError, match=r"operand 'OptOut' does not support ufuncs"):
        custom += out


def test_an_answer_of_the_other_class_is_python_s_to_find() -> None:
    class Answers:
        __array_ufunc__ = None

        def __radd__(self, other: Any) -> str:
            return "mine"

    assert operators(ux.OperatorsMixin, []) + Answers() == "mine"


# dispatch


@both
def test_dispatch_runs_our_kernel_for_either_ufunc(m: Any, kernels: Any) -> None:
    result = ux.dispatch(m.add, "__call__", (X, Y), {"dtype": "f4"})
    np.testing.assert_array_equal(result, np.add(X, Y, dtype="f4"), strict=True)
    assert ux.dispatch(m.add, "reduce", (X,), {"axis": None}) == X.sum()
    np.testing.assert_array_equal(ux.dispatch(m.multiply, "outer", (Y, Y), {}), np.outer(Y, Y))
    np.testing.assert_array_equal(ux.dispatch(m.add, "accumulate", (Y,), {}), np.cumsum(Y))
    np.testing.assert_array_equal(
        ux.dispatch(m.add, "reduceat", (Y, np.array([0, 2])), {}), np.add.reduceat(Y, [0, 2])
    )
    target = np.zeros(3)
    assert ux.dispatch(m.add, "at", (target, np.array([0, 0]), 1.0), {}, wrap=str) is None
    np.testing.assert_array_equal(target, [2, 0, 0])
    assert kernels() == 6


def test_a_ufunc_we_do_not_have_is_called_as_it_is() -> None:
    made = np.frompyfunc(lambda a, b: f"{a}{b}", 2, 1)
    assert ux.dispatch(made, "__call__", (1, 2), {}) == "12"
    assert ux.dispatch(made, "__call__", (1, 2), {}, unwrap=lambda x: x + 1, wrap=lambda x: [x]) == ["23"]


def test_what_is_unwrapped_and_what_is_wrapped() -> None:
    class Box:
        def __init__(self, value: Any) -> None:
            self.value = value

    def unwrap(x: Any) -> Any:
        return x.value if isinstance(x, Box) else x

    def run(ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        before = dict(kwargs)
        result = ux.dispatch(ufunc, method, inputs, kwargs, unwrap=unwrap, wrap=Box)
        assert kwargs == before
        return result

    x, mask = Box(X), Box(X > 1)
    result = run(np.exp, "__call__", x)
    assert type(result) is Box
    np.testing.assert_array_equal(result.value, ux.exp(X))
    total = run(np.add, "reduce", x, axis=None, where=mask, initial=Box(100.0))
    assert total.value == X[X > 1].sum() + 100
    # An output that was passed is returned itself, and written.
    for out in (Box(np.zeros((2, 3))), np.zeros((2, 3))):
        for passed in (out, (out,)):
            unwrap(out)[...] = 0
            assert run(np.add, "__call__", x, 1, out=passed) is out
            np.testing.assert_array_equal(unwrap(out), X + 1)
    out = Box(np.zeros((2, 3)))
    fraction, exponent = run(np.frexp, "__call__", x, out=(out, None))
    assert fraction is out
    assert type(exponent) is Box
    np.testing.assert_array_equal(out.value, np.frexp(X)[0])
    np.testing.assert_array_equal(exponent.value, np.frexp(X)[1])
    assert [type(r) for r in run(np.divmod, "__call__", x, 2)] == [Box, Box]
    assert type(run(np.add, "__call__", x, 1, out=None)) is Box
    # Without wrap, results are as they come.
    assert type(ux.dispatch(np.add, "__call__", (x, 1), {}, unwrap=unwrap)) is np.ndarray
    with pytest.raises(TypeError, match="bogus"):
        run(np.add, "__call__", x, 1, bogus=2)


# The examples


@both
def test_units(m: Any, kernels: Any) -> None:
    way, time = Quantity(X, m=1), Quantity(Y, s=1)
    speed = way / time
    np.testing.assert_array_equal(speed.value, X / Y)
    assert speed.unit == {"m": 1, "s": -1}
    assert kernels() == 1
    for ours, value, unit in [
        (m.multiply(way, speed), X * (X / Y), {"m": 2, "s": -1}),
        (m.sqrt(way * way), np.sqrt(X * X), {"m": 1}),
        (m.add(way, way), X + X, {"m": 1}),
        (m.maximum.reduce(way, axis=1), X.max(axis=1), {"m": 1}),
        (m.add.reduce(way, axis=None, initial=Quantity(1.0, m=1)), X.sum() + 1, {"m": 1}),
        (m.add.accumulate(way), np.cumsum(X, axis=0), {"m": 1}),
        (2 * -way, -2 * X, {"m": 1}),
        (np.float64(3) * time, 3 * Y, {"s": 1}),
        (X * time, X * Y, {"s": 1}),
    ]:
        assert type(ours) is Quantity
        np.testing.assert_array_equal(ours.value, value)
        assert ours.unit == unit
    assert kernels() >= 11  # an array as the start value may be NumPy's to take
    before = kernels()
    plain = way / Quantity(2.0, m=1)
    np.testing.assert_array_equal(plain, X / 2, strict=True)
    np.testing.assert_array_equal(way > Quantity(1.0, m=1), X > 1, strict=True)
    assert kernels() == before + 2
    same = way
    way *= time
    assert way is same
    assert way.unit == {"m": 1, "s": 1}
    for wrong in (
        lambda: m.add(way, time),
        lambda: m.exp(way),
        lambda: time + 1,
        lambda: m.add.reduce(time, initial=1.0),
    ):
        with pytest.raises(ValueError, match="of the units"):
            wrong()
    for unknown in (
        lambda: m.arcsinh(time),
        lambda: m.add(time, "s"),
        lambda: m.multiply.reduce(time),
        lambda: m.add(time, time, out=np.zeros(3)),
    ):
        with pytest.raises(TypeError, match="NotImplemented"):
            unknown()


@both
def test_lazy(m: Any, kernels: Any) -> None:
    x = Lazy.of(X)
    e = m.exp(x)
    total = m.add.reduce(e * 2 - e, axis=0)
    assert type(total) is Lazy
    assert str(total) == "add.reduce(subtract(multiply(exp(<float64>), 2), exp(<float64>)), axis=0)"
    assert kernels() == 0
    expected = np.add.reduce(ux.exp(X) * 2 - ux.exp(X), axis=0)
    before = kernels()
    np.testing.assert_array_equal(total.compute(), expected)
    assert total.compute() is total.compute()
    assert kernels() == before + 4
    masked_sum = m.add.reduce(x, axis=None, where=x > 1)
    assert masked_sum.compute() == X[X > 1].sum()
    np.testing.assert_array_equal((Y @ Lazy.of(Y)).compute(), Y @ Y)
    for refused in (lambda: m.add(x, 1, out=X.copy()), lambda: m.divmod(x, 2), lambda: m.add.at(x, 0, 1)):
        with pytest.raises(TypeError, match="NotImplemented"):
            refused()


@both
def test_metadata(m: Any, kernels: Any) -> None:
    a, b = Noted(X, station="north", year=2024), Noted(Y, station="south", unit="mm")
    for ours, values, notes in [
        (m.sqrt(a), np.sqrt(X), a.notes),
        (m.add(a, b), X + Y, {"station": "north", "year": 2024, "unit": "mm"}),
        (b + a, X + Y, {"station": "south", "year": 2024, "unit": "mm"}),
        (1 - b, 1 - Y, b.notes),
        (X * b, X * Y, b.notes),
        (m.minimum.reduce(a, axis=None), X.min(), a.notes),
        (m.multiply.outer(b, Y), np.multiply.outer(Y, Y), b.notes),
    ]:
        assert type(ours) is Noted
        np.testing.assert_array_equal(ours.values, values)
        assert ours.notes == notes
    assert kernels() == 7
    quotient, rest = m.divmod(a, 2)
    np.testing.assert_array_equal(quotient.values, X // 2)
    np.testing.assert_array_equal(rest.values, X % 2)
    assert quotient.notes == rest.notes == a.notes
    c = same = Noted(X.copy(), year=1999)
    c += b
    assert c is same
    np.testing.assert_array_equal(c.values, X + Y)
    assert c.notes == {"year": 1999, "station": "south", "unit": "mm"}
    counts = Noted(np.zeros(3))
    assert m.add.at(counts, [0, 0, 2], 1) is None
    np.testing.assert_array_equal(counts.values, [2, 0, 1])
    # Another class among the operands has its say.
    speed = m.multiply(a, Quantity(Y, m=1))
    assert (type(speed), type(speed.values.item())) == (Noted, Quantity)


@both
def test_masked(m: Any, kernels: Any) -> None:
    missing = X > 2
    a, b = Masked(np.where(missing, -1.0, X), missing), Masked(Y, [True, False, False])
    reference, other = np.ma.masked_array(a.data, missing), np.ma.masked_array(Y, b.missing)

    def check(ours: Any, theirs: Any) -> None:
        assert type(ours) is Masked
        np.testing.assert_array_equal(ours.missing, np.ma.getmaskarray(theirs))
        np.testing.assert_array_equal(ours.data[~ours.missing], np.ma.getdata(theirs)[~ours.missing])

    check(m.sqrt(a), np.ma.sqrt(reference))  # without a warning of the values that are missing
    check(m.add(a, b), reference + other)
    check(2 / b, 2 / other)
    check(a > 1, reference > 1)
    check(X * a, X * reference)
    assert kernels() == 5
    check(m.add.reduce(a, axis=0), reference.sum(axis=0))
    check(m.add.reduce(a, axis=None), reference.sum())
    check(m.multiply.reduce(a, axis=1, keepdims=True), reference.prod(axis=1, keepdims=True))
    check(m.maximum.reduce(a, axis=0, initial=-9.0), reference.max(axis=0))
    assert kernels() >= 9
    check(m.add.reduce(Masked(X, True), axis=0), np.ma.masked_array(X, True).sum(axis=0))
    for ours, theirs in zip(
        m.divmod(a, 2), np.ma.masked_array(np.divmod(a.data, 2), [missing] * 2), strict=True
    ):
        check(ours, theirs)
    c = same = Masked(X.copy(), X < 1)
    c += b
    assert c is same
    check(c, np.ma.masked_array(X, X < 1) + other)
    with pytest.raises(TypeError, match="NotImplemented"):
        m.add.accumulate(a)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs_by_itself(name: str, capsys: Any) -> None:
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert len(capsys.readouterr().out) > 20


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_shows_the_example_as_it_is(name: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text()
    text = (ROOT / "docs" / "custom-classes.md").read_text()
    assert f"```python\n{source}```" in text
    assert len(source.splitlines()) < 80


def test_every_way_to_a_ufunc_hands_over_the_same_object() -> None:
    seen = []

    class Keeps(ux.OperatorsMixin):
        def __array_ufunc__(self, ufunc: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(ufunc)

    class Inner:
        def __array_ufunc__(self, ufunc: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(ufunc)

    Keeps() + 1
    ux.add(Keeps(), 1)
    ux.dispatch(np.add, "__call__", (Inner(), 1), {})
    assert [ufunc is ux.add for ufunc in seen] == [True] * 3
    assert _native.ufuncs()["add"] is ux.add
