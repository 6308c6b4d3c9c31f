"""The report of a finished workflow, opened in a browser: every section of it, and the explorer."""

import copy
import csv
import io
import json
import re
import shutil
import subprocess
import sys
from urllib.parse import unquote

import pandas as pd
import pytest
from chromium import WIDTHS, Page, broken_pictures, pictures_without_text, started

from grokflow.loading import load_config
from grokflow.report import explorer_page

FIGURES = ["M-fig2", "P-fig4", "fit-budget", "invariance", "nowhere", "sweep-weight-decay"]


def write_report(project):
    return subprocess.run(
        [sys.executable, "workflow/report.py", "--configfile", "tiny.yaml"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def reported(finished, tmp_path_factory):
    """The results of a workflow with its report, in a copy, because other tests count what is in them."""
    project = copy.copy(finished)
    project.folder = tmp_path_factory.mktemp("reported") / "a folder"
    shutil.copytree(finished.folder, project.folder)
    made = write_report(project)
    assert made.returncode == 0, made.stdout
    assert "WARNING" not in made.stdout
    assert "ERROR" not in made.stdout
    assert made.stdout.splitlines()[-1] == (
        "All on one page: results/report.html. The explorer alone: results/explore.html"
    )
    return project.folder / "results"


@pytest.fixture(scope="module")
def browser():
    with started() as browser:
        yield browser


@pytest.fixture(params=WIDTHS)
def opened(request, browser, reported):
    """Opens a page in both widths; in the end nothing was wrong with any."""
    pages = []

    def open_page(file):
        pages.append(Page(browser, file, request.param))
        return pages[-1]

    yield open_page
    assert [fault for page in pages for fault in page.faults] == []


def shown(page, heading):
    """The document inside the report, once it is the one with this heading."""
    page.tab.frame_locator("iframe").get_by_role("heading", level=1, name=heading).wait_for()
    frame = page.tab.locator("iframe").element_handle().content_frame()
    frame.wait_for_load_state("load")
    return frame


def test_the_report_is_one_file_with_every_figure(reported):
    page = (reported / "report.html").read_text(encoding="utf-8")
    assert all(f"{figure}.html" in page for figure in FIGURES)
    assert "claims.csv" in page


def test_what_is_not_finished_is_not_reported(finished, tmp_path):
    """And no job is started for it."""
    project = type(finished)(tmp_path / "not run")
    refused = write_report(project)
    assert refused.returncode == 2
    assert refused.stdout.startswith("Error: results/figures/M-fig2.png: expected a result to report")
    assert not (project.folder / "results").exists()


@pytest.mark.parametrize("name", ["figures/M-fig2.png", "runs/groks/seed_3/history.csv"])
def test_what_was_altered_is_not_reported(finished, tmp_path, name):
    """It is said once, the earlier page stays, and what the message tells to do leads on."""
    project = copy.copy(finished)
    project.folder = tmp_path / "altered"
    shutil.copytree(finished.folder, project.folder)
    earlier = project.folder / "results/explore.html"
    earlier.write_text("earlier", encoding="utf-8")
    file = project.folder / "results" / name
    with file.open("ab") as stream:
        stream.write(b"more")
    refused = write_report(project)
    assert refused.returncode == 2
    assert refused.stdout.startswith(f"Error: results/{name}: expected content with the checksum ")
    end = f"Delete results/{name}, then run the workflow again with the same --configfile tiny.yaml.\n"
    assert refused.stdout.endswith(end)
    assert refused.stdout.count("\n") == 1
    assert earlier.read_text(encoding="utf-8") == "earlier"
    file.unlink()
    assert "Run the workflow first with the same" in write_report(project).stdout


def test_the_first_page_has_every_claim_and_opens_its_figure(opened, reported):
    page = opened(reported / "report.html")
    claims = pd.read_csv(reported / "claims.csv")
    rows = page.tab.locator("tbody tr[id]")
    assert rows.count() == len(claims)
    for claim in claims.itertuples():
        row = page.tab.locator(f"tr[id='{claim.claim}']")
        text = row.inner_text()
        assert claim.statement in text
        assert claim.verdict in text
        assert row.get_by_text(f"Judged on {claim.about}").count() == 1
    assert page.overflow() == 0
    page.screenshot("report")
    link = page.tab.locator("tr[id='M3']").get_by_role("link", name="M-fig2")
    link.focus()
    page.tab.keyboard.press("Enter")
    assert page.overflow(shown(page, "Paper M: M-fig2")) == 0
    page.screenshot("figure")


def test_every_section_of_the_report_can_be_opened(opened, reported):
    page = opened(reported / "report.html")
    tab = page.tab
    home = tab.locator("nav nav a").first
    for section in ("Statistics", "About", "Workflow"):
        home.click()
        tab.locator("nav ul").get_by_text(section, exact=True).click()
        tab.wait_for_timeout(300)
        page.screenshot(section.lower())
    headings = {
        "all claims": "What came out",
        "paths, trainings and sweeps, seed by seed": "Explore every seed",
    }
    seen = set()
    for category in ("Claims", "Controls and statistics", "Explore", "Paper M", "Paper P", "Your own"):
        home.click()
        entry = tab.locator("nav ul").get_by_text(category, exact=True)
        if not entry.count():
            continue
        entry.click()
        for row in tab.locator("nav tbody tr").all():
            name = row.locator("td").first.inner_text()
            if "CSV" in name:
                assert row.locator("a[download='claims.csv']").count() == 1
                continue
            row.get_by_role("link", name=f"Show {name}").press("Enter")
            frame = shown(page, headings.get(name, f"{category}: {name}"))
            seen.add(name)
            assert pictures_without_text(frame) == []
            assert broken_pictures(frame) == 0
            assert page.overflow(frame) == 0
    assert seen == {*FIGURES, *headings}


def test_a_figure_says_what_to_see_and_how_it_was_made(opened, reported):
    page = opened(reported / "report/M-fig2.html")
    text = page.tab.locator("main").inner_text()
    for part in ("What to see", "What was measured", "M3", "kind: path", "drawn in", "trained groks in"):
        assert part in text
    links = page.tab.locator("a.beside").evaluate_all("(links) => links.map((link) => link.href)")
    files = [unquote(link.removeprefix("file://")) for link in links]
    assert files == [str(reported / "paths/segment_1_2") + "/", str(reported / "figures/M-fig2.svg")]


def table_of(page, section):
    rows = page.tab.locator(f"#{section} table.values tr").all_inner_texts()
    return dict(row.split("\t")[:2] for row in rows)


def downloaded(page, section):
    """The rows of the file behind the first link of a section."""
    uri = page.tab.locator(f"#{section} .links a[download]").get_attribute("href")
    return list(csv.DictReader(io.StringIO(unquote(uri.partition(",")[2]))))


def test_a_path_is_walked_along_with_the_keyboard(opened, reported):
    page = opened(reported / "explore.html")
    metrics = pd.read_csv(reported / "paths/segment_1_2/seed_3/metrics.csv")
    names = {"train_loss": "train cross-entropy (nats)", "gradient_norm": "gradient norm"}
    page.tab.locator("#paths .t").focus()
    for key, at in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 4)):
        page.tab.keyboard.press(key)
        measured = table_of(page, "paths")
        for column, name in names.items():
            assert float(measured[name]) == pytest.approx(metrics[column][at], rel=1e-3)
    rows = downloaded(page, "paths")
    assert [float(row["train_error"]) for row in rows] == pytest.approx(metrics["train_error"], rel=1e-3)
    assert page.tab.locator("#paths .pictures img").count() == 1
    page.screenshot("explore-path")


def test_a_path_that_is_not_there_says_why(opened, reported):
    page = opened(reported / "explore.html")
    page.tab.locator("#paths .name").select_option("nowhere")
    assert "There is no such path: " in page.tab.locator("#paths .said").inner_text()
    assert page.tab.locator("#paths .plot svg").count() == 0
    page.tab.locator("#paths .name").select_option("polyline_2_2p")
    assert "(t = 1)" in page.tab.locator("#paths .said").inner_text()


def test_the_page_opens_on_a_path_that_is_there(opened, reported, tmp_path):
    """Even where the first path, and the first seed of the next, have none."""
    text = (reported / "explore.html").read_text(encoding="utf-8")
    start, data, end = re.split(
        '(?<=<script id="data" type="application/json">)(.*?)(?=</script>)', text, flags=re.S
    )
    shown = json.loads(data)
    there = next(name for name, path in shown["paths"].items() if "skipped" not in str(path))
    entry = shown["paths"][there]
    measured = next(iter(entry["seeds"].values()))
    shown["paths"] = {
        "nowhere": {"seeds": {"0": {"skipped": "no point 2"}}, "figures": []},
        "here": {"seeds": {"0": {"skipped": "no point 2"}, "7": measured}, "figures": []},
    }
    (tmp_path / "explore.html").write_text(start + json.dumps(shown) + end, encoding="utf-8")
    page = opened(tmp_path / "explore.html")
    assert page.tab.locator("#paths .name").input_value() == "here"
    assert page.tab.locator("#paths .seed").input_value() == "7"
    assert page.tab.locator("#paths .plot .subplot").count() == 4


def test_a_zoom_to_a_collapse_fits_the_axes_to_it(opened, reported, tmp_path):
    """Of a curve that has grown tenfold before and falls by a tenth at its collapse; two points lie in the window."""
    text = (reported / "explore.html").read_text(encoding="utf-8")
    start, data, end = re.split(
        '(?<=<script id="data" type="application/json">)(.*?)(?=</script>)', text, flags=re.S
    )
    shown = json.loads(data)
    run = next(iter(next(iter(shown["runs"].values()))["seeds"].values()))
    teeth = [[1, 500, 510, 1000], [1e-5, 1e-4, 9e-5, 1e-3]]
    flat = [[1, 1000], [0.5, 0.5]]
    curves = dict.fromkeys(("train_accuracy", "validation_accuracy", "train_loss", "validation_loss"), flat)
    run = run | curves | {"effective_learning_rate": teeth, "invariant_effective_learning_rate": [[], []]}
    run |= {"collapses": [[500, 510]], "point_1": 100, "point_2": None, "last": 1000}
    shown["runs"] = {"toothed": {"seeds": {"0": run}, "figures": []}}
    (tmp_path / "explore.html").write_text(start + json.dumps(shown) + end, encoding="utf-8")
    page = opened(tmp_path / "explore.html")
    plot = page.tab.locator("#runs .plot")
    assert plot.locator(".subplot").count() == 3
    page.tab.locator("#runs .zoom").select_option(index=1)
    low, high = plot.evaluate("(plot) => plot.layout.yaxis3.range.map((end) => 10 ** end)")
    # The window is 490 to 520; on the logarithmic axis the curve rises by 1/499 of a decade an epoch before it.
    before, after = 10 ** (-4 - 10 / 499), 9e-5 * (1e-3 / 9e-5) ** (10 / 490)
    assert low < min(9e-5, before, after) < max(1e-4, after) < high
    assert high / low < 1.2
    assert plot.evaluate("(plot) => plot.layout.xaxis.range") == [490, 520]


def test_every_seed_of_every_run_and_sweep_can_be_chosen(opened, reported):
    page = opened(reported / "explore.html")
    for section, plots in (("paths", 4), ("runs", 3), ("sweeps", 1)):
        for name in page.tab.locator(f"#{section} .name option").all_inner_texts():
            page.tab.locator(f"#{section} .name").select_option(name)
            for seed in page.tab.locator(f"#{section} .seed option").all_inner_texts():
                page.tab.locator(f"#{section} .seed").select_option(seed)
                if "no such path" not in page.tab.locator(f"#{section} .said").inner_text():
                    assert page.tab.locator(f"#{section} .plot .xy").count() >= 1
                    panels = plots + (name == "periodic")  # the one with scale-invariant groups
                    assert page.tab.locator(f"#{section} .plot .subplot").count() == panels
                    assert downloaded(page, section)
    page.tab.locator("#runs .name").select_option("periodic")
    page.tab.locator("#runs .logarithmic").check()
    page.tab.locator("#runs").scroll_into_view_if_needed()
    page.screenshot("explore-run")
    page.tab.locator("#sweeps").scroll_into_view_if_needed()
    page.screenshot("explore-sweep")
    assert page.overflow() == 0
    assert pictures_without_text(page.tab) == []
    assert page.tab.locator(".plot[role=img]:not([aria-label])").count() == 0


def test_links_lead_to_the_tables_beside_the_page(opened, reported):
    page = opened(reported / "explore.html")
    links = page.tab.locator(".links a:not([download])").evaluate_all("(all) => all.map((each) => each.href)")
    assert links
    assert [
        link for link in links if not (reported / unquote(link.partition("/results/")[2])).is_file()
    ] == []


SWEEPS = {
    # Of two seeds: at 0.5 and 1.0 one groks and one memorises, at 0.8 and 1.0 both generalise at once.
    "phase_diagram": """dataset.train_fraction,optimizer.weight_decay,seed,point_1,point_2,validation_error_at_point_1
0.5,0.1,0,30,,0.9
0.5,0.1,1,31,,0.9
0.5,1.0,0,30,200,0.9
0.5,1.0,1,30,,0.9
0.8,0.1,0,,,
0.8,0.1,1,,,
0.8,1.0,0,40,50,0.2
0.8,1.0,1,40,50,0.2
""",
    "train_fraction": """dataset.train_fraction,optimizer.weight_decay,seed,point_1,point_2,validation_error_at_point_1
0.31,0.13,0,30,,0.9
0.52,1.7,0,30,200,0.9
0.77,0.6,0,40,50,0.2
""",
    "sources_of_variance": """dataset.split_seed,run.order_seed,run.initialization_seed,seed,point_1,point_2,validation_error_at_point_1
0,0,0,0,30,200,0.9
1,0,0,0,33,250,0.9
0,1,0,0,30,210,0.9
0,0,1,0,35,,0.9
""",
}


def test_the_phase_diagram_tells_of_every_seed(opened, tmp_path):
    (tmp_path / "sweeps").mkdir()
    for name, table in SWEEPS.items():
        header, *rows = table.splitlines()
        lines = [
            f"{header},epochs,train_error,validation_error,diverged",
            *(f"{row},600,0,0.5," for row in rows),
        ]
        (tmp_path / f"sweeps/{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = load_config(["config.yaml"])
    sweeps = {name: config.sweeps[name] for name in SWEEPS}
    config = config.model_copy(update={"sweeps": sweeps, "runs": {}, "paths": {}, "figures": {}})
    (tmp_path / "explore.html").write_text(explorer_page(tmp_path, config), encoding="utf-8")
    page = opened(tmp_path / "explore.html")
    sweep = page.tab.locator("#sweeps")
    assert table_of(page, "sweeps") == {
        "does not memorise": "2",
        "memorises": "3",
        "groks": "1",
        "generalises at once": "2",
    }
    assert sweep.locator(".plot .heatmaplayer text").all_text_contents() == ["1/2"]
    box = sweep.locator(".plot .nsewdrag").first.bounding_box()
    page.tab.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"])  # 1.0, 0.5
    told = sweep.locator(".plot .hoverlayer").text_content()
    page.screenshot("phase-diagram")
    for part in (
        "train fraction = 0.5, weight decay = 1",
        "seed 0: groks",
        "seed 1: memorises",
        "point 2 never",
    ):
        assert part in told
    sweep.locator(".seed").select_option("1")
    assert table_of(page, "sweeps")["groks"] == "0"
    assert [row["seed"] for row in downloaded(page, "sweeps")] == ["1"] * 4
    for name, marks in (("train_fraction", 3), ("sources_of_variance", 4 + 3)):
        sweep.locator(".name").select_option(name)
        assert sweep.locator(".plot .scatterlayer path.point").count() == marks


def test_a_fault_of_a_page_is_seen(browser, tmp_path):
    """Or the tests above could not fail."""
    file = tmp_path / "page.html"
    file.write_text("<img src='https://example.org/x.png'><script>nothing.here</script>", encoding="utf-8")
    page = Page(browser, file, "narrow")
    assert any("example.org" in fault for fault in page.faults)
    assert any("nothing is not defined" in fault for fault in page.faults)
    assert len(pictures_without_text(page.tab)) == broken_pictures(page.tab) == 1
