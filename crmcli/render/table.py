"""Tables for people: fitted to the width of the terminal, wide characters in their columns, foreign text inert.

A table that is too wide gives way step by step: long texts are cut, times lose their hour and then their year,
columns without any value go, and at last columns go from the right (sums before a state), which is said below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from crmcli.model import Column, Result, Row
from crmcli.render import NESTED, Look, tabular
from crmcli.render.block import wrapped
from crmcli.text import shown
from crmcli.tuples import NamedTuple
from crmcli.values import written

RIGHT = ("int", "number", "percent", "money")
RIGID = (*RIGHT, "time", "day", "bool", "priority", "choice")
BOLD, RED = "1", "31"
INDENT = "  "
NARROWEST = 20


class Tightness(NamedTuple):
    """How close together: blanks between columns, which part of a time, the least width of a text, whether headers
    have their brief words, and whether columns without values stay."""

    gap: int
    time: slice
    text: int
    brief: bool
    empty: bool


WHOLE = 10**6
LOOSE = Tightness(2, slice(0, 16), WHOLE, False, True)
STEPS = (
    LOOSE,
    LOOSE._replace(text=24),
    Tightness(2, slice(0, 10), 16, False, True),
    Tightness(2, slice(0, 10), 16, False, False),
    Tightness(1, slice(0, 10), 12, False, False),
)
THIS_YEAR = (Tightness(1, slice(5, 10), 12, False, False), Tightness(1, slice(5, 10), 8, True, False))
BRIEF = {"starts": "start", "deadline": "due", "priority": "prio"}


class Line(NamedTuple):
    """One line of a table: its cells, and how all of it is coloured."""

    cells: list[str]
    style: str = ""


def table(result: Result, look: Look) -> Iterator[str]:
    """A list as columns under a header; a single object as names and values, its sections below it."""
    if result.title:
        yield _styled(shown(result.title), BOLD, look) + "\n"
    yield from (_object(result, look) if result.one else _list(result, look))
    for line in result.footer:
        yield shown(line) + "\n"


# Lists ---------------------------------------------------------------------------------------------


def _list(result: Result, look: Look) -> Iterator[str]:
    rows = list(result.rows)
    if not rows:
        return
    columns = tabular(result)
    if result.mark and any(row[result.mark] for row in rows):
        columns = [Column(result.mark, "mark"), *columns]
    fitted = _fitted(columns, rows, result, look)
    for line in fitted.lines:
        cells = map(_padded, line.cells, fitted.widths, fitted.columns)
        yield _styled((" " * fitted.gap).join(cells).rstrip(), line.style, look) + "\n"
    if result.more:
        yield f"and {result.more} more{', not in the sums' if any(column.total for column in fitted.columns) else ''}\n"
    if fitted.left:
        yield f"no room for: {', '.join(map(_header, fitted.left))}\n"


class Fitted(NamedTuple):
    """A table of some tightness: its columns and their widths, the blanks between, its lines, and what has no room."""

    columns: list[Column]
    widths: list[int]
    gap: int
    lines: list[Line]
    fits: bool
    left: Sequence[Column] = ()


def _fitted(columns: list[Column], rows: list[Row], result: Result, look: Look) -> Fitted:
    """The table as loose as the terminal is wide."""
    full = [column for column in columns if any(row[column.name] not in (None, "", []) for row in rows)] or columns[:1]
    for step in (*STEPS, *THIS_YEAR) if _this_year(columns, rows, look) else STEPS:
        fitted = _at(step, columns if step.empty else full, rows, result, look)
        if fitted.fits:
            return fitted
    gone: list[Column] = []
    while not fitted.fits and len(gone) < len(full) - 1:
        gone.insert(0, _next_to_go([column for column in full if column not in gone]))
        fitted = _at(step, [column for column in full if column not in gone], rows, result, look)
    return fitted._replace(left=gone)


def _next_to_go(columns: list[Column]) -> Column:
    """The last column; beside a state sums go first, as a state says more than they do."""
    sums = [column for column in columns if column.total] if any(column.kind == "choice" for column in columns) else []
    return (sums or columns)[-1]


def _at(step: Tightness, columns: list[Column], rows: list[Row], result: Result, look: Look) -> Fitted:
    """The table as loose as one step says, with the widest texts cut as far as it must be and the step lets it."""
    lines = _lines(columns, rows, result, look, step)
    widths = [min(look.width, max(cell_len(line.cells[place]) for line in lines)) for place in range(len(columns))]
    room = look.width - step.gap * (len(columns) - 1)
    _squeeze(columns, widths, room, step.text)
    return Fitted(columns, widths, step.gap, lines, sum(widths) <= room)


def _squeeze(columns: list[Column], widths: list[int], room: int, least: int) -> None:
    """Take from the widest texts until all fit, or until none is wider than the least."""
    while sum(widths) > room:
        soft = [place for place, column in enumerate(columns) if column.kind not in RIGID and widths[place] > least]
        if not soft:
            return
        widths[max(soft, key=widths.__getitem__)] -= 1


def _this_year(columns: list[Column], rows: list[Row], look: Look) -> bool:
    """Whether all times are of the present year, so that it need not be said."""
    times = [written("time", row[column.name], look.zone) for column in columns if column.kind == "time" for row in rows]
    return bool(look.now) and {text[:4] for text in times if text} == {written("time", look.now, look.zone)[:4]}


def _lines(columns: list[Column], rows: list[Row], result: Result, look: Look, step: Tightness) -> list[Line]:
    """The header, the rows, and the sums where there are any."""
    headers = map(_header, columns)
    lines = [Line([BRIEF.get(header, header) if step.brief else header for header in headers], BOLD)]
    for row in rows:
        style = RED if result.mark and row[result.mark] else ""
        lines.append(Line([_cell(column, row, look, step) for column in columns], style))
    if any(column.total for column in columns):
        sums = [written(column.kind, sum(row[column.name] or 0 for row in rows)) if column.total else "" for column in columns]
        first = 1 if columns[0].kind == "mark" else 0
        sums[first] = sums[first] or "sum"
        lines.append(Line(sums, BOLD))
    return lines


def _header(column: Column) -> str:
    return "" if column.kind == "mark" else column.title or shown(column.name).removesuffix("_at").replace("_", " ")


def _cell(column: Column, row: Row, look: Look, step: Tightness) -> str:
    """A value on one line; a branch of a tree is its last name, indented."""
    value = row[column.name]
    if column.kind == "mark":
        return "!" if value else ""
    text = shown(written(column.kind, value, look.zone))
    if column.kind == "time":
        return text[step.time]
    if column.kind == "path":
        *above, name = text.split(" / ")
        return INDENT * len(above) + name
    return text


def _padded(text: str, width: int, column: Column) -> str:
    if cell_len(text) > width:
        return _cut(text, width)
    blanks = " " * (width - cell_len(text))
    return blanks + text if column.kind in RIGHT else text + blanks


def _cut(text: str, width: int) -> str:
    """The text cut to a width; of a path the end stays where it has room, as its beginning is that of many."""
    end = "…/" + text.rpartition(" / ")[2]
    if " / " in text and cell_len(end) <= width:
        return end + " " * (width - cell_len(end))
    return set_cell_size(text, width - 1) + "…" if width > 1 else "…"[:width]


# One thing -----------------------------------------------------------------------------------------


def _object(result: Result, look: Look) -> Iterator[str]:
    """Names and values, what is empty left out; then each section under its name."""
    names = {column.name for column in result.columns}
    columns = [column for column in result.columns if column.kind not in NESTED and not _is_twin(column.name, names)]
    sections = [column for column in result.columns if column.kind == "rows"]
    wide = max((cell_len(_header(column)) for column in columns), default=0) + 2
    for row in result.rows:
        for column in columns:
            text = shown(written(column.kind, row[column.name], look.zone), lines=column.kind == "lines")
            if text:
                first, *rest = wrapped(text, max(look.width - wide, NARROWEST))
                yield _styled(_header(column).ljust(wide), BOLD, look) + first + "\n"
                yield from (" " * wide + line + "\n" for line in rest)
        for column in sections:
            yield from _section(column, row[column.name], look)


def _is_twin(name: str, names: set[str]) -> bool:
    """Whether a link's number is shown by name beside it."""
    return name.endswith("_id") and name.removesuffix("_id") in names


def _section(column: Column, section: Result, look: Look) -> Iterator[str]:
    """One section: a table of its own, or blocks where the rows hold texts of many lines."""
    lines = iter(_blocks(section, look) if any(part.kind == "lines" for part in tabular(section)) else _list(section, look))
    first = next(lines, None)
    if first is not None:
        yield "\n" + _styled(_header(column), BOLD, look) + "\n" + first
        yield from lines


def _blocks(section: Result, look: Look) -> Iterator[str]:
    columns = tabular(section)
    for row in section.rows:
        head = [shown(written(column.kind, row[column.name], look.zone)) for column in columns if column.kind != "lines"]
        yield "  ".join(text for text in head if text) + "\n"
        for column in columns:
            text = shown(written(column.kind, row[column.name]), lines=True) if column.kind == "lines" else ""
            yield from (f"{INDENT}{line}".rstrip() + "\n" for line in wrapped(text, max(look.width - 2, NARROWEST)) if text)
    if section.more:
        yield f"and {section.more} more\n"


def _styled(text: str, style: str, look: Look) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and look.color and text else text
