"""What was registered is what is judged: docs/registration.md against the code and the configuration."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from grokflow.artifacts.columns import RECOVERED, SETTLING
from grokflow.artifacts.files import digest
from grokflow.claims import CRITERIA
from grokflow.claims.criteria import Criterion
from grokflow.claims.judging import CHANCE
from grokflow.config import Config, Fitted
from grokflow.dynamics.collapses import SHALLOWEST
from grokflow.loading import load_config
from grokflow.statistics import Proportion

ROOT = Path(__file__).parents[2]

PAGE = (ROOT / "docs" / "registration.md").read_text(encoding="utf-8")

SOURCE = ROOT / "src" / "grokflow"

MEASURING = [
    path
    for package in ("claims", "dynamics", "statistics")
    for path in sorted((SOURCE / package).glob("*.py"))
    if path.name not in ("__init__.py", "page.py")  # these only name, or write down, what was judged
]


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
    also = re.search(r"^- The claim also needs: (.+)\.$", text, re.MULTILINE)
    assert (also[1] if also else "") == criterion.also
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


def test_the_rule_by_which_fits_end_is_the_registered_one(full: Config) -> None:
    fits = {path.fit for path in full.paths.values() if isinstance(path, Fitted)}
    (fit,) = fits
    text = " ".join(PAGE.split())
    assert (
        f"A fit: {fit.optimizer}, learning rate {fit.rate:g}, momentum {fit.momentum:g}, checked every "
        f"{fit.check_every} epochs. It has stopped falling when over the last {fit.patience} checks"
    ) in text
    assert f"fell by more than {fit.tolerance:g} of itself" in text
    assert f"for at most {fit.epochs} epochs" in text


def test_each_claim_is_judged_on_what_was_registered(full: Config) -> None:
    rows = re.findall(r"^\| ([\w-]+) \| ([\w-]+) \| `(\w+)` \| (?:`(\w+)`|–) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (name, claim.claim or name, claim.run or claim.path or claim.sweep, claim.against or "")
        for name, claim in full.claims.items()
    ]


def test_the_configuration_is_the_registered_one(full: Config) -> None:
    settings = full.model_dump(mode="json", by_alias=True, exclude={"figures", "results", "jobs_per_gpu"})
    assert f"over it, without figures: `{digest(settings)}`." in PAGE


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
    for holding, judged in ((63, 64), (62, 64), (48, 48), (47, 48)):
        found = Proportion(holding, judged)
        assert f"{holding} of {judged} {found.verdict.split()[0]} ({found.low:.2f})" in " ".join(PAGE.split())


def test_the_terms_have_the_numbers_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert (
        f"has first been at most {RECOVERED:g}, it rises above its quiet level by at least {SHALLOWEST:g}"
        in text
    )
    assert f"*Settled*: {SETTLING} quiet epochs after its end" in text


def test_the_code_that_measures_and_judges_has_the_registered_digests() -> None:
    found = dict(re.findall(r"^\| `([\w/]+\.py)` \| ([0-9a-f]{16}) \|$", PAGE, re.MULTILINE))
    modules = {str(path.relative_to(SOURCE)): path for path in [*MEASURING, SOURCE / "paths/schedule.py"]}
    assert set(found) == set(modules)
    for name, path in modules.items():
        changed = f"{name} was changed: say what and why on the page, with its digest"
        assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == found[name], changed
