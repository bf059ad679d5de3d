"""Segments being saved: what a segment may not be, and what becomes of its members (segments.md)."""

from __future__ import annotations

from crmcli import filters, records
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused, Usage
from crmcli.model import Row
from crmcli.rules import delay
from crmcli.segments.segment import get

MOOD_LINE = "SELECT name FROM segment_lines WHERE segment_id = ? AND variable = 'mood' LIMIT 1"
OTHER_EXCLUSIVE = """
SELECT s.name, c.path
FROM segments s JOIN partner_category_paths c ON c.id = s.category_id
WHERE s.category_id = ? AND s.exclusive = 1 AND s.active = 1 AND s.id <> ?
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


def pin(tx: Tx, segment_id: int, partner_id: int) -> None:
    """From the next run on the partner is in, whatever the criteria say."""
    tx.run(PIN, (segment_id, partner_id, "pin"))


def ban(tx: Tx, segment_id: int, partner_id: int) -> None:
    """From the next run on the partner is out, whatever the criteria say."""
    tx.run(PIN, (segment_id, partner_id, "ban"))


def unpin(tx: Tx, segment_id: int, partner_id: int) -> None:
    """From the next run on the criteria decide again."""
    if tx.run(UNPIN, (segment_id, partner_id)).rowcount == 0:
        name = tx.run("SELECT name FROM partners WHERE id = ?", (partner_id,)).fetchone()
        label = get(tx.conn, segment_id).name
        raise NotFound(f"{name['name']} is neither pinned nor banned in segment {label}", hint=f"crm segment show '{label}'")
