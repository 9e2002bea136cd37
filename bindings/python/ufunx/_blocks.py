"""Memory for results of programs: arrays that nobody refers to any more are written again.

Fresh memory has to be mapped page by page, which takes longer than a light program does. So large results are
kept, and one that only this list refers to, as its reference count says, is the next result of its shape and
dtype. Views, buffers and whatever else uses an array's memory refer to the array. One that weak references
know is let go of: they must see it die.
"""

import sys
from collections import OrderedDict
from math import prod
from threading import Lock
from typing import Any, Final
from weakref import getweakrefcount

import numpy as np

from ._kinds import DTYPES, Shape

# Smaller ones come from memory that the allocator has at hand; so much is kept at most.
LARGE: Final = 128 * 1024
MOST: Final = 64 * 1024 * 1024

SIZES: Final = {char: dtype.itemsize for char, dtype in DTYPES.items()}
Key = tuple[Shape, str]

_lock = Lock()
_kept: OrderedDict[Key, list[Any]] = OrderedDict()
_bytes = 0


def block(shape: Shape, kind: str) -> Any:
    """An array to write a result to, None if it is too small or too large to be kept."""
    size = prod(shape) * SIZES[kind]
    if not LARGE <= size <= MOST // 4:
        return None
    key = shape, kind
    with _lock:
        arrays = _kept.get(key)
        if arrays is not None:
            for i, array in enumerate(arrays):
                if sys.getrefcount(array) <= UNUSED:
                    if is_as_made(array, shape, kind):
                        return array
                    let_go(arrays, i)
                    break
        return fresh(key, size)


def release(array: Any) -> None:
    """Keep the array no longer."""
    with _lock:
        arrays = _kept.get((array.shape, array.dtype.char), [])
        for i, kept in enumerate(arrays):
            if kept is array:
                let_go(arrays, i)
                return


def let_go(arrays: list[Any], place: int) -> None:
    global _bytes
    _bytes -= arrays[place].nbytes
    del arrays[place]


def fresh(key: Key, size: int) -> Any:
    """A new one, for which the oldest ones make room."""
    global _bytes
    while _kept and _bytes + size > MOST:
        _, oldest = _kept.popitem(last=False)
        _bytes -= sum(array.nbytes for array in oldest)
    array = np.empty(*key)
    _kept.setdefault(key, []).append(array)
    _kept.move_to_end(key)
    _bytes += size
    return array


def is_as_made(array: Any, shape: Shape, kind: str) -> bool:
    """Whether who had the array left it as it was, and has no weak reference to it."""
    flags = array.flags
    as_it_was = array.shape == shape and array.dtype.char == kind and flags.c_contiguous
    return bool(as_it_was and flags.writeable and flags.owndata and not getweakrefcount(array))


def count_unused() -> int:
    """What `sys.getrefcount` says in the loop above of an array that nothing else refers to."""
    least = 0
    for _, array in enumerate([np.empty(1)]):
        least = sys.getrefcount(array)
    return least


UNUSED: Final = count_unused()
