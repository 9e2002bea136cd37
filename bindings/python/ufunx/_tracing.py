"""A function, called once with values that stand for operands, as the graph of the ufuncs that it calls.

The values note every call that is elementwise: operators, ufuncs by whatever name, made ufuncs, `where`,
`clip`, `astype`. All else is an error, which says in which line of the function, and what to write instead:
for the value of an operand, its shape or its dtype are not known while a function is traced.
"""

from collections.abc import Callable
from typing import Any, Final, NoReturn

import numpy as np

from . import _native
from ._kinds import DTYPES, NAMES, RESULTS, WEAK, constant, short_cut
from ._untraceable import advice_for_bool, advice_for_number, line_of_user, segment_of_user

# Nodes of a graph, and how often one may be made that is there: a loop that makes the same over and over ends
# too.
MOST_NODES: Final = 4096
MOST_REPEATED: Final = 16 * MOST_NODES

Node = tuple[Any, ...]


def trace(
    function: Callable[..., Any], name: str, parameters: tuple[str, ...]
) -> tuple[list[Node], tuple[int, ...]]:
    """The nodes and outputs of a function, in the form that `_native.define` takes."""
    graph = Graph(name, parameters)
    result = function(*[Traced(graph, graph.node(("input", i))) for i in range(len(parameters))])
    if result is None:
        raise TypeError(f"{name} returned None; does it lack a return?")
    results = result if type(result) in (tuple, list) else (result,)
    if not results:
        raise TypeError(f"{name} returned no results")
    for x in results:
        if type(x) is not Traced and not isinstance(x, int | float | complex | np.generic):
            raise TypeError(f"{name} returned {short(repr(x))}, which was not made of its operands")
    return graph.nodes, tuple(graph.operand(x) for x in results)


class Graph:
    """The nodes so far, each once."""

    __slots__ = ("ids", "name", "nodes", "parameters", "repeated")

    def __init__(self, name: str, parameters: tuple[str, ...]) -> None:
        self.name = name
        self.parameters = parameters
        self.nodes: list[Node] = []
        self.ids: dict[Any, int] = {}
        self.repeated = 0

    def node(self, node: Node, key: Any = None) -> int:
        """The place of a node among the nodes; `key` tells it from others, where it does not do so itself."""
        key = key or node
        place = self.ids.get(key)
        if place is None:
            place = self.ids[key] = len(self.nodes)
            self.nodes.append(node)
            if place == MOST_NODES:
                self.refuse(
                    f"makes more than {MOST_NODES} values", "does a loop in it not end, or is it a program?"
                )
        else:
            self.repeated += 1
            if self.repeated > MOST_REPEATED:
                self.refuse(
                    "calls the same ufuncs on the same operands again and again", "does a loop in it not end?"
                )
        return place

    def call(self, name: str, operands: tuple[int, ...]) -> "Traced":
        """The one result of a call."""
        return Traced(self, self.node(("call", name, operands, 0)))

    def calls(self, name: str, operands: tuple[int, ...]) -> Any:
        """The result of a call, or the tuple of them."""
        if name not in RESULTS:
            return self.call(name, operands)
        return tuple(Traced(self, self.node(("call", name, operands, i))) for i in range(RESULTS[name]))

    def operand(self, x: Any) -> int:
        """The place of what a call was handed."""
        kind = type(x)
        if kind is float and x:
            key = ("weak", x)
            place = self.ids.get(key)
            return self.node(key) if place is None else place
        if kind is Traced:
            if x.graph is not self:
                self.refuse(
                    f"uses {x}, a value of {x.graph.name}, traced around it", "pass it as an argument"
                )
            return x.id  # type: ignore[no-any-return]
        if kind in WEAK or kind is bool:
            return self.node(("weak", x), ("weak", *constant(x)))
        if isinstance(x, np.generic) and x.dtype.char in DTYPES:
            return self.node(("strong", x), ("strong", x.dtype.char, x.tobytes()))
        if isinstance(x, np.ndarray):
            self.refuse(
                f"uses an array that is not an argument of it, of shape {x.shape}", "pass it as an argument"
            )
        return self.refuse(
            f"uses {short(repr(x))} in a calculation", "pass it as an argument, or make it a number"
        )

    def inline(self, ufunc: Any, operands: tuple[int, ...]) -> Any:
        """The nodes of another made ufunc, on these operands."""
        nodes, outputs = _native.nodes_of(ufunc)
        places: list[int] = []
        for node in nodes:
            match node[0]:
                case "input":
                    places.append(operands[node[1]])
                case "weak" | "strong":
                    places.append(self.operand(node[1]))
                case "call":
                    places.append(self.node(("call", node[1], tuple(places[i] for i in node[2]), node[3])))
                case "cast":
                    places.append(self.node(("cast", node[1], places[node[2]])))
                case "where":
                    places.append(self.node(("where", *(places[i] for i in node[1:]))))
        results = tuple(Traced(self, places[i]) for i in outputs)
        return results if len(results) > 1 else results[0]

    def text(self, place: int, depth: int = 4) -> str:
        """A node as it could have been written."""
        if depth == 0:
            return "..."
        node = self.nodes[place]
        match node[0]:
            case "input":
                return self.parameters[node[1]]
            case "weak" | "strong":
                return repr(node[1])
            case "cast":
                return f"{self.text(node[2], depth - 1)}.astype({DTYPES[node[1]].name!r})"
            case "where":
                name, operands = "where", node[1:]
            case _:
                name, operands = node[1], node[2]
        texts = [self.text(i, depth - 1) for i in operands]
        if name in SYMBOLS:
            texts = [f"({x})" if " " in x and x[-1] != ")" else x for x in texts]
            return SYMBOLS[name].join(texts) if len(texts) > 1 else SYMBOLS[name] + texts[0]
        return f"{name}({', '.join(texts)})"

    def refuse(self, what: str, instead: str) -> NoReturn:
        raise TypeError(f"{self.name} {what}; {instead} ({line_of_user()})")


class Traced:
    """An operand or what calls made of it, while a function is traced."""

    __slots__ = ("graph", "id")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, place: int) -> None:
        self.graph = graph
        self.id = place

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        graph = self.graph
        name = NAMES.get(ufunc)
        words = f"numpy.{ufunc.__name__}"
        if method != "__call__":
            graph.refuse(
                f"calls {words}.{method}, which is not elementwise", "call it on the result, outside"
            )
        if kwargs:
            keyword = next(iter(kwargs))
            instead = {"where": "use numpy.where", "dtype": "use astype"}.get(keyword, "leave it out")
            graph.refuse(f"passes {keyword}= to {words}", instead)
        operands = tuple([graph.operand(x) for x in inputs])
        if name is not None:
            return graph.calls(name, operands)
        if hasattr(ufunc, "definition"):
            return graph.inline(ufunc, operands)
        if ufunc.signature is not None:
            graph.refuse(f"calls {words}, which works along axes: {ufunc.signature}", "call it outside")
        return graph.refuse(f"calls {ufunc.__name__}, a ufunc that ufunx has no loops for", "call it outside")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where and len(args) == 3 and not kwargs:
            graph = self.graph
            return Traced(graph, graph.node(("where", *[graph.operand(x) for x in args])))
        if func is np.clip:
            return clipped(self.graph, *args, **kwargs)
        return self.graph.refuse(
            f"calls numpy.{func.__name__}, which is not a ufunc", instead_of(func.__name__)
        )

    def astype(self, dtype: Any) -> "Traced":
        # Programs have one kind of 64 bits.
        char = np.dtype(dtype).char.replace("q", "l").replace("Q", "L")
        if char not in DTYPES:
            self.graph.refuse(f"makes {self} of dtype {np.dtype(dtype)}", "use a dtype of numbers")
        return Traced(self.graph, self.graph.node(("cast", char, self.id)))

    def clip(self, min: Any = None, max: Any = None) -> Any:  # noqa: A002, NumPy's names
        return clipped(self.graph, self, min, max)

    def conj(self) -> Any:
        return self.graph.call("conjugate", (self.id,))

    conjugate = conj

    def __repr__(self) -> str:
        return self.graph.text(self.id)

    def __bool__(self) -> bool:
        return self.graph.refuse(
            f"branches on {self}, unknown while {self.graph.name} is traced", advice_for_bool(str(self))
        )

    def _number(self) -> Any:
        what, instead = advice_for_number(str(self))
        return self.graph.refuse(what, instead)

    __float__ = __int__ = __complex__ = __index__ = __round__ = __trunc__ = __floor__ = __ceil__ = _number

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.graph.refuse(
            f"makes an array of {self} by {segment_of_user()}",
            "use operators, ufuncs, numpy.where and numpy.clip",
        )

    def _sequence(self, *args: Any) -> Any:
        return self.graph.refuse(
            f"takes {self} for a sequence in {segment_of_user()}", "each operand is one number; index outside"
        )

    __iter__ = __len__ = __getitem__ = __setitem__ = __contains__ = _sequence

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"an operand of {self.graph.name}, while that is traced, has no {name!r}")
        if callable(getattr(np.ndarray, name)):
            self.graph.refuse(f"calls {name} of {self}, which is not elementwise", instead_of(name))
        return self.graph.refuse(
            f"looks at {self}.{name}, unknown while {self.graph.name} is traced",
            "pass what depends on it as an argument",
        )


def clipped(graph: Graph, a: Any, a_min: Any = None, a_max: Any = None, **kwargs: Any) -> Any:
    """As NumPy's `clip`, which leaves out a bound that is None."""
    low, high = kwargs.pop("min", a_min), kwargs.pop("max", a_max)
    if kwargs:
        graph.refuse(f"passes {next(iter(kwargs))}= to numpy.clip", "leave it out")
    bounds = [(name, x) for name, x in (("maximum", low), ("minimum", high)) if x is not None]
    if type(a) in WEAK:
        a = np.asarray(a)[()]  # which NumPy makes an array of before it looks at the bounds
    if not bounds:
        return a
    places = tuple(graph.operand(x) for x in (a, *(x for _, x in bounds)))
    return graph.call("clip" if len(bounds) == 2 else bounds[0][0], places)


def instead_of(name: str) -> str:
    """What to write for a function of NumPy's that is not elementwise, or not a ufunc."""
    if name in ("round", "around", "round_"):
        return "use numpy.rint"
    if name in ("real", "imag", "angle"):
        return "take it outside and pass it as an argument"
    return "call it outside, on arguments or on the result"


def short(text: str) -> str:
    return text if len(text) < 60 else text[:57] + "..."


# Operators.

BINARY: Final = {
    "add": ("add", " + "), "sub": ("subtract", " - "), "mul": ("multiply", " * "),
    "truediv": ("divide", " / "), "floordiv": ("floor_divide", " // "), "mod": ("remainder", " % "),
    "lshift": ("left_shift", " << "), "rshift": ("right_shift", " >> "),
    "and": ("bitwise_and", " & "), "xor": ("bitwise_xor", " ^ "),
    "or": ("bitwise_or", " | "), "pow": ("power", " ** "),
}  # fmt: skip
COMPARISONS: Final = {
    "lt": ("less", " < "), "le": ("less_equal", " <= "), "eq": ("equal", " == "), "ne": ("not_equal", " != "),
    "gt": ("greater", " > "), "ge": ("greater_equal", " >= "),
}  # fmt: skip
UNARY: Final = {"neg": ("negative", "-"), "pos": ("positive", "+"), "invert": ("invert", "~")}
SYMBOLS: Final = dict([*BINARY.values(), *COMPARISONS.values(), *UNARY.values()])


def forward(name: str) -> Any:
    def method(self: Traced, other: Any) -> Any:
        graph = self.graph
        place = other.id if type(other) is Traced and other.graph is graph else graph.operand(other)
        node = ("call", name, (self.id, place), 0)
        known = graph.ids.get(node)  # written out, as nearly all of a trace is this
        if known is None:
            known = graph.node(node)
        return Traced(graph, known)

    return method


def reflected(name: str) -> Any:
    def method(self: Traced, other: Any) -> Any:
        graph = self.graph
        return Traced(graph, graph.node(("call", name, (graph.operand(other), self.id), 0)))

    return method


def unary(name: str) -> Any:
    return lambda self: self.graph.call(name, (self.id,))


def power(self: Traced, other: Any, modulo: Any = None) -> Any:
    if modulo is not None:
        self.graph.refuse("calls pow with a modulus", "use %")
    if type(other) in (int, float) and other in (-1, 0, 0.5, 1, 2):
        number: Any = type(other)
        names = {short_cut(kind, number, other) for kind in "?ld"}
        if len(names) == 1 and not names & {"power", ""}:  # whatever the dtype
            return self.graph.call(names.pop(), (self.id,))
    return self.graph.call("power", (self.id, self.graph.operand(other)))


def give_operators() -> None:
    for python, (name, _) in BINARY.items():
        setattr(Traced, f"__{python}__", forward(name))
        setattr(Traced, f"__r{python}__", reflected(name))
    for python, (name, _) in COMPARISONS.items():
        setattr(Traced, f"__{python}__", forward(name))
    for python, (name, _) in UNARY.items():
        setattr(Traced, f"__{python}__", unary(name))
    others = {
        "pow": power,
        "abs": unary("absolute"),
        "divmod": lambda self, other: self.graph.calls("divmod", (self.id, self.graph.operand(other))),
        "rdivmod": lambda self, other: self.graph.calls("divmod", (self.graph.operand(other), self.id)),
        "matmul": not_elementwise,
        "rmatmul": not_elementwise,
    }
    for python, method in others.items():
        setattr(Traced, f"__{python}__", method)


def not_elementwise(self: Traced, other: Any) -> Any:
    return self.graph.refuse("multiplies matrices with @", "do so outside, on arguments or on the result")


give_operators()
