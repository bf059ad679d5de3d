"""What the database knows about one mail: who writes, which cases it points to, where it belongs (mail.md §5). Reads only."""

from __future__ import annotations

import sqlite3

from crmcli import addresses, cases, clock, messages, settings
from crmcli.errors import NotFound
from crmcli.mail import classify, sign, thread
from crmcli.mail.decide import CLOSED, Facts
from crmcli.mail.envelope import Envelope, plus_part
from crmcli.mail.incoming import Incoming
from crmcli.mail.thread import Clues, Pointed
from crmcli.model import Case
from crmcli.text import addresses as listed
from crmcli.text import is_own, shorter
from crmcli.tuples import NamedTuple

DAY = 24 * 3600

SECTIONS = "SELECT id, lower(code), lower(reply_to) FROM sections WHERE active = 1 ORDER BY id"

MANAGER = """
SELECT s.id
FROM contacts c
JOIN partners p ON p.id = c.partner_id
JOIN users u ON u.id = p.user_id
JOIN sections s ON s.id = u.section_id AND s.active = 1
WHERE c.id = ?
"""

E_MAIL = "SELECT id FROM channels WHERE name = 'e-mail' AND active = 1"

CLOSED_AT = "SELECT max(at) FROM case_log WHERE case_id = ? AND name IN ('Close', 'Cancel')"

CONTINUED_BY = "SELECT max(case_id) FROM case_links WHERE other_id = ? AND kind = 'continues'"


class Sender(NamedTuple):
    """Whose mail it is; address is '' where nobody can be told, own are all our addresses."""

    name: str
    address: str
    user_id: int | None
    own: frozenset[str]
    forms: frozenset[str]
    own_lists: frozenset[str]


class Route(NamedTuple):
    """Where a mail belongs and why; found is False where only the triage section would take it."""

    section_id: int
    why: str
    found: bool = True


def sender(conn: sqlite3.Connection, incoming: Incoming, envelope: Envelope) -> Sender:
    """Who wrote the mail: From, for a web form its Reply-To, else the envelope sender."""
    forms = frozenset(settings.get_list(conn, "forms"))
    name, address = incoming.from_name, incoming.from_ or envelope.sender or ""
    if address.lower() in forms and incoming.reply_to:
        name, address = incoming.reply_to[0]
    user_id = addresses.user_id(conn, address) if address else None
    own, lists = addresses.own(conn), settings.get_list(conn, "own_lists")
    return Sender(name, address, user_id, frozenset(own), forms, frozenset(lists))


def known(incoming: Incoming, envelope: Envelope, sender: Sender, keys: tuple[sign.Key, ...]) -> classify.Known:
    """What the classes look at beside the mail itself."""
    signed = any(sign.proofs(incoming.message_id or "", keys))
    return classify.Known(envelope.sender, signed, sender.user_id is not None, sender.own, sender.own_lists, sender.forms)


def is_spoof(
    conn: sqlite3.Connection, incoming: Incoming, envelope: Envelope, sender: Sender, keys: tuple[sign.Key, ...]
) -> bool:  # fmt: skip
    """Whether a mail names one of us as its writer, and our servers, who could tell, do not vouch for it (mail.md §5)."""
    from_ = (incoming.from_ or "").lower()
    domain = f"@{from_.rpartition('@')[2]}"
    ours = from_ not in sender.forms and any(address.endswith(domain) for address in sender.own)
    if (sender.user_id is None and not ours) or not settings.get(conn, "authserv_id"):
        return False
    if sender.user_id is not None and sender.address.lower() != from_:
        return True  # a web form's word for who fills it in
    return not _is_from(conn, incoming, envelope, sender, keys)


def is_verified(
    conn: sqlite3.Connection, incoming: Incoming, envelope: Envelope, sender: Sender, keys: tuple[sign.Key, ...]
) -> bool:  # fmt: skip
    """Whether the writer is proven to be that person, and so may command; who fills in a web form never is."""
    alone = "two-from" not in incoming.marks and sender.address.lower() == (incoming.from_ or "").lower()
    return alone and _is_from(conn, incoming, envelope, sender, keys)


def _is_from(
    conn: sqlite3.Connection, incoming: Incoming, envelope: Envelope, sender: Sender, keys: tuple[sign.Key, ...]
) -> bool:  # fmt: skip
    """Whether From is vouched for: by our servers, or a member of the staff's by the personal plus part of a notice.

    That part counts in the envelope's recipient alone: references are told to everybody who gets an answer. It is told
    too where a notice is passed on, so that it counts for nothing where our servers say that From is forged.
    """
    from_ = (incoming.from_ or "").lower()
    authserv_id, hosts = settings.get(conn, "authserv_id"), settings.get_list(conn, "our_hosts")
    if authserv_id:
        from crmcli.mail import identity

        if identity.denied(incoming.headers, authserv_id, hosts):
            return False
    if sender.user_id is not None and sender.address.lower() == from_:
        held = [proof for address in envelope.recipients for proof in sign.proofs(address, keys)]
        if any(proof.user_id == sender.user_id for proof in held):
            return True
    if not authserv_id or "two-from" in incoming.marks:
        return False
    return identity.vouched(incoming.headers, authserv_id, hosts, from_)


def distrusted(kind: classify.Kind, sender: Sender) -> tuple[classify.Kind, Sender]:
    """What is left of a mail that only says that it is ours: nobody is thanked, and it is nobody's of the staff."""
    return kind._replace(unthanked=True), sender._replace(user_id=None)


def people(incoming: Incoming, sender: Sender) -> tuple[str, ...]:
    """The addresses in To and Cc that are not ours, each once."""
    found = dict.fromkeys(address for _, address in (*incoming.to, *incoming.cc))
    ours = {*sender.own, *sender.own_lists, sender.address.lower()}
    return tuple(address for address in found if not is_own(address, ours))


def route(conn: sqlite3.Connection, envelope: Envelope, incoming: Incoming, contact_id: int | None) -> Route:
    """The section: as told, by recipient or its plus part, by To and Cc, by the account manager, else for triage."""
    sections = conn.execute(SECTIONS).fetchall()
    if envelope.section:
        try:
            return Route(section(conn, envelope.section), f"section {envelope.section}")
        except NotFound:
            pass  # it was there when the mail came
    for address in envelope.recipients:
        found = _of_recipient(sections, address)
        if found:
            return Route(found, f"recipient {address}")
    for _, address in (*incoming.to, *incoming.cc):
        found = next((row[0] for row in sections if row[2] and is_own(address, {row[2]})), None)
        if found:
            return Route(found, f"written to {address}")
    manager = conn.execute(MANAGER, (contact_id,)).fetchone() if contact_id else None
    if manager:
        return Route(manager[0], "the partner's account manager")
    return Route(_triage(conn, sections), "no section for it", found=False)


def is_recipient(conn: sqlite3.Connection, envelope: Envelope) -> bool:
    """Whether any of the envelope's recipients is known here; true where nothing was told."""
    sections = conn.execute(SECTIONS).fetchall()
    ours = addresses.own(conn)
    found = [address for address in envelope.recipients if _of_recipient(sections, address) or is_own(address, ours)]
    return bool(envelope.section or found or not envelope.recipients)


def section(conn: sqlite3.Connection, text: str) -> int:
    """The section that a code, path or id names; NotFound where none does."""
    row = conn.execute("SELECT id FROM sections WHERE code = ? AND active = 1", (text,)).fetchone()
    if row:
        return int(row[0])
    from crmcli import find

    return find.one(conn, "section", text)


def _of_recipient(sections: list[sqlite3.Row], address: str) -> int | None:
    """The section of a recipient: its whole address, the code in its plus part, its address without that, its local part."""
    whole, *bare = shorter(address)
    local = address.lower().partition("@")[0].partition("+")[0]
    for column, wanted in ((2, whole), (1, plus_part(address).lower()), *((2, name) for name in bare), (1, local)):
        found = next((row[0] for row in sections if wanted and row[column] == wanted), None)
        if found:
            return int(found)
    return None


def _triage(conn: sqlite3.Connection, sections: list[sqlite3.Row]) -> int:
    named = settings.get(conn, "triage_section")
    if named:
        try:
            return section(conn, named)
        except NotFound:
            pass  # the setting is wrong, and the mail must go somewhere
    if not sections:
        raise NotFound("no section to put mail in", hint="crm section add NAME")
    return int(sections[0][0])


def pointed(conn: sqlite3.Connection, clues: Clues, address: str, staff: bool, now: str) -> Pointed:
    """Where the clues lead, merged and continued cases followed."""
    exists = {case_id: _exists(conn, case_id) for case_id in (*clues.signed, *clues.tags)}
    stored = messages.cases_of(conn, clues.references)

    def now_at(found: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(_followed(conn, case_id, "" if staff else address, now) for case_id in found))

    signed = now_at(tuple(case_id for case_id in clues.signed if exists[case_id]))
    references = tuple(now_at(stored[ref]) for ref in clues.references if ref in stored)
    tagged = now_at(tuple(case_id for case_id in clues.tags if exists[case_id]))
    gone = tuple(case_id for case_id in clues.signed if not exists[case_id])
    every = {case_id: cases.get(conn, case_id) for group in (signed, *references, tagged) for case_id in group}
    return Pointed(
        signed, references, tagged, gone,
        {case_id: _people(conn, case) for case_id, case in every.items()},
        {case_id: case.name for case_id, case in every.items()},
    )  # fmt: skip


def gather(
    conn: sqlite3.Connection, incoming: Incoming, envelope: Envelope, sender: Sender, clues: Clues, message_id: int, now: str
) -> tuple[Facts, Route]:  # fmt: skip
    """All that is to be known before it can be decided what the mail leads to."""
    staff = sender.user_id is not None
    contact_id = addresses.contact_id(conn, sender.address) if sender.address else None
    where = route(conn, envelope, incoming, contact_id)
    leads = pointed(conn, clues, sender.address, staff, now)
    found = thread.thread(clues, leads, sender.address, staff)
    channel = conn.execute(E_MAIL).fetchone()
    facts = Facts(
        message_id, (sender.name, sender.address), sender.user_id, contact_id, channel[0] if channel else None,
        where.section_id, where.found, found,
    )  # fmt: skip
    if found.case_id is None:
        return facts._replace(gone=leads.gone[0] if leads.gone and not found.linked else None), where
    case = cases.get(conn, found.case_id)
    proof = _proof(conn, clues, case.id, sender.user_id)
    others = [address for address in people(incoming, sender) if address.lower() != (case.email_from or "").lower()]
    outsiders = [address for address in others if addresses.user_id(conn, address) is None] if proof else []
    forward = thread.is_called_forward(incoming.subject)
    return facts._replace(
        case=case,
        participant=sender.address.lower() in leads.people[case.id],
        reopens=reopens(conn, case.id, now),
        proof=proof,
        proof_address=_address_of(conn, proof),
        outsiders=tuple(outsiders),
        passed_on=bool(others) and (forward or not _is_answer(conn, clues, case.id, sender.user_id)),
    ), where


def reopens(conn: sqlite3.Connection, case_id: int, now: str) -> bool:
    """Whether an answer opens a closed case again: its last close or cancel is not too long ago."""
    closed_at = conn.execute(CLOSED_AT, (case_id,)).fetchone()[0]
    return closed_at is None or clock.shift(closed_at, int(settings.get(conn, "reopen_days")) * DAY) >= now


def _proof(conn: sqlite3.Connection, clues: Clues, case_id: int, user_id: int | None) -> int | None:
    """The member of the staff whose notice of this case the mail carries; the writer's own counts first."""
    proven = [who for case, who in clues.personal if cases.current(conn, case) == case_id]
    return user_id if user_id in proven else next(iter(proven), None)


def _is_answer(conn: sqlite3.Connection, clues: Clues, case_id: int, user_id: int | None) -> bool:
    """Whether a mail answers the notice of this person itself, and no mail that refers to it."""
    return any(who == user_id and cases.current(conn, case) == case_id for case, who in clues.answered)


def _address_of(conn: sqlite3.Connection, user_id: int | None) -> str:
    row = conn.execute("SELECT email FROM users WHERE id = ? AND active = 1", (user_id,)).fetchone() if user_id else None
    return (row[0] if row else None) or ""


def _exists(conn: sqlite3.Connection, case_id: int) -> bool:
    return conn.execute("SELECT 1 FROM cases WHERE id = ?", (case_id,)).fetchone() is not None


def _followed(conn: sqlite3.Connection, case_id: int, address: str, now: str) -> int:
    """Where a case is now: what it was merged into; for its partner, what continues it once it is closed for good."""
    case = cases.get(conn, cases.current(conn, case_id))
    next_id = conn.execute(CONTINUED_BY, (case.id,)).fetchone()[0] if case.state in CLOSED and address else None
    if next_id is None or reopens(conn, case.id, now):
        return case.id
    later = cases.get(conn, next_id)
    return _followed(conn, later.id, address, now) if (later.email_from or "").lower() == address.lower() else case.id


def _people(conn: sqlite3.Connection, case: Case) -> frozenset[str]:
    """Everybody who takes part in a case, lower case: partner, watchers, who wrote, and whom they wrote it to."""
    row = conn.execute("SELECT email FROM contacts WHERE id = ?", (case.contact_id,)).fetchone()
    told = [case.email_from, row["email"] if row else None, *listed(case.email_cc)]
    return frozenset(address.lower() for address in told if address) | messages.people_of(conn, case.id)
