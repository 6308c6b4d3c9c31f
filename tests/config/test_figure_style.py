"""The style and names of a figure: its own before the configuration's, and no word where nothing is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grokflow.config import Config, plain, resolve_figure
from grokflow.config.read import read
from grokflow.errors import ConfigError
from grokflow.loading import load_config

ROOT = Path(__file__).parents[2]


def loaded(folder: Path, figure: dict[str, Any], **top: Any) -> Config:
    """config.yaml with some keys of P-fig4 and of the top level set."""
    config = read([ROOT / "config.yaml"])
    config["figures"]["P-fig4"] |= figure
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config | top), encoding="utf-8")
    return load_config([path])


@pytest.mark.parametrize(
    ("own", "default", "drawn"),
    [
        (None, None, None),
        (None, "screen", None),
        (None, "column", "column"),
        ("two_columns", None, "two_columns"),
        ("two_columns", "column", "two_columns"),
        ("screen", "column", None),
        ("screen", None, None),
    ],
)
def test_a_figure_has_its_own_style_before_that_of_all(
    tmp_path: Path, own: str | None, default: str | None, drawn: str | None
) -> None:
    given = {} if own is None else {"style": own}
    config = loaded(tmp_path, given, **({} if default is None else {"figure_style": default}))
    assert resolve_figure(config, "P-fig4").style == drawn
    assert resolve_figure(config, "P-fig5").style == (None if default == "screen" else default)


def test_what_is_not_set_stands_in_no_record(tmp_path: Path) -> None:
    """Those of figures that were drawn before there were styles have these keys and no other."""
    record = plain(resolve_figure(loaded(tmp_path, {}), "P-fig4"))
    assert record.pop("caption")  # config.yaml gives one, of which a drawing is not told
    assert [*record] == ["kind", "run", "runs", "path", "paths", "sweep", "reference"]
    names = {"layer_norm_1layer": "one layer"}
    record = plain(resolve_figure(loaded(tmp_path, {"names": names}, figure_style="column"), "P-fig4"))
    assert (record["style"], record["names"]) == ("column", names)


@pytest.mark.parametrize(
    ("figure", "top", "said"),
    [
        ({"style": "colum"}, {}, ["figures.P-fig4.style", "screen, column, two_columns", "'colum'"]),
        ({}, {"figure_style": "print"}, ["figure_style", "screen, column, two_columns", "'print'"]),
        (
            {"names": {"layer_norm1layer": "x"}},
            {},
            ["figures.P-fig4.names", "Did you mean 'layer_norm_1layer'?"],
        ),
    ],
)
def test_a_style_or_a_run_that_nobody_knows_is_refused(
    tmp_path: Path, figure: dict[str, Any], top: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, figure, **top)
    for words in said:
        assert words in str(refused.value)


def test_a_style_among_the_figures_is_told_where_it_belongs(tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("figures: {style: column}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"figures\.style: .*'figure_style', at the top level"):
        load_config([ROOT / "config.yaml", over])
