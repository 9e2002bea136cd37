"""An extension module with ufuncs of another crate: `tests/extension/check.py libufunx_extension.so`."""

import importlib.util
import pickle
import sys

# In a wheel it lies in the package.
spec = importlib.util.spec_from_file_location("ufunx._native", sys.argv[1])
assert spec is not None
assert spec.loader is not None
native = importlib.util.module_from_spec(spec)
spec.loader.exec_module(native)
sys.modules["ufunx._native"] = native

import numpy as np  # noqa: E402

import ufunx as ux  # noqa: E402

f = ux.pairwise_distance
rng = np.random.default_rng(1)
a, b = rng.random((2, 5, 3)), rng.random((4, 3))
expected = np.sqrt(((a[:, :, None] - b) ** 2).sum(-1))

before = ux.native_calls()
np.testing.assert_allclose(f(a, b), expected, rtol=1e-15)
assert ux.native_calls() == before + 1
assert ux.explain(f, a, b)["loop"] == "dd->d"
np.testing.assert_allclose(f(a.swapaxes(0, 1), b, axes=[(0, 2), (0, 1), (1, 2)]), expected, rtol=1e-15)
np.testing.assert_allclose(f([[0, 0]], [[3, 4], [0, 1]]), [[5, 1]])
out = np.empty((2, 5, 4))
assert f(a, b, out=out) is out
assert isinstance(f, np.ufunc)
assert (f.__name__, f.nin, f.nout, f.signature) == ("pairwise_distance", 2, 1, "(n,k),(m,k)->(n,m)")
assert f.types == ["dd->d"]
assert pickle.loads(pickle.dumps(f)) is f
assert "The distance of each point" in f.__doc__

# What is NumPy's to say it says, of a ufunc of its own kind, whose loops are these too.
for wrong in ((a, np.ones((4, 2))), (a, None), (a, np.ones(3)), (a.astype("D"), b)):
    try:
        f(*wrong)
    except (TypeError, ValueError) as error:
        text = str(error)
    else:
        raise AssertionError(wrong)
    assert "pairwise_distance" in text, text
assert f(a.astype("g"), b, casting="unsafe", dtype="d").shape == (2, 5, 4)
with np.errstate(over="raise"):
    try:
        f([[1e200]], [[-1e200]], casting="unsafe", signature=(None, None, "d"))
    except FloatingPointError as error:
        text = str(error)
    else:
        raise AssertionError("it overflows")
assert "pairwise_distance" in text


class Taker:
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object) -> tuple[np.ufunc, str]:
        return ufunc, method


assert f(Taker(), b) == (f, "__call__")

# One element at a time, with every method; an alias; two outputs.
assert ux.hypot2.reduce([3.0, 4.0]) == 5
assert ux.euclid2 is ux.hypot2
assert ux.hypot2.accumulate(np.ones(4))[-1] == 2
np.testing.assert_array_equal(ux.div_rem_euclid(-7, 2), (-4, 1))
np.testing.assert_allclose(ux.sigmoid(np.zeros(3, "f4")), np.full(3, 0.5, "f4"), strict=True)
assert ux.add is not np.add
assert "sigmoid" in dir(ux)
print("the extension has its ufuncs")
