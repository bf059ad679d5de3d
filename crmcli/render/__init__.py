"""One result, many formats: a Result and how it is to look → pieces of text (cli.md §2). Pure.

Each format is a module of this package, loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from crmcli.errors import Usage
from crmcli.model import Column, Result
from crmcli.tuples import NamedTuple

# Format → module, and the function in it.
FORMATS = {
    "table": ("table", "table"),
    "tsv": ("cells", "tsv"),
    "csv": ("cells", "csv"),
    "ids": ("cells", "ids"),
    "json": ("json", "json"),
    "jsonl": ("json", "jsonl"),
    "md": ("page", "md"),
    "html": ("page", "html"),
}

# Kinds of columns that hold more than one value.
NESTED = ("rows", "object")


class Look(NamedTuple):
    """How a result is to look: columns of the terminal, colour, the reader's zone, now (UTC text), formulas left as they are."""

    width: int = 80
    color: bool = False
    zone: str = "UTC"
    now: str = ""
    raw: bool = False


def render(result: Result, form: str, look: Look) -> Iterator[str]:
    """The result in one of FORMATS, as pieces that end lines; rows are read as the pieces are."""
    if form not in FORMATS:
        raise Usage(f"this has no {form}", hint=f"one of: {', '.join(FORMATS)}")
    module, function = FORMATS[form]
    pieces: Iterator[str] = getattr(importlib.import_module(f"crmcli.render.{module}"), function)(result, look)
    return pieces


def tabular(result: Result) -> list[Column]:
    """The columns that tables and cells show: those named in shown, else all; never nested ones."""
    columns = [column for column in result.columns if column.kind not in NESTED]
    if not result.shown:
        return columns
    by_name = {column.name: column for column in columns}
    return [by_name[name] for name in result.shown]
