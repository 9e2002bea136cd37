"""Arrays that carry notes along: a result has those of all operands, and of equal ones the left operand's."""

from typing import Any

import numpy as np

import ufunx


class Noted(ufunx.OperatorsMixin):
    """`Noted(array, station="north", year=2024)`."""

    def __init__(self, values: Any, **notes: Any) -> None:
        self.values, self.notes = np.asarray(values), notes

    def __repr__(self) -> str:
        return f"Noted({self.values}, {self.notes})"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        notes: dict[str, Any] = {}
        for x in reversed(inputs):
            notes |= notes_of(x)
        # Somebody else's class among the operands has its say in this very call, as Noted is out of it.
        result = ufunx.dispatch(
            ufunc, method, inputs, kwargs, unwrap=values_of, wrap=lambda x: Noted(x, **notes)
        )
        for output in kwargs.get("out", ()):
            notes_of(output).update(notes)
        return result


def notes_of(x: Any) -> dict[str, Any]:
    return x.notes if isinstance(x, Noted) else {}


def values_of(x: Any) -> Any:
    return x.values if isinstance(x, Noted) else x


if __name__ == "__main__":
    rain: Any = Noted(np.array([3.0, 0.5, 12.0]), unit="mm", station="north")
    print(np.sqrt(rain) + 1, np.maximum.reduce(rain), np.divmod(rain, 2.0), sep="\n")
