"""The options of `python -m ufunx bench`, the presets, and what they name: cases, libraries, times.

Whatever makes no sense is a ValueError in words.
"""

import argparse
import re
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import ufunx

from .cases import LAYOUTS, METHODS, Case, cases, numpy_dtype, ufuncs
from .plot import FORMATS
from .sides import OTHERS, SIDES

EVERY = ".*"
# What a preset stands for, where nothing else is said.
PRESETS = {
    "quick": {
        "ufunc": "add|multiply|divide|exp|log|sin|sqrt|less",
        "dtype": "f4,f8",
        "size": "10,1e4,1e6",
        "time": "25s",
    },
    "calls": {"dtype": "f8,i8", "size": "1,10,100", "layout": "contiguous,scalar,out", "time": "3m"},
    "kernels": {
        "dtype": "f4,f8,i4",
        "size": "1e4",
        "layout": "contiguous,out,strided,scalar,inplace,masked",
        "time": "10m",
    },
    "reductions": {
        "dtype": "f4,f8,i4,i8",
        "size": "10,1e3,1e6",
        "layout": "contiguous,rows,columns",
        "method": "reduce,accumulate",
        "time": "5m",
    },
    "foreign": {
        "ufunc": "add|multiply|exp|log|sin|tanh|less",
        "dtype": "f4,f8",
        "size": "10,1e4,1e6",
        "vs": "all",
        "time": "2m",
    },
    "programs": {"time": "2m"},
    "full": {
        "dtype": "f2,f4,f8,i1,i2,i4,i8,u1,u2,u4,u8,?",
        "size": "1,100,1e4,1e6,1e7",
        "layout": ",".join(LAYOUTS),
        "method": ",".join(METHODS),
        "threads": "1,all",
        "time": "4h",
    },
}
DEFAULTS = {
    "ufunc": EVERY,
    "dtype": "f8",
    "size": "1e4",
    "layout": "contiguous",
    "method": "call",
    "vs": "numpy",
    "threads": "1",
    "time": "1m",
}

USAGE = """python -m ufunx bench [preset] [options]
       python -m ufunx bench machine
       python -m ufunx bench script.py [arguments]"""
EXAMPLES = """
A preset sets the options that are not given: quick (the default, under a minute), calls (small arrays),
kernels (arrays in a core's caches, every layout), reductions, foreign (torch, JAX and the others), programs
(the 24 of benches/programs), full (everything, hours). `all` stands for every value of an option.
docs/measure.md says how to read the table.

  python -m ufunx bench --ufunc 'exp|log' --dtype f4,f8 --size 10,1e3,1e6
  python -m ufunx bench kernels --json before.json
  python -m ufunx bench kernels --compare before.json --fail-below 0.9
"""


def chosen(options: argparse.Namespace) -> dict[str, str]:
    """The options that a preset can set: as given, else the preset's, else the default."""
    preset = DEFAULTS | PRESETS.get(options.preset, {})
    given = {name: value for name, value in vars(options).items() if value is not None}
    return {name: given.get(name, value) for name, value in preset.items()}


def parser_of_options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ufunx bench",
        usage=USAGE,
        description="How fast ufunx is beside NumPy and others, here and now.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("preset", nargs="?", choices=[*PRESETS, "machine"], default="quick", metavar="preset")
    add("--ufunc", metavar="REGEX", help="names that match as a whole: 'exp|log'")
    add("--dtype", metavar="LIST", help="f4,f8,i4,bfloat16,...")
    add("--size", metavar="LIST", help="numbers of elements: 10,1e3,1e6")
    add("--layout", metavar="LIST", help=", ".join(LAYOUTS))
    add("--method", metavar="LIST", help=", ".join(METHODS))
    add("--vs", metavar="LIST", help=f"{', '.join(OTHERS)}; all: those installed")
    add("--threads", metavar="LIST", help="1,2,all")
    add("--time", metavar="T", help="about how long it may take: 30s, 2m, 1h")
    add("--json", type=Path, metavar="F", help="write every number there")
    add("--csv", type=Path, metavar="F", help="write a line for each side of each case there")
    add("--plot", type=Path, metavar="F", help="draw ratios and the roofline: .png, .svg or .html")
    add("--compare", type=Path, metavar="F", help="set this run beside a file of --json")
    add("--fail-below", type=float, metavar="X", help="exit with 1 if a ratio is below, by more than noise")
    return parser


def check_files(options: argparse.Namespace) -> None:
    """What cannot be read or written is said before an hour has passed."""
    if options.plot:
        if options.plot.suffix not in FORMATS:
            raise ValueError(f"--plot writes {', '.join(FORMATS)}, not {options.plot.name!r}")
        if util.find_spec("matplotlib") is None:
            raise ValueError("--plot needs matplotlib: pip install 'ufunx[bench]'")
    for name in ("json", "csv", "plot"):
        path = getattr(options, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"--{name}: there is no folder {path.absolute().parent}")
    if options.compare and not options.compare.is_file():
        raise ValueError(f"--compare: there is no file {options.compare}")


def cases_of(choice: dict[str, str]) -> list[Case]:
    """The cases that options name."""
    try:
        re.compile(choice["ufunc"])
    except re.error as error:
        raise ValueError(f"--ufunc {choice['ufunc']!r} is no regular expression: {error}") from None
    if not ufuncs(choice["ufunc"]):
        raise ValueError(f"no ufunc has a name like {choice['ufunc']!r}")
    dtypes = listed(choice["dtype"])
    for dtype in dtypes:
        numpy_dtype(dtype)
    layouts, methods = named("layout", choice, LAYOUTS), named("method", choice, METHODS)
    sizes = [size_of(text) for text in listed(choice["size"])]
    every = ufunx.num_threads()
    threads = [every if text == "all" else thread_count(text) for text in listed(choice["threads"])]
    found = list(cases(choice["ufunc"], dtypes, sizes, layouts, methods, list(dict.fromkeys(threads))))
    if not found:
        raise ValueError("no ufunc with such a name can be called that way on these dtypes")
    return found


def others_of(text: str) -> list[str]:
    """The libraries to compare with. NumPy is among them: it says which answers are right."""
    if text == "all":
        return [name for name in OTHERS if SIDES[name].is_installed()]
    names = listed(text)
    for name in names:
        if name not in OTHERS:
            raise ValueError(f"--vs {name}: not one of {', '.join(OTHERS)}")
        if not SIDES[name].is_installed():
            raise ValueError(f"--vs {name}: {SIDES[name].package} is not installed")
    return list(dict.fromkeys(["numpy", *names]))


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def named(option: str, choice: dict[str, str], known: Sequence[str] | dict[str, str]) -> list[str]:
    names = list(known) if choice[option] == "all" else listed(choice[option])
    for name in names:
        if name not in known:
            raise ValueError(f"--{option} {name}: not one of {', '.join(known)}")
    return names


def size_of(text: str) -> int:
    try:
        size = int(float(text))
    except (ValueError, OverflowError):
        size = 0
    if size < 1:
        raise ValueError(f"--size {text}: not a number of elements")
    return size


def thread_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--threads {text}: neither a number of at least 1 nor all")
    return int(text)


def seconds_of(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smh]?)", text)
    if not found or float(found[1]) == 0:
        raise ValueError(f"--time {text}: not a time such as 30s, 2m or 1h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
