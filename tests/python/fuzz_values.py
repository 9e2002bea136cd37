"""Operands of random calls: arrays of many kinds and layouts, numbers and odd objects."""

import math
import warnings
from random import Random

import numpy as np

Shape = tuple[int, ...]

NATIVE = list("?bBhHiIlLqQefdFD") + ["?", "i8", "f4", "f8"] * 3
FOREIGN = ">i4 >f8 >f4 >u2 >c8 g G O U3 S2 M8[D] M8[s] m8[s] m8[D] >M8[s] i4,f8".split()
EDGES = [16, 32, 512, 1024, 8192]
NUMBERS = "0 1 -1 3 7 255 256 -129 65536 2**31 -2**63 2**63 2**64 10**30 10**400".split()
NUMBERS += "0.0 -0.0 1.5 -2.5 1e300 1e-300 True False 1j (2-3j)".split()
NUMBERS += "float('nan') float('inf') -float('inf')".split()
ODDITIES = "None 'a' [1,2,3] [] [[1.5],[2]] object() np.datetime64('NaT') b'x' (1,2) {}".split()

FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, np.nan, np.inf, -np.inf]
FLOATS += [1e-310, 1e-40, 6e-8, 65504.0, 3e38, 1.7e308, -7e15]
OBJECTS = [1, -2, 0, 2.5, 2**70, True, 1j, float("nan"), None, "a"]


def values(dtype: str, n: int, seed: int) -> np.ndarray:
    """An array of n elements; the seed also says how wild they are."""
    rng, kind, wild = np.random.default_rng(seed), np.dtype(dtype).kind, seed % 4
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "O":
            objects = np.empty(n, object)
            objects[:] = [OBJECTS[i] for i in rng.integers(0, len(OBJECTS) if wild == 0 else 5, n)]
            return objects
        if kind in "US":
            return np.array(["", "a", "b", "ab", "12"])[rng.integers(0, 5, n)].astype(dtype)
        if kind in "?b":
            return rng.integers(0, 2, n).astype(dtype)
        if kind in "iu":
            info = np.iinfo(dtype)
            small = rng.integers(-4 if kind == "i" else 0, 5, n).astype(dtype)
            if wild < 2:
                return small
            whole = np.frombuffer(rng.bytes(n * info.bits // 8), dtype)
            edges = np.array([info.min, info.max, info.min + 1, info.max - 1, 0, 1], dtype)
            return np.where(rng.random(n) < 0.3, edges[rng.integers(0, 6, n)], whole).astype(dtype)
        if kind in "mM":
            counts = rng.integers(-9, 50, n)
            return np.where(rng.random(n) < 0.1 * wild, np.iinfo("i8").min, counts).astype("i8").astype(dtype)
        if kind == "V":
            return np.zeros(n, dtype)
        floats = rng.standard_normal(n) * 10.0 ** (wild * rng.integers(-3, 4, n))
        if wild == 0:
            floats = np.round(floats * 4)
        if wild == 3:
            floats = np.where(rng.random(n) < 0.3, np.array(FLOATS)[rng.integers(0, len(FLOATS), n)], floats)
        if kind == "c":
            return (floats + 1j * rng.permutation(floats)).astype(dtype)
        return floats.astype(dtype)


def shifted(x: np.ndarray) -> np.ndarray:
    """The same elements at an address that is not aligned."""
    room = np.zeros(x.nbytes + 1, "u1")[1:].view(x.dtype).reshape(x.shape)
    room[...] = x
    return room


def frozen(x: np.ndarray) -> np.ndarray:
    """A view that is read-only."""
    view = x[...]
    view.flags.writeable = False
    return view


class Sub(np.ndarray):
    """A subclass that changes nothing."""


HELPERS = {"np": np, "values": values, "shifted": shifted, "frozen": frozen, "Sub": Sub}


class Draw:
    """Draws arrays and other operands; keeps the lines that make them."""

    def __init__(self, seed: int) -> None:
        self.seed, self.random = seed, Random(seed)
        self.setup: list[tuple[str, str]] = []
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, str] = {}

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def dtype(self) -> str:
        return self.random.choice(FOREIGN if self.chance(0.12) else NATIVE)

    def length(self) -> int:
        r = self.random
        if self.chance(0.004):
            return r.choice([70_000, 150_001])
        if self.chance(0.15):
            return r.choice(EDGES) + r.choice([-1, 0, 0, 1, 3])
        return r.choice([0, 1, 2, 3, 3, 4, 5, 7, 8, 9, 13, 17, 33, 40])

    def shape(self) -> Shape:
        r, ndim = self.random, self.random.choice([0, 1, 1, 1, 1, 2, 2, 2, 3, 4])
        small = [r.choice([0, 1, 1, 2, 2, 3, 3, 4, 5]) for _ in range(ndim)]
        if ndim and ndim < 3:
            small[r.randrange(ndim)] = self.length()
        return tuple(small)

    def name(self, text: str, shape: Shape, dtype: str, prefix: str = "x") -> str:
        name = f"{prefix}{len(self.setup)}"
        self.setup.append((name, text))
        self.shapes[name], self.dtypes[name] = shape, dtype
        return name

    def base(self, n: int, dtype: str) -> str:
        text = f"values({dtype!r}, {n}, {self.random.randrange(10_000)})"
        if self.chance(0.07) and not np.dtype(dtype).hasobject:
            text = f"shifted({text})"
        return self.name(text, (n,), dtype, "a")

    def array(self, shape: Shape, dtype: str, writable: bool = False) -> str:
        """A view in random strides of an array made for it."""
        r = self.random
        if r.random() < 0.45:
            text = f"{self.base(math.prod(shape), dtype)}.reshape({shape})"
        elif shape and not writable and self.chance(0.1):
            kept = tuple(1 if self.chance(0.5) else n for n in shape)
            text = f"np.broadcast_to({self.base(math.prod(kept), dtype)}.reshape({kept}), {shape})"
        else:
            steps = [r.choice([1, 1, 1, 1, -1, 2, -2, 3]) if math.prod(shape) < 20_000 else 1 for _ in shape]
            pads = [r.choice([0, 0, 0, 1]) for _ in shape]
            room = [n * abs(s) + p for n, s, p in zip(shape, steps, pads, strict=True)]
            axes = r.sample(range(len(shape)), len(shape)) if self.chance(0.5) else list(range(len(shape)))
            stored = tuple(room[axis] for axis in axes)
            back = tuple(axes.index(i) for i in range(len(shape)))
            parts = zip(shape, steps, pads, strict=True)
            index = ", ".join(f"{p}:{p + n * abs(s)}:{abs(s)}" for n, s, p in parts)
            flips = ", ".join("::-1" if s < 0 else ":" for s in steps)
            text = f"{self.base(math.prod(stored), dtype)}.reshape({stored})"
            text += f".transpose({back})" if back != tuple(range(len(back))) else ""
            text += f"[{index}]" if index else ""
            text += f"[{flips}]" if "-" in flips else ""
        if self.chance(0.015):
            text = f"frozen({text})"
        if self.chance(0.015):
            text = f"{text}.view(Sub)"
        return self.name(text, shape, dtype)

    def operand(self, shape: Shape, dtype: str) -> str:
        r, roll = self.random, self.random.random()
        if roll < 0.8:
            return self.array(shape, dtype)
        if roll < 0.9:
            return f"({r.choice(NUMBERS)})"
        if roll < 0.94:
            return self.name(f"values({dtype!r}, 1, {r.randrange(10_000)})[0]", (), dtype, "s")
        if roll < 0.98:
            return self.array((), dtype)
        return r.choice(ODDITIES)

    def relative(self, name: str) -> str:
        """Another view of an array's own memory, of its shape: itself, reversed, moved on, transposed."""
        shape, dtype = self.shapes[name], self.dtypes[name]
        text = dict(self.setup)[name]
        r = self.random
        if not shape or "broadcast_to" in text:
            return name
        if self.chance(0.3) and len(set(shape)) == 1:
            return self.name(f"{name}.T", shape, dtype)
        if self.chance(0.4):
            return self.name(f"{name}[{'..., ' if self.chance(0.5) else ''}::-1]", shape, dtype)
        if self.chance(0.6) and shape[0] < 9000 and f"a{name}" not in dict(self.setup):
            n, step, k = shape[0], r.choice([1, 1, 2]), r.choice([1, 1, 2, 7])
            whole = (n * step + k, *shape[1:])
            starts = r.sample([0, k], 2)
            views = [f"a{name}.reshape({whole})[{i}:{i + n * step}:{step}]" for i in starts]
            index = next(i for i, (other, _) in enumerate(self.setup) if other == name)
            made = f"values({dtype!r}, {math.prod(whole)}, {r.randrange(10_000)})"
            self.setup[index : index + 1] = [(f"a{name}", made), (name, views[0])]
            return self.name(views[1], shape, dtype)
        return name
