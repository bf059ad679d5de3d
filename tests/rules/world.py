"""What the tests of rules are made of: rules, actions and runs at a given time, and what came of them."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from crmcli import db
from crmcli.execute import execute
from crmcli.model import Add, Command, Origin, Outcome
from crmcli.rules import save
from crmcli.rules.run import Limits, Report, run

MONDAY = "2026-03-02T09:00:00Z"
HOUR = 3600
DAY = 24 * HOUR


def later(days: float = 0, hours: float = 0, seconds: int = 0) -> str:
    """So long after Monday, 2 March 2026, nine o'clock."""
    from crmcli import clock

    return clock.shift(MONDAY, int(days * DAY + hours * HOUR + seconds))


def fresh(template: bytes, folders: pytest.TempPathFactory) -> sqlite3.Connection:
    """A database of its own, for one example of many."""
    path = folders.mktemp("world") / "crm.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    conn.execute("PRAGMA synchronous = OFF")  # many examples, and no power cut to survive
    return conn


def rule(conn: sqlite3.Connection, name: str, now: str = MONDAY, **values: Any) -> int:
    """A new rule."""
    with db.write(conn, Origin(now, 1, "cli")) as tx:
        return save.add(tx, {"name": name, **values})


def edit(conn: sqlite3.Connection, rule_id: int, now: str, **values: Any) -> None:
    """New values for a rule."""
    from crmcli.rules import due

    with db.write(conn, Origin(now, 1, "cli")) as tx:
        save.edit(tx, rule_id, values)
        due.refresh(tx)


def do(conn: sqlite3.Connection, now: str, *commands: Command, user_id: int | None = 1) -> Outcome:
    """Commands of a person as one action."""
    with db.write(conn, Origin(now, user_id, "cli")) as tx:
        return execute(tx, *commands)


def case(conn: sqlite3.Connection, now: str = MONDAY, **values: Any) -> int:
    """A new case in Support, of ann."""
    return do(conn, now, Add({"name": "Pump broken", "section_id": 1, "user_id": 1, **values})).case_id


def cron(conn: sqlite3.Connection, now: str, **limits: int) -> Report:
    """One run of the rules."""
    return run(conn, Origin(now, None, "rules", "crm run-rules"), Limits(**limits))


def fired(conn: sqlite3.Connection) -> list[tuple[str, int, str]]:
    """Which rule fired on which case, and when, in order."""
    rows = conn.execute(
        "SELECT (SELECT name FROM rules WHERE id = rule_id), case_id, at FROM rule_firings WHERE state = 'fired' ORDER BY id"
    )
    return [tuple(row) for row in rows]


def value(conn: sqlite3.Connection, case_id: int, column: str) -> Any:
    """One column of a case."""
    return conn.execute(f"SELECT {column} FROM cases WHERE id = ?", (case_id,)).fetchone()[0]


def due(conn: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """What waits: rule, case, due time."""
    return [tuple(row) for row in conn.execute("SELECT rule_id, case_id, due_at FROM rule_due ORDER BY due_at, rule_id, case_id")]


def sql(conn: sqlite3.Connection, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    named = parameters[0] if parameters and isinstance(parameters[0], dict) else parameters
    return [tuple(row) for row in conn.execute(text, named)]
