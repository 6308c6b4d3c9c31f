"""Snakemake, which Ctrl-C stops as SIGTERM does: without a traceback, from the first moment on."""

import itertools
import signal
import sys
import threading
from types import FrameType
from typing import Any

INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Run Snakemake with the arguments of this process."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it is not ignored
        signal.signal(signal.SIGINT, stop)
    sys.argv[0] = "snakemake"
    try:
        refuse_unreadable(configuration_files(sys.argv[1:]))
        from snakemake.cli import (
            main as snakemake,
        )  # here, because it takes a second, in which Ctrl-C may come

        snakemake()
    except KeyboardInterrupt:
        if not getattr(console(), "told", False):
            print("Stopped; the same command goes on from here.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        sys.exit(getattr(console(), "status", None) or end.code)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def configuration_files(arguments: list[str]) -> list[str]:
    """The files given as `--configfile`, in whichever of the ways that Snakemake takes."""
    files: list[str] = []
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in ("--configfile", "--configfiles"):  # given again, the last one counts
            following = itertools.takewhile(lambda word: not word.startswith("-"), arguments[place + 1 :])
            files = [value] if equals else list(following)
    return files


def refuse_unreadable(files: list[str]) -> None:
    """End with one message if a file is missing or no YAML: Snakemake, which reads it first, says less."""
    if not files:
        return
    from grokflow.errors import GrokflowError
    from grokflow.loading import refuse_unreadable

    try:
        refuse_unreadable(files)
    except GrokflowError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


def stop(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C does. Jobs get it, too (see the Snakefile)."""
    if console():
        console().status = INTERRUPTED
    end_gracefully = signal.getsignal(signal.SIGTERM)
    if callable(end_gracefully) and not elsewhere(
        end_gracefully
    ):  # Snakemake's own, from when it starts jobs
        # In a thread, because it waits for a lock that this one may hold.
        threading.Thread(target=end_gracefully).start()
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt


def elsewhere(end_gracefully: Any) -> bool:
    """Whether jobs run on a cluster, where Ctrl-C does not reach them: Snakemake must cancel them."""
    scheduler = getattr(end_gracefully, "__self__", None)
    return bool(scheduler and scheduler.workflow.non_local_exec)


def console() -> Any:
    """The class of our logger, once it is there."""
    return getattr(sys.modules.get("snakemake_logger_plugin_console"), "LogHandler", None)


if __name__ == "__main__":
    main()
