"""The direction of the imports, and what may not appear in the sources at all."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py")) + sorted((ROOT / "workflow").rglob("*.py"))


def test_every_module_imports_only_from_modules_above_it():
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("forbidden", [r"\bpickle\b", r"torch\.(save|load)\b", r"\beval\(", r"\bexec\("])
def test_no_source_can_execute_what_it_reads(forbidden):
    code = {path: path.read_text(encoding="utf-8").replace("Never pickle.", "") for path in SOURCES}
    assert [path.name for path in SOURCES if re.search(forbidden, code[path])] == []


def test_only_one_module_reads_or_writes_tensors():
    using = [path.name for path in SOURCES if "safetensors.numpy" in path.read_text(encoding="utf-8")]
    assert using == ["tensors.py"]
