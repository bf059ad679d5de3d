"""Several mails at once: the steps of `ingest.one` with one commit for the custody of all, and one for what they lead to.

Each mail is taken, refused and rolled back for itself; what they share is the waiting for the disk (mail.md §2).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

from crmcli import db, deliveries
from crmcli.deliveries import Delivery
from crmcli.mail import ingest
from crmcli.mail.effects import Taken
from crmcli.mail.incoming import Incoming
from crmcli.mail.ingest import Mail, Terms
from crmcli.model import Origin
from crmcli.tuples import NamedTuple, TypeAlias

HELD = 0.05
"""Seconds after which a transaction takes no further mail: others wait for the file meanwhile."""

Moment: TypeAlias = Callable[[], Origin]
"""Who writes, at this moment."""

Ended: TypeAlias = Taken | Exception


class Kept(NamedTuple):
    """A mail in our custody, its place among the mails, and what it says."""

    place: int
    delivery: Delivery
    incoming: Incoming


def take(conn: sqlite3.Connection, mails: list[Mail], origin: Moment, terms: Terms) -> list[Ended]:
    """Take these mails and do what each leads to → in their order what became of them, or why it failed.

    All that is not an exception is kept. A mail that fails after it was kept is let go, for whoever brings it again.
    """
    found = _custody(conn, mails, origin, terms)
    ended: list[Ended | None] = [None if isinstance(one, Delivery) else one for one in found]
    kept: list[Kept] = []
    for place, one in enumerate(found):
        if isinstance(one, Delivery):
            try:
                kept.append(Kept(place, one, ingest.read(mails[place].raw, one.attempts, terms.max_bytes)))
            except Exception as error:
                ended[place] = error
    while kept:
        done = _led(conn, kept, origin)
        for mine, taken in zip(kept, done, strict=False):
            ended[mine.place] = taken
        kept = kept[len(done) :]
    _let_go(conn, [one for one, end in zip(found, ended, strict=True) if isinstance(end, Exception)], origin)
    return [one for one in ended if one is not None]


def _custody(conn: sqlite3.Connection, mails: list[Mail], origin: Moment, terms: Terms) -> list[Delivery | Ended]:
    """The mails in our custody, after one commit; Taken where nothing is left to do, or why one alone failed."""
    found: list[Delivery | Ended | None] = [_known(conn, mail, terms) for mail in mails]
    if None in found:
        with db.write(conn, origin()) as tx:
            for place, mail in enumerate(mails):
                if found[place] is None:
                    try:
                        with tx.savepoint():
                            found[place] = ingest.keep(tx, mail, terms)
                    except Exception as error:
                        if not conn.in_transaction:
                            raise
                        found[place] = error
    return [one for one in found if one is not None]


def _known(conn: sqlite3.Connection, mail: Mail, terms: Terms) -> Ended | None:
    try:
        return ingest.known(conn, mail, terms)
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


def _let_go(conn: sqlite3.Connection, failed: list[Delivery | Ended], origin: Moment) -> None:
    """Own what failed no longer; where that fails too, its lease runs out."""
    mine = [one for one in failed if isinstance(one, Delivery)]
    if mine:
        with suppress(Exception), db.write(conn, origin()) as tx:
            for delivery in mine:
                deliveries.let_go(tx, delivery)
