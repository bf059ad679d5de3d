"""The road from an older schema to the current one: numbered steps, each in SQL, all in one transaction.

`schema.sql` is the whole current schema and is what a new file gets; a step is named ``0002.sql`` and stands in
this folder. After the steps the journal's triggers are made anew, since they follow the columns.
"""

from __future__ import annotations

import os
import sqlite3

from crmcli import journal

VERSION = 1


def migrate(conn: sqlite3.Connection, path: str, folder: str = os.path.dirname(__file__), version: int = VERSION) -> None:
    """Bring the file to the version; a backup ``FILE.v1`` is made first. Two at once: the second finds it done."""
    _back_up(conn, path)
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute("BEGIN IMMEDIATE")
    try:
        journal.drop_triggers(conn)
        for number in range(conn.execute("PRAGMA user_version").fetchone()[0] + 1, version + 1):
            with open(os.path.join(folder, f"{number:04}.sql"), encoding="utf-8") as file:
                _run(conn, file.read())
            conn.execute(f"PRAGMA user_version = {number}")
        journal.make_triggers(conn)
        broken = conn.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise sqlite3.IntegrityError(f"the migration would leave {len(broken)} broken references")
        conn.execute("COMMIT")
    except BaseException:
        conn.execute("ROLLBACK")
        raise
    finally:
        conn.execute("PRAGMA foreign_keys = ON")


def _run(conn: sqlite3.Connection, script: str) -> None:
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            conn.execute(part)
            part = ""


def _back_up(conn: sqlite3.Connection, path: str) -> None:
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    copy = f"{path}.v{version}"
    if not os.path.exists(copy):
        handle = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR, os.stat(path).st_mode & 0o777)
        os.close(handle)
        target = sqlite3.connect(copy)
        conn.backup(target)
        target.close()
