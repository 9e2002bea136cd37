from collections.abc import Sequence
from typing import Any, TypedDict

from numpy.typing import NDArray

class Config(TypedDict):
    version: str
    isa: str
    detected_isa: str
    num_threads: int
    ufuncs: int

__version__: str

def call(
    name: str,
    inputs: Sequence[Any],
    out: NDArray[Any] | tuple[NDArray[Any] | None, ...] | None = None,
) -> Any: ...
def table() -> list[str]: ...
def show_config() -> Config: ...
