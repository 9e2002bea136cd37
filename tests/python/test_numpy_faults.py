"""What NumPy does wrong and we do not: docs/numpy-faults.md. A test is skipped where NumPy has mended it."""

import math
from functools import reduce

import numpy as np
import pytest

import ufunx as ux


def mended(theirs: bool) -> None:
    if theirs:
        pytest.skip(f"NumPy {np.__version__} is right here too, on this CPU at least")


def test_signbit_into_every_second_element():
    x = np.array([-1, 2, -3, 4, -5, 6, -7, 8] * 8, "f4")
    answers = []
    for lib in (ux, np):
        out = np.zeros(2 * x.size, bool)
        lib.signbit(x, out=out[::2])
        answers.append(out[::2].tolist() == (x < 0).tolist() and not out[1::2].any())
    assert answers[0]
    mended(answers[1])


def test_what_a_mask_leaves_out_of_an_overlapping_output():
    mask = np.array([True, False] * 4)
    answers = []
    for lib in (ux, np):
        memory = np.arange(16, dtype="i4")
        before = memory.copy()
        out = memory.view("i8")
        left_out = out[~mask].copy()
        lib.add(memory[:8], 1, out=out, where=mask, casting="unsafe")
        answers.append(
            out[mask].tolist() == (before[:8] + 1)[mask].tolist() and np.array_equal(out[~mask], left_out)
        )
    assert answers[0]
    mended(answers[1])


def test_at_on_read_only_memory():
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        ux.add.at(array, [0], 1)
    assert not array.any()
    try:
        np.add.at(array, [0], 1)
    except ValueError:
        mended(True)


@pytest.mark.parametrize(
    ("name", "function", "x"),
    [("arctan2", math.atan2, [5.0, 3.0, -2.0]), ("power", math.pow, [2.0, 3.0, 2.0])],
)
def test_reductions_of_loops_with_vectors(name, function, x):
    wanted = reduce(function, x)
    assert getattr(ux, name).reduce(np.array(x)) == pytest.approx(wanted, rel=1e-15)
    mended(getattr(np, name).reduce(np.array(x)) == pytest.approx(wanted, rel=1e-15))
