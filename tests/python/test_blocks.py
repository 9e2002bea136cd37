"""The memory of new arrays: blocks that start at a cache line, owned as NumPy's own; freed ones are kept."""

import os
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import ufunx as ux

SIZES = (128, 1_000, 5_000, 100_000, 700_000)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept() -> int:
    return ux.show_config()["memory_kept"]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["f8", "f4", "?"])
def test_results_own_aligned_memory(n, dtype):
    a = np.ones((n, 2), dtype)
    for data in (a, np.asfortranarray(a), a[:, 0]):
        result, expected = ux.multiply(data, data), np.multiply(data, data)
        assert result.flags.owndata
        assert result.base is None
        assert str(result.flags) == str(expected.flags)
        assert result.strides == expected.strides
        assert sys.getsizeof(result) == sys.getsizeof(expected)
        assert result.nbytes < 1024 or result.ctypes.data % 64 == 0
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("n", SIZES)
def test_results_are_resized_pickled_and_viewed_as_any_array(n):
    result = ux.add(np.arange(n), 1)
    for length in (2 * n, n // 2, 3, 10 * n):
        expected = np.arange(1, n + 1)
        result = ux.add(np.arange(n), 1)
        result.resize(length, refcheck=False)
        expected.resize(length, refcheck=False)
        np.testing.assert_array_equal(result, expected)
        assert result.flags.owndata
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again, result)
    result.__setstate__(np.arange(7.0).__reduce__()[2])
    np.testing.assert_array_equal(result, np.arange(7.0))
    view = ux.add(np.arange(n), 1)[1:]
    np.testing.assert_array_equal(view, np.arange(2, n + 1))


def test_freed_memory_is_used_again_and_given_back():
    ux.release_memory()
    result = ux.add(np.ones(100_000), 1)
    address = result.ctypes.data
    del result
    assert kept() >= 800_000
    assert ux.add(np.ones(100_000), 1).ctypes.data == address
    assert ux.release_memory() >= 800_000
    assert kept() == 0


def test_how_much_is_kept_can_be_set():
    before = ux.keep_memory(1 << 20)
    try:
        assert ux.show_config()["memory_kept_at_most"] == 1 << 20
        ux.release_memory()
        del (_ := [ux.add(np.ones(100_000), 1)])[:]
        assert 800_000 <= kept() <= 1 << 20
        del (_ := [ux.add(np.ones(200_000), 1)])[:]  # more than may be kept
        assert kept() <= 1 << 20
        assert ux.keep_memory(0) == 1 << 20
        assert kept() == 0
        del (_ := [ux.add(np.ones(100_000), 1)])[:]
        assert kept() == 0
    finally:
        ux.keep_memory(before)
    with pytest.raises(OverflowError):
        ux.keep_memory(-1)


def test_what_is_not_wanted_goes_back():
    ux.release_memory()
    del (_ := [ux.add(np.ones(500_000), 1)])[:]
    for _ in range(100):
        ux.add(np.ones(10_000), 1)
    assert kept() < 500_000 * 8


def test_tracemalloc_sees_results():
    a = np.ones(50_000)
    tracemalloc.start()
    try:
        result = ux.add(a, 1)
        traced = tracemalloc.get_traced_memory()[0]
        assert traced >= result.nbytes
        del result
        assert tracemalloc.get_traced_memory()[0] < traced - 300_000
    finally:
        tracemalloc.stop()


def test_resident_memory_stays_within_the_bound():
    code = """
import numpy as np, ufunx as ux
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
random = np.random.default_rng(1)
data = np.ones(4_000_000)
for _ in range(10):
    ux.add(data, 1)
ux.release_memory()
before, most = resident(), ux.show_config()["memory_kept_at_most"]
for k in range(10_000):
    n = int(10 ** random.uniform(1, 5 if k % 20 else 6.6))
    a = data[:n]
    result = (ux.add, ux.sqrt, ux.exp, ux.isnan, ux.cumsum)[k % 5](*[a, a][: 2 if k % 5 == 0 else 1])
    held = result if k % 3 else None
del result, held
assert ux.show_config()["memory_kept"] <= most + (4 << 20)
assert resident() - before <= most + (64 << 20), (resident() - before, most)
ux.release_memory()
assert ux.show_config()["memory_kept"] == 0
assert resident() - before <= 64 << 20, resident() - before
"""
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("no /proc here")
    run(code)


def test_a_forked_child_has_memory_of_its_own():
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    run("""
import os, numpy as np, ufunx as ux
a = np.ones(100_000)
held = ux.add(a, 1)
del (_ := [ux.add(a, 1)])[:]
child = os.fork()
if child == 0:
    ok = ux.show_config()["memory_kept"] == 0 and (held == 2).all()
    del held
    ok = ok and all((ux.add(a, k) == 1 + k).all() for k in range(10))
    os._exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0
assert (held == 2).all() and (ux.add(a, 3) == 4).all()
""")


def test_a_program_may_allocate_otherwise():
    handler = getattr(np._core.multiarray, "get_handler_name", None)
    if handler is None:
        pytest.skip("this NumPy does not say")
    assert handler(ux.add(np.ones(10_000), 1)) == "ufunx"
    assert handler(ux.add(np.ones(10), 1)) == "default_allocator"
