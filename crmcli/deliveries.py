"""The custody record: one row a mail and route, from the arrival of its bytes until they have led to something (mail.md §2)."""

from __future__ import annotations

import sqlite3
import zlib

from crmcli import clock, digest
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused
from crmcli.mail.envelope import Envelope
from crmcli.model import Row
from crmcli.tuples import Any, NamedTuple

LEASE = 150
"""Seconds that a mail is left to the process that took it; its own time limit is shorter."""

BULK = "read in bulk"
"""The reason of a delivery that did not come by the pipe, while it waits."""

COMPRESSION, MEMORY = 1, 9
"""zlib's level, beyond which twice the time saves some five hundredths of the room, and its memory, which saves a tenth of it."""

LARGE, SAMPLE, SLACK = 32 * 1024, 2048, 1.05
"""Bytes of a mail from which on a sample is looked at, bytes of the sample, and how much more room the faster way may take."""

COLUMNS = "id, sha256, route, recipient, sender, received_at, state, attempts, owner, lease_until, message_id, case_id, reason"

SAME = f"SELECT {COLUMNS} FROM deliveries WHERE core_sha256 = ? AND route = ?"

OURS = "SELECT 1 FROM deliveries WHERE id = ? AND state = 'received' AND owner IS ? AND attempts = ?"

LAPSED = f"""
SELECT {COLUMNS}
FROM deliveries
WHERE state = 'received' AND lease_until <= ?
ORDER BY lease_until, id
LIMIT ?
"""

KEEP = "INSERT INTO raw_messages (sha256, size, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

END = """
UPDATE deliveries
SET message_id = :message, state = :state, case_id = :case, reason = :reason, decision = json_object({}),
    owner = NULL, lease_until = NULL
WHERE id = :id
"""

JOIN = """
UPDATE deliveries AS d SET state = o.state, case_id = o.case_id, reason = o.reason
FROM deliveries o
WHERE o.id = ? AND o.state = 'done' AND d.message_id = ? AND d.id <> o.id AND d.state = 'triage'
"""

UNDONE: Row = {"state": "triage", "case_id": None, "reason": "what it led to was undone"}

DECISION = "SELECT j.key, j.value FROM deliveries d, json_each(d.decision) j WHERE d.id = ?"

IS_BULK = "SELECT json_extract(decision, '$.bulk') FROM deliveries WHERE id = ?"


class Delivery(NamedTuple):
    """One mail on one route; recipient holds all recipients, sender is None where nobody told and '' for a bounce."""

    id: int
    sha256: str
    route: str
    recipient: str | None
    sender: str | None
    received_at: str
    state: str
    attempts: int
    owner: str | None
    lease_until: str | None
    message_id: int | None
    case_id: int | None
    reason: str | None

    @property
    def envelope(self) -> Envelope:
        """The envelope as it was when the bytes came."""
        section = self.route.removeprefix("section ") if self.route.startswith("section ") else ""
        return Envelope(tuple(self.recipient.split(", ")) if self.recipient else (), self.sender, section)


class Packed(NamedTuple):
    """The bytes of a mail as they are kept, compressed: a row of raw_messages."""

    sha256: str
    size: int
    content: bytes


def same(conn: sqlite3.Connection, core_sha256: str, route: str) -> Delivery | None:
    """The delivery of the same bytes on the same route, where there was one."""
    row = conn.execute(SAME, (core_sha256, route)).fetchone()
    return Delivery(*row) if row else None


def pack(raw: bytes, sha256: str = "") -> Packed:
    """The bytes as they are kept; their digest where it is not known."""
    return Packed(sha256 or digest.hexdigest(raw), len(raw), _compressed(raw, _strategy(raw)))


def _compressed(content: bytes, strategy: int) -> bytes:
    packer = zlib.compressobj(COMPRESSION, memLevel=MEMORY, strategy=strategy)
    return packer.compress(content) + packer.flush()


def _strategy(raw: bytes) -> int:
    """How zlib goes about it: in files that are packed already nothing repeats, and not to search takes half of the time."""
    if len(raw) < LARGE:
        return zlib.Z_DEFAULT_STRATEGY
    middle = len(raw) // 2
    sample = raw[middle : middle + SAMPLE]
    searched, plain = (len(_compressed(sample, how)) for how in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY))
    return zlib.Z_HUFFMAN_ONLY if plain <= searched * SLACK else zlib.Z_DEFAULT_STRATEGY


def take(
    tx: Tx, raw: bytes | Packed, core_sha256: str, envelope: Envelope, owner: str, reason: str | None = None, attempts: int = 1
) -> Delivery:  # fmt: skip
    """Take the bytes into custody, leased to the owner; they are kept once for all routes."""
    packed = raw if isinstance(raw, Packed) else pack(raw)
    tx.run(KEEP, packed)
    lease = clock.shift(tx.now, LEASE)
    taken = Delivery(
        0, packed.sha256, envelope.route, ", ".join(envelope.recipients) or None, envelope.sender, tx.now, "received", attempts,
        owner, lease, None, None, reason,
    )  # fmt: skip
    values = {name: value for name, value in taken._asdict().items() if name != "id"}
    return taken._replace(id=tx.insert("deliveries", {**values, "core_sha256": core_sha256}))


def claim(tx: Tx, delivery: Delivery, owner: str) -> Delivery:
    """Take over a delivery whose owner is gone: one attempt more, a new lease."""
    mine = delivery._replace(owner=owner, attempts=delivery.attempts + 1, lease_until=clock.shift(tx.now, LEASE))
    tx.update("deliveries", delivery.id, {name: getattr(mine, name) for name in ("owner", "attempts", "lease_until")})
    return mine


def let_go(tx: Tx, delivery: Delivery) -> None:
    """Own a delivery no longer: the server's next try may have it at once, everybody else when the lease has run out."""
    tx.update("deliveries", delivery.id, {"owner": None})


def is_ours(conn: sqlite3.Connection, delivery: Delivery) -> bool:
    """Whether the delivery still waits, and nobody has taken it from the owner that it names."""
    return conn.execute(OURS, (delivery.id, delivery.owner, delivery.attempts)).fetchone() is not None


def lapsed(conn: sqlite3.Connection, now: str, limit: int) -> list[Delivery]:
    """Deliveries that wait and whose lease has run out, the oldest lease first."""
    return [Delivery(*row) for row in conn.execute(LAPSED, (now, limit))]


def read_as(tx: Tx, delivery: Delivery, message_id: int) -> None:
    """Which message the delivery turned out to be."""
    tx.update("deliveries", delivery.id, {"message_id": message_id})


def end(
    tx: Tx, delivery: Delivery, message_id: int, state: str, case_id: int | None, reason: str, decision: dict[str, Any]
) -> None:  # fmt: skip
    """The delivery turned out to be this mail, and has led to something: `done`, or `triage`; decision is kept as JSON."""
    marks = ", ".join([f"'{name}', :_{name}" for name in decision])
    values = {f"_{name}": value for name, value in decision.items()}
    found = {"id": delivery.id, "message": message_id, "state": state, "case": case_id, "reason": reason or None}
    tx.run(END.format(marks), {**found, **values})


def join(tx: Tx, delivery: Delivery) -> None:
    """A mail has come out of triage by one of its deliveries: those that wait there with it go along."""
    tx.run(JOIN, (delivery.id, delivery.message_id))


def in_triage(conn: sqlite3.Connection, message_id: int) -> list[Delivery]:
    """The deliveries of a mail that a person must look at; NotFound for no such mail, Refused where there are none."""
    every = of_message(conn, message_id)
    waiting = [found for found in every if found.state == "triage"]
    if not every:
        raise NotFound(f"no mail {message_id}", hint="crm mail triage list")
    if not waiting:
        raise Refused(f"mail {message_id} is not in triage", hint="crm mail triage list")
    return waiting


def reject(tx: Tx, message_id: int) -> None:
    """Take a mail out of triage for good; Refused where none of its deliveries is there."""
    for found in in_triage(tx.conn, message_id):
        tx.update("deliveries", found.id, {"state": "done", "reason": f"rejected: {found.reason or 'triage'}"})


def accept(tx: Tx, message_id: int, case_id: int) -> None:
    """Take a mail out of triage into a case; Refused where none of its deliveries is there."""
    for found in in_triage(tx.conn, message_id):
        reason = f"accepted: {found.reason or 'triage'}"
        tx.update("deliveries", found.id, {"state": "done", "case_id": case_id, "reason": reason})


def settle(tx: Tx, delivery: Delivery, reason: str) -> None:
    """Nothing is left for a person to look at."""
    tx.update("deliveries", delivery.id, {"state": "done", "reason": reason})


def turn_back(tx: Tx, delivery_id: int, old: Row, new: Row) -> bool:
    """Undo an end of a delivery, given the columns that changed → whether it was still as it was left.

    It is then as it was before, and in triage where it had not led to anything yet: the mail itself stays.
    """
    ends = [name for name in ("state", "case_id", "reason") if name in new]
    row = tx.run("SELECT state, case_id, reason FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    if not ends or row is None or any(row[name] != new[name] for name in ends):
        return False
    back: Row = {name: old[name] for name in ends}
    tx.update("deliveries", delivery_id, UNDONE if back.get("state") == "received" else back)
    return True


def decision(conn: sqlite3.Connection, delivery: Delivery) -> Row:
    """What was found and done when a delivery ended, by name; nothing before."""
    return dict(tuple(row) for row in conn.execute(DECISION, (delivery.id,)))


def is_bulk(conn: sqlite3.Connection, delivery: Delivery) -> bool:
    """Whether a delivery was read in bulk; one that has ended remembers it."""
    if delivery.state == "received":
        return delivery.reason == BULK
    return bool(conn.execute(IS_BULK, (delivery.id,)).fetchone()[0])


def of_message(conn: sqlite3.Connection, message_id: int) -> list[Delivery]:
    """The deliveries of a message, the first first."""
    found = conn.execute(f"SELECT {COLUMNS} FROM deliveries WHERE message_id = ? ORDER BY id", (message_id,))
    return [Delivery(*row) for row in found]


def raw(conn: sqlite3.Connection, sha256: str) -> bytes:
    """The bytes as they came; NotFound where they are not here."""
    row = conn.execute("SELECT bytes FROM raw_messages WHERE sha256 = ?", (sha256,)).fetchone()
    if row is None:
        raise NotFound("the bytes of this mail are not here", hint="crm mail list")
    return zlib.decompress(row[0])
