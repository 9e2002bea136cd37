"""`ufunx.dask.Install` on clusters of real processes, and a computation larger than their memory."""

import os
from contextlib import contextmanager

import numpy as np
import pytest
from running import two_workers

import ufunx as ux

FULL = os.environ.get("INTEROP") == "full"
pytestmark = pytest.mark.skipif(not FULL, reason="dask is tried by make test INTEROP=full")

# What the large computation works on; docs/dask.md says what it needs.
GIGABYTES = float(os.environ.get("UFUNX_DASK_GB", "4"))
LIMIT = 512 << 20


@contextmanager
def installed(client, **options):
    import ufunx.dask

    client.register_plugin(ufunx.dask.Install(**options))
    try:
        yield
    finally:
        client.unregister_worker_plugin("ufunx")


@pytest.fixture(scope="module")
def client():
    with two_workers(memory_limit=LIMIT) as client:
        yield client


def in_place(client):
    return list(client.run(lambda: ux.show_config()["in_place"]).values())


def native_calls(client):
    return sum(client.run(ux.native_calls).values())


def test_every_worker_is_in_place_until_it_is_unregistered(client):
    import dask.array as da

    x = da.linspace(0.0, 1.0, 100_000, chunks=10_000)
    stock = da.exp(x).sum().compute()
    assert native_calls(client) == 0
    with installed(client):
        assert in_place(client) == [True, True]
        assert not ux.show_config()["in_place"]  # here nothing was asked for
        before = native_calls(client)
        assert da.exp(x).sum().compute() == pytest.approx(stock, rel=1e-14)
        assert native_calls(client) > before + 20  # exp and sum of ten chunks, and the sum of sums
    assert in_place(client) == [False, False]
    after = native_calls(client)
    assert da.exp(x).sum().compute() == stock
    assert native_calls(client) == after


def test_threads_are_the_workers_own(client):
    before = client.run(ux.num_threads)
    with installed(client):
        assert list(client.run(ux.num_threads).values()) == [1, 1]
    assert client.run(ux.num_threads) == before
    with installed(client, threads=3):
        assert list(client.run(ux.num_threads).values()) == [3, 3]
    assert client.run(ux.num_threads) == before


def test_kept_memory_is_a_part_of_the_workers_limit(client):
    def bound():
        return ux.show_config()["memory_kept_at_most"]

    before = client.run(bound)
    with installed(client):
        assert list(client.run(bound).values()) == [LIMIT // 16] * 2
    assert client.run(bound) == before


def test_a_second_plugin_replaces_the_first(client):
    import ufunx.dask

    before = client.run(ux.num_threads)
    with installed(client, threads=2):
        client.register_plugin(ufunx.dask.Install(threads=5))
        assert list(client.run(ux.num_threads).values()) == [5, 5]
        assert in_place(client) == [True, True]
    assert in_place(client) == [False, False]
    assert client.run(ux.num_threads) == before


def test_a_worker_that_starts_again_is_in_place(client):
    with installed(client):
        pids = set(client.run(os.getpid).values())
        client.restart()
        assert pids.isdisjoint(client.run(os.getpid).values())
        assert in_place(client) == [True, True]
    assert in_place(client) == [False, False]


def test_a_ufunc_made_at_run_time_travels_to_the_workers(client):
    """It is pickled as what defines it, and each worker makes its own; no plugin is needed."""
    import dask.array as da

    f = ux.elementwise(lambda x: np.exp(x * 2.0))
    x = np.linspace(0.0, 1.0, 1000)
    expected, before = f(x), native_calls(client)
    chunks = da.from_array(x, chunks=250)
    for lazy in (chunks.map_blocks(f), f(chunks)):
        np.testing.assert_array_equal(lazy.compute(), expected)
    np.testing.assert_array_equal(client.submit(f, x).result(), expected)
    assert native_calls(client) >= before + 4


def test_workers_of_one_process_add_up():
    from distributed import Client, LocalCluster

    before = ux.num_threads()
    options = {"processes": False, "dashboard_address": ":0", "n_workers": 2, "threads_per_worker": 3}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        with installed(client):
            assert ux.show_config()["in_place"]
            assert ux.num_threads() == 6
        assert not ux.show_config()["in_place"]
        assert ux.num_threads() == before


def test_a_cluster_that_closes_ends_it():
    from distributed import Client, LocalCluster

    import ufunx.dask

    before = ux.num_threads()
    with (
        LocalCluster(processes=False, dashboard_address=":0", n_workers=1, threads_per_worker=3) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(ufunx.dask.Install())
        assert (ux.show_config()["in_place"], ux.num_threads()) == (True, 3)
    assert (ux.show_config()["in_place"], ux.num_threads()) == (False, before)


def test_there_is_at_least_one_thread():
    import ufunx.dask

    with pytest.raises(ValueError, match="must be at least 1"):
        ufunx.dask.Install(threads=0)


def test_memory_is_bounded(client):
    """Gigabytes in chunks of 32 MB: each worker's peak stays below its limit, and none is started again."""
    import dask.array as da

    pids = set(client.run(os.getpid).values())
    n = int(GIGABYTES * 1e9 / 8)
    x = da.arange(n, chunks=4_000_000, dtype="f8")
    with installed(client):
        before = native_calls(client)
        total = np.square(np.sqrt(x) * 2 + 1).sum().compute()
        assert native_calls(client) > before + 5 * x.npartitions
    # Of 4 k + 4 sqrt(k) + 1: Euler and Maclaurin's sum of roots, good to far more places than are asked for.
    m = n - 1
    roots = 2 / 3 * m**1.5 + m**0.5 / 2 - 0.2078862249773545
    assert total == pytest.approx(2 * n * m + 4 * roots + n, rel=1e-12)
    assert set(client.run(os.getpid).values()) == pids
    peaks = client.run(peak_memory).values()
    assert max(peaks) < LIMIT


def peak_memory():
    """The most that this process ever had in memory, in bytes."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
