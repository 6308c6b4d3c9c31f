"""Keep results as the reference run: its tables and pictures in docs/reference, claims in docs/results.md.

`make reference RESULTS=results/full`. README gets the number of claims with each verdict. What is written
stands between two comments in both files; a test compares it with the tables, so that they cannot say
anything else.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.claims import located, written_share
from grokflow.comparison import write_reference
from grokflow.statistics import VERDICTS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "results.md"
REFERENCE = ROOT / "docs" / "reference"

PART = re.compile(r"(?<=<!-- claims -->\n)(.*?)(?=<!-- end of claims -->)", re.DOTALL)
"""What stands between the two comments."""


def keep(results: Path, reference: Path = REFERENCE, readme: Path = README, page: Path = PAGE) -> None:
    """Copy what the results came to, and write what README and the page of results say about it anew."""
    for file in (readme, page):
        if not PART.search(file.read_text(encoding="utf-8")):
            lines = "the comments <!-- claims --> and <!-- end of claims -->, each on a line of its own"
            raise SystemExit(f"{file}: expected {lines}, found none; put them where the claims shall stand.")
    write_reference(results, reference)
    for old in reference.glob("*.png"):
        if (results / "figures" / old.name).exists():
            old.unlink()
    for picture in sorted((results / "figures").glob("*.png")):
        shutil.copyfile(picture, reference / picture.name)
    _write_between(readme, counts_of_claims(reference))
    _write_between(page, lines_of_claims(reference))


def _write_between(file: Path, written: str) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(PART.sub(lambda _: written, text), encoding="utf-8")


def counts_of_claims(reference: Path) -> str:
    """How many claims have which verdict, and which ones were not reproduced or are undecided."""
    claims = pd.read_csv(reference / "claims.csv")
    had = []
    for verdict in VERDICTS:
        names = claims.loc[claims["verdict"] == verdict, "claim"]
        named = f" ({', '.join(names)})" if verdict in ("not reproduced", "undecided") else ""
        had += [f"{len(names)} {verdict}{named}"] if len(names) else []
    return f"Of {len(claims)} claims: {', '.join(had)}.\n"


def lines_of_claims(reference: Path) -> str:
    """The counts, and a table of all claims with share, effect, the paper and the first verdict."""
    claims = pd.read_csv(reference / "claims.csv")
    numbers = pd.read_csv(reference / "claims_numbers.csv")
    lines = [counts_of_claims(reference)]
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
    return f"{written_share(claim)}{left_out}"


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
