"""Dicts that say at a glance what is in them: those of `ufunx.explain` and `ufunx.show_config`."""

from typing import Any

import numpy as np

from . import _native

# What would make a call native, where `explain` gives that reason. Reasons without a line have no way out.
REMEDIES = {
    "an operand's dtype has no native loops": "make the operand one of {dtypes}",
    "an operand is not an ndarray, NumPy scalar or number": "make the operand an array of {dtypes}",
    "no native loop for these dtypes, or a cast that is refused": "make the operands one of {dtypes}",
    "a keyword or its value is NumPy's to handle": "leave the keyword out",
    "an operand's memory cannot be read here; the call says why": "copy the operand to the CPU",
}


class Explanation(dict[str, Any]):
    """How a call would run; as text, for people."""

    def __init__(self, facts: dict[str, Any], ufunc: str) -> None:
        super().__init__(facts)
        self._ufunc = ufunc

    def __str__(self) -> str:
        if self["path"] == "native":
            return in_lines(
                f"{self._ufunc} runs on a native kernel",
                {
                    "loop": self["loop"],
                    "ISA": self["isa"],
                    "threads": self["threads"],
                    "axes": " x ".join(map(str, self["axes"])),
                    "operands": ", ".join(self["operands"]),
                },
            )
        whose = {"numpy": "goes to NumPy", "override": "is an operand's own affair", "refused": "is refused"}
        facts = {"why": self["reason"]}
        if self["reason"] in REMEDIES:
            facts["native, if you"] = REMEDIES[self["reason"]].format(dtypes=dtypes_of(self._ufunc))
        return in_lines(f"{self._ufunc} {whose[self['path']]}", facts)


class Config(dict[str, Any]):
    """What this build is and does; as text, for people, and so at the prompt."""

    def __str__(self) -> str:
        kept, most = in_mib(self["memory_kept"]), in_mib(self["memory_kept_at_most"])
        return in_lines(
            f"ufunx {self['version']}: {self['ufuncs']} ufuncs with {self['loops']} loops",
            {
                "ISA": f"{self['isa_used']}; this CPU has {', '.join(self['isa_found'])}",
                "threads": self["threads"],
                "memory kept": f"{kept} of at most {most}",
                "in-place mode": "on" if self["in_place"] else "off",
                "NumPy": self["numpy"],
            },
        )

    __repr__ = __str__


def in_mib(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"


def in_lines(head: str, facts: dict[str, Any]) -> str:
    """The head, and a line for each fact."""
    width = max(map(len, facts)) + 2
    return "\n".join([head, *(f"  {name:{width}}{value}" for name, value in facts.items())])


def dtypes_of(ufunc: str) -> str:
    """NumPy's dtypes among those that the ufunc's loops begin with, in words."""
    record = _native.records().get(ufunc)
    if record is None:  # one that was made at run time
        return "those that all ufuncs in it have loops for"
    loops: list[str] = record["types"]
    known = set("?" + np.typecodes["AllInteger"] + np.typecodes["AllFloat"])
    return ", ".join(dict.fromkeys(np.dtype(loop[0]).name for loop in loops if loop[0] in known))
