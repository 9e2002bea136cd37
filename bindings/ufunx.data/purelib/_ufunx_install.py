"""`UFUNX_INSTALL=1`: in-place mode for every process that is started with it in its environment.

`ufunx_install.pth`, which is read at the start of an interpreter, imports this module where the variable is
set, and does nothing else. Neither NumPy nor ufunx is imported for it (so this lies beside the package and
not in it): a program that never uses NumPy is left alone, and in others in-place mode is on as soon as NumPy
is there.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

VARIABLE = "UFUNX_INSTALL"


class _Waiting:
    """A finder that finds NumPy, or ufunx if that comes first, and has in-place mode switched on after it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in ("numpy", "ufunx"):
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


class _Loader:
    """A module's loader, and in-place mode after it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._loader  # type: ignore[union-attr]
        self._loader.exec_module(module)
        switch_on()


def switch_on() -> None:
    """Switch it on, or say in a line why not: a program runs on stock NumPy rather than not at all."""
    try:
        import ufunx

        ufunx.install()
    except Exception as error:
        print(f"{VARIABLE}: {type(error).__name__}: {error}", file=sys.stderr)


if os.environ[VARIABLE] not in ("", "0"):
    if os.environ[VARIABLE] != "1":
        print(f"{VARIABLE}={os.environ[VARIABLE]}: neither 0 nor 1, so nothing is installed", file=sys.stderr)
    elif "numpy" in sys.modules:  # by another file of the kind
        switch_on()
    else:
        sys.meta_path.insert(0, _Waiting())
