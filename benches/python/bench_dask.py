"""Set computations of dask.array on a cluster of this machine beside the same on stock NumPy.

    python benches/python/bench_dask.py [--workers 2] [--threads 1] [--rounds 7] [--json FILE]

One cluster of processes serves both: `ufunx.dask.Install` is registered and unregistered by turns, each round
in another order, so that whatever slows the machine for a while slows both. The answers are compared before
anything is timed, the best time of each counts, and a second series of stock says how large the noise is.

A ratio is stock's time over ours: above 1, ours is faster. Dask's own work (the graph, the messages, making
the data) is in both times, as it is in a user's.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

Computation = Callable[[Any, int, int], Any]


def roots(da: Any, n: int, chunk: int) -> Any:
    """Arithmetic and roots: memory counts."""
    x = da.linspace(0.0, 1.0, n, chunks=chunk)
    return np.square(np.sqrt(x) * 2 + 1).sum()


def waves(da: Any, n: int, chunk: int) -> Any:
    """Functions that take long: kernels count."""
    x = da.linspace(0.0, 100.0, n, chunks=chunk)
    return (np.exp(-x / 50) * np.sin(x) + np.log1p(x)).mean()


def scores(da: Any, n: int, chunk: int) -> Any:
    """Columns of a table brought to mean 0 and deviation 1, and the largest of each."""
    x = da.linspace(0.0, 1.0, n // 100 * 100, chunks=chunk // 100 * 100).reshape(-1, 100)
    table = x**2 + x
    return ((table - table.mean(axis=0)) / table.std(axis=0)).max(axis=0)


COMPUTATIONS: dict[str, Computation] = {f.__name__: f for f in (roots, waves, scores)}
SIDES = ("stock", "in place", "noise")  # the last is stock again


@contextmanager
def on(client: Any, side: str) -> Iterator[None]:
    """The workers as a side has them."""
    from ufunx.dask import Install

    if side == "in place":
        client.register_plugin(Install())
    try:
        yield
    finally:
        if side == "in place":
            client.unregister_worker_plugin("ufunx")


def time_all(client: Any, compute: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """The times of every side, or how the answers differ."""
    answers = {}
    for side in SIDES:
        with on(client, side):
            answers[side] = compute()
    if not np.allclose(answers["in place"], answers["stock"], rtol=1e-10):
        return {"differs": f"{answers['in place']!r}, not {answers['stock']!r}"}
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(rounds):
        first = turn % len(SIDES)
        for side in SIDES[first:] + SIDES[:first]:
            with on(client, side):
                start = perf_counter()
                compute()
                times[side].append(perf_counter() - start)
    best = {side: min(series) for side, series in times.items()}
    return {
        "best_s": best,
        "median_s": {side: statistics.median(series) for side, series in times.items()},
        "ratio": {side: best["stock"] / best[side] for side in SIDES[1:]},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Set dask.array on ufunx beside dask.array on stock NumPy.")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--threads", type=int, default=1, help="of each worker")
    parser.add_argument("--megabytes", type=int, default=400, help="of data in each computation")
    parser.add_argument("--chunk", type=int, default=1_000_000, help="elements in a chunk")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there too")
    args = parser.parse_args()
    import dask.array as da
    from distributed import Client, LocalCluster

    versions = f"dask {version('dask')}, NumPy {np.__version__}, Python {platform.python_version()}"
    setup = (
        f"{args.workers} workers of {args.threads} threads, {args.megabytes} MB in {args.chunk} elements each"
    )
    print(f"{versions}, {platform.machine()}, {os.cpu_count()} CPUs\n{setup}")
    print(f"{'':8}  {'stock s':>8}  {'median':>8}  {'in place':>8}  {'noise':>6}")
    rows: dict[str, dict[str, Any]] = {}
    options = {"n_workers": args.workers, "threads_per_worker": args.threads, "dashboard_address": ":0"}
    with LocalCluster(processes=True, **options) as cluster, Client(cluster) as client:
        for name, computation in COMPUTATIONS.items():
            lazy = computation(da, args.megabytes * 1_000_000 // 8, args.chunk)
            row = rows[name] = time_all(client, lazy.compute, args.rounds)
            if "ratio" in row:
                stock = f"{row['best_s']['stock']:8.2f}  {row['median_s']['stock']:8.2f}"
                print(
                    f"{name:8}  {stock}  {row['ratio']['in place']:8.2f}  {row['ratio']['noise']:6.2f}",
                    flush=True,
                )
            else:
                print(f"{name:8}  differs: {row['differs']}", flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps({"machine": versions, "setup": setup, "rows": rows}, indent=1) + "\n")
    return int(any("differs" in row for row in rows.values()))


if __name__ == "__main__":  # the workers import this module
    sys.exit(main())
