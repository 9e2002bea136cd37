"""Docstrings: each public object of ours has one, with an example that runs and prints what it says."""

import contextlib
import doctest
import inspect
import io
import pydoc

import numpy as np
import pytest

import ufunx as ux
from ufunx import _native

UFUNCS = {ufunc.__name__: ufunc for ufunc in ux._UFUNCS.values()}
# Those that the registry has nothing for are NumPy's, docs and all.
REGISTERED = {name: f for name, f in UFUNCS.items() if name in _native.records()}
OTHERS = {name: getattr(ux, name) for name in ux._OURS if name != "__version__"}
OURS = {**REGISTERED, **ux._FUNCTIONS, **OTHERS}


def test_nothing_of_ours_is_left_out():
    assert len(REGISTERED) + 1 == ux.show_config()["ufuncs"]  # and the one behind numpy.clip
    defined = {name for name, value in vars(ux).items() if "ufunx" in getattr(value, "__module__", "")}
    defined |= {*_native.__all__} & {*vars(ux)}
    public = {name for name in defined if not name.startswith("_")}
    assert public - ux._UFUNCS.keys() - ux._FUNCTIONS.keys() == OTHERS.keys()


@pytest.mark.parametrize("name", OURS)
def test_the_examples_run(name):
    test = doctest.DocTestParser().get_doctest(OURS[name].__doc__, {}, name, None, None)
    assert any(f"ufunx.{name}" in example.source for example in test.examples)
    report = io.StringIO()
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.write)
    assert results.failed == 0, report.getvalue()


def test_the_package_has_a_running_example():
    test = doctest.DocTestParser().get_doctest(ux.__doc__, {}, "ufunx", None, None)
    assert test.examples
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


@pytest.mark.parametrize("name", REGISTERED)
def test_a_ufuncs_doc_has_numpys_form(name):
    ours = REGISTERED[name].__doc__
    if twin := getattr(np, name, None):
        assert ours.splitlines()[:2] == twin.__doc__.splitlines()[:2]  # how it is called, as this NumPy says
    for section in ("Parameters", "Returns", "Notes", "Examples"):
        assert f"\n\n{section}\n{'-' * len(section)}\n" in ours
    assert max(map(len, ours.splitlines()[1:])) <= 79


@pytest.mark.parametrize("name", UFUNCS.keys() - REGISTERED.keys())
def test_what_is_numpys_keeps_numpys_doc(name):
    assert UFUNCS[name].__doc__ == getattr(np, name).__doc__


def test_docs_state_facts_of_the_registry():
    assert "within 1 ULP" in ux.exp.__doc__
    assert "rounded once" in ux.sqrt.__doc__
    assert "ULP" not in ux.bitwise_and.__doc__
    assert "rounded" not in ux.bitwise_and.__doc__
    for dtype in ("bool", "int8", "uint64", "float64"):
        assert dtype in ux.add.__doc__
    assert "bool" not in ux.sqrt.__doc__
    assert "Also called abs." in ux.absolute.__doc__


@pytest.mark.parametrize("name", ["exp", "add", "sin", "divmod", "matmul"])
def test_help_and_signature_work_as_with_numpy(name):
    ours, twin = getattr(ux, name), getattr(np, name)
    assert "".join(ours.__doc__.split()) in "".join(pydoc.plain(pydoc.render_doc(ours)).split())
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        np.info(ours)
    assert inspect.getdoc(ours) in shown.getvalue()

    def signature(ufunc):
        try:
            return inspect.signature(ufunc)
        except ValueError:
            return None  # NumPy's ufuncs have one since 2.4

    assert signature(ours) == signature(twin)
