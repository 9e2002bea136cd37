"""C's `long long` beside `long`: the same memory and loops, and NumPy's name for each result."""

import numpy as np
import pytest
from function_helpers import outcome

import ufunx as ux

Q, L = np.arange(6, dtype="q"), np.arange(6, dtype="l")
U = Q.astype("Q")
CALLS = {
    "alike": (Q, Q),
    "long second": (Q, L),
    "long first": (L, Q),
    "unsigned": (U, U),
    "signs": (Q, U),
    "number": (Q, 2),
    "float": (U, 2.5),
    "scalar": (np.longlong(3), Q),
    "scalars": (np.longlong(3), np.longlong(2)),
    "scalar and number": (np.ulonglong(3), 2),
    "narrow": (Q, np.int8(3)),
    "broadcast": (Q.reshape(1, 6), U.reshape(6, 1)),
    "strided": (Q[::2], Q[::-2]),
}


def names(result: object) -> object:
    parts = result if isinstance(result, tuple) else (result,)
    # As text, in which a NaN is one, and last bits do not show.
    return [
        (type(part), np.asarray(part).dtype.char, np.array2string(np.asarray(part), precision=12))
        for part in parts
    ]


def named(ufunc: np.ufunc, args: tuple[object, ...]) -> object:
    return names(ufunc(*args))


@pytest.mark.parametrize("name", sorted(name for name in ux._UFUNCS if hasattr(np, name)))
def test_calls_name_their_results_as_numpy_does(name: str) -> None:
    ours, twin = getattr(ux, name), getattr(np, name)
    for args in CALLS.values():
        if len(args) == twin.nin or twin.nin == 1:
            args = args[: twin.nin]
            assert outcome(named, ours, args) == outcome(named, twin, args), (name, args)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "bitwise_or", "logical_and", "hypot"])
def test_methods_do_too(name: str) -> None:
    def methods(ufunc: np.ufunc) -> list[object]:
        target = Q.copy()
        if name not in ("hypot", "logical_and"):
            ufunc.at(target, [0, 1], np.array([7, 8], "q"))
        return [
            names(result)
            for result in (
                ufunc.reduce(Q),
                ufunc.reduce(U, keepdims=True),
                0 if name in ("hypot", "logical_and") else ufunc.reduce(Q, dtype="q"),
                ufunc.accumulate(U),
                ufunc.reduceat(Q, [0, 2, 5]),
                ufunc.outer(Q, L),
                ufunc.outer(U, U),
                target,
            )
        ]

    assert methods(getattr(ux, name)) == methods(getattr(np, name))


def test_they_run_on_our_loops() -> None:
    before = ux.native_calls()
    ux.add(Q, Q), ux.add(Q, L), ux.add(np.longlong(3), Q), ux.less(Q, U), ux.add.reduce(Q), ux.add.outer(Q, U)
    assert ux.native_calls() - before == 6
    assert ux.explain(ux.add, Q, Q)["loop"] == "ll->l"


def test_outputs_and_masks() -> None:
    out = np.zeros(6, "q")
    assert ux.add(L, 1, out=out) is out
    assert ux.multiply(Q, Q, out=out, where=Q > 2) is out
    np.testing.assert_array_equal(out, [1, 2, 3, 9, 16, 25])
    assert out.dtype.char == "q"


def test_subclasses_and_in_place_mode() -> None:
    class Mine(np.ndarray):
        pass

    mine = Q.view(Mine)
    assert type(ux.add(mine, 1)) is Mine
    assert ux.add(mine, mine).dtype.char == "q"
    with ux.installed():
        assert (Q + Q).dtype.char == "q"
        assert Q.sum().dtype.char == "q"
