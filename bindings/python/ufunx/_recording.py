"""What `ufunx.fuse` records: elementwise calls, made when a value is needed, as programs.

A `Recorder` keeps the nodes (`_programs.py`) of one run of a fused function in the order of their recording.
When a value is needed, what it is made of and has not run yet becomes one program. What anything else still
refers to (a variable, a call recorded later) is an output of that program, so that every call is made once;
the rest never has memory of its own.

Everything that a call decides by looking at its operands is decided at recording: dtype, shape, errors. What
could not be exact later, or would not pay, is not recorded but called at once.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from threading import RLock
from types import CodeType, FunctionType
from typing import Any, Final
from weakref import ref

import numpy as np

from ._blocks import block, release, untraced
from ._kinds import DTYPES, UFUNCS, UMATH, Shape, performer
from ._programs import Node, described, operands_of, program_of

# Fewer elements are called at once: recording a call costs a microsecond or two, running what was recorded
# ten. With three light calls a program breaks even at 25,000 elements, with sixty at 8,000.
SMALL: Final = 16_384
# So many calls wait at most.
WAITING: Final = 512

# Why a value is not recorded on as a matter of course, as bits of `Node.odd`.
IS_SMALL: Final = 1
IS_FORTRAN: Final = 2  # the first axis is the fastest: all operands must be so, or all must not
IS_OTHER: Final = 4  # axes in another order, or a dtype that programs do not know


class ErrorState:
    """NumPy's error state as a context variable that holds another object whenever the state changes."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}

    def get(self) -> Any:
        state = tuple(np.geterr().items())
        return self.known.setdefault(state, state)

    def set(self, state: Any) -> Any:
        return np.seterr(**dict(state))

    def reset(self, token: Any) -> None:
        np.seterr(**token)


# NumPy has such a variable, under a name of its own.
STATE: Final[Any] = getattr(UMATH, "_extobj_contextvar", None) or ErrorState()

NOT_ELEMENTWISE: Final = "not elementwise"


def leaf(recorder: "Recorder", array: Any) -> Node:
    """The node of an array that is there."""
    dtype = array.dtype
    kind = dtype.char if dtype.isnative and dtype.char in DTYPES else None
    shape = array.shape
    odd = IS_SMALL if array.size < SMALL else 0
    if kind is None:
        odd |= IS_OTHER
    elif len(shape) > 1 and not array.flags.c_contiguous:
        odd |= order_of(array)
    node = Node(recorder, "", (), shape, kind, odd)
    node.value = array
    return node


def order_of(array: Any) -> int:
    """Which axis is fastest, as a bit of `odd`: results of calls have the order of their operands."""
    falls = rises = True
    last = 0
    for step, n in zip(array.strides, array.shape, strict=True):
        if n > 1:
            step = abs(step)
            falls = falls and step > 0 and (step < last or not last)
            rises = rises and last < step
            last = step
    return 0 if falls else IS_FORTRAN if rises else IS_OTHER


CALL: Final = lambda function, args, options: function(*args, **options)  # noqa: E731, one line is one place


def call_from(function: Any) -> Any:
    """What calls a function with arguments as if it did so in the line where `function` is defined."""
    code = getattr(function, "__code__", None)
    if type(code) is not CodeType:
        return CALL
    place: dict[str, Any] = {
        "co_filename": code.co_filename,
        "co_firstlineno": code.co_firstlineno,
        "co_name": code.co_name,
    }
    return FunctionType(CALL.__code__.replace(**place), function.__globals__)


# The last error state seen in which calls can be recorded.
plain_state: Any = None


class Recorder:
    """The calls of one run of a fused function that have not been made yet."""

    __slots__ = ("at_once", "call", "given", "lock", "log", "nodes", "over", "state")

    def __init__(self, log: "Log | None" = None, call: Any = None) -> None:
        # What makes every call, so that warnings come from where the fused function is.
        self.call = call or CALL
        # The owners of memory that somebody may write to without our knowledge, by address, while they live.
        self.given: dict[int, Any] = {}
        self.nodes: list[Node] = []
        self.log = log
        self.lock = RLock()
        self.over = False
        self.state: Any = None
        self.look_at_state()

    def look_at_state(self) -> None:
        """Follow NumPy's error state: what was recorded under another one runs under that.

        Errors must come where they are made, so where flags are errors, or are told to someone, nothing is
        recorded.
        """
        if self.nodes:
            self.run_all("the error state changed")
        global plain_state
        self.state = STATE.get()
        if self.state is not plain_state and {*np.geterr().values()} <= {"ignore", "warn"}:
            plain_state = self.state
        self.at_once = self.over or self.state is not plain_state

    def record(self, op: str, inputs: tuple[Any, ...], shape: Shape, kind: str, odd: int = 0) -> Node:
        node = Node(self, op, inputs, shape, kind, odd)
        self.nodes.append(node)
        if len(self.nodes) > WAITING:
            self.make_some(node)
        return node

    def make_some(self, node: Node) -> None:
        """Let fewer calls wait."""
        self.drop_dead()
        if len(self.nodes) > WAITING // 2:
            self.run([node], "many calls were waiting")

    def drop_dead(self) -> None:
        """Forget what nobody refers to any more."""
        # From the last to the first, as a call keeps its operands alive.
        kept: list[Node] = []
        nodes, self.nodes = self.nodes, kept
        while nodes:
            node = nodes.pop()
            if node.value is None and sys.getrefcount(node) > UNHELD:
                kept.append(node)
            del node
        kept.reverse()

    def run_all(self, why: str) -> None:
        """Make every call whose result anybody can still see."""
        self.drop_dead()
        while self.nodes:
            self.run(ends(self.nodes), why)
            self.drop_dead()

    def run(self, targets: list[Node], why: str, out: Any = None, passing: Any = None) -> None:
        """Give the nodes, which are of one shape, their values; into the array `out`, if there is one node.

        The lazy array `passing` is about to go, and so no reason to keep its value.
        """
        with self.lock:
            targets = [node for node in targets if node.value is None]
            if not targets:
                return
            uses = self.needed(targets, why)
            if passing is not None and passing._node in uses:
                uses[passing._node] += 1
            outputs = targets + [node for node in held(uses) if node not in targets]
            order = self.in_order(uses)
            self.execute(order, outputs, why, out)
            del uses, order  # whose references would count
            self.forget()

    def forget(self) -> None:
        """Wait no longer for what is made, nor for what nobody refers to. What was taken for temporary and is
        held after all still waits."""
        self.nodes = [node for node in self.nodes if node.value is None]
        self.drop_dead()

    def needed(self, targets: list[Node], why: str) -> dict[Node, int]:
        """The calls behind the nodes, each with the number of references to it from among them.

        Operands of another shape are made here: a program would make them once for each element of its own.
        """
        shape = targets[0].shape
        uses = dict.fromkeys(targets, 0)
        others: list[Node] = []
        stack = list(targets)
        while stack:
            for x in stack.pop().inputs:
                if type(x) is Node and x.value is None:
                    if x in uses:
                        uses[x] += 1
                    elif x.shape == shape:
                        uses[x] = 1
                        stack.append(x)
                    elif x not in others:
                        others.append(x)
        while others:
            of_shape = [node for node in others if node.shape == others[0].shape]
            others = [node for node in others if node.shape != others[0].shape]
            self.run(of_shape, f"{why}, and broadcast")
        return uses

    def in_order(self, uses: dict[Node, int]) -> list[Node]:
        """The nodes in an order in which they can be made."""
        order = [node for node in self.nodes if node in uses]
        if len(order) < len(uses):  # one that was taken for dead
            order, stack = [], [*uses]
            done: set[Node] = set()
            while stack:
                node = stack[-1]
                ahead = [x for x in node.inputs if type(x) is Node and x in uses and x not in done]
                stack += ahead
                if not ahead:
                    stack.pop()
                    if node not in done:
                        done.add(node)
                        order.append(node)
        return order

    def execute(self, order: list[Node], outputs: list[Node], why: str, out: Any = None) -> None:
        """Make the calls, by one program if they have few enough operands."""
        if len(order) == 1:
            (node,) = order
            values = [x[1] if type(x) is tuple else x.value for x in node.inputs]
            if out is None and not node.odd and node.op in UFUNCS:
                out = block(node.shape, node.kind)
            self.give([node], self.in_state(node.op, values, out))
            if self.log is not None:
                self.log.ran(order, why)
            return
        key, leaves, constants = described(order, outputs)
        program = program_of(key, order, outputs, constants)
        varying, ufunc = program.for_constants(constants, order, outputs)
        if ufunc is None:
            first, rest = order[: len(order) // 2], order[len(order) // 2 :]
            later = {x for node in rest for x in node.inputs if type(x) is Node}
            self.execute(first, [node for node in first if node in later or node in outputs], why)
            self.execute(rest, [node for node in outputs if node in rest], why, out)
            return
        outs = [None if node.odd else block(node.shape, node.kind) for node in outputs]
        if out is not None:
            outs[0] = out  # the first is what was asked for
        out = outs[0] if len(outs) == 1 else tuple(outs) if any(x is not None for x in outs) else None
        results = self.in_state(ufunc, operands_of(leaves, constants, varying), out)
        self.give(outputs, results)
        if self.log is not None:
            self.log.ran(order, why)

    def give(self, nodes: list[Node], results: Any) -> None:
        for node, result in zip(nodes, results if len(nodes) > 1 else (results,), strict=True):
            node.value = result
            node.inputs = ()

    def fold(self, node: Node, fold: str, axis: Any, keepdims: bool) -> Any:
        """`fold.reduce` of the node's value, which is not kept."""
        with self.lock:
            why = f"{fold}.reduce"
            uses = self.needed([node], why)
            others = [x for x in held(uses) if x is not node]
            if others:
                del uses  # whose references would count
                self.run(others, why)
                uses = self.needed([node], why)
            order = self.in_order(uses)
            key, leaves, constants = described(order, [node])
            program = program_of((fold, *key), order, [node], constants, fold)
            varying, ufunc = program.for_constants(constants, order, [node])
            if ufunc is None:
                return None
            operands = operands_of(leaves, constants, varying)
            result = self.in_state(ufunc, operands, None, axis=axis, keepdims=keepdims)
            if self.log is not None:
                self.log.ran(order, why, fold)
            del uses, order  # whose references would count
            self.forget()
            return result

    def in_state(self, function: Any, operands: Sequence[Any], out: Any, **options: Any) -> Any:
        """The call, under the error state that was there at recording."""
        if type(function) is str:
            function = performer(function)
        if out is not None:
            options["out"] = out
        if STATE.get() is self.state:
            return self.call(function, operands, options)
        token = STATE.set(self.state)
        try:
            return self.call(function, operands, options)
        finally:
            STATE.reset(token)

    def give_away(self, array: Any) -> None:
        """Note that somebody may write to the array: what reads it is made now, and copies are read from now
        on."""
        self.before_write(array)
        owner = owner_of(array)
        release(owner)  # so that it dies when nobody has it any more
        given, place = self.given, id(owner)
        given[place] = ref(owner, lambda _: given.pop(place, None))

    def is_given(self, array: Any) -> bool:
        return id(owner_of(array)) in self.given

    def before_write(self, array: Any) -> None:
        """Make the calls that would read what is about to be written, as far as bounds of memory can tell."""
        read = {x for node in self.nodes for x in node.inputs if type(x) is Node and x.value is not None}
        overlapping = {x for x in read if np.may_share_memory(x.value, array)}
        if overlapping:
            del read
            self.drop_dead()
            while targets := ends([node for node in self.nodes if reads(node, overlapping)]):
                self.run(targets, "an operand is written to")
                self.drop_dead()


def owner_of(array: Any) -> Any:
    """The array whose memory it is. A view keeps that one alive, whatever it was made of."""
    while type(array.base) is np.ndarray:
        array = array.base
    return array


def ends(nodes: list[Node]) -> list[Node]:
    """Of the nodes that have the last one's shape, those that no other of them is made of."""
    of_shape = [node for node in nodes if node.shape == nodes[-1].shape]
    used = {x for node in of_shape for x in node.inputs if type(x) is Node}
    return [node for node in of_shape if node not in used]


def reads(node: Node, leaves: set[Node]) -> bool:
    """Whether one of the leaves is behind a call that is still to be made."""
    seen = {node}
    stack = [node]
    while stack:
        for x in stack.pop().inputs:
            if type(x) is Node and x not in seen:
                if x in leaves:
                    return True
                if x.value is None:
                    stack.append(x)
                seen.add(x)
    return False


def held(uses: dict[Node, int]) -> list[Node]:
    """Those of the nodes that something else refers to: a variable's lazy array, or a call not among them."""
    return [node for node, inside in uses.items() if sys.getrefcount(node) - inside > IN_USES]


@untraced()
def count_references() -> tuple[int, int]:
    """What `sys.getrefcount` says of a node that nothing refers to but the places that look for it."""
    recorder = Recorder()
    recorder.nodes = [Node(recorder, "", (), (), None, 0)]
    least = 100
    for count in range(100):
        global IN_USES
        IN_USES = count
        if not held({recorder.nodes[0]: 0}):
            least = count
            break
    unheld = 0
    nodes = list(recorder.nodes)
    recorder.nodes = []
    while nodes:
        node = nodes.pop()
        unheld = sys.getrefcount(node)
        del node
    return least, unheld


IN_USES = 0
IN_USES, UNHELD = count_references()


class Log:
    """What one run of a fused function came to, for `explain`."""

    def __init__(self) -> None:
        self.programs: list[dict[str, Any]] = []
        self.alone: Counter[str] = Counter()

    def ran(self, order: list[Node], why: str, fold: str | None = None) -> None:
        names = [node.op.replace("/", " ") for node in order]
        if len(names) + (fold is not None) > 1:
            shape = order[-1].shape
            self.programs.append(
                {"calls": names + ([f"{fold}.reduce"] if fold else []), "shape": shape, "why": why}
            )
        else:
            self.alone[f"{names[0]}: {why}"] += 1

    def elementwise_alone(self) -> int:
        return sum(count for what, count in self.alone.items() if not what.endswith(NOT_ELEMENTWISE))

    def called(self, name: str, why: str) -> None:
        self.alone[f"{name}: {why}"] += 1
