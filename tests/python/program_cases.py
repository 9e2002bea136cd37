"""Random graphs of elementwise calls, and random functions of NumPy code.

A graph is a list of steps on values: operands first, then what each step makes. `evaluate` runs it call by
call in a namespace, NumPy's or ours; `as_function` is it as a function of its operands, to be traced. A
`Script` is a function of arrays that also assigns, reduces, indexes and branches. Everything follows from a
seed:

    python tests/python/program_cases.py --seed 0 --cases 20000
"""

import argparse
import copy
import operator
import pickle
import random
import sys
import warnings

import numpy as np

import ufunx

# Rounded once, or not at all: NumPy has the very same bits.
EXACT = """
    add subtract multiply divide sqrt square negative absolute positive less less_equal equal not_equal
    greater greater_equal logical_and logical_or logical_not logical_xor bitwise_and bitwise_or
    bitwise_xor invert floor ceil rint trunc sign signbit isnan isfinite isinf copysign reciprocal
    conjugate
""".split()
ROUNDED = """
    maximum minimum fmax fmin exp log sin cos tanh log1p expm1 exp2 cbrt hypot arctan arctan2 logaddexp
    power float_power floor_divide remainder fmod divmod modf frexp ldexp left_shift right_shift gcd
    heaviside nextafter spacing degrees fabs
""".split()
DTYPES = "d" * 6 + "f" * 5 + "l" * 3 + "iBhe?DF"
NUMPYS = [np.float32(1.5), np.int8(3), np.float64(-0.25)]
CONSTANTS = [2, 0.5, 3.0, -1, 1e3, 7, True, 0, -0.0, 2.5, *NUMPYS]
SHAPES = [(1,), (7,), (255,), (1000,), (3001,), (3, 5), (17, 64), (130, 33), (2, 3, 40)]


class Graph:
    """`steps` of `(name, places)`; a place is the number of a value, or a 1-tuple of a constant."""

    def __init__(self, rng, exact=False, operands=None):
        self.exact = exact
        self.operands = operands or rng.randint(1, 4)
        self.steps = []
        names = EXACT if exact else EXACT + ROUNDED * 2
        count = self.operands
        for _ in range(rng.randint(1, 12)):
            # Not clip: which zero it gives where a bound is the other one is left open.
            name = rng.choice(["where", "cast", *names, *names])
            nin = {"where": 3, "cast": 1}.get(name) or getattr(np, name).nin
            places = [self._place(rng, count) for _ in range(nin)]
            if all(type(place) is tuple for place in places):
                places[0] = rng.randrange(count)
            if name == "where":  # which wraps what does not fit
                places = [(2,) if place == (-1,) else place for place in places]
            if name == "cast":
                places = [rng.randrange(count), rng.choice("dfil")]
            self.steps.append((name, tuple(places)))
            count += results(self.steps[-1])
        # The last value, and sometimes others.
        self.outputs = sorted({count - 1, *(rng.randrange(count) for _ in range(rng.choice((0, 0, 1, 2))))})
        self.needed = self._needed()

    def _needed(self):
        """Which steps the outputs need: no others are made, nor warn."""
        needed, wanted = [], set(self.outputs)
        first = self.operands + sum(map(results, self.steps))
        for step in reversed(self.steps):
            first -= results(step)
            needed.append(not wanted.isdisjoint(range(first, first + results(step))))
            if needed[-1]:
                wanted.update(place for place in step[1] if type(place) is int)
        return needed[::-1]

    @staticmethod
    def _place(rng, count):
        if rng.random() < 0.2:
            return (rng.choice(CONSTANTS),)
        # New values rather than old ones, so that graphs are deep.
        return max(rng.randrange(count), rng.randrange(count))

    def evaluate(self, namespace, operands):
        values = list(operands)
        for (name, places), needed in zip(self.steps, self.needed, strict=True):
            if not needed:
                values += [None] * results((name, places))
                continue
            if name == "cast":
                values.append(values[places[0]].astype(places[1]))
                continue
            args = [place[0] if type(place) is tuple else values[place] for place in places]
            made = getattr(namespace, name)(*args)
            values += made if isinstance(made, tuple) else [made]
        made = tuple(values[i] for i in self.outputs)
        return made if len(made) > 1 else made[0]

    def as_function(self):
        names = ", ".join(f"x{i}" for i in range(self.operands))
        return eval(f"lambda {names}: evaluate(np, ({names},))", {"evaluate": self.evaluate, "np": np})


def results(step):
    """How many values a step makes."""
    return 1 if step[0] in ("where", "cast") else getattr(np, step[0]).nout


def values(rng, dtype, shape):
    """An array of small values, some of them special."""
    draw = np.random.default_rng(rng.randrange(2**32))
    if dtype == "?":
        return draw.random(shape) < 0.5
    if dtype in "DF":
        return (draw.normal(0, 2, shape) + 1j * draw.normal(0, 2, shape)).astype(dtype)
    if dtype in "efd":
        made = draw.normal(0, 3, shape)
        made[draw.random(shape) < 0.02] = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, 700.0, 1.0])
        return made.astype(dtype)
    return draw.integers(0 if dtype in "BHIL" else -50, 100, shape).astype(dtype)


def laid_out(rng, array):
    """The same values, laid out in one of many ways."""
    match rng.randrange(6):
        case 0 if array.ndim > 1:
            return np.asfortranarray(array)
        case 1:
            wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
            wide[..., ::2] = array
            return wide[..., ::2]
        case 2:
            return np.flip(np.flip(array, -1).copy(), -1)
        case 3 if array.ndim > 1:
            return np.broadcast_to(array[:1], array.shape)
    return array


def operands(rng, n, dtypes=DTYPES):
    shape = rng.choice(SHAPES)
    made = []
    for _ in range(n):
        own = rng.choice([shape] * 6 + [shape[-1:], (*shape[:-1], 1), ()])
        array = values(rng, rng.choice(dtypes), own)
        # Complex products have other bits where an operand is strided.
        made.append(laid_out(rng, array) if array.ndim and array.dtype.kind != "c" else array)
    return made


def outcome(call):
    """What a call gives, or the class of its error; and what it warns of, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except (TypeError, ValueError, OverflowError) as error:
            return type(error), set()
    return result, {str(warning.message) for warning in caught}


def same(a, b):
    """Whether two results have the same types, dtypes, shapes and bits; one NaN is like another."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        if a.dtype.char != b.dtype.char or a.shape != b.shape:
            return False
        if a.dtype.hasobject:
            return same(a.tolist(), b.tolist())
        # View the parts of complex numbers, so that zeros' signs and NaNs can be told in each.
        a, b = (np.ascontiguousarray(x).reshape(-1) for x in (a, b))
        if a.dtype.kind == "c":
            a, b = a.view(a.real.dtype), b.view(b.real.dtype)
        if a.dtype.kind == "f":
            nan = np.isnan(a)
            return np.array_equal(nan, np.isnan(b)) and a[~nan].tobytes() == b[~nan].tobytes()
        return a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a is b or pickle.dumps(a) == pickle.dumps(b)


def check_graph(seed):
    """A message where a made ufunc differs from its calls one by one, else None."""
    rng = random.Random(seed)
    graph = Graph(rng, exact=rng.random() < 0.4)
    # NumPy warns, wherever it is, that a cast to real numbers drops what is imaginary.
    casts = any(name == "cast" for name, _ in graph.steps)
    args = operands(rng, graph.operands, DTYPES.replace("DF", "") if casts else DTYPES)
    made = ufunx.elementwise(graph.as_function())
    expected, warned = outcome(lambda: graph.evaluate(ufunx, args))
    got, got_warned = outcome(lambda: made(*args))
    said = f"seed {seed}: {graph.steps} -> {graph.outputs} on {kinds(args)}"
    if type(expected) is type or type(got) is type:
        return None if expected is got else f"{said}: {expected} or {got}"
    # Outputs that a step has not made are broadcast and copied, as a ufunc's are.
    shape = np.broadcast_shapes(*(x.shape for x in args))
    expected = full(expected, shape)
    if not same(expected, got):
        return f"{said}: not the same"
    if warned != got_warned:
        return f"{said}: warned {warned} or {got_warned}"
    masked = check_masked(rng, made, args, expected)
    if masked:
        return f"{said}: {masked}"
    if graph.exact and not any(x.dtype.kind == "c" for x in args):
        on_numpy, _ = outcome(lambda: graph.evaluate(np, args))
        if type(on_numpy) is not type and not same(full(on_numpy, shape), got):
            return f"{said}: not as on NumPy"
    return None


def check_masked(rng, made, args, expected):
    """With a mask, outputs are written where it is true, and nowhere else."""
    results = expected if isinstance(expected, tuple) else (expected,)
    if not results[0].ndim:
        return None
    mask = np.random.default_rng(rng.randrange(2**32)).random(results[0].shape) < 0.5
    outs = tuple(np.full(x.shape, 77, x.dtype) for x in results)
    outcome(lambda: made(*args, out=outs, where=mask))
    good = all(same(np.where(mask, x, out.dtype.type(77)), out) for x, out in zip(results, outs, strict=True))
    return None if good else "not the same where masked"


def full(made, shape):
    if isinstance(made, tuple):
        return tuple(full(x, shape) for x in made)
    return np.broadcast_to(made, shape)[()] if np.shape(made) != shape else np.asarray(made)[()]


class Script:
    """A random function of arrays: statements on named variables. It changes its arguments too."""

    def __init__(self, rng, statements=None):
        self.operands = rng.randint(1, 3)
        self.names = [f"x{i}" for i in range(self.operands)]
        self.lines = []
        names = list(self.names)
        for _ in range(statements or rng.randint(3, 14)):
            self.lines.append(self._statement(rng, names))
        self.returned = sorted({rng.choice(names) for _ in range(rng.randint(1, 3))})

    def _statement(self, rng, names):
        new = f"v{len(self.lines)}"
        a, b = rng.choices(names[-4:] + names, k=2)
        constant = rng.choice(["2.0", "0.5", "3", "-1.5", "np.float32(1.25)"])
        expressions = [
            f"{a} {rng.choice('+-*/')} {b}",
            f"{a} {rng.choice('+-*/')} {constant}",
            f"{constant} {rng.choice('+-*/')} {a}",
            f"np.{rng.choice(['exp', 'sin', 'sqrt', 'square', 'abs', 'negative', 'tanh', 'log'])}({a})",
            f"np.where({a} > {b}, {a}, {b} * {constant})",
            f"np.clip({a}, -1.0, {constant})",
            f"np.maximum({a}, {b}) - {a}",
            f"{a} ** {rng.choice(['2', '0.5', '3', '-1', '1.5'])}",
            f"-{a} + abs({b})",
            f"({a} > 0) & ({b} < {constant})",
            f"{a}.astype({rng.choice(['np.float32', 'np.float64'])}) * {b}",
            f"{a} * {b} + {a} / ({b} + {constant})",
            f"np.cumsum({a}, axis=-1)",
            f"{a}.copy()",
            f"{a} - {a}.mean(axis=-1, keepdims=True)",
            f"({a} * {b}).sum(axis={rng.choice([None, 0, -1])}) + {a}",
            f"{a} / np.max(np.abs({b}))",
            f"np.add({a}, {b}, out=np.empty(np.broadcast_shapes({a}.shape, {b}.shape)), casting='unsafe')",
            f"divmod({a}, 1.5)[{rng.randrange(2)}]",
        ]
        places = ["...", "1:", "::2", "0", "-3:"]
        statements = [
            f"{a} {rng.choice('+-*')}= {rng.choice([b, constant])}",
            f"{a}[{rng.choice(places)}] = {constant}",
            f"{a}[{a} > 1] = {constant}",
            f"{a}[{rng.choice(places)}] *= {constant}",
            f"np.multiply({a}, {constant}, out={a})",
            f"if {a}.sum() > {b}.mean(): {a} = {a} * 2.0 + {b}",
            f"{a}.fill(1.5)",
            f"np.copyto({a}, {b}, casting='unsafe', where={b} > 0)",
        ]
        if rng.random() < 0.7:
            names.append(new)
            return f"{new} = {rng.choice(expressions)}"
        if rng.random() < 0.3:
            names.append(new)
            return f"{new} = {a}[{rng.choice(['::1', '...', '::-1'])}]"
        return rng.choice(statements)

    def function(self):
        body = "\n".join(f"    {guarded(line)}" for line in self.lines)
        source = (
            f"def script({', '.join(self.names)}):\n    errors = []\n{body}\n"
            f"    return ({', '.join(self.returned)},), errors\n"
        )
        namespace = {"np": np, "operator": operator}
        exec(source, namespace)
        return namespace["script"]


def guarded(line):
    """A statement that may fail, as dtypes and shapes will have it; a new name is then an old value."""
    if line.startswith("if"):
        return line
    name = line.partition(" = ")[0]
    instead = f"; {name} = x0" if name.startswith("v") and name.isidentifier() else ""
    note = "errors.append(type(error).__name__)"
    return f"try: {line}\n    except (TypeError, ValueError) as error: {note}{instead}"


def check_script(seed):
    """A message where a fused function differs from the function in in-place mode, else None."""
    rng = random.Random(seed)
    script = Script(rng)
    shape = rng.choice([(16_384,), (17_001,), (128, 130), (3, 5700), (10_000,)])
    args = []
    for _ in range(script.operands):
        own = rng.choice([shape] * 5 + [shape[-1:]])
        args.append(laid_out_alone(rng, values(rng, rng.choice("ddddff"), own)))
    function = script.function()
    plain, lazy = copies(args), copies(args)
    with ufunx.installed():
        expected, warned = outcome(lambda: function(*plain))
        got, got_warned = outcome(lambda: ufunx.fuse(function)(*lazy))
    said = f"seed {seed}: {'; '.join(script.lines)} -> {script.returned} on {kinds(args)}"
    if not same(expected, got):
        return f"{said}: not the same"
    if not same(plain, lazy):
        return f"{said}: arguments changed otherwise"
    if not got_warned <= warned:  # what nobody looks at is not made, and warns of nothing
        return f"{said}: warned {warned} or {got_warned}"
    return None


def check_fused(function, *args, warns=True):
    """The fused function beside the function itself, on copies of the arguments; its explanation."""
    plain, lazy, again = (
        [copies([x])[0] if isinstance(x, np.ndarray) else copy.deepcopy(x) for x in args] for _ in range(3)
    )
    with ufunx.installed():
        expected, warned = outcome(lambda: function(*plain))
        got, got_warned = outcome(lambda: ufunx.fuse(function)(*lazy))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            explanation = ufunx.fuse(function).explain(*again) if type(expected) is not type else None
    assert same(expected, got), (expected, got)
    assert same(plain, lazy)
    assert warned == got_warned or not warns
    return explanation


def kinds(args):
    return [(x.dtype.char, x.shape) for x in args]


def laid_out_alone(rng, array):
    """Laid out in a way that can be written to."""
    made = laid_out(rng, array)
    return made if made.flags.writeable else array


def copies(arrays):
    """Copies with the same strides."""
    made = []
    for array in arrays:
        owner = array if array.base is None else array.base
        copy = owner.copy(order="K")
        start = array.ctypes.data - owner.ctypes.data
        made.append(
            np.ndarray(array.shape, array.dtype, copy, start, array.strides) if owner is not array else copy
        )
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=20_000)
    options = parser.parse_args()
    failures = []
    for seed in range(options.seed, options.seed + options.cases):
        failures += filter(None, [check_graph(seed), check_script(seed)])
    print("\n".join(failures[:20]) or "all the same")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
