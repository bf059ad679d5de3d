"""The log and the communications to show: of one case, of all cases page by page, and one communication."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli.errors import NotFound
from crmcli.filters.fields import HISTORY
from crmcli.model import Column, Result
from crmcli.pages import Page, statement

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

OF_CASE = "SELECT * FROM v_history WHERE case_id = ? ORDER BY id DESC"

LINKED = tuple(
    column for name in ("user", "section", "channel", "mood") for column in (Column(f"{name}_id", "int"), Column(name))
)
LOG_COLUMNS = (
    Column("id", "int"), Column("case_id", "int"), Column("at", "time"), Column("name"), *LINKED,
    Column("rule_id", "int"), Column("rule"),
)  # fmt: skip
COLUMNS = (
    Column("id", "int"), Column("log_id", "int"), Column("case_id", "int"), Column("at", "time"), Column("name"),
    Column("direction"), Column("email"), Column("description", "lines"), Column("note", "lines"), *LINKED,
    Column("message_id", "int"),
)  # fmt: skip


def log(conn: sqlite3.Connection, case_id: int) -> Result:
    """The log of a case, newest first."""
    shown = ("at", "name", "user", "section", "channel", "mood", "rule")
    return Result(LOG_COLUMNS, [dict(row) for row in conn.execute(LOG, (case_id,))], shown=shown)


def of_case(conn: sqlite3.Connection, case_id: int) -> Result:
    """The communications of a case, newest first."""
    shown = ("id", "at", "name", "direction", "email", "user", "description")
    return Result(COLUMNS, [dict(row) for row in conn.execute(OF_CASE, (case_id,))], shown=shown)


def communications(conn: sqlite3.Connection, page: Page, names: Sequence[str] = ()) -> Result:
    """The communications of a page, of whatever case; names chooses the columns, all of them by default."""
    numbers, parameters = statement(conn, HISTORY, page)
    known = {column.name: column for column in COLUMNS}
    chosen = tuple(known[name] for name in names or known)
    words = "".join(f"h.{column.name}, " for column in chosen)
    sql = f"SELECT {words}h.id\nFROM ({numbers}) k CROSS JOIN v_history h ON h.id = k.id"
    return Result(chosen, (dict(row) for row in conn.execute(sql, parameters)))


def one(conn: sqlite3.Connection, history_id: int) -> Result:
    """One communication; NotFound where there is none."""
    row = conn.execute("SELECT * FROM v_history WHERE id = ?", (history_id,)).fetchone()
    if row is None:
        raise NotFound(f"no communication {history_id}", hint="crm history list")
    return Result(COLUMNS, [dict(row)], one=True)
