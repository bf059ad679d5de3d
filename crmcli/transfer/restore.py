"""A whole database from its document: into one that is empty but for what crm init ships (cli.md §5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from crmcli.db import Tx
from crmcli.errors import Refused
from crmcli.transfer.pieces import HINT, Pieces
from crmcli.transfer.settle import settle
from crmcli.transfer.whole import FORMAT, TABLES, VERSION, Table, rows, tables
from crmcli.tuples import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import BinaryIO

# What crm init puts into a new database: it gives way to what the document has.
SHIPPED = ("users", "sections", "channels", "moods", "event_types", "settings")
BATCH = 500


def restore(tx: Tx, file: BinaryIO) -> int:
    """Fill the database from a seekable document → how many rows; 0 where it has all of them already.

    Refused where it has others: nothing is mixed. Ids stay what they are; rules do not fire for what is past.
    """
    known = {table.name: table for table in tables(tx.conn)}
    fresh = _is_fresh(tx)
    if _is_here(tx, _told(Pieces(file).members(), known), whole=fresh):
        return 0
    if not fresh:
        raise Refused("this database has other things in it already", hint="make a new one: crm init --db FILE")
    tx.run("PRAGMA defer_foreign_keys = ON")
    for name in SHIPPED:
        tx.run(f"DELETE FROM {name}")
    file.seek(0)
    count = _fill(tx, _told(Pieces(file).members(), known))
    settle(tx)
    return count


def _told(members: Iterator[tuple[str, Any]], known: dict[str, Table]) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The rows of a document, each with its table; Refused where it is none of ours."""
    head: dict[str, Any] = {}
    for name, value in members:
        if name in ("format", "version"):
            head[name] = value
            continue
        if head.get("format") != FORMAT or not isinstance(head.get("version"), int):
            raise Refused("the file is not what crm export all writes", hint=HINT)
        if head["version"] > VERSION:
            raise Refused("the file was written by a newer crm", hint="upgrade this program")
        table = known.get(name)
        if table is None or not isinstance(value, dict) or not set(value) <= set(table.columns):
            raise Refused(f"there is no place for {name} {str(value)[:60]} here", hint=HINT)
        yield table, value
    if not head:
        raise Refused("the file is not what crm export all writes", hint=HINT)


def _is_fresh(tx: Tx) -> bool:
    """Whether there is nothing here but what a new database has."""
    return not any(tx.run(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in TABLES if name not in SHIPPED)


def _is_here(tx: Tx, told: Iterator[tuple[Table, dict[str, Any]]], whole: bool) -> bool:
    """Whether every row is here as it is told; whole: and no other. It ends at the first that is not."""
    count = 0
    for table, row in told:
        where = " AND ".join(f'"{name}" = ?' for name in table.key)
        here = next(rows(tx.conn, table, where, tuple(row.get(name) for name in table.key)), None)
        if here is None or any(here[name] != value for name, value in row.items()):
            return False
        count += 1
    return not whole or count == sum(tx.run(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES)


def _fill(tx: Tx, told: Iterator[tuple[Table, dict[str, Any]]]) -> int:
    """Insert the rows as they come, some at a time → how many."""
    count = 0
    waiting: list[tuple[Any, ...]] = []
    sql = before = ""
    for table, row in told:
        sql = _insert(table, row)
        if waiting and (sql != before or len(waiting) == BATCH):
            tx.conn.executemany(before, waiting)
            waiting.clear()
        waiting.append(_stored(table, row))
        before = sql
        count += 1
    if waiting:
        tx.conn.executemany(sql, waiting)
    return count


def _insert(table: Table, row: dict[str, Any]) -> str:
    columns = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(row))})"


def _stored(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    """The values of a row as they are stored."""
    if any(isinstance(value, (dict, list, bool)) for value in row.values()):
        raise Refused(f"a row of {table.name} holds what no column takes", hint=HINT)
    try:
        return tuple(base64.b64decode(value, validate=True) if name in table.bytes else value for name, value in row.items())
    except (binascii.Error, TypeError, ValueError):
        raise Refused(f"a row of {table.name} holds bytes that are no base64", hint=HINT) from None
