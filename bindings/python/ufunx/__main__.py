"""`python -m ufunx`: what can be done from a shell. `run` and `bench` do it; without a verb it is said."""

import runpy
import sys
from pathlib import Path

import ufunx

USAGE = """usage: python -m ufunx run script.py [argument ...]
       python -m ufunx run -m module [argument ...]
       python -m ufunx bench [--help]
       python -m ufunx bench machine
       python -m ufunx bench script.py [argument ...]
       python -m ufunx --version

run       a Python program with NumPy's own ufuncs on the engine, as after ufunx.install()
bench     how fast ufunx is beside NumPy and other libraries, on this machine; what the machine can do at
          best; what an unedited program of yours would gain"""

HINTS = """In Python:
  import ufunx as np                 NumPy's namespace, its ufuncs on the engine
  ufunx.install()                    NumPy's own ufuncs on the engine; UFUNX_INSTALL=1 does so in any process
  print(ufunx.explain(np.add, x, 1)) whether a call is native, how, or why not
  with ufunx.profile() as p: ...     which ufuncs take the time; print(p)
UFUNX_VERBOSE=1 in the environment   a program says at its end which calls went to NumPy, and why"""


def main() -> int:
    """Do what the arguments say; the exit status."""
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
        case ["bench", *arguments]:
            from ufunx import bench

            return bench.main(arguments)
        case ["--version" | "-V"]:
            print(f"ufunx {ufunx.__version__}")
        case ["-h" | "--help"]:
            print(USAGE)
        case []:
            print(f"{ufunx.show_config()}\n\n{USAGE}\n\n{HINTS}")
        case _:
            sys.exit(USAGE)
    return 0


if __name__ == "__main__":  # the bench's processes import this module under another name
    sys.exit(main())
