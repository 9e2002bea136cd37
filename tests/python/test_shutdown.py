"""Calls that `__del__` makes when the interpreter is about to end."""

import subprocess
import sys

SCRIPT = """
import numpy, ufunx

class Late:
    def __init__(self):
        self.ufunx, self.array, self.print = ufunx, numpy.ones((2, 3)), print

    def __array_ufunc__(self, *args, **kwargs):
        return NotImplemented

    def __del__(self):
        add, a = self.ufunx.add, self.array
        for call in (
            lambda: add(a, a),
            lambda: add(a, a, dtype="f4"),
            lambda: add.reduce(a, keepdims=True),
            lambda: add([1], 2),
            lambda: self.ufunx.mean(a),
            lambda: self.ufunx.sum([1]),
            lambda: add(a, bogus=1),
            lambda: add(self, 1),
        ):
            try:
                self.print(type(call()).__name__)
            except TypeError:
                self.print("TypeError")

late = Late()
"""


def test_calls_at_the_very_end() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["ndarray"] * 4 + ["float64", "int64", "TypeError", "TypeError"]
