"""What the doctor looks at, and what it says: a line for each thing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping

from crmcli.model import Column
from crmcli.tuples import NamedTuple

OK, WARN, BAD = "ok", "warn", "bad"

COLUMNS = (Column("check"), Column("state"), Column("what"), Column("todo"))


class Line(NamedTuple):
    """One thing that was looked at: how it is, in words, and what to do; mend names what --fix can do about it."""

    check: str
    state: str
    what: str
    todo: str = ""
    mend: str = ""


class Site(NamedTuple):
    """The database and the world around it: now is the moment of the run, clock that on the wall."""

    conn: sqlite3.Connection
    path: str
    now: str
    clock: str
    environ: Mapping[str, str]

    @property
    def folder(self) -> str:
        """The folder of the database."""
        return os.path.dirname(os.path.abspath(self.path))


def count(site: Site, sql: str) -> int:
    """The one number that a query gives; ``:now`` in it is the moment of the run."""
    return int(site.conn.execute(sql, {"now": site.now} if ":now" in sql else {}).fetchone()[0])


def many(number: int, what: str) -> str:
    """``1 mail``, ``2 mails``."""
    return f"{number} {what}{'' if number == 1 else 's'}"
