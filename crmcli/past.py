"""The past: the journaled tables as they were at a moment, read from the journal (cli.md §4)."""

from __future__ import annotations

import json
import sqlite3

from crmcli import literals
from crmcli.db import Tx
from crmcli.model import Row
from crmcli.origin import Origin
from crmcli.rules import due
from crmcli.text import folded

# By the clock of the change, not of the wall: what a list printed on that day is what --as-of prints.
LATER = """
SELECT c.table_name, c.row_id, c.op, c.old
FROM change_sets s CROSS JOIN changes c ON c.change_set_id = s.id
WHERE s.at > ?
ORDER BY c.id DESC
"""

# Columns that the journal does not keep and a row cannot do without.
LOST: dict[str, Row] = {"outbox": {"bytes": b""}}


def as_of(conn: sqlite3.Connection, at: str) -> sqlite3.Connection:
    """A private copy of the database with every journaled row as it was at the moment; the file is not touched.

    It costs a copy of the file and the changes since; what it lists it lists as fast as ever.
    """
    past = sqlite3.connect("", isolation_level=None)  # a temporary file of SQLite's own, gone when closed
    past.row_factory = sqlite3.Row
    past.create_function("folded", 1, folded, deterministic=True)
    conn.backup(past)
    past.execute("PRAGMA foreign_keys = OFF")
    past.execute("BEGIN")
    _drop_triggers(past)
    for change in past.execute(LATER, (at,)).fetchall():
        _reverse(past, change)
    past.execute("DELETE FROM rule_due WHERE case_id NOT IN (SELECT id FROM cases) OR rule_id NOT IN (SELECT id FROM rules)")
    due.refresh(Tx(past, Origin(at, None, "system"), 0))
    past.execute("COMMIT")
    past.execute("PRAGMA query_only = ON")
    return past


def _drop_triggers(past: sqlite3.Connection) -> None:
    """Our own copy needs no journal, and rows go back in any order; full text and due times follow them by their triggers."""
    names = past.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT GLOB 'text*' AND name NOT GLOB 'rule_stale*'"
    ).fetchall()
    for (name,) in names:
        past.execute(f'DROP TRIGGER "{name}"')


def _reverse(past: sqlite3.Connection, change: sqlite3.Row) -> None:
    table, row_id = change["table_name"], change["row_id"]
    if change["op"] == "insert":
        past.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
        return
    old: Row = {**literals.values(json.loads(change["old"]))}
    if change["op"] == "update":
        past.execute(f"UPDATE {table} SET {_columns(old)} WHERE id = ?", (*old.values(), row_id))
    else:
        old |= LOST.get(table, {})
        marks = ", ".join("?" * (len(old) + 1))
        columns = ", ".join(f'"{name}"' for name in ("id", *old))
        past.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", (row_id, *old.values()))


def _columns(values: Row) -> str:
    return ", ".join(f'"{name}" = ?' for name in values)
