"""Write the tables of docs/reference-config.md: every key of the configuration, kind of figure and claim.

`make schema`. Each stands between two comments; what is between them is made from the same classes as the
schema for editors (`config_schema`), and a test compares it with them. All else on the page is written there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs.config_schema import OF_ONE_S_OWN, Schema, full_schema
from grokflow.claims import CRITERIA
from grokflow.config import Config
from grokflow.figures import FIGURE_KINDS
from grokflow.user_code import CODE

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("reference-config.md")

PART = re.compile(
    r"(?P<begins><!-- (?P<of>keys of \w+|kinds of figures|criteria) -->).*?(?P<ends><!-- end -->)", re.DOTALL
)
"""A table and the comments around it."""

TOLD_APART_BY = {"optimizers": "name", "paths": "kind"}
"""For a section whose entries have one of several classes, the key that says which."""


LABELS = {
    r"^[A-Za-z][A-Za-z0-9_-]*$": ("name", ""),
    r"^[A-Za-z][A-Za-z0-9_-]*@(initial|final|point_1|point_2|epoch_[0-9]{1,18})$": ("point", ""),
    r"^[^{}]+$": ("text", "no `{` and no `}`"),
    CODE: ("text", "`file.py:name`"),
}
"""What a reader is told of a pattern: type and range."""

OWN = "`file.py:name`"
"""What stands for the kinds that are code of one's own."""


class Key(NamedTuple):
    """A row of a table."""

    type: str
    default: str
    unit: str
    range: str
    meaning: str


def page(written: str) -> str:
    """The page with the tables of today, all else as it is written."""
    return PART.sub(lambda part: f"{part['begins']}\n\n{_part(part['of'])}\n\n{part['ends']}", written)


def _part(name: str) -> str:
    if name == "kinds of figures":
        return _kinds_of_figures()
    if name == "criteria":
        return _criteria()
    schema = full_schema()
    of = name.removeprefix("keys of ")
    if of in schema["properties"]:
        classes = [schema["$defs"][each] for each in classes_of(schema["properties"][of])]
    else:
        classes = [schema if of == Config.__name__ else schema["$defs"][of]]
    return "\n".join(_table(classes, TOLD_APART_BY.get(of, ""), schema["$defs"]))


def classes_of(schema: object) -> list[str]:
    """The names of the classes that a key's schema names, in order."""
    if isinstance(schema, list):
        return [name for each in schema for name in classes_of(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].rpartition("/")[2]] if "$ref" in schema else []
    return own + [name for key, each in schema.items() if key != "discriminator" for name in classes_of(each)]


def _table(classes: list[Schema], told_apart_by: str, definitions: Schema) -> Iterator[str]:
    """The keys of a section; of several classes, first the key that tells them apart."""
    yield "| key | type | default | unit | range | meaning |"
    yield "|---|---|---|---|---|---|"
    keys = dict.fromkeys(key for each in classes for key in each["properties"])
    for key in sorted(keys, key=lambda key: key != told_apart_by):
        rows = {
            _kind(each, told_apart_by): _key(key, each, definitions)
            for each in classes
            if key in each["properties"]
        }
        merged = [_merged({kind: row[i] for kind, row in rows.items()}) for i in range(len(Key._fields))]
        if key == told_apart_by:
            merged[Key._fields.index("range")] = ", ".join(rows)
        elif len(rows) < len(classes):
            *others, last = rows
            kinds = f"{', '.join(others)} and {last}" if others else last
            merged[-1] = f"{kinds} only. {merged[-1]}"
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{key}`", *merged)) + " |"


def _kind(entry: Schema, told_apart_by: str) -> str:
    """How the class of an entry is told: `sgd`, `polyline`; "" where there is one class alone."""
    if not told_apart_by:
        return ""
    found = entry["properties"][told_apart_by].get("const")
    return f"`{found}`" if found else OWN


def _merged(cells: dict[str, str]) -> str:
    """One text, or one for each kind where they differ."""
    if len(set(cells.values())) == 1:
        return next(iter(cells.values()))
    return "<br>".join(f"{kind}: {text}" for kind, text in cells.items())


def _key(key: str, entry: Schema, definitions: Schema) -> Key:
    schema = entry["properties"][key]
    label, values = _type_and_range(schema, definitions)
    units = [each["unit"] for each in (schema, *schema.get("anyOf", [])) if "unit" in each]
    default = "required" if key in entry.get("required", ()) else _written(schema.get("default"))
    return Key(label, default, " ".join(units), values, schema.get("description", ""))


def _written(value: object) -> str:
    if isinstance(value, dict) and value:
        return "as below"
    if value in (None, [], {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"`{value}`"


def _type_and_range(schema: Schema, definitions: Schema) -> tuple[str, str]:
    """What values a key takes, in words; null is left out, for a default of none says that."""
    if "$ref" in schema:
        name = classes_of(schema)[0]
        return ("range", "`from` ≤ `to`") if name == "SeedRange" else ("keys with values", "")
    if choices := [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]:
        if OF_ONE_S_OWN in choices:
            return "text", f"see below, or {OWN}"
        labels, ranges = zip(*(_type_and_range(each, definitions) for each in choices), strict=True)
        return " or ".join(dict.fromkeys(labels)), " or ".join(dict.fromkeys(filter(None, ranges)))
    if "enum" in schema:
        return "text", ", ".join(f"`{each}`" for each in schema["enum"])
    if "pattern" in schema:
        return LABELS.get(schema["pattern"], ("text", ""))
    match schema.get("type"):
        case "array":
            label, each = _type_and_range(schema["items"], definitions)
            low, high = schema.get("minItems"), schema.get("maxItems")
            number = f"{low} of them" if low and low == high else f"at least {low}" if low else ""
            return f"list of {label}s", ", each ".join(filter(None, (number, each))) if number else each
        case "object":
            return "keys with values", ""
        case "boolean":
            return "truth value", "`true`, `false`"
        case "integer":
            return "whole number", _bounds(schema)
        case "number":
            return "number", _bounds(schema)
    return "text", ""


def _bounds(schema: Schema) -> str:
    if schema.get("exclusiveMaximum") == 2**63:
        return "0 to 2⁶³ − 1"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:,} to {high:,}".replace(",", " ")
    signs = {"≥": "minimum", ">": "exclusiveMinimum", "≤": "maximum", "<": "exclusiveMaximum"}
    return ", ".join(f"{sign} {schema[bound]:g}" for sign, bound in signs.items() if bound in schema)


def _kinds_of_figures() -> str:
    rows = ["| `kind` | draws | reads of `reference` | shows |", "|---|---|---|---|"]
    for name, kind in FIGURE_KINDS.items():
        source = (ROOT / "src" / "grokflow" / "figures" / f"{name}.py").read_text(encoding="utf-8")
        shows = (ast.get_docstring(ast.parse(source)) or "").partition(". ")[0].splitlines()[0].rstrip(".")
        draws = f"`{kind.subject}`" if kind.subject else "the claims"
        draws += " with `one_at_a_time`" if kind.one_at_a_time else ""
        reads = ", ".join(f"`{key}`" for key in sorted(kind.reference))
        rows.append(f"| `{name}` | {draws} | {reads} | {shows} |")
    return "\n".join(rows)


def _criteria() -> str:
    rows = ["| id | judges | against | statement |", "|---|---|---|---|"]
    for name, criterion in sorted(CRITERIA.items(), key=lambda item: _in_order(item[0])):
        against = f"a {criterion.subject.against}" if criterion.subject.against else ""
        rows.append(f"| {name} | a {criterion.subject.kind} | {against} | {criterion.statement} |")
    return "\n".join(rows)


def _in_order(claim: str) -> tuple[str, int, str]:
    """M2 before M10, P3 before P3-norm."""
    number, _, variant = claim[1:].partition("-")
    return claim[0], int(number), variant


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
