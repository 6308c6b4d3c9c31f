"""One process of the fuzzer: atheris drives a target for some seconds, every crash is kept and it goes on."""

from __future__ import annotations

import random
import sys
import tempfile
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["grokflow"], enable_loader_override=False):
    from fuzz.targets import TARGETS

HANG = 20
"""Seconds after which an input counts as a hang."""


def main(target: str, seconds: str, output: str) -> None:
    """Fuzz `target`; does not return. Finds go to output/finds, one file a place and type of exception."""
    run, seeds, mutated = TARGETS[target]
    corpus, finds = Path(output, "corpus"), Path(output, "finds")
    folder = Path(tempfile.mkdtemp(prefix="fuzz."))
    for number, seed in enumerate(seeds(folder)):
        (corpus / f"seed_{number}").write_bytes(seed)

    def one(content: bytes) -> None:
        try:
            run(content, folder)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of a Rust library is no Exception
            keep(error, content)

    def keep(error: BaseException, content: bytes) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        path = finds / f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
        if not path.exists() or len(content) < path.stat().st_size:
            path.write_bytes(content)
            told = "".join(traceback.format_exception(error))[-5000:]
            path.with_suffix(".txt").write_text(told, encoding="utf-8", errors="backslashreplace")

    def mutate(content: bytes, largest: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - no secret
        if chance.random() < 0.3:
            return bytes(atheris.Mutate(content, largest))
        return mutated(content, chance)[:largest]

    options = [f"-max_total_time={seconds}", f"-timeout={HANG}", "-rss_limit_mb=4096", "-max_len=20000"]
    options += [f"-artifact_prefix={finds}/", "-print_final_stats=1", "-use_value_profile=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
