"""Calls on other libraries' arrays beside NumPy's and the libraries' own.

Times are the least of several rounds in which the sides alternate; a ratio is ours over the other's.
"""

import argparse
import timeit
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import ufunx

Call = Callable[..., Any]
Case = tuple[str, Call, dict[str, Call]]


def torch_cases() -> Iterator[Case]:
    """Small and large tensors."""
    torch = import_module("torch")
    torch.set_num_threads(ufunx.num_threads())
    t = torch.arange(10, dtype=torch.float32) / 10
    yield (
        "torch f32, 10: exp(t)",
        partial(ufunx.exp, t),
        {"np.exp(t)": partial(np.exp, t), "torch.exp(t)": partial(torch.exp, t)},
    )
    yield (
        "torch f32, 10: add(t, t)",
        partial(ufunx.add, t, t),
        {"np.add(t, t)": partial(np.add, t, t), "torch.add(t, t)": partial(torch.add, t, t)},
    )
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        big, out = torch.rand(10**6).to(dtype), torch.empty(10**6, dtype=dtype)
        others: dict[str, Call] = {"torch.exp(t)": partial(torch.exp, big)}
        if dtype != torch.bfloat16:
            others["ufunx.exp(ndarray)"] = partial(ufunx.exp, big.numpy())
        name = str(dtype).removeprefix("torch.")
        yield f"torch {name}, 1 M: exp(t)", partial(ufunx.exp, big), others
        yield (
            f"torch {name}, 1 M: exp(t, out=o)",
            partial(ufunx.exp, big, out=out),
            {"torch.exp(t, out=o)": partial(torch.exp, big, out=out)},
        )


def jax_cases() -> Iterator[Case]:
    """Arrays on the CPU."""
    jnp = import_module("jax.numpy")
    for n in (10, 10**6):
        x = jnp.linspace(0, 1, n, dtype=jnp.float32)
        yield (
            f"JAX f32, {n}: exp(x)",
            partial(ufunx.exp, x),
            {
                "jnp.exp(x)": partial(jnp.exp, x),
                "jnp.exp(x), done": partial(done, jnp.exp, x),
                "ufunx.exp(ndarray)": partial(ufunx.exp, np.asarray(x)),
            },
        )


def done(function: Call, x: Any) -> Any:
    """JAX returns before it has computed."""
    return function(x).block_until_ready()


def arrow_cases() -> Iterator[Case]:
    """Arrays without nulls."""
    pa = import_module("pyarrow")
    for n in (10, 10**6):
        array = np.linspace(0, 1, n, dtype="f4")
        x = pa.array(array)
        yield (
            f"PyArrow f32, {n}: exp(x)",
            partial(ufunx.exp, x),
            {"np.exp(x)": partial(np.exp, x), "ufunx.exp(ndarray)": partial(ufunx.exp, array)},
        )


def per_call(call: Call, rounds: int) -> Callable[[], float]:
    """A way to time a call once more, over as many calls as take about 10 ms."""
    timer = timeit.Timer(call)
    number, _ = timer.autorange(lambda *_: None)
    number = max(1, number // 20)
    return lambda: min(timer.repeat(rounds, number)) / number * 1e9


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")  # torch's, of what NumPy calls
    print("| call | ours ns | beside | its ns | ratio |\n|---|---|---|---|---|")
    for library in (torch_cases, jax_cases, arrow_cases):
        try:
            cases = list(library())
        except ImportError as missing:
            print(f"| {library.__name__} | | {missing} | | |")
            continue
        for name, ours, others in cases:
            for other, theirs in others.items():
                one, two = per_call(ours, 3), per_call(theirs, 3)
                times = [(one(), two()) for _ in range(rounds)]
                a, b = (min(side) for side in zip(*times, strict=True))
                print(f"| {name} | {a:.0f} | {other} | {b:.0f} | {a / b:.3f} |", flush=True)


if __name__ == "__main__":
    main()
