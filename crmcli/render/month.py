"""A month as weeks of days, each case a bar over its days: as characters for a terminal. Pure.

A bar says whose it is by a letter beside its colour, ``!`` when it is late, then id, name, partner and state as far
as there is room; ``‹`` and ``›`` tell that it began before or goes on after what is shown.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date
from heapq import heappop, heappush

from rich.cells import cell_len, set_cell_size

from crmcli.render import Look
from crmcli.text import shown
from crmcli.tuples import NamedTuple

WEEK = 7
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COLORS = ("36", "32", "33", "35", "34", "96", "92", "93", "95", "94")
BOLD, RED, DIM = "1", "1;31", "2"
NARROWEST = 4
ROOMY = 8
"""Cells so wide have a blank between letter and id."""


class Bar(NamedTuple):
    """A case over its days, the first and the last: its letter, its words, and the number of its colour, None for nobody's."""

    first: date
    last: date
    letter: str
    case_id: int
    words: str
    color: int | None
    late: bool
    closed: bool


class Piece(NamedTuple):
    """The part of a bar that lies in a week: from a weekday on, so many days; whether it began before or goes on."""

    start: int
    length: int
    bar: Bar
    begun: bool
    goes_on: bool


class Week(NamedTuple):
    """The days of a month within a week, None for others; bars in lanes, and how many had no lane on each day."""

    days: tuple[date | None, ...]
    lanes: list[list[Piece]]
    left: tuple[int, ...]


def weeks(month: date, bars: Sequence[Bar], most: int | None = None) -> Iterator[Week]:
    """The weeks of a month, Monday first, each with its bars in as few lanes as hold them, at most so many."""
    count = monthrange(month.year, month.month)[1]
    cells: list[date | None] = [None] * month.weekday()
    cells += [month.replace(day=number) for number in range(1, count + 1)]
    for start in range(0, len(cells), WEEK):
        days = cells[start : start + WEEK]
        inside = [day for day in days if day]
        lanes, left = _lanes([_piece(bar, inside) for bar in bars if bar.first <= inside[-1] and bar.last >= inside[0]], most)
        yield Week((*days, *[None] * (WEEK - len(days))), lanes, left)


def _piece(bar: Bar, inside: list[date]) -> Piece:
    first, last = max(bar.first, inside[0]), min(bar.last, inside[-1])
    return Piece(first.weekday(), (last - first).days + 1, bar, bar.first < first, bar.last > last)


def _lanes(pieces: list[Piece], most: int | None) -> tuple[list[list[Piece]], tuple[int, ...]]:
    """Each piece in the first lane with room for it; of those that begin together late ones come first, then longer ones."""
    lanes: list[list[Piece]] = []
    left = [0] * WEEK
    free: list[int] = []  # lanes with room from the day on that has come, as a heap
    ending: list[list[int]] = [[] for _ in range(WEEK + 1)]  # lanes that are taken up to a day
    for piece in sorted(pieces, key=lambda piece: (piece.start, not piece.bar.late, -piece.length)):
        for ended in ending[: piece.start + 1]:
            while ended:
                heappush(free, ended.pop())
        if not free and (most is None or len(lanes) < most):
            lanes.append([])
            free.append(len(lanes) - 1)
        if free:
            lane = heappop(free)
            lanes[lane].append(piece)
            ending[piece.start + piece.length].append(lane)
        else:
            for taken in range(piece.start, piece.start + piece.length):
                left[taken] += 1
    return lanes, tuple(left)


# As characters ------------------------------------------------------------------------------------


def text(month: date, bars: Sequence[Bar], today: date, look: Look, most: int | None = None) -> Iterator[str]:
    """The month in lines as wide as the terminal."""
    cell = max((look.width - WEEK + 1) // WEEK, NARROWEST)
    wide = WEEK * cell + WEEK - 1
    yield _styled(f"{month:%B} {month.year}".center(wide).rstrip(), BOLD, look) + "\n"
    names = [name if cell > len(max(WEEKDAYS, key=len)) else name[:3] for name in WEEKDAYS]
    yield " ".join(name.ljust(cell) for name in names).rstrip() + "\n"
    for week in weeks(month, bars, most):
        yield " ".join(_day(day, today, cell, look) for day in week.days).rstrip() + "\n"
        for lane in week.lanes:
            yield _lane(lane, cell, look).rstrip() + "\n"
        if any(week.left):
            yield " ".join(_more(count, cell) for count in week.left).rstrip() + "\n"


def _day(day: date | None, today: date, cell: int, look: Look) -> str:
    if day is None:
        return " " * cell
    number = f"[{day.day}]" if day == today else f"{day.day} "
    return _styled(number, BOLD, look) + "─" * (cell - len(number)) if day == today else number + "─" * (cell - len(number))


def _more(count: int, cell: int) -> str:
    words = f"+{count} more" if cell > len(f"+{count} more") else f"+{count}"
    return (words if count else "").ljust(cell)


def _lane(lane: list[Piece], cell: int, look: Look) -> str:
    line, column = "", 0
    for piece in lane:
        start = piece.start * (cell + 1)
        line += " " * (start - column) + _bar(piece, piece.length * (cell + 1) - 1, " " * (cell >= ROOMY), look)
        column = start + piece.length * (cell + 1) - 1
    return line


def _bar(piece: Piece, wide: int, gap: str, look: Look) -> str:
    """The words of a bar in so many cells, the rest of it a line."""
    bar = piece.bar
    head, late = ("‹" if piece.begun else "") + bar.letter, "!" if bar.late else ""
    room = wide - len(head) - len(late) - piece.goes_on
    words = gap + shown(f"{bar.case_id} {bar.words}")
    if cell_len(words) > room:
        body = set_cell_size(words, max(room - 1, 0)) + "…"[: max(room, 0)]
    else:
        body = words + (" " + "─" * room)[: room - cell_len(words)]
    style = DIM if bar.closed else COLORS[bar.color % len(COLORS)] if bar.color is not None else ""
    return _styled(head, style, look) + _styled(late, RED, look) + _styled(body + "›" * piece.goes_on, style, look)


def _styled(text: str, style: str, look: Look) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and look.color and text else text
