"""json, an array of objects or one, and jsonl, an object a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from crmcli.errors import Refused
from crmcli.transfer.line import Line, shown


def array(text: Iterator[str]) -> Iterator[Line]:
    """An array of objects, or one object."""
    from sqlite_utils.utils import Format, RowsFromFileError, rows_from_file

    try:
        rows, _ = rows_from_file(io.BytesIO("".join(text).encode()), Format.JSON)
    except (ValueError, RowsFromFileError, RecursionError) as error:
        raise Refused(f"the file is not json: {error}", hint="an array of objects, or an object a line") from None
    for number, row in enumerate(rows, 1):
        yield Line(number, row) if isinstance(row, dict) else Line(number, {}, f"{shown(row)} is no object")


def by_line(text: Iterator[str]) -> Iterator[Line]:
    """An object a line."""
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Line(number, {}, f"not json: {error}")
        else:
            yield Line(number, row) if isinstance(row, dict) else Line(number, {}, f"{shown(row)} is no object")
