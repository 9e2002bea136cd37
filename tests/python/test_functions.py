"""NumPy's functions that are ours: on the same calls they give what NumPy's give, natively where said."""

import copy
import functools
import itertools
import pickle
import random
import warnings

import numpy as np
import pytest
from function_helpers import NAMES, Failing, Recorder, Refuser, assert_same, check, outcome

import ufunx as ux

# Functions that take two arrays at least.
OF_TWO = ("allclose", "array_equal", "isclose")
REDUCTIONS = ["sum", "prod", "max", "amax", "min", "amin", "any", "all", "mean", "var", "std"]


def natively(call):
    """Calls of native kernels."""
    before = ux.native_calls()
    call()
    return ux.native_calls() - before


# Values whose sums are exact, so that they do not depend on the order of adding.
DTYPES = ["?", "i1", "u1", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c16", "O", ">f8", "g"]


def random_array(rng, dtype, largest=6):
    """Of any layout, with a few odd values; no -0.0 beside 0.0, as either is the smallest."""
    shape = tuple(rng.randint(0, largest) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])))
    values = np.array([rng.randint(1, 9) for _ in range(int(np.prod(shape)))]).reshape(shape)
    array = values.astype(dtype)
    if array.size and rng.random() < 0.3:
        array.flat[rng.randrange(array.size)] = 0
    elif array.dtype.kind == "f" and array.size and rng.random() < 0.15:
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -np.inf, -0.0])
    if array.ndim > 1 and rng.random() < 0.3:
        array = np.asfortranarray(array)
    if array.ndim and rng.random() < 0.3:
        array = array[:: rng.choice([-1, 2])]
    if array.ndim > 1 and rng.random() < 0.2:
        array = array.T
    return array


def random_axis(rng, ndim):
    choices = [None, 0, -1, 1, ndim]
    if ndim > 1:
        choices += [(0, 1), (), (0, 0), (-1,)]
    return rng.choice(choices)


def random_arguments(rng, name, array):
    kwargs = {}

    def maybe(keyword, value, chance=0.25):
        if rng.random() < chance:
            kwargs[keyword] = value() if callable(value) else value

    maybe("axis", lambda: random_axis(rng, array.ndim), 0.5)
    mask = lambda: rng.choice([True, np.arange(array.shape[-1]) % 2 == 0 if array.ndim else np.True_, [True]])  # noqa: E731
    if name in REDUCTIONS:
        maybe("keepdims", lambda: rng.choice([True, False, np._NoValue]))
        maybe("where", mask, 0.12)
    if name in ("sum", "prod", "mean", "var", "std", "cumsum", "cumprod"):
        maybe("dtype", lambda: rng.choice(["f8", "f4", np.int64, float, None, "c16"]), 0.2)
    if name in ("sum", "prod", "max", "min", "amax", "amin"):
        maybe("initial", lambda: rng.choice([0, 2, 1.5, None]), 0.15)
    if name in ("var", "std"):
        maybe("ddof", lambda: rng.choice([0, 1, 1.5, 3, np.int64(1)]), 0.4)
        maybe("correction", lambda: rng.choice([0, 1]), 0.1)
    if name not in ("cumsum", "cumprod"):  # whose outputs of another shape crash NumPy
        maybe("out", lambda: rng.choice([None, np.zeros(()), np.zeros(array.shape[1:])]), 0.06)
    return kwargs


@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum", "cumprod"])
def test_random_calls(name):
    rng = random.Random(name)
    for _ in range(400):
        array = random_array(rng, rng.choice(DTYPES))
        if name in ("prod", "cumprod"):
            array = np.where(array == 0, array, array.astype(bool)).astype(array.dtype)
        kwargs = random_arguments(rng, name, array)
        if name == "cumsum" or name == "cumprod":
            kwargs.pop("keepdims", None)
        if name in ("mean", "var", "std") and array.ndim > 1 and array.dtype.kind in "fcg":
            # Sums of what was divided are not exact: only along the last axis are they in NumPy's order.
            array = np.ascontiguousarray(array)
            kwargs["axis"] = -1
        frozen = copy.deepcopy(kwargs)
        check_with_out(name, array, kwargs, frozen)


def check_with_out(name, array, kwargs, frozen):
    """As `check`, each side with an output of its own."""
    (got, warned), (wanted, warned_too) = (
        outcome(getattr(module, name), array, **own) for module, own in ((ux, kwargs), (np, frozen))
    )
    note = f"{name}({array!r}, {frozen!r}): {got!r}, not {wanted!r}"
    assert warned == warned_too, note
    try:
        assert_same(got, wanted)
        if kwargs.get("out") is not None:
            assert_same(kwargs["out"], frozen["out"])
    except AssertionError as error:
        raise AssertionError(note) from error


BOUNDS = [None, 0, 2, 3, 7, -1, 300, -(2**40), 2**70, 2.0, 2.5, -0.0, np.nan, np.inf, 1e300, True]
BOUNDS += [np.float64(3), np.int8(2), np.float32(2.5), [2, 3], np.arange(3)]


def test_random_clips():
    rng = random.Random("clip")
    for _ in range(1500):
        array = random_array(rng, rng.choice(DTYPES), largest=70 if rng.random() < 0.1 else 4)
        low, high = rng.choice(BOUNDS), rng.choice(BOUNDS)
        args, kwargs = rng.choice(
            [((low, high), {}), ((), {"min": low, "max": high}), ((), {"min": low}), ((low,), {"max": high})]
            + [((), {"a_min": low, "a_max": high})] * 3
        )
        frozen = dict(kwargs)
        if rng.random() < 0.2:
            out = rng.choice(
                [array, np.zeros_like(array), np.zeros(array.shape, rng.choice(["f8", "i1"])), None]
            )
            kwargs["out"], frozen["out"] = copy.copy(out), copy.copy(out)
        if rng.random() < 0.05:
            kwargs["dtype"] = frozen["dtype"] = "f8"
        partials = [functools.partial(m.clip, array.copy(order="K"), *args) for m in (ux, np)]
        (got, warned), (wanted, warned_too) = (
            outcome(call, **own) for call, own in zip(partials, (kwargs, frozen), strict=True)
        )
        note = f"clip({array!r}, *{args!r}, **{frozen!r}): {got!r}, not {wanted!r}"
        assert warned == warned_too, note
        try:
            assert_same(got, wanted)
        except AssertionError as error:
            raise AssertionError(note) from error


def test_clip_in_place():
    for dtype in ("f4", "f8", "i2", "u8"):
        array = np.arange(100).astype(dtype)
        assert natively(lambda array=array: ux.clip(array, 20, 60, out=array)) == 1
        np.testing.assert_array_equal(array, np.clip(np.arange(100), 20, 60).astype(dtype))


SIDES = [0, 1, -1, 300, 2**40, 2.5, -0.0, np.nan, 1e300, 1e-320, True, 2j, "a", None]
SIDES += [np.float64(3), np.float32(2), np.int64(4), [1, 2], np.array(3.0)]


def random_side(rng, condition):
    """A number, or an array that broadcasts with the condition."""
    if rng.random() < 0.4:
        return rng.choice(SIDES)
    like = np.array(condition, dtype=rng.choice(DTYPES))
    if like.size and like.ndim and rng.random() < 0.2:
        like = like[..., :1] if rng.random() < 0.5 else np.asarray(like[0])
    return np.asarray(like + 1).astype(like.dtype)


def test_random_choices():
    rng = random.Random("where")
    for _ in range(2000):
        condition = random_array(
            rng, rng.choice(["?", "?", "?", "?", "f8", "O"]), 70 if rng.random() < 0.1 else 4
        )
        with warnings.catch_warnings(action="ignore"):
            sides = [random_side(rng, condition) for _ in range(2)]
        check("where", condition, *sides[: rng.choice([2, 2, 2, 2, 2, 2, 2, 2, 1, 0])])


@pytest.mark.parametrize("name", ["round", "around"])
def test_random_roundings(name):
    rng = random.Random(name)
    for _ in range(400):
        array = random_array(rng, rng.choice(DTYPES))
        if array.dtype.kind == "f":
            array = array / array.dtype.type(4)
        kwargs = {"decimals": rng.choice([0, 1, -1, 2, 2**40, 1.0, None])} if rng.random() < 0.5 else {}
        check(name, array, **kwargs)


# What is ours, natively


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "?"])
def test_plain_calls_run_on_our_kernels(name, dtype):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    calls = {
        "clip": lambda: ux.clip(array, np.dtype(dtype).type(2), np.dtype(dtype).type(5)),
        "where": lambda: ux.where(array.astype(bool), array, array),
        "trapezoid": lambda: ux.trapezoid(array[0]),
    }
    arrays = (array,) * (2 if name in OF_TWO else 1)
    call = calls.get(name, lambda: getattr(ux, name)(*arrays))
    of_bools = ("clip", "round", "around")
    of_integers = ("round", "around", "isclose", "allclose", "nan_to_num", "trapezoid")
    if name == "ptp" and dtype == "?":
        with pytest.raises(TypeError):
            call()
    elif (dtype == "?" and name in of_bools) or (dtype in ("i8", "?") and name in of_integers):
        assert natively(call) == 0  # NumPy's
    else:
        assert natively(call) > 0


def test_mean_of_exp_is_wholly_ours():
    f = lambda x: ux.mean(ux.exp(x))  # noqa: E731
    x = np.linspace(-1, 1, 11)
    np.testing.assert_array_max_ulp(f(x), np.mean(np.exp(x)), 1)
    assert natively(lambda: f(x)) == 2


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 127, 128, 129, 1000, 1024, 1025, 4000])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u1", "?"])
@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_moments_are_numpys_bit_for_bit(name, dtype, n):
    rng = np.random.default_rng(n)
    values = rng.integers(0, 2, n) if dtype == "?" else rng.normal(100, 30, n)
    if dtype == "i8":
        values = values * 1e15
    array = values.astype(dtype)
    check(name, array)
    check(name, array[::-1])
    if n > 1 and name != "mean":
        check(name, array, ddof=1)
        check(name, array, correction=0.5)
        check(name, array, mean=np.mean(array, keepdims=True))
    rows = np.stack([array, array[::-1]])
    check(name, rows)
    check(name, rows, axis=1)
    check(name, rows, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    "values", [[1e308, 1e308], [1e200, -1e200], [np.inf, -np.inf], [np.nan, 1], [5e-324, 0]]
)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_flags_are_reported_as_numpy_reports_them(name, dtype, values):
    with np.errstate(over="ignore"):
        array = np.array(values).astype(dtype)
    for how in ("warn", "ignore", "raise"):
        with np.errstate(all=how):
            check(name, array)
    with np.errstate(all="warn"):
        check(name, np.full(3, 1e-40, dtype))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_nothing_to_reduce(name):
    for shape in [(0,), (0, 3), (3, 0)]:
        for axis in (None, 0, -1):
            check(name, np.zeros(shape), axis=axis)
            check(name, np.zeros(shape), axis=axis, keepdims=True)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("shape", [(7,), (10, 20, 5), (3, 1, 4)])
def test_a_given_mean_counts_as_the_one_computed(name: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(3).normal(size=shape)
    for axis in (0, -1, None, tuple(range(len(shape)))):
        mean = ux.mean(x, axis=axis, keepdims=True)
        before = ux.native_calls()
        given = getattr(ux, name)(x, axis=axis, mean=mean)
        assert ux.native_calls() > before
        np.testing.assert_array_equal(given, getattr(ux, name)(x, axis=axis))
        np.testing.assert_allclose(given, getattr(np, name)(x, axis=axis, mean=mean), rtol=1e-14)
        assert type(given) is type(getattr(np, name)(x, axis=axis, mean=mean))


# Other objects


class WithMethod:
    """Has the methods that NumPy's functions look for, and says how they were called."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: (name, args, list(kwargs.items()))


class Subclass(np.ndarray):
    pass


class OwnSum(np.ndarray):
    def sum(self, axis=None, dtype=None, out=None, **kwargs):
        return "own", axis, dtype, kwargs


OTHERS = {
    "list": [[1.0, 2.0], [3.0, 5.0]],
    "tuple of ints": (3, 1, 2),
    "empty list": [],
    "float": 2.5,
    "int": 3,
    "bool": True,
    "None": None,
    "text": "abc",
    "scalar": np.float32(2.5),
    "0-d": np.array(2.5),
    "dates": np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
    "spans": np.array([1, 2], "m8[s]"),
    "matrix": np.arange(4.0).reshape(2, 2).view(np.matrix),
    "masked": np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]),
    "subclass": np.arange(3.0).view(Subclass),
    "own sum": np.arange(3.0).view(OwnSum),
    "with methods": WithMethod(),
    "memoryview": memoryview(b"abc"),
    "range": range(3),
}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"clip", "where"}))
@pytest.mark.parametrize("kind", OTHERS)
def test_other_objects(name, kind):
    calls = [{}, {"axis": 0}]
    if name in REDUCTIONS:
        calls += [{"keepdims": True}, {"axis": None, "where": True}]
    if name in ("sum", "prod"):
        calls += [{"dtype": float, "initial": 2}]
    for kwargs in calls:
        got, wanted = (outcome(getattr(m, name), OTHERS[kind], **kwargs) for m in (ux, np))
        assert got[1] == wanted[1]
        if isinstance(wanted[0], np.ma.MaskedArray):
            assert repr(got[0]) == repr(wanted[0])
        else:
            assert_same(got[0], wanted[0])


def test_a_generator_is_refused_as_numpy_does():
    for module in (ux, np):
        result, warned = outcome(module.sum, (x for x in [1, 2]))
        assert (result == 3 and warned) or result[0] is TypeError


def test_an_object_with_array_ufunc_is_handed_our_reduction():
    class Duck:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return ufunc, method, kwargs

    ufunc, method, kwargs = ux.sum(Duck(), axis=1, keepdims=True)
    assert ufunc is ux.add
    assert (method, kwargs) == np.sum(Duck(), axis=1, keepdims=True)[1:]


WRONG = [
    ((), {}),
    (([1.0],) * 12, {}),
    (([1.0],), {"bogus": 1}),
    ((), {"axis": 0}),
    (([1.0],), {"a": [1.0]}),
    ((np.ones(3),), {"axis": "x"}),
    ((np.ones(3),), {"axis": 1.0}),
    ((np.ones(3),), {"out": "x"}),
    ((np.ones(3), None, None, None, None, None, None), {"axis": 0}),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("args", "kwargs"), WRONG)
def test_wrong_calls_fail_as_numpys(name, args, kwargs):
    check(name, *args, **kwargs)


# Overrides


@pytest.mark.parametrize("name", NAMES)
def test_an_override_is_handed_numpys_function_and_the_arguments_as_they_were(name):
    recorder = Recorder()
    given = (recorder,) * (2 if name in OF_TWO else 1)
    func, types, args, kwargs = getattr(ux, name)(*given)
    assert func is getattr(np, name)
    assert (types, args, kwargs) == ((Recorder,), given, {})
    assert type(types) is type(args) is tuple
    if name not in ("where", "average", "diff", "nan_to_num", "trapezoid", *OF_TWO):
        func, types, args, kwargs = getattr(ux, name)(a=np.ones(2), out=recorder)
        assert func is getattr(np, name)
        assert kwargs.keys() == {"a", "out"}
        assert types == (np.ndarray, Recorder)


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("any", "where"), ("mean", "where"), ("var", "mean"), ("std", "where"), ("clip", "max")],
)
def test_every_relevant_argument_is_asked(name, keyword):
    recorder = Recorder()
    answers = [getattr(module, name)(np.ones(2), **{keyword: recorder}) for module in (ux, np)]
    assert answers[0][0] is answers[1][0]
    assert answers[0][1] == answers[1][1] == (np.ndarray, Recorder)
    # The mask of a sum is not asked.
    check("sum", np.ones(2), where=recorder)


def test_the_order_is_numpys():
    class A:
        def __array_function__(self, func, types, args, kwargs):
            seen.append(type(self).__name__)
            return NotImplemented

    class B(A):
        pass

    class C(A):
        pass

    class Sub(np.ndarray):
        def __array_function__(self, func, types, args, kwargs):
            seen.append("Sub")
            return NotImplemented

    sub = np.ones(2).view(Sub)
    for args in [(A(), B(), C()), (A(), C(), B()), (np.ones(2), sub, A()), (B(), A(), sub), (A(), A(), 1)]:
        orders, messages = [], []
        for module in (ux, np):
            seen = []
            with pytest.raises(TypeError) as error:
                module.where(*args)
            orders.append(seen)
            messages.append(str(error.value))
        assert orders[0] == orders[1]
        assert messages[0] == messages[1]
        assert "no implementation found for 'numpy.where' on types" in messages[0]


def test_an_override_that_raises_and_one_that_refuses():
    with pytest.raises(ValueError, match="of Failing"):
        ux.mean(Failing())
    assert ux.where(Refuser(), Recorder(), 1)[0] is np.where
    for module in (ux, np):
        types = [type(f"A{i}", (Refuser,), {}) for i in range(65)]
        function = (ux if module is ux else np._core.overrides).array_function_dispatch(lambda *args: args)
        with pytest.raises(TypeError, match="distinct argument types"):
            function(lambda *args: None)(*(each() for each in types))


def test_what_a_class_says_may_change():
    class Changing:
        pass

    changing = Changing()
    for _ in range(3):
        assert ux.sum(changing) is changing
        Changing.__array_function__ = lambda self, *args: "first"
        assert [ux.sum(changing), ux.sum(changing)] == ["first"] * 2
        Changing.__array_function__ = lambda self, *args: "second"
        assert ux.sum(changing) == "second"
        del Changing.__array_function__


def test_a_metaclass_may_answer():
    class Meta(type):
        @property
        def __array_function__(cls):
            answers.append(len(answers))
            return lambda *args: answers[-1]

    class Mine(metaclass=Meta):
        pass

    answers = []
    assert [ux.sum(Mine()), ux.sum(Mine())] == [0, 1]


def test_super_comes_back_to_numpys_implementation():
    class Sub(np.ndarray):
        def __array_function__(self, func, types, args, kwargs):
            return "sub", super().__array_function__(func, types, args, kwargs)

    assert ux.sum(np.arange(3.0).view(Sub)) == ("sub", 3.0)


@pytest.mark.parametrize(
    "name", ["zeros", "array", "arange", "ones", "eye", "asarray", "empty", "identity", "tri"]
)
def test_like_is_numpys_and_hands_numpys_function(name):
    recorder = Recorder()
    answers = [getattr(module, name)(3, like=recorder) for module in (ux, np)]
    assert answers[0] == answers[1]
    assert answers[0][0] is getattr(np, name)
    assert answers[0][1] == (Recorder,)
    check(name, 3, like=3)


@pytest.mark.parametrize("name", ["i8", "f4", "f8", "c16"])
def test_a_dtype_need_not_be_numpys_own_object(name):
    """One that was pickled is another object, as in every task that dask sends."""
    dtype = pickle.loads(pickle.dumps(np.dtype(name)))
    assert dtype is not np.dtype(name)
    x = np.arange(1, 7, dtype="i4").reshape(2, 3)
    for of in (
        lambda np: np.sum(x, axis=0, keepdims=True, dtype=dtype),
        lambda np: np.add.reduce(x, dtype=dtype),
        lambda np: np.add.accumulate(x, dtype=dtype),
        lambda np: np.add(x, x, dtype=dtype),
    ):
        assert natively(lambda: of(ux)) == 1  # noqa: B023, called at once
        assert_same(of(ux), of(np))
    swapped = np.dtype(name).newbyteorder()
    assert natively(lambda: outcome(ux.add, x, x, dtype=swapped)) == 0


@pytest.mark.parametrize("name", ["var", "std"])
def test_squares_are_summed_as_they_are_made(name):
    """In every layout, along every axis; and what is warned of is what NumPy warns of."""
    random = np.random.default_rng(7)
    for shape, axes in [
        ((5000,), [None, 0]),
        ((300, 40), [None, 0, 1, (0, 1)]),
        ((9, 8, 70), [0, 1, 2, (0, 2)]),
    ]:
        for dtype in ("f4", "f8", "i4", "?"):
            a = (random.normal(size=shape) * 9).astype(dtype)
            for array, axis in itertools.product((a, a.T, a[::2], np.asfortranarray(a)), axes):
                for kwargs in ({}, {"ddof": 1}, {"keepdims": True}):
                    got, wanted = (getattr(m, name)(array, axis, **kwargs) for m in (ux, np))
                    assert (type(got), got.dtype, got.shape) == (type(wanted), wanted.dtype, wanted.shape)
                    np.testing.assert_allclose(got, wanted, rtol=2e-5 if dtype == "f4" else 1e-13)
    check(name, np.array([1.0, np.inf] * 3000))
