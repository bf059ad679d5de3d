"""csv with any delimiter, and tsv as crm writes it: lines of cells that are texts and nothing else."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from crmcli.errors import Refused, Usage
from crmcli.transfer.line import Line, shown
from crmcli.tuples import Any

DELIMITERS = (",", ";", "\t", "|")
SEPARATOR = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)  # the first line that Excel may write before the header
FORMULA = re.compile(r"'+[=+\-@\t\r]")
ESCAPED = re.compile(r"\\([tn\\])")
ESCAPES = {"t": "\t", "n": "\n", "\\": "\\"}
EXTRA = "\0"
"""The header of cells beyond the last header: no file can have it, as headers are cleaned."""


class _Counted(io.BufferedIOBase):
    """Text lines as a stream of UTF-8, one at a time, which knows how many it has given."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = iter(lines)
        self.number = 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        line = next(self.lines, "")
        self.number += bool(line)
        return line.encode()


def lines(text: Iterator[str], tabs: bool, wide: bool) -> Iterator[Line]:
    """The rows of a table; between tabs there are no quotes, but ``\\t``, ``\\n`` and ``\\\\``, as crm writes them.

    tabs: the file says so of itself; wide: the text is in an encoding of Excel's, whose tabs come with quotes.
    Usage where the header is none.
    """
    from sqlite_utils.utils import Format, maximize_csv_field_size_limit, rows_from_file

    maximize_csv_field_size_limit()
    first = next(text)
    told = SEPARATOR.fullmatch(first)
    delimiter = told[1] if told else "\t" if tabs else _delimiter(first)
    plain = delimiter == "\t" and not wide
    dialect = _dialect(delimiter, csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL)
    counted = _Counted(text if told else chain([first], text))
    counted.number = int(bool(told))
    try:
        checked = _checked(counted, dialect)
        rows, _ = rows_from_file(counted, Format.CSV, dialect=checked, extras_key=EXTRA)  # type: ignore[arg-type]
        for row in rows:
            yield _line(counted.number, row, plain)
    except csv.Error as error:
        raise Refused(f"line {counted.number}: {error}", hint="a quote that begins a cell must end it") from None


def _checked(counted: _Counted, dialect: type[csv.Dialect]) -> type[csv.Dialect]:
    """The dialect; Usage where the header, which is read and put back, has a name twice or none at all."""
    kept: list[str] = []

    def keeping() -> Iterator[str]:
        for line in counted.lines:
            kept.append(line)
            yield line

    header = [cell.strip() for cell in next(csv.reader(keeping(), dialect), [])]
    twice = [name for name, count in Counter(name for name in header if name).items() if count > 1]
    if twice:
        raise Usage(f"the header has {', '.join(map(shown, twice))} more than once", hint="name each column once")
    if not any(header):
        raise Usage("the first line names no columns", hint="name,email,phone")
    counted.lines = chain(kept, counted.lines)
    return dialect


def _delimiter(header: str) -> str:
    """What stands most often between the names of a header line."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def _dialect(delimiter: str, quoting: int) -> type[csv.Dialect]:
    members = {"delimiter": delimiter, "quoting": quoting, "strict": True}
    return type("Dialect", (csv.excel,), members)


def _line(number: int, row: dict[str, Any], plain: bool) -> Line:
    """A row of a table as its line; cells without a header are a fault unless they are empty."""
    extra = [cell for cell in row.pop(EXTRA, None) or () if cell.strip()]
    cells = {header.strip(): _cell(cell, plain) for header, cell in row.items() if cell is not None and header.strip()}
    first = number - sum(cell.count("\n") for cell in row.values() if cell)
    return Line(first, cells, f"{len(extra)} more cells than the header has names" if extra else "")


def _cell(text: str, plain: bool) -> str:
    """A cell as it was before it was written: without a formula's quote, or with tsv's escapes undone."""
    if plain:
        return ESCAPED.sub(lambda found: ESCAPES[found[1]], text) if "\\" in text else text
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text
