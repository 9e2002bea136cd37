"""Expressions that are computed when asked for: an override notes the call, `compute` runs it."""

from typing import Any

import numpy as np

import ufunx


class Lazy(ufunx.OperatorsMixin):
    """`Lazy.of(array)`, and what ufuncs make of it."""

    def __init__(self, call: Any, result: Any = None) -> None:
        self.call, self.result = call, result  # the call is None once there is a result

    @classmethod
    def of(cls, array: Any) -> "Lazy":
        return cls(None, np.asarray(array))

    def __repr__(self) -> str:
        if self.call is None:
            return f"<{self.result.dtype}>"
        ufunc, method, inputs, kwargs = self.call
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return f"{name}({', '.join([*map(str, inputs), *(f'{k}={v}' for k, v in kwargs.items())])})"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # What writes cannot be put off, and several results are several expressions.
        if "out" in kwargs or method == "at" or ufunc.nout > 1:
            return NotImplemented
        return Lazy((ufunc, method, inputs, kwargs))

    def compute(self) -> Any:
        """The value; computed once, as are those it is made of."""
        if self.call is not None:
            self.result = ufunx.dispatch(*self.call, unwrap=computed)
            self.call = None
        return self.result


def computed(x: Any) -> Any:
    return x.compute() if isinstance(x, Lazy) else x


if __name__ == "__main__":
    x = Lazy.of(np.linspace(0.0, 1.0, 5))
    mean = np.add.reduce(np.exp(x) * 2 - 1, axis=0) / 5
    print(mean, "=", mean.compute())
