"""Calls that NumPy's versions answer differently: ours answer as the installed one, warnings included."""

import warnings

import numpy as np
import pytest

import ufunx as ux

X = np.arange(3.0)
U1 = np.arange(3, dtype="u1")
MASK = np.array([True, False, True])

CALLS = {
    "out ellipsis": lambda m: m.add(X, 1, out=...),
    "out ellipsis of scalars": lambda m: m.add(1.0, 2.0, out=...),
    "out ellipsis of 0-d": lambda m: m.exp(np.array(1.0), out=...),
    "out ellipsis, two outputs": lambda m: m.divmod(7, 2, out=...),
    "out ellipsis in a tuple": lambda m: m.add(X, 1, out=(...,)),
    "out ellipsis by position": lambda m: m.add(X, 1, ...),
    "reduce, out ellipsis": lambda m: m.add.reduce(X, out=...),
    "reduce, out ellipsis by position": lambda m: m.add.reduce(X, 0, None, ...),
    "accumulate, out ellipsis": lambda m: m.add.accumulate(X, out=...),
    "reduceat, out ellipsis": lambda m: m.add.reduceat(X, [0, 1], out=...),
    "outer, out ellipsis": lambda m: m.add.outer(X, X, out=...),
    "where without out": lambda m: m.add(X, 1, where=MASK)[MASK],
    "where without out, by Python's False": lambda m: m.add(X, 1, where=False).shape,
    "where without out, by Python's True": lambda m: m.add(X, 1, where=True),
    "where without out, by NumPy's True": lambda m: m.add(X, 1, where=np.True_),
    "where, out None": lambda m: m.add(X, 1, where=MASK, out=None)[MASK],
    "where, out (None,)": lambda m: m.add(X, 1, where=MASK, out=(None,))[MASK],
    "where, out": lambda m: m.add(X, 1, where=MASK, out=np.zeros(3)),
    "where, out by position": lambda m: m.add(X, 1, np.zeros(3), where=MASK),
    "maximum, out by position": lambda m: m.maximum(X, 1, np.zeros(3)),
    "minimum, out None by position": lambda m: m.minimum(X, 1, None),
    "add, out by position": lambda m: m.add(X, 1, np.zeros(3)),
    "same_value": lambda m: m.add(X, 1, casting="same_value"),
    "int too large": lambda m: m.add(U1, 300),
    "int too small": lambda m: m.multiply(U1, -1),
    "int too large for int64": lambda m: m.add(np.arange(3), 2**63),
    "int too large for any": lambda m: m.add(X, 2**2000),
    "comparison with what does not fit": lambda m: m.less(U1, -1),
    "comparison with what fits nothing": lambda m: m.greater(U1, 2**100),
    "float too large": lambda m: m.add(X.astype("f4"), 1e300),
    "float with int8": lambda m: m.add(U1.astype("i1"), 1.5),
    "complex with float32": lambda m: m.add(X.astype("f4"), 1j),
    "two large ints": lambda m: m.add(2**62, 2**62),
    "uint64 with int64": lambda m: m.add(np.uint64(1), np.int64(1)),
    "outer with a Python float": lambda m: m.add.outer(X.astype("f4"), 1.5),
    "outer with a large int": lambda m: m.add.outer(U1, 300),
    "reduce, large initial": lambda m: m.add.reduce(U1, initial=300, dtype="u1"),
    "int power": lambda m: m.power(np.arange(3), -1),
    "invert of a bool": lambda m: m.invert(True),
    "negative of bools": lambda m: m.negative(MASK),
    "subtract of bools": lambda m: m.subtract(MASK, MASK),
    "bool of a string": lambda m: m.logical_and("a", "b"),
    "sign of complex": lambda m: m.sign(np.array([3 + 4j])),
    "bad casting": lambda m: m.add(X, 1, casting="bogus"),
    "bad order": lambda m: m.add(X, 1, order="Z"),
    "unknown keyword": lambda m: m.add(X, 1, bogus=1),
    "axis of a call": lambda m: m.add(X, 1, axis=0),
    "divmod reduced": lambda m: m.divmod.reduce(X),
    "at, a Python float": lambda m: at(m, X.astype("f4"), 1.5),
    "at, a large int": lambda m: at(m, U1, 300),
}


def at(module, x, value):
    x = x.copy()
    module.add.at(x, [0, 0, 2], value)
    return x


def outcome(call, module):
    """What came back or was raised, and the warnings with the file they point at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call(module)
        except Exception as error:
            shown = (type(error), str(error))
        else:
            results = result if isinstance(result, tuple) else (result,)
            shown = [(type(each), getattr(each, "dtype", None), repr(each)) for each in results]
    return shown, [(warning.category, str(warning.message), warning.filename) for warning in caught]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in CALLS.items()])
def test_as_the_installed_numpy(call):
    assert outcome(call, ux) == outcome(call, np)
