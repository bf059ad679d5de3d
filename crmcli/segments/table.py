"""The segments with their lines, pins and members: their rows, and what may be saved."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from crmcli import filters, records
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused, Usage
from crmcli.model import Row
from crmcli.rules import delay


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
MOOD_LINE = "SELECT name FROM segment_lines WHERE segment_id = ? AND variable = 'mood' LIMIT 1"

OTHER_EXCLUSIVE = """
SELECT s.name, c.path
FROM segments s JOIN partner_category_paths c ON c.id = s.category_id
WHERE s.category_id = ? AND s.exclusive = 1 AND s.active = 1 AND s.id <> ?
"""

MEMBERS = """
SELECT m.partner_id, p.name AS partner, m.entered_at, m.entered_why
FROM segment_members m JOIN partners p ON p.id = m.partner_id
WHERE m.segment_id = ? AND m.left_at IS NULL
ORDER BY p.name COLLATE NOCASE, p.id
"""

# A change of category takes the members along; what a deleted segment gave stays, as if given by hand.
MOVE = """
UPDATE partner_category_members
SET category_id = :category
WHERE category_id = :before AND category_id <> :category AND origin = :origin
"""
KEEP = """
UPDATE partner_category_members AS m
SET origin = 'manual'
WHERE m.category_id = :category
  AND m.origin = :origin
  AND NOT EXISTS (
    SELECT 1
    FROM partner_category_members o
    WHERE o.category_id = :category AND o.partner_id = m.partner_id AND o.origin = 'manual')
"""
FORGET = "DELETE FROM partner_category_members WHERE category_id = :category AND origin = :origin"

PIN = """
INSERT INTO segment_pins (segment_id, partner_id, kind) VALUES (?, ?, ?)
ON CONFLICT (segment_id, partner_id) DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind
"""
UNPIN = "DELETE FROM segment_pins WHERE segment_id = ? AND partner_id = ?"


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


def members(conn: sqlite3.Connection, segment_id: int) -> sqlite3.Cursor:
    """Who is in the segment now: partner_id, partner, since when and why, by name."""
    return conn.execute(MEMBERS, (segment_id,))


def add(tx: Tx, values: Row) -> int:
    """A new segment from column values → its id."""
    _check(tx, 0, values)
    return records.add(tx, "segment", values)


def edit(tx: Tx, segment_id: int, values: Row) -> None:
    """New values for columns of a segment; with another category its members go there."""
    before = get(tx.conn, segment_id)
    _check(tx, segment_id, {**before._asdict(), **values})
    records.edit(tx, "segment", segment_id, values)
    tx.run(MOVE, {"category": get(tx.conn, segment_id).category_id, "before": before.category_id, "origin": str(segment_id)})


def delete(tx: Tx, segment_id: int) -> None:
    """Remove a segment with its lines, pins and history; its members keep the category."""
    given = {"category": get(tx.conn, segment_id).category_id, "origin": str(segment_id)}
    tx.run(KEEP, given)
    tx.run(FORGET, given)
    tx.run("DELETE FROM segments WHERE id = ?", (segment_id,))


def _check(tx: Tx, segment_id: int, values: Row) -> None:
    """Refuse what no segment may be, in words, before the tables do."""
    if values.get("every") is not None and delay.parse(values["every"]).number <= 0:
        raise Usage(f"{values['every']} is no time between two runs", hint="such as 6h, 1d or 1w")
    if values.get("where"):
        filters.compile(tx.conn, values["where"], "partner", filters.context(tx.conn, tx.now))
    if values.get("exclusive") and values.get("active", 1):
        other = tx.run(OTHER_EXCLUSIVE, (values.get("category_id"), segment_id)).fetchone()
        if other:
            hint = "take another category, or --no-exclusive"
            raise Refused(f"category {other['path']} belongs to the exclusive segment {other['name']} already", hint=hint)
    if not values.get("period_days") and (line := tx.run(MOOD_LINE, (segment_id,)).fetchone()):
        raise Refused(f"line {line['name']} on mood needs the days of a period", hint="--period-days 30")


def add_line(tx: Tx, values: Row) -> int:
    """A new criterion from column values → its id."""
    _check_line(tx, values)
    return records.add(tx, "segment_line", values)


def edit_line(tx: Tx, line_id: int, values: Row) -> None:
    """New values for columns of a criterion."""
    before = tx.run("SELECT * FROM segment_lines WHERE id = ?", (line_id,)).fetchone()
    _check_line(tx, {**dict(before), **values})
    records.edit(tx, "segment_line", line_id, values)


def _check_line(tx: Tx, values: Row) -> None:
    segment = get(tx.conn, values["segment_id"])
    if values.get("variable") != "mood":
        return
    if not segment.period_days:
        raise Refused("a line on mood needs the days of a period", hint=f"crm segment edit '{segment.name}' --period-days 30")
    if values.get("window_days"):
        raise Refused("a line on mood looks at the periods of its segment", hint="leave --window-days out")


def pin(tx: Tx, segment_id: int, partner_id: int, kind: str) -> None:
    """From the next run on the partner is in (`pin`) or out (`ban`), whatever the criteria say."""
    tx.run(PIN, (segment_id, partner_id, kind))


def unpin(tx: Tx, segment_id: int, partner_id: int) -> None:
    """From the next run on the criteria decide again."""
    if tx.run(UNPIN, (segment_id, partner_id)).rowcount == 0:
        name = tx.run("SELECT name FROM partners WHERE id = ?", (partner_id,)).fetchone()
        label = get(tx.conn, segment_id).name
        raise NotFound(f"{name['name']} is neither pinned nor banned in segment {label}", hint=f"crm segment show '{label}'")
