"""`python -m ufunx bench`: every option on next to no time. What is fast is not asserted here."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ufunx as ux

pytest.importorskip("rich")
from ufunx.bench import (
    accuracy,
    cases,
    command,
    compare,
    machine,
    measure,
    options,
    rows,
    script,
    sides,
    worker,
)

BRIEF = ["--ufunc", "exp", "--dtype", "f8", "--size", "10", "--time", "0.01s"]


def bench(*arguments, code=0):
    """The command in this process; its exit status is checked."""
    assert command.main(list(arguments)) == code


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A run of everything small, as its file of JSON."""
    file = tmp_path_factory.mktemp("bench") / "run.json"
    bench("--ufunc", "exp|add", "--dtype", "f4,i8", "--size", "3,2e3", "--layout", "all", "--method", "all",
          "--time", "0.1s", "--json", str(file))  # fmt: skip
    return file


@pytest.fixture(scope="module")
def found(document):
    return rows.from_json(document.read_text())


def test_the_json_says_everything(document):
    whole = json.loads(document.read_text())
    assert whole["schema"] == 1
    assert whole["machine"].keys() == {"ufunx", "numpy", "python", "cpu", "cpus", "isa", "measured"}
    for row in whole["rows"]:
        assert row.keys() == {"case", "sides", "noise", "of_bandwidth"}
        assert row["case"].keys() == {"ufunc", "method", "dtype", "loop", "size", "layout", "threads"}
        assert row["sides"].keys() == {"ufunx", "numpy", "stock again"}
        for side in row["sides"].values():
            timed = {"best_ns", "median_ns", "spread", "ratio", "samples_ns"}
            assert side.keys() == {"statement", "max_ulp"} | timed
            assert side["best_ns"] == min(side["samples_ns"]) <= side["median_ns"]
            assert len(side["samples_ns"]) >= measure.FEWEST


def test_every_method_and_layout_is_there(found):
    seen = {(row.case.method, row.case.layout) for row in found if row.case.ufunc == "add"}
    everything = {(method, layout) for method in cases.METHODS for layout in cases.LAYOUTS_OF[method]}
    assert seen == everything
    # a product of exponentials is nothing that NumPy has either
    assert {row.case.method for row in found if row.case.ufunc == "exp"} == {"call"}


def test_statements_are_what_users_write(found):
    written = {(row.case.method, row.case.layout): row.sides["numpy"].statement for row in found}
    assert written["call", "contiguous"] in ("f(x0)", "f(x0, x1)")
    assert written["call", "masked"].endswith("out=y, where=m)")
    assert written["reduce", "columns"] == "f.reduce(x0, axis=0)"
    assert written["at", "contiguous"] == "f.at(x0, i, x1)"


def test_a_file_read_again_is_the_same(document, found):
    machine_facts = json.loads(document.read_text())["machine"]
    assert rows.to_json(found, machine_facts) == document.read_text()


def test_a_file_of_somebody_elses():
    for text in ("{}", "[]", "no", '{"schema": 2, "rows": []}', '{"schema": 1}'):
        with pytest.raises(ValueError, match=r"it is no file of `ufunx bench --json`|its schema is 2"):
            rows.from_json(text)


def test_csv(found):
    lines = list(csv.DictReader(rows.to_csv(found).splitlines()))
    assert len(lines) == 3 * len(found)
    assert {line["side"] for line in lines} == {"ufunx", "numpy", "stock again"}
    assert all(float(line["best_ns"]) > 0 for line in lines)


def test_the_table_in_a_pipe_is_plain(tmp_path):
    """No colours, no bar, nothing on the standard error, and the rows whole."""
    done = subprocess.run(
        [sys.executable, "-m", "ufunx", "bench", *BRIEF, "--csv", str(tmp_path / "x.csv")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "60"} | {"TERM": "xterm-256color"},
    )
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert done.stderr == ""
    head, common, columns, row, mean, *_ = done.stdout.splitlines()
    assert head.startswith(f"ufunx {ux.__version__}, NumPy {np.__version__}")
    assert common == "all rows: ufunc exp, method call, dtype f8, size 10, layout contiguous, threads 1"
    assert columns.split()[:5] == ["ufunc", "ufunx", "median", "spread", "numpy"]
    assert row.startswith("exp ")
    assert "times as fast as numpy" in mean
    assert (tmp_path / "x.csv").read_text().count("\n") == 4


@pytest.mark.parametrize("ending", ["png", "svg", "html"])
def test_plots(found, tmp_path, ending):
    pytest.importorskip("matplotlib")
    from ufunx.bench import plot

    file = tmp_path / f"plot.{ending}"
    plot.save(file, found, [machine.Machine(1, {2**20: 1e10}, {"f8": 1e11})], "<title>")
    start = {"png": b"\x89PNG", "svg": b"<?xml", "html": b"<!doctype html>"}[ending]
    assert file.read_bytes().startswith(start)


def test_compare_finds_what_changed_and_only_that(found, tmp_path, capsys):
    assert not any(change.counts for change in compare.changes(found, found))
    quiet = [with_samples(row, 100.0) for row in found]
    faster = [with_samples(quiet[0], 50.0), *quiet[1:]]
    changes = compare.changes(faster, quiet)
    assert [change.counts for change in changes] == [True] + [False] * (len(found) - 1)
    assert changes[0].factor == pytest.approx(2, rel=0.05)
    assert compare.changes(found[:1], found[1:2]) == []


def with_samples(row, ns):
    """The row as a quiet machine would have it, ours taking so long."""
    stock = tuple(200.0 + i * 0.1 for i in range(15))
    ours = tuple(ns + i * 0.1 for i in range(15))
    theirs = {name: replace(row.sides[name], samples_ns=stock) for name in ("numpy", worker.AGAIN)}
    return replace(row, sides=theirs | {"ufunx": replace(row.sides["ufunx"], samples_ns=ours)})


def test_compare_as_a_command(document, tmp_path, capsys):
    bench("--ufunc", "exp", "--dtype", "f4", "--size", "3", "--time", "0.01s", "--compare", str(document))
    assert f"1 rows are in {document} too; " in capsys.readouterr().out.replace("\n", " ")


def test_fail_below(capsys):
    bench(*BRIEF, "--fail-below", "1e9", code=1)
    assert "below 1000000000.0: exp/call/f8/10/contiguous/1 beside numpy: " in capsys.readouterr().out
    bench(*BRIEF, "--fail-below", "1e-9")


def test_ctrl_c_prints_what_there_is(monkeypatch, tmp_path, capsys):
    def first_only(wanted, others, seconds, done):
        measure.measure(wanted[:1], others, seconds, done)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "measure", first_only)
    file = tmp_path / "some.json"
    bench(*BRIEF, "--size", "10,20", "--json", str(file), code=130)
    assert "interrupted: 1 of 2 rows" in capsys.readouterr().out
    assert len(rows.from_json(file.read_text())) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ufunc", "("], "'(' is no regular expression"),
        (["--ufunc", "nothing"], "no ufunc has a name like 'nothing'"),
        (["--dtype", "f3"], "no dtype is called 'f3'"),
        (["--size", "0"], "--size 0: not a number of elements"),
        (["--size", "many"], "--size many: not a number of elements"),
        (["--layout", "sideways"], "--layout sideways: not one of contiguous, "),
        (["--method", "map"], "--method map: not one of call, "),
        (["--threads", "0"], "--threads 0: neither a number of at least 1 nor all"),
        (["--time", "soon"], "--time soon: not a time such as 30s, 2m or 1h"),
        (["--vs", "fortran"], "--vs fortran: not one of numpy, "),
        (["--plot", "x.gif"], "--plot writes .png, .svg, .html, not 'x.gif'"),
        (["--json", "/nowhere/x.json"], "--json: there is no folder /nowhere"),
        (["--compare", "/nowhere/x.json"], "--compare: there is no file /nowhere/x.json"),
        (["--ufunc", "exp", "--method", "reduce"], "no ufunc with such a name can be called that way"),
        (["--fail-below", "much"], "argument --fail-below: invalid float value"),
        (["quickly"], "argument preset: invalid choice: 'quickly'"),
        (["nothing.py"], "there is no file nothing.py"),
    ],
)
def test_what_makes_no_sense_is_said(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        bench(*arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_library_is_said(monkeypatch, capsys):
    monkeypatch.setitem(sides.SIDES, "torch", replace(sides.SIDES["torch"], package="not_installed"))
    with pytest.raises(SystemExit):
        bench("--vs", "torch")
    assert "--vs torch: not_installed is not installed" in capsys.readouterr().err
    assert "torch" not in options.others_of("all")


@pytest.mark.parametrize("preset", [name for name in options.PRESETS if name not in ("programs", "full")])
def test_presets_name_cases(preset):
    choice = options.chosen(options.parser_of_options().parse_args([preset]))
    assert options.cases_of(choice)
    assert options.seconds_of(choice["time"]) >= 1


def test_the_page_knows_every_preset_library_and_column():
    page = (Path(__file__).parents[2] / "docs" / "measure.md").read_text()
    for name in (*options.PRESETS, "ULP numpy", "bandwidth", "noise", "median", "spread"):
        assert f"`{name}`" in page
    assert all(name.lower() in page.lower() for name in sides.OTHERS)


def test_options_come_before_the_preset():
    arguments = ["quick", "--dtype", "i4", "--time", "1h"]
    choice = options.chosen(options.parser_of_options().parse_args(arguments))
    assert (choice["dtype"], choice["size"], choice["time"]) == ("i4", "10,1e4,1e6", "1h")
    assert options.seconds_of("1h") == 3600


def test_every_loop_that_can_be_called_is_right_before_it_is_timed():
    """Operands, statement and judge of every ufunc, on both sides."""
    every = list(
        cases.cases(".*", ["f8", "f4", "f2", "i4", "?"], [50], ["contiguous"], ["call", "reduce"], [1])
    )
    # Of those by element in NumPy's namespace but isnat, which takes dates alone.
    elementwise = {ufunc.__name__ for ufunc in ux._UFUNCS.values() if ufunc.signature is None}
    assert {case.ufunc for case in every} == elementwise & ux._native.records().keys() - {"isnat"}
    for case in every:
        _, answer = worker.prepare(case, ("ufunx", "numpy"))
        assert {name: side.verdict.why for name, side in answer.items()} == {"ufunx": "", "numpy": ""}, case


def test_dtypes_that_are_not_numpys():
    pytest.importorskip("ml_dtypes")
    degrees, exp = cases.cases("exp|degrees", ["bfloat16"], [10], ["contiguous"], ["call"], [1])
    assert exp.loop == "E->E"
    _, answer = worker.prepare(exp, ("ufunx", "numpy"))
    assert answer["ufunx"].verdict.why == ""
    assert answer["ufunx"].verdict.ulp <= 1
    _, answer = worker.prepare(degrees, ("ufunx", "numpy"))  # NumPy's is float32
    assert answer["ufunx"].verdict == accuracy.Verdict()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda x: x * 1.0001, "ULP off"),
        (lambda x: x.astype("f4"), "float32, not float64"),
        (lambda x: x[:5], "shape (5,), not (10,)"),
        (lambda x: np.full_like(x, np.nan), "ULP off"),
        (lambda x: (x, x), "2 results, not 1"),
    ],
)
def test_a_wrong_answer_is_found(spoil, why):
    (case,) = cases.cases("exp", ["f8"], [10], ["contiguous"], ["call"], [1])
    made = cases.operands(case)
    judge = accuracy.Judge(case, made)
    right = np.exp(made.inputs[0])
    assert judge.judge(right, "numpy").why == ""
    assert judge.judge(spoil(right), "torch").why.endswith(why)


def test_a_wrong_answer_of_ours_is_an_exit_status(monkeypatch, capsys):
    def wrong(wanted, others, seconds, done):
        verdict = worker.Prepared(accuracy.Verdict(why="9 ULP off"), statement="f(x0)")
        side = rows.SideTimes.of(verdict, [])
        done(rows.Row(wanted[0], {"ufunx": side}))

    monkeypatch.setattr(command, "measure", wrong)
    bench(*BRIEF, code=1)
    text = capsys.readouterr().out
    assert "not timed: ufunx exp/call/f8/10/contiguous/1: 9 ULP off" in text
    assert "wrong answers: exp/call/f8/10/contiguous/1" in text


def test_ulps():
    one = np.array([1.0, 2.0, np.inf, np.nan])
    assert accuracy.ulps(one, one, np.dtype("f8")) == 0
    assert accuracy.ulps(np.nextafter(one, 0), one, np.dtype("f8")) == np.inf
    assert accuracy.ulps(np.nextafter(one[1:2], 9), one[1:2], np.dtype("f8")) == 1
    assert accuracy.ulps(np.nextafter(one[1:2], 0), one[1:2], np.dtype("f8")) == 0.5
    assert accuracy.ulps(np.array([np.float32(1) + np.spacing(np.float32(1))]), one[:1], np.dtype("f4")) == 1


def test_a_worker_that_dies_takes_nobody_along():
    (case,) = cases.cases("exp", ["f8"], [10], ["contiguous"], ["call"], [1])
    dead, home = measure.Worker(("polars",), 1), measure.Worker(("ufunx", "numpy", worker.AGAIN), 1)
    dead._process.kill()
    try:
        row = measure.time_case(case, [home, dead], 0.01)
        again = measure.time_case(case, [home, dead], 0.01)
    finally:
        dead.end()
        home.end()
    assert row.sides["polars"].why == "its process died"
    assert row.sides["ufunx"].samples_ns
    assert again.sides["polars"].why != "its process died"


@pytest.mark.parametrize("name", [name for name in sides.OTHERS if name != "numpy"])
def test_other_libraries_that_are_installed(name):
    if not sides.SIDES[name].is_installed():
        pytest.skip(f"{name} is not installed")
    (case,) = cases.cases("exp", ["f4"], [10], ["contiguous"], ["call"], [1])
    there = measure.Worker((name,), 1)
    try:
        prepared = there.prepare(case)[name]
        times = there.time([(name, 2), (name, 1)])
    finally:
        there.end()
    assert prepared.verdict.why == ""
    assert [side for side, ns in times if ns > 0] == [name, name]


def test_the_machine(tmp_path, capsys):
    file = tmp_path / "machine.json"
    bench("machine", "--time", "0.2s", "--json", str(file))
    text = capsys.readouterr().out
    for line in ("operands of 16 KiB", "operands of 256 MiB", "multiply-adds of f8"):
        assert line in text
    measured = json.loads(file.read_text())["measured"]
    assert measured[0]["threads"] == 1
    assert all(speed > 0 for speed in measured[0]["bandwidth"].values())


def test_the_share_of_bandwidth():
    known = machine.Machine(1, {16 * 1024: 5e9, 2**20: 1e10, 2**26: 1e9}, {})
    assert known.bandwidth_at(1000) is None
    assert known.bandwidth_at(2**20) == 1e10
    assert known.bandwidth_at(2**30) == 1e9


PROGRAM = """
import sys
import numpy as np
a = np.arange(1000.0)
for _ in range(20):
    b = np.exp(-a) + 1
    np.array([1, None]) == None
print(sys.argv[1:], round(b.sum(), 6), __name__)
"""


def test_a_program_of_the_users(tmp_path, capsys):
    program, file = tmp_path / "program.py", tmp_path / "program.json"
    program.write_text(PROGRAM)
    bench("--time", "0.1s", "--json", str(file), str(program), "x", "--json")
    text = capsys.readouterr().out
    assert f"{program} x --json" in text.replace("\n", "")
    assert "not the same in every run" not in text
    for line in ("times as fast", "exp", "add.reduce", "an operand's dtype has no native loops"):
        assert line in text
    told = json.loads(file.read_text())
    assert told["program"] == [str(program), "x", "--json"]
    counts = {
        way: {row["ufunc"]: (row["count"], row["native"]) for row in profile["ufuncs"]}
        for way, profile in told["profiles"].items()
    }
    assert counts["stock"]["exp"] == (20, 0)
    assert counts["in place"]["exp"] == (20, 20)
    assert counts["in place"]["equal"] == (20, 0)


def test_a_program_that_fails(tmp_path, capsys):
    program = tmp_path / "program.py"
    program.write_text("import sys; sys.exit('out of luck')")
    bench(str(program), code=1)
    error = capsys.readouterr().err
    assert "out of luck" in error
    assert f"{program} ended with status 1, stock" in error


def test_stock_is_stock_whatever_the_environment(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text("import ufunx; print(ufunx.show_config()['in_place'])")
    monkeypatch.setenv("UFUNX_INSTALL", "1")
    assert script.run([str(program)], "stock", profiled=False).printed == "False\n"
    assert script.run([str(program)], "in place", profiled=False).printed == "True\n"


def test_the_programs_of_the_repository(monkeypatch, capsys, tmp_path):
    from ufunx.bench import programs

    # From this checkout, wherever the package is installed.
    monkeypatch.setattr(
        programs, "RUNNER", Path(__file__).resolve().parents[2] / "benches" / "python" / "bench_programs.py"
    )
    real = programs.load

    def one_program():
        runner = real()
        row = {"best_ms": {"stock": 2.0}, "ratio": {way.label: 1.5 for way in (*runner.OURS, runner.AGAIN)}}
        answers = {"heat": row, "dates": {"skipped": "no luck"}, "life": {"differs": "all of it"}}
        runner.names = lambda: list(answers)
        runner.in_own_process = lambda name, rounds: answers[name]
        return runner

    monkeypatch.setattr(programs, "load", one_program)
    file = tmp_path / "programs.json"
    bench("programs", "--time", "1s", "--json", str(file), code=1)
    text = capsys.readouterr().out
    assert "1.50x" in text
    assert "dates skipped: no luck" in text
    assert "life differs: all of it" in text
    assert list(json.loads(file.read_text())["programs"]) == ["heat", "dates", "life"]


def test_without_rich_it_says_what_to_install():
    code = "import sys; sys.modules['rich'] = None; from ufunx import bench; bench.main([])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "python -m ufunx bench needs rich: pip install 'ufunx[bench]'\n"


def test_what_cargo_bench_measured_is_read_into_the_same_json(tmp_path):
    path = Path(__file__).parents[2] / "benches" / "python" / "criterion_json.py"
    spec = importlib.util.spec_from_file_location("criterion_json", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, times in {
        "exp/f64/10k/ufunx": [200.0, 90.0],
        "exp/f64/10k/ndarray": [400.0, 450.0],
        "add/f32/1M/contig": [60.0, 30.0],
        "add.reduce/f64/1M/axis_slow": [10.0, 10.0],
        "add/bf16/1M/contig": [1.0, 1.0],
        "1/typed": [1.0, 1.0],
    }.items():
        folder = tmp_path / name / "new"
        folder.mkdir(parents=True)
        throughput = {"Elements": 10_000 if "10k" in name else 1_000_000}
        (folder / "benchmark.json").write_text(json.dumps({"full_id": name, "throughput": throughput}))
        (folder / "sample.json").write_text(json.dumps({"iters": [2.0, 3.0], "times": times}))
    found = module.rows(tmp_path)
    assert [(r.case.ufunc, r.case.method, r.case.dtype, r.case.size, r.case.layout) for r in found] == [
        ("add", "call", "f4", 1_000_000, "out"),
        ("add", "reduce", "f8", 1_000_000, "columns"),
        ("exp", "call", "f8", 10_000, "contiguous"),
    ]
    assert found[2].sides["ufunx"].best == 30.0
    assert found[2].ratio("ndarray") == 5.0
    assert rows.from_json(rows.to_json(found, {})) == found
