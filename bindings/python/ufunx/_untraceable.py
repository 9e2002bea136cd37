"""Where a traced function did what cannot be traced, and what its author should write instead.

The line is that of the nearest caller outside NumPy and ufunx. Which expression of it is at fault, CPython
knows.
"""

import dis
import linecache
import re
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import numpy as np

OURS: Final = (str(Path(__file__).parent), str(Path(np.__file__).parent))


def line_of_user() -> str:
    """The file and line that called."""
    frame = frame_of_user()
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def segment_of_user() -> str:
    """The expression that is being evaluated there, or the line, as far as there is source."""
    frame = frame_of_user()
    line, end_line, start, end = place_in(frame.f_code, frame.f_lasti)
    text = linecache.getline(frame.f_code.co_filename, line or frame.f_lineno)
    if not text:
        return "a line without source"
    if line != end_line or start is None or end is None:
        return text.strip()
    return text.encode()[start:end].decode()


def advice_for_bool(condition: str) -> str:
    """What to write for `if`, `and`, `max` and the like."""
    text = segment_of_user()
    if re.match(r"(max|min)\(", text):
        return f"use numpy.{'maximum' if text[:3] == 'max' else 'minimum'}(a, b)"
    if re.search(r"\b(and|or|not)\b", text):
        return "use &, | and ~, or numpy.logical_and and its like"
    if len(re.findall(r"[<>]=?|[!=]=", text)) > 1 or of_a_chain():
        return "use &: (a < b) & (b < c)"
    return f"use numpy.where({condition}, ..., ...)"


def advice_for_number(operand: str) -> tuple[str, str]:
    """What was done that needs a Python number, and what to write instead."""
    text = segment_of_user()
    of_math = re.match(r"(?:math|cmath)\.(\w+)\(", text)
    if of_math:
        name = of_math[1]
        what = f"calls math.{name} on {operand}"
        if isinstance(getattr(np, name, None), np.ufunc):
            return what, f"use numpy.{name}"
        return what, "NumPy has no ufunc for it: call it outside"
    return f"makes a Python number of {operand} in {text}", "use astype, or NumPy's function of the same name"


def frame_of_user() -> FrameType:
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return frame  # type: ignore[no-any-return]


def place_in(code: CodeType, instruction: int) -> Any:
    """The first and last line and column of an instruction's expression, or Nones."""
    for i, place in enumerate(code.co_positions()):
        if 2 * i == instruction:
            return place
    return (None,) * 4


def of_a_chain() -> bool:
    """Whether the value decides how a comparison of three goes on: it is then jumped over, or kept as it
    is."""
    frame = frame_of_user()
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset == frame.f_lasti:
            return "OR_POP" in instruction.opname
    return False
