"""The log of a case, and the communications that extend it (domain.md §1)."""

from __future__ import annotations

import sqlite3

from crmcli.db import Tx
from crmcli.errors import NotFound, Usage
from crmcli.model import Case, Row

NOT_OUTSIDE = """(h.message_id IS NOT NULL AND (h.direction = 'note' OR EXISTS (
  SELECT 1 FROM messages m WHERE m.id = h.message_id AND (m.marks LIKE '%stranger%' OR m.marks LIKE '%possible-spoof%'))))"""
"""Whether a communication h is the staff's alone: notes that came by mail, and what strangers wrote (mail.md §5, §7)."""

NEWEST = f"""
SELECT h.description, {NOT_OUTSIDE}
FROM case_log l JOIN case_history h ON h.log_id = l.id
WHERE l.case_id = ? AND {{}}
ORDER BY h.id DESC
LIMIT 1
"""

COMMUNICATION = """
SELECT h.*, l.at
FROM case_log l JOIN case_history h ON h.log_id = l.id
WHERE l.case_id = ? AND h.id = ?
"""

REWORD = """
UPDATE case_history SET description = ?
WHERE message_id = ? AND direction <> 'out' AND description = ? AND description <> ?
"""

BETWEEN = """
SELECT h.id
FROM case_log l JOIN case_history h ON h.log_id = l.id
WHERE l.case_id = ? AND h.id BETWEEN ? AND ?
ORDER BY h.id
"""


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


def reword(tx: Tx, message_id: int, before: str, after: str) -> None:
    """Show a mail that came by what it was found to say now, where what it said before is shown; what was sent stays."""
    for old, new in dict.fromkeys(((before, after), (before.strip(), after.strip()))):
        tx.run(REWORD, (new, message_id, old, new))


def newest_texts(conn: sqlite3.Connection, case_id: int) -> tuple[str | None, str | None]:
    """The text of the newest communication of a case, and of the newest that people outside may see (mail.md §7)."""
    row = conn.execute(NEWEST.format("1"), (case_id,)).fetchone()
    newest = row[0] if row else None
    if not (row and row[1]):
        return newest, newest
    row = conn.execute(NEWEST.format(f"NOT {NOT_OUTSIDE}"), (case_id,)).fetchone()
    return newest, row[0] if row else None


def communication(conn: sqlite3.Connection, case_id: int, history_id: int) -> Row:
    """One communication of this case; NotFound where it is another's or nobody's."""
    row = conn.execute(COMMUNICATION, (case_id, history_id)).fetchone()
    if row is None:
        raise NotFound(f"case {case_id} has no communication {history_id}", hint=f"crm case show {case_id}")
    return dict(row)


def chosen(conn: sqlite3.Connection, case_id: int, text: str) -> list[int]:
    """The ids of a case's communications that ``3,4-6`` names; NotFound for one that it has not."""
    spans = [part.strip().partition("-") for part in text.split(",")]
    if not all(first.isdecimal() and (last.isdecimal() if dash else True) for first, dash, last in spans):
        raise Usage(f"{text} names no communications", hint="such as 3,4-6; see: crm case show")
    ids: dict[int, None] = {}
    for first, _, last in spans:
        found = conn.execute(BETWEEN, (case_id, int(first), int(last or first))).fetchall()
        if not found:
            raise NotFound(f"case {case_id} has no communication {first}", hint=f"crm case show {case_id}")
        ids.update(dict.fromkeys(row[0] for row in found))
    return list(ids)


def quoted(text: str) -> str:
    """The text with ``> `` before each line (``>`` before lines that are quotes already)."""
    return "\n".join(f">{line}" if line.startswith(">") else f"> {line}" for line in text.rstrip().split("\n"))
