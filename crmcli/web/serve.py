"""Datasette on a connection that only reads, and only what the pages show.

Whoever reaches the port sees the pages, so nothing else may be had through it: SQL of one's own is off, tables have
no pages, and the connection itself refuses every column that no view shows, whatever a page might ask for.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import datasette.app  # before its other parts, which go round in a circle
import uvicorn
from datasette.app import Datasette
from datasette.database import Database
from datasette.plugins import pm

from crmcli import readonly, resources
from crmcli.sql import OF_SQLITE, Guard
from crmcli.web import pages, plugin

SETTINGS = {
    "default_allow_sql": False,
    "allow_download": False,
    "sql_time_limit_ms": 3000,
    "facet_time_limit_ms": 1000,
    "suggest_facets": False,
}
FREE = ("texts", "pragma_")
"""The index of full text, and what tells of tables."""

HERE = ("localhost", "127.0.0.1", "::1")
ROOT = "root"
"""Datasette's name for whoever has opened the link."""


class Shown(Guard):
    """Lets a connection read the columns that the pages read, and no others."""

    def __init__(self, columns: set[tuple[str, str]]) -> None:
        super().__init__()
        self.columns = columns | {(table, "") for table, _ in columns}

    def _readable(self, table: str, column: str) -> bool:
        if not super()._readable(table, column):
            return False
        return table in OF_SQLITE or table.startswith(FREE) or (table, column) in self.columns


def shown(conn: sqlite3.Connection) -> Shown:
    """The guard for what the pages read of this database."""
    found: set[tuple[str, str]] = set()

    def note(action: int, one: str | None, two: str | None, *where: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            found.add((one or "", two or ""))
        return sqlite3.SQLITE_OK

    conn.set_authorizer(note)
    for view in pages.VIEWS:
        conn.execute(f"EXPLAIN SELECT * FROM {view}").close()
    conn.set_authorizer(None)
    return Shown(found)


class Looked(Database):  # type: ignore[misc]
    """The file as Datasette may have it: our connection, never one that writes."""

    def connect(self, write: bool = False) -> sqlite3.Connection:
        """A new connection, for a thread of Datasette's."""
        conn = readonly.connect(self.path, any_thread=True)
        shown(conn).keep(conn)
        self._all_file_connections.append(conn)
        return conn

    async def table_names(self) -> list[str]:
        """No table is named on any page."""
        return []


def only_as(app: Any, names: tuple[str, ...]) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """The application, answering only under these names: a page elsewhere may have its own name lead to this machine."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and _host(scope) not in names:
            await send({"type": "http.response.start", "status": 421, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"this is not the name of this server\n"})
        else:
            await app(scope, receive, send)

    return answer


def _host(scope: Any) -> str:
    """The name that the browser asked for, without its port."""
    given: str = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    return given.partition("]")[0].strip("[") if given.startswith("[") else given.partition(":")[0]


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. OSError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def address(made: Datasette, listener: socket.socket, login: bool) -> str:
    """Where it is to be found; with login the link that lets in, once."""
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    return f"{url}-/auth-token?token={made._root_token}" if login else url


def prepared(path: str, title: str, now: str | None, login: bool) -> Datasette:
    """Datasette over the database; with login only for who opens its link."""
    metadata = pages.metadata(title, now) | ({"allow": {"id": ROOT}} if login else {})
    made = Datasette([], metadata=metadata, settings=SETTINGS, template_dir=resources.path("web", "templates"))
    made.remove_database("_memory")
    made.add_database(Looked(made, path=path), name=pages.NAME)
    return made


def serve(made: Datasette, listener: socket.socket, host: str) -> None:
    """Answer until interrupted."""
    datasette.handle_exception.rich = None  # it would print the values of all variables for every page that is refused
    pm.register(plugin, name="crm")
    try:
        app = made.app()
        app = only_as(app, HERE) if host in HERE else app
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).run(sockets=[listener])
    finally:
        pm.unregister(name="crm")
