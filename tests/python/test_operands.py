"""Operands that are no arrays yet: sequences, objects with `__array__`; and whose wrap a result gets."""

import itertools
from typing import ClassVar

import numpy as np
import pytest

import ufunx as ux


class Answers:
    """An object that NumPy makes an array of, and counts how often it is asked."""

    asked = 0

    def __array__(self, dtype=None, copy=None):
        self.asked += 1
        return np.array([1.0, 4.0, 9.0])


class Interface:
    """One that says where its memory is."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


class Struct(Interface):
    @property
    def __array_struct__(self):
        return self.array.__array_struct__

    __array_interface__ = None  # type: ignore[assignment]


def wrapper(priority, answer=True):
    """A class whose instances are no arrays and wrap results, or refuse to."""

    class Wrapper(Answers):
        contexts: ClassVar[list[object]] = []

        def __array_wrap__(self, array, context=None, return_scalar=False):
            self.contexts.append(context)
            return type(self).__name__, array, return_scalar

    if not answer:
        Wrapper.__array_wrap__ = None
    if priority is not None:
        Wrapper.__array_priority__ = priority
    Wrapper.__name__ = f"Wrapper{priority}"
    return Wrapper


OPERANDS = {
    "list": lambda: [1.0, 2, True],
    "nested": lambda: [[1, 2, 3], (4, 5, 6)],
    "range": lambda: range(3),
    "array": lambda: np.array([1.0, 2, 3]),
    "masked": lambda: np.ma.masked_array([1.0, 2, 3], [False, True, False]),
    "number": lambda: 2.5,
    "scalar": lambda: np.float32(2),
    "swapped": lambda: np.array([1, 2, 3], ">i2"),
    "object": Answers,
    "interface": lambda: Interface(np.array([1, 2, 3], "i4")),
    "struct": lambda: Struct(np.array([1, 2, 3], "f4")),
    "wraps": lambda: wrapper(None)(),
    "wraps first": lambda: wrapper(15)(),
    "wraps last": lambda: wrapper(-5)(),
    "refuses": lambda: wrapper(3, answer=False)(),
}


def plain(result):
    """A result that can be compared: what made it, the values, the dtype."""
    if isinstance(result, tuple):
        return tuple(plain(part) for part in result)
    if isinstance(result, np.ndarray | np.generic):
        return type(result), np.asarray(result).dtype.char, np.asarray(result).tolist()
    return result


@pytest.mark.parametrize("mode", ["by name", "in place"])
@pytest.mark.parametrize(("one", "other"), [*itertools.product(OPERANDS, repeat=2)])
def test_whose_type_a_result_has(one, other, mode):
    if (
        mode == "by name"
        and "wraps last" in (one, other)
        and {one, other} & {"object", "interface", "struct"}
    ):
        pytest.skip(
            "an array over a foreign object's memory outranks a negative priority, docs/foreign-arrays.md"
        )
    operands = OPERANDS[one](), OPERANDS[other]()
    expected = plain(np.multiply(*operands))
    before = ux.native_calls()
    if mode == "by name":
        found = ux.multiply(*operands)
    else:
        with ux.installed():
            found = np.multiply(*operands)
    assert plain(found) == expected
    assert ux.native_calls() > before


def test_an_object_is_asked_once_and_told_of_the_call():
    kind = wrapper(1)
    x = kind()
    ux.add([1, 2, 3], x)
    assert x.asked == 1
    (context,) = kind.contexts
    assert context[0] is ux.add
    assert context[1][1] is x
    assert context[2] == 0


def test_errors_of_an_object_are_the_calls():
    class Wrong:
        def __array__(self, dtype=None, copy=None):
            raise LookupError("nothing here")

    for lib in (ux, np):
        with pytest.raises(LookupError, match="nothing here"):
            lib.add(Wrong(), [1])


@pytest.mark.parametrize("x", [[[1, 2], [3]], [1, [2]], ["a", 1], [None, 1], [2**64, 1], ([],), [[[]]], [{}]])
def test_what_is_no_row_of_numbers(x):
    outcomes = []
    for lib in (ux, np):
        try:
            outcomes.append(plain(lib.multiply(x, 2)))
        except Exception as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


def test_a_list_that_holds_itself():
    x: list[object] = []
    x.append(x)
    for lib in (ux, np):
        with pytest.raises((ValueError, TypeError)):
            lib.negative(x)


METHODS = {
    "reduce": lambda m: m.add.reduce([[1, 2], [3, 4]], axis=1),
    "reduce, axes": lambda m: m.add.reduce([[1, 2], [3, 4]], (0, 1)),
    "accumulate": lambda m: m.multiply.accumulate((1.5, 2, 3)),
    "reduceat": lambda m: m.add.reduceat(range(6), [0, 2, 4]),
    "reduceat by floats": lambda m: m.add.reduceat([1, 2, 3], [0.0, 1.0]),
    "outer": lambda m: m.subtract.outer([1, 2], [3.5]),
    "where": lambda m: m.add([1, 2, 3], 1, where=[True, False, True], out=np.zeros(3, int)),
    "at, a list": lambda m: m.add.at([1, 2], [0], 1),
}


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_sequences(method):
    outcomes = []
    for lib in (ux, np):
        try:
            outcomes.append(plain(METHODS[method](lib)))
        except Exception as error:
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1]


def test_at_with_a_mask_and_with_a_tuple_of_indices():
    for indices in ([True, False, True], ([0, 0],), [0, 0, 2]):
        ours, theirs = np.zeros(3), np.zeros(3)
        ux.add.at(ours, indices, 1)
        np.add.at(theirs, indices, 1)
        assert ours.tolist() == theirs.tolist()
