"""What a user sees while the workflow runs: what will be done, a line for each job done, and what went wrong.

A logger plugin of Snakemake, chosen by workflow/run.sh. Whoever asks for more or less (--dry-run, --verbose,
--quiet …) gets Snakemake's own output, which is also in its log file. Rules are known here only by what
Snakemake says of them.
"""

from __future__ import annotations

import builtins
import logging
import os
import re
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_console.terminal import Terminal

LOGS_ARE_SHOWN = "GROKFLOW_LOGS_ARE_SHOWN"
"""Environment variable: a job need not say on the terminal what is in its log (grokflow.artifacts.job)."""

WIDTH = 110
LINES_OF_LOG = 20

DULL = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Using shell:",
    "SLURM run ID:",
    "No SLURM account given",
    "No account was given",
    "Unable to guess SLURM account",
    "Cleaning up SLURM log files",
    "Provided remote nodes:",
    "Group jobs: inactive",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Select jobs to execute",
    "Shutting down",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete successfully",  # the Snakefile says which
    "Complete log(s):",
    "Elapsed time:",
)
"""Beginnings of Snakemake's messages that tell a reader nothing here."""

NOTHING, AGAIN = "Nothing to be done", " `make summary` prints what came out (RESULTS=folder)."
"""Beginning of Snakemake's message that all is there, and what is said after it."""

STOPPING = "Will exit after finishing currently running jobs"
"""Beginning of Snakemake's message that SIGTERM stops it, or Ctrl-C, of which run.py makes the same."""

INTERRUPTED, TERMINATED = 130, 143
"""Exit statuses: 128 + the number of the signal, as a shell reports it."""

HOW_IT_ENDED = re.compile(r"returned non-zero (exit status \d+)|died with <Signals\.(SIG\w+)")
BY_SIGNAL = (f"exit status {INTERRUPTED}", f"exit status {TERMINATED}", "SIGINT", "SIGTERM")


NO_LOG = "{}: there is no such log. Either the job did not start, or its node does not see this folder."
NOT_STARTED = "{}: there is no log, because the job did not start."
IN_STORAGE = "The log, unless the job did not start: {}"
NOT_HERE = (
    "{}: its job ended without an error, but the file is not here. Either its node does not see this folder, "
    "or the file takes longer to appear here than latency-wait allows (profiles/slurm)."
)

SUBMITTED = "has been submitted"
"""In what executors say of a job that they gave to a scheduler."""

MISSING_OUTPUT = re.compile(r"MissingOutputException.*?^ *(\S+) \(missing locally", re.DOTALL | re.MULTILINE)

DETAILS = re.compile(r"\n +sbatch call:.*| Detailed failure reason unavailable.*", re.DOTALL)
"""What the plugin for SLURM adds to a reason: its whole command; that without accounting there is no more."""


@dataclass
class Job:
    """A running job: what it is called on the console, and when it started."""

    name: str
    start: float


class LogHandler(LogHandlerBase):
    """Snakemake calls `emit` from one thread of its own, and `close` after that."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True  # what is shown is decided in here
    has_formatter = True
    needs_rulegraph = False

    status: int | None = None
    """The exit status, once Ctrl-C or SIGTERM stops the workflow; of the class, which run.py can find."""

    told = False
    """Whether it was said that the workflow was stopped."""

    def __post_init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.done = self.total = 0
        self.start = time.time()
        self.stopping = ""
        self.causes: dict[int | None, str] = {}  # of a job's error, which comes second, from the same thread
        self.ended_by_signal: list[str] = []
        self.first_failure = ""  # on a cluster, where others that fail likewise would bury it
        self.on_cluster = False
        _keep_reason_of_group()
        self.snakemakes = _snakemakes_own(self.common_settings) if _asked(self.common_settings) else None
        self.terminal = Terminal(last_line=None if self.snakemakes else self._last_line)
        if self.common_settings.show_failed_logs and not self.snakemakes:
            os.environ[LOGS_ARE_SHOWN] = "1"

    def emit(self, record: logging.LogRecord) -> None:
        """Show the record, in lines of our own or by Snakemake's handler."""
        try:
            if self.snakemakes and not self._is_of_a_user(record):
                self.snakemakes.handle(record)
            else:
                self._show(record, getattr(record, "event", None), record.__dict__)
        except OSError:  # nobody reads on: no reason to stop the work
            pass
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Say what is left to say."""
        if not self.terminal.closed.is_set():  # Python closes handlers, too
            self._report_ended_by_signal()
            for cause in [] if self.status else self.causes.values():
                self.terminal.print(cause)
            if self.first_failure and self.done < self.total and not self.status:
                self.terminal.print(f"The first that failed: {self.first_failure}")
            self.terminal.close()
            if self.status:
                done = f" after {self.done} of {_jobs(self.total)}" if self.total else ""
                self.terminal.print(f"Stopped{done}; the same command goes on from here.")
                LogHandler.told = True
        super().close()

    def _is_of_a_user(self, record: logging.LogRecord) -> bool:
        """Whether it is the Snakefile's message of what a user can mend, which says the same in a dry run."""
        is_placed = record.getMessage().strip("\n").startswith("WorkflowError in file")
        return is_placed and not (self.common_settings.verbose or self.common_settings.debug_dag)

    def _show(self, record: logging.LogRecord, event: LogEvent | None, given: dict[str, Any]) -> None:
        if event == LogEvent.RUN_INFO:
            self._plan(given["stats"])
        elif event == LogEvent.JOB_INFO:
            self.jobs[given["jobid"]] = Job(_name(given), record.created)
        elif event == LogEvent.JOB_FINISHED:
            self._finished(self.jobs.pop(given["job_id"], None), record.created)
        elif event == LogEvent.PROGRESS:
            self.total = given["total"]
        elif event == LogEvent.ERROR and record.threadName != "MainThread":
            self.causes[record.thread] = record.getMessage()
        elif event == LogEvent.GROUP_ERROR:
            self._group_failed(given, record.created)
        elif event == LogEvent.JOB_ERROR and not given["indent"]:  # else of a group, which is told already
            self._failed(given, self.causes.pop(record.thread, ""), record.created)
        elif event in (None, LogEvent.ERROR):
            serious = record.levelno >= logging.ERROR
            self._message(record.getMessage().strip("\n"), given.get("exception", ""), serious)

    def _plan(self, stats: dict[str, int]) -> None:
        self.total = stats["total"]
        rules = ", ".join(f"{count} {rule}" for rule, count in stats.items() if rule != "total")
        self.terminal.print(textwrap.fill(f"{_jobs(self.total)}: {rules}", WIDTH, subsequent_indent="  "))

    def _finished(self, job: Job | None, now: float) -> None:
        self._report_ended_by_signal()
        self.done += 1
        if job and job.name:
            self.terminal.print(f"{self._progress():>9}  {job.name:<64} {_duration(now - job.start):>11}")
        if self.done == self.total:
            self.terminal.print(f"Done: {_jobs(self.total)} in {_duration(now - self.start)}.")

    def _failed(self, given: dict[str, Any], cause: str, now: float) -> None:
        job = self._ended(given, now)
        if given["rule_msg"]:  # a scheduler says why
            own, *schedulers = given["log"]
            self._failed_on_cluster(job, given["rule_msg"], [own], schedulers, now)
            return
        found = HOW_IT_ENDED.search(cause)
        how = (found[1] or found[2]) if found else "error"
        killed = " (killed, perhaps for want of memory)" if how == "exit status 137" else ""
        after = f"after {_duration(now - job.start)}, {how}{killed}"
        details = [] if found else [cause.strip()]
        for log in given["log"]:
            tail = f":\n{_tail(log)}" if self.common_settings.show_failed_logs else ""
            details.append(f"{log}{tail}")
        if how in BY_SIGNAL:
            self.ended_by_signal.append(f"{self._progress():>9}  {job.name} stopped {after}")
        else:
            self._print_block("\n".join([f"{job.name} FAILED {after}", *details]))

    def _ended(self, given: dict[str, Any], now: float) -> Job:
        return self.jobs.pop(given["jobid"], None) or Job(_name(given), now)

    def _group_failed(self, given: dict[str, Any], now: float) -> None:
        members = given["job_error_info"]
        jobs = [self._ended(member, now) for member in members]
        group = Job("; ".join(job.name for job in jobs), min(job.start for job in jobs))
        logs = [log for member in members for log in member["log"]]
        for job, member in zip(jobs, members, strict=True):
            if any(_says_why(log, since=job.start) for log in member["log"]):
                group, logs = job, member["log"]
        self._failed_on_cluster(group, given.get("reason") or "", logs, given["aux_logs"], now)

    def _failed_on_cluster(
        self, job: Job, reason: str, logs: list[str], schedulers: list[str], now: float
    ) -> None:
        """Say what the scheduler says of a job that failed, and what the job, or else its node, wrote."""
        telling = [log for log in logs if _says_why(log, since=job.start)]
        telling += [log for log in schedulers if Path(log).exists()]
        if telling:
            where = f"{telling[0]}:\n{_tail(telling[0])}"
        elif schedulers:
            where = NO_LOG.format(schedulers[0])
        else:
            stored = any("://" in log for log in logs)
            where = (IN_STORAGE if stored else NOT_STARTED).format(", ".join(logs))
        why = DETAILS.sub("", reason).strip()
        text = "\n".join(
            [f"{job.name} FAILED after {_duration(now - job.start)}", *filter(None, [why, where])]
        )
        self._print_block(text)
        self.first_failure = self.first_failure or text

    def _print_block(self, text: str) -> None:
        self.terminal.print(f"{self._progress():>9}  " + text.replace("\n", "\n           | "))

    def _report_ended_by_signal(self) -> None:
        """Name jobs that a signal ended, now that it was clearly not meant for the whole workflow."""
        for line in [] if self.status else self.ended_by_signal:
            self.terminal.print(line)
        self.ended_by_signal.clear()

    def _message(self, text: str, exception: str, serious: bool) -> None:
        self.on_cluster = self.on_cluster or SUBMITTED in text
        if self.on_cluster and (missing := MISSING_OUTPUT.search(text)):
            self.first_failure = self.first_failure or NOT_HERE.format(missing[1])
        if text.startswith(STOPPING):
            self._stopping()
        elif text and not text.startswith(DULL) and (serious or not self.status):
            again = AGAIN if text.startswith(NOTHING) else ""
            self.terminal.print(_without_places(text, exception) + again)

    def _stopping(self) -> None:
        LogHandler.status = self.status or TERMINATED
        if not self.stopping:
            saves = self.status == INTERRUPTED
            how = ": what runs saves its state and ends." if saves else " once what runs has ended."
            self.stopping = f"Stopping{how}"
            self.terminal.announce(self.stopping)

    def _progress(self) -> str:
        return f"[{self.done}/{self.total}]"

    def _last_line(self) -> str:
        if self.stopping or not self.total:
            return self.stopping
        now = time.time()
        jobs = [job for job in list(self.jobs.values()) if job.name]  # a list, because another thread asks
        running = ", ".join(f"{job.name} ({_duration(now - job.start)})" for job in jobs)
        return f"{self._progress()}  {_duration(now - self.start)}{running and '; running: '}{running}"


def _asked(settings: Any) -> bool:
    """Whether the user asked Snakemake for another output than the profile does."""
    quiet = {choice.name for choice in settings.quiet or ()}
    return bool(settings.dryrun or settings.verbose or settings.debug_dag or quiet - {"HOST", "REASON"})


def _snakemakes_own(settings: Any) -> logging.Handler:
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    shown = [settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds]
    handler = ColorizingTextHandler(settings.nocolor, sys.stdout if settings.stdout else sys.stderr)
    handler.addFilter(DefaultFilter(*shown))
    handler.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
    return handler


def _name(given: dict[str, Any]) -> str:
    """The rule's message, or `train mode_connectivity, seed 0`; "" for a target that makes nothing."""
    if not given["output"]:
        return ""
    wildcards = given.get("wildcards", {}).items()
    of = ", ".join(f"{name} {value}" if number else value for number, (name, value) in enumerate(wildcards))
    return textwrap.shorten(given["rule_msg"] or f"{given['rule_name']} {of}", WIDTH, placeholder=" …")


def _jobs(number: int) -> str:
    return f"{number} job" if number == 1 else f"{number} jobs"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _tail(log: str) -> str:
    """The message or traceback at the end of a log, or else its last lines."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(There is no log.)"
    last = [number for number, line in enumerate(lines) if line.startswith(("Error: ", "Traceback "))]
    return "\n".join(lines[last[-1] if last else -LINES_OF_LOG :]) or "(The log is empty.)"


def _says_why(log: str, since: float) -> bool:
    """Whether there is an error in a log that was written since then."""
    path = Path(log)
    if not path.exists() or path.stat().st_mtime < since:
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return bool(re.search(r"^(Error: |Traceback )", text, re.MULTILINE))


def _keep_reason_of_group() -> None:
    """Have Snakemake tell why a group failed: 9.27 is told so by the executor and leaves it out."""
    from snakemake.jobs import GroupJob

    original = GroupJob.log_error

    def log_error(self: Any, msg: Any = None, aux_logs: Any = None, **given: Any) -> None:
        original(self, msg, aux_logs, **{"reason": msg, **given})

    GroupJob.log_error = log_error


def _without_places(text: str, exception: str) -> str:
    """The message of an error that a user can mend, without where in the code it arose."""
    if exception == "WorkflowError":
        first, *lines = text.splitlines()
        return "Error: " + "\n".join(line for line in lines or [first] if not line.startswith('  File "'))
    kind = getattr(builtins, exception, None)
    if isinstance(kind, type) and issubclass(kind, OSError):
        return "Error: " + text.splitlines()[-1]
    return text
