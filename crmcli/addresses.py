"""Mail addresses: whose they are, which are our own, and whether they work."""

from __future__ import annotations

import sqlite3

from crmcli import settings
from crmcli.db import Tx
from crmcli.model import Row

OWN = "SELECT lower(reply_to) FROM sections WHERE reply_to IS NOT NULL"

USER = """
SELECT id FROM users WHERE email = :address AND active = 1
UNION ALL
SELECT u.id FROM addresses a JOIN users u ON u.id = a.user_id WHERE a.address = :address AND u.active = 1
LIMIT 1
"""

CONTACT = """
SELECT id FROM contacts WHERE email = :address AND active = 1
UNION ALL
SELECT c.id FROM addresses a JOIN contacts c ON c.id = a.contact_id WHERE a.address = :address AND c.active = 1
LIMIT 1
"""

LIST = """
SELECT a.address, a.state, a.why, a.since, u.login AS user, c.name AS contact
FROM addresses a
LEFT JOIN users u ON u.id = a.user_id
LEFT JOIN contacts c ON c.id = a.contact_id
WHERE (:state IS NULL OR a.state = :state) AND (:address IS NULL OR a.address = :address)
ORDER BY a.address
"""


def own(conn: sqlite3.Connection) -> set[str]:
    """Our own addresses, lower case: each section's reply_to, and mail_from."""
    found = {row[0] for row in conn.execute(OWN)}
    mail_from = settings.get(conn, "mail_from").lower()
    return found | {mail_from} if mail_from else found


def user_id(conn: sqlite3.Connection, address: str) -> int | None:
    """The active member of the staff whose address it is, by exact match."""
    row = conn.execute(USER, {"address": address}).fetchone()
    return row[0] if row else None


def contact_id(conn: sqlite3.Connection, address: str) -> int | None:
    """The active contact whose address it is, by exact match."""
    row = conn.execute(CONTACT, {"address": address}).fetchone()
    return row[0] if row else None


def private_contact(tx: Tx, name: str, address: str) -> int:
    """A new contact without a partner, for someone who wrote and whom nobody knows → its id."""
    return tx.insert("contacts", {"name": name or address, "email": address})


def listed(conn: sqlite3.Connection, state: str | None = None, address: str | None = None) -> list[Row]:
    """The addresses that were noted, those in one state, or one of them, with whose they are."""
    return [dict(row) for row in conn.execute(LIST, {"state": state, "address": address})]


def is_suspended(conn: sqlite3.Connection, address: str) -> bool:
    """Whether mail to the address is kept back: it failed for good, or someone suspended it."""
    row = conn.execute("SELECT state FROM addresses WHERE address = ?", (address,)).fetchone()
    return row is not None and row[0] in ("hard", "suspended")


def mark(tx: Tx, address: str, state: str, why: str) -> None:
    """Set the state of an address, known or not."""
    tx.run(
        "INSERT INTO addresses (address, state, why, since) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (address) DO UPDATE SET state = excluded.state, why = excluded.why, since = excluded.since",
        (address, state, why, tx.now),
    )
