"""CITATION.cff is valid, of this version, and cites both papers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import grokflow

FILE = Path(__file__).parents[1] / "CITATION.cff"
VALIDATOR = shutil.which("cffconvert")


def test_it_is_of_this_version_and_cites_both_papers() -> None:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert content["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(content)  # what the format requires
    assert content["version"] == grokflow.__version__
    assert content["license"] == "MIT"
    cited = {paper["abbreviation"]: paper for paper in content["references"]}
    assert [author["family-names"] for author in cited["M"]["authors"]] == ["Groznyi", "Yuzhakov", "Vetrov"]
    assert [author["family-names"] for author in cited["P"]["authors"]] == ["Melnik", "Yuzhakov", "Vetrov"]
    for paper in cited.values():
        assert {"type", "title", "authors"} <= set(paper)


@pytest.mark.skipif(VALIDATOR is None, reason="cffconvert is not installed; `make test-crate` runs it")
@pytest.mark.parametrize("spoiled", [False, True])
def test_its_validator_accepts_it(tmp_path: Path, spoiled: bool) -> None:
    text = FILE.read_text(encoding="utf-8")
    copy = tmp_path / "CITATION.cff"
    copy.write_text(text.replace("family-names", "family") if spoiled else text, encoding="utf-8")
    checked = subprocess.run([VALIDATOR, "--validate", "-i", copy], capture_output=True, check=False)
    assert (checked.returncode != 0) == spoiled
