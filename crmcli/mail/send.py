"""From the outbox to the transport: claim in one write, send outside any, mark in another (mail.md §7).

A process that dies between sending and marking sends the same mail again under the same Message-ID.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from crmcli import addresses, db, outbox, settings, turns
from crmcli.errors import BadConfig, Busy
from crmcli.mail import transport
from crmcli.mail.parcel import Deliver, Down, Parcel, Refused
from crmcli.model import Origin, Row
from crmcli.text import clean
from crmcli.tuples import NamedTuple

BATCH = 20
# A batch must end well within its lease: the last mail may take its time.
LONGEST = outbox.LEASE - 2 * transport.TIMEOUT


class Sent(NamedTuple):
    """What a run came to: mails sent, failed for good and put off; paused is why the transport does not work."""

    sent: int = 0
    failed: int = 0
    put_off: int = 0
    paused: str = ""


def due(conn: sqlite3.Connection, now: str, seconds: float = 10.0, step: int | None = None) -> Sent:
    """Send what is due, for so many seconds at most; nothing where another process sends or there is no transport.

    now is the moment that the outbox is asked for and marked with. A transport that makes no sense is `paused` too.
    """
    try:
        return run(conn, now, seconds, step)
    except BadConfig as error:
        return Sent(paused=error.message)


def run(conn: sqlite3.Connection, now: str, seconds: float, step: int | None = None) -> Sent:
    """As `due`, for who can answer a transport that makes no sense: BadConfig."""
    paused = outbox.paused(conn, now)
    if paused:
        return Sent(paused=paused[1])
    origin, ends = Origin(now, None, "system", "crm mail send", step=step), time.monotonic() + min(seconds, LONGEST)
    report = Sent()
    with _ready(conn) as deliver:
        here, home = outbox.home(conn)
        if deliver and here != home:
            with db.write(conn, origin) as tx:
                outbox.settle(tx)
        while deliver and not report.paused and time.monotonic() < ends:
            with db.write(conn, origin) as tx:
                rows = outbox.claim(tx, _owner(), BATCH)
            if not rows:
                break
            report = _batch(conn, origin, deliver, rows, report, ends)
    return report


def one(conn: sqlite3.Connection, origin: Origin, outbox_id: int) -> Sent:
    """Send this mail now, whatever it waits for; Refused where it has left already."""
    with _ready(conn) as deliver:
        if deliver is None:
            raise Busy("no mail can leave now", hint="crm config set transport …, or wait for the other sender to end")
        with db.write(conn, origin) as tx:
            row = outbox.take(tx, _owner(), outbox_id)
        return _send(conn, origin, deliver, row, Sent())


@contextmanager
def _ready(conn: sqlite3.Connection) -> Iterator[Deliver | None]:
    """The transport, None where none is set or another process is sending."""
    spec = settings.get(conn, "transport")
    path = turns.path_of(conn)
    if not spec:
        yield None
        return
    with _alone(path) as alone:
        if not alone:
            yield None
            return
        with transport.opened(spec, os.path.dirname(path), os.environ, settings.get(conn, "smtp_password_file")) as deliver:
            yield deliver


def _owner() -> str:
    return f"{os.uname().nodename} {os.getpid()}"


def _batch(conn: sqlite3.Connection, origin: Origin, deliver: Deliver, rows: list[Row], report: Sent, ends: float) -> Sent:
    """Send the claimed mails one by one; those not tried for want of time or transport are given back."""
    for index, row in enumerate(rows):
        if report.paused or time.monotonic() >= ends:
            with db.write(conn, origin) as tx:
                for left in rows[index:]:
                    outbox.give_back(tx, left)
            break
        report = _send(conn, origin, deliver, row, report)
    return report


def _send(conn: sqlite3.Connection, origin: Origin, deliver: Deliver, row: Row, report: Sent) -> Sent:
    """One mail out, and what became of it into its row."""
    parcel = Parcel(row["id"], row["envelope_from"], row["recipient"], row["message_id"], row["created_at"], row["bytes"])
    trouble: Refused | Down | None = None
    try:
        deliver(parcel)
    except (Refused, Down) as error:
        trouble = error
    with db.write(conn, origin) as tx:
        if trouble is None:
            outbox.sent(tx, row["id"])
            return report._replace(sent=report.sent + 1)
        words = clean(str(trouble), lines=False)[:300]
        if isinstance(trouble, Down):
            outbox.pause(tx, row, words, trouble.by_mail)
            return report._replace(put_off=report.put_off + 1, paused=words)
        if not trouble.lasting:
            outbox.put_off(tx, row, words)
            return report._replace(put_off=report.put_off + 1)
        addresses.mark(tx, row["recipient"], "hard", words)
        outbox.failed(tx, row["id"], words)
        return report._replace(failed=report.failed + 1)


@contextmanager
def _alone(path: str) -> Iterator[bool]:
    """Whether we are the only sender of this database: a lock beside it that is not waited for; leases do the rest."""
    import fcntl

    try:
        handle = os.open(f"{path}-send-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError:
        yield True
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        yield False
        return
    try:
        yield True
    finally:
        os.close(handle)
