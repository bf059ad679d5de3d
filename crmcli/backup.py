"""Backups: a checked copy of a database in use, by SQLite's own online copy, so that others go on writing (cli.md §5)."""

from __future__ import annotations

import glob
import os
import re
import sqlite3
import time
from collections.abc import Callable

from crmcli import journal, readonly, turns, verify
from crmcli.errors import Busy, Refused
from crmcli.tuples import NamedTuple

COUNTED = (*journal.UNDOABLE, *journal.JOURNALED, "change_sets", "changes", "raw_messages", "blobs", "mail_keys")
BLOCKING = ("file", "schema", "references")
"""The checks that a file must pass to be kept as a backup or to be restored."""


class Copied(NamedTuple):
    """A backup that was made: its file, its bytes, and how many cases are in it."""

    file: str
    size: int
    cases: int


def default_name(path: str, now: str) -> str:
    """The name of a backup made now: ``crm.db.backup-20260302T090000Z``."""
    return f"{os.path.basename(path)}.backup-{now.replace('-', '').replace(':', '')}"


def make(path: str, file: str) -> Copied:
    """A copy of the database at a moment, checked and counted, then in one step under its name; others cannot read it.

    Refused where the copy is not sound: the file that had the name stays as it was.
    """
    part = f"{file}.part-{os.getpid()}"
    source = readonly.connect(path)
    try:
        source.execute("BEGIN")  # the copy and what it is counted against are of one moment
        counts = _counts(source)
        copy(source, part)
        _check(part, counts)
        settle(part, file)
    finally:
        source.close()
        remove(part)
    return Copied(file, os.path.getsize(file), counts["cases"])


def prune(folder: str, path: str, newest: str, keep: int) -> list[str]:
    """Remove all but so many backups of this database, only files of the name that we give them → those removed."""
    name = re.compile(re.escape(os.path.basename(path)) + r"\.backup-\d{8}T\d{6}Z")
    found = [entry.name for entry in os.scandir(folder) if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
    others = [entry for entry in found if entry != os.path.basename(newest)]
    gone = [os.path.join(folder, entry) for entry in sorted(others, reverse=True)[keep - 1 :]]
    for file in gone:
        os.unlink(file)
    return gone


def _counts(conn: sqlite3.Connection) -> dict[str, int]:
    return {table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}


def copy(source: sqlite3.Connection, file: str) -> None:
    """All of a database into a new file of one piece, which only its owner can read."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    target = sqlite3.connect(file, isolation_level=None)
    try:
        source.backup(target, progress=patience())
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()


def patience() -> Callable[[int, int, int], None]:
    """SQLite's copying waits for ever for a database that is busy; this ends it after as long as any write waits."""
    ends = time.monotonic() + turns.WAIT

    def look(status: int, remaining: int, total: int) -> None:
        if status == sqlite3.SQLITE_BUSY and time.monotonic() > ends:
            raise Busy("the database is busy", hint="try again in a moment")

    return look


def _check(file: str, counts: dict[str, int]) -> None:
    """Open the copy as a restore would, and look whether all is there."""
    copy = readonly.connect(file)
    try:
        fault = next(verify.verify(copy, "", BLOCKING), None)
        if fault:
            raise Refused(f"no backup was made, the database is not sound: {fault.place} {fault.problem}", hint="crm verify")
        if _counts(copy) != counts:
            raise Refused("no backup was made: the copy is not complete", hint="try again; crm doctor")
    finally:
        copy.close()


def settle(part: str, file: str) -> None:
    """Onto the disk, then under its name."""
    for path, way in ((part, os.O_RDWR), (os.path.dirname(os.path.abspath(file)), os.O_RDONLY)):
        handle = os.open(path, way)
        os.fsync(handle)
        os.close(handle)
        if path == part:
            os.replace(part, file)


def remove(file: str) -> None:
    """Take a copy away with all that SQLite and we put beside it."""
    beside = glob.glob(f"{glob.escape(file)}.v[0-9]*")  # what a migration keeps
    for path in (file, *(f"{file}{end}" for end in ("-journal", "-wal", "-shm", "-lock")), *beside):
        if os.path.lexists(path):
            os.unlink(path)
