"""Rules to show: in effective order, each in words, with what it did last (rules.md §6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from crmcli import record_list
from crmcli.fields import NOUNS
from crmcli.model import Column, Result, Row
from crmcli.pages import Page
from crmcli.rules import words
from crmcli.tuples import Any

RULE = NOUNS["rule"]

IN_WORDS = (Column("when"), Column("if"), Column("then"), Column("sentence"))
DONE = (Column("last_fired_at", "time"), Column("fired", "int"), Column("failed", "int"))
SHOWN = (*(name for name in RULE.columns if name != "active"), "last_fired_at", "fired")

FIRINGS = """
SELECT rule_id,
       max(at) FILTER (WHERE state = 'fired') AS last_fired_at,
       count(*) FILTER (WHERE state = 'fired') AS fired,
       count(*) FILTER (WHERE state = 'failed') AS failed
FROM rule_firings
GROUP BY rule_id
"""
NEVER = {"last_fired_at": None, "fired": 0, "failed": 0}


def columns() -> tuple[Column, ...]:
    """Every column of a rule: its fields, what it does in words, and what it has done."""
    return (*(one.column for one in record_list.available(RULE).values()), *IN_WORDS, *DONE)


def result(
    conn: sqlite3.Connection, ids: Sequence[int] | None = None, page: Page | None = None, names: Sequence[str] = ()
) -> Result:
    """The rules with these ids in this order, or those of a page; names chooses the columns, all of them by default."""
    found = record_list.result(conn, "rule", ids, page)
    known = {column.name: column for column in columns()}
    chosen = tuple(known[name] for name in names) if names else tuple(known.values())
    return Result(chosen, _told(conn, found), shown=() if names else SHOWN)


def _told(conn: sqlite3.Connection, found: Result) -> Iterator[Row]:
    """The rows with the rules in words and their firings counted."""
    fired: dict[int, dict[str, Any]] = {row["rule_id"]: dict(row) for row in conn.execute(FIRINGS)}
    for row in found.rows:
        yield {
            **row,
            "when": words.when(row),
            "if": words.conditions(row),
            "then": words.actions(row),
            "sentence": words.sentence(row),
            **fired.get(row["id"], NEVER),
        }
