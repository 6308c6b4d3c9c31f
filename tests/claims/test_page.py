"""What a reader of claims.md and of the terminal is told: the rule, every claim, which seeds do not hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.tables import write_table
from grokflow.claims import CRITERIA, ClaimTables, of_a_miniature, overview, page, tabulate
from grokflow.claims.criteria import Finding, Reason
from grokflow.claims.judging import CHANCE, JudgedClaim, JudgedSeed
from grokflow.claims.page import FEW_SEEDS, WIDTH, written_interval
from grokflow.dynamics import Coincidence
from grokflow.statistics.proportion import NEARLY_ALL, Proportion

REASONS: dict[str, Reason] = {
    "c": "censored",
    "d": "diverged",
    "n": "no point",
    "u": "unfinished fit",
    "0": "nothing to compare",
}

NOWHERE = Coincidence(0.0, 1.0, np.zeros(9))


def planted(
    name: str,
    outcomes: str,
    values: Sequence[tuple[float, ...]] | None = None,
    *,
    of: str | None = None,
    about: str = "some_run",
    changes: dict[str, Coincidence] | None = None,
    seed: str = "{}",
) -> JudgedClaim:
    """A claim with a seed a letter: `+` holds, `-` does not, the others of REASONS cannot be judged."""
    criterion = CRITERIA[of or name]
    seeds = []
    for number, outcome in enumerate(outcomes):
        label = seed.format(number, number + 1)
        if outcome in "+-":
            numbers = values[number] if values else (1.0,) * len(criterion.numbers)
            finding = Finding(outcome == "+", f"measured {label}", numbers)
            judged = JudgedSeed(label, finding.measured, finding, first=outcome == "+", numbers=numbers)
            seeds.append(replace(judged, changes=changes or {}))
        else:
            seeds.append(JudgedSeed(label, f"why {label}", reason=REASONS[outcome]))
    return JudgedClaim(name, criterion, criterion.figure, seeds, about)


def part(text: str, name: str) -> list[str]:
    """The lines below the heading of a claim."""
    found = re.search(rf"^## {name}: .*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1].splitlines()


@pytest.fixture
def tables() -> ClaimTables:
    hump = [(height, 0.3 + 0.01 * number) for number, height in enumerate((0.02, 0.05, 0.03))]
    return tabulate(
        [
            planted("M1", "+" * 60 + "--cdcd"),
            planted("M3", "+++", hump),
            planted("M9", "+" * 4 + "-c", seed="{}-{}", about="polyline_1_1p"),
            planted("P5", "+" * 40, changes={"lift of validation accuracy": NOWHERE}),
            planted("P4", "+" * 8),
            planted("P7", "++++00000nnd"),
            planted("P9-x", "-" * 4, of="P9", about="no_normalization against layer_norm"),
            planted("P8-cause", "+" * 7),
        ]
    )


@pytest.fixture
def text(tables: ClaimTables) -> str:
    return page(tables)


def test_the_rule_stands_on_the_page(text: str) -> None:
    rule = " ".join(text.split("| claim")[0].split())
    for said in (
        "95 % Wilson interval",
        "Three of three is 0.44 to 1.",
        f"*reproduced* if the interval's lower end is at least {NEARLY_ALL:g}",
        "*mostly reproduced* if it is above one half",
        "*not reproduced* if the upper end is below one half",
        "Seeds that could not be judged may not carry a verdict.",
        "a reproduced claim must still have a lower end above one half, else it is mostly reproduced",
        "a mostly reproduced one must still hold for more than half of the seeds, else it is undecided",
        "a claim that is not reproduced must still hold for less than half, else it is undecided",
        "those with *no point*, and those that diverged, do not count here",
        f"p ≤ {CHANCE:g} after Holm's correction",
        "nothing to test (p is 1)",
        *(f"*{reason}*" for reason in get_args(Reason)),
        "median over the judged seeds, and over those whose training ended too early",
        "95 % bootstrap interval",
        "percentile among our seeds",
        "the verdict on these runs and fits by the first criteria and their rule",
        "docs/registration.md",
    ):
        assert said in rule, said


def test_every_claim_has_a_row_and_a_part(tables: ClaimTables, text: str) -> None:
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert len(rows) == len(tables.claims) == len(re.findall("^## ", text, re.MULTILINE))
    for row in tables.claims.itertuples():
        assert f"\n## {row.claim}: {row.verdict}\n\n{row.statement}\n" in text
        lines = part(text, row.claim)
        assert f"- Criterion: {row.criterion}." in lines
        for number in CRITERIA[row.claim.removesuffix("-x")].numbers:
            assert any(line.startswith(f"| {number.name} |") for line in lines)


def test_a_row_in_full(text: str) -> None:
    assert (
        "\n| [M1](#m1-mostly-reproduced) | **mostly reproduced** | 60 of 62 [0.89, 0.99] "
        "| 2 censored, 2 diverged | epoch of 99 % validation accuracy over that of point 1: 1 [1, 1] "
        "| epoch of point 1: 585 (percentile 100); epoch of point 2: 2402 (percentile 100) | inconclusive |\n"
    ) in text
    assert (
        "\n| [M3](#m3-undecided) | **undecided** (4 would decide) | 3 of 3 [0.44, 1.00] | – "
        "| height of the hump: 0.03 | t of the hump: 0.35 (percentile 100) | reproduced |\n"
    ) in text
    assert (
        "\n| [P8-cause](#p8-cause-mostly-reproduced) | **mostly reproduced** | 7 of 7 [0.65, 1.00] |" in text
    )
    assert "nats | – | – |\n" in text  # there was no such claim at first


def test_a_row_has_every_number_that_the_paper_printed_by_its_name(text: str) -> None:
    """The paper gives the place of M3's hump and not its height, which is the effect."""
    (row,) = [line for line in text.splitlines() if line.startswith("| [M3]")]
    assert "| height of the hump: 0.03 | t of the hump: 0.35 (percentile 100) |" in row
    (place,) = [line for line in part(text, "M3") if line.startswith("| t of the hump")]
    assert place == "| t of the hump | 3 | 0.31 | 0.26 to 0.36 | 0.35 (percentile 100) |"


def test_of_few_seeds_each_is_listed_of_more_those_that_do_not_hold(text: str) -> None:
    assert FEW_SEEDS == 6
    assert [line for line in part(text, "M3") if line.startswith("- seed")] == [
        f"- seed {number}: holds; measured {number}" for number in range(3)
    ]
    assert [line for line in part(text, "M9") if line.startswith("- seeds")] == [
        *(f"- seeds {number}-{number + 1}: holds; measured {number}-{number + 1}" for number in range(4)),
        "- seeds 4-5: does not hold; measured 4-5",
        "- seeds 5-6: not judged (censored); why 5-6",
    ]
    assert [line for line in part(text, "M1") if line.startswith(("- seed", "- the other"))] == [
        "- seed 60: does not hold; measured 60",
        "- seed 61: does not hold; measured 61",
        "- seed 62: not judged (censored); why 62",
        "- seed 63: not judged (diverged); why 63",
        "- seed 64: not judged (censored); why 64",
        "- seed 65: not judged (diverged); why 65",
        "- the other 60: holds; `claims_seeds.csv` has what was measured",
    ]
    assert part(text, "P4")[-2] == "- each of the 8: holds; `claims_seeds.csv` has what was measured"


def test_what_was_judged_is_said_because_several_claims_share_a_criterion(text: str) -> None:
    assert part(text, "P9-x")[3] == "- Judged on `no_normalization` against `layer_norm`. Drawn in periods."
    assert "- Judged on `polyline_1_1p`. Drawn in M-fig6." in part(text, "M9")


def test_seeds_that_could_not_be_judged_are_counted(text: str) -> None:
    assert "- Holds for: 60 of 62 [0.89, 0.99]; not judged: 2 censored, 2 diverged." in part(text, "M1")
    assert "- Holds for: 3 of 3 [0.44, 1.00]." in part(text, "M3")


def test_why_a_claim_is_undecided_whose_interval_would_decide(text: str) -> None:
    """P5: all 40 seeds hold, the change is anywhere; P7: all of 4 judged, of 9 that have their points. M3 is
    undecided by its interval.
    """
    assert "- Changes at collapses against rotated places: p = 1 (corrected)." in part(text, "P5")
    assert "- Undecided, because p is above 0.05." in part(text, "P5")
    assert "- Undecided, because only 4 of 9 could be judged." in part(text, "P7")
    for name in ("M1", "M3", "M9", "P4", "P9-x", "P8-cause"):
        assert "because" not in "\n".join(part(text, name))
        assert "rotated" not in "\n".join(part(text, name))


@pytest.mark.parametrize(
    ("name", "outcomes", "verdict", "said"),
    [
        # what the seeds that could not be judged leave of a verdict
        ("M9", "+" * 40 + "u" * 24, "reproduced", None),
        (
            "M9",
            "+" * 39 + "u" * 25,
            "mostly reproduced",
            "No more than mostly reproduced, because only 39 of 64 could be judged",
        ),
        ("M9", "+" * 35 + "u" * 35, "undecided", "Undecided, because only 35 of 70 could be judged"),
        ("M9", "++++uuuu", "undecided", "Undecided, because only 4 of 8 could be judged"),
        ("M9", "----uuuu", "undecided", "Undecided, because only 4 of 8 could be judged"),
        ("M9", "----uuu", "not reproduced", None),
        ("M9", "++++nnndddd", "mostly reproduced", None),
        ("M9", "++--uuuuuu", "undecided", None),  # by its interval, whatever the others
        # what is tested with nothing to test: p is 1
        ("P5", "+" * 40, "undecided", "Undecided, because p is above 0.05"),
        ("P5", "++++", "undecided", "Undecided, because p is above 0.05"),
        ("P5", "+++", "undecided", None),
        ("P5", "----", "not reproduced", None),
        ("P5", "----0000", "undecided", "Undecided, because only 4 of 8 could be judged"),
    ],
)
def test_why_a_verdict_is_less_than_its_interval_would_give(
    name: str, outcomes: str, verdict: str, said: str | None
) -> None:
    text = page(tabulate([planted(name, outcomes)]))
    assert f"## {name}: {verdict}\n" in text
    lines = [line for line in part(text, name) if "because" in line]
    assert lines == ([] if said is None else [f"- {said}."])


def test_how_many_seeds_have_the_points_that_a_claim_is_about(text: str) -> None:
    lines = part(text, "P7")
    after = lines.index(
        "- Holds for: 4 of 4 [0.51, 1.00]; not judged: 5 nothing to compare, 2 no point, 1 diverged."
    )
    assert lines[after + 1] == "- Is about the 9 of 12 that have their points."
    assert text.count("Is about the") == 1  # M1 has seeds that diverged too, and they count


def test_the_criterion_is_given_with_what_it_needs_over_all_seeds(text: str) -> None:
    (line,) = [line for line in part(text, "P5") if line.startswith("- Criterion: ")]
    assert line.endswith(
        "; besides, over all seeds together the lift is larger than at rotated places (p ≤ 0.05, corrected)."
    )


def test_numbers_are_written_to_three_digits_whole_epochs_and_infinity() -> None:
    values = [(2.0, 1234.4 + number, np.inf, -0.01, np.nan) for number in range(8)]
    lines = part(page(tabulate([planted("M1", "+" * 8, values)])), "M1")
    table = [line.split(" | ")[1:] for line in lines if line.startswith("| ")][1:]
    assert table[0] == ["8", "2 [2, 2]", "2 to 2", "– |"]
    assert table[1][:2] == ["8", "1238 [1235, 1240] epochs"]
    assert table[1][3] == "585 (percentile 0) |"
    assert table[2] == ["8", "∞ [∞, ∞] epochs", "–", "2402 (percentile 0) |"]
    assert table[3][1] == "−0.01 [−0.01, −0.01] epochs"
    assert table[4] == ["0", "–", "–", "– |"]


def test_every_link_leads_to_a_heading(text: str) -> None:
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#(.*?)\)", text)) == anchors


def test_every_line_of_a_table_has_as_many_cells_as_its_heading(text: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_terminal_gets_a_line_for_each_claim(tables: ClaimTables, tmp_path: Path) -> None:
    write_table(tmp_path / "claims.csv", tables.claims)
    first, *lines = overview(tmp_path / "claims.csv").splitlines()
    assert first.startswith("Claims: ")
    assert "3 mostly reproduced" in first
    assert "4 undecided" in first
    assert "1 not reproduced" in first
    assert [line.split()[0] for line in lines] == tables.claims["claim"].tolist()
    assert lines[0].startswith("  M1        mostly reproduced  60 of 62 [0.89, 0.99]  The setup groks: train")
    assert lines[1].startswith("  M3        undecided           3 of 3  [0.44, 1.00]  On the segment 1→2")
    assert lines[0].endswith(" …")
    assert max(map(len, [first, *lines])) <= WIDTH == 110


@pytest.mark.parametrize(
    ("holding", "judged", "written"),
    [(34, 34, "[0.898, 1.00]"), (35, 35, "[0.90, 1.00]"), (3, 3, "[0.44, 1.00]"), (13, 36, "[0.22, 0.52]")],
)
def test_an_interval_is_never_rounded_across_a_bound(holding: int, judged: int, written: str) -> None:
    share = Proportion(holding, judged)
    assert written_interval(share.low, share.high) == written


def test_an_end_just_below_one_half_is_not_written_as_one_half() -> None:
    assert written_interval(0.2, 0.4961) == "[0.20, 0.496]"


def test_long_names_leave_the_statement_less_room(tmp_path: Path) -> None:
    name = "P5-of-a-run-that-has-a-long-name"
    write_table(tmp_path / "claims.csv", tabulate([planted(name, "+++", of="P5")]).claims)
    _, line = overview(tmp_path / "claims.csv").splitlines()
    assert name in line
    assert len(line) <= WIDTH


def test_the_claims_of_a_miniature_speak_of_no_paper(tables: ClaimTables, tmp_path: Path) -> None:
    told = page(tables)
    assert "(paper:" in told
    assert "| paper |" in told
    own = of_a_miniature(tables)
    text = page(own, miniature=True)
    assert text.startswith("# Claims of a miniature\n\n**These claims are about a miniature**")
    (line,) = [line for line in text.splitlines() if "paper" in line.lower()]
    assert "say nothing about any paper" in line
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {7, 5}
    assert own.numbers["paper"].isna().all()
    assert own.numbers["percentile"].isna().all()
    kept = [column for column in tables.numbers if column not in ("paper", "percentile")]
    pd.testing.assert_frame_equal(own.numbers[kept], tables.numbers[kept])
    write_table(tmp_path / "claims.csv", own.claims)
    first, *lines = overview(tmp_path / "claims.csv", miniature=True).splitlines()
    assert first.startswith("Claims of a miniature, which say nothing about any paper: ")
    assert "paper" not in "".join(lines)


def test_of_a_claim_that_no_seed_could_be_judged_by_the_terminal_says_why_not(tmp_path: Path) -> None:
    write_table(tmp_path / "claims.csv", tabulate([planted("M1", "nn"), planted("M2", "ncc")]).claims)
    _, *lines = overview(tmp_path / "claims.csv").splitlines()
    assert lines[0].startswith("  M1  undecided   0 of 0  2 no point  The setup groks")
    assert lines[1].startswith("  M2  undecided   0 of 0  2 censored, 1 no point  ")


def test_only_the_criteria_of_the_papers_are_said_to_be_registered(tables: ClaimTables) -> None:
    registered = "by its criterion, which was registered before any seed of\nthe reference run was trained"
    assert registered in page(tables)
    own = tables._replace(claims=tables.claims.assign(paper=["own", *tables.claims["paper"][1:]]))
    text = " ".join(page(own).split())
    assert (
        "by its criterion. Those of the papers were registered before any seed of the reference run" in text
    )
    assert "; a claim of your own has yours. The verdict is about seeds:" in text
    assert registered not in page(own)


def test_a_line_says_whether_its_claim_is_as_in_the_reference(tables: ClaimTables, tmp_path: Path) -> None:
    write_table(tmp_path / "claims.csv", tables.claims)
    first, *lines = overview(tmp_path / "claims.csv", {"M1": "cannot say"}).splitlines()
    assert "as in the reference" in first
    assert lines[0].startswith("  M1        mostly reproduced  60 of 62 [0.89, 0.99]  cannot say  The setup")
    assert lines[1].startswith("  M3        undecided           3 of 3  [0.44, 1.00]  –           On the")
    assert max(map(len, lines)) <= WIDTH


def test_no_claims_are_a_page_too(tmp_path: Path) -> None:
    empty = tabulate([])
    assert page(empty).endswith("\nNo claims were asked for.\n")
    write_table(tmp_path / "claims.csv", empty.claims)
    assert overview(tmp_path / "claims.csv") == "No claims were asked for."
