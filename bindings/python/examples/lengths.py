"""Lengths in any unit: a class of values with units that has its own ufunc do the work on the numbers."""

from typing import Any

import numpy as np

import ufunx

METRES = {"m": 1.0, "km": 1000.0, "ft": 0.3048}


@ufunx.elementwise
def far(x: Any, y: Any, z: Any) -> Any:
    """The length of a vector."""
    return np.sqrt(x * x + y * y + z * z)


class Length(ufunx.OperatorsMixin):
    """`Length([1.0, 2.0], "km")`. Calls get metres."""

    def __init__(self, value: Any, unit: str = "m") -> None:
        self.value, self.unit = np.asarray(value, float), unit

    def __repr__(self) -> str:
        return f"{self.value} {self.unit}"

    def to(self, unit: str) -> "Length":
        return Length(metres(self) / METRES[unit], unit)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc not in (far, np.add, np.subtract, np.maximum, np.minimum):
            return NotImplemented  # a product of lengths is none
        return ufunx.dispatch(ufunc, method, inputs, kwargs, unwrap=metres, wrap=Length)


def metres(x: Any) -> Any:
    return x.value * METRES[x.unit] if isinstance(x, Length) else x


if __name__ == "__main__":
    east, north = Length([3.0, 6.0], "km"), Length(4000.0)
    print(far(east, north, Length(0.0, "ft")).to("km"))
