"""Random calls on ufuncs as Python source: lines that make arrays, then one call on `lib`."""

import contextlib
import math
import re
import warnings
from dataclasses import dataclass

import numpy as np
from fuzz_values import NUMBERS, Draw, Shape

Keywords = list[tuple[str, str]]
Arguments = tuple[list[str], Keywords]

# Not vecmat: NumPy 2.4 writes outside its memory with complex operands and an output in strides.
NAMES = sorted(name for name in dir(np) if isinstance(getattr(np, name), np.ufunc) and name != "vecmat")
GENERALIZED = {name for name in NAMES if getattr(np, name).signature}
SIGNATURES = {n: re.findall(r"\([^)]*\)", getattr(np, n).signature) for n in GENERALIZED}
BINARY = [n for n in NAMES if getattr(np, n).nin == 2 and getattr(np, n).nout == 1 and n not in GENERALIZED]
FOLDS = "add multiply maximum minimum logical_and logical_or bitwise_or fmax subtract".split()
COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
GROWING = {"power", "pow", "left_shift", "bitwise_left_shift"}
# NumPy 2.4 answers wrongly where these write in strides: predicates by AVX-512, negative on 32-bit integers.
MISPLACED = {"isfinite", "isinf", "isnan", "signbit", "negative"}
# NumPy 2.4 reduces these wrongly by AVX-512: `arctan2.reduce([5.0, 3.0, -2.0])` is not the loop's answer.
MISREDUCED = {"arctan2", "atan2", "power", "pow"}
METHODS = ["call"] * 9 + ["reduce"] * 4 + ["accumulate", "reduceat", "outer", "at"]
KEYWORDS = "bogus sig axes axis keepdims indices dtype where out".split()
BAD = "None 'bogus' 2 -1 1.5 [0] (0,0) () object() True False ... 'same_value' np.int64(0) 10**20".split()


@dataclass(frozen=True)
class Case:
    """One call, as source."""

    seed: int
    name: str
    method: str
    setup: tuple[tuple[str, str], ...]
    args: tuple[str, ...]
    kwargs: tuple[tuple[str, str], ...]
    state: tuple[tuple[str, str], ...]

    def call(self) -> str:
        function = f"lib.{self.name}" + ("" if self.method == "call" else f".{self.method}")
        return f"{function}({', '.join([*self.args, *(f'{k}={v}' for k, v in self.kwargs)])})"

    def source(self) -> str:
        """A program that shows both answers."""
        lines = [
            "import numpy as np, ufunx",
            "from fuzz_values import Sub, frozen, shifted, values",
            "for lib in (np, ufunx):",
        ]
        lines += [f"    {name} = {text}" for name, text in self.setup]
        state = ", ".join(f"{k}={v!r}" for k, v in self.state)
        lines += [f"    with np.errstate({state}):"] if state else []
        lines.append(("    " if state else "") + f"    print(repr({self.call()}))")
        outs = sorted(set(re.findall(r"\bx\d+", " ".join(v for k, v in self.kwargs if k == "out"))))
        return "\n".join([*lines, *(f"    print({name})" for name in outs)])


def small(text: str) -> str:
    """Source without objects and without huge numbers."""
    return re.sub(r"\d+\*\*\d+", "5", re.sub(r"'\|?O'", "'d'", text).replace("object()", "None"))


class Maker(Draw):
    """Draws one case."""

    def case(self) -> Case:
        method = self.random.choice(METHODS)
        reducing = method in ("reduce", "accumulate", "reduceat")
        names = BINARY if (reducing or method == "outer") and not self.chance(0.02) else NAMES
        name = self.random.choice(FOLDS if reducing and self.chance(0.5) else names)
        if name in MISREDUCED and method in ("reduce", "reduceat"):
            name = "subtract"
        args, kwargs = getattr(self, method)(name)
        if self.chance(0.02):
            kwargs.append((self.random.choice(KEYWORDS), self.bad()))
        if name in COMPARISONS and "where" in dict(kwargs):
            # NumPy 2.4 crashes with an integer out of bounds.
            args = [arg if arg in self.shapes else "1" for arg in args]
        sources = [text for _, text in [*self.setup, *kwargs]]
        if reducing and any("O'" in text for text in sources):  # NumPy 2.4 crashes with bool into objects
            kwargs = [(key, value) for key, value in kwargs if key != "out"]
        state: Keywords = []
        if self.chance(0.08):
            folded = method in ("reduce", "reduceat")  # which flag comes first depends on the order of steps
            modes = ["warn", "warn", "ignore", "warn" if folded else "raise"]
            state.append(("all", self.random.choice(modes)))
        setup, named = tuple(self.setup), tuple(dict(kwargs).items())
        if name in GROWING:  # as Python's integers they would fill the memory
            setup = tuple((key, small(text)) for key, text in setup)
            args, named = [small(arg) for arg in args], tuple((key, small(text)) for key, text in named)
        return Case(self.seed, name, method, setup, tuple(args), named, tuple(state))

    def bad(self) -> str:
        return self.random.choice(BAD)

    def results(self, name: str, inputs: list[str]) -> list[str]:
        """The dtypes NumPy gives for arrays of the inputs' dtypes, if it takes them."""
        ufunc, dtypes = getattr(np, name), [self.dtypes.get(i, "d") for i in inputs]
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ufunc(*(np.ones((1, 1), d) for d in dtypes))
            return [f.dtype.str for f in (found if isinstance(found, tuple) else (found,))]
        return [self.dtype() for _ in range(ufunc.nout)]

    def output(self, shape: Shape, likely: str, inputs: list[str]) -> tuple[str, bool]:
        """An output and whether its dtype needs `casting='unsafe'`, perhaps."""
        near = [i for i in inputs if self.shapes.get(i) == shape and self.chance(0.35)]
        if near:
            return self.relative(near[0]), self.chance(0.3)
        dtype = likely if self.chance(0.65) else self.dtype()
        if self.chance(0.04):  # of as many dimensions: NumPy 2.4 crashes in accumulate with another number
            shape = tuple(self.random.randrange(4) for _ in shape)
        return self.array(shape, dtype, writable=True), dtype != likely

    def mask(self, shape: Shape, others: list[str]) -> str:
        bools = [o for o in others if self.dtypes.get(o) == "?" and self.shapes.get(o) == shape]
        if bools and self.chance(0.5):
            return self.relative(bools[0])
        if self.chance(0.08):
            return self.random.choice("True False None np.True_ 1 [True] np.array(1.5) 0.0".split())
        dropped = shape[self.random.randrange(len(shape) + 1) :] if self.chance(0.2) else shape
        kept = tuple(1 if self.chance(0.1) else n for n in dropped)
        return self.array(kept, "?" if not self.chance(0.03) else self.dtype())

    def common(self, name: str, inputs: list[str], shape: Shape) -> Keywords:
        """Keywords of a call and of outer."""
        r, kwargs, nout = self.random, [], getattr(np, name).nout
        likely = self.results(name, inputs)
        given: list[str] = []
        overlapping = False
        if name in MISPLACED:
            plain = self.name(f"{self.base(math.prod(shape), likely[0])}.reshape({shape})", shape, likely[0])
            given = [plain] if self.chance(0.35) else []
            kwargs += [("out", out) for out in given]
        elif self.chance(0.35):
            outs = [self.output(shape, dtype, inputs) for dtype in likely]
            given = [out for out, _ in outs]
            # NumPy 2.4 casts what `where` leaves out when an output overlaps an input and is cast.
            pairs = zip(given, likely, strict=True)
            casts = any(np.dtype(self.dtypes[out]) != np.dtype(natural) for out, natural in pairs)
            overlapping = casts and "x" in "".join(inputs)
            texts = [out if self.chance(0.9) else "None" for out in given]
            text = texts[0] if nout == 1 and self.chance(0.8) else f"({', '.join(texts)},)"
            kwargs.append(("out", r.choice([*BAD, *texts]) if self.chance(0.03) else text))
            if any(unsafe for _, unsafe in outs) and self.chance(0.7):
                kwargs.append(("casting", "'unsafe'"))
        if self.chance(0.15 if given else 0.03) and not overlapping:
            kwargs.append(("where", self.mask(shape, [*inputs, *given])))
        if self.chance(0.05):
            casting = r.choice(["no", "equiv", "safe", "same_kind", "unsafe", "unsafe"])
            kwargs.append(("casting", repr(casting) if not self.chance(0.1) else self.bad()))
        if self.chance(0.1) and not (name in MISPLACED and given):  # another order makes strides
            kwargs.append(("order", repr(r.choice("CFAK")) if not self.chance(0.1) else self.bad()))
        if overlapping or "where" in dict(kwargs):
            return kwargs
        if self.chance(0.08):
            kwargs.append(("dtype", repr(self.dtype()) if not self.chance(0.05) else self.bad()))
        elif self.chance(0.04):
            ufunc = getattr(np, name)
            parts = ", ".join(r.choice(["None", "float", repr(self.dtype())]) for _ in range(ufunc.nargs))
            signature = repr(r.choice(ufunc.types or ["d->d"])) if self.chance(0.7) else f"({parts})"
            kwargs.append(("signature", signature))
        if self.chance(0.03):
            kwargs.append(("subok", r.choice(["True", "False", "False", self.bad()])))
        return kwargs

    def call(self, name: str) -> Arguments:
        r, ufunc, shape, dtype = self.random, getattr(np, name), self.shape(), self.dtype()
        if self.chance(0.5) and (types := [t for t in ufunc.types if t[0] not in "GOMm"]):
            dtype = r.choice(types)[0]  # one it takes
        if name in GENERALIZED:
            return self.product(name, dtype)
        inputs: list[str] = []
        for i in range(ufunc.nin):
            wanted = shape
            if i and self.chance(0.3):
                wanted = tuple(1 if self.chance(0.3) else n for n in shape[r.randrange(len(shape) + 1) :])
            if self.chance(0.02):
                wanted = self.shape()
            again = [x for x in inputs if self.shapes.get(x) == shape and self.chance(0.06)]
            own = dtype if self.chance(0.6) else self.dtype()
            inputs.append(again[0] if again else self.operand(wanted, own))
        with contextlib.suppress(ValueError):
            shape = np.broadcast_shapes(*(self.shapes.get(i, ()) for i in inputs))
        kwargs = self.common(name, inputs, shape)
        named = dict(kwargs)
        if "out" in named and self.chance(0.06):
            return [*inputs, named.pop("out")], list(named.items())
        return inputs[: r.choice([ufunc.nin] * 99 + [0])], kwargs

    def product(self, name: str, dtype: str) -> Arguments:
        """A call over core axes, which are mostly of the same lengths, and anywhere."""
        r, lengths = self.random, {}
        sides = [part[1:-1].replace("?", "").split(",") for part in SIGNATURES[name]]
        loops = self.shape()[:2]
        inputs, axes = [], []
        for side in sides[:2]:
            core = [lengths.setdefault(axis, r.choice([0, 1, 2, 3, 3, 4])) for axis in side]
            core = [r.randrange(4) if self.chance(0.02) else n for n in core]
            if name == "matmul" and self.chance(0.15):
                core = core[:-1] if side[0] == "k" else core[1:]
            own = loops[r.randrange(len(loops) + 1) :] if self.chance(0.3) else loops
            places = r.sample(range(len(own) + len(core)), len(core)) if self.chance(0.3) else None
            rest, shape = list(own), list(own) + core
            if places is not None:
                shape = [core[places.index(i)] if i in places else rest.pop(0) for i in range(len(shape))]
            axes.append(tuple(places) if places is not None else tuple(range(-len(core), 0)))
            inputs.append(self.operand(tuple(shape), dtype if self.chance(0.6) else self.dtype()))
        kwargs = []
        outs = len(axes[0]) + len(axes[1]) - 2
        if any(a and a[-1] >= 0 for a in axes) or self.chance(0.1):
            axes += [tuple(r.sample(range(outs + len(loops)), outs))] if outs or self.chance(0.3) else []
            kwargs.append(("axes", repr(axes) if not self.chance(0.05) else self.bad()))
        elif self.chance(0.1 if name == "vecdot" else 0.02):
            kwargs.append(("axis", str(r.randrange(-2, 2))))
        if self.chance(0.2 if name == "vecdot" else 0.02):
            kwargs.append(("keepdims", r.choice(["True", "True", "False", self.bad()])))
        found: tuple[Shape, str] | None = None
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {key: eval(text) for key, text in kwargs}
            ones = [np.ones(self.shapes[i], self.dtypes[i]) for i in inputs]
            made = np.asarray(getattr(np, name)(*ones, **options))
            found = made.shape, made.dtype.str
        if found and self.chance(0.35):
            out, unsafe = self.output(found[0], found[1], inputs)
            kwargs.append(("out", out))
            if unsafe and self.chance(0.7):
                kwargs.append(("casting", "'unsafe'"))
        if self.chance(0.05):
            kwargs.append(("order", repr(r.choice("CFAK"))))
        if self.chance(0.06):
            kwargs.append(("dtype", repr(self.dtype())))
        return inputs, kwargs

    def outer(self, name: str) -> Arguments:
        shapes = [s if math.prod(s) < 100 else (2,) for s in (self.shape(), self.shape())]
        dtype = self.dtype()
        inputs = [self.operand(s, dtype if self.chance(0.6) else self.dtype()) for s in shapes]
        return inputs, self.common(name, inputs, sum((self.shapes.get(i, ()) for i in inputs), ()))

    def axis(self, ndim: int) -> str:
        r = self.random
        if self.chance(0.04):
            return r.choice([*BAD, str(ndim), str(-ndim - 1), f"({ndim},)"])
        if not ndim or self.chance(0.2):
            return "None"
        if self.chance(0.6):
            return str(r.randrange(-ndim, ndim))
        return str(tuple(r.sample(range(ndim), r.randrange(ndim + 1))))

    def folded(self, name: str) -> tuple[str, Shape, Keywords]:
        """The array of a reducing method, and `dtype=`."""
        shape, dtype = self.shape(), self.dtype()
        x = self.array(shape, dtype) if self.chance(0.96) else self.operand(shape, dtype)
        typed = self.bad() if self.chance(0.05) else repr(self.dtype())
        # NumPy 2.4 refuses a comparison's dtype if an earlier call like `less(bools, floats)` was refused.
        given = self.chance(0.15) and name not in COMPARISONS
        return x, self.shapes.get(x, ()), [("dtype", typed)] if given else []

    def reduce(self, name: str) -> Arguments:
        x, shape, kwargs = self.folded(name)
        text = self.axis(len(shape)) if self.chance(0.75) else None
        axes: list[int] = [0]
        with contextlib.suppress(Exception):
            axis = eval(text) if text else 0
            chosen = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
            axes = [a % len(shape) for a in chosen]
        keep = self.chance(0.25)
        if text:
            kwargs.append(("axis", text))
        if keep or self.chance(0.05):
            kwargs.append(("keepdims", str(keep) if self.chance(0.95) else self.bad()))
        if self.chance(0.15):
            if getattr(np, name).identity is None:  # NumPy starts from elements cast to out's dtype
                kwargs = [(key, value) for key, value in kwargs if key != "dtype"]
            left = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
            kwargs.append(("out", self.output(left, self.results(name, [x, x])[0], [x])[0]))
        if self.chance(0.15):
            seed = self.random.randrange(10_000)
            scalar = f"values({self.dtype()!r}, 1, {seed})[0]"
            number = f"({self.random.choice(NUMBERS)})"
            kwargs.append(("initial", self.random.choice([number, "None", "0", "1", scalar])))
        if self.chance(0.12):
            kwargs.append(("where", self.mask(shape, [x])))
        return [x], kwargs

    def accumulate(self, name: str) -> Arguments:
        x, shape, kwargs = self.folded(name)
        if self.chance(0.6):
            plain = str(self.random.randrange(len(shape) or 1))
            kwargs.append(("axis", self.axis(len(shape)) if self.chance(0.1) else plain))
        if self.chance(0.2):
            kwargs.append(("out", self.output(shape, self.results(name, [x, x])[0], [x])[0]))
        return [x], kwargs

    def reduceat(self, name: str) -> Arguments:
        r, (x, shape, kwargs) = self.random, self.folded(name)
        axis = r.randrange(len(shape)) if shape and self.chance(0.5) else 0
        if axis or self.chance(0.1):
            kwargs.append(("axis", str(axis) if self.chance(0.95) else self.bad()))
        n = shape[axis] if shape else 1
        indices = [r.randrange(n or 1) for _ in range(r.choice([0, 1, 2, 3, 5, 9]))]
        if self.chance(0.6):
            indices.sort()
        if self.chance(0.03):
            indices.append(r.choice([n, -1, n + 7]))
        dtype = r.choice(["i8"] * 6 + ["i4", "u1", "f8", ">i8"])
        text = str(indices) if self.chance(0.2) else f"np.array({indices}, {dtype!r})"
        if self.chance(0.1):
            filled = (*shape[:axis], len(indices), *shape[axis + 1 :])
            kwargs.append(("out", self.output(filled, self.dtypes.get(x, "d"), [x])[0]))
        return [x, text], kwargs

    def at(self, name: str) -> Arguments:
        r, shape, dtype = self.random, self.shape(), self.dtype()
        x = self.array(shape, dtype, writable=True)
        n, count = (shape[0] if shape else 1), r.choice([0, 1, 2, 3, 5, 8, 40])
        indices = [r.randrange(-n, n) if n else 0 for _ in range(count)]
        if self.chance(0.03):
            indices.append(r.choice([n, -n - 1]))
        index = f"np.array({indices}, {r.choice(['i8'] * 6 + ['i4', 'u1', '>i8'])!r})"
        if self.chance(0.2):
            plain = ["slice(None)", "...", "slice(None, None, -2)", "None", "()", "0"]
            index = r.choice([str(indices), f"({indices},)", *plain])
            count = 1
        if getattr(np, name).nin == 1 and not self.chance(0.03):
            return [x, index], []
        wanted = (*((count,) if self.chance(0.8) else ()), *shape[1:])
        return [x, index, self.operand(wanted, dtype if self.chance(0.7) else self.dtype())], []
