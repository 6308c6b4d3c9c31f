"""What was registered is what is judged: docs/registration.md against the code and the configuration."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from grokflow.claims import CRITERIA
from grokflow.claims.criteria import Criterion
from grokflow.claims.judging import CHANCE
from grokflow.config import Config, Fitted
from grokflow.loading import load_config

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "registration.md").read_text(encoding="utf-8")

JUDGING = ROOT / "src" / "grokflow" / "claims"

NOT_JUDGING = {"__init__", "tables", "page", "outcomes"}
"""Modules of the package that only write down what was judged."""


@pytest.fixture(scope="module")
def full() -> Config:
    return load_config([ROOT / "config.yaml", ROOT / "config" / "full.yaml"])


def section(title: str) -> str:
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def numbers(criterion: Criterion) -> str:
    return "; ".join(
        number.name
        + (f" ({number.unit})" if number.unit else "")
        + (f" – paper: {number.paper:g}" if number.paper is not None else "")
        for number in criterion.numbers
    )


@pytest.mark.parametrize("id", CRITERIA)
def test_every_criterion_is_the_registered_one(id: str) -> None:
    text, criterion = section(id), CRITERIA[id]
    assert f"- Statement: {criterion.statement}\n" in text
    assert f"- Holds for a seed if: {criterion.criterion}.\n" in text
    assert f"- Numbers, the effect first: {numbers(criterion)}.\n" in text
    assert re.search(r"^- Why: \S.*\.$", text, re.MULTILINE)
    assert re.search(r"^- First registered: \S.*\.$", text, re.MULTILINE)


def test_nothing_else_is_registered() -> None:
    assert sorted(re.findall(r"^### (.+)$", PAGE, re.MULTILINE)) == sorted(CRITERIA)


def test_seeds_and_lengths_are_those_of_the_configuration(full: Config) -> None:
    rows = dict(re.findall(r"^\| (?:sweep )?`(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
    for name, run in (*full.runs.items(), *full.sweeps.items()):
        first, last = run.seeds[0], run.seeds[-1]
        assert run.seeds == list(range(first, last + 1))
        assert first >= 100, "seeds below 64 have been looked at"
        seeds = f"{first} to {last}" if last > first else str(first)
        stops = {None: "at the last epoch", 0: "at point 2"}.get(
            run.stop_after_point_2, f"{run.stop_after_point_2} epochs after point 2"
        )
        assert rows.pop(name) == f"{seeds} | {run.epochs} | {stops}"
    assert not rows
    fits = [path.fit for path in full.paths.values() if isinstance(path, Fitted)]
    assert {str(fit.model_dump()) for fit in fits} == {re.search(r"^Fits: `(.+)`\.$", PAGE, re.MULTILINE)[1]}


def test_a_control_is_trained_as_long_as_what_it_is_compared_with(full: Config) -> None:
    for claim in full.claims.values():
        if claim.run and claim.against:
            assert full.runs[claim.run].epochs == full.runs[claim.against].epochs
            assert full.runs[claim.run].seeds == full.runs[claim.against].seeds


def test_the_first_eight_seeds_are_those_of_the_full_run(full: Config) -> None:
    files = [ROOT / "config.yaml", ROOT / "config" / "full.yaml", ROOT / "config" / "eight.yaml"]
    eight = load_config(files)
    for name, run in full.runs.items():
        assert eight.runs[name].seeds == run.seeds[:8]
        own = eight.runs[name].model_dump(exclude={"seeds"})
        assert own == run.model_dump(exclude={"seeds"})


def test_the_bounds_of_the_rule_stand_on_the_page() -> None:
    assert f"whose p is above {CHANCE:g} is not" in PAGE
    assert "lower end is at least 0.9" in PAGE


def test_the_code_that_judges_has_the_registered_digests() -> None:
    found = dict(re.findall(r"^\| `claims/(\w+)\.py` \| ([0-9a-f]{16}) \|$", PAGE, re.MULTILINE))
    modules = {path.stem for path in JUDGING.glob("*.py")} - NOT_JUDGING
    assert set(found) == modules
    for name in sorted(modules):
        digest = hashlib.sha256((JUDGING / f"{name}.py").read_bytes()).hexdigest()[:16]
        assert digest == found[name], f"{name}.py was changed: say what and why on the page, with its digest"
