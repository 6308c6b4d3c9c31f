"""Pages from templates, with all that they show inside them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

COLOURS = 256
"""Of an embedded picture: a third of the bytes of all colours, and to the eye the same."""

LINE = 1000
"""Characters of a line of an embedded picture: the first page goes through docutils, which has a limit."""


def render(template: str, **values: Any) -> str:
    """A page from one of the templates of this package; whatever is filled in is escaped."""
    page: str = _environment().get_template(template).render(values)
    return page


def picture_uri(png: str | Path) -> str:
    """A picture as a data URI, in a palette of its own."""
    from PIL import Image

    content = io.BytesIO()
    with Image.open(png) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(content, format="png", optimize=True)
    text = base64.b64encode(content.getvalue()).decode()
    lines = "\n".join(text[start : start + LINE] for start in range(0, len(text), LINE))
    return f"data:image/png;base64,{lines}"


def json_in_page(values: Mapping[str, Any]) -> Any:
    """Values as JSON that can stand inside a script element."""
    from markupsafe import Markup

    text = json.dumps(values, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - no tag can begin in it


def script(text: str) -> Any:
    """A library's own script, which ends no element before its end."""
    from markupsafe import Markup

    assert "</script" not in text.lower()
    return Markup(text)  # noqa: S704 - from an installed package


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("grokflow.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["source"] = source
    return environment


def source(name: str) -> Any:
    """The text of a style sheet or script of this package."""
    from markupsafe import Markup

    text = files("grokflow.report").joinpath("templates", name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - our own
