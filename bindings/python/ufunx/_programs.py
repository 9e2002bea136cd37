"""Graphs of elementwise calls, and the ufuncs that run them.

A `Node` is one value: an array that is there, or a call still to be made on other nodes and constants. Ufuncs
are kept by the shape of the graph: which calls on which values, whatever the arrays and their dtypes. A
constant is part of the program until it changes from one run to the next; from then on it is an operand.
"""

from threading import RLock
from typing import Any, Final

from . import _native
from ._kinds import WEAK, Shape

# So many operands and results a program has at most.
OPERANDS: Final = 60

Constant = tuple[Any, ...]  # of `constant`


class Node:
    """One value. It is there if `value` is not None; else `op` on `inputs`, nodes and constants, makes it."""

    __slots__ = ("inputs", "kind", "odd", "op", "recorder", "shape", "value")

    def __init__(
        self, recorder: Any, op: str, inputs: tuple[Any, ...], shape: Shape, kind: Any, odd: int
    ) -> None:
        self.recorder = recorder
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.kind = kind
        self.odd = odd
        self.value: Any = None


def described(order: list[Node], outputs: list[Node]) -> tuple[tuple[Any, ...], list[Any], list[Constant]]:
    """The graph without its arrays and constants, and these in the order in which they are met."""
    numbers: dict[Node, int] = {}
    key: list[Any] = []
    leaves: list[Any] = []
    constants: list[Constant] = []
    for i, node in enumerate(order):
        key.append(node.op)
        for x in node.inputs:
            if type(x) is tuple:
                key.append(x[0])
                constants.append(x)
            else:
                number = numbers.get(x)
                if number is None:
                    leaves.append(x.value)
                    number = numbers[x] = -len(leaves)
                key.append(number)
        numbers[node] = i
    key += [numbers[node] for node in outputs]
    return tuple(key), leaves, constants


class Program:
    """A ufunc for a graph. Constants that were seen to change are operands of it."""

    def __init__(
        self, order: list[Node], outputs: list[Node], constants: list[Constant], fold: str | None = None
    ) -> None:
        self.constants = constants
        self.fold = fold
        self.lock = RLock()
        # Which constants vary, and the ufunc that takes those: one thing, as other threads look at it.
        self.state: tuple[tuple[int, ...], Any] = (), self.define(order, outputs, ())

    def for_constants(
        self, constants: list[Constant], order: list[Node], outputs: list[Node]
    ) -> tuple[tuple[int, ...], Any]:
        """Which constants are operands, and the ufunc, None if there are too many operands.

        Both are made anew if one of the constants is another now.
        """
        state = self.state
        if constants == self.constants or not self.changed(constants, state[0]):
            return state
        with self.lock:
            varying = self.state[0] + self.changed(constants, self.state[0])
            if varying != self.state[0]:
                state = self.state = varying, self.define(order, outputs, varying)
            else:  # another thread was faster
                state = self.state
            return state

    def changed(self, constants: list[Constant], varying: tuple[int, ...]) -> tuple[int, ...]:
        """Those that are no longer what they are in the program."""
        pairs = enumerate(zip(constants, self.constants, strict=True))
        return tuple([i for i, (a, b) in pairs if a != b and i not in varying])

    def define(self, order: list[Node], outputs: list[Node], varying: tuple[int, ...]) -> Any:
        """The graph in the form that `_native.define` takes, and made of it a ufunc."""
        numbers: dict[Node, int] = {}
        calls: list[tuple[Any, ...]] = []
        inputs: list[Any] = []
        constants = 0
        # Operands come first: the arrays, then what varies. Their number is known only at the end.
        for node in order:
            places: list[Any] = []
            for x in node.inputs:
                if type(x) is tuple:
                    places.append(("constant", constants))
                    constants += 1
                else:
                    if x not in numbers:
                        numbers[x] = len(inputs)
                        inputs.append(x)
                        places.append(("input", numbers[x]))
                    else:
                        places.append(("call" if x.value is None else "input", numbers[x]))
            numbers[node] = len(calls)
            calls.append((node.op, places))
        nin = len(inputs) + len(varying)
        if nin + len(outputs) > OPERANDS:
            return None
        nodes: list[tuple[Any, ...]] = [("input", i) for i in range(nin)]
        ids: list[int] = []
        for op, places in calls:
            args = []
            for what, number in places:
                if what == "input":
                    args.append(number)
                elif what == "call":
                    args.append(ids[number])
                elif number in varying:
                    args.append(len(inputs) + varying.index(number))
                else:
                    kind, value = self.constants[number][:2]
                    args.append(len(nodes))
                    nodes.append(("weak" if kind in WEAK else "strong", value))
            ids.append(len(nodes))
            nodes.append(as_definition(op, tuple(args)))
        return _native.define(
            "fused",
            None,
            "ufunx",
            tuple(f"x{i}" for i in range(nin)),
            nodes,
            tuple(ids[numbers[node]] for node in outputs),
            fold=self.fold,
        )


def operands_of(leaves: list[Any], constants: list[Constant], varying: tuple[int, ...]) -> list[Any]:
    return [*leaves, *(constants[i][1] for i in varying)] if varying else leaves


PROGRAMS: Final[dict[tuple[Any, ...], Program]] = {}
# So many are kept.
MOST_PROGRAMS: Final = 1000


def program_of(
    key: tuple[Any, ...],
    order: list[Node],
    outputs: list[Node],
    constants: list[Constant],
    fold: str | None = None,
) -> Program:
    """The program of a graph, a new one if it was never seen."""
    program = PROGRAMS.get(key)
    if program is None:
        if len(PROGRAMS) >= MOST_PROGRAMS:
            PROGRAMS.clear()
        program = PROGRAMS[key] = Program(order, outputs, constants, fold)
    return program


def as_definition(op: str, args: tuple[int, ...]) -> tuple[Any, ...]:
    """A node of `_native.define`. An `op` is a ufunc's name, `where`, `cast/d` or `divmod/1`."""
    name, _, detail = op.partition("/")
    if name == "where":
        return ("where", *args)
    if name == "cast":
        return ("cast", detail, *args)
    return ("call", name, args, int(detail or 0))
