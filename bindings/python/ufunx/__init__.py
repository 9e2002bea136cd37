"""NumPy's universal functions on another engine.

`import ufunx as np`: every name of NumPy's namespace resolves here. The ufuncs are objects of ufunx's own,
which behave as NumPy's do and run on native kernels; whatever those cannot do yet goes to NumPy's ufunc of
the same name with the same arguments, and `ufunx.explain` says when and why. So do `sum`, `mean` and the
others of NumPy's functions that are made of ufuncs. All other names are NumPy's.

>>> import ufunx as np
>>> np.add.reduce(np.square(np.arange(5.0)))
np.float64(30.0)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module as _import_module
from os import environ as _environ
from typing import TYPE_CHECKING, Any

import numpy as _numpy

from . import _native
from . import config as config
from ._native import Array as Array
from ._native import InPlaceError as InPlaceError
from ._native import __version__ as __version__
from ._native import array_function_dispatch as array_function_dispatch
from ._native import asarray as asarray
from ._native import cap_isa as cap_isa
from ._native import from_dlpack as from_dlpack
from ._native import install as install
from ._native import native_calls as native_calls
from ._native import num_threads as num_threads
from ._native import set_num_threads as set_num_threads
from ._native import uninstall as uninstall
from .custom import OperatorsMixin as OperatorsMixin
from .custom import dispatch as dispatch
from .inplace import installed as installed

_UFUNCS: dict[str, Any] = _native.ufuncs()
_FUNCTIONS: dict[str, Any] = _native.functions(_UFUNCS)
globals().update(_UFUNCS)
globals().update(_FUNCTIONS)

# A checker takes the names from the imports: it cannot read a list that is computed.
if TYPE_CHECKING:
    from ._profile import Profile
    from ._ufuncs import *  # noqa: F403, NumPy's other names are there too
    from ._words import Config, Explanation
    from .fusing import fuse as fuse
    from .making import elementwise as elementwise
else:
    _OURS = """
        Array InPlaceError OperatorsMixin __version__ array_function_dispatch asarray cap_isa config
        dispatch elementwise explain from_dlpack fuse install installed native_calls num_threads
        profile set_num_threads show_config threads uninstall
    """.split()
    __all__ = sorted({*_OURS, *_UFUNCS, *_numpy.__all__})


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Let calls use `n` threads inside the `with` block: those of this context, as `numpy.errstate` does.

    >>> import numpy, ufunx
    >>> with ufunx.threads(2):
    ...     ufunx.add.reduce(numpy.ones(10**6))
    np.float64(1000000.0)
    """
    if n < 1:
        raise ValueError("the number of threads must be at least 1")
    token = _native.thread_setting.set(n)
    try:
        yield
    finally:
        _native.thread_setting.reset(token)


def explain(ufunc: Any, /, *args: Any, **kwargs: Any) -> "Explanation":
    """Say how `ufunc(*args, **kwargs)` would run, in a dict that prints as text for people: on which path and
    why, by which loop, at which ISA level, over which merged axes, how each operand is read or written, on
    how many threads. For a ufunc of NumPy's it is what in-place mode makes of the call.

    >>> import numpy, ufunx
    >>> plan = ufunx.explain(ufunx.exp, numpy.ones((3, 4), "f4"))
    >>> plan["path"], plan["loop"], plan["axes"]
    ('native', 'f->f', (12,))
    >>> print(ufunx.explain(ufunx.cbrt, numpy.array([8], object)))
    cbrt goes to NumPy
      why             an operand's dtype has no native loops
      native, if you  make the operand one of float16, float32, float64
    """
    from ._words import Explanation

    return Explanation(_native.explain(ufunc, *args, **kwargs), ufunc.__name__)


def profile() -> "Profile":
    """Time every call of a ufunc inside the `with` block, whoever makes it; printed, it is a table.

    `rows` has, for each ufunc and method, how often it was called, for how long, how often natively, and by
    which loops or why not. docs/measure.md says what it does not see, and what it costs.

    >>> import numpy, ufunx
    >>> with ufunx.profile() as profile, ufunx.installed():
    ...     _ = numpy.ones(100) + 1
    >>> [(row.name, row.count, row.native) for row in profile.rows]
    [('add', 1, 1)]
    """
    from ._profile import Profile

    return Profile()


def show_config() -> "Config":
    """What this build is and does, in a dict that prints as text for people: version, instruction sets found
    on this CPU (lowest first) and the one used, threads, whether in-place mode is on, ufuncs and loops, and
    NumPy's version.

    >>> import ufunx
    >>> config = ufunx.show_config()
    >>> config["isa_used"] in config["isa_found"]
    True
    >>> config["loops"] > config["ufuncs"]
    True
    """
    from ._words import Config

    return Config(_native.show_config() | {"numpy": _numpy.__version__})


if not TYPE_CHECKING:  # a checker knows every name, and reports those that are not there
    # Imported when they are asked for, as they take longer than the rest together.
    _LATER = {"elementwise": "making", "fuse": "fusing"}

    def __getattr__(name: str) -> Any:
        if name in _LATER:
            globals()[name] = getattr(_import_module(f".{_LATER[name]}", __name__), name)
            return globals()[name]
        try:
            return getattr(_numpy, name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_numpy)})


match _environ.get("UFUNX_VERBOSE", "0"):
    case "1":
        from . import _verbose

        _verbose.start()
    case "0" | "":
        pass
    case value:
        raise ValueError(f"UFUNX_VERBOSE is {value!r}, it must be 0 or 1")
