"""`ufunx.profile()`: which ufuncs a program calls, how often, for how long, and whether our kernels ran them.

Every call of a ufunc goes through a hook (`_hooks.py`) that reads the clock before and after. A ufunc that
calls another, by an override, has the time of the inner call taken off its own. Why a call is not native is
asked of `ufunx.explain`, once for each kind of operands.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, ClassVar

from numpy import ndarray

from . import _native
from ._hooks import around_ufuncs
from ._native import native_calls


@dataclass
class UfuncTime:
    """What one ufunc or a method of it came to. `how` counts loops that ran, and reasons against ours."""

    ufunc: str
    method: str
    count: int = 0
    native: int = 0
    ns: int = 0
    how: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return self.ufunc if self.method == "__call__" else f"{self.ufunc}.{self.method}"


class Profile(AbstractContextManager["Profile"]):
    """What was called inside the `with` block; printing it is a table. `rows` has the costliest first."""

    _runs: ClassVar[bool] = False

    def __init__(self) -> None:
        self.wall_ns = 0
        self._threads: list[_Thread] = []
        self._local = threading.local()
        self._hooks = around_ufuncs(self._call)

    def __enter__(self) -> "Profile":
        if Profile._runs:
            raise RuntimeError("a profile runs already")
        self._hooks.__enter__()
        Profile._runs = True
        self._start = perf_counter_ns()
        return self

    def __exit__(self, *error: Any) -> None:
        self.wall_ns = perf_counter_ns() - self._start
        self._hooks.__exit__(None, None, None)
        Profile._runs = False

    @property
    def rows(self) -> list[UfuncTime]:
        """The sums over all threads, the costliest first."""
        sums: dict[tuple[str, str], UfuncTime] = {}
        for (ufunc, method, is_native, *_), kind in [
            item for thread in self._threads for item in list(thread.kinds.items())
        ]:
            key = ufunc.__name__, method
            row = sums.setdefault(key, UfuncTime(*key))
            row.count += kind.count
            row.native += kind.count * is_native
            row.ns += kind.ns
            row.how[kind.how] += kind.count
        return sorted(sums.values(), key=lambda row: -row.ns)

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        rows = [
            {
                "ufunc": row.name,
                "count": row.count,
                "native": row.native,
                "total_ns": row.ns,
                "how": dict(row.how.most_common()),
            }
            for row in self.rows
        ]
        return {"wall_ns": self.wall_ns, "ufuncs": rows}

    def __str__(self) -> str:
        rows = self.rows
        count, native, ns = (sum(getattr(row, what) for row in rows) for what in ("count", "native", "ns"))
        times = f"{milliseconds(ns)} of {milliseconds(self.wall_ns)}"
        head = f"{count} calls of ufuncs, {native} of them native: {times}"
        lines = [("ufunc", "calls", "native", "total", "each", "how")]
        for row in rows:
            how = "; ".join(
                f"{what} ({n})" if len(row.how) > 1 else what for what, n in row.how.most_common(3)
            )
            total, each = milliseconds(row.ns), f"{row.ns / row.count / 1e3:.2f} µs"
            lines.append((row.name, str(row.count), str(row.native), total, each, how))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join([head, *(in_columns(line, widths) for line in lines)])

    def _call(
        self,
        original: Callable[..., Any],
        method: str,
        ufunc: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        try:
            thread = self._local.thread
        except AttributeError:
            thread = self._local.thread = _Thread()
            self._threads.append(thread)
        outer, thread.inside = thread.inside, 0
        before, start = native_calls(), perf_counter_ns()
        try:
            return original(ufunc, *args, **kwargs)
        finally:
            ns = perf_counter_ns() - start
            is_native = native_calls() > before
            key = (ufunc, method, is_native, *kinds_of(args), *kwargs)
            kind = thread.kinds.get(key)
            if kind is None:
                kind = thread.kinds[key] = _Kind(how(ufunc, method, args, kwargs, is_native))
            kind.count += 1
            kind.ns += ns - thread.inside
            thread.inside = outer + ns


class _Kind:
    """Calls of a ufunc with operands of the same kinds, in one thread."""

    __slots__ = ("count", "how", "ns")

    def __init__(self, how: str) -> None:
        self.how, self.count, self.ns = how, 0, 0


class _Thread:
    """What one thread has called, and the time of calls inside the one that is running."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[Any, ...], _Kind] = {}
        self.inside = 0


def kinds_of(args: tuple[Any, ...]) -> list[Any]:
    """What decides about a call, nearly: dtypes of arrays, and types of everything else."""
    return [x.dtype if type(x) is ndarray else type(x) for x in args]


def how(ufunc: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_native: bool) -> str:
    """In words. `explain` knows calls; of a method, it is asked about a call on the same operand."""
    if method != "__call__":
        kwargs = {}
        args = (args[0],) * ufunc.nin if method != "outer" and args else args
    try:
        plan = _native.explain(ufunc, *args, **kwargs)
    except TypeError:  # a ufunc that is neither ours nor a public one of NumPy
        return "ufunx has no such ufunc"
    if plan["path"] != "native":
        return str(plan["reason"])
    loop = f"{plan['loop']} {plan['isa']}"
    if is_native:
        return loop
    return f"would be native: {loop}" if not _native.show_config()["in_place"] else "NumPy took it"


def milliseconds(ns: int) -> str:
    return f"{ns / 1e6:.2f} ms"


def in_columns(line: tuple[str, ...], widths: list[int]) -> str:
    """Numbers to the right, words to the left."""
    cells = [
        line[0].ljust(widths[0]),
        *(cell.rjust(n) for cell, n in zip(line[1:5], widths[1:5], strict=True)),
    ]
    return "  ".join([*cells, line[5]])
