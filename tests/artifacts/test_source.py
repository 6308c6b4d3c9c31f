"""Which sources decide what a module computes, and that their digest changes with each of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grokflow.artifacts import source
from grokflow.artifacts.source import ROOT, source_digest, sources_of

ENGINE = "grokflow.training.engine"


def names(module: str, root: Path = ROOT) -> set[str]:
    """The sources of a module, seen from the package's folder."""
    return {str(path.relative_to(root)) for path in sources_of(module)}


def test_the_engine_depends_on_what_it_imports_directly_and_indirectly() -> None:
    found = names(ENGINE)
    directly = {"training/engine.py", "training/batch.py", "training/detection.py", "config/__init__.py"}
    indirectly = {
        "model/attention.py",
        "model/prefixes.py",
        "model/transformer.py",
        "data/operations.py",
        "artifacts/tensors.py",
        "config/schema.py",
        "randomness.py",
    }
    packages = {"__init__.py", "training/__init__.py", "model/__init__.py"}
    assert directly | indirectly | packages <= found


def test_a_training_does_not_depend_on_what_is_made_of_it() -> None:
    for module in (ENGINE, "grokflow.paths.fitting"):
        folders = {name.partition("/")[0] for name in names(module)}
        assert not folders & {"figures", "claims", "dynamics", "verify.py", "loading.py"}, module
    assert not any(name.startswith("paths") for name in names(ENGINE))
    assert "paths/geometry.py" in names("grokflow.paths.fitting")


@pytest.mark.parametrize("module", [ENGINE, "grokflow.paths.fitting", "grokflow.claims"])
def test_every_module_that_an_import_loads_is_among_the_sources(module: str) -> None:
    program = f"import sys, {module}; print(*(n for n in sys.modules if n.partition('.')[0] == 'grokflow'))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert {module, "grokflow"} <= set(loaded)
    places = [ROOT.joinpath(*name.split(".")[1:]) for name in loaded]
    files = {place / "__init__.py" if place.is_dir() else place.with_suffix(".py") for place in places}
    assert files <= set(sources_of(module))


PACKAGE = {
    "__init__.py": "",
    "a.py": "import numpy\nimport grokflow.b.c\nfrom grokflow import d\n",
    "b/__init__.py": "from grokflow.e import thing\n",
    "b/c.py": "def late():\n    from grokflow.f import lazily\n",
    "b/other.py": "",
    "d.py": "import json as grokflow_json\nimport grokflowish.g\n",
    "e.py": "import grokflow.a\n\nthing = 1\n",
    "f.py": "import grokflow.h.i as short\n",
    "g.py": "",
    "h/__init__.py": "",
    "h/i.py": "",
    "unrelated.py": "import grokflow.a\n",
}
"""`a` imports all but `b.other`, `g` and `unrelated`, directly or not; `e`, one of these, imports `a`."""

OF_A = {"__init__.py", "a.py", "b/__init__.py", "b/c.py", "d.py", "e.py", "f.py", "h/__init__.py", "h/i.py"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of `PACKAGE` in grokflow's place."""
    root = tmp_path / "grokflow"
    for name, text in PACKAGE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(source, "ROOT", root)
    source_digest.cache_clear()
    yield root
    source_digest.cache_clear()


def digest_of(module: str | None) -> str:
    """As another process would find it."""
    source_digest.cache_clear()
    return source_digest(module)


def test_sources_are_followed_through_packages_functions_and_circles(package: Path) -> None:
    assert names("grokflow.a", package) == OF_A
    assert names("grokflow.h.i", package) == {"__init__.py", "h/__init__.py", "h/i.py"}
    assert names("grokflow.b", package) == OF_A
    assert names("grokflow.g", package) == {"__init__.py", "g.py"}
    assert names("grokflow", package) == {"__init__.py"}
    assert sources_of("grokflow.a") == sorted(sources_of("grokflow.a"))


@pytest.mark.parametrize("changed", PACKAGE)
def test_the_digest_changes_with_each_of_the_sources_and_with_nothing_else(
    changed: str, package: Path
) -> None:
    before, of_all = digest_of("grokflow.a"), digest_of(None)
    assert (len(before), digest_of("grokflow.a")) == (16, before)
    (package / changed).write_text(PACKAGE[changed] + "# changed\n")
    assert (digest_of("grokflow.a") != before) == (changed in OF_A)
    assert digest_of(None) != of_all


def test_the_digest_changes_with_a_new_import_and_with_a_name(package: Path) -> None:
    before = digest_of("grokflow.g")
    (package / "g.py").write_text("from grokflow.h import i, j\n")
    assert names("grokflow.g", package) == {"__init__.py", "g.py", "h/__init__.py", "h/i.py"}
    imported = digest_of("grokflow.g")
    (package / "h/i.py").rename(package / "h/j.py")
    assert names("grokflow.g", package) == {"__init__.py", "g.py", "h/__init__.py", "h/j.py"}
    assert len({before, imported, digest_of("grokflow.g")}) == 3
