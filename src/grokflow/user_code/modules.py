"""Users' files as modules: run from the bytes that were read, with the files beside them that they import.

Python itself would take a module from its cache of compiled files, which knows seconds and sizes and not
content; and it has one place for all modules of one name. Here a file that was edited is always run anew, and
two files of one name are refused.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType

from grokflow.errors import ConfigError, fault_in


class _Source(importlib.machinery.SourceFileLoader):
    """A module from its bytes."""

    def __init__(self, name: str, path: str, content: bytes) -> None:
        super().__init__(name, path)
        self.content = content

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.content, self.path)
        return code


class _Beside(importlib.abc.MetaPathFinder):
    """Finds the modules that lie beside users' files."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[Path, bytes | None]] = {}
        """By their names: the file with its content, or a folder without `__init__.py`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.known:
            return None
        place, content = self.known[fullname]
        if content is None:
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(place)]
            return spec
        inside = [str(place.parent)] if place.name == "__init__.py" else None
        loader = _Source(fullname, str(place), content)
        return importlib.util.spec_from_file_location(
            fullname, place, loader=loader, submodule_search_locations=inside
        )


_BESIDE = _Beside()


def run(path: Path, name: str, contents: Mapping[str, bytes]) -> None:
    """Run a user's file as the module `name`.

    Parameters
    ----------
    contents : of the file and of each file beside it that it imports.

    Raises
    ------
    ConfigError : when it does not run, or imports what cannot be followed or is called as another module.
    """
    if _BESIDE not in sys.meta_path:
        sys.meta_path.insert(0, _BESIDE)
    for file, content in contents.items():
        if file != path.as_posix():
            _make_known(Path(file), path.parent, content)
    loader = _Source(name, str(path), contents[path.as_posix()])
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
        _refuse_unfollowed(path, set(sys.modules) - before - {name}, contents)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ConfigError) or not isinstance(error, Exception):
            raise
        raise fault_in(error, contents) or error from error


def place_of_another(top: str) -> str | None:
    """Where Python has a module of this name that does not lie beside a user's file; None: nowhere.

    It is only looked for: nothing is imported. A folder without `__init__.py` is none, because Python prefers
    any module to it.
    """
    if top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return "a module of Python"
    found = (finder.find_spec(top, None) for finder in sys.meta_path if finder is not _BESIDE)
    return next((spec.origin for spec in found if spec is not None and spec.origin), None)


def _make_known(file: Path, folder: Path, content: bytes) -> None:
    parts = file.relative_to(folder).with_suffix("").parts
    names = [*parts[:-1]] if parts[-1] == "__init__" else [*parts]
    _refuse_another(names[0], file, folder)
    file = file.absolute()  # who calls may change the working directory
    for depth in range(1, len(names)):
        inner = folder.absolute().joinpath(*names[:depth])
        if not (inner / "__init__.py").is_file():
            _BESIDE.known.setdefault(".".join(names[:depth]), (inner, None))
    name = ".".join(names)
    if name in _BESIDE.known and _BESIDE.known[name] != (file, content):
        sys.modules.pop(name, None)  # it was edited since
    _BESIDE.known[name] = (file, content)


def _refuse_another(top: str, file: Path, folder: Path) -> None:
    """Refuse a file that is called like a module which lies elsewhere."""
    if top in _BESIDE.known:
        places: list[str | None] = [str(_BESIDE.known[top][0])]
    else:
        loaded = sys.modules[top].__spec__ if top in sys.modules else None
        places = [place_of_another(top), loaded.origin if loaded else None]
    for place in filter(None, places):
        if not _is_module_of(folder, top, Path(place)):
            raise ConfigError(
                file,
                expected="a name that no other module has",
                found=f"'{top}', which is {place}, too",
                mend="Rename the file, and the import of it.",
            )


def _is_module_of(folder: Path, top: str, place: Path) -> bool:
    """Whether a file, or the folder of a package, is what `import top` means beside a file in `folder`."""
    module = place.parent if place.name == "__init__.py" else place
    name = module.stem if module.suffix == ".py" else module.name
    return name == top and os.path.realpath(module.parent) == os.path.realpath(folder)


def _refuse_unfollowed(path: Path, loaded: set[str], contents: Mapping[str, bytes]) -> None:
    """Refuse modules from the user's folder that no import statement names: their edits would go unseen."""
    followed = {os.path.realpath(file) for file in contents}
    folder = Path(os.path.realpath(path.parent))
    for name in sorted(loaded):
        file = getattr(sys.modules.get(name), "__file__", None)
        # `torch.classes` and `torch.ops` lie in no file, and name `_classes.py` and `_ops.py` all the same.
        if file is None or not Path(file).is_file() or "site-packages" in Path(file).parts:
            continue
        real = Path(os.path.realpath(file))
        if real.is_relative_to(folder) and str(real) not in followed and not _is_ours(real):
            raise ConfigError(
                path,
                expected="imports that are statements, of files beside this one",
                found=f"{file}, imported in another way",
                mend=f"Put {real.name} beside it and write 'import {real.stem}', or its edits go unseen.",
            )


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(os.path.realpath(Path(__file__).parents[1]))
