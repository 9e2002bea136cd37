"""The array that a fused function works on: an ndarray's face, and behind it calls still to be made.

Operators (`_operators.py`), ufuncs, `where`, `clip` and `astype` are recorded (`_recording.py`). For whatever
else is asked of it, it has the calls made and asks the array: there is nothing that a lazy array refuses.
Arrays that come of such an answer are lazy again. An array that the function has got hold of otherwise can be
written to without anybody noticing, so where one is an operand, a copy of it is recorded, or the call is made
at once.
"""

import operator
import sys
from collections.abc import Iterator
from math import prod
from typing import Any, Final

import numpy as np

from ._blocks import block
from ._kinds import (
    BOUNDS,
    FUNCTIONS,
    KINDS,
    NAMES,
    RESULTS,
    UFUNCS,
    WEAK,
    Shape,
    broadcast,
    constant,
    fits,
    kind_of,
    performer,
)
from ._programs import Node
from ._recording import (
    IS_FORTRAN,
    IS_OTHER,
    IS_SMALL,
    NOT_ELEMENTWISE,
    SMALL,
    STATE,
    WAITING,
    Recorder,
    leaf,
    owner_of,
)
from ._writers import function_writes, method_writes

# Beside these, a Python number that is not huge becomes what they are.
FLOATS: Final = ("d", "f")


OUR_FUNCTIONS: Final = {getattr(np, name): function for name, function in FUNCTIONS.items()}
# Functions that can be made in one with the calls behind their operand: called with the number of references
# to that, they return None if not this time. Filled by `_reductions.py`.
FOLDS: Final[dict[Any, Any]] = {}


class Lazy:
    """An ndarray to all who ask. It has at least one axis."""

    __slots__ = ("__weakref__", "_node")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 0.0

    def __init__(self, node: Node) -> None:
        self._node = node

    # What is recorded: operators, ufuncs, a few functions and methods.

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        recorder = self._node.recorder
        if method == "__call__":
            name = NAMES.get(ufunc)
            if name is not None:
                if not kwargs:
                    return recorded(recorder, name, inputs, ufunc)
                if (
                    kwargs.keys() == {"out"}
                    and ufunc.nout == 1
                    and type(kwargs["out"][0]) in (Lazy, np.ndarray)
                ):
                    return written(recorder, name, inputs, kwargs["out"][0], ufunc)
        writes = method == "at" or "out" in kwargs
        # NumPy's ufunc may be one that we do not have, or may find an operand with an override of its own.
        ufunc = UFUNCS.get(NAMES.get(ufunc, ""), ufunc)
        words = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return called(recorder, getattr(ufunc, method), inputs, kwargs, words, writes)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        recorder = self._node.recorder
        if func is np.where and len(args) == 3 and not kwargs:
            return recorded(recorder, "where", args, FUNCTIONS["where"])
        if func is np.clip and not kwargs and len(args) == 3 and args[0] is self:
            return self.clip(*args[1:])
        references = sys.getrefcount(self)
        if func in FOLDS and args and args[0] is self:
            result = FOLDS[func](references, self, *args[1:], **kwargs)
            if result is not None:
                return result
        writes = function_writes(func, args, kwargs)
        function = OUR_FUNCTIONS.get(func, func)
        return called(recorder, function, args, kwargs, func.__name__, writes)

    def copy(self, order: Any = "C") -> Any:
        node, array = self._node, self._array("copied")
        if order == "K" and array.flags.c_contiguous:
            order = "C"
        out = block(node.shape, node.kind) if order == "C" and node.kind else None
        if out is None:
            return wrapped(array.copy(order), node.recorder)
        np.copyto(out, array)
        return Lazy(leaf(node.recorder, out))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        node = self._node
        if not args and not kwargs and not node.odd:
            to = np.dtype(dtype)
            char = to.char
            kind = kind_of(f"cast/{char}", (node.kind,)) if char in BOUNDS and to.isnative else None
            if kind is not None and is_open(node.recorder):
                return Lazy(node.recorder.record(f"cast/{char}", (node,), node.shape, kind))
        return called(node.recorder, np.ndarray.astype, (self, dtype, *args), kwargs, "astype", False)

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        recorder = self._node.recorder
        if len(args) == 2 and not kwargs:
            low, high = args
            if low is None and high is not None:
                return recorded(recorder, "minimum", (self, high), None)
            if high is None and low is not None:
                return recorded(recorder, "maximum", (self, low), None)
            if low is not None:
                return recorded(recorder, "clip", (self, low, high), None)
        return called(
            recorder, OUR_FUNCTIONS.get(np.clip, np.clip), (self, *args), kwargs, "clip", "out" in kwargs
        )

    def conj(self) -> Any:
        return recorded(self._node.recorder, "conjugate", (self,), UFUNCS["conjugate"])

    conjugate = conj

    # What is known without a call.

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return np.ndarray

    @property
    def shape(self) -> Any:
        return self._node.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        self._set("shape", shape)

    @property
    def ndim(self) -> int:
        return len(self._node.shape)

    @property
    def size(self) -> int:
        return prod(self._node.shape)

    def __len__(self) -> int:
        return self._node.shape[0]

    @property
    def dtype(self) -> Any:
        node = self._node
        return np.dtype(node.kind) if node.value is None else node.value.dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self._set("dtype", dtype)

    # What needs the array.

    def _array(self, why: str) -> Any:
        node = self._node
        if node.value is None:
            node.recorder.run([node], why)
        return node.value

    def _set(self, name: str, value: Any) -> None:
        array = self._array(f"{name} is set")
        recorder = self._node.recorder
        recorder.before_write(array)
        setattr(array, name, unwrapped(value, recorder, "an operand"))
        self._node = leaf(recorder, array)

    def __getattr__(self, name: str) -> Any:
        why = f"given to {name}" if callable(getattr(np.ndarray, name, None)) else name
        array = self._array(why)
        value = getattr(array, name)
        recorder = self._node.recorder
        if name.startswith("__") or name in ("data", "ctypes"):
            recorder.give_away(array)
            return value
        if not callable(value):
            return wrapped(value, recorder)

        def method(*args: Any, **kwargs: Any) -> Any:
            writes = method_writes(name, args, kwargs)
            result = called(recorder, getattr(np.ndarray, name), (self, *args), kwargs, name, writes)
            if writes:
                self._node = leaf(recorder, array)
            return result

        return method

    @property
    def strides(self) -> Any:
        return self._array("strides").strides

    @strides.setter
    def strides(self, strides: Any) -> None:
        self._set("strides", strides)

    @property
    def real(self) -> Any:
        return wrapped(self._array("real").real, self._node.recorder)

    @real.setter
    def real(self, value: Any) -> None:
        self._set("real", value)

    @property
    def imag(self) -> Any:
        return wrapped(self._array("imag").imag, self._node.recorder)

    @imag.setter
    def imag(self, value: Any) -> None:
        self._set("imag", value)

    @property
    def flat(self) -> Any:
        return self._given_away("flat").flat

    @flat.setter
    def flat(self, value: Any) -> None:
        self._set("flat", value)

    def _given_away(self, why: str) -> Any:
        """The array, for somebody who may keep it and write to it."""
        array = self._array(why)
        self._node.recorder.give_away(array)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy or (dtype is not None and self.dtype != dtype):
            return np.array(self._array("made an ndarray"), dtype=dtype, copy=copy)
        return self._given_away("made an ndarray")

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(self._given_away("its buffer"))

    def __getitem__(self, key: Any) -> Any:
        node = self._node
        array = node.value if node.value is not None else self._array("indexed")
        if type(key) is Lazy or (type(key) is tuple and any(type(part) is Lazy for part in key)):
            key = unwrapped(key, node.recorder, "an index")
        return wrapped(array[key], node.recorder)

    def __setitem__(self, key: Any, value: Any) -> None:
        array = self._array("assigned to")
        recorder = self._node.recorder
        key = unwrapped(key, recorder, "an index")
        recorder.before_write(array)
        array[key] = unwrapped(value, recorder, "assigned to items")

    def __delitem__(self, key: Any) -> None:
        del self._array("items deleted")[key]

    def __iter__(self) -> Iterator[Any]:
        recorder = self._node.recorder
        for item in self._array("iterated over"):
            yield wrapped(item, recorder)

    def __contains__(self, value: Any) -> bool:
        return unwrapped(value, self._node.recorder, "searched") in self._array("searched")

    def __bool__(self) -> bool:
        return bool(self._array("if"))

    def __int__(self) -> int:
        return int(self._array("int"))

    def __float__(self) -> float:
        return float(self._array("float"))

    def __complex__(self) -> complex:
        return complex(self._array("complex"))

    def __bytes__(self) -> bytes:
        return self._array("bytes").tobytes()  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return operator.index(self._array("an index"))

    def __repr__(self) -> str:
        return repr(self._array("printed"))

    def __str__(self) -> str:
        return str(self._array("printed"))

    def __format__(self, spec: str) -> str:
        return format(self._array("printed"), spec)

    def __dir__(self) -> list[str]:
        return dir(np.ndarray)

    def __copy__(self) -> Any:
        return self.copy("K")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._array("pickled").__reduce_ex__(protocol)

    def __sizeof__(self) -> int:
        return self._array("its size in memory").__sizeof__()  # type: ignore[no-any-return]


def is_open(recorder: Recorder) -> bool:
    """Whether calls are recorded now, on whatever lazy arrays."""
    if STATE.get() is not recorder.state:
        recorder.look_at_state()
    return not (recorder.at_once or recorder.given)


def noted(name: str, inputs: tuple[Any, ...], like: Node, kind: str) -> Lazy | None:
    """A call of the usual kind recorded, with a result of a node's shape; None if none are recorded now."""
    recorder = like.recorder
    if STATE.get() is not recorder.state or recorder.at_once or recorder.given:
        return None
    node = Node(recorder, name, inputs, like.shape, kind, 0)
    nodes = recorder.nodes
    nodes.append(node)
    if len(nodes) > WAITING:
        recorder.make_some(node)
    return Lazy(node)


def recorded(recorder: Recorder, name: str, operands: tuple[Any, ...], otherwise: Any) -> Any:
    """The call's result, lazily if that can be exact; `otherwise` is what to call on arrays, ours if None."""
    if is_open(recorder) and name not in RESULTS:
        result = usually(recorder, name, operands)
        if result is not None:
            return result
    nodes = as_inputs(recorder, operands)
    if nodes is None:
        return called(recorder, otherwise or performer(name), operands, {}, name, False)
    kinds = tuple(x.kind if type(x) is Node else x[0] for x in nodes)
    arrays = [x for x in nodes if type(x) is Node]
    shape = broadcast(tuple(x.shape for x in arrays))
    outputs = RESULTS.get(name, 1)
    ops = [name] if outputs == 1 else [f"{name}/{i}" for i in range(outputs)]
    if shape is not None and len(nodes) == len(operands) and not recorder.at_once:
        odd = oddity(arrays, shape)
        made = [kind_of(op, kinds) for op in ops]
        if odd is not None and all(kind and constants_fit(name, nodes, kind) for kind in made):
            results = [
                Lazy(recorder.record(op, nodes, shape, str(kind), odd))
                for op, kind in zip(ops, made, strict=True)
            ]
            return results[0] if outputs == 1 else tuple(results)
    values = [x[1] if type(x) is tuple else given(x, name) for x in nodes]
    if recorder.log is not None:
        recorder.log.called(name, "at once")
    return wrapped(recorder.call(performer(name), values, {}), recorder)


def usually(recorder: Recorder, name: str, operands: tuple[Any, ...]) -> Lazy | None:
    """The call recorded, if it is of the usual kind: on lazy arrays of one shape, and Python numbers."""
    nodes: list[Any] = []
    key: list[Any] = [name]
    like: Any = None
    floats = True
    for x in operands:
        kind = type(x)
        if kind is Lazy:
            node = x._node
            if node.odd or node.recorder is not recorder or (like is not None and node.shape != like.shape):
                return None
            like = node
            key.append(node.kind)
            nodes.append(node)
            floats = floats and node.kind in FLOATS
        elif (kind is float or kind is int) and (x or kind is int) and -1e15 < x < 1e15:
            key.append(kind)
            nodes.append((kind, x))
        else:
            return None
    made = KINDS.get(tuple(key))
    if made is None or not (floats or made in FLOATS or len(nodes) == 1):
        return None
    return noted(name, tuple(nodes), like, made)


def given(node: Node, why: str) -> Any:
    if node.value is None:
        node.recorder.run([node], why)
    return node.value


def as_inputs(recorder: Recorder, operands: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The operands as nodes and constants, None if one is neither. There is a lazy one among them."""
    nodes: list[Any] = []
    for x in operands:
        if type(x) is Lazy:
            node: Node | None = x._node
            assert node is not None
            if node.recorder is not recorder:
                return None
            if node.value is not None and recorder.given and recorder.is_given(node.value):
                node = foreign(recorder, node.value, operands)
            if node is None or node.kind is None:
                return None
            nodes.append(node)
        elif type(x) in WEAK:
            nodes.append(constant(x))
        elif isinstance(x, bool | np.bool_):
            nodes.append(constant(np.bool_(x)))
        elif type(x) is np.ndarray and x.ndim:
            node = foreign(recorder, x, operands)
            if node is None:
                return None
            nodes.append(node)
        elif isinstance(x, np.generic) or type(x) is np.ndarray:
            if x.dtype.char not in BOUNDS or not x.dtype.isnative:
                return None
            nodes.append(constant(x[()]))  # type: ignore[index]
        else:
            return None
    return tuple(nodes)


def foreign(recorder: Recorder, array: Any, operands: tuple[Any, ...]) -> Node | None:
    """A node for an array that somebody else holds and may write to: of a copy, or none if that does not
    pay."""
    if array.size >= SMALL and all(type(x) is not Lazy or x._node.value is not None for x in operands):
        return None
    return leaf(recorder, array.copy(order="K"))


def oddity(arrays: list[Node], shape: Shape) -> int | None:
    """The oddity of a result, None if the call must be made at once."""
    bits = 0
    for node in arrays:
        bits |= node.odd
    if bits & IS_OTHER or (bits & IS_SMALL and prod(shape) < SMALL):
        return None
    if bits & IS_FORTRAN:
        full = [node for node in arrays if sum(n > 1 for n in node.shape) > 1]
        # (What another operand gives an axis lies in neither order.)
        if not all(node.odd & IS_FORTRAN and node.shape == shape for node in full):
            return None
        return IS_FORTRAN
    return 0


def constants_fit(name: str, nodes: tuple[Any, ...], kind: str) -> bool:
    """Whether the Python numbers among the operands become what the arrays are, without a word."""
    for x in nodes:
        if type(x) is tuple and x[0] in WEAK:
            kinds = {node.kind if type(node) is Node else node[0] for node in nodes} - {*WEAK}
            if not all(fits(x[1], other) or other == "?" for other in kinds | {kind}):
                return False
            if name == "power" and type(x[1]) is int and x[1] < 0 and kind not in "efdFD":
                return False
    return True


def written(
    recorder: Recorder,
    name: str,
    operands: tuple[Any, ...],
    out: Any,
    ufunc: Any,
    passing: Lazy | None = None,
) -> Any:
    """A call with an output: what is behind its operands is made on the way."""
    array = out._array("written to") if type(out) is Lazy else out
    recorder.before_write(array)
    if type(out) is Lazy and out._node.recorder is not recorder:  # that of a fused function around this one
        out._node.recorder.before_write(array)
    is_open(recorder)
    nodes = as_inputs(recorder, operands)
    if nodes is not None and not recorder.at_once and any(type(x) is Node and x.value is None for x in nodes):
        kinds = tuple(x.kind if type(x) is Node else x[0] for x in nodes)
        arrays = [x for x in nodes if type(x) is Node]
        kind = kind_of(name, kinds)
        if (
            kind is not None
            and array.dtype == kind
            and array.flags.writeable
            and broadcast(tuple(x.shape for x in arrays)) == array.shape
            and oddity(arrays, array.shape) is not None
            and constants_fit(name, nodes, kind)
        ):
            node = recorder.record(name, nodes, array.shape, kind)
            del nodes, arrays  # whose references would count
            recorder.run([node], "written to", array, passing)
            return out
    called(recorder, UFUNCS.get(name, ufunc), operands, {"out": (out,)}, name, True)
    return out


def called(recorder: Recorder, function: Any, args: Any, kwargs: Any, name: str, writes: bool) -> Any:
    """The function on arrays in place of the lazy ones, and its results lazy."""
    if recorder.log is not None:
        recorder.log.called(name, NOT_ELEMENTWISE if name not in UFUNCS else "at once")
    lazies: dict[int, Lazy] = {}
    args = unwrapped(args, recorder, name, lazies)
    kwargs = unwrapped(kwargs, recorder, name, lazies)
    ours = {place for place, lazy in lazies.items() if lazy._node.recorder is recorder}
    # Those of fused functions around this one have calls waiting as well.
    recorders = {recorder, *[lazy._node.recorder for lazy in lazies.values()]}
    if writes:
        for lazy in lazies.values():
            for one in recorders:
                one.before_write(lazy._node.value)
    is_open(recorder)
    result = recorder.call(function, args, kwargs)
    if lazies and (not is_known(result) or any(map(callable, args))):
        for lazy in lazies.values():  # which it may have kept
            for one in recorders:
                one.give_away(lazy._node.value)
    # What was not lazy stays what it is, and who has it may write to what shares its memory.
    known: dict[int, Any] = {id(x): x for x in arrays_in((args, kwargs))}
    outside = {id(owner_of(x)) for place, x in known.items() if place not in ours}
    if outside:
        for x in arrays_in(result):
            if id(x) not in known and id(owner_of(x)) in outside:
                for one in recorders:
                    one.give_away(x)
    return wrapped(result, recorder, known | lazies)


def arrays_in(x: Any) -> Iterator[Any]:
    """The arrays in tuples, lists and dicts, none of them lazy."""
    if type(x) is not Lazy and isinstance(x, np.ndarray):
        yield x
    elif type(x) is tuple or type(x) is list:
        for item in x:
            yield from arrays_in(item)
    elif type(x) is dict:
        for item in x.values():
            yield from arrays_in(item)


def is_known(result: Any) -> bool:
    """Whether a result holds no array that we do not see."""
    kind = type(result)
    if kind is tuple or kind is list:
        return all(map(is_known, result))
    return (
        (kind is np.ndarray and result.dtype.char in BOUNDS and result.dtype.isnative)
        or isinstance(result, np.generic | int | float | complex | str | bytes | np.dtype)
        or result is None
    )


def unwrapped(x: Any, recorder: Recorder, why: str, lazies: dict[int, Lazy] | None = None) -> Any:
    """With arrays for lazy ones, in tuples, lists and dicts too; `lazies` notes which array was whose."""
    kind = type(x)
    if kind is Lazy:
        array = x._array(f"given to {why}")
        if lazies is not None:
            lazies[id(array)] = x
        return array
    if kind is tuple or kind is list:
        return kind([unwrapped(item, recorder, why, lazies) for item in x])
    if kind is dict:
        return {key: unwrapped(item, recorder, why, lazies) for key, item in x.items()}
    return x


def wrapped(x: Any, recorder: Recorder, known: dict[int, Any] | None = None) -> Any:
    """With lazy arrays for arrays that are large or may share memory, unless the function is over.

    `known` has what stands for which.
    """
    kind = type(x)
    if kind is np.ndarray:
        if known and id(x) in known:
            return known[id(x)]
        if x.ndim == 0 or recorder.over or x.dtype.char not in BOUNDS or not x.dtype.isnative:
            if x.base is not None:
                recorder.give_away(x)
            return x
        if x.size < SMALL and x.base is None:
            return x  # and nobody's memory
        return Lazy(leaf(recorder, x))
    if kind is tuple or kind is list:
        return kind([wrapped(item, recorder, known) for item in x])
    return x
