"""Who gets a mail about a case, from which address of ours, and whose copy must wait (mail.md §7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from crmcli import addresses, settings
from crmcli.mail.senders import organisation, reads_nobody
from crmcli.model import Case, Mailed, Row
from crmcli.text import addresses as listed
from crmcli.text import is_address, is_own
from crmcli.tuples import NamedTuple, TypeAlias


class Desk(NamedTuple):
    """Where a mail is written: the case's section, the address it comes from ('' for none), and all that are ours."""

    section: Row
    address: str
    ours: set[str]


class Copy(NamedTuple):
    """One copy: to this address; user_id where it is a member of the staff; held is why it must wait."""

    address: str
    user_id: int | None = None
    held: str = ""


Copies: TypeAlias = Callable[[sqlite3.Connection, Case, Mailed, Desk], list[Copy]]

USER = "SELECT id, login, name, email, signature FROM users WHERE id = ?"

CAME_BY = """
SELECT recipient
FROM deliveries
WHERE recipient IS NOT NULL AND (message_id = :message OR case_id = :case)
ORDER BY id
"""

NAME = """
SELECT coalesce(nullif(u.name, ''), u.login) FROM users u WHERE u.email = :address
UNION ALL SELECT u.name FROM addresses a JOIN users u ON u.id = a.user_id WHERE a.address = :address
UNION ALL SELECT c.name FROM contacts c WHERE c.email = :address AND c.active = 1
UNION ALL SELECT c.name FROM addresses a JOIN contacts c ON c.id = a.contact_id WHERE a.address = :address
LIMIT 1
"""


DOUBTFUL = "SELECT 1 FROM messages WHERE id = ? AND ' ' || marks || ' ' LIKE '% possible-spoof %'"


def desk(conn: sqlite3.Connection, case: Case, message_id: int | None) -> Desk:
    """The case's desk: the section's reply_to, else the address that the case came by, else mail_from."""
    section = dict(conn.execute("SELECT * FROM sections WHERE id = ?", (case.section_id,)).fetchone())
    ours = addresses.own(conn) | set(settings.get_list(conn, "own_lists"))
    address = section["reply_to"] or _came_by(conn, case, message_id) or settings.get(conn, "mail_from")
    return Desk(section, address, ours | {address.lower()} if address else ours)


def _came_by(conn: sqlite3.Connection, case: Case, message_id: int | None) -> str:
    for (recipient,) in conn.execute(CAME_BY, {"message": message_id, "case": case.id}):
        local, _, domain = recipient.partition(",")[0].strip().partition("@")
        bare = f"{local.partition('+')[0]}@{domain}"
        if is_address(bare):
            return bare
    return ""


def user(conn: sqlite3.Connection, user_id: int | None) -> Row | None:
    """A member of the staff: id, login, name, email, signature."""
    row = conn.execute(USER, (user_id,)).fetchone() if user_id is not None else None
    return dict(row) if row else None


def name(conn: sqlite3.Connection, address: str) -> str:
    """The name of the person whose address it is, '' where nobody knows."""
    row = conn.execute(NAME, {"address": address}).fetchone()
    return row[0] if row else ""


def responsible(conn: sqlite3.Connection, case: Case, section: Row) -> str | None:
    """The address that hears of a case: its responsible's, else the section's responsible's."""
    for user_id in (case.user_id, section["user_id"]):
        row = conn.execute("SELECT email FROM users WHERE id = ? AND active = 1", (user_id,)).fetchone()
        if row and row["email"]:
            return str(row["email"])
    return None


def is_doubtful(conn: sqlite3.Connection, message_id: int | None) -> bool:
    """Whether a mail names one of us as its writer and may not be from there (mail.md §5)."""
    return message_id is not None and conn.execute(DOUBTFUL, (message_id,)).fetchone() is not None


# Each kind of mail and its people -------------------------------------------------------------------


def outside(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk) -> list[Copy]:
    """A reply: the partner and each watcher but the author."""
    watchers = [address for address in listed(case.email_cc) if not _same(conn, address, event.author)]
    return [_checked(conn, address) for address in _each(conn, [case.email_from, *watchers], desk)]


def staff_and_watchers(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk) -> list[Copy]:
    """A mail passed on: the responsible and the watchers; outsiders only where a person wrote and has not told them."""
    told = _told(conn, event.message_id)
    copies = _staff(conn, case, event, desk, listed(case.email_cc))
    return [copy for copy in copies if copy.user_id or (told is not None and copy.address.lower() not in told)]


def staff(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk) -> list[Copy]:
    """An internal note: the responsible, and those watchers who are staff."""
    return [copy for copy in _staff(conn, case, event, desk, listed(case.email_cc)) if copy.user_id]


def given(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk) -> list[Copy]:
    """A reminder or a rule's mail: those who were named, each once."""
    return [_checked(conn, address) for address in _each(conn, event.recipients, desk)]


def writer(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk) -> list[Copy]:
    """A thank-you, once a case: the envelope sender, where From is of the same organisation (else it waits)."""
    row = conn.execute('SELECT "from", envelope_from FROM messages WHERE id = ?', (event.message_id,)).fetchone()
    address = str((row["from"] if row else None) or case.email_from or "")
    envelope = str((row["envelope_from"] if row else None) or address)
    if not address or reads_nobody(address) or reads_nobody(envelope) or addresses.is_suspended(conn, address):
        return []
    if conn.execute("SELECT 1 FROM outbox WHERE case_id = ? AND kind = 'thanks'", (case.id,)).fetchone():
        return []
    if is_own(address, desk.ours) or is_own(envelope, desk.ours):
        return []
    if organisation(envelope) != organisation(address):
        return [Copy(address, held=f"the envelope sender {envelope} is of another organisation")]
    return [Copy(envelope, addresses.user_id(conn, envelope))]


def _staff(conn: sqlite3.Connection, case: Case, event: Mailed, desk: Desk, watchers: list[str]) -> list[Copy]:
    """The responsible and the watchers, each person once, without the author and who cannot be reached or reads nothing.

    Who is only said to be the author, and may not be, is told like the others.
    """
    people: dict[int | str, Copy] = {}
    author = None if is_doubtful(conn, event.message_id) else event.author
    for address in _each(conn, [responsible(conn, case, desk.section), *watchers], desk):
        if not addresses.is_suspended(conn, address) and not _same(conn, address, author):
            user_id = addresses.user_id(conn, address)
            if user_id is not None or not reads_nobody(address):
                people.setdefault(user_id or address, Copy(address, user_id))
    return list(people.values())


def _told(conn: sqlite3.Connection, message_id: int | None) -> set[str] | None:
    """Who has a mail from its writer already; None where no person wrote it, so that it goes to no outsider."""
    row = conn.execute("SELECT class, people FROM messages WHERE id = ?", (message_id,)).fetchone()
    return set(listed(row["people"].lower())) if row and row["class"] == "human" else None


def _each(conn: sqlite3.Connection, parts: Iterable[str | None], desk: Desk) -> list[str]:
    """The addresses, each once, none of ours but where it is a person's too: who works alone may have one for both."""
    seen: dict[str, str] = {}
    for part in parts:
        if part and (not is_own(part, desk.ours) or addresses.user_id(conn, part) is not None):
            seen.setdefault(part.lower(), part)
    return list(seen.values())


def _checked(conn: sqlite3.Connection, address: str) -> Copy:
    """A copy that waits, for all to see, where the address takes no mail."""
    held = ""
    if addresses.is_suspended(conn, address):
        held = f"the address {address} takes no mail"
    elif reads_nobody(address):
        held = f"nobody reads {address}"
    return Copy(address, addresses.user_id(conn, address), held)


def _same(conn: sqlite3.Connection, address: str, author: str | None) -> bool:
    """Whether the address is the author's, or another one of the same person."""
    if not author or address.lower() == author.lower():
        return bool(author)
    user_id = addresses.user_id(conn, author)
    return user_id is not None and user_id == addresses.user_id(conn, address)
