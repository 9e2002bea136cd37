"""`python -m ufunx`, and what prints for people."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ufunx as ux

X = np.ones((3, 4), "f4")
O = np.array([1, 2], object)  # noqa: E741, an array of objects


def run(*arguments, code=0, **environment):
    env = {name: value for name, value in os.environ.items() if name != "UFUNX_INSTALL"} | environment
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env)
    assert done.returncode == code, done.stderr
    return done


def test_alone_it_says_what_it_can_do():
    text = run("-m", "ufunx").stdout
    assert str(ux.show_config()) in text
    for verb in ("run script.py", "--version", "ufunx.install()", "ufunx.explain("):
        assert verb in text


def test_version():
    assert run("-m", "ufunx", "--version").stdout == f"ufunx {ux.__version__}\n"


def test_what_makes_no_sense():
    assert "usage: python -m ufunx" in run("-m", "ufunx", "walk", code=1).stderr


def test_an_import_brings_nothing_that_only_tools_need():
    text = run(
        "-c", "import ufunx, sys; print([name for name in sys.modules if name.startswith('ufunx')])"
    ).stdout
    assert "ufunx.config" in text
    for module in ("bench", "_profile", "_hooks", "_words"):
        assert f"ufunx.{module}" not in text


def test_the_configuration_is_a_dict_that_prints_for_people():
    config = ux.show_config()
    assert json.loads(json.dumps(config)) == config
    assert repr(config) == str(config)
    lines = str(config).splitlines()
    assert lines[0] == f"ufunx {ux.__version__}: {config['ufuncs']} ufuncs with {config['loops']} loops"
    assert lines[1].startswith(f"  ISA            {config['isa_used']}; this CPU has scalar")
    assert lines[-2:] == ["  in-place mode  off", f"  NumPy          {np.__version__}"]


def test_an_explanation_prints_for_people():
    plan = ux.explain(ux.exp, X)
    assert str(plan).splitlines() == [
        "exp runs on a native kernel",
        "  loop      f->f",
        f"  ISA       {plan['isa']}",
        "  threads   1",
        "  axes      12",
        "  operands  in place, in place",
    ]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ((ux.add, O, O), "add goes to NumPy\n  why             an operand's dtype has no native loops\n"),
        ((np.matmul, X, X), "matmul goes to NumPy\n  why  the registry has no loops for this ufunc"),
        ((ux.sqrt, O), "  native, if you  make the operand one of float16, float32, float64"),
        (
            (ux.sqrt, np.longdouble(3)),
            "  native, if you  make the operand an array of float16, float32, float64",
        ),
    ],
)
def test_an_explanation_says_why_not_and_what_would_help(call, text):
    plan = ux.explain(*call)
    assert plan["path"] == "numpy"
    assert text in str(plan)


def test_every_remedy_is_for_a_reason_that_there_is():
    from ufunx._words import REMEDIES

    source = Path(__file__).parents[2] / "bindings" / "src" / "arguments" / "parse.rs"
    for reason in REMEDIES:
        assert f'"{reason}"' in source.read_text()
