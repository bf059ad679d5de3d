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

MOVED_LOG = """
UPDATE case_log SET case_id = :other
WHERE case_id = :case AND id IN (SELECT log_id FROM case_history)
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


def facts(conn: sqlite3.Connection, case: Case, user_id: int | None, other_id: int | None = None) -> Facts:
    """What workflow.decide may look at for a case, with user_id acting."""
    section = _row(conn, "SELECT * FROM sections WHERE id = ?", case.section_id) or {}
    return Facts(
        case,
        section,
        _row(conn, "SELECT * FROM sections WHERE id = ?", section["parent_id"]),
        _row(conn, "SELECT * FROM users WHERE id = ?", case.user_id),
        _row(conn, "SELECT * FROM users WHERE id = ?", user_id),
        case_log.newest_text(conn, case.id),
        get(conn, other_id) if other_id is not None else None,
    )


def _row(conn: sqlite3.Connection, sql: str, row_id: int | None) -> Row | None:
    row = conn.execute(sql, (row_id,)).fetchone() if row_id is not None else None
    return dict(row) if row else None


def insert(tx: Tx, values: Row) -> Case:
    """A new case from complete values, with its first span."""
    case = get(tx.conn, tx.insert("cases", values))
    _enter(tx, case)
    return case


def change(tx: Tx, case: Case, values: Row) -> Case:
    """New values for columns of a case; a change of state, section or responsible begins a new span."""
    values = {name: value for name, value in values.items() if getattr(case, name) != value}
    if not values:
        return case
    tx.update("cases", case.id, values)
    case = case._replace(**values)
    if any(name in values for name in SPAN):
        tx.run("UPDATE case_spans SET left_at = max(?, entered_at) WHERE case_id = ? AND left_at IS NULL", (tx.now, case.id))
        _enter(tx, case)
    return case


def _enter(tx: Tx, case: Case) -> None:
    values = {name: getattr(case, name) for name in SPAN}
    tx.insert("case_spans", {"case_id": case.id, **values, "entered_at": tx.now})


def delete(tx: Tx, case: Case) -> None:
    """Remove a case with its log, history, spans, links and own files; its mails go to triage."""
    tx.run(TO_TRIAGE, (case.id,))
    tx.run("DELETE FROM cases WHERE id = ?", (case.id,))


def link(tx: Tx, case_id: int, other_id: int, kind: str) -> None:
    """Link two cases; a link that is there stays one."""
    tx.run("INSERT INTO case_links (case_id, other_id, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (case_id, other_id, kind))


def unlink(tx: Tx, case_id: int, other_id: int, kind: str) -> None:
    """Take a link away."""
    found = tx.run("DELETE FROM case_links WHERE case_id = ? AND other_id = ? AND kind = ?", (case_id, other_id, kind))
    if found.rowcount == 0:
        raise NotFound(f"case {case_id} has no link {kind} to case {other_id}", hint=f"crm case show {case_id}")


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
