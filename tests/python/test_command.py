"""`python -m ufunx`, what prints for people, and `UFUNX_INSTALL`."""

import json
import os
import runpy
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import pytest

import ufunx as ux

X = np.ones((3, 4), "f4")
O = np.array([1, 2], object)  # noqa: E741, an array of objects
SITE = Path(sysconfig.get_path("purelib"))


def run(*arguments, code=0, **environment):
    env = {name: value for name, value in os.environ.items() if name != "UFUNX_INSTALL"} | environment
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env)
    assert done.returncode == code, done.stderr
    return done


def test_alone_it_says_what_it_can_do():
    ux.release_memory()  # as a process that has just begun
    text = run("-m", "ufunx").stdout
    of_this_process = "memory kept"
    lines = [line for line in str(ux.show_config()).splitlines() if of_this_process not in line]
    assert set(lines) <= set(text.splitlines())
    for verb in ("run script.py", "bench machine", "--version", "ufunx.install()", "ufunx.profile()"):
        assert verb in text


def test_the_demo_runs(monkeypatch, capsys):
    """But for its benchmark, which takes its time."""
    examples = Path(__file__).parents[2] / "bindings" / "python" / "examples"
    asked = []
    monkeypatch.setattr("ufunx.bench.main", lambda arguments: asked.extend(arguments))
    monkeypatch.syspath_prepend(str(examples))
    runpy.run_path(str(examples / "demo.py"), run_name="__main__")
    text = capsys.readouterr().out
    assert text.count("\n== ") == 5
    for seen in ("kg^1", "16 native calls", "times as fast", "multiply", "one by one: True"):
        assert seen in text
    assert asked[-2:] == ["--plot", str(Path(tempfile.gettempdir()) / "ufunx-demo.html")]


def test_version():
    assert run("-m", "ufunx", "--version").stdout == f"ufunx {ux.__version__}\n"


def test_what_makes_no_sense():
    assert "usage: python -m ufunx" in run("-m", "ufunx", "walk", code=1).stderr


def test_an_import_brings_nothing_that_only_tools_need():
    text = run(
        "-c", "import ufunx, sys; print([name for name in sys.modules if name.startswith('ufunx')])"
    ).stdout
    assert "ufunx.config" in text
    for module in ("bench", "_profile", "_hooks", "_verbose", "_words"):
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
        ((ux.matmul, X, 1), "matmul goes to NumPy\n  why  shapes or memory that NumPy must judge"),
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


def test_the_variable_is_heard_only_where_the_package_is_installed():
    """The file that hears it is put beside the package by `maturin develop` and by the wheel."""
    assert (SITE / "ufunx_install.pth").read_text().count("\n") == 1
    assert (SITE / "_ufunx_install.py").exists()


IN_PLACE = (
    "import sys, numpy; ux = sys.modules.get('ufunx'); print(bool(ux) and ux.show_config()['in_place'])"
)


@pytest.mark.parametrize(("value", "is_on"), [("1", True), ("0", False), ("", False), (None, False)])
def test_the_variable_switches_in_place_mode_on(value, is_on):
    environment = {} if value is None else {"UFUNX_INSTALL": value}
    done = run("-c", IN_PLACE, **environment)
    assert (done.stdout, done.stderr) == (f"{is_on}\n", "")


def test_the_variable_imports_nothing_before_numpy_is_wanted():
    text = run(
        "-c", "import sys; print('numpy' in sys.modules, 'ufunx' in sys.modules)", UFUNX_INSTALL="1"
    ).stdout
    assert text == "False False\n"


def test_the_variable_when_ufunx_is_imported_first():
    code = (
        "import ufunx, numpy; numpy.ones(3) + 1; print(ufunx.show_config()['in_place'], ufunx.native_calls())"
    )
    assert run("-c", code, UFUNX_INSTALL="1").stdout == "True 1\n"


def test_numpys_module_is_as_without_the_variable():
    code = "import numpy; print(type(numpy.__spec__.loader), type(numpy.__loader__), numpy.__spec__.name)"
    assert run("-c", code, UFUNX_INSTALL="1").stdout == run("-c", code).stdout


def test_a_value_that_makes_no_sense_is_said():
    done = run("-c", IN_PLACE, UFUNX_INSTALL="yes")
    assert done.stdout == "False\n"
    assert done.stderr == "UFUNX_INSTALL=yes: neither 0 nor 1, so nothing is installed\n"


def test_a_numpy_that_is_refused_is_said_and_the_program_runs(tmp_path):
    """Another finder stands behind ours and changes NumPy's version."""
    (tmp_path / "numpy.py").write_text("__version__ = '2.99.1'\n")
    code = "import numpy; print(numpy.__version__)"
    done = run("-c", code, UFUNX_INSTALL="1", PYTHONPATH=str(tmp_path))
    assert done.stdout == "2.99.1\n"
    assert done.stderr.startswith("UFUNX_INSTALL: ")
    assert done.stderr.count("\n") == 1


def test_workers_that_are_spawned_have_it(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\n"
        "def work(x):\n"
        "    import numpy\n"
        "    numpy.ones(3) + x\n"
        "    return sys.modules['ufunx'].native_calls()\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(work, [1]))\n"
    )
    assert run(str(program), UFUNX_INSTALL="1").stdout == "[1]\n"


CALLS_OF_EACH_KIND = """if True:
    import numpy as np, ufunx as ux
    objects = np.array([1, 2], object)
    np.add(objects, 1)  # stock, so nobody's business
    np.add(1.0, 2)
    ux.add(1.0, 2)
    for _ in range(3):
        ux.add(objects, 1)
    with ux.installed():
        objects + objects
        np.ones(3) + 1
        np.multiply.reduce(objects)
    with ux.profile() as profile:
        ux.sqrt(1.0)
    print([(row.name, row.count) for row in profile.rows])
"""


def test_verbose_says_at_the_end_what_went_to_numpy():
    done = run("-c", CALLS_OF_EACH_KIND, UFUNX_VERBOSE="1")
    assert done.stdout == "[('sqrt', 1)]\n"
    assert done.stderr.splitlines() == [
        "ufunx: these went to NumPy",
        "  add(object, int): an operand's dtype has no native loops, 3 calls",
        "  add(object, object): an operand's dtype has no native loops, 1 call",
        "  multiply.reduce(object): an operand's dtype has no native loops, 1 call",
    ]


@pytest.mark.parametrize("value", ["0", "", "1"])
def test_verbose_has_nothing_to_say(value):
    assert run("-c", "import ufunx; ufunx.add(1, 2)", UFUNX_VERBOSE=value).stderr == ""


def test_verbose_of_another_value():
    error = run("-c", "import ufunx", UFUNX_VERBOSE="2", code=1).stderr
    assert error.endswith("ValueError: UFUNX_VERBOSE is '2', it must be 0 or 1\n")
