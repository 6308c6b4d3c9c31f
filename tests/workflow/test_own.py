"""A user's own operation, table, model, optimizer, path, figure and claim, through the workflow."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from tests.workflow.conftest import ROOT, Project
from tests.workflow.test_workflow import NOTHING, planned_jobs

HERE = Path(__file__).parent


def with_own(project):
    project.config = project.folder / "own.yaml"
    shutil.copy(HERE / "own.yaml", project.config)
    shutil.copytree(ROOT / "examples", project.folder / "examples")
    (project.folder / "draw.py").write_text("from examples_of import error_against_norm\n")
    (project.folder / "examples_of.py").write_text("from examples.own import error_against_norm\n")
    pairs = [(a, b) for a in range(7) for b in range(7)]
    lines = [f"x{a}, x{b}, x{(a * b) % 7}" for a, b in pairs]
    (project.folder / "table.csv").write_text("\n".join(["a, b, c", *lines]) + "\n")
    return project


class OwnProject(Project):
    """A project whose configuration is own.yaml, over tiny.yaml."""

    def command(self, *arguments):
        return [own if (own := word) != "tiny.yaml" else "own.yaml" for word in super().command(*arguments)]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    project = with_own(OwnProject(tmp_path_factory.mktemp("own") / "a folder" / "grokflow"))
    project.first_run = project.snakemake()
    return project


@pytest.fixture
def fresh(tmp_path):
    return with_own(OwnProject(tmp_path / "grokflow"))


def test_everything_of_ones_own_comes_out_and_only_what_it_needs(own):
    assert own.first_run.returncode == 0, own.first_run.stdout
    results = own.folder / "results/own"
    made = sorted(path.name for path in (results / "runs").iterdir())
    assert made == ["groks", "own", "table"]  # groks: of tiny.yaml, because a claim's path needs it
    assert sorted(path.name for path in (results / "paths").iterdir()) == ["arc", "segment_1_2"]
    assert (results / "figures/norms.svg").stat().st_size > 0
    assert pd.read_csv(results / "claims.csv")["claim"].tolist() == ["M3", "shrinks"]
    assert len(pd.read_csv(results / "paths/arc/seed_0/metrics.csv")) == 5
    assert pd.read_csv(results / "sweeps/width.csv")["model.settings.width"].tolist() == [16, 32]


def test_the_claim_of_ones_own_is_judged_and_said_to_be_ones_own(own):
    row = pd.read_csv(own.folder / "results/own/claims.csv").set_index("claim").loc["shrinks"]
    assert row["paper"] == "own"
    assert row["about"] == "own"
    assert pd.isna(row["as_first_registered"])
    assert "smaller weight norm" in row["statement"]


def test_an_edit_reruns_exactly_what_uses_the_file(own):
    assert NOTHING in own.snakemake("-n").stdout
    figure = own.folder / "examples_of.py"
    text = figure.read_text()
    figure.write_text(text + "# an edit\n")
    assert planned_jobs(own.snakemake("-n", "--quiet", "rules").stdout) == {"all": 1, "draw_figure": 1}
    figure.write_text(text)
    table = own.folder / "table.csv"
    text = table.read_text()
    table.write_text(text.replace("x6, x6, x1", "x6, x6, x2"))
    planned = planned_jobs(own.snakemake("-n", "--quiet", "rules").stdout)
    assert planned == {
        "all": 1,
        "make_dataset": 1,
        "train": 1,
        "find_periods": 1,
        "draw_figure": 1,
        "tabulate_seeds": 1,
    }
    table.write_text(text)
    model = own.folder / "examples/mlp.py"
    text = model.read_text()
    model.write_text(text + "# an edit\n")
    planned = planned_jobs(own.snakemake("-n", "--quiet", "rules").stdout)
    assert "make_dataset" not in planned
    assert planned["train_own_0_to_1"] == planned["train"] == 1
    assert planned["train_members"] == 2
    model.write_text(text)


def test_what_fails_in_a_users_file_is_said_with_its_line(fresh):
    code = fresh.folder / "examples/own.py"
    text = code.read_text()
    code.write_text(
        text.replace("    return np.minimum((a - b) % p, (b - a) % p)", "    return a / 0 + undefined")
    )
    line = text[: text.index("    return np.minimum((a")].count("\n") + 1
    run = fresh.snakemake("results/own/datasets/function.csv")
    assert run.returncode == 1
    assert f"examples/own.py, line {line}, in circle" in run.stdout
    assert "NameError" in run.stdout


def test_nothing_runs_while_the_configuration_is_read(fresh):
    code = fresh.folder / "examples/own.py"
    code.write_text("open('ran', 'w')\n" + code.read_text())
    run = fresh.snakemake("-n", "--quiet", "rules")
    assert run.returncode == 0, run.stdout
    assert not (fresh.folder / "ran").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "mlp.py:MLP",
            "mlp.py:MPL",
            r"models\.mlp\.code: .*examples/mlp\.py defines .*MLP.*'MPL'.*Did you mean 'MLP'",
        ),
        ("examples/mlp.py", "exmaples/mlp.py", r"models\.mlp\.code: expected a file, found exmaples/mlp\.py"),
        ("table.csv", "tabel.csv", r"datasets\.table\.operation: expected a file, found tabel\.csv"),
        (
            "from: tiny",
            "from: tinny",
            r"definitions_from: expected a configuration file, found none at .*tinny\.yaml",
        ),
    ],
)
def test_a_name_that_leads_nowhere_ends_before_any_work(fresh, old, new, said):
    fresh.edit(old, new)
    run = fresh.snakemake()
    assert run.returncode == 1
    assert re.search(said, run.stdout), run.stdout
    assert "Traceback" not in run.stdout
    assert not (fresh.folder / "results").exists()


def test_config_yaml_itself_may_name_files_beside_it(fresh):
    """Snakemake reads a copy of it, in another folder."""
    shutil.copy(fresh.config, fresh.folder / "config.yaml")
    command = [
        word for word in fresh.command("-n", "--quiet", "rules") if word not in ("--configfile", "own.yaml")
    ]
    run = subprocess.run(command, cwd=fresh.folder, env=fresh.environment(), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "train_own_0_to_1" in run.stdout


def test_a_table_is_no_figure_and_no_claim(fresh):
    fresh.edit('"draw.py:error_against_norm"', "table.csv")
    run = fresh.snakemake("-n")
    assert "figures.norms.kind: expected a kind of figure" in run.stdout
