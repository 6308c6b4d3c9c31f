import pytest

from grokflow.artifacts.durations import duration
from grokflow.config import Figure
from grokflow.errors import ArtifactError
from grokflow.loading import load_config
from grokflow.report.runtimes import runtimes_of


@pytest.fixture
def write(tmp_path):
    def written(name, *seconds):
        file = tmp_path / "logs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{value}\t0:00:01" for value in seconds]
        file.write_text("\n".join(["s\th:m:s", *lines]) + "\n", encoding="utf-8")
        return file

    return written


def texts(tmp_path, **figure):
    found = runtimes_of(tmp_path, load_config(["config.yaml"]), "mine", Figure(**figure))
    return [runtime.text for runtime in found]


def test_the_jobs_behind_a_path_are_added_by_kind(tmp_path, write):
    write("runs/mode_connectivity/seed_0.train.benchmark.tsv", 100, 60.0)  # run twice: the last time counts
    write("runs/mode_connectivity/seed_1.train.benchmark.tsv", 90)
    write("runs/mode_connectivity/seed_1.periods.benchmark.tsv", 5)
    write("runs/without_decay/seed_0.train.benchmark.tsv", 1000)
    write("paths/polyline_1_2/fit_0.benchmark.tsv", 7200)
    write("paths/polyline_1_2/seed_0.measure.benchmark.tsv", 12.34)
    write("figures/mine.benchmark.tsv", 3)
    assert texts(tmp_path, kind="path", path="polyline_1_2") == [
        "trained mode_connectivity in 2 min 30 s (2 jobs, their times added)",
        "fitted polyline_1_2 in 2 h 00 min",
        "measured polyline_1_2 in 12 s",
        "drawn in 3 s",
    ]


def test_what_is_not_on_record_is_not_told(tmp_path):
    assert texts(tmp_path, kind="sweep", sweep="train_fraction") == []


def test_a_damaged_file_is_named(tmp_path, write):
    file = write("figures/mine.benchmark.tsv")
    with pytest.raises(ArtifactError, match=r"mine\.benchmark\.tsv.*Delete it"):
        texts(tmp_path, kind="claims")
    file.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="a column s"):
        texts(tmp_path, kind="claims")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (0.04, "0 s"), (59.4, "59 s"), (3605, "1 h 00 min")],
)
def test_a_duration_is_said_in_its_unit(seconds, said):
    assert duration(seconds) == said
