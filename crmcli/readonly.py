"""A database that is only looked at and need not be trusted: the connection of sql, web, verify and restore.

SQLite opens it read-only, its views and triggers may call nothing that has effects (trusted_schema), and nothing can
be attached to it.
"""

from __future__ import annotations

import os
import sqlite3

from crmcli import db, trouble, turns
from crmcli.errors import Busy
from crmcli.text import folded

# Before 3.41 SQLite took its own JSON functions for unsafe, and could not read our schema while it distrusted it; what
# is unsafe otherwise, such as loading extensions, is off in any case.
DISTRUST = ("trusted_schema = OFF",) if sqlite3.sqlite_version_info >= (3, 41) else ()
PRAGMAS = (*DISTRUST, "query_only = ON", "cell_size_check = ON")


def connect(path: str, any_thread: bool = False, wait: float = turns.WAIT) -> sqlite3.Connection:
    """The database, read-only, waited for so many seconds at most.

    Busy where it is missing, not ours, damaged at its head or newer than this program.
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise Busy(f"{path} {what}", hint="name a database: --db FILE")
    conn = sqlite3.connect(db.uri(path, "ro"), uri=True, isolation_level=None, timeout=wait, check_same_thread=not any_thread)
    try:
        prepare(conn)
        db.recognised(conn, path)
    except sqlite3.DatabaseError as error:
        conn.close()
        raise (trouble.explained(error) or Busy(f"{path} cannot be read")) from None
    except BaseException:
        conn.close()
        raise
    return conn


def prepare(conn: sqlite3.Connection) -> None:
    """Make a connection harmless: nothing is written through it, nothing attached, and any text can be read."""
    conn.row_factory = sqlite3.Row
    conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
    conn.create_function("folded", 1, folded, deterministic=True)
    for pragma in PRAGMAS:
        conn.execute(f"PRAGMA {pragma}")
    conn.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
