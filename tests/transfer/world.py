"""What the tests of import and export share: files, whole tables to compare, and other databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from crmcli import db
from crmcli.model import Origin

Crm: TypeAlias = Callable[..., Any]
NOW = "2026-03-02T09:00:00Z"


def put(conn: sqlite3.Connection, table: str, **values: Any) -> int:
    """A row of a table → its id."""
    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        return tx.insert(table, values)


def rows(conn: sqlite3.Connection, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query gives, as plain tuples."""
    return [tuple(row) for row in conn.execute(sql, parameters)]


def file(folder: Path, name: str, content: str | bytes) -> str:
    """A file with this content → its path."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


class Seeded:
    """A new database with the same user and section, to be had again and again; short to print where a test fails."""

    def __init__(self, template: bytes) -> None:
        self.template = template

    def __repr__(self) -> str:
        return "a new database"

    def at(self, path: Path) -> str:
        """Another one → its path."""
        path.write_bytes(self.template)
        return str(path)
