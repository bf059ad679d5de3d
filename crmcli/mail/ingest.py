"""From bytes to a case: custody first, then reading, then effects (mail.md §2).

Two transactions a mail: the first keeps the bytes and no more, the second does all that they lead to or nothing.
What fails or dies between them is found again by the mail server's next try or by a later mail.
"""

from __future__ import annotations

import os
import sqlite3

from crmcli import clock, deliveries, outbox
from crmcli.db import Tx, write
from crmcli.deliveries import Delivery, Packed
from crmcli.digest import hexdigest
from crmcli.errors import CrmError
from crmcli.mail import envelope as envelopes
from crmcli.mail import facts, parse
from crmcli.mail.effects import Taken, effects
from crmcli.mail.envelope import Envelope
from crmcli.mail.incoming import Incoming
from crmcli.model import Origin
from crmcli.tuples import NamedTuple

LAST_ATTEMPT = 3
DRAINED = 5
SENDING = 10.0
OLD = 24 * 3600
HEAD = 65536


class NoRecipient(CrmError):
    """The recipient is nobody's here, and the mail server wants to be told so."""

    kind = "no_recipient"
    exit = 67


class Terms(NamedTuple):
    """How mail is taken: strict refuses unknown recipients; history is mail read in bulk that may be old; max_bytes."""

    strict: bool = False
    history: bool = False
    max_bytes: int = 50_000_000


class Mail(NamedTuple):
    """A mail as it came, in its envelope; core is the digest of what every copy of it shares, sha256 that of the bytes."""

    raw: bytes
    envelope: Envelope
    core: str
    sha256: str


def one(conn: sqlite3.Connection, raw: bytes, envelope: Envelope, origin: Origin, terms: Terms = Terms()) -> Taken:
    """Take one mail and do what it leads to. When this returns, the bytes are kept.

    NotFound where the section that was told does not exist, NoRecipient by the terms; nothing is kept then.
    """
    mail = arrived(raw, envelope)
    before = known(conn, mail, terms)
    if isinstance(before, Taken):
        return before
    if origin.dry_run:
        return _rehearsed(conn, mail, origin, terms)
    packed = deliveries.pack(raw, mail.sha256)
    with write(conn, origin) as tx:
        kept = keep(tx, mail, packed, terms)
    if isinstance(kept, Taken):
        return kept
    return handle(conn, kept, raw, origin._replace(step=tx.step), terms.max_bytes)


def arrived(raw: bytes, envelope: Envelope) -> Mail:
    """The mail with what its trace headers tell of the envelope."""
    seen = envelopes.trace(raw)
    core = hexdigest(raw[seen.start :])
    return Mail(raw, envelopes.completed(envelope, seen), core, hexdigest(raw) if seen.start else core)


def known(conn: sqlite3.Connection, mail: Mail, terms: Terms) -> Taken | Delivery | None:
    """What became of the mail where it was here before, the delivery where it still waits; refuses as `one` does."""
    if mail.envelope.section:
        facts.section(conn, mail.envelope.section)
    if terms.strict and not facts.is_recipient(conn, mail.envelope):
        raise NoRecipient("no such recipient here")
    before = deliveries.same(conn, mail.core, mail.envelope.route)
    return _repeat(before) if before and before.state != "received" else before


def keep(tx: Tx, mail: Mail, packed: Packed, terms: Terms, attempts: int = 1) -> Delivery | Taken:
    """Take the mail into custody; Taken where another process has it or is done with it."""
    before = deliveries.same(tx.conn, mail.core, mail.envelope.route)
    if before and (before.state != "received" or _is_held(before, tx.now)):
        return _repeat(before)
    if before:
        return deliveries.claim(tx, before, _owner())
    reason = deliveries.BULK if terms.history else None
    return deliveries.take(tx, packed, mail.core, mail.envelope, _owner(), reason, attempts)


def handle(conn: sqlite3.Connection, delivery: Delivery, raw: bytes, origin: Origin, max_bytes: int = Terms().max_bytes) -> Taken:
    """Read a mail in custody, outside any transaction, and do all that it leads to in one."""
    incoming = read(raw, delivery.attempts, max_bytes)
    with write(conn, moment(origin, delivery.reason, incoming)) as tx:
        return act(tx, delivery, incoming)


def act(tx: Tx, delivery: Delivery, incoming: Incoming) -> Taken:
    """All that a mail in our custody leads to; nothing where another process has taken it over."""
    if not deliveries.is_ours(tx.conn, delivery):
        return Taken(delivery.id, "received", reason="another process has it")
    return effects(tx, delivery, incoming)


def drain(conn: sqlite3.Connection, origin: Origin, limit: int = DRAINED) -> int:
    """Finish mails that were left behind: those in custody whose lease ran out → how many were finished.

    What fails here stays in custody, and counts as an attempt.
    """
    finished = 0
    for left in deliveries.lapsed(conn, origin.now, limit):
        try:
            with write(conn, origin) as tx:
                mine = deliveries.claim(tx, left, _owner()) if deliveries.is_ours(conn, left) else None
            if mine:
                handle(conn, mine, deliveries.raw(conn, mine.sha256), origin)
                finished += 1
        except Exception:  # one bad mail, or a database that is busy now, must not harm the mail that was just taken
            continue
    return finished


def send(conn: sqlite3.Connection, now: str) -> None:
    """Send what is due, for a short while, where there is a transport."""
    if outbox.is_due(conn, now):
        from crmcli.mail import send as sending

        sending.due(conn, now, SENDING)


def read(raw: bytes, attempt: int, max_bytes: int) -> Incoming:
    """What the mail says; where it is too large, or failed before, only what can be told without effort."""
    if attempt >= LAST_ATTEMPT:
        return parse.poisoned(raw)
    if len(raw) > max_bytes:
        incoming = parse.parse(raw[:HEAD])
        return incoming._replace(marks=(*incoming.marks, "oversize"), attachments=(), content_key=hexdigest(raw))
    return parse.parse(raw)


def _rehearsed(conn: sqlite3.Connection, mail: Mail, origin: Origin, terms: Terms) -> Taken:
    """What would become of the mail; nothing is written."""
    incoming = read(mail.raw, 1, terms.max_bytes)
    with write(conn, moment(origin, deliveries.BULK if terms.history else None, incoming)) as tx:
        kept = keep(tx, mail, deliveries.pack(mail.raw, mail.sha256), terms)
        return kept if isinstance(kept, Taken) else effects(tx, kept, incoming)


def _repeat(before: Delivery) -> Taken:
    return Taken(before.id, before.state, True, before.message_id, before.case_id, "it was here before")


def moment(origin: Origin, reason: str | None, incoming: Incoming) -> Origin:
    """History that is read in bulk happens at its own time, and quietly."""
    if reason != deliveries.BULK or incoming.date is None or incoming.date >= clock.shift(origin.now, -OLD):
        return origin
    return origin._replace(now=incoming.date, quiet=True)


def _owner() -> str:
    """This process, as other processes of this machine can look it up."""
    return f"{os.uname().nodename} {os.getpid()}"


def _is_held(delivery: Delivery, now: str) -> bool:
    """Whether the process that took a delivery may still be at it: the lease runs, and on this machine the process too."""
    if delivery.owner is None or (delivery.lease_until or "") <= now:
        return False
    host, _, process = delivery.owner.rpartition(" ")
    if host != os.uname().nodename:
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
