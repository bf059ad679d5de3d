"""Mails that came: what they say, what they answer, their files, and how they are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli import clock, deliveries, files
from crmcli.db import Tx
from crmcli.deliveries import Delivery
from crmcli.errors import NotFound
from crmcli.mail.classify import Kind
from crmcli.mail.envelope import trace
from crmcli.mail.incoming import Incoming
from crmcli.model import Attached, Row
from crmcli.text import addresses
from crmcli.tuples import NamedTuple

REMEMBERED = 90 * 24 * 3600
"""Seconds within which the same Message-ID and content are the same mail (mail.md §3)."""

PEOPLE = 20
"""So many of the addresses in To and Cc take part."""

CUT_OFF = 5 * 24 * 3600
"""Seconds within which a mail may come again whole that was cut off on its way here (mail.md §3)."""

DECIDED = ("stranger", "foreign-proof", "possible-spoof")
"""Marks of what was decided when a mail was heard."""

NEWEST = 2**63 - 1

TWIN = """
SELECT id
FROM messages
WHERE (sha256 = :sha256
   OR id IN (SELECT message_id FROM deliveries WHERE core_sha256 = (SELECT core_sha256 FROM deliveries WHERE id = :delivery))
   OR (content_key = :key AND message_id IS :message_id AND received_at > :since))
  AND id IS NOT :itself
ORDER BY id
LIMIT 1
"""

# Other mails of the same id by the same way, the longest first.
SAME_ID = """
SELECT d.message_id, d.sha256
FROM messages m
JOIN deliveries d ON d.message_id = m.id
JOIN raw_messages r ON r.sha256 = d.sha256
WHERE m.message_id = :message_id AND d.route = :route AND d.sender IS :sender AND d.received_at >= :since AND d.id <> :delivery
ORDER BY r.size DESC, d.id
"""

OTHER_CONTENT = "SELECT 1 FROM messages WHERE message_id = ? AND id < ? LIMIT 1"

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
    reused = _is_reused(tx, incoming, NEWEST)
    message_id = tx.insert("messages", {"received_at": tx.now, **_values(incoming, kind, arrived, reused)})
    _refer(tx, message_id, incoming)
    for file, content in _files(incoming):
        files.store(tx, content, file.sha256)
        files.attach(tx, file, message_id=message_id)
    return message_id


def refresh(tx: Tx, message_id: int, incoming: Incoming, kind: Kind, arrived: Arrived) -> None:
    """Store anew what a mail says that was read again; files that are the same stay, as does what its case was told."""
    before = tx.run("SELECT marks FROM messages WHERE id = ?", (message_id,)).fetchone()[0].split()
    kept = ("came-cut", *(DECIDED if case_of(tx.conn, message_id) else ()))
    marks = [*(mark for mark in kept if mark in before), *_is_reused(tx, incoming, message_id)]
    tx.update("messages", message_id, _values(incoming, kind, arrived, marks))
    tx.run("DELETE FROM message_refs WHERE message_id = ?", (message_id,))
    _refer(tx, message_id, incoming)
    if "oversize" not in incoming.marks:
        files.replace(tx, message_id, _files(incoming))


def _files(incoming: Incoming) -> list[tuple[Attached, bytes]]:
    parts = incoming.attachments
    return [(Attached(part.name, part.type, len(part.content), part.sha256), part.content) for part in parts]


def _values(incoming: Incoming, kind: Kind, arrived: Arrived, marks: Sequence[str]) -> Row:
    return {
        "sha256": arrived.sha256,
        "size": arrived.size,
        "message_id": incoming.message_id,
        "content_key": incoming.content_key,
        "from": arrived.writer,
        "envelope_from": arrived.envelope_from,
        "people": ", ".join(arrived.people[:PEOPLE]),
        "subject": incoming.subject,
        "date": incoming.date,
        "class": kind.name,
        "evidence": "; ".join(kind.evidence),
        "charset": incoming.charset,
        "text": incoming.text,
        "visible": " ".join(f"{start}-{end}" for start, end in incoming.visible),
        "marks": " ".join((*incoming.marks, *marks)),
    }


def _is_reused(tx: Tx, incoming: Incoming, before: int) -> list[str]:
    """The mark of a mail whose Message-ID an older one has."""
    found = incoming.message_id and tx.run(OTHER_CONTENT, (incoming.message_id, before)).fetchone()
    return ["id-reused"] if found else []


def _refer(tx: Tx, message_id: int, incoming: Incoming) -> None:
    for ref in dict.fromkeys((*incoming.in_reply_to, *incoming.references)):
        tx.run("INSERT INTO message_refs (message_id, ref) VALUES (?, ?)", (message_id, ref))


def mark(tx: Tx, message_id: int, marks: Sequence[str]) -> None:
    """Add marks to a mail, each once."""
    before = tx.run("SELECT marks FROM messages WHERE id = ?", (message_id,)).fetchone()[0].split() if marks else []
    after = dict.fromkeys([*before, *marks])
    if len(after) > len(before):
        tx.run("UPDATE messages SET marks = ? WHERE id = ?", (" ".join(after), message_id))


def twin(conn: sqlite3.Connection, delivery: Delivery, incoming: Incoming, now: str) -> int | None:
    """The stored mail that a delivery is a copy of: the same bytes, or the same Message-ID and content of late.

    A mail that is stored already is not its own copy, and late is what was late when it came.
    """
    if delivery.message_id is not None:
        now = conn.execute("SELECT received_at FROM messages WHERE id = ?", (delivery.message_id,)).fetchone()[0]
    values = {
        "sha256": delivery.sha256, "delivery": delivery.id, "itself": delivery.message_id,
        "key": incoming.content_key, "message_id": incoming.message_id, "since": clock.shift(now, -REMEMBERED),
    }  # fmt: skip
    row = conn.execute(TWIN, values).fetchone()
    return row[0] if row else None


def cut_off(conn: sqlite3.Connection, delivery: Delivery, incoming: Incoming) -> tuple[int, bool] | None:
    """The stored mail that differs from a delivery only in being cut off, and whether it is the stored one that is.

    That is one of the same Message-ID, route and envelope sender within CUT_OFF of which the bytes of one begin the other.
    """
    if incoming.message_id is None or delivery.message_id is not None:
        return None
    values = {
        "message_id": incoming.message_id, "route": delivery.route, "sender": delivery.sender, "delivery": delivery.id,
        "since": clock.shift(delivery.received_at, -CUT_OFF),
    }  # fmt: skip
    rows = conn.execute(SAME_ID, values).fetchall()
    mine = _core(conn, delivery.sha256) if rows else b""
    for message_id, sha256 in rows:
        other = _core(conn, sha256)
        if mine.startswith(other) or other.startswith(mine):
            return message_id, len(other) < len(mine)
    return None


def _core(conn: sqlite3.Connection, sha256: str) -> bytes:
    """The bytes that every copy of a mail shares."""
    found = deliveries.raw(conn, sha256)
    return found[trace(found).start :]


def forget(tx: Tx, message_id: int) -> None:
    """Take away what was stored of a mail that turned out to be a copy; its bytes and deliveries are the other's now."""
    tx.run("DELETE FROM messages WHERE id = ?", (message_id,))


def cases_of(conn: sqlite3.Connection, ids: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Message-ID → the cases in which that mail stands; ids that are unknown or stand for two mails are left out."""
    found: dict[str, tuple[int, ...]] = {}
    if ids:
        for message_id, case_id in conn.execute(CASES_OF.format(", ".join("?" * len(ids))), tuple(ids)):
            found[message_id] = (*found.get(message_id, ()), case_id)
    return found


def case_of(conn: sqlite3.Connection, message_id: int | None) -> int | None:
    """The case in which a mail stands, the first of several; None where it is heard nowhere."""
    row = conn.execute(STANDS, (message_id,)).fetchone() if message_id is not None else None
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
