"""Write docs/config.schema.json, by which editors complete and check the keys of a configuration.

`make schema`. It is made from the classes of `grokflow.config`: types, defaults and ranges, the texts under
the keys, and their units. A test compares it with the classes.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

from grokflow.claims import CRITERIA
from grokflow.config import Config
from grokflow.config.entry import Entry
from grokflow.figures import FIGURE_KINDS
from grokflow.user_code import CODE

PATH = Path(__file__).with_name("config.schema.json")

Schema = dict[str, Any]

OF_ONE_S_OWN = {"type": "string", "pattern": CODE}
"""`file.py:name`, code of one's own."""

WHOLE = ("SeedRange", "Range")
"""What is written at once: a file cannot change one end of a range that another file gives."""


def full_schema() -> Schema:
    """The schema of a complete configuration: what pydantic makes of the classes, with the keys' texts."""
    schema = Config.model_json_schema()
    for entry in _subclasses(Entry):
        part = schema if entry is Config else schema["$defs"].get(entry.__name__, {})
        texts = meanings(entry)
        for name, field in entry.model_fields.items():
            described = part.get("properties", {}).get(field.alias or name, {})
            described.pop("title", None)
            if field.default_factory is not None:
                described["default"] = field.get_default(call_default_factory=True)
            if name in texts:
                described["description"] = texts[name]
        if part:
            part["description"] = _paragraphs(inspect.getdoc(entry) or "")
    properties = schema["$defs"]["Figure"]["properties"]
    properties["kind"] |= {"anyOf": [{"enum": list(FIGURE_KINDS)}, OF_ONE_S_OWN]}
    properties = schema["$defs"]["Claim"]["properties"]
    properties["claim"] |= {"anyOf": [{"enum": list(CRITERIA)}, OF_ONE_S_OWN, {"type": "null"}]}
    return schema


def schema_of_a_file() -> Schema:
    """The schema of one file. It may be laid over another, so it requires no key; a range is whole."""
    schema: Schema = _of_a_part(full_schema())
    about = (
        "A configuration of grokflow, or a part of one that is laid over another file. Which keys a complete "
        "configuration requires, and whether the names in it exist, is checked when it is read."
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "grokflow configuration",
        "description": about,
    }


def _of_a_part(schema: Any, whole: bool = False) -> Any:
    """A schema without what only a complete configuration must fulfil, at every depth."""
    if isinstance(schema, list):
        return [_of_a_part(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed: Schema = {}
    for key, value in schema.items():
        if key == "discriminator" or (key == "required" and isinstance(value, list) and not whole):
            continue
        # Which of several classes an entry has is open until its kind is given.
        name = "anyOf" if key == "oneOf" else key
        changed[name] = (
            {each: _of_a_part(inner, each in WHOLE) for each, inner in value.items()}
            if key == "$defs"
            else value
            if key in ("default", "const", "enum")
            else _of_a_part(value)
        )
    if "patternProperties" in changed:
        changed["additionalProperties"] = False
    return changed


def _subclasses(entry: type[Entry]) -> list[type[Entry]]:
    own = [below for below in entry.__subclasses__() if below.__module__.startswith("grokflow.config.")]
    return [each for below in own for each in (below, *_subclasses(below))]


def meanings(entry: type[Entry]) -> dict[str, str]:
    """The text under each key of a class, those of its bases included.

    pydantic can read them too, but does so whenever the classes are imported, which every job would wait for.
    """
    found: dict[str, str] = {}
    for base in reversed(entry.__mro__):
        if not issubclass(base, Entry):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for key, text in zip(definition.body, definition.body[1:], strict=False):
            if not isinstance(key, ast.AnnAssign) or not isinstance(key.target, ast.Name):
                continue
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[key.target.id] = _paragraphs(inspect.cleandoc(str(text.value.value)))
    return found


def _paragraphs(text: str) -> str:
    """A text without the breaks of lines inside its paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def written() -> str:
    """docs/config.schema.json."""
    return json.dumps(schema_of_a_file(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    PATH.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
