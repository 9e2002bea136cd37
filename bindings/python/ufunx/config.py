"""Choices for the whole program, as attributes of this module.

>>> import ufunx
>>> ufunx.config.handoff
'table'
"""

import sys
from types import ModuleType

from . import _native


class _Config(ModuleType):
    @property
    def handoff(self) -> str:
        """Which object an override is handed as the ufunc.

        "table": ours, which carries NumPy's identity, but NumPy's own to the classes that are known to
        ask for it with `is`. "self": always ours. "numpy": always NumPy's. A class can choose for itself
        by the attribute `__ufunx_handoff__`, "self" or "numpy".
        """
        return _native.get_handoff()

    @handoff.setter
    def handoff(self, choice: str) -> None:
        _native.set_handoff(choice)


sys.modules[__name__].__class__ = _Config
