"""A record is of the files beside it, and of no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from grokflow.artifacts.provenance import check_files, write_provenance
from grokflow.errors import ArtifactError

TABLES = ("epochs.csv", "history.csv", "outcome.json")


def folder_of(root: Path, seed: int) -> Path:
    """A seed's folder with its record; of two seeds one file may be the same."""
    folder = root / f"seed_{seed}"
    (folder / "checkpoints").mkdir(parents=True)
    for name in (*TABLES, "checkpoints/epoch_0"):
        (folder / name).write_text("null" if name == "outcome.json" else f"{name} of {seed}")
    made = [*(folder / name for name in TABLES), folder / "checkpoints"]
    write_provenance(folder / "provenance.json", made, {"run": {"seed": seed}})
    return folder


def test_records_of_two_seeds_that_changed_places_are_both_refused(tmp_path: Path) -> None:
    records = [folder_of(tmp_path, seed) / "provenance.json" for seed in (0, 1)]
    check_files(records)
    first, second = (path.read_bytes() for path in records)
    records[0].write_bytes(second)
    records[1].write_bytes(first)
    for path in records:
        with pytest.raises(
            ArtifactError, match=r"provenance\.json: expected the record of the files beside it"
        ):
            check_files([path])
        with pytest.raises(ArtifactError, match="altered"):
            check_files([path.parent / "history.csv"])


def test_one_altered_file_is_named_and_not_its_record(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 0)
    (folder / "history.csv").write_text("altered")
    check_files([folder / "provenance.json"])
    with pytest.raises(ArtifactError, match=r"history\.csv: expected content with the checksum"):
        check_files([folder / "provenance.json", folder / "history.csv"])
    (folder / "epochs.csv").unlink()
    with pytest.raises(ArtifactError, match="files that are there, as epochs"):
        check_files([folder / "provenance.json"])
