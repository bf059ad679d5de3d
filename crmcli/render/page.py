"""Tables for pages: Markdown and HTML, whole and with every value as people read it; foreign text is never markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from crmcli.model import Column, Result, Row
from crmcli.render import NESTED, Look, tabular
from crmcli.text import shown
from crmcli.values import written

RIGHT = ("int", "number", "percent", "money")
MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~&!]")

STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
    "th,td{border-bottom:1px solid #ccc;padding:.25em .75em;text-align:left;vertical-align:top}"
    ".n{text-align:right}.late{color:#b00}td{white-space:pre-wrap}tr.late td:first-child::before{content:'! '}"
)


def md(result: Result, look: Look) -> Iterator[str]:
    """A table of Markdown, marked rows with ``!``; a single object as names and values, its sections below it."""
    if result.title:
        yield f"## {_plain(shown(result.title))}\n\n"
    for heading, columns, rows in _tables(result):
        if heading:
            yield f"\n### {_plain(heading)}\n\n"
        yield _line(_plain(_header(column)) for column in columns)
        yield _line("---:" if column.kind in RIGHT else "---" for column in columns)
        for row in rows:
            first, *others = (_plain(_text(column, row, look)).replace("\n", "<br>") for column in columns)
            yield _line(iter((f"! {first}" if result.mark and row.get(result.mark) else first, *others)))
    for line in _footer(result):
        yield f"\n{_plain(line)}\n"


def html(result: Result, look: Look) -> Iterator[str]:
    """A page of HTML with a table; a single object as names and values, its sections below it."""
    yield head(result.title)
    yield from body(result, look)
    yield "</html>\n"


def head(title: str, style: str = "") -> str:
    """The beginning of a page: its title, and how it looks, with a style of its own after what all pages have."""
    shown_title = escape(shown(title) or "crm")
    phone = '<meta name="viewport" content="width=device-width">'
    start = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n{phone}\n<title>{shown_title}</title>\n'
    return f"{start}<style>{STYLE}{style}</style>\n"


def body(result: Result, look: Look) -> Iterator[str]:
    """What a page shows of a result."""
    if result.title:
        yield f"<h1>{escape(shown(result.title))}</h1>\n"
    for heading, columns, rows in _tables(result):
        if heading:
            yield f"<h2>{escape(heading)}</h2>\n"
        yield f"<table>\n<tr>{''.join(f'<th{_class(column)}>{escape(_header(column))}</th>' for column in columns)}</tr>\n"
        for row in rows:
            late = ' class="late"' if result.mark and row.get(result.mark) else ""
            cells = "".join(f"<td{_class(column)}>{escape(_text(column, row, look))}</td>" for column in columns)
            yield f"<tr{late}>{cells}</tr>\n"
        yield "</table>\n"
    for line in _footer(result):
        yield f"<p>{escape(line)}</p>\n"


def _tables(result: Result) -> Iterator[tuple[str, list[Column], Iterator[Row]]]:
    """The tables that a result comes to, each with a heading: a list is one, a thing one and one for each section."""
    if not result.one:
        yield "", tabular(result), iter(result.rows)
        return
    names = {column.name for column in result.columns}
    for row in result.rows:
        yield "", [Column("field"), Column("value", "value")], _fields(result, row, names)
        for column in result.columns:
            if column.kind == "rows" and (rows := list(row[column.name].rows)):
                yield _header(column), tabular(row[column.name]), iter(rows)


def _fields(result: Result, row: Row, names: set[str]) -> Iterator[Row]:
    """The fields of a thing that are not empty, a link only by its name."""
    for column in result.columns:
        twin = column.name.endswith("_id") and column.name.removesuffix("_id") in names
        if column.kind not in NESTED and not twin and row[column.name] not in (None, "", []):
            yield {"field": _header(column), "value": (column, row)}


def _text(column: Column, row: Row, look: Look) -> str:
    value = row[column.name]
    if column.kind == "value":
        column, row = value
        return _text(column, row, look)
    return shown(written(column.kind, value, look.zone), lines=True)


def _header(column: Column) -> str:
    return column.title or shown(column.name).removesuffix("_at").replace("_", " ")


def _footer(result: Result) -> list[str]:
    return [*([f"and {result.more} more"] if result.more else []), *map(shown, result.footer)]


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _plain(text: str) -> str:
    """The text as Markdown shows it and takes none of it for markup."""
    return MARKDOWN.sub(lambda sign: f"\\{sign[0]}" if sign[0] not in "<>&" else escape(sign[0]), text)


def _class(column: Column) -> str:
    return ' class="n"' if column.kind in RIGHT else ""
