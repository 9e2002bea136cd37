"""Ufuncs of NumPy's that the registry has no loops for.

Tests of what becomes of those pick one here, so that a ufunc that is added asks for no edit of theirs.
"""

import contextlib

import numpy as np

from ufunx import _native


def lacking(nin: int = 1, nout: int = 1) -> str:
    """The name of one with so many operands that takes float64, any number of it."""
    anything = [np.array([-2.5, 0.5, 2.5])] * nin
    for name in sorted(set(dir(np)) - set(_native.records())):
        found = getattr(np, name)
        if not isinstance(found, np.ufunc) or found.signature or found.__name__ != name:
            continue
        if (found.nin, found.nout) == (nin, nout) and any(t.startswith("d" * nin) for t in found.types):
            with contextlib.suppress(FloatingPointError), np.errstate(all="raise"):
                found(*anything)
                return name
    raise LookupError(f"the registry has every ufunc of {nin} inputs and {nout} outputs")
