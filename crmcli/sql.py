"""One query on the database for people and scripts, reading only and within a time (cli.md §5).

What proves who wrote a mail, and the bytes of mails and files, cannot be read this way: results of queries are pasted
and passed on.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain

from crmcli import trouble
from crmcli.errors import Busy, CrmError, Refused, Usage
from crmcli.model import Column, Result, Row
from crmcli.text import clean, shown
from crmcli.tuples import Any

HELP = "crm help sql"

# Table → its columns that may not be read; none named: all of them.
SECRETS: dict[str, tuple[str, ...]] = {
    "mail_keys": (),
    "outbox": ("bytes",),
    "raw_messages": ("bytes",),
    "blobs": ("bytes",),
}
# Tables of SQLite's own that may be read; others, such as sqlite_dbpage, have all bytes of the file.
OF_SQLITE = ("sqlite_master", "sqlite_temp_master", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4")

# Pragmas that tell what there is. Those of the first row take the name of a table or an index.
DESCRIBING = ("table_info", "table_xinfo", "index_list", "index_info", "index_xinfo", "foreign_key_list")
TELLING = (
    "table_list", "database_list", "collation_list", "function_list", "pragma_list", "compile_options", "user_version",
    "schema_version", "application_id", "data_version", "encoding", "page_count", "page_size",
)  # fmt: skip

LONGEST = 50_000_000
"""Bytes of the longest value that a query may make."""

BETWEEN_LOOKS = 10_000
"""Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond."""


class Guard:
    """An authorizer that lets a connection read all but secrets, and do nothing else; it knows what it refused last."""

    def __init__(self, secrets: Mapping[str, tuple[str, ...]] = SECRETS) -> None:
        self.secrets = secrets
        self.refused = ""

    def __call__(self, action: int, one: str | None, two: str | None, *where: str | None) -> int:
        refused = self._refusal(action, one or "", two or "")
        self.refused = refused or self.refused
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    def keep(self, conn: sqlite3.Connection) -> None:
        """From now on keep this connection, whose values can then not fill the memory either."""
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        conn.set_authorizer(self)

    def _refusal(self, action: int, one: str, two: str) -> str:
        """Why it may not be done; '' where it may."""
        if action == sqlite3.SQLITE_READ:
            return "" if self._readable(one, two) else f"{one}{two and f'.{two}'} may not be read"
        if action == sqlite3.SQLITE_PRAGMA:
            return "" if one in DESCRIBING or (one in TELLING and not two) else f"pragma {one} may not be used"
        if action == sqlite3.SQLITE_FUNCTION:
            return "" if two != "load_extension" else "extensions may not be loaded"
        if action == sqlite3.SQLITE_UPDATE and one in OF_SQLITE:
            return ""  # asked where a virtual table is looked at; a real one SQLite itself refuses
        return "" if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE) else "a query may only read"

    def _readable(self, table: str, column: str) -> bool:
        if table.startswith("sqlite_"):
            return table in OF_SQLITE
        return table not in self.secrets or (bool(self.secrets[table]) and column not in self.secrets[table])


class Limit:
    """So many seconds of SQLite's work on a connection; what the reader of the rows does meanwhile does not count."""

    def __init__(self, conn: sqlite3.Connection, seconds: float) -> None:
        self.seconds = self.left = seconds
        self.ends = math.inf
        conn.set_progress_handler(self.is_over, BETWEEN_LOOKS)

    def is_over(self) -> bool:
        """Whether the time has run out; asked by SQLite as it works."""
        return time.monotonic() >= self.ends

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within, the time runs."""
        self.ends = time.monotonic() + self.left
        yield
        self.left, self.ends = self.ends - time.monotonic(), math.inf


def run(conn: sqlite3.Connection, query: str, values: Mapping[str, str], seconds: float) -> Result:
    """The rows of one query, read as they are shown; values are those of ``:name`` in it.

    Refused where it would do more than read or takes longer; Usage where SQLite cannot make sense of it.
    """
    guard, limit = Guard(), Limit(conn, seconds)
    guard.keep(conn)
    with _explained(guard, limit), limit.running():
        cursor = conn.execute(query, dict(values))
    if cursor.description is None:
        raise Usage("there is no query", hint=HELP)
    names = _names([column[0] for column in cursor.description])
    rows = _rows(cursor, names, guard, limit)
    first = next(rows, None)
    columns = tuple(Column(name, "number" if first and _is_number(first[name]) else "text", name) for name in names)
    return Result(columns, chain([first], rows) if first else [])


def _rows(cursor: sqlite3.Cursor, names: list[str], guard: Guard, limit: Limit) -> Iterator[Row]:
    while True:
        with _explained(guard, limit), limit.running():
            row = cursor.fetchone()
        if row is None:
            return
        yield dict(zip(names, map(_value, row), strict=True))


def _names(given: list[str]) -> list[str]:
    """The names of the columns, each once: a second `id` is ``id:2``."""
    names: list[str] = []
    for name in map(shown, given):
        same = sum(other.partition(":")[0] == name for other in names)
        names.append(f"{name}:{same + 1}" if same else name)
    return names


def _value(value: Any) -> Any:
    """What a format can show: bytes in hexadecimal, and numbers without end as words."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


@contextmanager
def _explained(guard: Guard, limit: Limit) -> Iterator[None]:
    """What SQLite says of a query as a sentence for its writer."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT" and not limit.is_over():
            raise KeyboardInterrupt from None  # the signal came while SQLite asked for the time
        raise _complaint(error, guard, limit) from None


def _complaint(error: Exception, guard: Guard, limit: Limit) -> CrmError:
    name = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_INTERRUPT":
        return Refused(f"the query takes longer than {limit.seconds:g} s", hint="give it more: --timeout SECONDS")
    if guard.refused:
        return Refused(guard.refused, hint=HELP)
    known = trouble.explained(error) if isinstance(error, sqlite3.Error) else None
    if isinstance(known, Busy):
        return known
    words = clean(str(error), lines=False).rstrip(".")
    return Usage(f"SQLite says: {words}", hint=HELP)
