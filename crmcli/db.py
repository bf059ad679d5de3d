"""Opening the database and the one way to write to it (architecture.md §1, §2).

``with write(conn, origin) as tx:`` is the only place that begins, commits or rolls back. Helpers take `tx`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial

from crmcli import clock, journal, migrations, resources
from crmcli.errors import Busy
from crmcli.origin import Origin
from crmcli.tuples import Any
from crmcli.turns import WAIT, turn

APPLICATION_ID = 0x63726D31


class Tx:
    """A write transaction under way: its connection, its fixed time and who writes."""

    __slots__ = ("change_set_id", "conn", "now", "origin", "rule_id", "step")

    def __init__(self, conn: sqlite3.Connection, origin: Origin, change_set_id: int) -> None:
        self.conn = conn
        self.now = origin.now
        self.origin = origin
        self.change_set_id = change_set_id
        self.step = origin.step or change_set_id
        self.rule_id: int | None = None

    @property
    def user_id(self) -> int | None:
        """The person acting; None for mail, rules and cron."""
        return None if self.rule_id else self.origin.user_id

    def act_as(self, user_id: int | None) -> None:
        """From here on this person acts, such as the member of staff whose mail is being handled."""
        self.origin = self.origin._replace(user_id=user_id)
        self.conn.execute("UPDATE change_sets SET user_id = ? WHERE id = ?", (user_id, self.change_set_id))

    @contextmanager
    def by_rule(self, rule_id: int | None) -> Iterator[None]:
        """A part that is a rule's doing; with None it is the person's, as it was."""
        before, self.rule_id = self.rule_id, rule_id
        if rule_id != before:
            journal.by_rule(self.conn, rule_id)
        try:
            yield
        finally:
            self.rule_id = before
            if rule_id != before:
                journal.by_rule(self.conn, before)

    def run(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run one statement inside the transaction."""
        return self.conn.execute(sql, parameters)

    def insert(self, table: str, values: dict[str, Any]) -> int:
        """A new row from literal column names and their values → its id."""
        return int(self.conn.execute(_insertion(table, tuple(values)), tuple(values.values())).lastrowid or 0)

    def update(self, table: str, row_id: int, values: dict[str, Any]) -> None:
        """New values for literal column names of one row."""
        if values:
            columns = ", ".join(f'"{name}" = ?' for name in values)
            self.conn.execute(f"UPDATE {table} SET {columns} WHERE id = ?", (*values.values(), row_id))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail alone: rolled back on an exception, which goes on; a refused row is Refused."""
        with _savepoint(self.conn):
            yield

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """A part of which nothing stays, and which causes nothing outside: to see whether it would be refused."""
        before, self.origin = self.origin, self.origin._replace(quiet=True)
        self.conn.execute("SAVEPOINT rehearsal")
        try:
            yield
        finally:
            self.origin = before
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK TO rehearsal")
                self.conn.execute("RELEASE rehearsal")


@lru_cache(maxsize=64)
def _insertion(table: str, names: tuple[str, ...]) -> str:
    """The statement that inserts a row."""
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join(["?"] * len(names))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"


def connect(path: str, wait: float = WAIT) -> sqlite3.Connection:
    """An existing crm database, migrated to the current schema; Busy where it is missing, foreign or newer."""
    if not os.path.exists(path):
        raise Busy(f"there is no database at {path}", hint="make one with: crm init")
    conn = sqlite3.connect(uri(path, "rw"), uri=True, isolation_level=None, timeout=wait)
    conn.row_factory = sqlite3.Row
    try:
        version = recognised(conn, path)
        _prepare(conn)
        if version < migrations.VERSION:
            migrations.migrate(conn, path)
    except BaseException:
        conn.close()
        raise
    return conn


def uri(path: str, mode: str) -> str:
    """The path as SQLite takes it with a mode: ro, rw."""
    name = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{name}?mode={mode}"


def recognised(conn: sqlite3.Connection, path: str) -> int:
    """The version of the schema; Busy where the file is not ours, or newer than this program."""
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise Busy(f"{path} is not a crm database", hint="name another with --db")
    if version > migrations.VERSION:
        raise Busy(f"{path} was made by a newer crm (schema {version})", hint="upgrade this program")
    return version


def _prepare(conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA synchronous = FULL")
    conn.create_function("folded", 1, _folded, deterministic=True)


def _folded(text: str | None) -> str:
    """The SQL function `folded(…)`, loaded when a statement first calls it."""
    from crmcli.text import folded

    return folded(text)


def create(path: str, mode: int = 0o600) -> sqlite3.Connection:
    """A new database with the current schema at a path where nothing stands; the file gets the mode."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
    os.fchmod(handle, mode)
    os.close(handle)
    conn = sqlite3.connect(path, isolation_level=None, timeout=WAIT)
    try:
        conn.row_factory = sqlite3.Row
        conn.execute("PRAGMA journal_mode = WAL")
        _prepare(conn)
        conn.execute("BEGIN IMMEDIATE")
        for statement in migrations.statements(resources.read("schema.sql")):
            conn.execute(statement)
        journal.make_triggers(conn)
        conn.execute("INSERT INTO mail_keys (key, created_at) VALUES (?, ?)", (os.urandom(32), clock.now()))
        conn.execute("INSERT INTO home (id, inode) VALUES (1, ?)", (str(os.stat(path).st_ino),))
        conn.execute("COMMIT")
    except BaseException:
        conn.close()
        os.unlink(path)
        raise
    return conn


@contextmanager
def reading(conn: sqlite3.Connection) -> Iterator[None]:
    """All that is read within is of one moment, whoever writes meanwhile."""
    conn.execute("BEGIN")
    try:
        yield
    finally:
        conn.execute("ROLLBACK")


@contextmanager
def write(conn: sqlite3.Connection, origin: Origin) -> Iterator[Tx]:
    """The one write: queue for the file, begin, journal as one change set, commit; roll back on any exception.

    With origin.dry_run the same work is rolled back at the end. A write that changed nothing leaves no change set.
    A row that the schema refuses is Refused, in words.
    """
    with turn(conn), _refusals():
        _begin(conn, origin.source)
        try:
            tx = Tx(conn, origin, journal.begin(conn, origin, clock.now()))
            yield tx
            journal.end(conn, tx.change_set_id)
            conn.execute("ROLLBACK" if origin.dry_run else "COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise


@contextmanager
def together(conn: sqlite3.Connection) -> Iterator[Callable[[Origin], AbstractContextManager[Tx]]]:
    """Several writes with one commit, for who has many at once: ``with together(conn) as part: with part(origin) as tx: …``.

    Each is a change set of its own, and one that fails is rolled back alone. Nothing is written before the end.
    """
    with turn(conn):
        _begin(conn, "mail")
        try:
            yield partial(_part, conn)
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise


def _begin(conn: sqlite3.Connection, source: str) -> None:
    """Begin; what a statement or a part may have to take back is kept in memory, a file for it was a tenth of a mail's cost.

    Not for segments: they write by few large statements, from a temporary table that the change would drop.
    """
    if source != "segments":
        conn.execute("PRAGMA temp_store = MEMORY")
    conn.execute("BEGIN IMMEDIATE")


@contextmanager
def _part(conn: sqlite3.Connection, origin: Origin) -> Iterator[Tx]:
    with _savepoint(conn):
        tx = Tx(conn, origin, journal.begin(conn, origin, clock.now()))
        yield tx
        journal.end(conn, tx.change_set_id)


@contextmanager
def _savepoint(conn: sqlite3.Connection) -> Iterator[None]:
    with _refusals():
        conn.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if conn.in_transaction:  # SQLite itself rolls back where the disk is full
                conn.execute("ROLLBACK TO part")
                conn.execute("RELEASE part")
            raise
        conn.execute("RELEASE part")


@contextmanager
def _refusals() -> Iterator[None]:
    """What the schema refuses becomes a sentence for the user."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        from crmcli.trouble import explained

        known = explained(error)
        if known is None:
            raise
        raise known from error
