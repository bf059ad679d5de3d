"""Mails read again from their bytes, and what they lead to decided again where they stand in no case (mail.md §2)."""

from __future__ import annotations

import sqlite3

from crmcli import cases, clock, deliveries, messages, outbox
from crmcli.db import Tx
from crmcli.deliveries import Delivery
from crmcli.errors import Refused
from crmcli.mail import facts, ingest
from crmcli.mail.effects import Taken, effects
from crmcli.mail.incoming import Incoming
from crmcli.mail.triage import moved
from crmcli.tuples import NamedTuple

STANDS_FOR = "SELECT sha256 FROM messages WHERE id = ?"


class Reading(NamedTuple):
    """A mail that came, the delivery whose bytes it stands for, and what it says now."""

    message_id: int
    delivery: Delivery
    incoming: Incoming


def reading(conn: sqlite3.Connection, message_id: int) -> Reading:
    """Read a mail again, as if for the first time; NotFound where there is none.

    To be called outside a transaction: reading takes its time.
    """
    raw = messages.raw(conn, message_id)
    sha256 = conn.execute(STANDS_FOR, (message_id,)).fetchone()[0]
    delivery = next((each for each in deliveries.of_message(conn, message_id) if each.sha256 == sha256), None)
    if delivery is None:
        raise Refused(f"mail {message_id} came by no delivery", hint="crm verify")
    return Reading(message_id, delivery, ingest.read(raw, 1, ingest.Terms().max_bytes))


def reprocess(tx: Tx, mail: Reading) -> int:
    """Decide again what a mail leads to, as nobody and at its own time where it is history → the mail that it is now.

    That is another one where it turned out to be a copy. One that stands in a case is shown by what it says now.
    """
    others = [each for each in deliveries.of_message(tx.conn, mail.message_id) if each.id != mail.delivery.id]
    person, now, first = tx.origin, tx.now, outbox.next_id(tx.conn)
    tx.act_as(None)
    tx.origin = tx.origin._replace(source="mail", quiet=_is_history(tx, mail))
    tx.now = mail.incoming.date or now if tx.origin.quiet else now
    taken = effects(tx, mail.delivery, mail.incoming)
    if taken.message_id == mail.message_id:
        _route(tx, mail, taken)
        deliveries.join(tx, mail.delivery)
    else:
        for each in others:
            effects(tx, each, mail.incoming)
        messages.forget(tx, mail.message_id)
    outbox.drop_repeats(tx, range(first, outbox.next_id(tx.conn)))
    tx.act_as(person.user_id)
    tx.origin, tx.now = person, now
    return taken.message_id or mail.message_id


def _is_history(tx: Tx, mail: Reading) -> bool:
    """Whether it was old when it was read in bulk."""
    date, delivery = mail.incoming.date, mail.delivery
    return date is not None and date < clock.shift(delivery.received_at, -ingest.OLD) and deliveries.is_bulk(tx.conn, delivery)


def _route(tx: Tx, mail: Reading, taken: Taken) -> None:
    """A case that was made though nobody knew its section goes there once it is known, if nothing has happened to it."""
    if mail.delivery.state != "triage" or taken.case_id is None:
        return
    case = cases.get(tx.conn, taken.case_id)
    where = facts.route(tx.conn, mail.delivery.envelope, mail.incoming, case.contact_id)
    if taken.state == "triage" and where.found:
        if case.state == "draft" and where.section_id != case.section_id:
            moved(tx, case, where.section_id)
        deliveries.settle(tx, mail.delivery, where.why)
