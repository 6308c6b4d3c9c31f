"""Which of grokflow's sources decide what a module computes, and a digest of them.

A saved state may only be resumed under the sources that made it. They are read off the imports: a
module's own source, that of every module it imports, and so on.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import grokflow
from grokflow.artifacts.files import checksum

ROOT = Path(grokflow.__file__).parent


@functools.cache
def source_digest(module: str | None = None) -> str:
    """16 hexadecimal digits that change with the source of `module`, or of anything that it imports.

    Parameters
    ----------
    module : a name such as "grokflow.training.engine"; None for the whole package.
    """
    files = sorted(ROOT.rglob("*.py")) if module is None else sources_of(module)
    content = (f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() for path in files)
    return checksum(b"\0".join(content))[:16]


def sources_of(module: str) -> list[Path]:
    """The files of `module` and of all modules of grokflow that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or path in found:
            continue
        found.add(path)
        waiting += _imports(path)
        waiting += [name.rpartition(".")[0]] if "." in name else []  # importing a.b runs a/__init__.py
    return sorted(found)


def _file_of(module: str) -> Path | None:
    """The source of a module or package; None for what is none, such as a class or another library."""
    first, *rest = module.split(".")
    if first != "grokflow":
        return None
    path = ROOT.joinpath(*rest)
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def _imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports; of `from a import b` both `a` and `a.b`, as b may be a module.

    What is imported for type checkers alone computes nothing.
    """
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)
