"""JSON: an array for a list, an object for one thing; keys are field names, empty is null (cli.md §2)."""

from __future__ import annotations

import json as encoder
import re
from collections.abc import Iterator

from crmcli.model import Result, Row
from crmcli.render import Look
from crmcli.text import DIRECTIONS
from crmcli.tuples import Any
from crmcli.values import plain

# What JSON may hold as it is and a terminal should not get: escaped, so that nothing is lost.
UNSAFE = re.compile(f"[\x7f-\x9f\ud800-\udfff]|{DIRECTIONS}")


def json(result: Result, look: Look) -> Iterator[str]:
    """An array with an object a line; a single object is indented."""
    if result.one:
        for row in result.rows:
            yield _text(_object(result, row), 2) + "\n"
        return
    before = "["
    for row in result.rows:
        yield f"{before}\n{_text(_object(result, row))}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def jsonl(result: Result, look: Look) -> Iterator[str]:
    """An object a line."""
    return (_text(_object(result, row)) + "\n" for row in result.rows)


def _object(result: Result, row: Row) -> dict[str, Any]:
    return {column.name: _value(column.kind, row[column.name]) for column in result.columns}


def _value(kind: str, value: Any) -> Any:
    if not isinstance(value, Result):
        return plain(kind, value)
    found = [_object(value, row) for row in value.rows]
    return found[0] if value.one else found


def _text(value: Any, indent: int | None = None) -> str:
    return inert(encoder.dumps(value, ensure_ascii=False, indent=indent))


def inert(text: str) -> str:
    """The same JSON with what a terminal should not get written as ``\\u202e``."""
    return text if text.isascii() and "\x7f" not in text else UNSAFE.sub(lambda found: encoder.dumps(found[0])[1:-1], text)
