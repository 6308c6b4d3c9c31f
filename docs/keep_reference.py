"""Keep results as the reference run: docs/reference gets their tables and pictures, README a line a claim.

`make reference RESULTS=results/full`. The line of each claim stands in README between two comments; a test
compares it with the tables, so that README cannot say anything else.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from docs import gallery
from grokflow.artifacts.reference import write_reference
from grokflow.claims.page import located, written_interval
from grokflow.statistics import VERDICTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference"

PART = re.compile(r"(?<=<!-- claims -->\n)(.*?)(?=<!-- end of claims -->)", re.DOTALL)
"""What stands between the two comments in README."""


def keep(results: Path, reference: Path = REFERENCE, readme: Path = README) -> None:
    """Copy what the results came to, and write README's lines anew."""
    text = readme.read_text(encoding="utf-8")
    if not PART.search(text):
        lines = "the comments <!-- claims --> and <!-- end of claims -->, each on a line of its own"
        raise SystemExit(f"{readme}: expected {lines}, found none; put them where the claims shall stand.")
    write_reference(results, reference)
    for old in reference.glob("*.png"):
        if (results / "figures" / old.name).exists():
            old.unlink()
    for picture in sorted((results / "figures").glob("*.png")):
        shutil.copyfile(picture, reference / picture.name)
    gallery.write()
    readme.write_text(PART.sub(lambda _: lines_of_claims(reference), text), encoding="utf-8")


def lines_of_claims(reference: Path) -> str:
    """How many have which verdict, and a table of all with share, effect, the paper and the first verdict."""
    claims = pd.read_csv(reference / "claims.csv")
    numbers = pd.read_csv(reference / "claims_numbers.csv")
    counts = claims["verdict"].value_counts().reindex(VERDICTS).dropna()
    had = ", ".join(f"{count:.0f} {verdict}" for verdict, count in counts.items())
    lines = [f"Of {len(claims)} claims: {had}.", ""]
    lines.append("| claim | verdict | holds for | effect: median over seeds | paper | as first registered |")
    lines.append("|---|---|---|---|---|---|")
    first_with: dict[str, str] = {}
    for claim in claims.itertuples():
        own = numbers[numbers["claim"] == claim.claim]
        lines.append(
            f"| {claim.claim} {_statement(claim, first_with)} | {claim.verdict} | {_share(claim)} | "
            f"{own.iloc[0]['number']}: {located(own.iloc[0])} | {_papers(own)} | {_first(claim)} |"
        )
    return "\n".join(lines) + "\n"


def _statement(claim: Any, first_with: dict[str, str]) -> str:
    """What is claimed; of a claim about another run the name of the first one and the run."""
    first = first_with.setdefault(claim.statement, claim.claim)
    if first != claim.claim:
        about = claim.about.replace(" against ", "` against `")
        return f"The same as {first}, of `{about}`"
    return str(claim.statement).removesuffix(".")


def _share(claim: Any) -> str:
    left_out = "" if pd.isna(claim.not_judged) else f"; {claim.not_judged}"
    share = f"{claim.holding} of {claim.judged} {written_interval(claim.low, claim.high)}"
    return f"{share if claim.judged else 'none judged'}{left_out}"


def _first(claim: Any) -> str:
    return "–" if pd.isna(claim.as_first_registered) else str(claim.as_first_registered)


def _papers(numbers: pd.DataFrame) -> str:
    """Every number that the paper printed, with its percentile among our seeds."""
    printed = numbers[numbers["paper"].notna()]
    said = [
        f"{row['number']}: {row['paper']:g}"
        + ("" if pd.isna(row["percentile"]) else f" (percentile {row['percentile']:.0f})")
        for _, row in printed.iterrows()
    ]
    return "; ".join(said) or "–"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="a results folder")
    keep(parser.parse_args().results)
