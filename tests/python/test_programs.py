"""The programs of benches/programs give the same results on NumPy, in place and as `import ufunx as np`."""

import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import ufunx

RUNNER = Path(__file__).parents[2] / "benches" / "python" / "bench_programs.py"


def runner():
    spec = importlib.util.spec_from_file_location("bench_programs", RUNNER)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks for its module there
    spec.loader.exec_module(module)
    return module


bench = runner()
SMALL = 0.02  # of the data that the bench has


def program(name):
    try:
        return bench.Program(name, SMALL)
    except ModuleNotFoundError as missing:
        pytest.skip(str(missing))


def test_the_list_is_frozen():
    assert len(bench.names()) == 24


@pytest.mark.parametrize("name", bench.names())
def test_results_are_equal_every_way(name):
    here = program(name)
    expected = here.run(bench.STOCK)
    for way in (*bench.OURS, bench.AGAIN):
        assert bench.difference(expected, here.run(way), here.tolerance) == "", way.label


@pytest.mark.parametrize("name", bench.names())
def test_a_run_leaves_its_data_as_it_was(name):
    here = program(name)
    before = pickle.dumps(here.data)
    here.run(bench.STOCK)
    assert pickle.dumps(here.data) == before


def test_the_ways_are_what_they_say():
    here = program("heat")
    counts = {}
    for way in bench.WAYS:
        before = ufunx.native_calls()
        here.run(way)
        counts[way.label] = ufunx.native_calls() - before
    assert counts[bench.STOCK.label] == counts[bench.AGAIN.label] == 0
    assert all(counts[way.label] > 0 for way in bench.OURS)
    # `np` is ufunx in the one module only, and operators of arrays are in-place mode's alone
    assert counts["as np 1t"] < counts["in place 1t"]


@pytest.mark.parametrize(
    ("expected", "got", "tolerance", "equal"),
    [
        ((np.array([1.0, np.nan, np.inf]),), (np.array([1.0, np.nan, np.inf]),), 0, True),
        ((np.array([1e-9, 1.0]),), (np.array([2e-9, 1.0]),), 1e-8, True),
        ((np.array([1e-9, 1.0]),), (np.array([2e-9, 1.0]),), 1e-10, False),
        ((np.array([np.nan, 1.0]),), (np.array([1.0, 1.0]),), 1, False),
        ((np.array([1.0, 1.0]),), (np.array([np.nan, 1.0]),), 1, False),
        ((np.array([np.inf, 1.0]),), (np.array([-np.inf, 1.0]),), 1, False),
        ((np.array([1, 2]),), (np.array([1, 3]),), 1, False),
        ((np.array([1, 2]),), (np.array([1, 2], "i4"),), 1, False),
        ((np.array([1, 2]),), (np.array([[1, 2]]),), 1, False),
        ((np.float64(1),), (1.0,), 1, False),
        ((1, 2), (1,), 1, False),
    ],
)
def test_a_difference_is_found(expected, got, tolerance, equal):
    assert (bench.difference(expected, got, tolerance) == "") is equal
