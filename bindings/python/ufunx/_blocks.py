"""Memory for results of programs: arrays that nobody refers to any more are written again.

Fresh memory has to be mapped page by page, which takes longer than a light program does. So large results are
kept, and one that only this list refers to, as its reference count says, is the next result of its shape and
dtype. Views, buffers and whatever else uses an array's memory refer to the array. One that weak references
know is let go of: they must see it die.
"""

import os
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from threading import RLock
from typing import Any, Final
from weakref import getweakrefcount

import numpy as np

from ._kinds import DTYPES, Shape

# Smaller ones come from memory that the allocator has at hand; so much is kept at most.
LARGE: Final = 128 * 1024
MOST: Final = 64 * 1024 * 1024

SIZES: Final = {char: dtype.itemsize for char, dtype in DTYPES.items()}
Key = tuple[Shape, str]

# Whatever runs while it is held, a finalizer or a signal's handler, may come here again.
_lock = RLock()
_kept: OrderedDict[Key, list[Any]] = OrderedDict()
_bytes = 0


def block(shape: Shape, kind: str) -> Any:
    """An array to write a result to, None if it is too small or too large to be kept."""
    if not LARGE <= prod(shape) * SIZES[kind] <= MOST // 4:
        return None
    key = shape, kind
    dropped: list[Any] = []  # which die without the lock, as somebody may be told
    with _lock:
        arrays = _kept.get(key)
        if arrays is not None:
            for array in arrays:
                if sys.getrefcount(array) <= UNUSED:
                    if is_as_made(array, shape, kind):
                        return array
                    let_go(key, array)
                    dropped.append(array)
                    break
    array = np.empty(shape, kind)
    with _lock:
        keep(key, array, dropped)
    return array


def release(array: Any) -> None:
    """Keep the array no longer."""
    with _lock:
        let_go((array.shape, array.dtype.char), array)


def size_of(key: Key) -> int:
    """How much an array has had when it was made. Who has it may resize it."""
    return prod(key[0]) * SIZES[key[1]]


def let_go(key: Key, array: Any) -> None:
    global _bytes
    arrays = _kept.get(key, [])
    for i, kept in enumerate(arrays):
        if kept is array:
            _bytes -= size_of(key)
            del arrays[i]
            return


def keep(key: Key, array: Any, dropped: list[Any]) -> None:
    """Note a new one, for which the oldest ones make room."""
    global _bytes
    size = size_of(key)
    while _kept and _bytes + size > MOST:
        oldest, arrays = _kept.popitem(last=False)
        _bytes -= len(arrays) * size_of(oldest)
        dropped += arrays
    _kept.setdefault(key, []).append(array)
    _kept.move_to_end(key)
    _bytes += size


def renew_lock() -> None:
    """In a child process: another thread, which is not there any more, may have held it."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_lock)


def is_as_made(array: Any, shape: Shape, kind: str) -> bool:
    """Whether who had the array left it as it was, and has no weak reference to it."""
    flags = array.flags
    as_it_was = array.shape == shape and array.dtype.char == kind and flags.c_contiguous
    return bool(as_it_was and flags.writeable and flags.owndata and not getweakrefcount(array))


@contextmanager
def untraced() -> Iterator[None]:
    """Without a debugger or a profiler, which may refer to what a function has at hand.

    References are counted so once; what has more of them later, whatever by, is taken for used.
    """
    tracer, profiler = sys.gettrace(), sys.getprofile()
    sys.settrace(None)
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(profiler)
        sys.settrace(tracer)


@untraced()
def count_unused() -> int:
    """What `sys.getrefcount` says in the loop above of an array that nothing else refers to."""
    least = 0
    for array in [np.empty(1)]:
        least = sys.getrefcount(array)
    return least


UNUSED: Final = count_unused()
