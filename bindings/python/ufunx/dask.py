"""ufunx in the workers of a Dask cluster: `client.register_plugin(ufunx.dask.Install())`.

A plugin travels to every worker, those that come later and those that are started again included. There it
turns in-place mode on, with as many threads for a call as the worker has and as much kept memory as its limit
bears, and all of it off again when it is unregistered or the worker closes.

A process may hold several workers. In-place mode is on while one of them wants it, by blocks that may
overlap; threads and memory are those of all of them together.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field

from distributed import Worker, WorkerPlugin

from . import _native
from .inplace import installed

__all__ = ["Install"]

# Of a worker's limit, what freed results may take: as ufunx itself takes it of the machine's memory.
KEPT_OF_LIMIT = 16


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
        limit = worker.memory_manager.memory_limit or sys.maxsize  # None where there is none
        share = Share(self.threads or worker.state.nthreads, limit // KEPT_OF_LIMIT)
        with ExitStack() as undo:
            undo.enter_context(installed(force=self.force))
            _process.join(worker.address, share)
            undo.callback(_process.leave, worker.address)
            _undo[worker.address] = undo.pop_all()

    def teardown(self, worker: Worker) -> None:
        if (undo := _undo.pop(worker.address, None)) is not None:  # None where `setup` failed
            undo.close()


@dataclass(frozen=True)
class Share:
    """What a worker may have: threads of a call, and bytes that are kept."""

    threads: int
    kept: int


@dataclass
class Process:
    """The settings of this process: the sum of its workers', and what was before when the last one leaves."""

    workers: dict[str, Share] = field(default_factory=dict)
    before: Share = Share(1, 0)

    def join(self, worker: str, share: Share) -> None:
        if not self.workers:
            self.before = Share(_native.num_threads(), _native.show_config()["memory_kept_at_most"])
        self.workers[worker] = share
        self.set()

    def leave(self, worker: str) -> None:
        del self.workers[worker]
        self.set()

    def set(self) -> None:
        shares = list(self.workers.values()) or [self.before]
        _native.set_num_threads(sum(share.threads for share in shares))
        _native.keep_memory(min(self.before.kept, sum(share.kept for share in shares)))


# Of this process. A plugin has none of it: it is pickled, and workers of one process may share it.
_process = Process()
_undo: dict[str, ExitStack] = {}
