"""Writes the type stubs of the ufuncs, `ufunx/_ufuncs.pyi`: `python bindings/python/stubs.py`.

A ufunc's stub is NumPy's class for its arity, which knows the call, the methods and `nin` and `nout` as
literals, under the ufunc's own name, with its doc line. The other names of NumPy's namespace are listed, as a
star import would bring NumPy's ufuncs with them. It is written with the NumPy of requirements-dev.txt.
"""

from pathlib import Path
from typing import Any

import numpy as np

import ufunx

STUBS = Path(__file__).resolve().parent / "ufunx" / "_ufuncs.pyi"


def doc_line(ufunc: Any) -> str:
    """What the ufunc does: the first sentence after the line that says how it is called."""
    paragraph: str = ufunc.__doc__.split("\n\n")[1]
    return " ".join(paragraph.split()).partition(". ")[0].removesuffix(".") + "."


def arity_class(ufunc: Any) -> str:
    """NumPy's name for the class of ufuncs like this one, which exists in its stubs only."""
    kind = "_UFunc" if ufunc.signature is None else "_GUFunc"
    return f"{kind}_Nin{ufunc.nin}_Nout{ufunc.nout}"


def declaration(ufunc: Any) -> str:
    """A ufunc's lines. How many loops NumPy has is not said: it differs from version to version."""
    identity = "float" if isinstance(ufunc.identity, float) else repr(ufunc.identity)
    facts = [f'L["{ufunc.__name__}"]', "int", identity if identity in ("None", "float") else f"L[{identity}]"]
    if ufunc.signature is not None:
        facts.append(f'L["{ufunc.signature}"]')
    return f'{ufunc.__name__}: {arity_class(ufunc)}[{", ".join(facts)}]\n"""{doc_line(ufunc)}"""'


def is_numpys(name: str) -> bool:
    """Whether NumPy's stub is the name's."""
    return name in ufunx._FUNCTIONS or getattr(ufunx, name) is getattr(np, name)


def stubs() -> str:
    """The file's text."""
    named: dict[str, Any] = ufunx._UFUNCS
    own = {name: ufunc for name, ufunc in sorted(named.items()) if name == ufunc.__name__}
    aliases = {name: ufunc for name, ufunc in sorted(named.items()) if name not in own}
    # Our functions are called as NumPy's are, so NumPy's stubs are theirs.
    others = sorted(name for name in np.__all__ if name not in named and is_numpys(name))
    lines = [
        f"# Written by bindings/python/stubs.py with NumPy {np.__version__}; `make bless` writes it anew.",
        "from typing import Literal as L\n",
        *(f"from numpy import {name} as {name}" for name in others),
        f"from numpy._typing import {', '.join(sorted({arity_class(ufunc) for ufunc in own.values()}))}\n",
        *(declaration(ufunc) for ufunc in own.values()),
        *(f"{name} = {ufunc.__name__}" for name, ufunc in aliases.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    STUBS.write_text(stubs())
