"""`where=` masks of every density and run length, around the sizes of blocks: the chosen elements as NumPy
has them, the others as they were, and nothing raised by what was left out.
"""

import warnings

import numpy as np
import pytest

import ufunx as ux

SIZES = [1, 3, 31, 32, 33, 500, 1023, 1024, 1025, 3000, 140_000]


def masks(n):
    rng = np.random.default_rng(n)
    yield "none", np.zeros(n, "?")
    yield "all", np.ones(n, "?")
    yield "one", np.arange(n) == n // 2
    yield "hundredth", rng.random(n) < 0.01
    yield "half", rng.random(n) < 0.5
    yield "most", rng.random(n) < 0.95
    yield "short runs", np.arange(n) % 20 < 10
    yield "long runs", np.arange(n) % 1500 < 700


CALLS = {
    "add": lambda lib, x, out, mask: lib.add(x, x[::-1].copy(), out=out, where=mask),
    "number": lambda lib, x, out, mask: lib.multiply(x, 2.5, out=out, where=mask),
    "strided": lambda lib, x, out, mask: lib.subtract(np.repeat(x, 2)[::2], 1.0, out=out, where=mask),
    "cast": lambda lib, x, out, mask: lib.add((x * 10).astype("i2"), x, out=out, where=mask),
    "in place": lambda lib, x, out, mask: lib.add(out, x, out=out, where=mask),
    "shifted": lambda lib, x, out, mask: lib.add(out[::-1], x, out=out, where=mask),
    "sqrt": lambda lib, x, out, mask: lib.sqrt(x, out=out, where=mask),
}


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("what", CALLS)
def test_chosen_elements_are_numpys_and_others_stay(what, n):
    x = np.random.default_rng(1).random(n) + 0.5
    for name, mask in masks(n):
        ours, theirs = np.arange(float(n)), np.arange(float(n))
        result = CALLS[what](ux, x, ours, mask)
        CALLS[what](np, x, theirs, mask)
        assert result is ours
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize("n", SIZES)
def test_what_is_left_out_raises_nothing(n):
    x = np.random.default_rng(2).random(n) + 0.5
    for name, mask in masks(n):
        y = np.where(mask, x, 0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            out = ux.divide(1.0, y, out=np.full(n, -1.0), where=mask)
            logs = ux.log(y, out=np.full(n, -1.0), where=mask)
        np.testing.assert_array_equal(out, np.divide(1.0, y, out=np.full(n, -1.0), where=mask), err_msg=name)
        assert (logs[~mask] == -1).all()
        if mask.any():
            y[np.flatnonzero(mask)[-1]] = 0.0
            with pytest.warns(RuntimeWarning, match="divide by zero encountered in divide"):
                ux.divide(1.0, y, out=out, where=mask)


@pytest.mark.parametrize("dtype", ["?", "i1", "f2", "i4", "f8", "c16"])
def test_every_size_of_item(dtype):
    x = (np.arange(2500) % 7).astype(dtype)
    for name, mask in masks(2500):
        ours, theirs = np.ones(2500, dtype), np.ones(2500, dtype)
        ux.add(x, x, out=ours, where=mask)
        np.add(x, x, out=theirs, where=mask)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_masks_of_other_layouts_and_masks_that_are_written_to():
    x, mask = np.arange(60.0).reshape(6, 10), np.arange(60).reshape(6, 10) % 3 == 0
    layouts = (mask, np.asfortranarray(mask), np.repeat(mask, 2, axis=1)[:, ::2], mask[:1], mask[:, :1])
    for given in layouts:
        for source in (x, np.asfortranarray(x), x[::-1]):
            ours, theirs = np.zeros((6, 10)), np.zeros((6, 10))
            ux.exp(source, out=ours, where=given)
            np.exp(source, out=theirs, where=given)
            np.testing.assert_allclose(ours, theirs, rtol=1e-15)
    ours, theirs = mask.copy(), mask.copy()
    ux.greater(x, 20.0, out=ours, where=ours)
    np.greater(x, 20.0, out=theirs, where=theirs)
    np.testing.assert_array_equal(ours, theirs)
