"""What must never take a process down: objects whose look-ups, properties and callbacks change what a call
rests on. Calls that could crash run in a process of their own.
"""

import functools
import importlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ufunx


def run(program: str, *arguments: str) -> str:
    """What a program prints, which must end well."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def array(dtype: str) -> Any:
    """An `Array` of a dtype that NumPy may have."""
    return ufunx.asarray([1.0, 2.0, 3.0, 4.0], dtype="bfloat16").astype(dtype)


# Nothing that a look-up returned is kept without being held.


def test_a_method_made_at_each_look_up() -> None:
    class Tagged:
        def answer(self, tag: str, func: Any, types: Any, args: Any, kwargs: Any) -> str:
            return tag

        __array_function__ = functools.partialmethod(answer, "tag")

    for _ in range(200):
        _ = [lambda: None for _ in range(50)]  # comes to lie where a method that was let go lay
        assert ufunx.sum(Tagged()) == "tag"


def test_a_descriptor_is_asked_each_time() -> None:
    class Counting:
        asked = 0

        def __get__(self, instance: Any, owner: Any) -> Any:
            Counting.asked += 1
            count = Counting.asked
            return lambda *args: count

    class Asked:
        __array_function__ = Counting()

    assert [ufunx.sum(Asked()) for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_plain_method_is_looked_up_once_and_noticed_when_it_changes() -> None:
    class Base:
        def __array_function__(self, *args: Any) -> str:
            return "base"

    class Child(Base):
        pass

    assert [ufunx.sum(Child()) for _ in range(3)] == ["base"] * 3
    Base.__array_function__ = lambda self, *args: "other"  # type: ignore[method-assign]
    assert ufunx.sum(Child()) == "other"
    Child.__array_function__ = lambda self, *args: "own"  # type: ignore[method-assign]
    assert ufunx.sum(Child()) == "own"
    del Child.__array_function__
    assert ufunx.sum(Child()) == "other"


def test_a_metaclass_that_gains_an_opinion() -> None:
    class Meta(type):
        pass

    class Plain(np.ndarray, metaclass=Meta):
        pass

    x = np.ones(3).view(Plain)
    for _ in range(3):
        assert type(ufunx.add(x, 1)) is Plain
    Meta.__array_ufunc__ = property(lambda cls: None)  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(TypeError, match="does not support ufuncs"):
            ufunx.add(x, 1)
    del Meta.__array_ufunc__  # type: ignore[attr-defined]
    assert type(ufunx.add(x, 1)) is Plain


def test_a_subclass_that_answers_by_a_descriptor() -> None:
    """Today as `ndarray` does, tomorrow not."""

    class Sometimes:
        answer: Any = np.ndarray.__array_ufunc__

        def __get__(self, instance: Any, owner: Any) -> Any:
            return Sometimes.answer

    class Moody(np.ndarray):
        __array_ufunc__ = Sometimes()  # type: ignore[assignment]

    x = np.ones(3).view(Moody)
    assert type(ufunx.add(x, 1)) is Moody
    Sometimes.answer = lambda *args, **kwargs: "mine"
    assert ufunx.add(x, 1) == "mine"


def test_a_dispatcher_whose_list_is_emptied_by_the_first_it_asks() -> None:
    program = """
import ufunx
class First:
    def __array_function__(self, func, types, args, kwargs):
        relevant.clear()
        global junk
        junk = [bytes(48) for _ in range(1000)]
        return NotImplemented
class Second:
    def __init__(self): self.mine = [bytearray(200)]
    def __array_function__(self, func, types, args, kwargs): return len(self.mine)
relevant = []
def dispatcher(x):
    relevant[:] = [First(), Second()]
    return relevant
@ufunx.array_function_dispatch(dispatcher, verify=False)
def f(x): return "implementation"
print({f(1) for _ in range(50)})
"""
    assert run(program) == "{1}\n"


@pytest.mark.parametrize("change", ["assigned", "in place"])
def test_a_dispatcher_whose_keyword_defaults_change(change: str) -> None:
    class Asked:
        def __array_function__(self, *args: Any) -> str:
            return "asked"

    def dispatcher(x: Any, *, out: Any = None) -> tuple[Any, Any]:
        return (x, out)

    @ufunx.array_function_dispatch(dispatcher, verify=False)
    def f(x: Any, *, out: Any = None) -> str:
        return "implementation"

    assert f(1) == "implementation"
    if change == "assigned":
        dispatcher.__kwdefaults__ = {"out": Asked()}
    else:
        dispatcher.__kwdefaults__["out"] = Asked()
    assert f(1) == "asked"


# What a call runs of others' code has run before an operand's memory is looked at.

RESIZING = """
import sys, numpy, ufunx
N = 2_000_000
class Resizes:
    def __init__(self, a): self.a = a
    @property
    def dtype(self):
        self.a.resize((4,), refcheck=False)
        global junk
        junk = [numpy.full(N, 9.0) for _ in range(2)]
        return numpy.dtype("f8")
a, b, c = numpy.ones(N), numpy.ones(N), numpy.ones(N)
call = {
    "reduce": lambda lib: lib.add.reduce(a, dtype=Resizes(a)),
    "accumulate": lambda lib: lib.add.accumulate(a, dtype=Resizes(a)).shape,
    "reduceat": lambda lib: lib.add.reduceat(a, numpy.array([0, 3]), dtype=Resizes(a)).tolist(),
    "input": lambda lib: lib.add(a, b, dtype=Resizes(a)).shape,
    "output": lambda lib: lib.add(b, c, out=a, dtype=Resizes(a)).shape,
    "sum": lambda lib: lib.sum(a, dtype=Resizes(a)),
    "mean": lambda lib: lib.mean(a, dtype=Resizes(a)),
    "cumsum": lambda lib: lib.cumsum(a, dtype=Resizes(a)).shape,
}[sys.argv[1]]
try: print(call(sys.modules[sys.argv[2]]))
except ValueError as error: print("ValueError", error)
"""


@pytest.mark.parametrize("form", ["reduce", "accumulate", "reduceat", "input", "output", "sum", "cumsum"])
def test_a_dtype_that_resizes_an_operand(form: str) -> None:
    assert run(RESIZING, form, "ufunx") == run(RESIZING, form, "numpy")


def test_a_dtype_that_resizes_what_a_mean_is_taken_of() -> None:
    """NumPy has counted the elements before, and divides by that many."""
    assert float(run(RESIZING, "mean", "ufunx")) in (1.0, float(run(RESIZING, "mean", "numpy")))


def test_a_report_that_resizes_an_operand() -> None:
    """The cast of a number is reported before the loop runs."""
    program = """
import numpy, ufunx
N = 2_000_000
a, calls = numpy.ones(N, "f4"), []
def resize(kind, flag):
    calls.append(kind)
    if len(calls) == 1:
        a.resize((4,), refcheck=False)
        global junk
        junk = [numpy.full(N, 9.0, "f4") for _ in range(2)]
with numpy.errstate(all="call", call=resize):
    r = ufunx.add(a, numpy.array(1e300), dtype="f4", casting="unsafe")
print(r.shape, r[-1], calls)
"""
    assert run(program) == "(4,) inf ['overflow']\n"


def test_a_wrap_of_ones_own_is_no_reason_to_compute_twice() -> None:
    class Wraps(np.ndarray):
        def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
            return array.view(Wraps)

    calls = []
    x = np.ones(3).view(Wraps)
    before = ufunx.native_calls()
    with np.errstate(all="call", call=lambda kind, flag: calls.append(kind)):
        assert type(ufunx.divide(x, 0.0)) is Wraps
    assert calls == ["divide by zero"]
    assert ufunx.native_calls() - before == 1


# Arguments that contain themselves, change while they are read, or hide an `Array`.


def test_a_list_that_contains_itself_beside_an_array() -> None:
    a = ufunx.asarray([1.0, 2.0], dtype="bfloat16")
    endless: list[Any] = []
    endless.append(endless)
    deep: list[Any] = endless
    wide: list[Any] = [a]
    for _ in range(100_000):
        deep = [deep]
    for _ in range(60):
        wide = [wide, wide]
    for argument in (endless, deep):
        with pytest.raises((ValueError, TypeError)):
            np.concatenate([a, argument])
    with pytest.raises((ValueError, TypeError)):
        np.concatenate([a, [endless, endless]])
    with pytest.raises(TypeError):  # 2**60 entries, if each were looked at
        np.clip(a, 0, 1, wide)


@pytest.mark.parametrize("container", ["list", "deque", "tuple", "nested"])
def test_arrays_in_other_containers(container: str) -> None:
    import collections

    class MyList(list[Any]):
        pass

    a = array("float32")
    held = {
        "list": MyList([a, a]),
        "deque": collections.deque([a, a]),
        "tuple": collections.namedtuple("Pair", "x y")(a, a),
        "nested": [MyList([a])[0], a],
    }[container]
    stacked = np.stack(held)
    assert type(stacked) is ufunx.Array
    assert np.from_dlpack(stacked).tolist() == [[1, 2, 3, 4]] * 2


def test_an_array_where_nobody_looks() -> None:
    """The function would ask the array again, without end."""
    a = array("float32")
    hidden = (iter([a]),)
    assert a.__array_function__(np.concatenate, (ufunx.Array,), hidden, {}) is NotImplemented


def test_a_dict_that_changes_while_it_is_copied() -> None:
    a = array("float32")
    changing: dict[Any, Any] = {}

    class Key:
        armed = False

        def __hash__(self) -> int:
            if Key.armed:
                changing[len(changing) + 100] = 1
            return 7

    changing[Key()] = 1
    changing[3] = 2
    changing[Key()] = 5
    Key.armed = True
    with pytest.raises(TypeError):
        np.sum(a, changing)


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_the_array_inside_an_array_stays_there() -> None:
    for dtype in ("float32", "bfloat16"):
        a = array(dtype)
        seen = a.__array__() if dtype == "float32" else np.asarray(a)
        base = seen
        while isinstance(base, np.ndarray):
            base.shape = (2, 2)
            base = base.base
        assert base is a
        assert a.shape == (4,)
        seen[0, 0] = 9
        assert a[0] == 9


# The process's names.


def test_reloading_makes_nothing_anew() -> None:
    taken = {name: getattr(ufunx, name) for name in ("add", "sum", "clip", "where")}
    importlib.reload(ufunx)
    for name, object_ in taken.items():
        assert getattr(ufunx, name) is object_
        assert pickle.loads(pickle.dumps(object_)) is object_


def test_a_function_that_another_library_has_wrapped() -> None:
    program = """
import functools, numpy
original = numpy.clip
@functools.wraps(original)
def clip(*args, **kwargs): return original(*args, **kwargs)
clip.__dict__.pop("_implementation", None)
numpy.clip = clip
numpy.round = lambda *args, **kwargs: "another"
import ufunx
print(ufunx.add(1, 2), ufunx.clip([1, 5], 2, 3).tolist(), ufunx.round([1.5]))
"""
    assert run(program) == "3 [2, 3] another\n"


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.2.0", reason="its ufuncs have no __dict__")
def test_attributes_of_any_name() -> None:
    name = "\ud800"
    setattr(ufunx.add, name, 1)
    assert getattr(ufunx.add, name) == 1
    delattr(ufunx.add, name)
    assert not hasattr(ufunx.add, name)
    with pytest.raises(TypeError):
        ufunx.add(1, 2, **{name: 1})


@pytest.mark.parametrize("name", ["mean", "var", "std", "sum", "prod", "max", "min", "any", "all"])
@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3), ()])
def test_an_axis_that_names_no_axis(name: str, shape: tuple[int, ...]) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape) + 1
    for axis in ((), (0,), (0, 0), (0, -1), None, 0, -1):
        answers: list[Any] = []
        for lib in (ufunx, np):
            try:
                answers.append(getattr(lib, name)(x, axis=axis))
            except (ValueError, np.exceptions.AxisError) as error:
                answers.append((type(error), str(error)))
        ours, theirs = answers
        assert type(ours) is type(theirs)
        assert np.array_equal(ours, theirs) if not isinstance(ours, tuple) else ours == theirs
