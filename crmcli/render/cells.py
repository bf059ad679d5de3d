"""Rows of cells for programs: tsv and csv with a header line, uncut; and bare ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crmcli.errors import Usage
from crmcli.model import Column, Result, Row
from crmcli.render import NESTED, Look, tabular
from crmcli.text import shown
from crmcli.tuples import Any
from crmcli.values import flat

# A text that a spreadsheet would reckon with, and one that looks as if it had been kept from that already.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def tsv(result: Result, look: Look) -> Iterator[str]:
    r"""A header line and a line a row; tab, newline and backslash are ``\t``, ``\n`` and ``\\``.

    A single object has a line a field instead, and a line a row for each section of it.
    """
    if result.one:
        yield from _one(result)
        return
    columns = tabular(result)
    yield "\t".join(column.name for column in columns) + "\n"
    for row in result.rows:
        yield "\t".join(_escaped(_text(column, row)) for column in columns) + "\n"


def _one(result: Result) -> Iterator[str]:
    yield "field\tvalue\n"
    sections = [column.name for column in result.columns if column.kind == "rows"]
    for row in result.rows:
        for column in result.columns:
            if column.kind not in NESTED:
                yield f"{column.name}\t{_escaped(_text(column, row))}\n"
        for name in sections:
            inner = tabular(row[name])
            for part in row[name].rows:
                yield "\t".join([name, *(_escaped(_text(column, part)) for column in inner)]) + "\n"


def csv(result: Result, look: Look) -> Iterator[str]:
    """Comma separated, for spreadsheets: a text that starts like a formula gets a ``'``, unless look.raw."""
    import csv
    import io

    columns = tabular(result)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name if look.raw else _tamed(column.name, column.name) for column in columns])
    for row in result.rows:
        writer.writerow([_text(column, row) if look.raw else _tamed(row[column.name], _text(column, row)) for column in columns])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def ids(result: Result, look: Look) -> Iterator[str]:
    """The ids, one a line: what other commands take with ``-``; Usage for rows that have none."""
    for row in result.rows:
        if "id" not in row:
            raise Usage("this has no ids", hint="-o tsv, csv, json, jsonl, md, html or table")
        yield f"{row['id']}\n"


def _text(column: Column, row: Row) -> str:
    """One cell, without control characters."""
    value: Any = row[column.name]
    text = flat(column.kind, value)
    return text if text.isprintable() else shown(text, lines=True)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _tamed(value: Any, text: str) -> str:
    """The text of a value; numbers are none that a spreadsheet could run, whatever their sign."""
    return f"'{text}" if not isinstance(value, (int, float)) and FORMULA.match(text) else text
