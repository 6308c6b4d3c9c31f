"""A dictionary into a checked `Config`: every problem named by its key before any work starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grokflow.config.checks import CountPairs, problems_of_datasets, problems_of_paths, problems_of_runs
from grokflow.config.checks_of_outputs import (
    ClaimSubject,
    FigureKind,
    problems_of_claims,
    problems_of_figures,
)
from grokflow.config.checks_of_sweeps import problems_of_sweeps
from grokflow.config.problems import translate
from grokflow.config.read import merge, read
from grokflow.config.schema import Config
from grokflow.config.user_files import with_user_files
from grokflow.errors import Problems


def load(
    files: Iterable[str | Path],
    overrides: Mapping[str, Any] | None = None,
    *,
    count_pairs: CountPairs,
    figure_kinds: Mapping[str, FigureKind],
    claim_subjects: Mapping[str, ClaimSubject],
) -> Config:
    """Read, merge and check configuration files; `overrides` win over the files.

    Parameters
    ----------
    count_pairs, figure_kinds, claim_subjects : what the packages `data`, `figures` and `claims` know and
        this one must ask; `grokflow.loading.load_config` hands them in.

    Raises
    ------
    ConfigError : with one line for each problem.
    """
    files = list(files)
    raw = merge(read(files), with_user_files(overrides or {}, Path()))
    where = " + ".join(str(file) for file in files)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise Problems([translate(problem) for problem in error.errors()], where) from None
    problems = [
        *problems_of_datasets(config, count_pairs),
        *problems_of_runs(config),
        *problems_of_figures(config, figure_kinds),
        *problems_of_claims(config, claim_subjects),
        *problems_of_paths(config),
        *problems_of_sweeps(config, count_pairs),
    ]
    if problems:
        raise Problems(problems, where)
    return config
