"""The cases: their rows, spans and links. What may happen to a case is decided in workflow.py."""

from __future__ import annotations

import sqlite3

from crmcli import case_log
from crmcli.db import Tx
from crmcli.errors import NotFound
from crmcli.model import Case, Row
from crmcli.workflow import Facts

COLUMNS = ", ".join(Case._fields)
ONE = f"SELECT {COLUMNS} FROM cases WHERE id = ?"
SPAN = ("state", "section_id", "user_id")

MERGED_INTO = """
WITH RECURSIVE way (id) AS (
  SELECT ? UNION SELECT l.other_id FROM case_links l JOIN way ON l.case_id = way.id WHERE l.kind = 'merged'
) SELECT id FROM way
"""

LINKED = """
SELECT id
FROM case_links
WHERE kind = :kind
  AND ((case_id = :case AND other_id = :other) OR (:kind = 'relates' AND case_id = :other AND other_id = :case))
"""

MOVED_LOG = """
UPDATE case_log SET case_id = :other
WHERE case_id = :case AND id IN (SELECT log_id FROM case_history)
"""

LEFT = """
UPDATE case_spans SET left_at = max(:now, entered_at)
WHERE case_id = :case AND left_at IS NULL
RETURNING left_at
"""

TO_TRIAGE = """
UPDATE deliveries SET state = 'triage', reason = 'the case was deleted', case_id = NULL WHERE case_id = ?
"""


def get(conn: sqlite3.Connection, case_id: int) -> Case:
    """The case with this id; NotFound where there is none."""
    row = conn.execute(ONE, (case_id,)).fetchone()
    if row is None:
        raise NotFound(f"no case {case_id}", hint="crm case list")
    return Case(*row)


def responsible(conn: sqlite3.Connection, section_id: int) -> int | None:
    """The person to whom a section's new cases go by default, None for nobody."""
    row = conn.execute("SELECT user_id FROM sections WHERE id = ?", (section_id,)).fetchone()
    return row[0] if row else None


def facts(conn: sqlite3.Connection, case: Case, user_id: int | None, other_id: int | None = None) -> Facts:
    """What workflow.decide may look at for a case, with user_id acting."""
    section = _row(conn, "SELECT * FROM sections WHERE id = ?", case.section_id) or {}
    now_at = current(conn, case.id)
    return Facts(
        case,
        section,
        _row(conn, "SELECT * FROM sections WHERE id = ?", section["parent_id"]),
        _row(conn, "SELECT * FROM users WHERE id = ?", case.user_id),
        _row(conn, "SELECT * FROM users WHERE id = ?", user_id),
        *case_log.newest_texts(conn, case.id),
        get(conn, other_id) if other_id is not None else None,
        now_at if now_at != case.id else None,
    )


def _row(conn: sqlite3.Connection, sql: str, row_id: int | None) -> Row | None:
    row = conn.execute(sql, (row_id,)).fetchone() if row_id is not None else None
    return dict(row) if row else None


def insert(tx: Tx, values: Row) -> Case:
    """A new case from complete values, with its first span."""
    case = get(tx.conn, tx.insert("cases", values))
    _enter(tx, case, case.created_at)
    return case


def change(tx: Tx, case: Case, values: Row) -> Case:
    """New values for columns of a case; a change of state, section or responsible begins a new span."""
    values = {name: value for name, value in values.items() if getattr(case, name) != value}
    if not values:
        return case
    tx.update("cases", case.id, values)
    case = case._replace(**values)
    if any(name in values for name in SPAN):
        _enter(tx, case, _left(tx, case))
    return case


def _enter(tx: Tx, case: Case, at: str) -> None:
    values = {name: getattr(case, name) for name in SPAN}
    tx.insert("case_spans", {"case_id": case.id, **values, "entered_at": at})


def _left(tx: Tx, case: Case) -> str:
    """End the span that is under way → its end: now, but not before its beginning where the clock was set back."""
    return str(tx.run(LEFT, {"now": tx.now, "case": case.id}).fetchone()[0])


def delete(tx: Tx, case: Case) -> None:
    """Remove a case with its log, history, spans, links and own files; its mails go to triage."""
    tx.run(TO_TRIAGE, (case.id,))
    tx.run("DELETE FROM cases WHERE id = ?", (case.id,))


def link(tx: Tx, case_id: int, other_id: int, kind: str) -> None:
    """Link two cases; a link that is there stays one, and cases that relate do so both ways."""
    if _linked(tx, case_id, other_id, kind) is None:
        tx.insert("case_links", {"case_id": case_id, "other_id": other_id, "kind": kind})


def unlink(tx: Tx, case_id: int, other_id: int, kind: str) -> None:
    """Take a link away."""
    link_id = _linked(tx, case_id, other_id, kind)
    if link_id is None:
        raise NotFound(f"case {case_id} has no link {kind} to case {other_id}", hint=f"crm case show {case_id}")
    tx.run("DELETE FROM case_links WHERE id = ?", (link_id,))


def _linked(tx: Tx, case_id: int, other_id: int, kind: str) -> int | None:
    row = tx.run(LINKED, {"case": case_id, "other": other_id, "kind": kind}).fetchone()
    return row[0] if row else None


def current(conn: sqlite3.Connection, case_id: int) -> int:
    """Where a case is now: the case that it was merged into, else itself."""
    return int(conn.execute(MERGED_INTO, (case_id,)).fetchall()[-1][0])


def move(tx: Tx, case: Case, other_id: int, history_ids: tuple[int, ...] | None) -> None:
    """Communications go to another case; with history_ids None all of them, and the files and mails too."""
    if history_ids is None:
        tx.run(MOVED_LOG, {"case": case.id, "other": other_id})
        for table in ("attachments", "deliveries", "outbox"):
            tx.run(f"UPDATE {table} SET case_id = ? WHERE case_id = ?", (other_id, case.id))
        return
    for history_id in history_ids:
        row = case_log.communication(tx.conn, case.id, history_id)
        tx.update("case_log", row["log_id"], {"case_id": other_id})
        if row["message_id"] is not None:
            tx.run("UPDATE deliveries SET case_id = ? WHERE message_id = ?", (other_id, row["message_id"]))
