"""ufunx in the workers of a Dask cluster: `client.register_plugin(ufunx.dask.Install())`.

A plugin travels to every worker, those that come later and those that are started again included. There it
turns in-place mode on, with as many threads for a call as the worker has, and both off again when it is
unregistered or the worker closes.

A process may hold several workers. In-place mode is on while one of them wants it, by blocks that may
overlap; the threads are those of all of them together.
"""

from contextlib import ExitStack

from distributed import Worker, WorkerPlugin

from . import _native
from .inplace import installed

__all__ = ["Install"]


class Install(WorkerPlugin):
    """In-place mode in every worker of a cluster, until `client.unregister_worker_plugin("ufunx")`.

    `threads` is how many a call may use in a worker; without it, as many as the worker was given. Of a
    worker whose NumPy in-place mode refuses, registering raises the `ufunx.InPlaceError`, which `force`
    overrules as it does for `ufunx.install`.
    """

    name = "ufunx"

    def __init__(self, threads: int | None = None, *, force: bool = False) -> None:
        if threads is not None and threads < 1:
            raise ValueError("the number of threads must be at least 1")
        self.threads = threads
        self.force = force

    def setup(self, worker: Worker) -> None:
        with ExitStack() as undo:
            undo.enter_context(installed(force=self.force))
            _share.join(worker.address, self.threads or worker.state.nthreads)
            undo.callback(_share.leave, worker.address)
            _undo[worker.address] = undo.pop_all()

    def teardown(self, worker: Worker) -> None:
        if (undo := _undo.pop(worker.address, None)) is not None:  # None where `setup` failed
            undo.close()


class _Share:
    """The threads of this process: the sum of its workers', and what it was when the last one leaves."""

    def __init__(self) -> None:
        self.workers: dict[str, int] = {}
        self.before = 0

    def join(self, worker: str, threads: int) -> None:
        if not self.workers:
            self.before = _native.num_threads()
        self.workers[worker] = threads
        _native.set_num_threads(sum(self.workers.values()))

    def leave(self, worker: str) -> None:
        del self.workers[worker]
        _native.set_num_threads(sum(self.workers.values()) or self.before)


# Of this process. A plugin has none of it: it is pickled, and workers of one process may share it.
_share = _Share()
_undo: dict[str, ExitStack] = {}
