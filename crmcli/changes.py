"""The journal read: what was changed, by whom, when and why, newest first (cli.md §4)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator

from crmcli import literals, values
from crmcli.fields import NOUNS
from crmcli.model import Column, Result, Row
from crmcli.text import shown
from crmcli.tuples import NamedTuple

SELECT = """
SELECT c.id, s.step, s.at, s.true_at, s.source, s.command, s.reason, c.table_name AS "table", c.row_id, c.op, c.old, c.new,
       s.user_id, (SELECT login FROM users WHERE id = s.user_id) AS user,
       c.rule_id, (SELECT name FROM rules WHERE id = c.rule_id) AS rule
FROM changes c JOIN change_sets s ON s.id = c.change_set_id
"""

# The rows of a case: itself, all that names it, and the communications of its log, which came with their log rows.
OF_CASE = """
WITH
  touching (id) AS (
    SELECT id FROM changes WHERE table_name = 'cases' AND row_id = :case
    UNION SELECT id FROM changes WHERE json_extract(new, '$.case_id') = :literal
    UNION SELECT id FROM changes WHERE json_extract(old, '$.case_id') = :literal
  ),
  speaking (id, set_id) AS (
    SELECT DISTINCT c.row_id, o.change_set_id
    FROM touching t
    CROSS JOIN changes c ON c.id = t.id
    CROSS JOIN changes o ON o.table_name = 'case_log' AND o.row_id = c.row_id
    WHERE c.table_name = 'case_log' AND o.op <> 'update'
  ),
  wanted (id) AS (
    SELECT id FROM touching
    UNION
    SELECT h.id
    FROM speaking s CROSS JOIN changes h ON h.change_set_id = s.set_id
    WHERE +h.table_name = 'case_history' AND json_extract(coalesce(h.new, h.old), '$.log_id') = CAST(s.id AS TEXT)
  )
"""


class Wanted(NamedTuple):
    """Which changes: of a case and all that hangs on it, of a step, since a moment, of one change set; how many of the newest."""

    case_id: int | None = None
    step: int | None = None
    since: str | None = None
    change_set_id: int | None = None
    limit: int | None = None


CONDITIONS = {
    "case_id": "c.id IN (SELECT id FROM wanted)",
    "step": "s.step = :step",
    "since": "c.change_set_id IN (SELECT id FROM change_sets WHERE at >= :since)",
    "change_set_id": "s.id = :change_set_id",
}

COLUMNS = (
    Column("id", "int"), Column("step", "int"), Column("at", "time"), Column("true_at", "time"), Column("user_id", "int"),
    Column("user"), Column("source"), Column("command"), Column("reason"), Column("rule_id", "int"), Column("rule"),
    Column("table"), Column("row_id", "int"), Column("op"), Column("old", "object"), Column("new", "object"),
)  # fmt: skip

CELLS = (
    Column("step", "int"), Column("at", "time"), Column("user"), Column("source"), Column("command"), Column("reason"),
    Column("rule"), Column("table"), Column("row_id", "int"), Column("op"), Column("column"), Column("old"), Column("new"),
)  # fmt: skip

LINES = (Column("step", "int"), Column("at", "time"), Column("user"), Column("change"))


class Change(NamedTuple):
    """One row's change: old and new hold the columns that changed, by name, as they were stored."""

    row: Row
    old: Row
    new: Row


def read(conn: sqlite3.Connection, wanted: Wanted) -> Iterator[Change]:
    """The changes wanted, newest first, one by one from the database."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None and name in CONDITIONS}
    where = " AND ".join(CONDITIONS[name] for name in given) or "1"
    start = OF_CASE if wanted.case_id is not None else ""
    limit = -1 if wanted.limit is None else wanted.limit
    parameters = {**given, "case": wanted.case_id, "literal": str(wanted.case_id), "limit": limit}
    for row in conn.execute(f"{start}{SELECT}WHERE {where}\nORDER BY c.id DESC\nLIMIT :limit", parameters):
        yield Change(dict(row), _decoded(row["old"]), _decoded(row["new"]))


def _decoded(stored: str | None) -> Row:
    return dict(literals.values(json.loads(stored))) if stored else {}


def result(conn: sqlite3.Connection, wanted: Wanted) -> Result:
    """A row a change, its old and new values as objects: for JSON."""
    rows = ({**one.row, "old": _plain(one, one.old), "new": _plain(one, one.new)} for one in read(conn, wanted))
    return Result(COLUMNS, rows)


def cells(conn: sqlite3.Connection, wanted: Wanted) -> Result:
    """A row a changed column, with its value before and after: for spreadsheets."""
    return Result(CELLS, (row for one in read(conn, wanted) for row in _cells(one)))


def lines(conn: sqlite3.Connection, wanted: Wanted) -> Result:
    """A row a change in words, spans left out: for people."""
    rows = ({**one.row, "change": line} for one in read(conn, wanted) for line in sentences([one]))
    return Result(LINES, rows)


def _cells(change: Change) -> Iterator[Row]:
    for name in change.new or change.old:
        yield {**change.row, "column": name, "old": _flat(change, change.old, name), "new": _flat(change, change.new, name)}


def sentences(changes: Iterable[Change]) -> Iterator[str]:
    """Each change as a line for people: ``case 3: state open → done``; spans, which follow from the cases, are left out."""
    for one in changes:
        table = one.row["table"]
        name = f"{TITLES.get(table, table.replace('_', ' '))} {one.row['row_id']}"
        if table == "case_spans":
            continue
        if one.row["op"] == "delete":
            yield f"{name}: gone"
        elif one.row["op"] == "insert":
            yield f"new {name}: " + ", ".join(f"{column} {_short(one, one.new, column)}" for column in one.new)
        else:
            steps = (f"{column} {_short(one, one.old, column)} → {_short(one, one.new, column)}" for column in one.new)
            yield f"{name}: " + ", ".join(steps)


# Values as the rest of the program writes them ---------------------------------------------------------


TITLES = {noun.table: noun.title for noun in NOUNS.values()}
KINDS = {noun.table: {field.name: field.kind for field in noun.fields} for noun in NOUNS.values()}


def _kind(change: Change, column: str) -> str:
    return KINDS.get(change.row["table"], {}).get(column, "text")


def _plain(change: Change, stored: Row) -> Row:
    return {column: values.plain(_kind(change, column), value) for column, value in stored.items()}


def _flat(change: Change, stored: Row, column: str) -> str | None:
    return values.flat(_kind(change, column), stored[column]) if stored.get(column) is not None else None


def _short(change: Change, stored: Row, column: str) -> str:
    text = shown(_flat(change, stored, column) or "nothing")
    return text if len(text) <= 60 else text[:59] + "…"
