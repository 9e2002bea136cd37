"""The object that a function is, and functions that the decorator makes: NumPy's beside ours."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from function_helpers import NAMES, Failing, Recorder, Refuser, outcome

import ufunx as ux

# The object


@pytest.mark.parametrize("name", NAMES)
def test_the_object_has_numpys_face(name):
    ours, twin = getattr(ux, name), getattr(np, name)
    assert ours is getattr(ux, name)
    for attribute in ("__name__", "__qualname__", "_implementation", "__wrapped__"):
        assert getattr(ours, attribute) == getattr(twin, attribute)
    assert ours.__module__ == "ufunx"
    assert f"numpy.{name}" in ours.__doc__
    assert str(ours) == str(twin)
    assert repr(ours).startswith(f"<function {name} at 0x")

    def signature(function):
        try:
            return inspect.signature(function)
        except ValueError:
            return None

    assert signature(ours) == signature(twin)
    assert pickle.loads(pickle.dumps(ours)) is copy.deepcopy(ours) is ours
    # A table of overrides may be written with either.
    assert ours == twin
    assert twin == ours
    assert {ours: 1}[twin] == {twin: 1}[ours] == 1
    assert ours != np.median
    with pytest.raises(TypeError):
        type(ours)()


def test_it_is_a_method_in_a_class():
    class Holder(list):
        total = ux.sum

    assert Holder([1, 2]).total() == 3
    assert Holder.total([1, 2]) == 3


# The decorator


def simple(a, b=None):
    return (a, b)


def both(dispatcher, **options):
    """The same function decorated by us and by NumPy."""

    def function(a, b="default"):
        """What it does."""
        return "implementation", a, b

    numpys = np._core.overrides.array_function_dispatch
    return [decorate(dispatcher, **options)(function) for decorate in (ux.array_function_dispatch, numpys)]


@ux.array_function_dispatch(simple)
def of_module(a, b="default"):
    """What it does."""
    return "implementation", a, b


DISPATCHERS = {
    "simple": simple,
    "lambda": lambda a, b=None: (a, b),
    "one": lambda a, b=None: (a,),
    "reversed": lambda a, b=None: (b, a),
    "none": lambda a, b=None: (),
    "list": lambda a, b=None: [a, b],
    "iterator": lambda a, b=None: iter((a, b)),
    "computed": lambda a, b=None: (a if b is None else b,),
    "no iterable": lambda a, b=None: 3,
    "failing": lambda a, b=None: 1 / 0,
}


@pytest.mark.parametrize("name", DISPATCHERS)
def test_a_decorated_function_answers_as_numpys(name):
    ours, twin = both(DISPATCHERS[name])
    objects = [1.0, [1], np.ones(1), np.float64(1), np.ma.array([1])]
    calls = [((x,), {}) for x in objects]
    calls += [
        ((1, 2), {}),
        ((), {"a": 1, "b": 2}),
        ((1,), {"b": 2}),
        ((), {}),
        ((1, 2, 3), {}),
        ((1,), {"c": 2}),
    ]
    for args, kwargs in calls:
        got, wanted = outcome(ours, *args, **kwargs), outcome(twin, *args, **kwargs)
        assert repr(got) == repr(wanted)
    for x in (Recorder(), Failing(), Refuser()):
        for args, kwargs in [
            ((x,), {}),
            ((1, x), {}),
            ((x, Refuser()), {}),
            ((), {"a": x}),
            ((1,), {"b": x}),
        ]:
            got, wanted = outcome(ours, *args, **kwargs), outcome(twin, *args, **kwargs)
            if isinstance(x, Recorder) and wanted[0][0] is twin:
                assert got[0][0] is ours
                assert got[0][1:] == wanted[0][1:]
            else:
                assert got == wanted


def test_a_dispatcher_may_change():
    def dispatcher(a, b=None):
        return (a,)

    ours, _ = both(dispatcher)
    assert ours(1, Recorder())[0] == "implementation"
    dispatcher.__code__ = simple.__code__
    assert ours(1, Recorder())[0] is ours
    recorder = Recorder()
    dispatcher.__defaults__ = (recorder,)
    assert ours(1)[0] is ours


def test_the_attributes_of_a_decorated_function():
    ours, twin = both(simple, module="mine")
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__wrapped__", "_implementation"):
        assert getattr(ours, attribute) == getattr(twin, attribute)
    assert ours.__module__ == "mine"
    assert inspect.signature(ours) == inspect.signature(twin)
    dispatcher = lambda *args: args  # noqa: E731
    ours, _ = both(dispatcher, verify=False)
    assert inspect.signature(ours) == inspect.signature(dispatcher)  # as NumPy's since 2.4
    assert pickle.loads(pickle.dumps(of_module)) is copy.copy(of_module) is of_module
    of_module.anything = 3
    assert of_module.anything == 3
    assert of_module == of_module
    assert hash(of_module) == hash(of_module)
    assert ux.array_function_dispatch(simple, docs_from_dispatcher=True)(lambda a, b=None: a)


@pytest.mark.parametrize(
    ("implementation", "dispatcher"),
    [
        (lambda x: 0, lambda x: 0),
        (lambda x=1: 0, lambda x=None: 0),
        (lambda *args: 0, lambda *args: 0),
        (lambda x: 0, lambda y: 0),
        (lambda x: 0, lambda x=None: 0),
        (lambda x=1: 0, lambda x=1: 0),
        (lambda x, *args: 0, lambda x: 0),
        (lambda **kwargs: 0, lambda **more: 0),
        (len, lambda x: 0),
        (lambda x, *, like=None: 0, None),
        (lambda x, like=None: 0, None),
        (lambda x: 0, None),
    ],
)
def test_signatures_are_verified_as_numpy_does(implementation, dispatcher):
    numpys = np._core.overrides.array_function_dispatch
    got, wanted = (
        outcome(lambda decorate=decorate: bool(decorate(dispatcher)(implementation)))
        for decorate in (ux.array_function_dispatch, numpys)
    )
    assert got == wanted


def test_a_function_with_like():
    def implementation(x, *, like=None):
        return "implementation", x

    numpys = np._core.overrides.array_function_dispatch
    ours, twin = (decorate(None)(implementation) for decorate in (ux.array_function_dispatch, numpys))
    recorder = Recorder()
    for args, kwargs in [
        ((recorder, 1), {}),
        ((np.ones(1), 1), {}),
        ((3, 1), {}),
        ((), {}),
        ((Refuser(), 1), {}),
    ]:
        assert outcome(ours, *args, **kwargs) == outcome(twin, *args, **kwargs)
    assert ours(recorder, 1)[0] is implementation
