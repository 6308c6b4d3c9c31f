"""A user's file by its name: found, checked without running it, identified by its content, loaded.

A configuration is read on every start of the workflow, so nothing of a user's file runs then: it is parsed,
and the name is looked up in it. A job loads it. Between the two it is identified by a digest of its content,
which stands behind the name, `file.py:name#digest`: so the parameters of a job change when the file does.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from grokflow.artifacts.files import checksum, digest
from grokflow.errors import ConfigError, nearest
from grokflow.user_code.modules import place_of_another, run

CODE = r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*(#[0-9a-f]{16})?$"
"""`file.py:name`, with the digest of the file's content once the configuration is read."""

TABLE = r"^.+\.csv(#[0-9a-f]{16})?$"
"""`file.csv`, likewise."""

_PARTS = re.compile(r"^(?P<file>.+?\.(?:py|csv))(?::(?P<name>[A-Za-z_]\w*))?(?:#(?P<digest>[0-9a-f]{16}))?$")

ADVICE = (
    "In a configuration a file is named relative to it; in a notebook or a command, to the working directory."
)


@dataclass(frozen=True)
class UserFile:
    """A user's file, as the working directory reaches it, and the name in it that is meant.

    `name` is None for a table. `digest` identifies the content of the file, and of the files beside it that
    it imports.
    """

    file: str
    name: str | None
    digest: str

    def __str__(self) -> str:
        return f"{self.shown}#{self.digest}"

    @property
    def shown(self) -> str:
        """The file and the name, for a reader."""
        return f"{self.file}:{self.name}" if self.name else self.file

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The file, and every file beside it that it imports."""
        return tuple(_with_imports(Path(self.file)))

    def load(self) -> Any:
        """What the name stands for: runs the file.

        Raises
        ------
        ConfigError : when it is not the file that the configuration was read with, or does not run.
        """
        assert self.name is not None
        place = checksum(os.path.realpath(self.file).encode())[:8]
        module = f"grokflow_user_{Path(self.file).stem}_{place}_{self.digest}"
        if module not in sys.modules:
            run(Path(self.file), module, self.check())
        try:
            return getattr(sys.modules[module], self.name)
        except AttributeError:
            names = [name for name in vars(sys.modules[module]) if not name.startswith("_")]
            raise _no_such_name(self.file, self.name, names) from None

    def check(self) -> dict[str, bytes]:
        """The content of every file.

        Raises
        ------
        ConfigError : when it is not what the configuration was read with.
        """
        contents = _contents(Path(self.file))
        if _digest(Path(self.file), contents) != self.digest:
            raise ConfigError(
                self.file,
                expected="the file that the configuration was read with",
                found="one that was edited since",
                mend="Run the same command again.",
            )
        return contents


def is_user_file(text: object) -> bool:
    """Whether a value of a configuration names a user's file, code or a table."""
    return is_code(text) or (isinstance(text, str) and bool(re.match(TABLE, text)))


def is_code(text: object) -> bool:
    """Whether a value of a configuration names code of the user's."""
    return isinstance(text, str) and bool(re.match(CODE, text))


def is_identified(text: object) -> bool:
    """Whether such a value has its digest already."""
    found = _PARTS.match(text) if isinstance(text, str) else None
    return bool(found and found["digest"])


def as_written(text: str) -> str:
    """The text of a read configuration as its user wrote it: `file.py:name`."""
    return parse(text).shown if is_user_file(text) and is_identified(text) else text


@functools.cache
def parse(text: str) -> UserFile:
    """The file that the text of a read configuration names: `file.py:name#digest`."""
    found = _PARTS.match(text)
    assert found is not None, text
    assert found["digest"], f"{text} has no digest"
    return UserFile(found["file"], found["name"], found["digest"])


def find(text: str, folder: str | Path = ".", where: str | None = None) -> UserFile:
    """The file that a user names, relative to `folder`: checked without running anything of it.

    Parameters
    ----------
    where : the key of the configuration, for messages.

    Raises
    ------
    ConfigError : when there is no such file, when it is not Python, or when it does not define the name.
    """
    found = _PARTS.match(text)
    if found is None or (found["file"].endswith(".py") and not found["name"]):
        raise ConfigError(where or text, expected="a name in a file of yours, file.py:name", found=repr(text))
    path = Path(os.path.relpath(Path(folder) / found["file"]))
    if path.parts[0] == "..":
        path = (Path(folder) / found["file"]).absolute()
    file = UserFile(path.as_posix(), found["name"], _digest(path, _contents(path, where)))
    if file.name is not None:
        names, imported = _names_of(_parsed(path))
        if file.name not in names + imported and "*" not in imported:
            raise _no_such_name(file.file, file.name, names, where)
    return file


def files_named(value: Any) -> list[str]:
    """Every user's file that a part of a configuration names, with what it imports, each once."""
    return list(dict.fromkeys(file for text in _texts(value) for file in parse(text).files))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif is_user_file(value) and is_identified(value):
        yield value


def _no_such_name(file: str, name: str, names: list[str], where: str | None = None) -> ConfigError:
    defined = ", ".join(names) or "nothing"
    expected = f"a name that {file} defines ({defined})"
    return ConfigError(where or file, expected=expected, found=f"'{name}'", mend=nearest(name, names))


def _contents(path: Path, where: str | None = None) -> dict[str, bytes]:
    """What stands in the file, and in every file beside it that it imports."""
    return {file: _read(Path(file), where) for file in _with_imports(path, where)}


def _digest(path: Path, contents: Mapping[str, bytes]) -> str:
    folder = path.parent.as_posix()
    return digest({os.path.relpath(file, folder): checksum(content) for file, content in contents.items()})


def _read(path: Path, where: str | None = None) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        found = f"{path} ({error.strerror})"
        raise ConfigError(where or path, expected="a file", found=found, mend=ADVICE) from None


def _parsed(path: Path, where: str | None = None) -> ast.Module:
    try:
        return ast.parse(_read(path, where), filename=str(path))
    except SyntaxError as error:
        line = f"{path}, line {error.lineno or 1}"
        raise ConfigError(line, expected="valid Python", found=error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL, or nesting without end
        raise ConfigError(path, expected="valid Python", found=error) from None


def _with_imports(path: Path, where: str | None = None) -> list[str]:
    """The file, then those beside it that it imports, in any depth."""
    found, waiting = [path.as_posix()], [path] if path.suffix == ".py" else []
    while waiting:
        for file in _imported(waiting.pop(), where):
            if file.as_posix() not in found:
                found.append(file.as_posix())
                waiting.append(file)
    return found


def _imported(path: Path, where: str | None) -> Iterator[Path]:
    """The files beside `path` that it imports itself."""
    for node in ast.walk(_parsed(path, where)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            top = path.parent / name.partition(".")[0]
            if top.with_suffix(".py").is_file():
                yield top.with_suffix(".py")
            elif (top / "__init__.py").is_file() or (top.is_dir() and not place_of_another(top.name)):
                yield from sorted(top.rglob("*.py"))


def _names_of(module: ast.Module) -> tuple[list[str], list[str]]:
    """What the top level of a module defines, and what it imports; `*` where only running it could tell."""
    defined: list[str] = []
    imported: list[str] = []
    for node in module.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.append(name)
            case ast.Assign(targets=targets):
                names = (each for target in targets for each in ast.walk(target))
                defined += [each.id for each in names if isinstance(each, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                defined.append(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                imported += [alias.asname or alias.name.partition(".")[0] for alias in aliases]
            case ast.Expr() | ast.Assert() | ast.AugAssign() | ast.Pass():
                pass
            case _:
                imported.append("*")
    return defined, imported
