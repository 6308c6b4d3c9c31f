"""The packages and their imports, the picture of them, and what may not appear in the sources at all."""

import ast
import html
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs import draw_packages

import grokflow

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py")) + sorted((ROOT / "workflow").rglob("*.py"))


def test_every_module_imports_only_from_modules_above_it():
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def graph():
    return draw_packages.import_graph()


@pytest.fixture(scope="module")
def parts(graph):
    return draw_packages.read_parts(graph)


def test_there_are_at_most_fifteen_packages(parts):
    assert len([part for part in parts.values() if part.is_package]) <= 15


def test_no_module_imports_itself_through_others(graph):
    assert draw_packages.cycles(graph) == []


def test_a_cycle_is_found():
    graph = draw_packages.import_graph()
    graph.add_import(importer="grokflow.errors", imported="grokflow.verify")
    (group,) = draw_packages.cycles(graph)
    assert {"grokflow.errors", "grokflow.verify"} <= set(group)


def test_arrows_are_the_imports_that_do_not_follow_from_others():
    imports = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("ab"), "d": frozenset("ac")}
    assert draw_packages.arrows(imports) == {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"c"}}
    assert draw_packages.rows(imports) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_the_picture_shows_the_packages_and_imports_of_today(parts):
    svg = draw_packages.PICTURE.read_text(encoding="utf-8")
    (shown,) = re.findall(r"<dc:description>(.*)</dc:description>", svg, re.DOTALL)
    assert html.unescape(shown) == draw_packages.described(parts), "`make architecture` draws it anew"


def test_the_same_packages_are_drawn_in_the_same_bytes(tmp_path):
    """Whatever order the sets of a process have."""
    code = (
        "import pathlib, sys; from docs import draw_packages;"
        "draw_packages.PICTURE = pathlib.Path(sys.argv.pop()); draw_packages.main()"
    )
    drawn = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.svg"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, env=environment, check=True)
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("forbidden", [r"\bpickle\b", r"torch\.(save|load)\b", r"\beval\(", r"\bexec\("])
def test_no_source_can_execute_what_it_reads(forbidden):
    code = {path: path.read_text(encoding="utf-8").replace("Never pickle.", "") for path in SOURCES}
    assert [path.name for path in SOURCES if re.search(forbidden, code[path])] == []


def test_only_one_module_reads_or_writes_tensors():
    using = [path.name for path in SOURCES if "safetensors.numpy" in path.read_text(encoding="utf-8")]
    assert using == ["tensors.py"]


def exported(package):
    """What `__init__` of a package names for others."""
    return set(importlib.import_module(f"grokflow.{package}").__all__)


def imports_of(path):
    """The imports from packages of grokflow in a module, a script or a part of the Snakefile."""
    statements = re.findall(
        r"^ *(from grokflow\.\S+ import (?:\([^)]*\)|.*))", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [node for statement in statements for node in ast.parse(statement).body]


def test_packages_use_of_one_another_what_is_exported():
    """A name that its package does not export is the package's own, to be changed without asking."""
    private = []
    workflow = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk"), *(ROOT / "workflow").rglob("*.py")]
    for path in sorted([*(ROOT / "src/grokflow").glob("*/*.py"), *workflow]):
        for node in imports_of(path):
            _, package, *module = node.module.split(".")
            if package == path.parent.name or not (ROOT / "src/grokflow" / package).is_dir():
                continue
            names = module or [alias.name for alias in node.names] if package == "artifacts" else None
            used = set(names or (alias.name for alias in node.names))
            private += [f"{path.name}: {node.module}.{name}" for name in sorted(used - exported(package))]
    assert private == []


def test_importing_grokflow_alone_loads_nothing_heavy():
    code = "import sys, grokflow; print(sorted({'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_every_public_name_is_there():
    for name in grokflow.__all__:
        assert getattr(grokflow, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = grokflow.nonsense


def test_a_job_that_draws_judges_or_reads_tables_does_not_load_pytorch():
    """The linter sees imports that are written down; this one sees what is loaded."""
    modules = "grokflow.figures.path, grokflow.claims, grokflow.dynamics, grokflow.data, grokflow.loading"
    modules += ", grokflow.artifacts.job, grokflow.artifacts.resumable"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
