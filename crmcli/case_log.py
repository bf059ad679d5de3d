"""The log of a case, and the communications that extend it (domain.md §1)."""

from __future__ import annotations

import sqlite3

from crmcli.db import Tx
from crmcli.errors import NotFound
from crmcli.model import Case, Column, Result, Row

NEWEST = """
SELECT h.description
FROM case_log l JOIN case_history h ON h.log_id = l.id
WHERE l.case_id = ?
ORDER BY h.id DESC
LIMIT 1
"""

COMMUNICATION = """
SELECT h.*, l.at
FROM case_log l JOIN case_history h ON h.log_id = l.id
WHERE l.case_id = ? AND h.id = ?
"""

LOG = """
SELECT l.id, l.case_id, l.at, l.name,
       l.user_id, (SELECT login FROM users WHERE id = l.user_id) AS user,
       l.section_id, p.path AS section,
       l.channel_id, (SELECT name FROM channels WHERE id = l.channel_id) AS channel,
       l.mood_id, (SELECT name FROM moods WHERE id = l.mood_id) AS mood,
       l.rule_id, (SELECT name FROM rules WHERE id = l.rule_id) AS rule
FROM case_log l LEFT JOIN section_paths p ON p.id = l.section_id
WHERE l.case_id = ?
ORDER BY l.id DESC
"""

HISTORY = "SELECT * FROM v_history WHERE case_id = ? ORDER BY id DESC"

LINKED = tuple(
    column for name in ("user", "section", "channel", "mood") for column in (Column(f"{name}_id", "int"), Column(name))
)
LOG_COLUMNS = (
    Column("id", "int"), Column("case_id", "int"), Column("at", "time"), Column("name"), *LINKED,
    Column("rule_id", "int"), Column("rule"),
)  # fmt: skip
HISTORY_COLUMNS = (
    Column("id", "int"), Column("log_id", "int"), Column("case_id", "int"), Column("at", "time"), Column("name"),
    Column("direction"), Column("email"), Column("description", "lines"), Column("note", "lines"), *LINKED,
    Column("message_id", "int"),
)  # fmt: skip


def listed(conn: sqlite3.Connection, case_id: int) -> Result:
    """The log of a case, newest first."""
    shown = ("at", "name", "user", "section", "channel", "mood", "rule")
    return Result(LOG_COLUMNS, [dict(row) for row in conn.execute(LOG, (case_id,))], shown=shown)


def history(conn: sqlite3.Connection, case_id: int) -> Result:
    """The communications of a case, newest first."""
    shown = ("id", "at", "name", "direction", "email", "user", "description")
    return Result(HISTORY_COLUMNS, [dict(row) for row in conn.execute(HISTORY, (case_id,))], shown=shown)


def log(tx: Tx, case: Case, name: str) -> int:
    """One row of the log, with the case's channel, mood and section, who acts and by which rule → its id."""
    return tx.insert(
        "case_log",
        {
            "case_id": case.id,
            "at": tx.now,
            "name": name,
            "user_id": tx.user_id,
            "section_id": case.section_id,
            "channel_id": case.channel_id,
            "mood_id": case.mood_id,
            "rule_id": tx.rule_id,
        },
    )


def say(tx: Tx, log_id: int, direction: str, email: str | None, text: str, message_id: int | None) -> int:
    """A communication on a log row → its id."""
    return tx.insert(
        "case_history",
        {"log_id": log_id, "direction": direction, "email": email, "description": text, "message_id": message_id},
    )


def newest_text(conn: sqlite3.Connection, case_id: int) -> str | None:
    """The text of the newest communication of a case."""
    row = conn.execute(NEWEST, (case_id,)).fetchone()
    return row[0] if row else None


def communication(conn: sqlite3.Connection, case_id: int, history_id: int) -> Row:
    """One communication of this case; NotFound where it is another's or nobody's."""
    row = conn.execute(COMMUNICATION, (case_id, history_id)).fetchone()
    if row is None:
        raise NotFound(f"case {case_id} has no communication {history_id}", hint=f"crm case show {case_id}")
    return dict(row)


def quoted(text: str) -> str:
    """The text with ``> `` before each line (``>`` before lines that are quotes already)."""
    return "\n".join(f">{line}" if line.startswith(">") else f"> {line}" for line in text.rstrip().split("\n"))
