"""All that people keep, as one json document that an empty database can be filled from (cli.md §5).

Apart are what a machine keeps for itself: the journal, firings of rules, keys, leases and counters, and the queue of
mails going out. Those who need these too take a backup.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator

from crmcli import journal
from crmcli.render.json import inert
from crmcli.tuples import Any, NamedTuple

FORMAT, VERSION = "crm", 1


class Table(NamedTuple):
    """A table of the document: its columns in order, those that are bytes, and what its rows are sorted by."""

    name: str
    columns: tuple[str, ...]
    bytes: tuple[str, ...]
    key: tuple[str, ...]


# What is kept beside the undoable tables: mails as they came, files as they are, and whose addresses are whose.
KEPT = ("addresses", "raw_messages", "messages", "message_refs", "deliveries", "blobs")
TABLES = (*journal.UNDOABLE, *KEPT)
# Columns that are no one's: leases and counters, and how far and when a segment last ran.
APART = {"segments": journal.UNWATCHED["segments"], "deliveries": journal.UNWATCHED["deliveries"]}


def tables(conn: sqlite3.Connection) -> Iterator[Table]:
    """The tables of the document, in its order."""
    for name in TABLES:
        columns = conn.execute(f"PRAGMA table_info({name})").fetchall()
        kept = [column for column in columns if column["name"] not in APART.get(name, ())]
        keys = sorted((column for column in columns if column["pk"]), key=lambda column: column["pk"])
        yield Table(
            name,
            tuple(column["name"] for column in kept),
            tuple(column["name"] for column in kept if column["type"] == "BLOB"),
            tuple(column["name"] for column in keys),
        )


def document(conn: sqlite3.Connection) -> Iterator[str]:
    """The document, a row a line, as pieces of text; the same rows give the same text. Rows are read as it goes."""
    yield f'{{"format": "{FORMAT}", "version": {VERSION}'
    for table in tables(conn):
        yield f',\n"{table.name}": ['
        between = "\n"
        for row in rows(conn, table):
            yield f"{between}{inert(json.dumps(row, ensure_ascii=False))}"
            between = ",\n"
        yield "\n]"
    yield "\n}\n"


def rows(conn: sqlite3.Connection, table: Table, where: str = "1", parameters: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    """The rows of a table as the document has them, bytes in base64; where is a literal condition."""
    columns = ", ".join(f'"{name}"' for name in table.columns)
    sql = f"SELECT {columns} FROM {table.name} WHERE {where} ORDER BY {', '.join(table.key)}"
    for values in conn.execute(sql, parameters):
        row = dict(zip(table.columns, values, strict=True))
        for name in table.bytes:
            row[name] = base64.b64encode(row[name]).decode()
        yield row
