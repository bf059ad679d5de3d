"""Pages of a list: the ids of its rows in an order, after a given row, by seeks in an index instead of an offset.

A page is one statement, so that all of it is of the same moment. What follows a row with the key values a, b, c is
the rows with (a, b) and beyond c, then those with a and beyond b, then those beyond a: each a seek of its own.
"""

from __future__ import annotations

import sqlite3

from crmcli.errors import NotFound
from crmcli.fields import Noun
from crmcli.tuples import Any, NamedTuple


class Key(NamedTuple):
    """What rows of `t` are sorted by: an SQL expression, downwards or up; where it may be empty, empty comes last."""

    sql: str
    down: bool = False
    empty: bool = False


class Page(NamedTuple):
    """Which rows: a condition on `t` with its parameters, their order, after which row, how many, and what t is."""

    where: str
    parameters: dict[str, Any]
    keys: tuple[Key, ...]
    after: int | None = None
    limit: int | None = None
    table: str = ""


def statement(conn: sqlite3.Connection, noun: Noun, page: Page) -> tuple[str, dict[str, Any]]:
    """SQL that gives the ids of a page's rows in their order, with its parameters; NotFound for an unknown `after`."""
    if page.after is None:
        values: dict[str, Any] = {}
        stretches = _from_the_start(page.keys)
    else:
        found = _key_values(conn, noun, page)
        values = {f"key{place}": value for place, value in enumerate(found)}
        stretches = [stretch for place in reversed(range(len(page.keys))) for stretch in _beyond(page.keys, place, found)]
    parts = [_stretch(page.table or noun.table, page.where, *stretch) for stretch in stretches]
    return f"{_joined(parts)}\nLIMIT :page_limit", {**page.parameters, **values, "page_limit": _limit(page.limit)}


def count(conn: sqlite3.Connection, noun: Noun, page: Page, at_most: int) -> int:
    """How many rows there are from the page's start on, counted up to a number."""
    sql, parameters = statement(conn, noun, page._replace(limit=at_most))
    return int(conn.execute(f"SELECT count(*) FROM ({sql})", parameters).fetchone()[0])


def _limit(limit: int | None) -> int:
    return -1 if limit is None else limit


def _key_values(conn: sqlite3.Connection, noun: Noun, page: Page) -> tuple[Any, ...]:
    keys = ", ".join(key.sql for key in page.keys)
    row = conn.execute(f"SELECT {keys} FROM {page.table or noun.table} t WHERE t.id = ?", (page.after,)).fetchone()
    if row is None:
        raise NotFound(f"no {noun.title} {page.after} to go on after", hint=f"crm {noun.command} list")
    return tuple(row)


def _from_the_start(keys: tuple[Key, ...]) -> list[tuple[str, tuple[Key, ...]]]:
    """All rows: those with a first key in its order, then those without."""
    if not keys[0].empty:
        return [("1", keys)]
    first = keys[0]._replace(empty=False)
    return [(f"{first.sql} IS NOT NULL", (first, *keys[1:])), (f"{first.sql} IS NULL", keys[1:])]


def _beyond(keys: tuple[Key, ...], place: int, values: tuple[Any, ...]) -> list[tuple[str, tuple[Key, ...]]]:
    """The rows that equal a row in the keys before place and lie beyond it there: conditions, each with the order in it."""
    same = "".join(f"{key.sql} {_equals(key, values[number])} :key{number} AND " for number, key in enumerate(keys[:place]))
    key, rest = keys[place], keys[place + 1 :]
    if values[place] is None:
        return []
    stretches = [(f"{same}{key.sql} {'<' if key.down else '>'} :key{place}", (key._replace(empty=False), *rest))]
    return [*stretches, (f"{same}{key.sql} IS NULL", rest)] if key.empty else stretches


def _equals(key: Key, value: Any) -> str:
    """IS; but = of a value where rows may have none, for an index only of those that have one."""
    return "=" if key.empty and value is not None else "IS"


def _stretch(table: str, where: str, condition: str, keys: tuple[Key, ...]) -> str:
    order = ", ".join(("{0} IS NULL, {0}" if key.empty else "{0}").format(key.sql) + " DESC" * key.down for key in keys)
    ordered = f"\nORDER BY {order}" if keys else ""
    return f"SELECT t.id\nFROM {table} t\nWHERE {where}\n  AND {condition}{ordered}"


def _joined(parts: list[str]) -> str:
    """One after the other; the limit in each keeps SQLite from dropping its order."""
    if not parts:
        return "SELECT NULL AS id WHERE 0"
    if len(parts) == 1:
        return parts[0]
    return "\nUNION ALL\n".join(f"SELECT * FROM ({part}\nLIMIT :page_limit)" for part in parts)
