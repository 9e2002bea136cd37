"""What a type checker sees: stubs as fresh as the registry, and right and wrong uses told apart."""

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ufunx as ux
from ufunx import _native

ROOT = Path(__file__).resolve().parents[2]
PINNED = "numpy==" + np.__version__ in (ROOT / "requirements-dev.txt").read_text().split()

RIGHT = """
from typing import Any, Literal, assert_type

import numpy
from numpy.typing import NDArray

import ufunx as np

x: NDArray[np.float64] = np.linspace(0.0, 1.0, 5)
y: NDArray[Any] = np.exp(x)
np.add.reduce(x, axis=0, keepdims=True)
np.multiply(x, 2.0, out=x, where=x > 0.5)
quotient, rest = np.divmod(x, 0.5)
np.add.at(x, [0, 1], 1.0)
np.abs(x)
assert_type(np.exp.nin, Literal[1])
assert_type(np.divmod.nout, Literal[2])
takes_numpys: numpy.ufunc = np.matmul
total: numpy.floating[Any] = np.mean(x)
np.sum(x, axis=0, keepdims=True)


@np.elementwise
def bump(x: Any, y: Any) -> Any:
    return np.exp(-x * x) * y


@np.fuse
def scaled(x: NDArray[np.float64], by: float = 1.0) -> float:
    return float((x * by).sum())


made: numpy.ufunc = bump
made(x, 2.0, out=x)
folded: numpy.ufunc = np.elementwise(fold=np.add)(lambda a, b: a * b)
assert_type(scaled(x, by=2.0), float)


@np.array_function_dispatch(lambda a: (a,), module="mine")
def first(a: NDArray[np.float64]) -> float:
    return float(a[0])


plan: dict[str, Any] = np.explain(np.exp, x, where=True)
with np.threads(2):
    assert_type(np.num_threads(), int)
assert_type(np.cap_isa("v3"), str)
"""

STAR = """
from ufunx import *

exp(linspace(0.0, 1.0))
with threads(2):
    abs(add.reduce([1, 2]))
cap_isa(show_config()["isa_used"])
"""

WRONG = """
import ufunx as np
np.exp()
np.exp(1.0, 2.0, 3.0)
np.add(1)
np.add(1, 2, bogus=3)
np.no_such_name
np.threads("2")
np.explain()
"""


def mypy(tmp_path, program):
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    command += ["--cache-dir", ROOT / ".mypy_cache" / "tests", "program.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert not run.stderr
    return run.stdout


@pytest.mark.parametrize("program", [RIGHT, STAR], ids=["by name", "star"])
def test_right_uses_pass(tmp_path, program):
    assert mypy(tmp_path, program) == ""


def test_every_wrong_use_is_reported(tmp_path):
    reported = {int(line.split(":")[1]) for line in mypy(tmp_path, WRONG).splitlines() if ": error: " in line}
    assert reported == set(range(3, len(WRONG.splitlines()) + 1))


def test_the_stubs_of_the_extension_name_what_it_has():
    stubs = ast.parse((ROOT / "bindings/python/ufunx/_native.pyi").read_text()).body
    functions = {each.name: each.args for each in stubs if isinstance(each, ast.FunctionDef)}
    classes = {each.name for each in stubs if isinstance(each, ast.ClassDef)}
    variables = {each.target.id for each in stubs if isinstance(each, ast.AnnAssign)}
    assert {*functions, *classes, *variables} == {*_native.__all__}
    for name, stub in functions.items():
        parameters = [*stub.posonlyargs, *stub.args, stub.vararg, *stub.kwonlyargs, stub.kwarg]
        named = [parameter.arg for parameter in parameters if parameter]
        assert named == list(inspect.signature(getattr(_native, name)).parameters), name


@pytest.mark.skipif(not PINNED, reason="the stubs are written with the NumPy of requirements-dev.txt")
def test_the_stubs_are_fresh():
    spec = importlib.util.spec_from_file_location("stubs", ROOT / "bindings/python/stubs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.STUBS.read_text() == module.stubs(), "`make bless` writes them anew"


def test_names_are_there_before_they_are_asked_for():
    """NumPy's cost here what they cost there; so does, from the second time on, what is imported late."""
    late = {name for name in np.__all__ if inspect.ismodule(getattr(np, name))} | ux._LATE.keys()
    assert {*ux.__all__} - late <= vars(ux).keys()
    star = {}
    exec("from ufunx import *", star)
    assert star.keys() - {"__builtins__"} == {*ux.__all__}
    assert all(star[name] is getattr(ux, name) for name in ux.__all__)
    assert {*ux.__all__} | {*dir(np)} == {*dir(ux)}
    assert all(hasattr(ux, name) for name in dir(ux))
    assert late <= vars(ux).keys()


def test_a_checker_knows_the_names_of_a_star_import(tmp_path):
    names = [name for name in ux.__all__ if not name.startswith("__")]
    if not PINNED:
        pytest.skip("the stubs are written with the NumPy of requirements-dev.txt")
    assert mypy(tmp_path, "from ufunx import *\n\n" + "\n".join(names)) == ""
