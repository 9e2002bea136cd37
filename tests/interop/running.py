"""How the calls of a case are run to their end, and how our kernels are counted meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import ufunx

# Runs a call to its end; the result and how many of our kernels ran in it.
Run = Callable[[Callable[[], Any]], tuple[Any, int]]


@contextmanager
def here() -> Iterator[Run]:
    """Calls that are done when they return."""

    def run(call: Callable[[], Any]) -> tuple[Any, int]:
        before = ufunx.native_calls()
        result = call()
        return result, ufunx.native_calls() - before

    yield run


def lazily(compute: Callable[[Any], Any], native_calls: Callable[[], int]) -> Run:
    """Count while the answer is computed: building the graph calls the ufunc too, on samples."""

    def run(call: Callable[[], Any]) -> tuple[Any, int]:
        lazy = call()
        several = lazy if isinstance(lazy, tuple) else (lazy,)
        before = native_calls()
        computed = [compute(one) for one in several]
        count = native_calls() - before
        results = tuple(
            SimpleNamespace(kind=type(one), chunks=getattr(one, "chunks", None), value=value)
            for one, value in zip(several, computed, strict=True)
        )
        return (results if isinstance(lazy, tuple) else results[0]), count

    return run


@contextmanager
def threads() -> Iterator[Run]:
    yield lazily(lambda lazy: lazy.compute(scheduler="threads"), ufunx.native_calls)


@contextmanager
def two_workers(**options: Any) -> Iterator[Any]:
    """A cluster of two processes and its client."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", **options
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def distributed() -> Iterator[Run]:
    with two_workers() as client:
        yield lazily(
            lambda lazy: client.compute(lazy).result(),
            lambda: sum(client.run(ufunx.native_calls).values()),
        )
