"""The workflow from end to end on a tiny configuration."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from grokflow.disk import disk_need
from grokflow.loading import load_config

NOTHING = "Nothing to be done"


def planned_jobs(output):
    """{rule: number of jobs} from the table that Snakemake prints first."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {rule: int(count) for rule, count in re.findall(r"^([\w-]+)\s+(\d+)$", table, re.MULTILINE)}


def test_one_command_makes_every_artifact(finished):
    assert finished.first_run.returncode == 0, finished.first_run.stdout
    results = finished.folder / "results"
    for name in (
        "datasets/multiplication.csv",
        "runs/groks/seed_3/history.csv",
        "runs/groks/seed_3/checkpoints/epoch_000000.safetensors",
        "runs/groks/seed_4/points.json",
        "runs/groks/seed_4/provenance.json",
        "paths/segment_1_2/seed_3/metrics.csv",
        "paths/chain_1_2/seed_4/curve.safetensors",
        "paths/polyline_2_2p/seed_3-4/fit.csv",
        "paths/polyline_1_2/seed_3/fit.csv",
        "paths/polyline_1_2/seed_4/metrics.csv",
        "runs/periodic/seed_3/epochs.csv",
        "runs/periodic/seed_3/periods.csv",
        "runs/periodic/seed_3/invariance.csv",
        "runs/periodic/seed_3/rays.csv",
        "sweeps/decay.csv",
        "figures/invariance.png",
        "figures/sweep-weight-decay.svg",
        "figures/M-fig2.png",
        "figures/M-fig2.svg",
        "claims.csv",
        "claims_numbers.csv",
        "claims_seeds.csv",
        "claims_values.csv",
        "claims.md",
        "points.csv",
        "times.csv",
    ):
        assert (results / name).stat().st_size > 0, name


def test_the_results_take_at_most_the_disk_that_was_said(finished):
    said = disk_need(load_config([finished.config])).total
    taken = sum(file.stat().st_size for file in (finished.folder / "results").rglob("*") if file.is_file())
    assert said / 4 < taken < said


def test_an_audit_is_made_where_a_figure_or_claim_reads_it_or_where_it_is_asked_for(finished):
    audit = "results/runs/never/seed_3/invariance.csv"
    assert not (finished.folder / audit).exists()
    asked = planned_jobs(finished.snakemake(audit, "-n", "--quiet", "rules").stdout)
    assert asked == {"audit_invariance": 1}


def test_runs_that_paths_join_start_first_and_then_the_longest(finished):
    """Were the longest last, one core would be busy with it while the others idle."""
    started = re.findall(r": train ([\w-]+), seed", finished.first_run.stdout)
    assert started == ["groks", "groks", "never", "diverges", "one-group", "periodic"]


def test_in_a_storage_a_job_asks_for_records_that_some_job_makes(project):
    """There the records of a job's inputs are inputs, too: RECORD_OF says what they are called."""
    common = project.folder / "workflow/jobs/common.smk"
    text = common.read_text(encoding="utf-8")
    without = "IN_STORAGE = workflow.storage_settings.default_storage_provider is not None\n"
    assert without in text
    common.write_text(text.replace(without, "IN_STORAGE = True\n"), encoding="utf-8")
    planned = project.snakemake("all", "pages_of_report", "-n", "--quiet", "rules")
    assert planned.returncode == 0, planned.stdout
    assert {"all", "write_pages", "write_explorer"} <= planned_jobs(planned.stdout).keys()


def test_what_computes_longest_is_judged_by_epochs_table_layers_width_and_precision(project):
    """The runs and chunks of the papers' own configuration."""
    project.print_details()
    shutil.copy(project.folder / "config.yaml", project.config)
    planned = project.snakemake("--dry-run").stdout
    jobs = re.findall(r"wildcards: (?:run|sweep|dataset)=([\w-]+).*\n +priority: (\d+)", planned)
    longest: dict[str, int] = {}
    for name, priority in jobs:
        longest[name] = max(longest.get(name, 0), int(priority))
    falling = [
        "addition",  # trainings wait for their table
        "layer_norm_float64",  # fewer epochs than the next, each twice as dear
        "layer_norm_2layer",
        "mode_connectivity",  # more epochs, of one layer
        "without_decay",
        "layer_norm_1layer",
        "layer_norm_without_decay",
        "weight_decay",  # five members at once
        "phase_diagram",  # more epochs and members, of a smaller table and model
    ]
    assert sorted(falling, key=lambda name: -longest[name]) == falling


def test_with_a_gpu_a_job_asks_for_it_and_for_the_memory_that_cuda_takes(project, tmp_path, monkeypatch):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1a)'\n")
    driver.chmod(0o755)
    project.print_details()
    project.edit("device: cpu", "device: auto")
    asked = []
    for path in (os.environ["PATH"], f"{tmp_path}:{os.environ['PATH']}"):
        monkeypatch.setenv("PATH", path)
        planned = project.snakemake("--dry-run", "results/runs/never/seed_3/history.csv").stdout
        asked += re.findall(r"gpu=(\d), jobs_per_gpu=1, runtime=(\d+), mem_mb=(\d+)", planned)
    assert asked == [("0", "16", "802"), ("1", "16", "3802")]

    planned = project.snakemake("--dry-run").stdout
    rules = re.findall(r"rule ([\w-]+):.*?resources: ([^\n]*)", planned, re.DOTALL)
    asking = {rule for rule, resources in rules if "gpu=1" in resources}
    assert asking == {
        "train",
        "train_one-group_0_to_1",
        "fit_paths",
        "measure_paths",
        "measure_polyline_1_2_3_to_4",
        "train_members",
    }


def test_the_tiny_run_truly_groks(finished):
    for seed in (3, 4):
        points = json.loads((finished.folder / f"results/runs/groks/seed_{seed}/points.json").read_text())
        assert points["point_2"]["validation_error"] == points["point_2"]["train_error"] == 0
        assert points["point_1"]["epoch"] < points["point_2"]["epoch"]


def test_a_point_never_reached_is_a_result_and_not_a_crash(finished):
    results = finished.folder / "results"
    points = json.loads((results / "runs/never/seed_3/points.json").read_text())
    record = json.loads((results / "paths/nowhere/seed_3/path.json").read_text())
    claims = pd.read_csv(results / "claims.csv").set_index("claim")
    assert points["point_1"] is None
    assert "train error" in points["reasons"]["point_1"]
    assert "seed 3 has no point_1" in record["skipped"]
    assert pd.read_csv(results / "paths/nowhere/seed_3/metrics.csv").empty
    assert (results / "figures/nowhere.png").stat().st_size > 0
    nowhere = claims.loc["M3-nowhere", ["judged", "seeds", "not_judged", "verdict"]]
    assert nowhere.tolist() == [0, 1, "1 no point", "undecided"]
    assert claims.loc["M1", ["holding", "judged", "seeds"]].tolist() == [2, 2, 2]
    assert claims.loc["M1", ["verdict", "as_first_registered"]].tolist() == ["undecided", "reproduced"]


def test_every_seed_is_in_the_tables_of_claims_and_of_points(finished):
    results = finished.folder / "results"
    claims, seeds = (pd.read_csv(results / name) for name in ("claims.csv", "claims_seeds.csv"))
    assert seeds["claim"].value_counts().to_dict() == dict(zip(claims["claim"], claims["seeds"], strict=True))
    values = pd.read_csv(results / "claims_values.csv")
    assert set(values["claim"]) == set(claims["claim"][claims["judged"] > 0])
    points = pd.read_csv(results / "points.csv")
    trained = {(folder.parts[-2], int(folder.name[5:])) for folder in results.glob("runs/*/seed_*")}
    assert set(zip(points["run"], points["seed"], strict=True)) == trained
    times = pd.read_csv(results / "times.csv")
    assert (times["reached"] + times["diverged"] + times["censored"] == times["seeds"]).all()
    groks = times[times["run"] == "groks"].iloc[-1]
    point_2 = [
        json.loads((results / f"runs/groks/seed_{seed}/points.json").read_text())["point_2"]
        for seed in (3, 4)
    ]
    assert groks[["reached", "median"]].tolist() == [2, min(point["epoch"] for point in point_2)]


def test_a_run_that_diverges_ends_properly_and_its_claims_are_undecided(finished):
    folder = finished.folder / "results/runs/diverges/seed_3"
    outcome = json.loads((folder / "outcome.json").read_text())
    assert re.fullmatch(r"epoch \d+, step \d+: .*(nan|inf).*", outcome["diverged"])
    points = json.loads((folder / "points.json").read_text())
    assert points["diverged"] == outcome["diverged"]
    kept = points["checkpoints"][-1]
    assert kept == points["final"]["epoch"] <= outcome["epoch"]
    assert (folder / f"checkpoints/epoch_{kept:06d}.safetensors").stat().st_size > 0
    assert pd.read_csv(folder / "history.csv")["train_loss"].notna().all()
    claims = pd.read_csv(finished.folder / "results/claims.csv").set_index("claim")
    seeds = pd.read_csv(finished.folder / "results/claims_seeds.csv").set_index("claim")
    for claim in ("P4", "P9"):
        assert claims.loc[claim, ["not_judged", "verdict"]].tolist() == ["1 diverged", "undecided"]
        assert outcome["diverged"] in seeds.loc[claim, "measured"]


def test_a_sweep_is_one_table_of_all_its_groups(finished):
    folder = finished.folder / "results/sweeps"
    table = pd.read_csv(folder / "decay.csv")
    assert table.columns[:2].tolist() == ["optimizer.weight_decay", "seed"]
    assert table.iloc[:, :2].to_numpy().tolist() == [[0, 3], [1, 3], [0, 4], [1, 4]]
    groups = [pd.read_csv(path) for path in (folder / "decay").glob("group_*.csv")]
    assert sorted(len(group) for group in groups) == [1, 3]
    together = pd.concat(groups).sort_values(["seed", "optimizer.weight_decay"], ignore_index=True)
    pd.testing.assert_frame_equal(table, together)


def test_the_second_time_there_is_nothing_to_do(finished):
    again = finished.snakemake("-n")
    assert again.returncode == 0
    assert NOTHING in again.stdout


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            '"groks@point_2", points: 5}\n  chain',
            '"groks@point_2", points: 7}\n  chain',
            {"measure_paths": 2, "draw_figure": 1, "judge_claims": 1, "all": 1},
            id="points of one path: measured again, not fitted",
        ),
        pytest.param(
            "fit: {epochs: 3}",
            "fit: {epochs: 4}",
            {"fit_paths": 1, "measure_paths": 1, "draw_figure": 1, "all": 1},
            id="fit of one path",
        ),
        pytest.param(
            "claims:\n  M1: {run: groks}",
            "claims:\n  M4: {path: segment_1_2}\n  M1: {run: groks}",
            {"judge_claims": 1, "all": 1},
            id="another claim",
        ),
        pytest.param(
            "seeds: [3], epochs: 3",
            "seeds: [3, 5], epochs: 3",
            {"train": 1, "find_periods": 1, "measure_paths": 1, "draw_figure": 1},
            id="another seed",
        ),
        pytest.param(
            "seeds: [0, 1], epochs: 9",
            "seeds: [0, 1, 2], epochs: 9",
            {"train": 1, "find_periods": 1, "all": 1},
            id="a seed beside a finished group: the group is not trained again",
        ),
        pytest.param(
            "seeds: [0, 1], epochs: 9",
            "seeds: [5, 0, 1, 2, 7], epochs: 9",
            {"train_one-group_5_to_2": 1, "find_periods_one-group_5_to_2": 1, "train": 1, "find_periods": 1},
            id="seeds around a finished group: a group of two and one alone",
        ),
        pytest.param(
            "seeds: [0, 1], epochs: 9, members_at_once: 2",
            "seeds: [0, 1, 2], epochs: 9, members_at_once: 1",
            {"train": 1, "find_periods": 1, "all": 1},
            id="one at a time from now on: what is trained stays",
        ),
        pytest.param(
            "seeds: [0, 1], epochs: 9",
            "seeds: [0, 1, 2], epochs: 8",
            {"train_one-group_0_to_1": 1, "find_periods_one-group_0_to_1": 1, "train": 1, "find_periods": 1},
            id="another number of epochs: all of them",
        ),
        pytest.param(
            "seeds: [3, 4], epochs: 600",
            "seeds: [3, 4, 6, 7], members_at_once: 8, epochs: 600",
            {"train_groks_6_to_7": 1, "find_periods_groks_6_to_7": 1, "fit_paths": 6},
            id="seeds together where others are trained one at a time",
        ),
        pytest.param(
            "optimizer.weight_decay: [0.0, 1.0]",
            "optimizer.weight_decay: [0.0, 2.0]",
            {"train_members": 2, "gather_sweep": 1, "draw_figure": 1, "judge_claims": 1},
            id="a value of a sweep",
        ),
        pytest.param(
            "batch_size: 64}\n  reckless",
            "batch_size: 64}\n  unused: {name: sgd, learning_rate: 0.1}\n  reckless",
            {},
            id="an entry that nothing uses",
        ),
        pytest.param(
            "sweeps:",
            "invariance: {scales: [0.1, 10.0]}\nsweeps:",
            {"audit_invariance": 1, "draw_figure": 1, "judge_claims": 1},
            id="scales of the audit: nothing is trained again",
        ),
    ],
)
def test_an_edit_reruns_only_what_it_touches(finished, old, new, expected):
    before = finished.config.read_text(encoding="utf-8")
    try:
        finished.edit(old, new)
        jobs = planned_jobs(finished.snakemake("-n", "--quiet", "rules").stdout)
    finally:
        finished.config.write_text(before, encoding="utf-8")
    assert {rule: jobs.get(rule) for rule in expected or jobs} == expected
    assert jobs.get("train", 0) == expected.get("train", 0)
    assert jobs.get("fit_paths", 0) == expected.get("fit_paths", 0)


def test_whatever_is_lost_of_the_results_is_made_again(finished, tmp_path):
    results = finished.folder / "results"
    group = min(results.glob("sweeps/decay/group_*.csv"))
    lost = [
        results / "paths/polyline_2_2p/fit_3-4.safetensors",
        results / "paths/segment_1_2/seed_4/curve.safetensors",
        results / "runs/never/seed_3/points.json",
        results / "runs/periodic/seed_3/invariance.csv",
        results / "figures/M-fig2.provenance.json",
        group,
    ]
    hidden = [tmp_path / f"{number}{file.suffix}" for number, file in enumerate(lost)]
    for file, place in zip(lost, hidden, strict=True):
        shutil.move(file, place)
    try:
        jobs = planned_jobs(finished.snakemake("-n", "--quiet", "rules").stdout)
    finally:
        for file, place in zip(lost, hidden, strict=True):
            shutil.move(place, file)
    once = {
        "fit_paths",
        "train",
        "find_periods",
        "audit_invariance",
        "train_members",
        "gather_sweep",
        "judge_claims",
        "tabulate_seeds",
        "all",
    }
    # The path whose curve is gone, the one whose fit is, and the one from the points.
    assert jobs == {**dict.fromkeys(once, 1), "measure_paths": 3, "draw_figure": 5}


def test_an_impossible_configuration_ends_before_any_job(project):
    project.edit("train_fraction: 0.8", "train_fraction: 1.0")
    refused = project.snakemake()
    assert refused.returncode != 0
    assert "datasets.multiplication.train_fraction" in refused.stdout
    assert "less than 1" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not (project.folder / "results").exists()


def test_a_configuration_that_does_not_parse_names_the_place(project):
    shutil.copy(project.config, project.folder / "config.yaml")
    with (project.folder / "config.yaml").open("a") as config:
        config.write("threads: [1\n")
    refused = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1"],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert re.search(r"config\.yaml, line \d+, column \d+: expected valid YAML", refused.stderr)
    assert "Traceback" not in refused.stderr
    assert not (project.folder / "results").exists()


PATHS = ("segment_1_2/seed_3/metrics.csv", "segment_1_2/seed_4/metrics.csv")


def test_an_altered_checkpoint_is_refused_and_named(finished):
    """A flipped bit in a checkpoint that a path needs: one message, nothing else is touched."""
    folder = finished.folder / "results/runs/groks/seed_3"
    epoch = json.loads((folder / "points.json").read_text())["point_2"]["epoch"]
    checkpoint = folder / "checkpoints" / f"epoch_{epoch:06d}.safetensors"
    content = checkpoint.read_bytes()
    paths = finished.folder / "results/paths"
    before = {name: (paths / name).read_bytes() for name in PATHS}
    try:
        checkpoint.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
        target = "results/paths/segment_1_2/seed_3/curve.safetensors"
        refused = finished.snakemake(target, "--forcerun", "measure_paths", "--rerun-triggers", "mtime")
    finally:
        checkpoint.write_bytes(content)
    assert refused.returncode != 0
    assert f"{checkpoint.name}: expected content with the checksum" in refused.stdout
    assert before[PATHS[1]] == (paths / PATHS[1]).read_bytes()
    assert finished.snakemake().returncode == 0
    assert before == {name: (paths / name).read_bytes() for name in PATHS}
