"""In-place mode for a while: the block form of `install` and `uninstall`."""

from collections.abc import Iterator
from contextlib import contextmanager

from . import _native


@contextmanager
def installed(*, force: bool = False) -> Iterator[None]:
    """Let NumPy's own ufuncs run on the engine inside the `with` block, in every thread.

    Blocks may be nested, overlap in threads, and lie within `install`: NumPy has its ufuncs back when the
    last block has ended and `uninstall` has followed any `install`.

    >>> import numpy, ufunx
    >>> with ufunx.installed():
    ...     before = ufunx.native_calls()
    ...     total = numpy.ones(4).sum()
    ...     ufunx.native_calls() > before
    True
    """
    _native.enter_block(force)
    try:
        yield
    finally:
        _native.leave_block()
