"""Values with a unit: the class knows what a ufunc does to units, and leaves the numbers to the engine."""

from collections.abc import Callable
from typing import Any

import numpy as np

import ufunx

Unit = dict[str, float]  # the power of each base unit, none of them 0


def combine(a: Unit, b: Unit, times: float) -> Unit:
    powers = {base: a.get(base, 0) + times * b.get(base, 0) for base in a | b}
    return {base: power for base, power in powers.items() if power}


UNIT_OF: dict[str, Callable[..., Unit]] = {
    "multiply": lambda a, b: combine(a, b, 1),
    "divide": lambda a, b: combine(a, b, -1),
    "square": lambda a: combine(a, a, 1),
    "sqrt": lambda a: {base: power / 2 for base, power in a.items()},
}
KEEP = {"add", "subtract", "maximum", "minimum", "negative", "positive", "absolute"}
COMPARE = {"less", "less_equal", "equal", "not_equal", "greater", "greater_equal"}
OF_NUMBERS = {"exp", "expm1", "log", "log1p", "sin", "cos", "tan", "arctan"}


class Quantity(ufunx.OperatorsMixin):
    """`Quantity([1.0, 2.0], m=1, s=-2)`: metres per second squared."""

    def __init__(self, value: Any, **unit: float) -> None:
        self.value, self.unit = np.asarray(value), unit

    def __repr__(self) -> str:
        return " ".join([str(self.value), *(f"{base}^{power:g}" for base, power in self.unit.items())])

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name, outputs = ufunc.__name__, kwargs.get("out", ())
        if any(unknown(x) for x in inputs) or not all(isinstance(x, Quantity) for x in outputs):
            return NotImplemented
        operands = [*inputs, kwargs["initial"]] if "initial" in kwargs else inputs
        units = [x.unit if isinstance(x, Quantity) else {} for x in operands]
        if name in UNIT_OF and method == "__call__":
            unit = UNIT_OF[name](*units)
        elif name in KEEP | COMPARE | OF_NUMBERS and method in ("__call__", "reduce", "accumulate"):
            expected = {} if name in OF_NUMBERS else units[0]
            if any(unit != expected for unit in units):
                raise ValueError(f"{name} of the units {units}")
            unit = {} if name in COMPARE else expected
        else:
            return NotImplemented
        result = ufunx.dispatch(
            ufunc, method, inputs, kwargs, unwrap=value_of, wrap=lambda x: with_unit(x, unit)
        )
        for output in outputs:
            output.unit = unit
        return result


def unknown(x: Any) -> bool:
    return not isinstance(x, Quantity | np.ndarray | np.generic | float | int)


def value_of(x: Any) -> Any:
    return x.value if isinstance(x, Quantity) else x


def with_unit(x: Any, unit: Unit) -> Any:
    return Quantity(x, **unit) if unit else x


if __name__ == "__main__":
    way: Any = Quantity(np.linspace(0.0, 8.0, 5), m=1)
    time: Any = Quantity(2.0, s=1)
    print(way / time, "|", np.sqrt(way * way), "|", np.add.reduce(way))
