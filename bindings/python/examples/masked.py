"""Values some of which are missing: what is made of a missing value is missing, and reductions skip them."""

from typing import Any

import numpy as np

import ufunx


class Masked(ufunx.OperatorsMixin):
    """`Masked(data, missing)`: where `missing` is true there is no value, whatever `data` holds there."""

    def __init__(self, data: Any, missing: Any = False) -> None:
        self.data = np.asarray(data)
        self.missing = np.broadcast_to(missing, self.data.shape).astype(bool)

    def __repr__(self) -> str:
        return str(np.where(self.missing, "--", self.data.astype(str)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        where = values_of(kwargs.get("where", True))
        if method == "__call__" and ufunc.signature is None:
            missing = missing_of(inputs[0])
            for x in inputs[1:]:
                missing = missing | missing_of(x)
            # What lies under the mask is not computed, and so no cause of warnings.
            kwargs = {"out": (None,) * ufunc.nout, **kwargs, "where": where & ~missing}
        elif method == "reduce" and isinstance(inputs[0], Masked):
            there = where & ~inputs[0].missing
            axes = {"axis": kwargs.get("axis", 0), "keepdims": kwargs.get("keepdims", False)}
            kwargs, missing = {**kwargs, "where": there}, ~ufunx.logical_or.reduce(there, **axes)
        else:
            return NotImplemented
        result = ufunx.dispatch(
            ufunc, method, inputs, kwargs, unwrap=values_of, wrap=lambda x: Masked(x, missing)
        )
        for output in kwargs.get("out", ()):
            if isinstance(output, Masked):
                output.missing[...] = missing
        return result


def missing_of(x: Any) -> Any:
    return x.missing if isinstance(x, Masked) else np.zeros(np.shape(x), bool)


def values_of(x: Any) -> Any:
    return x.data if isinstance(x, Masked) else x


if __name__ == "__main__":
    data: Any = Masked(np.array([1.0, -1.0, 4.0]), [False, True, False])
    print(np.sqrt(data) + 1, np.add.reduce(data), data > 2)
