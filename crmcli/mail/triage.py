"""Mails that a person takes out of triage, into a case (mail.md §2, §4)."""

from __future__ import annotations

import sqlite3

from crmcli import cases, clock, deliveries, files, messages, outbox
from crmcli.db import Tx
from crmcli.deliveries import Delivery
from crmcli.errors import Refused
from crmcli.execute import execute
from crmcli.mail import facts, ingest, thread
from crmcli.mail.classify import KINDS, Kind, classify
from crmcli.mail.decide import Facts, accepted
from crmcli.mail.effects import carried_out
from crmcli.mail.incoming import Incoming
from crmcli.model import Attached, Case, Edit, Row
from crmcli.tuples import NamedTuple

MESSAGE = "SELECT class, marks FROM messages WHERE id = ?"


class Waiting(NamedTuple):
    """A mail in triage: its first delivery there, how it was stored, and what it says."""

    message_id: int
    delivery: Delivery
    stored: Row
    incoming: Incoming


class Place(NamedTuple):
    """Where a person puts a mail: into this case, a new one of this section, or where it belongs by itself."""

    case_id: int | None = None
    section_id: int | None = None


def waiting(conn: sqlite3.Connection, message_id: int) -> Waiting:
    """A mail in triage, read as it was before; NotFound where there is none, Refused where it is not in triage.

    To be called outside a transaction: reading takes its time.
    """
    raw = messages.raw(conn, message_id)
    stored = dict(conn.execute(MESSAGE, (message_id,)).fetchone())
    delivery = deliveries.in_triage(conn, message_id)[0]
    marks = stored["marks"].split()
    attempt = ingest.LAST_ATTEMPT if "poison" in marks else 1
    return Waiting(message_id, delivery, stored, ingest.read(raw, attempt, 0 if "oversize" in marks else len(raw)))


def accept(tx: Tx, mail: Waiting, place: Place = Place()) -> int:
    """Take a mail out of triage → its case. Nobody is told twice of what they were told before."""
    deliveries.in_triage(tx.conn, mail.message_id)
    tx.origin = tx.origin._replace(source="mail")  # for the limits and the case's origin; the journal names the person
    standing = messages.case_of(tx.conn, mail.message_id)
    case_id = _heard(tx, mail, place) if standing is None else _moved(tx, mail, place, standing)
    deliveries.accept(tx, mail.message_id, case_id)
    return case_id


def moved(tx: Tx, case: Case, section_id: int) -> None:
    """Give a case to another section, and to its responsible unless somebody of their own has it."""
    before, after = (cases.responsible(tx.conn, one) for one in (case.section_id, section_id))
    user_id = after if case.user_id in (None, before) else case.user_id
    execute(tx, Edit(case.id, {"section_id": section_id, "user_id": user_id}))


def _moved(tx: Tx, mail: Waiting, place: Place, case_id: int) -> int:
    """A mail that made a case though nobody knew its section."""
    if place.case_id is not None and cases.current(tx.conn, place.case_id) != case_id:
        hint = f"crm case merge {case_id} --into {place.case_id}"
        raise Refused(f"mail {mail.message_id} stands in case {case_id} already", hint=hint)
    if place.section_id is not None:
        moved(tx, cases.get(tx.conn, case_id), place.section_id)
    return case_id


def _heard(tx: Tx, mail: Waiting, place: Place) -> int:
    """A mail that stands nowhere yet: it is heard, by the rules of its class."""
    kind, found = _known(tx, mail, place)
    outcome = carried_out(tx, accepted(mail.incoming, kind, found))
    outbox.drop_repeats(tx, outcome.outbox_ids)
    if "oversize" in mail.incoming.marks:
        _with_bytes(tx, mail)
    return outcome.case_id


def _known(tx: Tx, mail: Waiting, place: Place) -> tuple[Kind, Facts]:
    """Its class, as strict as ever it was told, and the facts; a spoofed mail stays one whoever lets it in."""
    conn, incoming, envelope = tx.conn, mail.incoming, mail.delivery.envelope
    sender, keys = facts.sender(conn, incoming, envelope), outbox.keys(conn)
    sender = sender._replace(name="") if "poison" in incoming.marks else sender  # its From as it stands is no name
    kind = classify(incoming, facts.known(incoming, envelope, sender, keys))
    strictest = min(kind.name, mail.stored["class"], key=KINDS.index)
    kind = kind._replace(name=strictest, unthanked=kind.unthanked or _is_history(tx, mail))
    spoof = facts.is_spoof(conn, incoming, envelope, sender, keys)
    kind, sender = facts.distrusted(kind, sender) if spoof else (kind, sender)
    clues = thread.clues(incoming, envelope.recipients, keys)
    found, _ = facts.gather(conn, incoming, envelope, sender, clues, mail.message_id, tx.now)
    found = found._replace(gone=None, routed=True)
    if place.case_id is not None:
        found = found._replace(case=cases.get(conn, cases.current(conn, place.case_id)))
    elif place.section_id is not None:
        found = found._replace(case=None, section_id=place.section_id)
    return kind, found._replace(participant=not spoof)


def _is_history(tx: Tx, mail: Waiting) -> bool:
    """Whether it was read in bulk and is old, or too broken to tell: then nobody waits for thanks."""
    old = mail.incoming.date is None or mail.incoming.date < clock.shift(mail.delivery.received_at, -ingest.OLD)
    return old and deliveries.is_bulk(tx.conn, mail.delivery)


def _with_bytes(tx: Tx, mail: Waiting) -> None:
    """The whole of a mail of which only the head was read, as a file with it."""
    raw = messages.raw(tx.conn, mail.message_id)
    file = Attached("message.eml", "message/rfc822", len(raw), files.store(tx, raw))
    files.attach(tx, file, message_id=mail.message_id)
