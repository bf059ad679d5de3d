"""What the tests of the case commands share: cases in every state, and the whole database to compare."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeAlias

from crmcli import db
from crmcli.execute import execute
from crmcli.model import Act, Add, Command, Origin, Outcome, Row, SetActive

BEFORE = "2026-03-01T08:00:00Z"
NOW = "2026-03-02T09:00:00Z"
ANN, SUPPORT = 1, 1

Crm: TypeAlias = Callable[..., Any]

# State → the verbs that lead there from draft.
WAYS = {"draft": (), "open": ("open",), "pending": ("pending",), "done": ("close",), "cancel": ("cancel",)}


def write(conn: sqlite3.Connection, work: Callable[[db.Tx], Any], now: str = BEFORE, user_id: int | None = ANN) -> Any:
    """Do some work in a write of its own, a day before NOW."""
    with db.write(conn, Origin(now, user_id, "cli", "test")) as tx:
        return work(tx)


def do(conn: sqlite3.Connection, *commands: Command) -> Outcome:
    """Commands as one action, a day before NOW."""
    return write(conn, lambda tx: execute(tx, *commands))


def a_case(conn: sqlite3.Connection, state: str = "draft", archived: bool = False, **values: Any) -> int:
    """A case in a state, of nobody unless told otherwise → its id."""
    case_id = do(conn, Add({"name": "Pump broken", "user_id": None, **values})).case_id
    for verb in WAYS[state]:
        write(conn, lambda tx, verb=verb: execute(tx, Act(case_id, verb)), user_id=None)
    if archived:
        do(conn, SetActive(case_id, active=False))
    return case_id


def a_partner(conn: sqlite3.Connection, name: str = "Acme", email: str = "joe@acme.example") -> int:
    """A partner with a contact → its id."""

    def work(tx: db.Tx) -> int:
        partner_id = tx.insert("partners", {"name": name})
        tx.insert("contacts", {"partner_id": partner_id, "name": "Joe Roe", "email": email})
        return partner_id

    return int(write(conn, work))


def put(conn: sqlite3.Connection, table: str, **values: Any) -> int:
    """A row of a table → its id."""
    return int(write(conn, lambda tx: tx.insert(table, values)))


def set_(conn: sqlite3.Connection, table: str, row_id: int, **values: Any) -> None:
    """New values for a row."""
    write(conn, lambda tx: tx.update(table, row_id, values))


def row(conn: sqlite3.Connection, table: str, row_id: int) -> Row:
    """A row by its id."""
    found = conn.execute(f"SELECT * FROM {table} WHERE id = ?", (row_id,)).fetchone()
    assert found is not None, f"no {table} {row_id}"
    return dict(found)


def rows(conn: sqlite3.Connection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of a query, as tuples."""
    return [tuple(found) for found in conn.execute(sql, parameters)]


def dump(conn: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table: what a command that wrote nothing leaves as it was."""
    tables = rows(conn, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'search*' ORDER BY name")
    return {name: sorted(rows(conn, f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}
