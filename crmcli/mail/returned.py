"""Mails of ours that came back: tied to their row of the outbox, the address marked, the responsible told (mail.md §4)."""

from __future__ import annotations

import sqlite3

from crmcli import addresses, cases, deliveries, outbox
from crmcli.db import Tx
from crmcli.deliveries import Delivery
from crmcli.execute import execute
from crmcli.mail import sign
from crmcli.mail.bounce import Failure, read
from crmcli.mail.incoming import Incoming
from crmcli.model import Mail, Row
from crmcli.tuples import NamedTuple

BY_NUMBER = "SELECT id, case_id, recipient, error FROM outbox WHERE id = ?"
BY_NAME = "SELECT id, case_id, recipient, error FROM outbox WHERE message_id = ?"

STAFF = """
SELECT u.email
FROM cases c
JOIN sections s ON s.id = c.section_id
JOIN users u ON u.id IN (c.user_id, s.user_id)
WHERE c.id = ? AND u.active = 1 AND u.email IS NOT NULL
ORDER BY u.id IS c.user_id DESC
"""

BODY = """The mail {id} to {recipient} came back: {status} {reason}

Nothing more is sent to that address until it is cleared: crm mail address clear {recipient}"""


class Returned(NamedTuple):
    """The mail of ours (id, case_id, recipient) and what is said of its recipient; None where nothing can be read."""

    row: Row
    failure: Failure | None


def find(
    conn: sqlite3.Connection, delivery: Delivery, incoming: Incoming, keys: tuple[sign.Key, ...], sure: bool
) -> Returned | None:  # fmt: skip
    """The mail of ours that a bounce is about, by the signed bounce address or the ids of what came back.

    Where it is not sure that it is a bounce (answering machines write to that address too) it must read like one.
    """
    named = [address for _, address in (*incoming.to, *incoming.cc)]
    proofs = [proof for address in (*delivery.envelope.recipients, *named) for proof in sign.proofs(address, keys)]
    numbers = [proof.outbox_id for proof in proofs if proof.outbox_id is not None]
    if not (sure or numbers):
        return None
    said = read(deliveries.raw(conn, delivery.sha256), incoming)
    row = next((row for number in numbers if (row := conn.execute(BY_NUMBER, (number,)).fetchone())), None)
    row = row or next((row for name in said.ids if (row := conn.execute(BY_NAME, (f"<{name}>",)).fetchone())), None)
    if row is None or not (sure or said.recipients):
        return None
    own = [failure for failure in said.recipients if failure.address.lower() == row["recipient"].lower()]
    return Returned(dict(row), next(iter(own or said.recipients[:1]), None))


def note(tx: Tx, returned: Returned) -> str:
    """Record what a bounce says → the reason in words; it speaks of nobody but the recipient of our own mail."""
    row, failure = returned
    if failure is None:
        return f"mail {row['id']} came back"
    words = f"{failure.status} {failure.reason}".strip()
    if failure.permanent and row["error"] != f"came back: {words}":  # else it has been told, of this bounce or another
        addresses.mark(tx, row["recipient"], "hard", words)
        outbox.failed(tx, row["id"], f"came back: {words}")
        _tell(tx, row, failure)
    elif failure.status.startswith("4") and not addresses.is_suspended(tx.conn, row["recipient"]):
        addresses.mark(tx, row["recipient"], "soft", words)
    return f"mail {row['id']} came back: {failure.action} {words}"


def _tell(tx: Tx, row: Row, failure: Failure) -> None:
    """Tell the responsible by an address that works: that of the case, else of the section."""
    staff = [found["email"] for found in tx.run(STAFF, (row["case_id"],))]
    working = [address for address in staff if not addresses.is_suspended(tx.conn, address)]
    if working:
        body = BODY.format(id=row["id"], recipient=row["recipient"], status=failure.status, reason=failure.reason)
        execute(tx, Mail(cases.current(tx.conn, row["case_id"]), (working[0],), body))
