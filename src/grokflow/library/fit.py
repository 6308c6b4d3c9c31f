"""How the bends of a path are fitted, as a notebook says it: checked with the messages of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grokflow import config
from grokflow.config import refusing_entry


class Fit(config.Fit):
    """How the bends of a path are optimised: the keys of `fit` of a path in a configuration.

    Raises
    ------
    ConfigError : with one line for each problem.

    Examples
    --------
    >>> import grokflow
    >>> grokflow.Fit(epochs=300).epochs
    300
    """

    if not TYPE_CHECKING:  # the settings stay typed

        def __init__(self, **settings: Any) -> None:
            with refusing_entry("paths", "own", "polyline", "fit"):
                super().__init__(**settings)
