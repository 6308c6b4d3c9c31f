"""What the first page says of the makers of results, from records with known ones."""

import json
import os

import pytest

from grokflow.artifacts.files import digest
from grokflow.artifacts.provenance import write_provenance
from grokflow.errors import ArtifactError
from grokflow.loading import load_config
from grokflow.report.origin import Origin, origin_of

DAY = 24 * 60 * 60


@pytest.fixture
def config():
    quick = load_config(["config/quick.yaml"])
    runs = {"mode_connectivity": quick.runs["mode_connectivity"]}
    return quick.model_copy(update={"runs": runs, "paths": {}, "sweeps": {}, "figures": {}, "claims": {}})


def record(results, seed, day, **values):
    """One that says so, of a certain day of 1970."""
    file = results / f"runs/mode_connectivity/seed_{seed}/provenance.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_provenance(file, [], {})
    content = json.loads(file.read_text(encoding="utf-8")) | values
    content.pop("checksum")
    file.write_text(json.dumps({**content, "checksum": digest(content)}), encoding="utf-8")
    os.utime(file, (day * DAY, day * DAY))


def test_what_is_the_same_in_all_records_is_said_once(tmp_path, config):
    for seed in (0, 1):
        record(tmp_path, seed, 0, grokflow="0.1.0", git="0123456789abcdef", device="cpu")
    assert origin_of(tmp_path, config) == Origin(
        "0.1.0 (commit 0123456789)", "CPU", "2 seeds a run", "1970-01-01"
    )


def test_what_differs_is_named_or_counted(tmp_path, config):
    record(tmp_path, 0, 0, grokflow="0.1.0", git="0123456789abcdef", device="cpu")
    record(tmp_path, 1, 3, grokflow="0.2.0", git="abcdef0123456789-dirty", device="A GPU")
    found = origin_of(tmp_path, config)
    assert found.version == "0.1.0 and 0.2.0 (several commits)"
    assert (found.device, found.dates) == ("A GPU and CPU", "1970-01-01 to 1970-01-04")


def test_a_commit_with_changes_says_so(tmp_path, config):
    record(tmp_path, 0, 0, grokflow="0.1.0", git="abcdef0123456789-dirty")
    assert origin_of(tmp_path, config).version == "0.1.0 (commit abcdef0123, with changes)"


def test_without_records_only_the_seeds_are_known(tmp_path, config):
    assert origin_of(tmp_path, config) == Origin("", "", "2 seeds a run", "")


def test_a_damaged_record_is_refused(tmp_path, config):
    record(tmp_path, 0, 0)
    file = tmp_path / "runs/mode_connectivity/seed_0/provenance.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"seed_0/provenance\.json"):
        origin_of(tmp_path, config)
