"""What a mail leads to: commands for the one road, and what becomes of the delivery (mail.md §4, §5). Pure."""

from __future__ import annotations

from crmcli.mail.classify import OUR_OWN, Kind
from crmcli.mail.incoming import Incoming, Mailbox
from crmcli.mail.sign import markers
from crmcli.mail.thread import Thread
from crmcli.model import NEW, Act, Add, Case, Command, Edit, Hear, Link, Mail, Note, Reply, Row, SetActive
from crmcli.text import joined
from crmcli.tuples import NamedTuple

KEPT = ("own-loop", "bounce", "receipt", "feedback")
"""Kinds that are stored for people to look at and lead to nothing."""

CLOSED = ("done", "cancel")
LONGEST_NAME = 1000

ASK = """A mail from {address} carries the proof that you were sent for case {case}. It is kept there as an internal note
and was not sent on to the partner. If you wrote it, {way}."""

KNOWN = "answer from the address that is known here, or have this one added"
OWN = "send it again by our own mail server, which does not vouch for where this one came from"


class Facts(NamedTuple):
    """What is known about one mail and the case that it belongs to, if any.

    writer is whose mail it is (user_id where that is a member of the staff, contact_id a contact); route_id is the
    section, and why; gone is a case that was deleted. For case: participant tells that the writer takes part in it,
    reopens that it may be opened again, proof that it carries the notice sent to the member of the staff `proof`
    (with whose address), outsiders are the people in To and Cc that are neither ours nor staff, passed_on that it
    passes another mail on to somebody but the partner, or answers them and only refers to the notice.
    """

    message_id: int
    writer: Mailbox
    user_id: int | None
    contact_id: int | None
    channel_id: int | None
    section_id: int
    routed: bool
    thread: Thread
    gone: int | None = None
    case: Case | None = None
    participant: bool = False
    reopens: bool = False
    proof: int | None = None
    proof_address: str = ""
    outsiders: tuple[str, ...] = ()
    passed_on: bool = False


class Decision(NamedTuple):
    """Commands for one action, in order; state is what the delivery becomes, reason why.

    user_id is who acts, where that is proven; person is to become a private contact and that of the new case;
    marks go on the message.
    """

    state: str
    reason: str = ""
    commands: tuple[Command, ...] = ()
    user_id: int | None = None
    person: Mailbox | None = None
    marks: tuple[str, ...] = ()


def decide(incoming: Incoming, kind: Kind, facts: Facts) -> Decision:
    """What the mail leads to, by its kind, its thread and who wrote it."""
    if kind.name in KEPT:
        return Decision("triage", kind.name)
    if facts.gone is not None:
        return Decision("triage", f"case {facts.gone} was deleted")
    if kind.name != "human":
        return _quiet(incoming, kind, facts)
    if facts.case is None:
        return _new(incoming, kind, facts, [(case_id, "relates") for case_id in facts.thread.linked])
    if facts.proof is not None and facts.proof == facts.user_id and not facts.passed_on:
        return _answer(incoming, facts, facts.case)
    if facts.user_id is not None and not _is_partner(facts):
        why = "staff, to others" if facts.proof == facts.user_id else "staff, without proof"
        return Decision("done", why, (_note(incoming, facts, facts.case),))
    if facts.proof is not None and not facts.participant:
        return _held(incoming, facts, facts.case)
    return _heard(incoming, kind, facts, facts.case)


def accepted(incoming: Incoming, kind: Kind, facts: Facts) -> Decision:
    """What a mail leads to that a person took out of triage: heard in facts.case, else in a new one.

    Only what is human opens a case or is thanked; whom a person lets in takes part from then on.
    """
    if facts.case is None:
        return _new(incoming, kind, facts, [(case_id, "relates") for case_id in facts.thread.linked])
    if kind.name != "human":
        return _quiet(incoming, kind, facts)
    if facts.user_id is not None and not _is_partner(facts):
        return Decision("done", "staff, without proof", (_note(incoming, facts, facts.case),))
    return _heard(incoming, kind, facts._replace(reopens=True), facts.case)


def _quiet(incoming: Incoming, kind: Kind, facts: Facts) -> Decision:
    """A robot's mail: on the case that it belongs to, which stays as it is, else for people to look at.

    The staff is told, except of its own answering machines and of our own mail: a notice that came back would make the next.
    """
    if facts.case is None:
        return Decision("triage", f"quiet mail: {kind.name}")
    forward = "" if facts.user_id is not None or OUR_OWN in kind.evidence else "note"
    heard = Hear(facts.case.id, facts.message_id, incoming.text, facts.writer[1] or None, human=False, forward=forward)
    stranger = not facts.participant and facts.user_id is None
    return Decision("done", kind.name, (heard,), marks=("stranger",) if stranger else ())


def _new(incoming: Incoming, kind: Kind, facts: Facts, links: list[tuple[int, str]]) -> Decision:
    """A new case with its first communication; a writer whom nobody knows becomes a private contact."""
    name, address = facts.writer
    values: Row = {
        "name": incoming.subject.strip()[:LONGEST_NAME] or "(no subject)",
        "section_id": facts.section_id,
        "user_id": None,
        "contact_id": facts.contact_id,
        "email_from": address or None,
        "channel_id": facts.channel_id,
    }
    human = kind.name == "human"
    thank = human and bool(address) and not kind.unthanked
    commands: tuple[Command, ...] = (
        Add(values),
        Hear(NEW, facts.message_id, incoming.text, address or None, human, thank, "forward" if human else "note"),
        *(Link(NEW, other_id, link) for other_id, link in links),
    )
    unknown = human and address and facts.contact_id is None and facts.user_id is None
    state, reason = ("done", facts.thread.why) if facts.routed else ("triage", "no section for it")
    return Decision(state, reason, commands, person=(name, address) if unknown else None)


def _heard(incoming: Incoming, kind: Kind, facts: Facts, case: Case) -> Decision:
    """An answer from outside: it is heard, and the case opens, unless it was closed too long ago."""
    if case.state in CLOSED and not facts.reopens:
        return _new(incoming, kind, facts, [(case.id, "continues")])
    stranger = not facts.participant
    commands: list[Command] = [
        Hear(case.id, facts.message_id, incoming.text, facts.writer[1] or None, forward="note" if stranger else "forward")
    ]
    if case.state != "open":
        commands.append(Act(case.id, "open"))
    elif not case.active:
        commands.append(SetActive(case.id, True))
    return Decision("done", commands=tuple(commands), marks=("stranger",) if stranger else ())


def _answer(incoming: Incoming, facts: Facts, case: Case) -> Decision:
    """A proven answer of the staff goes out to the partner; people whom they wrote to besides become watchers."""
    text, files = incoming.own_text.strip(), incoming.attachments
    if any(markers(text)):  # it is what was quoted, nothing was written now; a picture may be that of a signature
        text, files = "", tuple(part for part in files if not part.inline)
    text = text or ("(see the attached files)" if files else "")
    if not text or not case.email_from:
        note = _note(incoming, facts, case)
        return Decision("done", "nothing to send" if case.email_from else "no partner to send it to", (note,), facts.user_id)
    commands: list[Command] = [Edit(case.id, {"user_id": facts.user_id})] if case.user_id is None else []
    commands.append(Reply(case.id, text, message_id=facts.message_id, author=facts.writer[1]))
    if facts.outsiders:
        commands.append(Edit(case.id, {"email_cc": joined([*(case.email_cc or "").split(", "), *facts.outsiders])}))
    return Decision("done", commands=tuple(commands), user_id=facts.user_id)


def _held(incoming: Incoming, facts: Facts, case: Case) -> Decision:
    """A proof of the staff from an address that is not that person's: an internal note, and the person is asked."""
    way = OWN if facts.writer[1].lower() == facts.proof_address.lower() else KNOWN
    ask = ASK.format(address=facts.writer[1] or "nobody", case=case.id, way=way)
    commands: list[Command] = [_note(incoming, facts, case)]
    if facts.proof_address:
        commands.append(Mail(case.id, (facts.proof_address,), ask))
    return Decision("done", "the proof is another person's", tuple(commands), marks=("foreign-proof",))


def _note(incoming: Incoming, facts: Facts, case: Case) -> Note:
    return Note(case.id, incoming.text.strip() or "(no text)", facts.writer[1] or None, facts.message_id)


def _is_partner(facts: Facts) -> bool:
    """Whether a member of the staff is the very person whose case it is."""
    return facts.case is not None and (facts.case.email_from or "").lower() == facts.writer[1].lower()
