"""`python -m ufunx run script.py [arguments]`: a program in in-place mode."""

import runpy
import sys
from pathlib import Path

import ufunx

USAGE = """usage: python -m ufunx run script.py [argument ...]
       python -m ufunx run -m module [argument ...]

Run a Python program with NumPy's own ufuncs on the engine, as after ufunx.install()."""


def main() -> None:
    match sys.argv[1:]:
        case ["run", "-m", module, *rest]:
            ufunx.install()
            sys.argv = [module, *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["run", script, *rest] if not script.startswith("-"):
            ufunx.install()
            sys.argv = [script, *rest]
            sys.path[0] = str(Path(script).resolve().parent)
            runpy.run_path(script, run_name="__main__")
        case ["-h" | "--help"]:
            print(USAGE)
        case _:
            sys.exit(USAGE)


main()
