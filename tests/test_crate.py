"""The results as an RO-Crate: valid, complete, and what does not match its record is told."""

from __future__ import annotations

import copy
import csv
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest

import grokflow
from grokflow.artifacts.columns import CLAIMS
from grokflow.artifacts.provenance import write_provenance
from grokflow.config import plain, resolve_path, resolve_run
from grokflow.crate.entities import WHAT
from grokflow.crate.jobs import RULES, read_jobs
from grokflow.crate.writing import CHECKOUT, main, sources_with, write_crate
from grokflow.errors import ArtifactError, ConfigError
from grokflow.loading import load_config
from grokflow.user_code import as_written, find

CONFIGURATION = """
results: {results}
datasets: {{sums: {{operation: a+b, modulus: 7, train_fraction: 0.5}}}}
models: {{small: {{width: 8, mlp_width: 8, heads: 2}}}}
optimizers: {{sgd: {{name: sgd, learning_rate: 0.1}}}}
runs:
  alone: {{dataset: sums, model: small, optimizer: sgd, seeds: [5], epochs: 10}}
  together: {{dataset: sums, model: small, optimizer: sgd, seeds: [0, 1], epochs: 10, members_at_once: 2}}
paths: {{bent: {{kind: polyline, from: together@initial, to: together@final}}}}
figures:
  path: {{kind: path, path: bent}}
  table: {{kind: accuracy_and_table, run: alone}}
  verdicts: {{kind: claims}}
claims: {{M1: {{run: alone}}, P8: {{run: alone}}}}
"""


class Made:
    """Results with a record for every rule, and the configuration that they are of."""

    def __init__(self, folder: Path, name: str = "my results") -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.file = folder / "mine.yaml"
        self.file.write_text(CONFIGURATION.format(results=self.folder), encoding="utf-8")
        config = load_config([self.file])
        self.job("datasets/sums", ["sums.csv"], dataset=plain(config.datasets["sums"]))
        for run, seeds in (("alone", (5,)), ("together", (0, 1))):
            trainings = [plain(resolve_run(config, run, seed)) for seed in seeds]
            for seed, training in zip(seeds, trainings, strict=True):
                made = ["history.csv", "epochs.csv", "outcome.json", "points.json"]
                made += [f"checkpoints/epoch_{epoch:06}.safetensors" for epoch in (0, 10)]
                self.job(f"runs/{run}/seed_{seed}/", made, run=training, resume="…")
                self.job(f"runs/{run}/seed_{seed}/periods", ["periods.csv"])
        self.job("runs/alone/seed_5/invariance", ["invariance.csv", "rays.csv"], run=training)
        self.job("runs/together/group_0_to_1", [], group=trainings, resume="…")
        paths = [plain(resolve_path(config, "bent", str(seed))) for seed in (0, 1)]
        self.job("paths/bent/fit_0_to_1", ["fit_0_to_1.safetensors"], paths=paths)
        for seed, path in enumerate(paths):
            made = ["curve.safetensors", "fit.csv", "path.json", "metrics.csv"]
            self.job(f"paths/bent/seed_{seed}/", made, path=path)
        members = [{"settings": {"model.layers": layers}, "run": training} for layers in (1, 2)]
        self.job("sweeps/depth/group_ab", ["group_ab.csv"], members=members)
        self.job("sweeps/depth", ["depth.csv"])
        shown = {str(seed): f"{self.folder}/paths/bent/seed_{seed}" for seed in (0, 1)}
        self.job("figures/path", ["path.png", "path.svg"], figure=plain(config.figures["path"]), shown=shown)
        alone = {"5": f"{self.folder}/runs/alone/seed_5"}
        made = ["table.png", "table.svg"]
        self.job("figures/table", made, figure=plain(config.figures["table"]), shown=alone)
        made = ["claims.csv", "claims_numbers.csv", "claims.md"]
        places = {"runs": {"alone": alone}, "paths": {}, "sweeps": {}}
        claims = {name: plain(claim) for name, claim in config.claims.items()}
        self.write_claims()
        self.job("claims", made, claims=claims, places=places)
        tables = {"claims": f"{self.folder}/claims.csv", "numbers": f"{self.folder}/claims_numbers.csv"}
        made = ["verdicts.png", "verdicts.svg"]
        self.job("figures/verdicts", made, figure=plain(config.figures["verdicts"]), shown=tables)
        self.job("points", ["points.csv", "times.csv"], folders={"alone": alone})
        self.job("report/pages", ["0-first-page.html"], config=plain(config))
        self.job("explore", ["explore.html"], config=plain(config))
        (self.folder / "logs").mkdir()
        (self.folder / "logs/claims.log").write_text("said", encoding="utf-8")

    def job(self, record: str, made: list[str], **config: object) -> None:
        """Files and their record; those that are there stay."""
        path = self.folder / (
            f"{record}provenance.json" if record.endswith("/") else f"{record}.provenance.json"
        )
        for name in made:
            file = path.parent / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                file.write_text(f"{record}, {name}", encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_provenance(path, [path.parent / name for name in made], config)

    def write_claims(self) -> None:
        rows = [
            {"claim": "M1", "paper": "M", "about": "alone", "statement": "It groks.", "criterion": "it does",
             "holding": 1, "judged": 1, "verdict": "undecided"},
            {"claim": "P8", "paper": "P", "about": "alone", "statement": "It is partly invariant.",
             "criterion": "queries are not", "holding": 0, "judged": 1, "verdict": "undecided"},
        ]  # fmt: skip
        with (self.folder / "claims.csv").open("w", encoding="utf-8", newline="") as text:
            table = csv.DictWriter(text, CLAIMS)
            table.writeheader()
            table.writerows(rows)

    def write(self, **how: object) -> list[str]:
        return write_crate(self.folder, [self.file], **how)

    def graph(self) -> dict[str, dict]:
        return graph_of((self.folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))


def graph_of(text: str) -> dict[str, dict]:
    """The entities by their id, each of which stands once."""
    entities = json.loads(text)["@graph"]
    graph = {entity["@id"]: entity for entity in entities}
    assert len(graph) == len(entities)
    return graph


def listed(value: object) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]


def ids(entity: dict, key: str) -> list[str]:
    return [each["@id"] for each in listed(entity.get(key)) if isinstance(each, dict)]


def of_type(graph: dict[str, dict], name: str) -> dict[str, dict]:
    return {key: entity for key, entity in graph.items() if name in listed(entity["@type"])}


def refused_by_profiles(graph: dict[str, dict]) -> list[str]:
    """Which MUST of the profiles a crate does not keep.

    Workflow Run Crate 0.5, Process Run Crate 0.5, Workflow RO-Crate 1.0 and RO-Crate 1.1; the validator,
    where there is one, knows more.
    """
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    workflow = graph[ids(root, "mainEntity")[0]]
    data = {**of_type(graph, "File"), **of_type(graph, "Dataset")}
    rules = {
        "the descriptor is about the root": ids(descriptor, "about") == ["./"],
        "the descriptor has a version": "https://w3id.org/ro/crate/1.1" in ids(descriptor, "conformsTo"),
        "the root is a dataset": "Dataset" in listed(root["@type"]),
        "the root has name, description, date and licence": all(
            root.get(key) for key in ("name", "description", "datePublished", "license")
        ),
        "the root conforms to the profiles, which are CreativeWorks": all(
            f"https://w3id.org/{each}" in of_type(graph, "CreativeWork") and
            f"https://w3id.org/{each}" in ids(root, "conformsTo")
            for each in ("ro/wfrun/process/0.5", "ro/wfrun/workflow/0.5", "workflowhub/workflow-ro-crate/1.0")
        ),
        "every data entity is part of the root": set(data) - {"./"} <= set(ids(root, "hasPart")),
        "the workflow has its three types": {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
        == set(workflow["@type"]),
        "the workflow has a language": "ComputerLanguage"
        in graph[ids(workflow, "programmingLanguage")[0]]["@type"],
        "its inputs and outputs are formal parameters": all(
            graph[each]["@type"] == "FormalParameter"
            for each in [*ids(workflow, "input"), *ids(workflow, "output")]
        ),
        "formal parameters have a type and data as an example": all(
            each["additionalType"] and set(ids(each, "workExample")) <= set(data)
            for each in of_type(graph, "FormalParameter").values()
        ),
        "an action has the workflow as its instrument": any(
            ids(each, "instrument") == [workflow["@id"]] for each in of_type(graph, "CreateAction").values()
        ),
        "every action has an instrument": all(
            ids(each, "instrument") for each in of_type(graph, "CreateAction").values()
        ),
        "the root mentions every action": set(ids(root, "mentions")) == set(of_type(graph, "CreateAction")),
        "what is referred to is there": not {
            each
            for entity in graph.values()
            for key in entity
            for each in ids(entity, key)
            if not each.startswith("http") and each not in graph
        },
    }  # fmt: skip
    return [rule for rule, kept in rules.items() if not kept]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


@pytest.fixture
def made(template: Made, tmp_path: Path) -> Made:
    """Results of this test alone."""
    own = copy.copy(template)
    own.folder, own.file = tmp_path / template.folder.name, tmp_path / template.file.name
    shutil.copytree(template.folder, own.folder)
    shutil.copy(template.file, own.file)
    return own


def test_a_crate_keeps_the_profiles_and_has_every_file(made: Made) -> None:
    assert made.write() == []
    graph = made.graph()
    assert refused_by_profiles(graph) == []
    jobs, _ = read_jobs(made.folder)
    assert {job.rule for job in jobs} == set(RULES)
    of_results = {f"{name}" for job in jobs for name in (*job.outputs, job.record)}
    described = {unquote(each) for each in of_type(graph, "File") if not each.startswith("source/")}
    assert described == of_results
    for name in of_type(graph, "File"):
        content = (made.folder / unquote(name)).read_bytes()
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert graph[name]["contentSize"] == str(len(content))
    for name in set(of_type(graph, "Dataset")) - {"./"}:
        assert (made.folder / unquote(name)).is_dir()


@pytest.mark.parametrize("name", ["results", "runs/one", "paths/two/seed_3", "sweeps/four", "my sweeps"])
def test_what_figures_and_claims_read_is_found_wherever_the_results_lie(name: str, tmp_path: Path) -> None:
    made = Made(tmp_path, name)
    read = {job.record: job.inputs for job in read_jobs(made.folder)[0]}
    assert read["figures/verdicts.provenance.json"] == ("claims.csv", "claims_numbers.csv")
    assert "paths/bent/seed_0/metrics.csv" in read["figures/path.provenance.json"]
    assert "runs/alone/seed_5/points.json" in read["claims.provenance.json"]


def test_every_file_is_the_result_of_one_job(made: Made) -> None:
    made.write()
    graph = made.graph()
    jobs = {key: each for key, each in of_type(graph, "CreateAction").items() if key != "#run"}
    results = [name for each in jobs.values() for name in ids(each, "result")]
    assert len(results) == len(set(results))
    assert set(results) == {name for name in of_type(graph, "File") if not name.startswith("source/")}
    train = jobs["#job-runs/together/group_0_to_1"]
    assert train["name"] == "Train together, seeds 0 to 1"
    assert ids(train, "instrument") == ["source/workflow/scripts/train.py"]
    assert "datasets/sums.csv" in ids(train, "object")
    assert "runs/together/seed_1/checkpoints/epoch_000010.safetensors" in ids(train, "result")
    settings = {
        graph[each]["name"]: graph[each].get("value") for each in ids(train, "object") if each[0] == "#"
    }
    assert settings["run.optimizer.learning_rate"] == 0.1
    assert settings["run.seed"] == "0, 1"
    by = {graph[each]["name"]: graph[each]["value"] for each in ids(train, "additionalProperty")}
    assert by["device"] == "cpu"
    assert by["grokflow"] == grokflow.__version__
    measure = jobs["#job-paths/bent/seed_1"]
    assert {name for name in ids(measure, "object") if name[0] != "#"} == {
        "datasets/sums.csv",
        "runs/together/seed_1/points.json",
        "runs/together/seed_1/checkpoints/",
        "paths/bent/fit_0_to_1.safetensors",
    }
    figure = jobs["#job-figures/table"]
    assert {name for name in ids(figure, "object") if name[0] != "#"} == {
        "datasets/sums.csv",
        "runs/alone/seed_5/history.csv",
        "runs/alone/seed_5/points.json",
    }
    assert "runs/alone/seed_5/invariance.csv" in ids(jobs["#job-claims"], "object")  # which P8 reads
    assert {"figures/path.png", "claims.csv"} <= set(ids(jobs["#job-report/pages"], "object"))
    explored = {"figures/table.png", "runs/together/seed_1/epochs.csv", "paths/bent/seed_0/metrics.csv"}
    assert explored <= set(ids(jobs["#job-explore"], "object"))


def test_the_run_leads_from_the_configuration_to_claims_and_figures(made: Made) -> None:
    made.write(agent="Ada Lovelace", orcid="https://orcid.org/0000-0002-1825-0097")
    graph = made.graph()
    assert ids(graph["#run"], "object") == ["source/mine.yaml"]
    assert {"claims.csv", "figures/", "figures/path.svg", "sweeps/depth.csv", "times.csv"} <= set(
        ids(graph["#run"], "result")
    )
    assert (made.folder / "source/mine.yaml").read_bytes() == made.file.read_bytes()
    assert graph[ids(graph["#run"], "agent")[0]]["name"] == "Ada Lovelace"
    assert "startTime" not in graph["#run"]  # of which nobody knows


def test_each_claim_has_its_paper_and_what_it_came_to(made: Made) -> None:
    made.write()
    graph = made.graph()
    assert ids(graph["claims.csv"], "mentions") == ["#verdict-M1", "#verdict-P8"]
    verdict = graph["#verdict-M1"]
    rating, claim = graph[ids(verdict, "reviewRating")[0]], graph[ids(verdict, "itemReviewed")[0]]
    assert (rating["ratingValue"], rating["bestRating"], rating["alternateName"]) == (1, 1, "undecided")
    assert claim["text"] == "It groks."
    paper = graph[ids(claim, "appearance")[0]]
    assert paper["name"] == "On the loss landscape in grokking: mode connectivity"
    assert [graph[each]["familyName"] for each in ids(paper, "author")] == ["Groznyi", "Yuzhakov", "Vetrov"]
    assert set(ids(graph["./"], "citation")) == {"#paper-M", "#paper-P"}


def test_what_is_missing_or_altered_is_told_and_weights_may_be_gone(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(made.folder / "runs/together/seed_0/checkpoints")
    assert made.write() == []
    assert "2 files of weights on record are not there" in capsys.readouterr().out
    assert not any("seed_0/checkpoints" in name for name in made.graph())
    (made.folder / "points.csv").unlink()
    (made.folder / "figures/path.png").write_text("another picture", encoding="utf-8")
    (made.folder / "sweeps/depth.provenance.json").write_text("{}", encoding="utf-8")
    damaged, altered, missing = made.write()
    assert "depth.provenance.json: expected the record of what a job made" in damaged
    assert altered == "figures/path.png: altered since it was made."
    assert missing == "points.csv: on record, but not there."
    graph = made.graph()
    assert refused_by_profiles(graph) == []
    assert "points.csv" not in graph
    content = (made.folder / "figures/path.png").read_bytes()
    assert graph["figures/path.png"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_of_many_missing_files_a_few_are_named(made: Made) -> None:
    for file in made.folder.rglob("*.csv"):
        file.unlink()
    told = made.write()
    assert len(told) == 6
    assert told[-1] == "And 17 more files: on record, but not there."


def test_code_of_ones_own_is_taken_along_and_an_edit_is_told(made: Made) -> None:
    own = made.folder.parent / "own.py"
    own.write_text("import beside\n\ndef drawn(shown): ...\n", encoding="utf-8")
    own.with_name("beside.py").write_text("", encoding="utf-8")
    figure = plain(load_config([made.file]).figures["table"]) | {"kind": str(find(f"{own}:drawn"))}
    made.job("figures/own", ["own.png"], figure=figure, shown={"5": "results/runs/alone/seed_5"})
    assert made.write() == []
    graph = made.graph()
    read = {name for name in ids(graph["#job-figures/own"], "object") if name[0] != "#"}
    tables = ("history.csv", "points.json", "epochs.csv", "periods.csv")
    assert read == {"source/own.py", *(f"runs/alone/seed_5/{table}" for table in tables)}
    assert (made.folder / "source/own.py").read_bytes() == own.read_bytes()
    assert "source/beside.py" in graph
    settings = {graph[name]["value"] for name in ids(graph["#job-figures/own"], "object") if name[0] == "#"}
    assert as_written(figure["kind"]) in settings
    assert figure["kind"] not in settings
    own.write_text("def drawn(shown): return 1\n", encoding="utf-8")
    assert made.write() == [f"{own}: missing, or edited since results were made with it."]


def test_the_configuration_of_a_crate_can_be_read_again(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the definitions of another file, and with two files of one name."""
    folder = made.file.parent
    (folder / "papers").mkdir()
    made.file.rename(base := folder / "papers/config.yaml")
    mine = folder / "a/questions.yaml"
    for place in ("a/draw.py", "a/code/draw.py", "papers/draw.py", "papers/never.py"):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(f"def drawn(shown): ...\n\nplace = {place!r}\n", encoding="utf-8")
    never = 'models: {never: {code: "never.py:place", weight_count: 1}, small:'
    base.write_text(base.read_text(encoding="utf-8").replace("models: {small:", never), encoding="utf-8")
    figures = "{one: {kind: 'draw.py:drawn', run: alone}, two: {kind: 'code/draw.py:drawn', run: alone}}"
    mine.write_text(f"definitions_from: ../papers/config.yaml\nresults: {made.folder}\nfigures: {figures}\n")
    write_crate(made.folder, [mine])
    source = made.folder / "source"
    assert {file.relative_to(source).as_posix() for file in source.rglob("draw.py")} == {
        "a/draw.py",
        "a/code/draw.py",
    }
    for place in ("a/draw.py", "a/code/draw.py", "a/questions.yaml", "papers/config.yaml", "papers/never.py"):
        assert (source / place).read_bytes() == (folder / place).read_bytes()
    monkeypatch.chdir(source)
    shutil.rmtree(folder / "a")
    shutil.rmtree(folder / "papers")
    assert list(load_config(["a/questions.yaml"]).figures) == ["one", "two"]


def test_no_file_of_ones_own_replaces_one_of_the_checkout(made: Made) -> None:
    script = made.file.parent / "workflow/scripts/train.py"
    script.parent.mkdir(parents=True)
    script.write_text("", encoding="utf-8")
    sources, places = sources_with([made.file], [script])
    assert sources["source/workflow/scripts/train.py"] == CHECKOUT / "workflow/scripts/train.py"
    assert sources["source/own/workflow/scripts/train.py"] == script
    assert places == ["source/own/mine.yaml"]


def test_another_configuration_is_told(made: Made) -> None:
    text = made.file.read_text(encoding="utf-8").replace("learning_rate: 0.1", "learning_rate: 0.2")
    made.file.write_text(text.replace("seeds: [5]", "seeds: [6]"), encoding="utf-8")
    (told,) = made.write()
    assert told == f"{made.file}: 3 trainings were configured otherwise than it says, such as alone, seed 5."


def test_the_configuration_must_be_named_or_name_the_folder(made: Made) -> None:
    with pytest.raises(ArtifactError, match="Name the files that made them"):
        write_crate(made.folder)
    with pytest.raises(ConfigError):
        write_crate(made.folder, [made.folder / "claims.md"])
    with pytest.raises(ArtifactError, match="no record of any job"):
        write_crate(made.folder / "logs", [made.file])


def test_an_archive_has_all_but_weights_unless_asked(made: Made, tmp_path: Path) -> None:
    archive = tmp_path / "out" / "crate.zip"
    for weights in (False, True):
        made.write(archive=archive, weights=weights)
        with zipfile.ZipFile(archive) as opened:
            names = set(opened.namelist())
            graph = graph_of(opened.read("ro-crate-metadata.json").decode())
            assert opened.read("claims.csv") == (made.folder / "claims.csv").read_bytes()
        assert refused_by_profiles(graph) == []
        assert {unquote(name) for name in of_type(graph, "File")} <= names
        assert {"source/Snakefile", "source/mine.yaml", "logs/claims.log"} <= names
        assert any(name.endswith(".safetensors") for name in names) == weights
        assert not any("__pycache__" in name for name in names)
    assert not (made.folder / "ro-crate-metadata.json").exists()


def test_a_crate_is_written_again_over_itself(made: Made) -> None:
    made.write()
    first = made.graph()
    made.write()
    first["./"].pop("datePublished")
    again = made.graph()
    again["./"].pop("datePublished")
    assert again == first


def test_the_command_says_by_its_status_how_it_went(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["crate", str(made.folder), "--config", str(made.file)]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 0
    (made.folder / "claims.md").unlink()
    assert main() == 1
    monkeypatch.setattr("sys.argv", command[:2])
    assert main() == 2
    monkeypatch.setattr("sys.argv", [command[0], *command[2:]])
    made.file.write_text(CONFIGURATION.format(results=made.folder), encoding="utf-8")
    assert main() == 1  # of the results that the configuration names
    assert "Error: " in capsys.readouterr().err


def test_every_rule_has_its_script_and_its_words() -> None:
    assert set(RULES) == set(WHAT)
    assert {file.stem for file in (CHECKOUT / "workflow/scripts").glob("*.py")} <= set(RULES)


VALIDATOR = shutil.which("rocrate-validator")


@pytest.mark.skipif(VALIDATOR is None, reason="rocrate-validator is not installed; `make test-crate` runs it")
@pytest.mark.parametrize("spoiled", [False, True])
def test_the_validator_accepts_it(made: Made, spoiled: bool, tmp_path: Path) -> None:
    """It fetches what the names in a crate mean, unless ROCRATE_CACHE names a cache that has it."""
    made.write()
    folder = made.folder.rename(tmp_path / "results")  # in a folder with a space it finds no entity at all
    metadata = folder / "ro-crate-metadata.json"
    if spoiled:
        metadata.write_text(metadata.read_text(encoding="utf-8").replace('"instrument"', '"instrumental"'))
    cache = os.environ.get("ROCRATE_CACHE")
    command = [VALIDATOR, "-y", "--disable-color", "validate", "--no-paging", "-p", "workflow-run-crate-0.5"]
    command += ["--offline", "--cache-path", cache] if cache else ["--cache-path", str(tmp_path / "cache")]
    command += ["-l", "required", "-f", "json", "-o", str(tmp_path / "report.json"), str(folder)]
    subprocess.run(command, capture_output=True, check=False, timeout=600)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    told = {issue["message"] for issue in report["issues"]}
    if not spoiled:
        assert told == set()
        assert report["passed"]
    else:
        assert "The Action MUST have an instrument property that references the executed tool" in told
