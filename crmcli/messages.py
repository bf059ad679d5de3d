"""Mails that came: what they say, what they answer, their files, and how they are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli import clock, deliveries, files
from crmcli.db import Tx
from crmcli.errors import NotFound
from crmcli.mail.classify import Kind
from crmcli.mail.incoming import Incoming
from crmcli.model import Attached
from crmcli.text import addresses
from crmcli.tuples import NamedTuple

REMEMBERED = 90 * 24 * 3600
"""Seconds within which the same Message-ID and content are the same mail (mail.md §3)."""

PEOPLE = 20
"""So many of the addresses in To and Cc take part."""

TWIN = """
SELECT id
FROM messages
WHERE sha256 = :sha256
   OR (content_key = :key AND message_id IS :message_id AND received_at > :since)
ORDER BY id
LIMIT 1
"""

OTHER_CONTENT = "SELECT 1 FROM messages WHERE message_id = ? LIMIT 1"

# Where a mail came to stand; an id that two different mails bear threads nothing.
CASES_OF = """
SELECT DISTINCT m.message_id, l.case_id
FROM messages m
JOIN case_history h ON h.message_id = m.id
JOIN case_log l ON l.id = h.log_id
WHERE m.message_id IN ({})
  AND NOT EXISTS (SELECT 1 FROM messages o WHERE o.message_id = m.message_id AND o.id <> m.id)
"""

STANDS = """
SELECT l.case_id
FROM case_history h JOIN case_log l ON l.id = h.log_id
WHERE h.message_id = ?
ORDER BY h.id
LIMIT 1
"""

WROTE = """
SELECT m."from", m.people
FROM case_log l
JOIN case_history h ON h.log_id = l.id
JOIN messages m ON m.id = h.message_id
WHERE l.case_id = ? AND h.direction = 'in' AND m.marks NOT LIKE '%stranger%'
"""


class Arrived(NamedTuple):
    """What is stored of a mail beside what it says itself; people are the addresses in To and Cc that are not ours."""

    sha256: str
    size: int
    writer: str | None
    envelope_from: str | None
    people: tuple[str, ...]


def insert(tx: Tx, incoming: Incoming, kind: Kind, arrived: Arrived) -> int:
    """Store what a mail says, the ids that it refers to, and its files → its id."""
    reused = incoming.message_id and tx.run(OTHER_CONTENT, (incoming.message_id,)).fetchone()
    message_id = tx.insert(
        "messages",
        {
            "sha256": arrived.sha256,
            "size": arrived.size,
            "message_id": incoming.message_id,
            "content_key": incoming.content_key,
            "from": arrived.writer,
            "envelope_from": arrived.envelope_from,
            "people": ", ".join(arrived.people[:PEOPLE]),
            "subject": incoming.subject,
            "date": incoming.date,
            "received_at": tx.now,
            "class": kind.name,
            "evidence": "; ".join(kind.evidence),
            "charset": incoming.charset,
            "text": incoming.text,
            "visible": " ".join(f"{start}-{end}" for start, end in incoming.visible),
            "marks": " ".join((*incoming.marks, *(("id-reused",) if reused else ()))),
        },
    )
    for ref in dict.fromkeys((*incoming.in_reply_to, *incoming.references)):
        tx.run("INSERT INTO message_refs (message_id, ref) VALUES (?, ?)", (message_id, ref))
    for part in incoming.attachments:
        sha256 = files.store(tx, part.content)
        files.attach(tx, Attached(part.name, part.type, len(part.content), sha256), message_id=message_id)
    return message_id


def mark(tx: Tx, message_id: int, marks: Sequence[str]) -> None:
    """Add marks to a mail."""
    if marks:
        tx.run("UPDATE messages SET marks = trim(marks || ' ' || ?) WHERE id = ?", (" ".join(marks), message_id))


def twin(conn: sqlite3.Connection, sha256: str, incoming: Incoming, now: str) -> int | None:
    """The stored mail that this one is a copy of: the same bytes, or the same Message-ID and content of late."""
    since = clock.shift(now, -REMEMBERED)
    values = {"sha256": sha256, "key": incoming.content_key, "message_id": incoming.message_id, "since": since}
    row = conn.execute(TWIN, values).fetchone()
    return row[0] if row else None


def cases_of(conn: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Message-ID → the cases in which that mail stands; ids that are unknown or stand for two mails are left out."""
    found: dict[str, tuple[int, ...]] = {}
    if ids:
        for message_id, case_id in conn.execute(CASES_OF.format(", ".join("?" * len(ids))), tuple(ids)):
            found[message_id] = (*found.get(message_id, ()), case_id)
    return found


def case_of(conn: sqlite3.Connection, message_id: int) -> int | None:
    """The case in which a mail stands, the first of several; None where it is heard nowhere."""
    row = conn.execute(STANDS, (message_id,)).fetchone()
    return row[0] if row else None


def people_of(conn: sqlite3.Connection, case_id: int) -> set[str]:
    """Who wrote to a case, and whom those people wrote it to; strangers who held a proof do not count. Lower case."""
    found: set[str] = set()
    for writer, people in conn.execute(WROTE, (case_id,)):
        found.update(address.lower() for address in [writer or "", *addresses(people)])
    return found - {""}


def raw(conn: sqlite3.Connection, message_id: int) -> bytes:
    """The original bytes of a mail; NotFound where there is none."""
    row = conn.execute("SELECT sha256 FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        raise NotFound(f"no mail {message_id}", hint="crm mail list")
    return deliveries.raw(conn, row[0])
