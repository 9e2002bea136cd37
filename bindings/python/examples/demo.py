"""What ufunx is for, in half a minute: each part says what is to be seen, then shows it."""

import sys
import tempfile
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from units import Quantity

import ufunx
from ufunx import bench


def main() -> None:
    said("NumPy's ufuncs take your own class, and compute it on our kernels")
    with ufunx.installed():
        before = ufunx.native_calls()
        own_class()
        print(f"  {ufunx.native_calls() - before} native calls")

    said("An array of another library is read where it lies, and the result is of that library")
    foreign_array()

    said("NumPy code that knows nothing of ufunx runs faster in place")
    in_place()

    said("A Python function becomes a ufunc, and a function of NumPy code runs without temporaries")
    own_ufunc()

    said("Beside NumPy, on this machine, as `python -m ufunx bench` has it")
    benchmark()


def own_class() -> None:
    """A decay over time: units are checked and kept."""
    time: Any = Quantity(np.linspace(0.0, 8.0, 5), s=1)
    mass: Any = Quantity(3.0, kg=1)
    print("  mass * np.exp(-time / half_life) =", mass * np.exp(-(time / Quantity(2.0, s=1))))
    try:
        np.exp(time)
    except ValueError as error:
        print("  np.exp(time) is refused:", error)


def foreign_array() -> None:
    """A tensor of torch, or an array of Arrow."""
    if util.find_spec("torch"):
        foreign = import_module("torch").rand(1000)
        address = foreign.data_ptr()
    elif util.find_spec("pyarrow"):
        foreign = import_module("pyarrow").array(np.random.default_rng(1).random(1000))
        address = foreign.buffers()[1].address
    else:
        print("  neither torch nor pyarrow is installed")
        return
    read = ufunx.asarray(foreign)
    print(f"  {type(foreign).__module__}.{type(foreign).__name__}: its memory is at {address:#x}")
    print(f"  ufunx reads it at                 {np.asarray(read).__array_interface__['data'][0]:#x}")
    print(f"  ufunx.exp of it is a {type(ufunx.exp(foreign)).__name__}")


def in_place() -> None:
    """The same function, stock and in place by turns."""
    x = np.random.default_rng(1).random(200_000)
    best = {"stock": 1e9, "in place": 1e9}
    for _ in range(15):
        best["stock"] = min(best["stock"], seconds(signal, x))
        with ufunx.installed():
            best["in place"] = min(best["in place"], seconds(signal, x))
    stock, ours = (1e3 * best[way] for way in best)
    print(f"  stock NumPy {stock:.2f} ms, in place {ours:.2f} ms: {stock / ours:.1f} times as fast")
    with ufunx.installed(), ufunx.profile() as profile:
        signal(x)
    print("  " + str(profile).replace("\n", "\n  "))


def signal(x: np.ndarray) -> float:
    """Somebody's code."""
    wave = np.sin(40 * x) * np.exp(-x * x)
    return float(np.sqrt(wave * wave + 1).mean())


def own_ufunc() -> None:
    """An activation, made a ufunc while you wait; and the code above, fused."""
    x = np.linspace(-4.0, 4.0, 200_000, dtype="f4")
    make = ufunx.elementwise  # which is imported when it is first asked for
    start = perf_counter()
    gelu = make(activation)
    result = gelu(x)
    print(f"  {gelu!r} made and called in {1e3 * (perf_counter() - start):.1f} ms")
    with ufunx.installed():
        print("  bit for bit what its calls give one by one:", np.array_equal(result, activation(x)))
    compared("activation(x)", activation, gelu, x)
    compared("signal(x)", signal, ufunx.fuse(signal), x.astype("f8"))


def activation(x: Any) -> Any:
    """Somebody's formula."""
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def compared(
    what: str, theirs: Callable[[Any], object], ours: Callable[[Any], object], x: np.ndarray
) -> None:
    """Both by turns, the best of each."""
    rounds = [(seconds(theirs, x), seconds(ours, x)) for _ in range(15)]
    stock, made = (1e3 * min(side) for side in zip(*rounds, strict=True))
    print(f"  {what}: NumPy {stock:.2f} ms, made {made:.2f} ms: {stock / made:.1f} times as fast")


def benchmark() -> None:
    """A few ufuncs in every size, and the plot of it."""
    plot = Path(tempfile.gettempdir()) / "ufunx-demo.html"
    options = ["--ufunc", "add|exp|sin", "--dtype", "f4,f8", "--size", "10,1e3,1e5", "--time", "12s"]
    if status := bench.main([*options, "--plot", str(plot)]):
        sys.exit(status)


def said(what: str) -> None:
    print(f"\n== {what}", flush=True)


def seconds(call: Callable[[np.ndarray], object], x: np.ndarray) -> float:
    start = perf_counter()
    call(x)
    return perf_counter() - start


if __name__ == "__main__":
    main()
