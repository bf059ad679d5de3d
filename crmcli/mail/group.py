"""Several mails at once: the steps of `ingest.one` with one commit for the custody of all, and one for what they lead to.

Each mail is taken, refused and rolled back for itself; what they share is the waiting for the disk (mail.md §2).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

from crmcli import db, deliveries
from crmcli.deliveries import Delivery, Packed
from crmcli.mail import ingest
from crmcli.mail.effects import Taken
from crmcli.mail.envelope import Envelope
from crmcli.mail.incoming import Incoming
from crmcli.mail.ingest import Mail, Terms
from crmcli.model import Origin
from crmcli.tuples import NamedTuple, TypeAlias

MAILS = 100
BYTES = 2_000_000
"""How much one custody commit takes at most: others wait for the file meanwhile."""

HELD = 0.1
"""Seconds after which a transaction takes no further mail: none is to hold the file over 0.2 s (architecture.md §2)."""

Moment: TypeAlias = Callable[[], Origin]
"""Who writes, at this moment."""

Ended: TypeAlias = Taken | Exception


class Ready(NamedTuple):
    """A mail with all that can be told and made of it before it is in custody."""

    mail: Mail
    packed: Packed
    incoming: Incoming


class Kept(NamedTuple):
    """A mail in our custody, its place among the mails, and what it says."""

    place: int
    delivery: Delivery
    incoming: Incoming


def ready(raw: bytes, envelope: Envelope, max_bytes: int) -> Ready:
    """The mail read and packed."""
    mail = ingest.arrived(raw, envelope)
    return Ready(mail, deliveries.pack(raw, mail.sha256), ingest.read(raw, 1, max_bytes))


def take(
    conn: sqlite3.Connection, mails: list[Mail], origin: Moment, terms: Terms, ahead: list[Ready] | None = None
) -> list[Ended]:  # fmt: skip
    """Take these mails and do what each leads to → in their order what became of them, or why it failed.

    All that is not an exception is kept. A mail that fails after it was kept is let go, for whoever brings it again.
    A mail that was left in custody before is taken alone: it may be the one that kills whoever reads it.
    ahead holds the same mails where they have been read already.
    """
    found = _custody(conn, mails, origin, terms, ahead)
    ended: list[Ended | None] = [None if isinstance(one, Delivery) else one for one in found]
    kept: list[Kept] = []
    for place, one in enumerate(found):
        if isinstance(one, Delivery):
            try:
                incoming = ahead[place].incoming if ahead else ingest.read(mails[place].raw, one.attempts, terms.max_bytes)
                kept.append(Kept(place, one, incoming))
            except Exception as error:
                ended[place] = error
    while kept:
        done = _led(conn, kept, origin)
        for mine, taken in zip(kept, done, strict=False):
            ended[mine.place] = taken
        kept = kept[len(done) :]
    _let_go(conn, [one for one, end in zip(found, ended, strict=True) if isinstance(end, Exception)], origin)
    for place, one in enumerate(found):
        if one is None:
            ended[place] = _alone(conn, mails[place], origin, terms)
    return _settled([one for one in ended if one is not None])


def _custody(
    conn: sqlite3.Connection, mails: list[Mail], origin: Moment, terms: Terms, ahead: list[Ready] | None
) -> list[Delivery | Ended | None]:  # fmt: skip
    """The mails in our custody, after one commit; Taken where nothing is left to do, why one failed, None for one alone."""
    known = [_known(conn, mail, terms) for mail in mails]
    found: list[Delivery | Ended | None] = [None if isinstance(one, Delivery) else one for one in known]
    new = [place for place, one in enumerate(known) if one is None]
    packed = {place: ahead[place].packed if ahead else deliveries.pack(mails[place].raw, mails[place].sha256) for place in new}
    if new:
        with db.write(conn, origin()) as tx:
            for place in new:
                try:
                    with tx.savepoint():
                        # A group that dies is no attempt of each: only one of its mails, if any, has done it.
                        found[place] = ingest.keep(tx, mails[place], packed[place], terms, attempts=int(len(new) == 1))
                except Exception as error:
                    if not conn.in_transaction:
                        raise
                    found[place] = error
    return found


def _known(conn: sqlite3.Connection, mail: Mail, terms: Terms) -> Delivery | Ended | None:
    try:
        return ingest.known(conn, mail, terms)
    except Exception as error:
        return error


def _alone(conn: sqlite3.Connection, mail: Mail, origin: Moment, terms: Terms) -> Ended:
    try:
        return ingest.one(conn, mail.raw, mail.envelope, origin(), terms)
    except Exception as error:
        return error


def _led(conn: sqlite3.Connection, kept: list[Kept], origin: Moment) -> list[Ended]:
    """What the first of these mails led to, after one commit: as many as fit into a transaction."""
    ended: list[Ended] = []
    begun = time.monotonic()
    try:
        with db.together(conn) as part:
            for one in kept:
                try:
                    with part(ingest.moment(origin(), one.delivery.reason, one.incoming)) as tx:
                        ended.append(ingest.act(tx, one.delivery, one.incoming))
                except Exception as error:
                    if not conn.in_transaction:
                        raise
                    ended.append(error)
                if time.monotonic() - begun > HELD:
                    break
    except Exception as error:
        return [error] * max(1, len(ended))
    return ended


def _settled(ended: list[Ended]) -> list[Ended]:
    """A copy of a mail that came in this very group came to what that one has come to."""
    known = {end.delivery_id: end._replace(repeat=True) for end in ended if isinstance(end, Taken) and not end.repeat}
    return [known.get(end.delivery_id, end) if isinstance(end, Taken) and end.repeat else end for end in ended]


def _let_go(conn: sqlite3.Connection, failed: list[Delivery | Ended | None], origin: Moment) -> None:
    """Own what failed no longer; where that fails too, its lease runs out."""
    mine = [one for one in failed if isinstance(one, Delivery)]
    if mine:
        with suppress(Exception), db.write(conn, origin()) as tx:
            for delivery in mine:
                deliveries.let_go(tx, delivery)
