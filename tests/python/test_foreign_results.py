"""Whose the results of calls on foreign arrays are, in dtypes that NumPy has not too; the exchange API."""

from types import SimpleNamespace

import numpy as np
import producers
import pytest
from exchange_api import exchanging
from producers import Modern, Producer
from test_foreign_calls import FORMS, assert_same, foreign

import ufunx as ux


@pytest.fixture(autouse=True)
def everything_goes_back():
    yield
    producers.assert_all_given_back()


def made(cls, **attributes):
    """What a library makes of an exported array."""
    return SimpleNamespace(
        from_dlpack=lambda exported, **keywords: cls(Producer(np.from_dlpack(exported))), **attributes
    )


class WithNamespace(Modern):
    """Of a library with the array API's namespace."""

    def __array_namespace__(self, *, api_version=None):
        return made(type(self))


class Eager(WithNamespace):
    __array_priority__ = 100


class Most(WithNamespace):
    __array_priority__ = 1000


class Less(WithNamespace):
    __array_priority__ = -5


ONE, TWO = np.array([1.0, 2, 3]), np.array([4.0, 5, 6])


def assert_of(result, cls, wanted):
    assert type(result) is cls
    array = result if cls is np.ndarray else result.producer.array
    assert_same(array, np.asarray(wanted))


@pytest.mark.parametrize("cls", [WithNamespace, Eager, Less])
def test_results_are_of_the_operands_library(cls):
    obj = cls(ONE)
    assert_of(ux.add(obj, obj), cls, ONE + ONE)
    assert_of(ux.greater(obj, 1.5), cls, ONE > 1.5)
    assert_of(ux.add(obj, 2), cls, ONE + 2)
    assert_of(ux.add(np.float64(2), obj), cls, ONE + 2)
    for part, wanted in zip(ux.divmod(obj, 2), np.divmod(ONE, 2), strict=True):
        assert_of(part, cls, wanted)
    assert_of(ux.frexp(obj)[0], cls, np.frexp(ONE)[0])
    assert_of(ux.add.reduce(obj), cls, 6.0)
    assert_of(ux.add.accumulate(obj), cls, np.cumsum(ONE))
    assert_of(ux.add.reduceat(obj, [0, 1]), cls, [1.0, 5])
    assert_of(ux.add.outer(obj, obj), cls, np.add.outer(ONE, ONE))
    assert_of(ux.exp(cls(np.array(0.0))), cls, 1.0)
    assert_of(ux.sin(cls(np.array(0.0))), cls, 0.0)


def test_the_winner():
    """The highest priority, then the leftmost; scalars never; outputs are themselves."""
    ranked = [Most(ONE), Eager(ONE), WithNamespace(ONE), Less(ONE)]
    for i, winner in enumerate(ranked):
        for loser in ranked[i:]:
            assert_of(ux.add(winner, loser), type(winner), ONE + ONE)
            assert_of(ux.add(loser, winner), type(winner), ONE + ONE)
    for first, second in ((TWO, WithNamespace(ONE)), (WithNamespace(ONE), TWO)):
        assert_of(ux.add(first, second), type(first), ONE + TWO)
    assert_of(ux.add(TWO, Less(ONE)), np.ndarray, ONE + TWO)
    assert_of(ux.add(TWO, Eager(ONE)), Eager, ONE + TWO)
    assert_of(ux.add([4.0, 5, 6], Eager(ONE)), Eager, ONE + TWO)
    assert_of(ux.add.outer(TWO, Eager(ONE)), Eager, np.add.outer(TWO, ONE))
    target = np.zeros(3)
    assert ux.add(Most(ONE), Eager(ONE), out=target) is target
    assert_of(ux.add(TWO, ONE, out=WithNamespace(target)), WithNamespace, ONE + TWO)


def test_an_object_that_wraps_results():
    """The way of before the array API; it is called with the method's own arguments."""
    calls = []

    class Wraps(Modern):
        __array_priority__ = 7

        def __array_wrap__(self, array, context=None, return_scalar=False):
            calls.append((type(array), context, return_scalar))
            return type(self)(array)

    obj = Wraps(ONE)
    assert_of(ux.add(TWO, obj), Wraps, ONE + TWO)
    assert_of(ux.greater(obj, 1.5), Wraps, ONE > 1.5)
    assert [array for array, _, _ in calls] == [np.ndarray] * 2


def test_a_subclass_of_a_type_with_an_exchange_api():
    """It is read by its own methods, which may say something else; results are as its parent makes them."""
    parent = exchanging()

    class Child(parent):
        def __dlpack__(self, **keywords):
            self.asked.append(keywords)
            return Producer(TWO).capsule()

    obj = Child(ONE)
    assert_of(ux.add(obj, 1), parent, TWO + 1)
    assert (len(obj.asked), parent.borrowed, parent.wrapped) == (1, 0, 1)


def test_an_exchange_api_makes_the_results():
    """Without a method of Python's, and each result owns its memory."""
    cls = exchanging()
    obj = cls(ONE)
    assert_of(ux.add(obj, 1), cls, ONE + 1)
    before = cls.wrapped
    assert_of(ux.greater(obj, 1.5), cls, ONE > 1.5)
    assert_of(ux.add.reduce(obj), cls, 6.0)
    assert cls.wrapped == before + 2
    assert obj.asked == []


def test_arrays_with_an_override_are_handed_the_object():
    class Takes:
        def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
            return inputs

    takes, obj = Takes(), foreign(ONE)
    assert ux.add(obj, takes) == (obj, takes)


# --- No dtype of NumPy's ---

MINI = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


def held(result):
    """A result's elements, whether it is an array of ours or the library's."""
    return result.producer.array if isinstance(result, Modern) else np.asarray(result)


@pytest.mark.parametrize("name", MINI)
@pytest.mark.parametrize("form", FORMS)
def test_calls_on_what_numpy_has_no_dtype_for(name, form):
    """The results are of the same dtype; Python's numbers take it on."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array([0.5, 1, 1.5, 2]).astype(getattr(ml_dtypes, name))
    for call in (
        lambda x, of: ux.exp(x),
        lambda x, of: ux.add(x, x),
        lambda x, of: ux.multiply(x, of(2)),
        lambda x, of: ux.multiply(of(1.5), x),
        lambda x, of: ux.maximum(x, of(True)),
        lambda x, of: ux.add.reduce(x),
        lambda x, of: ux.add.accumulate(x),
        lambda x, of: ux.add.outer(x, x),
        lambda x, of: ux.sin(x),
    ):
        result, wanted = call(foreign(array, form), lambda number: number), call(array, array.dtype.type)
        if form != "exchange":
            assert type(result) is ux.Array
            assert result.dtype == name
        assert held(result).dtype == array.dtype
        assert held(result).tobytes() == wanted.tobytes()
    assert_same(ux.isfinite(foreign(array, form)), np.isfinite(array))
    assert_same(ux.less(foreign(array, form), 1), np.less(array, 1))


PROMOTED = {
    ("bfloat16", "bool"): "bfloat16",
    ("bfloat16", "int8"): "bfloat16",
    ("bfloat16", "int16"): "float32",
    ("bfloat16", "int64"): "float64",
    ("bfloat16", "float16"): "float32",
    ("bfloat16", "float32"): "float32",
    ("bfloat16", "float64"): "float64",
    ("bfloat16", "complex64"): "complex64",
    ("bfloat16", "float8_e5m2"): "bfloat16",
    ("float8_e5m2", "float8_e4m3fn"): "float16",
    ("float8_e5m2", "float16"): "float16",
    ("float8_e4m3fn", "int8"): "float16",
}


@pytest.mark.parametrize("pair", PROMOTED, ids=str)
def test_promotion_of_what_numpy_has_not(pair):
    """To the smallest dtype that holds the values of both."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    one, other = (np.ones(3, getattr(ml_dtypes, name, name)) for name in pair)
    for first, second in ((one, other), (other, one)):
        result = held(ux.add(foreign(first), foreign(second)))
        assert result.dtype.name == PROMOTED[pair]
        assert result.astype("c16").tolist() == [2] * 3


@pytest.mark.parametrize("name", MINI)
def test_out_of_what_numpy_has_no_dtype_for(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array([0.5, 1, 1.5, 2]).astype(getattr(ml_dtypes, name))
    target = np.zeros_like(array)
    out = foreign(target)
    assert ux.exp(foreign(array), out=out) is out
    assert target.tobytes() == ux.exp(array).tobytes()


# --- The exchange API ---


def test_borrowed_for_the_call_alone():
    """The borrowing function is called and nothing else, where there is one."""
    cls = exchanging()
    obj = cls(ONE)
    assert_same(ux.add(obj, obj), ONE + ONE)
    assert cls.borrowed >= 1
    assert (cls.taken, obj.producer.made, obj.asked) == (0, 0, [])


def test_no_borrowing_function():
    cls = exchanging(borrow=None)
    obj = cls(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert cls.taken == obj.producer.made == obj.producer.deleted == 1
    assert obj.asked == []


def test_a_table_without_functions_to_read_by():
    obj = exchanging(borrow=None, from_object=None)(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert len(obj.asked) == 1


def test_a_table_of_another_version():
    """An older one of ours may hang on it; else the protocol's methods are called."""
    other = {"version": (2, 0), "borrow": None, "from_object": None, "to_object": None}  # nothing to call
    known = exchanging()
    chained = exchanging(**other, previous=known.table, base=known)
    obj = chained(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert known.borrowed == 1
    assert obj.asked == []
    twice = exchanging(**other, previous=chained.table, base=known)
    assert_same(ux.exp(twice(ONE)), ux.exp(ONE))
    assert known.borrowed == 2
    alone = exchanging(**other)
    obj = alone(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert len(obj.asked) == 1
    later = exchanging(version=(1, 99))
    assert_same(ux.exp(later(ONE)), ux.exp(ONE))
    assert later.borrowed == 1


@pytest.mark.parametrize("attribute", [None, 3, "text", object()])
def test_no_table(attribute):
    class Without(Modern):
        __dlpack_c_exchange_api__ = attribute

    obj = Without(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert len(obj.asked) == 1


def test_a_table_that_another_type_has_borrowed():
    """Its functions do not look at what they are given."""
    cls = type("Borrows", (Modern,), {"__dlpack_c_exchange_api__": exchanging().__dlpack_c_exchange_api__})
    obj = cls(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert len(obj.asked) == 1


def test_a_capsule_of_another_name():
    cls = exchanging(name=b"something else")
    obj = cls(ONE)
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert (cls.borrowed, len(obj.asked)) == (0, 1)


def test_the_table_is_the_types():
    """Not the object's."""
    obj = Modern(ONE)
    obj.__dlpack_c_exchange_api__ = FORMS["exchange"].__dlpack_c_exchange_api__
    assert_same(ux.exp(obj), ux.exp(ONE))
    assert len(obj.asked) == 1


def test_types_come_and_go():
    """What is known of a type must not be told of another that came to lie where it lay."""
    for i in range(300):
        cls = type("Passing", (Modern,), {}) if i % 2 == 0 else exchanging()
        obj = cls(ONE + i)
        assert_same(ux.add(obj, 1), ONE + i + 1)
        assert len(obj.asked) == (i + 1) % 2
        del cls, obj
