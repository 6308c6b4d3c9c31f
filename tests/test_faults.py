"""Each fault injected a few times; `make faults` does it in full."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import hostile, kills, repeats, storage, work
from faults.picture import draw
from faults.table import COLUMNS, FAULTS, Fault, Tries, cells, write

from grokflow.artifacts.provenance import SUFFIX, check_files, read_provenance, write_provenance
from grokflow.errors import ArtifactError
from grokflow.verify import verify

assert {kills, storage, hostile, repeats}  # importing them registers their faults
QUICK = sorted((fault for fault in FAULTS if fault.quick), key=lambda fault: fault.number)


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: f"{fault.number} {fault.name}")
def test_a_fault_is_survived(fault: Fault, tmp_path: Path) -> None:
    tries = fault.run(tmp_path, quick=True)
    if not tries.injected:
        pytest.skip("; ".join(tries.notes))
    assert (tries.survived, tries.lost, tries.wrong) == (tries.injected, 0, 0), "\n".join(tries.notes)


def test_every_fault_of_the_table_is_registered_once() -> None:
    assert sorted(fault.number for fault in FAULTS) == list(range(1, 16))


def test_the_table_and_its_picture(tmp_path: Path) -> None:
    fault = Fault(1, "a fault", 3, 1, lambda tries: None)
    tries = Tries(3, tmp_path)
    tries.add("first", survived=True)
    tries.add("second", survived=True, wrong=True)
    tries.add("third", survived=False, lost=True)
    rows = [cells(fault, tries), cells(fault, Tries(3, tmp_path))]
    write(tmp_path / "faults.csv", rows)
    draw(rows, tmp_path / "faults.png")
    found = list(csv.reader((tmp_path / "faults.csv").read_text(encoding="utf-8").splitlines()))
    assert found[0] == list(COLUMNS)
    assert found[1] == ["1 a fault", "3", "1", "1", "1", "NOT SURVIVED: second; NOT SURVIVED: third"]
    assert (tmp_path / "faults.png").read_bytes().startswith(b"\x89PNG")


def test_verify_finds_one_flipped_bit_in_any_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    problems, counted = verify(tree)
    assert problems == []
    assert counted["paths"] == counted["datasets"] == counted["periods"] == 1
    assert counted["points"] == 4
    files = [p for folder in ("datasets", "runs", "paths", "sweeps") for p in (tree / folder).rglob("*.*")]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        # In a record, a bit of a number that nothing else refers to.
        at = content.index(b'"torch": "') + 10 if path.name.endswith(SUFFIX) else len(content) // 2
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        found, _ = verify(tree) if path.suffix != ".safetensors" else storage_line(path)
        assert any(str(path) in line for line in found), path
        path.write_bytes(content)
    assert verify(tree)[0] == []


def storage_line(path: Path) -> tuple[list[str], None]:
    """What the readers of a file say: quicker than the whole tree for each of many checkpoints."""
    return ([str(path)] if storage.refused(path) else []), None


def test_verify_finds_what_a_forged_record_hides(tmp_path: Path) -> None:
    """A number changed together with its checksums: only the weights give it away."""
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    path = tree / "paths/path/seed_0/metrics.csv"
    lines = path.read_text().splitlines()
    cells = lines[3].split(",")
    cells[3] = str(float(cells[3]) * 1.01)
    path.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n")
    name = path.with_name("provenance.json")
    write_provenance(
        name,
        [path.with_name(file) for file in read_provenance(name)["files"]],
        read_provenance(name)["config"],
    )
    problems, _ = verify(tree)
    assert len(problems) == 1
    assert re.search("metrics.csv: expected train_loss at t = .* as its weights give, found", problems[0])


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_write_is_temporary_fsync_rename_fsync_of_the_folder(tmp_path: Path) -> None:
    """As the kernel sees it."""
    code = (
        f"from grokflow.artifacts.files import write_text; write_text({str(tmp_path / 'table.csv')!r}, 'a,b')"
    )
    trace = tmp_path / "trace"
    calls = "openat,write,fsync,rename,renameat,renameat2,close"
    command = [
        "strace",
        "-f",
        "-y",
        "-e",
        f"trace={calls}",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        code,
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in found.stderr:
        pytest.skip(found.stderr)
    assert found.returncode == 0, found.stderr
    seen = [
        re.sub(r"^\d+ +", "", line)
        for line in trace.read_text().splitlines()
        if str(tmp_path) in line and not re.search(r"openat.*O_RDONLY|close", line)
    ]
    temporary = rf"{re.escape(str(tmp_path))}/\.table\.csv\.\w+"
    expected = [
        rf'openat\(.*"{temporary}", .*O_CREAT\|O_EXCL',
        rf'write\(\d+<{temporary}>, "a,b", 3\) += 3',
        rf"fsync\(\d+<{temporary}>\) += 0",
        rf'rename\w*\(.*"{temporary}", .*"{re.escape(str(tmp_path))}/table.csv"',
        rf"fsync\(\d+<{re.escape(str(tmp_path))}>\) += 0",
    ]
    assert len(seen) == len(expected), seen
    for line, pattern in zip(seen, expected, strict=True):
        assert re.match(pattern, line), (line, pattern)


def test_verify_names_a_curve_whose_ends_are_no_checkpoints(tmp_path: Path) -> None:
    """The run was trained again, to other weights in the same epochs; all records are right."""
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    repeats.train_again(tree)
    problems, _ = verify(tree)
    assert any("curve.safetensors: expected the weights of" in line for line in problems)


def test_verify_says_which_folder_to_delete_for_one_of_its_files(tmp_path: Path) -> None:
    """Snakemake does not make one file of a folder again."""
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    checkpoints = tree / "runs/run/seed_0/checkpoints"
    (checkpoints / "epoch_000020.safetensors").write_bytes(b"")
    (problem,) = verify(tree)[0]
    assert problem.startswith(f"{checkpoints / 'epoch_000020.safetensors'}: ")
    assert f"Delete {checkpoints}; the same command" in problem


def test_verify_names_a_record_of_another_version(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    name = tree / "runs/run/seed_0/provenance.json"
    made = [name.with_name(file) for file in read_provenance(name)["files"] if "/" not in file]
    config = read_provenance(name)["config"]
    write_provenance(
        name, [*made, name.with_name("checkpoints")], {"run": {**config["run"], "colour": "red"}}
    )
    problems, _ = verify(tree)
    assert [line.partition(":")[0] for line in problems] == [str(name)]


def test_a_file_that_is_gone_refuses_those_alone_who_read_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    folder = tree / "runs/run/seed_0"
    (folder / "periods.csv").unlink()
    check_files([folder / "history.csv", folder / "checkpoints"])
    with pytest.raises(ArtifactError, match=r"periods\.csv"):
        check_files([folder / "periods.csv"])
    (folder / "checkpoints/epoch_000020.safetensors").unlink()
    with pytest.raises(ArtifactError, match=r"Delete .*checkpoints; the same command"):
        check_files([folder / "checkpoints"])


def test_records_that_change_places_are_named(tmp_path: Path) -> None:
    """All the files of both are there, and each record is whole."""
    tree = tmp_path / "tree"
    shutil.copytree(work.finished_tree(), tree)
    folder = tree / "runs/run/seed_0"
    points, periods = folder / "provenance.json", folder / "periods.provenance.json"
    contents = points.read_bytes(), periods.read_bytes()
    periods.write_bytes(contents[0])
    points.write_bytes(contents[1])
    for path in (points, periods):
        assert storage.refused(path)
    assert {Path(line.partition(":")[0]) for line in verify(tree)[0]} >= {points, periods}
