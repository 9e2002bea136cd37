"""Which of NumPy's functions and methods may write to an operand. Of what is not listed it is not known."""

from functools import cache
from inspect import signature
from typing import Any, Final

import numpy as np

READ_ONLY_METHODS: Final = frozenset(
    """
    all any argmax argmin argpartition argsort astype choose compress conj conjugate copy cumprod cumsum
    diagonal flatten item max mean min nonzero prod ravel repeat reshape round searchsorted squeeze std sum
    swapaxes take tobytes tolist trace transpose var view
    """.split()
)
READ_ONLY_FUNCTIONS: Final = frozenset(
    """
    all allclose amax amin any append argmax argmin argsort argwhere around array_equal array_repr
    array_str atleast_1d atleast_2d atleast_3d average bincount broadcast_arrays broadcast_to column_stack
    concatenate convolve copy corrcoef correlate count_nonzero cov cross cumprod cumsum diag diagonal diff
    digitize dsplit dstack empty_like expand_dims flip fliplr flipud full_like gradient histogram hsplit
    hstack imag in1d inner interp isclose isin lexsort max mean median min moveaxis nanmax nanmean nanmin
    nanstd nansum nanvar ndim nonzero norm ones_like outer pad percentile polyfit polyval prod ptp
    quantile ravel real repeat reshape result_type roll rot90 round searchsorted shape size sort split
    squeeze stack std sum swapaxes take take_along_axis tensordot tile trace transpose trapezoid tril triu
    unique var vdot vsplit vstack where zeros_like
    """.split()
)


def function_writes(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return bool(
        function.__name__ not in READ_ONLY_FUNCTIONS
        or kwargs.get("out") is not None
        or kwargs.get("overwrite_input", False)
        or len(args) > place_of_out(function)
    )


def method_writes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return name not in READ_ONLY_METHODS or any(
        isinstance(x, np.ndarray) for x in (*args[1:], *kwargs.values())
    )


@cache
def place_of_out(function: Any) -> int:
    """The place of `out` among a function's parameters, or past them all."""
    try:
        return list(signature(function).parameters).index("out")
    except ValueError:
        return 100
