"""The outbox: mails as finished bytes, from the transaction that caused them until they have left (mail.md §7)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable

from crmcli import clock, settings
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused
from crmcli.mail.sign import Key
from crmcli.model import Row
from crmcli.turns import path_of

LEASE = 600
# Seconds until the next attempt after the first, the second …; after the last the mail has failed: 5 days in all.
DELAYS = (60, 120, 240, 480, 900, 1800, 3600, 7200, 14400, 28800, 43200, 72000, 86400, 86400, 86400)
PAUSES = DELAYS[:7]
PATIENCE = len(PAUSES) + (sum(DELAYS) - sum(PAUSES)) // PAUSES[-1]
NO_SENDER = "no address to send from"
COPIED = "held in a copy of the database: the original may send it"

KEYS = "SELECT version, key, retired_at IS NOT NULL FROM mail_keys ORDER BY version DESC"

STATES = ("queued", "sending", "sent", "failed", "held")

# A transport that did not work is left alone until the row that met it is due again. What the index outbox_due says is
# said here too: else all mails that ever left are looked at.
PAUSED = """
SELECT next_at, error
FROM outbox
WHERE state IN ('queued', 'sending') AND state = 'queued' AND error LIKE 'transport: %' AND next_at > ?
ORDER BY next_at
LIMIT 1
"""

IS_DUE = "t.state IN ('queued', 'sending') AND t.next_at <= :now AND (t.state = 'queued' OR t.lease_until <= :now)"

DUE = f"""
SELECT t.id
FROM outbox t
WHERE {IS_DUE}
ORDER BY next_at, id
LIMIT :limit
"""

CLAIM = """
UPDATE outbox
SET state = 'sending', owner = :owner, lease_until = :until, attempts = attempts + 1
WHERE id = :id
"""

REPEAT = """
DELETE FROM outbox
WHERE id = ? AND cause GLOB 'message:*' AND EXISTS (
  SELECT 1 FROM outbox o
  WHERE o.recipient = outbox.recipient AND o.kind = outbox.kind AND ' ' || o.cause || ' ' GLOB '* ' || outbox.cause || ' *'
    AND o.id < outbox.id AND o.state <> 'failed')
"""

JOINED = 60
"""Seconds within which a notice that waits takes in the next one of its kind."""

# What was tried may have arrived, and its Message-ID with it; what was told already is no news to take in. The plus keeps
# SQLite from the index of all that the recipient ever got.
WAITING = """
SELECT id, cause, message_id
FROM outbox t
WHERE kind = 'forward' AND case_id = :case AND +recipient = :recipient AND user_id IS NOT NULL
  AND state = 'queued' AND attempts = 0 AND created_at > :since AND created_at <= :now
  AND cause GLOB 'message:*' AND message_id GLOB '*.' || :token || '@*'
  AND NOT EXISTS (
    SELECT 1 FROM outbox o WHERE o.recipient = :recipient AND o.kind = 'forward' AND o.cause = :cause)
  AND NOT EXISTS (
    SELECT 1 FROM outbox o
    WHERE o.case_id = :case AND +o.recipient = :recipient AND ' ' || o.cause || ' ' GLOB '* ' || :cause || ' *')
ORDER BY id DESC
LIMIT 1
"""

LIST = """
SELECT id, kind, case_id, recipient, envelope_from, message_id, subject, state, attempts, next_at, error
FROM outbox
"""


def keys(conn: sqlite3.Connection) -> tuple[Key, ...]:
    """The keys that sign and prove, newest first."""
    return tuple(Key(row[0], bytes(row[1]), bool(row[2])) for row in conn.execute(KEYS))


def next_id(conn: sqlite3.Connection) -> int:
    """The id that the next row gets; inside a write nobody else takes it."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) + 1 if row else 1


def add(tx: Tx, values: Row, held: str = "") -> int:
    """A mail to be sent at once, or held for the reason given → its id."""
    state = {"state": "held", "error": held} if held else {"state": "queued", "next_at": tx.now}
    return tx.insert("outbox", {**values, **state, "created_at": tx.now})


def waiting(tx: Tx, case_id: int, recipient: str, token: str, cause: str) -> Row | None:
    """The notice with this token that was written for somebody less than JOINED seconds ago and has not been tried yet."""
    values = {"case": case_id, "recipient": recipient, "token": token, "cause": cause, "now": tx.now}
    row = tx.run(WAITING, {**values, "since": clock.shift(tx.now, -JOINED)}).fetchone()
    return dict(row) if row else None


def take_in(tx: Tx, row: Row, cause: str, values: Row) -> int:
    """Let a notice that waits say more than it did, for one more cause → its id."""
    tx.update("outbox", row["id"], {**values, "cause": f"{row['cause']} {cause}"})
    return int(row["id"])


def drop_repeats(tx: Tx, outbox_ids: Iterable[int]) -> None:
    """Of mails just written, take away those about a mail that the same person was sent the same kind about before."""
    for outbox_id in outbox_ids:
        tx.run(REPEAT, (outbox_id,))


def get(conn: sqlite3.Connection, outbox_id: int) -> Row:
    """One mail, its bytes included; NotFound where there is none."""
    row = conn.execute("SELECT * FROM outbox WHERE id = ?", (outbox_id,)).fetchone()
    if row is None:
        raise NotFound(f"no mail {outbox_id} in the outbox", hint="crm mail outbox list")
    return dict(row)


def numbers(conn: sqlite3.Connection, words: list[str]) -> list[int]:
    """Mails by number, each once: ``4``, ``4-7`` (those that exist), ``4,6``; Usage for what is no number."""
    from crmcli import find

    return find.mails(conn, words, "outbox", " in the outbox", "crm mail outbox list")


def listed(conn: sqlite3.Connection, state: str | None = None, case_id: int | None = None) -> list[Row]:
    """The mails in the order they were written, of one state or case where named; without their bytes."""
    where = " WHERE (:state IS NULL OR state = :state) AND (:case IS NULL OR case_id = :case) ORDER BY id"
    return [dict(row) for row in conn.execute(LIST + where, {"state": state, "case": case_id})]


# Sending --------------------------------------------------------------------------------------------


def paused(conn: sqlite3.Connection, now: str) -> tuple[str, str] | None:
    """Until when the transport is left alone, and why; None where it may be used."""
    row = conn.execute(PAUSED, (now,)).fetchone()
    return (row[0], row[1].removeprefix("transport: ")) if row else None


def is_due(conn: sqlite3.Connection, now: str) -> bool:
    """Whether there is something to send and a way to send it: cheap, for after every mail that came in."""
    if conn.execute(DUE, {"now": now, "limit": 1}).fetchone() is None:
        return False
    return settings.get(conn, "transport") != "" and paused(conn, now) is None


def claim(tx: Tx, owner: str, limit: int) -> list[Row]:
    """Take mails that are due, or whose sender died, for LEASE seconds."""
    ids = [row[0] for row in tx.run(DUE, {"now": tx.now, "limit": limit})]
    return [_claimed(tx, owner, outbox_id) for outbox_id in ids]


def take(tx: Tx, owner: str, outbox_id: int) -> Row:
    """Take this mail, whatever it waits for; Refused where it has left or someone is sending it."""
    retry(tx, outbox_id, "send")
    return _claimed(tx, owner, outbox_id)


def _claimed(tx: Tx, owner: str, outbox_id: int) -> Row:
    tx.run(CLAIM, {"id": outbox_id, "owner": owner, "until": clock.shift(tx.now, LEASE)})
    return get(tx.conn, outbox_id)


def sent(tx: Tx, outbox_id: int) -> None:
    """It has left."""
    _end(tx, outbox_id, {"state": "sent", "sent_at": tx.now, "next_at": None, "error": None})


def failed(tx: Tx, outbox_id: int, why: str) -> None:
    """It will never leave."""
    _end(tx, outbox_id, {"state": "failed", "next_at": None, "error": why})


def put_off(tx: Tx, row: Row, why: str) -> None:
    """It was not taken this time: again after a pause that grows, given up after 5 days."""
    if row["attempts"] > len(DELAYS):
        return failed(tx, row["id"], why)
    _end(tx, row["id"], {"state": "queued", "next_at": clock.shift(tx.now, DELAYS[row["attempts"] - 1]), "error": why})


def pause(tx: Tx, row: Row, why: str, by_mail: bool = False) -> None:
    """The transport did not work: no mail leaves until this one is due again, within the hour.

    With by_mail it did not like this mail, which is given up after 5 days so that it stops nobody for ever.
    """
    if by_mail and row["attempts"] > PATIENCE:
        return failed(tx, row["id"], why)
    delay = PAUSES[min(row["attempts"], len(PAUSES)) - 1]
    _end(tx, row["id"], {"state": "queued", "next_at": clock.shift(tx.now, delay), "error": f"transport: {why}"})


def give_back(tx: Tx, row: Row) -> None:
    """It was taken and not tried: as if it had not been taken."""
    _end(tx, row["id"], {"state": "queued", "attempts": row["attempts"] - 1})


def _end(tx: Tx, outbox_id: int, values: Row) -> None:
    tx.update("outbox", outbox_id, {**values, "owner": None, "lease_until": None})


# What people do with it ---------------------------------------------------------------------------------


def hold(tx: Tx, outbox_id: int, why: str = "held by hand") -> None:
    """Keep a queued mail back until someone says retry."""
    _only(tx.conn, outbox_id, "hold", ("queued",))
    _end(tx, outbox_id, {"state": "held", "next_at": None, "error": why})


def retry(tx: Tx, outbox_id: int, verb: str = "retry") -> None:
    """Queue a mail that waits, failed or was held, as if for the first time."""
    row = _only(tx.conn, outbox_id, verb, ("queued", "failed", "held"))
    if row["error"] == NO_SENDER:
        raise Refused(f"mail {outbox_id} has {NO_SENDER}", hint="give its section a --reply-to, then write it again")
    _end(tx, outbox_id, {"state": "queued", "attempts": 0, "next_at": tx.now, "error": None})


def drop(tx: Tx, outbox_id: int, why: str = "dropped by hand") -> None:
    """Give a mail up that has not left; it stays in the list as failed."""
    _only(tx.conn, outbox_id, "drop", ("queued", "held", "failed"))
    failed(tx, outbox_id, why)


def hurry(tx: Tx) -> None:
    """Whatever waits for its next attempt is due now."""
    tx.run("UPDATE outbox SET next_at = :now WHERE state = 'queued' AND next_at > :now", {"now": tx.now})


def free(tx: Tx) -> int:
    """Let mails go again whose sender died while it had them → how many."""
    rows = tx.run("SELECT id FROM outbox WHERE state = 'sending' AND coalesce(lease_until, '') <= ?", (tx.now,)).fetchall()
    for (outbox_id,) in rows:
        _end(tx, outbox_id, {"state": "queued", "next_at": tx.now})
    return len(rows)


def hold_all(tx: Tx, reason: str) -> int:
    """Hold every mail that has not left, as after a restore or on a copy → how many."""
    rows = tx.run("SELECT id FROM outbox WHERE state IN ('queued', 'sending')").fetchall()
    for (outbox_id,) in rows:
        _end(tx, outbox_id, {"state": "held", "next_at": None, "error": reason})
    return len(rows)


def home(conn: sqlite3.Connection) -> tuple[str, str | None]:
    """The inode of the file that this is, and of the one whose mails leave, None where nobody has said."""
    row = conn.execute("SELECT inode FROM home").fetchone()
    return str(os.stat(path_of(conn)).st_ino), row[0] if row else None


def settle(tx: Tx) -> None:
    """Be at home in this file; what a copy brought with it is held, as the original sends it too (mail.md §7)."""
    here, before = home(tx.conn)
    if before not in (here, None):
        hold_all(tx, COPIED)
    tx.run("INSERT INTO home (id, inode) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET inode = excluded.inode", (here,))


def leave_home(tx: Tx) -> None:
    """Whatever file this comes to be in next is its home."""
    tx.run("DELETE FROM home")


def _only(conn: sqlite3.Connection, outbox_id: int, verb: str, states: tuple[str, ...]) -> Row:
    row = get(conn, outbox_id)
    if row["state"] not in states:
        raise Refused(f"cannot {verb} mail {outbox_id}: it is {row['state']}", hint=f"possible for {', '.join(states)}")
    return row
