"""Loading a configuration with all that its check must know of the other packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from grokflow.claims import SUBJECTS
from grokflow.config import Config, load, read_files
from grokflow.data import count_pairs
from grokflow.figures import FIGURE_KINDS


def load_config(
    files: str | Path | Iterable[str | Path], overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read and check one configuration file or several; a later file's keys win, and `overrides` over all.

    Raises
    ------
    ConfigError : with one line for each problem.
    """
    files = [files] if isinstance(files, str | Path) else files
    return load(files, overrides, count_pairs=count_pairs, figure_kinds=FIGURE_KINDS, claim_subjects=SUBJECTS)


def refuse_unreadable(files: Iterable[str | Path]) -> None:
    """Refuse configuration files that are missing or no YAML, before anybody else reads them.

    Raises
    ------
    ConfigError : with the file, the line and what is wrong there.
    """
    read_files(files)
