"""The direction of imports in `bindings/src`: no file imports one of a folder above its own, and no files
import each other in a circle. The folders are the way of a call, from what Python sees down to NumPy's and
CPython's API.

Read from `use crate::...` and `use super::...`; a name spelled out in the code counts too.
"""

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "bindings" / "src"

# From top to bottom; `lib` only lists the modules.
FOLDERS = """
    faces functions pipeline foreign numpys run short overrides results arguments ufunc python
""".split()

PATH = re.compile(r"\b(crate|super)::(?:\{([^}]*)\}|([\w:]+)(?:::\{([^}]*)\})?)")


def module_of(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "mod" else parts


def targets(text: str, module: tuple[str, ...], is_folder: bool) -> set[tuple[str, ...]]:
    """The paths that a file names, from the crate's root."""
    found = set()
    for root, alone, path, several in PATH.findall(text):
        start: tuple[str, ...] = () if root == "crate" else module if is_folder else module[:-1]
        head = tuple(part for part in path.split("::") if part)
        tails = [part.strip().split("::")[0].split(" ")[0] for part in (alone or several).split(",")]
        for tail in tails or [""]:
            found.add(start + head + ((tail,) if tail else ()))
    return found


def imports() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    files = {module_of(path): path for path in SOURCE.rglob("*.rs") if path.name != "lib.rs"}
    graph = {}
    for module, path in files.items():
        text = re.sub(r"//[^\n]*", "", path.read_text())
        arrows = set()
        for target in targets(text, module, path.name == "mod.rs"):
            known = [target[:n] for n in range(len(target), 0, -1) if target[:n] in files]
            if known and known[0] != module:
                arrows.add(known[0])
        graph[module] = arrows
    return graph


def upward(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[str]:
    return [
        f"{'/'.join(module)} imports {'/'.join(target)}, which stands above it"
        for module, arrows in sorted(graph.items())
        for target in sorted(arrows)
        if FOLDERS.index(target[0]) < FOLDERS.index(module[0])
    ]


def circles(graph: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[str]:
    """A line for each file that a walk along the arrows comes back to. A `mod.rs` names its own."""
    found = []
    for start in sorted(graph):
        reached: set[tuple[str, ...]] = set()
        ahead = [target for target in graph[start] if not is_own_folder(start, target)]
        while ahead:
            module = ahead.pop()
            if module not in reached:
                reached.add(module)
                ahead += [target for target in graph[module] if not is_own_folder(module, target)]
        if start in reached:
            found.append(f"{'/'.join(start)} is in a circle")
    return found


def is_own_folder(module: tuple[str, ...], target: tuple[str, ...]) -> bool:
    return module[: len(target)] == target


if __name__ == "__main__":
    graph = imports()
    unknown = sorted({module[0] for module in graph} - set(FOLDERS))
    problems = [f"{name} has no place among the folders" for name in unknown]
    if not unknown:
        problems = upward(graph) + circles(graph)
    print("\n".join(problems) or f"{len(graph)} files, every import downwards, no circle")
    sys.exit(bool(problems))
