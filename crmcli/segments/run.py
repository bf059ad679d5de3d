"""A run of a segment: who must enter and who must leave, computed first and then applied in one transaction (segments.md).

The computation takes no lock; what it finds waits in a temporary table, on disk where it is large.
"""

from __future__ import annotations

import sqlite3

from crmcli.db import Tx, write
from crmcli.errors import Busy, CrmError, Refused
from crmcli.model import Origin
from crmcli.rules.due import refresh
from crmcli.segments.compile import difference, terms
from crmcli.segments.mood import Mood
from crmcli.segments.segment import Line, Segment, get
from crmcli.segments.segment import lines as lines_of
from crmcli.tuples import NamedTuple

TOLD = 50
"""How many of those who enter or leave a report names."""

DROP = "DROP TABLE IF EXISTS temp.segment_difference"
CREATE = "CREATE TEMP TABLE segment_difference (partner_id INTEGER PRIMARY KEY, wanted INTEGER NOT NULL, why TEXT NOT NULL)"
COUNT = "SELECT count(*) FILTER (WHERE wanted), count(*) FILTER (WHERE NOT wanted) FROM temp.segment_difference"
NAMES = """
SELECT p.name, d.wanted, d.why
FROM temp.segment_difference d JOIN partners p ON p.id = d.partner_id
ORDER BY d.wanted DESC, p.name COLLATE NOCASE
LIMIT ?
"""

# A membership that someone took away beside us ends in the history too.
LOST = """
UPDATE segment_members AS s
SET left_at = :now, left_why = 'taken out by hand'
WHERE s.segment_id = :segment
  AND s.left_at IS NULL
  AND NOT EXISTS (
    SELECT 1
    FROM partner_category_members m
    WHERE m.category_id = :category AND m.partner_id = s.partner_id AND m.origin = :origin)
"""

# An exclusive segment takes the category from whoever gave it; the history of each segment says why.
LEFT = """
UPDATE segment_members AS s
SET left_at = :now, left_why = iif(s.segment_id = :segment, '', :name || ': ') || d.why
FROM temp.segment_difference d
WHERE d.wanted = 0
  AND s.partner_id = d.partner_id
  AND s.left_at IS NULL
  AND (s.segment_id = :segment
    OR :exclusive AND s.segment_id IN (SELECT id FROM segments WHERE category_id = :category))
"""
LEFT_BY_HAND = """
INSERT INTO segment_members (segment_id, partner_id, entered_at, entered_why, left_at, left_why)
SELECT :segment, m.partner_id, min(m.since, :now), 'by hand', :now, d.why
FROM temp.segment_difference d
JOIN partner_category_members m ON m.category_id = :category AND m.partner_id = d.partner_id
WHERE d.wanted = 0
  AND m.origin = 'manual'
  AND NOT EXISTS (
    SELECT 1
    FROM partner_category_members o
    WHERE o.category_id = :category AND o.partner_id = m.partner_id AND o.origin = :origin)
"""
LEAVE = """
DELETE FROM partner_category_members
WHERE category_id = :category
  AND (:exclusive OR origin = :origin)
  AND partner_id IN (SELECT partner_id FROM temp.segment_difference WHERE wanted = 0)
"""

ENTER = """
INSERT INTO partner_category_members (partner_id, category_id, origin, since)
SELECT p.id, :category, :origin, :now
FROM temp.segment_difference d JOIN partners p ON p.id = d.partner_id
WHERE d.wanted = 1
ON CONFLICT DO NOTHING
"""
ENTERED = """
INSERT INTO segment_members (segment_id, partner_id, entered_at, entered_why)
SELECT :segment, p.id, :now, d.why
FROM temp.segment_difference d JOIN partners p ON p.id = d.partner_id
WHERE d.wanted = 1
ON CONFLICT DO NOTHING
"""
MEMBERS = "SELECT count(*) FROM partner_category_members WHERE category_id = :category AND origin = :origin"


class Report(NamedTuple):
    """What a run did: members after it, how many entered and left, the first of them as (partner, entered, why).

    note says what the run ignored; step is its step in the journal.
    """

    segment_id: int
    segment: str
    members: int
    entered: int
    left: int
    note: str
    changes: tuple[tuple[str, int, str], ...]
    step: int


def run(conn: sqlite3.Connection, origin: Origin, segment_id: int) -> Report:
    """Bring the members of a segment up to date, as of origin.now; with origin.dry_run tell what that would do.

    Refused where the segment is archived, or asks for lines and has none.
    """
    segment = get(conn, segment_id)
    lines = _criteria(conn, segment)
    _find(conn, segment, lines, origin.now)
    try:
        with write(conn, origin._replace(source="segments")) as tx:
            report = _apply(tx, segment)
            refresh(tx)
        return report
    finally:
        conn.execute(DROP)


def run_each(conn: sqlite3.Connection, origin: Origin, segment_ids: list[int]) -> tuple[list[Report], list[CrmError]]:
    """Run several segments in one step of the journal; one that is refused stops nobody else."""
    reports: list[Report] = []
    refused: list[CrmError] = []
    for segment_id in segment_ids:
        try:
            reports.append(run(conn, origin, segment_id))
        except CrmError as error:
            if error.exit == Busy.exit:
                raise
            refused.append(error)
            continue
        if reports[-1].entered or reports[-1].left:
            origin = origin._replace(step=reports[-1].step)
    return reports, refused


def _criteria(conn: sqlite3.Connection, segment: Segment) -> list[Line]:
    """The lines that count."""
    if not segment.active:
        raise Refused(f"segment {segment.name} is archived", hint=f"crm segment unarchive '{segment.name}'")
    if not segment.sales_purchase_active:
        return []
    lines = lines_of(conn, segment.id)
    if not lines:
        hint = f"crm segment line add '{segment.name}' NAME --variable sale --operator '>' --value 1000"
        raise Refused(f"segment {segment.name} has no lines: criteria are required", hint=hint)
    return lines


def _find(conn: sqlite3.Connection, segment: Segment, lines: list[Line], now: str) -> None:
    """Put into the temporary table who must enter and who must leave."""
    asked = terms(segment, now)
    # typeshed knows only aggregates of one whole number
    conn.create_aggregate("mood", 2, lambda: Mood(asked))  # type: ignore[arg-type,return-value]
    statement = difference(conn, segment, lines, now)
    conn.execute(DROP)
    conn.execute(CREATE)
    conn.execute(f"INSERT INTO temp.segment_difference {statement.sql}", statement.parameters)


def _apply(tx: Tx, segment: Segment) -> Report:
    given = {
        "segment": segment.id,
        "name": segment.name,
        "category": segment.category_id,
        "origin": str(segment.id),
        "exclusive": segment.exclusive,
        "now": tx.now,
    }
    for sql in (LOST, LEFT, *((LEFT_BY_HAND,) if segment.exclusive else ()), LEAVE, ENTER, ENTERED):
        tx.run(sql, given)
    tx.update("segments", segment.id, {"run_at": tx.now})
    entered, left = tx.run(COUNT).fetchone()
    names = tuple(tuple(row) for row in tx.run(NAMES, (TOLD,)))
    note = "" if segment.sales_purchase_active else "the lines do not count: every active partner matches"
    if not segment.sales_purchase_active and segment.where:
        note += " that meets the filter"
    return Report(segment.id, segment.name, tx.run(MEMBERS, given).fetchone()[0], entered, left, note, names, tx.step)
