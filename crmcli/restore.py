"""Restoring: a backup put in the place of the database (cli.md §5).

Where the database can be read it is overwritten in one transaction: whoever has it open sees one or the other, never
a mixture. A file that cannot be read is put aside.
"""

from __future__ import annotations

import os
import sqlite3

from crmcli import backup, db, outbox, readonly, turns, verify
from crmcli.errors import Busy, Refused
from crmcli.model import Origin
from crmcli.tuples import NamedTuple

HELD = "held after a restore: it may have been sent already"

SEQUENCE = "SELECT name, seq FROM sqlite_sequence"
AHEAD = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?"
BEGUN = "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)"


class Restored(NamedTuple):
    """What a restore did: the file that keeps what stood there ('' for nothing), mails held, other faults of the backup."""

    kept: str
    held: int
    faults: int


def restore(path: str, file: str, origin: Origin) -> Restored:
    """Put a backup in the place of the database; what stood there is kept, mails that wait are held.

    Refused where the backup is not sound or has triggers that are not ours; nothing is changed then, nor in a dry run.
    """
    if _is_anothers(path):
        raise Refused(f"{path} is a database of another program", hint="name ours with --db, or move that one away")
    ready = f"{path}.restoring-{os.getpid()}"
    try:
        held, faults = _prepare(path, file, ready, origin)
        kept = "" if origin.dry_run else _put(ready, path)
    finally:
        backup.remove(ready)
    return Restored(kept, held, faults)


def _is_anothers(path: str) -> bool:
    """Whether a database stands there that holds something and is none of ours."""
    if not os.path.exists(path):
        return False
    conn = sqlite3.connect(db.uri(path, "ro"), uri=True)
    try:
        ours = conn.execute("PRAGMA application_id").fetchone()[0] == db.APPLICATION_ID
        return not ours and conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    except sqlite3.DatabaseError:
        return False  # damaged, as it may be where a backup is needed
    finally:
        conn.close()


def _prepare(path: str, file: str, ready: str, origin: Origin) -> tuple[int, int]:
    """A copy of the backup beside the database: brought up to date, checked, its mails held → how many; other faults."""
    source = readonly.connect(file)
    try:
        backup.copy(source, ready)
    finally:
        source.close()
    db.connect(ready).close()  # an older one is brought up to date
    copy = readonly.connect(ready)
    try:
        found = list(verify.verify(copy, origin.now))
    finally:
        copy.close()
    fault = next((finding for finding in found if finding.check in backup.BLOCKING), None)
    if fault:
        raise Refused(f"{file} is not sound: {fault.place} {fault.problem}", hint=f"all of it: crm --db {file} verify")
    conn = db.connect(ready)
    try:
        with db.write(conn, origin._replace(dry_run=False)) as tx:
            held = outbox.hold_all(tx, HELD)
            outbox.leave_home(tx)
            _keep_numbers(tx, path)
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        conn.close()
    return held, sum(finding.check not in ("custody", "outbox") for finding in found)


def _keep_numbers(tx: db.Tx, path: str) -> None:
    """No number is given twice: an answer to a mail about a case that is lost must not end up in another case."""
    for name, seq in _numbers(path):
        tx.run(AHEAD, (seq, name))
        tx.run(BEGUN, (name, seq, name))


def _numbers(path: str) -> list[tuple[str, int]]:
    """The last number of each table of the database that stands there; none where it cannot be read."""
    try:
        present = readonly.connect(path)
    except Busy:
        return []
    try:
        return [tuple(row) for row in present.execute(SEQUENCE)]
    except sqlite3.DatabaseError:
        return []
    finally:
        present.close()


def _put(ready: str, path: str) -> str:
    """The prepared copy in the place of the database → the file that keeps what stood there, '' for nothing."""
    kept = _free(f"{path}.before-restore")
    if os.path.exists(path):
        try:
            _into(ready, path, kept)
            return kept
        except sqlite3.DatabaseError as error:
            if not (getattr(error, "sqlite_errorname", "") or "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
                raise
            backup.remove(kept)
    return _instead(ready, path, kept)


def _into(ready: str, path: str, kept: str) -> None:
    """Copy into the database that stands there, in one transaction of its own, while no other of our writers writes."""
    live = sqlite3.connect(db.uri(path, "rw"), uri=True, isolation_level=None, timeout=0.2)  # the copy waits by itself
    source = sqlite3.connect(db.uri(ready, "rw"), uri=True, isolation_level=None)
    try:
        with turns.turn(live):
            backup.copy(live, kept)
            size = live.execute("PRAGMA page_size").fetchone()[0]
            source.execute("PRAGMA journal_mode = DELETE")
            source.execute(f"PRAGMA page_size = {size}")
            if source.execute("PRAGMA page_size").fetchone()[0] != size:
                source.execute("VACUUM")
            source.backup(live, progress=backup.patience())
    finally:
        source.close()
        live.close()


def _instead(ready: str, path: str, kept: str) -> str:
    """A database where none stands, or none that can be read: that is put aside with what belongs to it."""
    there = os.path.lexists(path)
    mode = os.stat(path).st_mode & 0o777 if there else 0o600
    for end in ("", "-wal"):  # a log that is left would be taken for the new database's
        if os.path.lexists(path + end):
            os.rename(path + end, kept + end)
    if os.path.lexists(f"{path}-shm"):
        os.unlink(f"{path}-shm")
    os.chmod(ready, mode)
    backup.settle(ready, path)
    return kept if there else ""


def _free(name: str) -> str:
    """The name, or with the first number behind it that makes it a new one."""
    number, free = 1, name
    while os.path.lexists(free) or os.path.lexists(f"{free}-wal"):
        number += 1
        free = f"{name}-{number}"
    return free
