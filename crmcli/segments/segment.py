"""A segment as stored: its row, its lines, its pins and its members."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from crmcli.errors import NotFound
from crmcli.model import Row
from crmcli.tuples import NamedTuple


class Segment(NamedTuple):
    """One row of `segments` as far as a run needs it; the names are its columns."""

    id: int
    name: str
    category_id: int
    exclusive: int
    sales_purchase_active: int
    period_days: int | None
    periods: int
    decrease: float
    default_mood: float
    where: str | None
    every: str
    active: int


class Line(NamedTuple):
    """One criterion, a row of `segment_lines`; value is in currency units for sale and purchase."""

    id: int
    name: str
    variable: str
    operator: str
    value: float
    mandatory: int
    window_days: int | None


SEGMENT = f"""SELECT {", ".join(f'"{name}"' for name in Segment._fields)} FROM segments WHERE id = ?"""
LINES = f"SELECT {', '.join(Line._fields)} FROM segment_lines WHERE segment_id = ? ORDER BY id"
LINE = "SELECT id FROM segment_lines WHERE segment_id = ? AND (name = ? COLLATE NOCASE OR id = ?) ORDER BY id = ? LIMIT 1"

MEMBERS = """
SELECT m.partner_id, p.name AS partner, m.entered_at, m.entered_why
FROM segment_members m JOIN partners p ON p.id = m.partner_id
WHERE m.segment_id = ? AND m.left_at IS NULL
ORDER BY p.name COLLATE NOCASE, p.id
"""
PINS = """
SELECT s.partner_id, p.name AS partner, s.kind
FROM segment_pins s JOIN partners p ON p.id = s.partner_id
WHERE s.segment_id = ?
ORDER BY p.name COLLATE NOCASE, p.id
"""


def get(conn: sqlite3.Connection, segment_id: int) -> Segment:
    """The segment with this id; NotFound where there is none."""
    row = conn.execute(SEGMENT, (segment_id,)).fetchone()
    if row is None:
        raise NotFound(f"no segment {segment_id}", hint="crm segment list")
    return Segment(*row)


def lines(conn: sqlite3.Connection, segment_id: int) -> list[Line]:
    """The criteria of a segment, oldest first."""
    return [Line(*row) for row in conn.execute(LINES, (segment_id,))]


def line_id(conn: sqlite3.Connection, segment_id: int, text: str) -> int:
    """The id of the line of this segment that text names, by name or id."""
    number = int(text) if text.isdecimal() and len(text) < 19 else 0
    row = conn.execute(LINE, (segment_id, text, number, number)).fetchone()
    if row is None:
        name = get(conn, segment_id).name
        raise NotFound(f"segment {name} has no line {text}", hint=f"crm segment line list '{name}'")
    return int(row["id"])


def members(conn: sqlite3.Connection, segment_id: int) -> Iterator[Row]:
    """Who is in the segment now, by name, one by one: partner_id, partner, entered_at, entered_why."""
    return (dict(row) for row in conn.execute(MEMBERS, (segment_id,)))


def pins(conn: sqlite3.Connection, segment_id: int) -> list[Row]:
    """Who is pinned or banned by hand: partner_id, partner, kind."""
    return [dict(row) for row in conn.execute(PINS, (segment_id,))]
