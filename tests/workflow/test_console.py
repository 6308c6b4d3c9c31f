"""What a user sees: the lines of workflow/run.sh, off a terminal and on one, and what Ctrl-C answers."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

NEVER = "results/runs/never/seed_3/history.csv"
GROKS = "results/runs/groks/seed_3"


def command(*arguments):
    # Targets first: `--configfile` takes every word that follows it.
    return ["workflow/run.sh", str(Path(sys.executable).parent), *arguments, "--cores", "2"]


def run(project, *arguments, configfile=("--configfile", "tiny.yaml")):
    """Run the wrapper off a terminal; exit status, and all it printed as `stdout`."""
    return subprocess.run(
        command(*arguments, *configfile),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def copy(finished, tmp_path):
    """A finished project of its own, to be damaged."""
    project = object.__new__(type(finished))
    project.folder = tmp_path / "a copy"
    project.config = project.folder / "tiny.yaml"
    shutil.copytree(finished.folder, project.folder)
    return project


@pytest.fixture
def on_terminal():
    """The wrapper on a terminal; ended with the test, however that ends."""
    started = []

    def start(project, *arguments):
        started.append(Terminal(project, *arguments))
        return started[-1]

    yield start
    for terminal in started:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.process.wait()


class Terminal:
    """The wrapper on a terminal of its own, where Ctrl-C can be pressed."""

    def __init__(self, project, *arguments):
        self.terminal, other_end = pty.openpty()
        # What leads a session and opens a terminal gets its Ctrl-C.
        opened = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(other_end)]
        self.process = subprocess.Popen(
            [*opened, *command(*arguments, "--configfile", "tiny.yaml")],
            cwd=project.folder,
            env={**project.environment(), "TERM": "xterm"},
            start_new_session=True,
            # Tests that run in the background of a shell ignore Ctrl-C, and so would all that they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.other_end = other_end  # open, lest the terminal be gone before it is opened there
        self.output = ""

    def read(self, until, seconds=60):
        """Read what it prints until the condition holds."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, self.output
            while select.select([self.terminal], [], [], 0.005)[0]:
                self.output += os.read(self.terminal, 2**16).decode()

    def press_ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def finish(self):
        """The exit status, and the lines as one sees them when all is over."""
        self.read(until=lambda: self.process.poll() is not None)
        self.read(until=lambda: not select.select([self.terminal], [], [], 0)[0])
        os.close(self.other_end)
        os.close(self.terminal)
        lines = [re.sub(r".*\x1b\[K", "", line) for line in self.output.replace("^C", "").split("\r\n")]
        return self.process.returncode, [line.strip("\r") for line in lines if line.strip("\r")]

    def catches_ctrl_c(self):
        """Whether the shell has made way for a Python that has a handler."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught & 1 << signal.SIGINT - 1)

    def runs(self, script):
        """Whether a Python process runs the script."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                words = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if len(words) == 2 and words[1].endswith(f".{script}"):
                return True
        return False


def test_a_line_for_each_job_and_the_claims_at_the_end(copy):
    """Touching all results runs every job in the eyes of the console."""
    shown = run(copy, "--touch", "--forceall")
    lines = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stdout
    total = int(re.search(r"^(\d+) jobs: .*1 all", shown.stdout, re.MULTILINE | re.DOTALL)[1])
    numbers = [int(number) for number in re.findall(r"^ *\[(\d+)/\d+\]  \w", shown.stdout, re.MULTILINE)]
    assert numbers == list(range(1, total))  # `all` makes nothing and has no line
    assert re.search(rf"^ *\[\d+/{total}\]  \w+ groks, seed 3 +\d\.\d s$", shown.stdout, re.MULTILINE)
    assert len(lines) < total + 20
    assert max(map(len, lines)) <= 160
    done = lines.index(next(line for line in lines if line.startswith(f"Done: {total} jobs in ")))
    assert lines[done + 1] == "Claims: 7 undecided. Seeds holding of judged [95 %]:"
    assert re.fullmatch(r"  M1 +undecided +2 of 2 +\[0\.34, 1\.00\]  The setup groks: .*", lines[done + 2])
    assert lines[-4] == "Where to look:"
    assert lines[-3].startswith("  results/claims.md  ")
    assert lines[-2] == "  results/figures/   6 figures"
    assert lines[-1] == "All on one page, results/report.html: make report CONFIG=tiny.yaml"
    assert "There is no reference run to compare with." in lines[done:]  # a copy has no docs
    assert len(lines) == done + 14


def test_nothing_to_be_done_is_one_line(finished):
    shown = run(finished)
    assert shown.returncode == 0
    (line,) = [line for line in shown.stdout.splitlines() if "profile" not in line]
    assert line.startswith("Nothing to be done")
    assert "`make summary` prints what came out" in line


def test_snakemake_alone_needs_no_console(finished):
    """The first run was one, without the console on its path."""
    assert "Job stats:" in finished.first_run.stdout
    assert finished.first_run.stdout.count("  M1          undecided   2 of 2 ") == 1
    unknown = finished.snakemake("--logger=console", "-n")
    assert unknown.returncode == 2
    assert "invalid choice: 'console'" in unknown.stdout


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param("altered", "decay.csv: expected content with the checksum", id="what a user can mend"),
        pytest.param("broken", "ZeroDivisionError: division by zero", id="a fault of ours"),
        pytest.param(
            "not a script", "No module named 'nothing_of_this_name'", id="a script that does not start"
        ),
    ],
)
def test_a_failed_job_is_told_once_with_its_log(copy, damage, reason):
    script = copy.folder / "workflow/scripts/judge_claims.py"
    log = "results/logs/claims.log"
    if damage == "altered":
        table = copy.folder / "results/sweeps/decay.csv"
        before = table.stat()
        table.write_text(table.read_text() + "0,5\n")
        os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "broken":
        script.write_text(script.read_text().replace("tables = ", "tables = 1 / 0, "))
    else:
        script.write_text("import nothing_of_this_name\n")
        (copy.folder / log).unlink()
    shown = run(copy, "--forcerun", "judge_claims", "--rerun-triggers", "mtime")
    assert shown.returncode == 1
    assert shown.stdout.count(reason) == 1, shown.stdout
    assert shown.stdout.count("FAILED") == 1
    assert re.search(
        r"\[0/2\]  .*claims FAILED after .* s, exit status 1\n +\| results/logs/claims\.log:\n", shown.stdout
    )
    assert "CalledProcessError" not in shown.stdout
    assert shown.stdout.splitlines()[-1] == f"  judge_claims: {log}"


def test_a_failed_job_is_told_by_snakemake_alone_too(copy):
    table = copy.folder / "results/sweeps/decay.csv"
    table.write_text(table.read_text() + "0,5\n")
    shown = copy.snakemake("--forcerun", "judge_claims", "--rerun-triggers", "mtime")
    assert shown.returncode == 1
    assert "decay.csv: expected content with the checksum" in shown.stdout
    assert "\n  judge_claims: results/logs/claims.log\n" in shown.stdout


def test_a_job_that_a_signal_ends_alone_is_named_and_the_others_go_on(copy):
    script = copy.folder / "workflow/scripts/judge_claims.py"
    script.write_text("import os\nos.kill(os.getpid(), 15)\n")
    shown = run(copy, "--forcerun", "judge_claims", "--rerun-triggers", "mtime")
    assert shown.returncode == 1
    assert re.search(r"\[0/2\]  .*claims stopped after .* s, exit status 143\n", shown.stdout)
    assert "FAILED" not in shown.stdout


def test_an_impossible_configuration_is_one_message(project):
    refused = run(project, "--config", "thread=1", configfile=())
    assert refused.returncode == 1
    (line,) = [line for line in refused.stdout.splitlines() if "profile" not in line]
    assert line.startswith("Error: config.yaml: thread: expected a known key")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("runs: {a: 1\nb: 2}\n", "mine.yaml, line 2, column 2: expected valid YAML"),
        ("", "mine.yaml: expected keys with values"),
        (None, "mine.yaml: expected a readable YAML file, found no such file."),
    ],
)
@pytest.mark.parametrize("given", [["--configfile", "tiny.yaml", "mine.yaml"], ["--configfile=mine.yaml"]])
def test_a_configuration_that_is_no_yaml_is_one_message_with_its_line(project, content, said, given):
    """Snakemake, which reads it before us, names neither file nor line."""
    if content is not None:
        (project.folder / "mine.yaml").write_text(content)
    refused = run(project, configfile=given)
    assert refused.returncode == 1
    (line,) = refused.stdout.splitlines()
    assert line.startswith(f"Error: {said}")


@pytest.mark.parametrize("asked", [["--dry-run"], ["--dry-run", "--quiet", "rules", "host"], []])
def test_a_configuration_that_asks_for_what_cannot_be_is_one_message(project, asked):
    """In a dry run, too: else it stands between places in the Snakefile."""
    project.edit("epochs: 600,", "epochs: 0,")
    refused = run(project, *asked)
    assert refused.returncode == 1
    told = [line for line in refused.stdout.splitlines() if not line.startswith("Using ")]
    assert len(told) == 1, told
    assert re.match(r"Error: .*runs\.\w+\.epochs: expected greater than or equal to 1, found 0\b", told[0])


def test_where_jobs_fail_and_others_go_on_it_says_what_is_there_and_what_is_not(copy):
    """A table that the claims and a figure read is altered; another figure can be drawn."""
    table = copy.folder / "results/sweeps/decay.csv"
    table.write_text(table.read_text() + "0,5\n")
    asked = ("--forcerun", "judge_claims", "draw_figure", "tabulate_seeds", "--keep-going")
    shown = run(copy, *asked, "--rerun-triggers", "mtime")
    assert shown.returncode == 1
    after = shown.stdout[shown.stdout.index("The claims were not judged") :].splitlines()
    assert after[:3] == [
        "The claims were not judged.",  # nor are those of an earlier run there any more
        "Where to look:",
        "  results/figures/  5 figures",
    ]
    assert re.match(r"\d+ of \d+ jobs are done; the same command goes on", after[3])
    assert len(after) == 6
    assert after[-2:] == [
        "  draw_figure sweep-weight-decay: results/logs/figures/sweep-weight-decay.log",
        "  judge_claims: results/logs/claims.log",
    ]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("--dry-run", "--forceall"), "Job stats:"),
        (("--dry-run", "--forceall", "--quiet", "rules"), "Job stats:"),
        (("--unlock",), "Unlocked working directory."),
        (("--list-rules",), "draw_figure"),
        (("--report", "results/report.html"), "Report created."),
        (("results/nothing.csv",), "No rule to produce results/nothing.csv"),
    ],
)
def test_what_is_asked_of_snakemake_is_still_told(copy, arguments, shown):
    told = run(copy, *arguments)
    assert shown in told.stdout
    assert "Traceback" not in told.stdout
    assert told.returncode == int(arguments[0].startswith("results"))


def assert_calm(lines):
    """Nothing but what was done, that it stops, and that the same command goes on."""
    assert re.fullmatch(r"Stopped.*; the same command goes on from here\.", lines[-1])
    for line in lines[:-1]:
        assert re.match(r"Using workflow|\d+ jobs: |  1 |[ ]*\[\d+/\d+\]  ", line), lines
    assert "FAILED" not in "".join(lines)


def test_ctrl_c_in_a_training_saves_it_and_the_same_command_goes_on(project, finished, on_terminal):
    project.edit("epochs: 600, stop_after_point_2: 10", "epochs: 600, stop_after_point_2: 300")
    terminal = on_terminal(project, f"{GROKS}/history.csv")
    saved = project.folder / "results/.resume"
    terminal.read(until=lambda: len(list(saved.rglob("epoch_*.safetensors"))) >= 3)
    terminal.press_ctrl_c()
    terminal.press_ctrl_c()  # as one does who is in a hurry
    status, lines = terminal.finish()
    assert status == 128 + signal.SIGINT
    assert_calm(lines)
    assert lines[-1] == "Stopped after 1 of 2 jobs; the same command goes on from here."
    assert "Stopping: what runs saves its state and ends." in terminal.output
    assert "running: train groks, seed 3 (" in terminal.output
    log = project.folder / "results/logs/runs/groks/seed_3.train.log"
    assert "Ended by SIGINT, all saved" in log.read_text()

    again = run(project, f"{GROKS}/history.csv")
    assert again.returncode == 0, again.stdout
    assert "Going on from epoch" in log.read_text()
    # It goes on for longer than the undisturbed run did; the last checkpoint of that is not one of this.
    undisturbed = sorted((finished.folder / GROKS / "checkpoints").iterdir())[:-1]
    assert len(undisturbed) >= 4
    for file in undisturbed:
        assert (project.folder / GROKS / "checkpoints" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("moment", ["Snakemake starts", "a job starts", "a job imports"])
def test_ctrl_c_is_calm_from_the_first_moment_on(project, moment, on_terminal):
    terminal = on_terminal(project, NEVER)
    log = project.folder / "results/logs/runs/never/seed_3.train.log"
    if moment == "Snakemake starts":
        terminal.read(until=terminal.catches_ctrl_c)
        time.sleep(0.3)
    elif moment == "a job starts":
        terminal.read(until=lambda: terminal.runs("make_dataset.py"))
    else:
        terminal.read(until=log.exists)
    terminal.press_ctrl_c()
    status, lines = terminal.finish()
    assert status == 128 + signal.SIGINT
    assert_calm(lines)
    done = {
        "Snakemake starts": "",
        "a job starts": " after 0 of 2 jobs",
        "a job imports": " after 1 of 2 jobs",
    }
    assert lines[-1] == f"Stopped{done[moment]}; the same command goes on from here."
    assert run(project, NEVER).returncode == 0
