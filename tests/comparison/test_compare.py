"""Mine against the reference: planted tables that agree, differ, cannot tell, or cannot be compared."""

from __future__ import annotations

import functools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, fisher_exact, mannwhitneyu

from grokflow.artifacts.provenance import write_provenance
from grokflow.compare import main
from grokflow.comparison import Agreement, as_table, as_text, compare, read_judgement, write_reference
from grokflow.comparison import lines as lines_module
from grokflow.comparison.lines import HOLDING, JUDGED
from grokflow.comparison.reference import KEPT, describe_runs
from grokflow.comparison.setups import other_makers, other_settings
from grokflow.comparison.text import LONGEST_NAME, WIDTH
from grokflow.errors import ArtifactError
from grokflow.statistics import compare_proportions, spread

Seeds = Mapping[str, tuple[str, Mapping[str, float]]]
"""For each seed its outcome and its numbers."""


def write(folder: Path, claims: Mapping[str, Seeds], criterion: str = "as fixed") -> Path:
    """The four tables, each number worked out from the seeds."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ("", "_numbers", "_seeds", "_values")}
    for claim, seeds in claims.items():
        outcomes = [outcome for outcome, _ in seeds.values()]
        holding, judged = outcomes.count("holds"), len(outcomes) - outcomes.count("not judged")
        counts = {"holding": holding, "judged": judged, "seeds": len(seeds)}
        rows[""].append({"claim": claim, "criterion": criterion, **counts})
        rows["_seeds"] += [
            {"claim": claim, "seed": seed, "outcome": outcome} for seed, (outcome, _) in seeds.items()
        ]
        values = [
            {"claim": claim, "number": number, "seed": seed, "value": value}
            for seed, (_, numbers) in seeds.items()
            for number, value in numbers.items()
        ]
        rows["_values"] += values
        for number in dict.fromkeys(row["number"] for row in values):
            those = [row["value"] for row in values if row["number"] == number]
            low, high = spread(those)
            shown = {"median": np.median(those), "spread_low": low, "spread_high": high, "seeds": len(those)}
            rows["_numbers"].append({"claim": claim, "number": number, "unit": "epochs", **shown})
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "": ["claim", "criterion", "holding", "judged", "seeds"],
        "_numbers": ["claim", "number", "unit", "seeds", "median", "spread_low", "spread_high"],
        "_seeds": ["claim", "seed", "outcome"],
        "_values": ["claim", "number", "seed", "value"],
    }
    for name, table in rows.items():
        pd.DataFrame(table, columns=columns[name]).to_csv(folder / f"claims{name}.csv", index=False)
    return folder


def holding(holds: int, of: int, first: int = 0, not_judged: int = 0) -> Seeds:
    """Seeds without numbers."""
    outcomes = ["holds"] * holds + ["does not hold"] * (of - holds) + ["not judged"] * not_judged
    return {str(first + i): (outcome, {}) for i, outcome in enumerate(outcomes)}


def measured(values: Sequence[float], first: int = 0, number: str = "point 1") -> Seeds:
    """Seeds that hold, with a number each."""
    return {str(first + i): ("holds", {number: value}) for i, value in enumerate(values)}


def compared(tmp_path: Path, mine: Mapping[str, Seeds], reference: Mapping[str, Seeds]) -> Agreement:
    folders = write(tmp_path / "mine", mine), write(tmp_path / "reference", reference)
    return compare(*(read_judgement(folder, mend="") for folder in folders))


def result(found: Agreement, claim: str, what: str = HOLDING) -> str:
    (line,) = [line for line in found.lines if (line.claim, line.what) == (claim, what)]
    return line.result


def population(claims: int, seeds: range, random: np.random.Generator, shared: float = 0) -> dict[str, Seeds]:
    """Claims that hold at different rates, with a number each; `shared`: the correlation in a seed."""
    of_seed = random.normal(size=len(seeds))
    made = {}
    for claim in range(claims):
        own = random.normal(size=len(seeds))
        number = math.sqrt(shared) * of_seed + math.sqrt(1 - shared) * own
        holds = random.random(len(seeds)) < 0.5 + 0.5 * claim / claims
        made[f"C{claim}"] = {
            str(seed): ("holds" if h else "does not hold", {"time": 600 + 50 * value})
            for seed, h, value in zip(seeds, holds, number, strict=True)
        }
    return made


def test_the_same_seeds_give_the_same(tmp_path: Path) -> None:
    reference = population(10, range(100, 108), np.random.default_rng(0))
    mine = {claim: dict(list(seeds.items())[:2]) for claim, seeds in reference.items()}
    found = compared(tmp_path, mine, reference)
    assert found.common.seeds == ["100", "101"]
    assert (found.common.outcomes, found.common.other_outcomes) == (20, [])
    assert (found.common.measurements, found.common.other_measurements) == (20, [])
    assert not found.differs
    assert "The outcome is the same for 20 of 20, the number for 20 of 20" in as_text(found)


def test_what_differs_in_a_common_seed_is_listed(tmp_path: Path) -> None:
    reference = {"A": measured([1, 2, 3, 4], number="t"), "B": measured([math.inf] * 4, number="t")}
    mine = {
        "A": {
            "0": ("holds", {"t": 1 + 5e-7}),
            "1": ("does not hold", {"t": 2.0}),
            "2": ("holds", {"t": 3.1}),
        },
        "B": {"0": ("holds", {"t": math.inf}), "9": ("holds", {"t": 1.0})},
    }
    common = compared(tmp_path, mine, reference).common
    assert (common.seeds, common.outcomes, common.measurements) == (["0", "1", "2"], 4, 4)
    assert common.other_outcomes == ["A, seed 1: does not hold, reference holds"]
    assert common.other_measurements == ["A, seed 2, t: 3.1, reference 3"]


def test_pairs_of_seeds_are_seeds(tmp_path: Path) -> None:
    pairs = {"M9": {"100-101": ("holds", {"minimum": 0.1}), "102-103": ("holds", {"minimum": 0.2})}}
    assert compared(tmp_path, pairs, pairs).common.seeds == ["100-101", "102-103"]


def test_another_rate_differs_alone(tmp_path: Path) -> None:
    """One claim of many is fewer than chance gives by number, and still certain."""
    mine = {f"C{i}": holding(8, 8) for i in range(30)} | {"M1": holding(0, 8)}
    reference = {claim: holding(64, 64, first=100) for claim in mine}
    found = compared(tmp_path, mine, reference)
    assert [line.name for line in found.differing] == [f"M1 ({HOLDING})"]
    assert len(found.differing) <= found.most_by_chance
    assert found.certain == {f"M1 ({HOLDING})": pytest.approx(31 / math.comb(72, 8), rel=1e-6)}
    assert found.differs
    assert f"Overall: differs from the reference in M1 ({HOLDING}): more than chance gives" in as_text(found)


def test_the_counts_are_compared_by_fishers_test(tmp_path: Path) -> None:
    found = compared(tmp_path, {"A": holding(5, 8)}, {"A": holding(60, 64, first=100)})
    (line,) = found.lines
    assert line.p == pytest.approx(fisher_exact([[5, 3], [60, 4]]).pvalue)
    assert line.p < 0.05
    assert line.result == "differs"


@pytest.mark.parametrize(
    ("mine", "reference", "expected"),
    [
        (holding(3, 3), holding(4, 8, 100), "cannot say with n = 3"),
        (holding(0, 3), holding(8, 8, 100), "differs"),  # 1 table of C(11, 3) = 165
        (holding(2, 3), holding(8, 8, 100), "agrees"),
        (holding(60, 64), holding(1, 2, 100), "agrees"),  # 64 of 64 against 1 of 2 would have differed
        (holding(64, 64), holding(1, 1, 100), "agrees"),
        (holding(3, 64), holding(1, 1, 100), "agrees"),
        (holding(1, 1), holding(32, 64, 100), "cannot say with n = 1"),
        (holding(0, 0, not_judged=3), holding(2, 2, 100), "not judged"),
        (holding(2, 2), holding(0, 0, 100, not_judged=3), "not judged"),
    ],
)
def test_few_seeds_cannot_say(tmp_path: Path, mine: Seeds, reference: Seeds, expected: str) -> None:
    assert result(compared(tmp_path, {"A": mine}, {"A": reference}), "A") == expected


def test_seeds_that_cannot_be_judged_are_a_difference(tmp_path: Path) -> None:
    """As with another weight decay, where no seed has a point 2: nothing holds, and nothing fails."""
    reference = {"A": holding(64, 64, 100), "B": holding(60, 60, 100, not_judged=4)}
    mine = {"A": holding(0, 0, not_judged=3), "B": holding(3, 3)}
    found = compared(tmp_path, mine, reference)
    assert (result(found, "A"), result(found, "A", JUDGED)) == ("not judged", "differs")
    assert result(found, "B", JUDGED) == "agrees"
    text = as_text(found)
    assert "0 of 3  64 of 64  p = 2.1e-05" in " ".join(text.split(" ")).replace("   ", "  ")
    table, _, summary = text.rpartition("\n\n")
    assert table.count(JUDGED) == 1  # that of A, and not that of B
    assert f"A ({JUDGED})" in summary
    assert found.differs


def test_seeds_that_are_all_judged_are_no_line(tmp_path: Path) -> None:
    found = compared(tmp_path, {"A": holding(3, 3)}, {"A": holding(64, 64, 100)})
    assert [line.what for line in found.lines] == [HOLDING]


@pytest.mark.parametrize(
    ("mine", "reference", "expected"),
    [
        ([600, 610, 620], [590, 600, 640, 655, 620, 605, 615, 610], "agrees"),
        ([700, 720, 710], [590, 600, 640, 655, 620, 605, 615, 610], "differs"),
        ([700, 600, 10], [590, 600, 640, 655, 620, 605, 615, 610], "agrees"),  # the median is 600
        ([600], [590, 600], "cannot say"),  # two seeds have no spread
        ([math.nan], [590, 600, 610], "cannot say"),
        ([math.inf], [590, 600, 610], "differs"),
        ([math.inf], [590, 600, math.inf], "cannot say"),
        ([math.inf], [*range(600, 640), *[math.inf] * 3], "agrees"),  # more than 2.5 % are infinite
        ([math.inf], [math.inf] * 64, "agrees"),
        ([600], [math.inf] * 64, "differs"),
        ([0], [0] * 8, "agrees"),
        ([1], [0] * 8, "cannot say with n = 8"),  # a ninth seed may be the first that is not 0
        ([1], [0] * 64, "differs"),
        ([0.3 + 1e-8], [0.3] * 64, "agrees"),
    ],
)
def test_a_number_agrees_inside_the_spread(
    tmp_path: Path, mine: Sequence[float], reference: Sequence[float], expected: str
) -> None:
    found = compared(tmp_path, {"A": measured(mine)}, {"A": measured(reference, 100)})
    assert result(found, "A", "point 1") == expected
    assert as_text(found)


def test_two_samples_of_one_population_agree(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    found = compared(tmp_path, population(30, range(3), random), population(30, range(100, 164), random))
    assert not found.differs
    assert len(found.decided) > 40
    assert len(found.differing) <= 4
    assert as_text(found).endswith("Overall: agrees with the reference.")


def test_another_population_differs(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    mine = {
        claim: {seed: (outcome, {"time": 2 * numbers["time"]}) for seed, (outcome, numbers) in seeds.items()}
        for claim, seeds in population(12, range(3), random).items()
    }
    found = compared(tmp_path, mine, population(12, range(100, 164), random))
    assert found.differs
    assert len(found.differing) > found.most_by_chance


def test_a_number_beyond_all_seeds_of_the_reference_differs_alone(tmp_path: Path) -> None:
    """Three of three beyond all of 64: one of C(67, 3) = 47 905 orders, at either end."""
    random = np.random.default_rng(1)
    mine, reference = population(15, range(3), random), population(15, range(100, 164), random)
    far = {seed: (held, {"time": 1e3 + int(seed)}) for seed, (held, _) in mine["C4"].items()}
    found = compared(tmp_path, mine | {"C4": far}, reference)
    lines = {line.name: line for line in found.lines}
    assert lines["C4 (time)"].p == pytest.approx(2 / math.comb(67, 3), rel=1e-6)
    assert list(found.certain) == ["C4 (time)"]
    assert len(found.differing) <= found.most_by_chance
    assert "Overall: differs from the reference in C4 (time)" in as_text(found)


def test_ranks_of_values_that_are_shared_or_missing(tmp_path: Path) -> None:
    """Ties make the exact test wrong; a value of all says nothing; without values there is nothing to say."""
    assert p_of(tmp_path / "a", [1.0, 2, 2], [2.0, 3, 4, 5]) == pytest.approx(
        mannwhitneyu([1, 2, 2], [2, 3, 4, 5], method="asymptotic").pvalue
    )
    assert p_of(tmp_path / "b", [0.0, 0, 0], [0.0, 0, 0]) == 1
    assert np.isnan(p_of(tmp_path / "c", [np.nan, np.nan], [1.0, 2]))
    assert p_of(tmp_path / "d", [np.inf, 8], [1.0, 2, 3, 4]) == pytest.approx(2 / math.comb(6, 2))


def p_of(folder: Path, mine: Sequence[float], reference: Sequence[float]) -> float:
    found = compared(folder, {"A": measured(mine)}, {"A": measured(reference, 100)})
    return next(line.p for line in found.lines if line.what == "point 1")


def alarms(tmp_path: Path, mine: int, reference: int, shared: float, times: int) -> tuple[float, float]:
    """Between samples of one population the share of decided lines that differ, and of comparisons."""
    random = np.random.default_rng(2)
    decided = differing = differ = 0
    for _ in range(times):
        samples = [
            population(12, seeds, random, shared) for seeds in (range(mine), range(100, 100 + reference))
        ]
        found = compared(tmp_path, *samples)
        decided += len(found.decided)
        differing += len(found.differing)
        differ += found.differs
    return differing / decided, differ / times


def check_alarms(tmp_path: Path, mine: int, reference: int, times: int) -> None:
    lines, comparisons = alarms(tmp_path, mine, reference, shared=0, times=times)
    assert lines <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / (12 * times))
    assert comparisons * times <= binom.ppf(0.999, times, 0.02)  # 1 % by number, 1 % by a single line


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same counts meet many times."""
    monkeypatch.setattr(lines_module, "compare_proportions", functools.cache(compare_proportions))


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(("mine", "reference"), [(1, 8), (3, 24)])
def test_false_alarms_are_as_rare_as_said(tmp_path: Path, mine: int, reference: int) -> None:
    check_alarms(tmp_path, mine, reference, times=25)


@pytest.mark.slow
@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(("mine", "reference"), [(1, 64), (3, 64), (8, 64), (64, 64)])
def test_false_alarms_against_many_seeds(tmp_path: Path, mine: int, reference: int) -> None:
    check_alarms(tmp_path, mine, reference, times=200)


def test_how_many_differ_by_chance(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        {f"C{i}": holding(3, 3) for i in range(20)},
        {f"C{i}": holding(64, 64, 100) for i in range(20)},
    )
    assert found.by_chance == pytest.approx(1)
    beyond = [
        sum(math.comb(20, k) * 0.05**k * 0.95 ** (20 - k) for k in range(most + 1, 21)) for most in range(20)
    ]
    assert found.most_by_chance == next(most for most in range(20) if beyond[most] <= 0.01)


def test_where_one_line_alone_differs_and_could_by_chance_it_neither_agrees_nor_differs(
    tmp_path: Path,
) -> None:
    mine, reference = {"A": holding(1, 3)}, {"A": holding(19, 20, 100)}
    found = compared(tmp_path, mine, reference)
    assert [line.name for line in found.differing] == [f"A ({HOLDING})"]
    assert not found.differs
    assert as_text(found).endswith("Overall: cannot say; it could be chance if all of so few lines differed.")


def test_nothing_decided_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, {"A": holding(1, 1)}, {"A": holding(1, 2, 100)})
    assert not found.differs
    assert "Overall: cannot say; too few seeds" in as_text(found)


def test_what_only_one_side_has_is_listed(tmp_path: Path) -> None:
    mine = {"A": measured([1, 2, 3], number="a"), "B": holding(3, 3)}
    reference = {"A": measured([1, 2, 3], number="b"), "C": holding(3, 3)}
    found = compared(tmp_path, mine, reference)
    assert found.only == {
        "Only here": ["B"],
        "Only in the reference": ["C"],
        "Numbers only here": ["A (a)"],
        "Numbers only in the reference": ["A (b)"],
    }
    assert "Only in the reference: C." in as_text(found)


def test_another_criterion_is_not_compared(tmp_path: Path) -> None:
    folders = write(tmp_path / "mine", {"A": holding(3, 3), "B": holding(3, 3)}), tmp_path / "reference"
    write(folders[1], {"A": holding(3, 3), "B": holding(3, 3)})
    table = pd.read_csv(folders[1] / "claims.csv")
    table.loc[0, "criterion"] = "another"
    table.to_csv(folders[1] / "claims.csv", index=False)
    found = compare(*(read_judgement(folder, mend="") for folder in folders))
    assert {line.claim for line in found.lines} == {"B"}
    assert found.only == {"Judged by another criterion": ["A"]}


# What made them


RUN = {
    "dataset": {"operation": "a*b", "train_fraction": 0.4},
    "optimizer": {"name": "sgd", "weight_decay": 0.001},
    "epochs": 7000,
    "checkpoint_every": 100,
    "threads": 1,
}
PATH = {"kind": "chain", "from": "r@point_1", "to": "r@point_2", "pairs": "all", "fit": {"epochs": 400}}


def results(folder: Path, seeds: Sequence[int] = (0, 1), **changes: Any) -> Path:
    """A results folder with the records of one run, one path and one sweep."""
    write(folder, {"M1": measured([600, 610], first=seeds[0])})
    for name in ("points.csv", "times.csv", "claims.md"):
        (folder / name).write_text(f"{name}\n")
    run = RUN | changes
    places: dict[str, Any] = {"runs": {"r": {}}, "paths": {"chain": {}}, "sweeps": {"decay": {"decay": "x"}}}
    for seed in map(str, seeds):
        for kind, name, config in (
            ("runs", "r", {"run": run | {"seed": int(seed)}}),
            ("paths", "chain", {"path": {"path": PATH, "from_run": run, "to_run": run}}),
        ):
            place = folder / kind / name / f"seed_{seed}"
            place.mkdir(parents=True)
            places[kind][name][seed] = str(place)
            write_provenance(place / "provenance.json", [], config)
    (folder / "sweeps/decay").mkdir(parents=True)
    members = [
        {
            "settings": {"optimizer.weight_decay": decay},
            "run": run | {"seed": 0, "optimizer": {"weight_decay": decay}},
        }
        for decay in (0, 0.1)
    ]
    write_provenance(folder / "sweeps/decay/group_0.provenance.json", [], {"members": members})
    made = [folder / name for name in KEPT]
    write_provenance(folder / "claims.provenance.json", made, {"claims": {}, "places": places})
    return folder


def test_runs_are_described_without_their_seed(tmp_path: Path) -> None:
    found = describe_runs(results(tmp_path / "results"))
    assert found["runs"] == {
        "r": {
            "seeds": ["0", "1"],
            "config": {
                "dataset.operation": "a*b",
                "dataset.train_fraction": 0.4,
                "optimizer.name": "sgd",
                "optimizer.weight_decay": 0.001,
                "epochs": 7000,
                "checkpoint_every": 100,
                "threads": 1,
            },
        }
    }
    chain = found["paths"]["chain"]["config"]
    assert (chain["fit.epochs"], chain["checkpoint_every"]) == (400, 100)
    assert found["sweeps"]["decay"]["config"]["optimizer.weight_decay"] == [0, 0.1]
    assert found["made_with"]["device"] == ["cpu"]
    assert "config_digest" not in found["made_with"]


def test_a_reference_keeps_the_tables_and_the_description(tmp_path: Path) -> None:
    source, kept = results(tmp_path / "results"), tmp_path / "reference"
    write_reference(source, kept)
    assert sorted(path.name for path in kept.iterdir()) == sorted([*KEPT, "runs.json"])
    assert all((kept / name).read_bytes() == (source / name).read_bytes() for name in KEPT)
    assert json.loads((kept / "runs.json").read_text()) == describe_runs(source)
    found = compare(read_judgement(source, mend=""), read_judgement(kept, mend=""))
    assert "Made with the same settings and versions" in as_text(found)
    assert not found.differs


def test_no_reference_is_made_of_an_altered_table(tmp_path: Path) -> None:
    source = results(tmp_path / "results")
    (source / "claims_values.csv").write_text("claim,number,seed,value\n")
    with pytest.raises(ArtifactError, match="the file was altered"):
        write_reference(source, tmp_path / "reference")
    assert not (tmp_path / "reference").exists()


def test_another_weight_decay_is_said(tmp_path: Path) -> None:
    other = {"optimizer": {"name": "sgd", "weight_decay": 0.01}, "epochs": 100, "threads": 2}
    mine = read_judgement(results(tmp_path / "mine", **other), mend="")
    reference = read_judgement(results(tmp_path / "reference", seeds=(100, 101)), mend="")
    assert mine.description is not None
    assert reference.description is not None
    assert other_settings(mine.description, reference.description) == {
        "run r": ["epochs 100, reference 7000", "optimizer.weight_decay 0.01, reference 0.001"],
        "sweep decay": ["epochs 100, reference 7000"],
    }
    text = as_text(compare(mine, reference))
    assert "  run r: epochs 100, reference 7000; optimizer.weight_decay 0.01, reference 0.001\n" in text


def test_seeds_that_were_configured_differently_are_all_said(tmp_path: Path) -> None:
    folder = results(tmp_path / "mine")
    write_provenance(folder / "runs/r/seed_1/provenance.json", [], {"run": RUN | {"seed": 1, "epochs": 9000}})
    found = other_settings(describe_runs(folder), describe_runs(results(tmp_path / "reference")))
    assert found == {"run r": ["epochs 7000 and 9000, reference 7000"]}


def test_other_versions_and_devices_are_said(tmp_path: Path) -> None:
    mine, reference = (results(tmp_path / name) for name in ("mine", "reference"))
    write_reference(reference, tmp_path / "kept")
    described = json.loads((tmp_path / "kept/runs.json").read_text())
    described["made_with"] |= {"device": ["NVIDIA H200", "cpu"], "torch": ["2.11.0"]}
    (tmp_path / "kept/runs.json").write_text(json.dumps(described))
    here, there = (read_judgement(folder, mend="") for folder in (mine, tmp_path / "kept"))
    assert here.description is not None
    makers = other_makers(here.description, described)
    assert set(makers) == {"device", "torch"}
    assert makers["device"] == "cpu, reference NVIDIA H200 and cpu"
    assert "  device: cpu, reference NVIDIA H200 and cpu\n" in as_text(compare(here, there))


def test_tables_alone_are_compared_too(tmp_path: Path) -> None:
    found = compared(tmp_path, {"A": holding(3, 3)}, {"A": holding(3, 3)})
    assert f"Not on record: the settings and versions that made {tmp_path}" in " ".join(
        as_text(found).split()
    )


# The command

HEADER = "claim,criterion,holding,judged,seeds"


def command(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, words)])
    return main()


def test_exit_status_and_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = write(tmp_path / "reference", {"A": holding(64, 64, 100), "M9": measured([1, 2, 3], 100)})
    alike = write(tmp_path / "alike", {"A": holding(3, 3), "M9": measured([2.5])})
    other = write(tmp_path / "other", {"A": holding(0, 8), "M9": measured([2.5])})
    few = write(tmp_path / "few", {"M9": measured([math.nan])})
    assert command(monkeypatch, alike, "--reference", reference, "--csv", tmp_path / "t.csv") == 0
    assert command(monkeypatch, few, "--reference", reference) == 0
    assert command(monkeypatch, other, "--reference", reference) == 1
    printed = capsys.readouterr().out
    assert all(len(line) <= WIDTH for line in printed.splitlines() if str(tmp_path) not in line)
    table = pd.read_csv(tmp_path / "t.csv")
    assert list(table["claim"]) == ["A", "M9", "M9"]
    assert list(table["result"]) == ["agrees", "cannot say with n = 1", "agrees"]
    assert table.loc[0, ["mine", "mine_of", "reference", "reference_of"]].tolist() == [3, 3, 64, 64]


def test_the_table_is_not_wider_than_a_terminal(tmp_path: Path) -> None:
    long = "the largest train error anywhere on the optimised polyline, between its two ends"
    claims = {"P9-sphere": measured([1.2345678e-8, 123456789, -1e-7], number=long)}
    found = compared(tmp_path, claims, claims)
    lines = [line for line in as_text(found).splitlines() if str(tmp_path) not in line]
    assert all(len(line) <= WIDTH for line in lines)
    assert len(as_table(found)) == 2
    # A long name goes on in the next line: cut short, two numbers could have one name.
    words = " ".join(lines).split()
    assert set(long.split()) <= set(words)
    assert "…" not in words


@pytest.mark.parametrize("name", ["a" * 80, "weight-decay-of-one-tenth-" * 4 + "end"])
def test_a_long_name_of_a_claim_goes_on_in_the_next_line(tmp_path: Path, name: str) -> None:
    claims = {name: measured([1.2345678e-8, 123456789, -1e-7], number="largest error on the polyline")}
    found = compared(tmp_path, claims, claims)
    lines = [line for line in as_text(found).splitlines() if str(tmp_path) not in line]
    table = lines[next(i for i, line in enumerate(lines) if "95 % of seeds" in line) + 1 :]
    assert all(len(line) <= WIDTH for line in table)
    assert "".join(line[:LONGEST_NAME].strip() for line in table).startswith(name)
    assert any("largest error on" in line for line in table)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            lambda folder: (folder / "claims.csv").unlink(),
            r"claims\.csv: expected a table of claims",
        ),
        (lambda folder: (folder / "claims_values.csv").unlink(), r"claims_values\.csv: expected a table"),
        (lambda folder: (folder / "claims_seeds.csv").write_text("claim\nA\n"), r"expected the columns"),
        (lambda folder: write(folder, {"Z": holding(1, 1)}), r"expected a claim that .* has too"),
        (lambda folder: write(folder, {}), r"expected a claim that .* has too"),
        (lambda folder: write(folder, {"A": holding(1, 1)}, "another"), r"with the same criterion"),
        (lambda folder: write(folder, {"A": {"0": ("perhaps", {})}}), r"expected outcomes among"),
        (
            lambda folder: (folder / "claims.csv").write_text(f"{HEADER}\nA,c,3,2,2"),
            r"expected 0 ≤ holding ≤ judged",
        ),
        (
            lambda folder: (folder / "claims.csv").write_text(f"{HEADER}\nA,c,,2,2"),
            r"expected 0 ≤ holding ≤ judged",
        ),
        (
            lambda folder: (folder / "claims_seeds.csv").write_text("claim,seed,outcome" + 2 * "\nA,1,holds"),
            r"expected one row for each claim and seed, found A 1 twice",
        ),
        (lambda folder: (folder / "runs.json").write_text("{}"), r"expected the keys"),
        (lambda folder: (folder / "claims.provenance.json").write_text("{}"), r"expected the record"),
    ],
)
@pytest.mark.parametrize("side", ["mine", "reference"])
def test_bad_input_is_one_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    side: str,
    fault: Any,
    said: str,
) -> None:
    for name in ("mine", "reference"):
        write(tmp_path / name, {"A": holding(1, 1)})
    fault(tmp_path / side)
    assert command(monkeypatch, tmp_path / "mine", "--reference", tmp_path / "reference") == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert pd.Series([error]).str.contains(said).all(), error


def test_records_of_another_version_are_refused(tmp_path: Path) -> None:
    folder = results(tmp_path / "results")
    write_provenance(folder / "runs/r/seed_0/provenance.json", [], {"training": {}})
    with pytest.raises(ArtifactError, match="the records of this version of grokflow, found KeyError: 'run'"):
        describe_runs(folder)
