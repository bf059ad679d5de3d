"""The road from an older schema to the current one: numbered steps, each in SQL, all in one transaction.

`schema.sql` is the whole current schema and is what a new file gets; a step is named ``0002.sql`` and stands in
this folder. After the steps the journal's triggers are made anew, since they follow the columns, and a baseline of all
rows is kept: what a step changes is no change that somebody made.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

from crmcli import clock, journal

VERSION = 1
FOLDER = os.path.dirname(__file__)


def migrate(conn: sqlite3.Connection, path: str, folder: str = FOLDER, version: int = VERSION) -> None:
    """Bring the file to the version, in one transaction; a backup ``FILE.v1`` is made first.

    Of two processes at once the second finds it done. A step that fails leaves the file as it was.
    """
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute("BEGIN IMMEDIATE")
    try:
        before = _version(conn)
        if before < version:
            _back_up(path, before)
            _step(conn, folder, range(before + 1, version + 1))
        conn.execute("COMMIT")
    except BaseException:
        conn.execute("ROLLBACK")
        raise
    finally:
        conn.execute("PRAGMA foreign_keys = ON")


def _step(conn: sqlite3.Connection, folder: str, numbers: range) -> None:
    journal.drop_triggers(conn)
    for number in numbers:
        with open(os.path.join(folder, f"{number:04}.sql"), encoding="utf-8") as file:
            for statement in statements(file.read()):
                conn.execute(statement)
        conn.execute(f"PRAGMA user_version = {number}")
    journal.make_triggers(conn)
    journal.make_baseline(conn, numbers[-1], clock.now())
    broken = conn.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise sqlite3.IntegrityError(f"the migration would leave {len(broken)} broken references")


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one, triggers whole (executescript would commit)."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""
    if part.strip():
        yield part


def _back_up(path: str, version: int) -> None:
    """Copy the file as it was before, while the write lock is held: whole under its name, or not at all."""
    half = f"{path}.v{version}-half"
    os.close(os.open(half, os.O_CREAT | os.O_TRUNC | os.O_RDWR, os.stat(path).st_mode & 0o777))
    source, target = sqlite3.connect(path), sqlite3.connect(half)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
    os.replace(half, f"{path}.v{version}")


def _version(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0])
