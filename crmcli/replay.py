"""The journal folded: what the tables must hold by it, against what they hold (cli.md §4).

Triggers see every hand, in whatever tool. What went round them (triggers taken away, a replacing insert, a file that
was mended or written to directly) shows here, since the journal no longer leads to the present.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby

from crmcli import journal, literals
from crmcli.tuples import NamedTuple, TypeAlias

State: TypeAlias = dict[str, str]
"""Column → its value as an SQL literal, those that are NULL left out."""

CHANGES = """
SELECT row_id, 0 AS id, 'insert' AS op, NULL AS old, row AS new
FROM baseline_rows
WHERE table_name = :table
UNION ALL
SELECT row_id, id, op, old, new
FROM changes
WHERE table_name = :table AND id > (SELECT coalesce(max(last_change_id), 0) FROM baselines)
ORDER BY row_id, id
"""

SHOWN = 60


class Difference(NamedTuple):
    """A row that is not as the journal says, and in what."""

    table: str
    row_id: int
    problem: str


class Change(NamedTuple):
    """One entry of the journal, about some row; old and new are JSON objects."""

    row_id: int
    id: int
    op: str
    old: str | None
    new: str | None


def differences(conn: sqlite3.Connection) -> Iterator[Difference]:
    """Every row of the journaled tables that the journal does not lead to, table by table; memory stays flat."""
    for table in journal.UNDOABLE + journal.JOURNALED:
        for row_id, problem in _of_table(conn, table):
            yield Difference(table, row_id, problem)


def _of_table(conn: sqlite3.Connection, table: str) -> Iterator[tuple[int, str]]:
    """Walk the rows of a table and those of its journal side by side, both by id."""
    present, told = _present(conn, table), _told(conn, table)
    row, entry = next(present, None), next(told, None)
    while row or entry:
        if entry is None or (row and row[0] < entry[0]):
            assert row
            yield row[0], "is there, but the journal does not know it"
            row = next(present, None)
        elif row is None or entry[0] < row[0]:
            row_id, state, problems = entry
            yield from ((row_id, problem) for problem in problems)
            if state is not None:
                yield row_id, "is gone, but the journal has it"
            entry = next(told, None)
        else:
            row_id, state, problems = entry
            yield from ((row_id, problem) for problem in [*problems, *_compared(state, row[1])])
            row, entry = next(present, None), next(told, None)


def _present(conn: sqlite3.Connection, table: str) -> Iterator[tuple[int, State]]:
    """The rows as they are."""
    columns = journal.watched(conn, table)
    found = ", ".join(literals.sql(f'"{name}"') for name in columns)
    for row_id, *values in conn.execute(f"SELECT id, {found} FROM {table} ORDER BY id"):
        yield row_id, {name: value for name, value in zip(columns, values, strict=True) if value != "NULL"}


def _told(conn: sqlite3.Connection, table: str) -> Iterator[tuple[int, State | None, list[str]]]:
    """The rows as the journal says: None where it says that the row was deleted; and what is wrong in the telling."""
    changes = (Change(*row) for row in conn.execute(CHANGES, {"table": table}))
    for row_id, group in groupby(changes, key=lambda change: change.row_id):
        state: State | None = None
        problems: list[str] = []
        for change in group:
            state = _after(state, change, problems)
        yield row_id, state, problems


def _after(state: State | None, change: Change, problems: list[str]) -> State | None:
    """The state that a change leads to; where it does not go on from the state before, that is a problem."""
    try:
        old, new = _values(change.old), _values(change.new)
    except ValueError:
        problems.append(f"change {change.id} cannot be read")
        return state
    if change.op == "insert":
        if state is not None:
            problems.append(f"was there already when change {change.id} made it")
        return new
    if state is None:
        problems.append(f"was not there when change {change.id} came")
    elif any(state.get(name, "NULL") != value for name, value in old.items()):
        name = next(name for name, value in old.items() if state.get(name, "NULL") != value)
        problems.append(f"had been changed before change {change.id}: {_words(name, state.get(name, 'NULL'), old[name])}")
    if change.op == "delete":
        return None
    return {name: value for name, value in {**(state or {}), **new}.items() if value != "NULL"}


def _values(text: str | None) -> State:
    found = json.loads(text or "{}")
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError
    return found


def _compared(told: State | None, present: State) -> Iterator[str]:
    """What a row says now and the journal does not."""
    if told is None:
        yield "is there, but the journal says it was deleted"
        return
    for name in dict.fromkeys([*told, *present]):
        one, other = told.get(name, "NULL"), present.get(name, "NULL")
        if one != other:
            yield _words(name, one, other)


def _words(name: str, told: str, found: str) -> str:
    return f"{name} is {found[:SHOWN]}, by the journal {told[:SHOWN]}"
