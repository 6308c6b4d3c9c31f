"""Of results that the workflow made, the crate knows what Snakemake knows: inputs, times, and all files."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from grokflow.crate.jobs import RULES, read_jobs, times_of
from grokflow.crate.writing import write_crate


@pytest.fixture(scope="module")
def own(finished, tmp_path_factory):
    """A copy, because a crate is written into the results; files keep their times."""
    return Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("crate") / "grokflow"))


def noted(folder: Path) -> dict[str, dict]:
    """What Snakemake keeps of the job that made each file."""
    notes = (folder / ".snakemake/metadata").iterdir()
    return {base64.b64decode(note.name).decode(): json.loads(note.read_text()) for note in notes}


def test_the_records_say_what_snakemake_says_of_inputs(own: Path) -> None:
    notes = noted(own)
    jobs, problems = read_jobs(own / "results")
    assert problems == []
    assert set(RULES) - {job.rule for job in jobs} == {
        "write_pages",
        "write_explorer",
    }  # made by `make report`
    read: dict[str, set[str]] = {}
    expected: dict[str, set[str]] = {}
    for job in jobs:
        for name in job.outputs:
            output = f"results/{name}"
            note = notes[output if output in notes else str(Path(output).parent)]  # a file, or its folder
            assert note["rule"] == job.rule or note["rule"].startswith((f"{job.rule}_", "measure_"))
            # A job for several seeds leaves a record in each of its folders, with the inputs of that one.
            together = f"{note['rule']}, {sorted(note['input'])}"
            read.setdefault(together, set()).update(job.inputs)
            inputs = (Path(file).relative_to("results").as_posix() for file in note["input"])
            expected[together] = {file for file in inputs if not file.endswith("provenance.json")}
    assert read == expected


def test_the_crate_of_finished_results_has_times_and_no_complaint(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    assert write_crate(Path("results"), [Path("tiny.yaml")]) == []
    entities = json.loads(Path("results/ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    actions = [entity for entity in entities if entity["@type"] == "CreateAction"]
    (run,) = (action for action in actions if action["@id"] == "#run")
    for action in actions:
        assert run["startTime"] <= action["startTime"] <= action["endTime"] <= run["endTime"]
    described = {entity["@id"] for entity in entities}
    names = (file.relative_to("results").as_posix() for file in Path("results").rglob("*") if file.is_file())
    without = [name for name in names if name not in described and "/." not in f"/{name}"]
    assert {name.partition("/")[0] for name in without} == {"logs"}  # which is described as a whole


def test_a_note_about_another_file_says_nothing_of_its_time(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    before = times_of("results")
    Path("results/claims.csv").touch()
    assert set(before) - set(times_of("results")) == {"claims.csv"}
