"""What a mail leads to, in one transaction: stored, classified, threaded, decided, done (mail.md §2, step 5)."""

from __future__ import annotations

from crmcli import addresses, cases, deliveries, messages, outbox
from crmcli.db import Tx
from crmcli.deliveries import Delivery
from crmcli.errors import Busy, CrmError
from crmcli.execute import ANY_RULE, execute
from crmcli.mail import facts, marks, parse, thread
from crmcli.mail.classify import Kind, classify
from crmcli.mail.decide import Decision, decide
from crmcli.mail.facts import Sender
from crmcli.mail.incoming import Incoming
from crmcli.mail.sign import Key
from crmcli.model import Add, Command, Edit, Outcome, Reword, Row
from crmcli.text import joined
from crmcli.tuples import NamedTuple

ASIDE = ("poison", "oversize")
"""Marks of mails that are kept for people to look at, whatever they say."""

WATCHER = """
SELECT u.email
FROM sections s JOIN users u ON u.id = s.user_id
WHERE s.id = ? AND u.id IS NOT ? AND u.active = 1 AND u.email IS NOT NULL
"""

NAMELESS = "SELECT 1 FROM sections WHERE reply_to IS NULL LIMIT 1"
ANSWERED = "SELECT bytes FROM outbox WHERE message_id IN ({}) ORDER BY id DESC LIMIT 1"


OBEYED = """
SELECT json_extract(decision, '$.obeyed')
FROM deliveries
WHERE message_id = ? AND json_extract(decision, '$.obeyed') <> ''
ORDER BY id
LIMIT 1
"""

QUIET = """
SELECT 1
FROM messages m JOIN deliveries d ON d.message_id = m.id
WHERE m.id = ? AND m.class IN ('auto-reply', 'bulk') AND d.state = 'triage' AND d.case_id IS NULL
"""


class Taken(NamedTuple):
    """What became of a mail: state received (another process has it), done or triage; repeat where it was here before.

    decision holds what was found and done, by name.
    """

    delivery_id: int
    state: str
    repeat: bool = False
    message_id: int | None = None
    case_id: int | None = None
    reason: str = ""
    decision: Row | None = None


def effects(tx: Tx, delivery: Delivery, incoming: Incoming) -> Taken:
    """Everything that a mail leads to, inside the caller's transaction."""
    conn, envelope = tx.conn, delivery.envelope
    sender = facts.sender(conn, incoming, envelope)
    standing = messages.case_of(conn, delivery.message_id)
    twin = None if standing else messages.twin(conn, delivery, incoming, tx.now)
    if twin is not None and _is_first_of_a_person(tx, delivery, incoming, sender, twin):
        return _instead(tx, delivery, incoming, twin)
    if twin is not None:
        return _again(tx, delivery, incoming, sender, twin, "a copy of a mail that came before")
    cut = messages.cut_off(conn, delivery, incoming)
    if cut and not cut[1]:
        return _again(tx, delivery, incoming, sender, cut[0], "a copy of a mail that came before, cut off")
    if cut:
        messages.mark(tx, cut[0], ("came-cut",))
        return _instead(tx, delivery, incoming, cut[0])
    aside = next((mark for mark in ASIDE if mark in incoming.marks), "")
    if aside:
        message_id = _stored(tx, delivery, incoming, Kind("human", (aside,)), sender)
        return _ended(tx, delivery, message_id, "done" if standing else "triage", f"set aside: {aside}", standing, {})
    keys = outbox.keys(conn)
    kind = classify(incoming, facts.known(incoming, envelope, sender, keys))
    if standing:
        return _reread(tx, delivery, incoming, kind, sender, standing)
    if kind.name in ("bounce", "auto-reply"):
        from crmcli.mail import returned

        back = returned.find(conn, delivery, incoming, keys, kind.name == "bounce")
        if back:
            message_id = _stored(tx, delivery, incoming, kind._replace(name="bounce"), sender)
            return _ended(tx, delivery, message_id, "done", returned.note(tx, back), back.row["case_id"], {"class": "bounce"})
    return _decided(tx, delivery, incoming, kind, sender, keys)


def _decided(
    tx: Tx, delivery: Delivery, incoming: Incoming, kind: Kind, sender: Sender, keys: tuple[Key, ...]
) -> Taken:  # fmt: skip
    """A mail that may belong to a case: what is known about it, what is decided, and that done."""
    incoming = _without_ours(tx, incoming)
    message_id = _stored(tx, delivery, incoming, kind, sender)
    spoof = facts.is_spoof(tx.conn, incoming, delivery.envelope, sender, keys)
    kind, sender = facts.distrusted(kind, sender) if spoof else (kind, sender)
    clues = thread.clues(incoming, delivery.envelope.recipients, keys)
    found, where = facts.gather(tx.conn, incoming, delivery.envelope, sender, clues, message_id, tx.now)
    decision = decide(incoming, kind, found._replace(participant=False) if spoof else found)
    if spoof:
        decision = decision._replace(person=None, marks=(*decision.marks, "possible-spoof"))
    orders: Row = {}
    if kind.name == "human" and sender.user_id is not None and incoming.text.lstrip()[:4].lower() == "set-":
        from crmcli.mail import obey

        is_verified = facts.is_verified(tx.conn, incoming, delivery.envelope, sender, keys)
        decision, orders = obey.obeyed(tx, incoming, kind, found, decision, is_verified)
    messages.mark(tx, message_id, decision.marks)
    state, reason, case_id = _done(tx, decision)
    told = {
        "class": kind.name,
        "evidence": "; ".join(kind.evidence),
        "writer": sender.address,
        "staff": sender.user_id,
        "identity": "possible spoof" if spoof else None,
        "grade": found.thread.grade,
        "thread": found.thread.case_id,
        "linked": ", ".join(map(str, found.thread.linked)),
        "why": found.thread.why,
        "section": where.section_id,
        "route": where.why,
        "commands": ", ".join(type(command).__name__ for command in decision.commands),
        **(orders if case_id is not None else {}),
    }
    return _ended(tx, delivery, message_id, state, reason, case_id, told)


def _without_ours(tx: Tx, incoming: Incoming) -> Incoming:
    """The mail with what it quotes of ours known as such, word for word."""
    ids = [f"<{name}>" for name in (*incoming.in_reply_to, *incoming.references)][-thread.REFERENCES :]
    row = tx.run(ANSWERED.format(", ".join("?" * len(ids))), ids).fetchone() if ids else None
    if row is None:
        return incoming
    return incoming._replace(visible=marks.again(incoming.text, incoming.visible, parse.parse(row["bytes"]).text))


def _stored(tx: Tx, delivery: Delivery, incoming: Incoming, kind: Kind, sender: Sender) -> int:
    """The mail as a message, a new one or the one that it is already."""
    size = tx.run("SELECT size FROM raw_messages WHERE sha256 = ?", (delivery.sha256,)).fetchone()[0]
    arrived = messages.Arrived(delivery.sha256, size, sender.address or None, delivery.sender, facts.people(incoming, sender))
    if delivery.message_id is not None:
        messages.refresh(tx, delivery.message_id, incoming, kind, arrived)
        return delivery.message_id
    message_id = messages.insert(tx, incoming, kind, arrived)
    if tx.run(NAMELESS).fetchone():  # then mails that it causes may come from the address that it was delivered to
        deliveries.read_as(tx, delivery, message_id)
    return message_id


def _done(tx: Tx, decision: Decision) -> tuple[str, str, int | None]:
    """Do the commands; where the model refuses them, none of them is done and the mail goes to triage."""
    if not decision.commands:
        return decision.state, decision.reason, None
    try:
        with tx.savepoint():
            case_id = carried_out(tx, decision).case_id
    except Busy:
        raise
    except CrmError as error:
        return "triage", error.message, None
    return decision.state, decision.reason, case_id


def carried_out(tx: Tx, decision: Decision) -> Outcome:
    """Do the commands of a decision, which has some, as who acts by it; Refused where the model says no."""
    if decision.user_id is not None:
        tx.act_as(decision.user_id)
    first, *rest = _with_person(tx, decision)
    return execute(tx, first, *rest, give=isinstance(first, Add) and first.values["user_id"] is None)


def _with_person(tx: Tx, decision: Decision) -> tuple[Command, ...]:
    """The commands; a new case gets a new contact for a writer whom nobody knew, and its responsible at once if it can."""
    first = decision.commands[0]
    if not isinstance(first, Add):
        return decision.commands
    values = {**first.values, "last_action_at": tx.now}
    if decision.person is not None:
        values["contact_id"] = addresses.private_contact(tx, *decision.person)
    if tx.run(ANY_RULE).fetchone() is None:
        values["user_id"] = cases.responsible(tx.conn, values["section_id"])
    return (Add(values), *decision.commands[1:])


def _reread(tx: Tx, delivery: Delivery, incoming: Incoming, kind: Kind, sender: Sender, case_id: int) -> Taken:
    """A mail that stands in a case, read again: it is shown by what it says now, and nothing else follows."""
    incoming = _without_ours(tx, incoming)
    before = tx.run("SELECT text FROM messages WHERE id = ?", (delivery.message_id,)).fetchone()[0]
    message_id = _stored(tx, delivery, incoming, kind, sender)
    obeyed = (tx.run(OBEYED, (message_id,)).fetchone() or ("",))[0]
    execute(tx, Reword(case_id, message_id, *(_without_orders(text, obeyed) for text in (before, incoming.text))))
    told = {"class": kind.name, "evidence": "; ".join(kind.evidence), "writer": sender.address, "staff": sender.user_id}
    told = {**deliveries.decision(tx.conn, delivery), **told, "obeyed": obeyed}
    state = deliveries.of_message(tx.conn, message_id)[0].state
    return _ended(tx, delivery, message_id, state, "read again", case_id, told)


def _without_orders(text: str, obeyed: str) -> str:
    """The text without the commands that were taken out of it when they were obeyed."""
    if not obeyed:
        return text
    from crmcli.mail import commands

    return commands.without(text, [order for order in commands.read(text) if f"; {order.words}; " in f"; {obeyed}; "])


def _is_first_of_a_person(tx: Tx, delivery: Delivery, incoming: Incoming, sender: Sender, message_id: int) -> bool:
    """Whether a mail came from its writer now, and until now only by a list or a robot, so that it waits in triage."""
    if tx.run(QUIET, (message_id,)).fetchone() is None or any(mark in incoming.marks for mark in ASIDE):
        return False
    return classify(incoming, facts.known(incoming, delivery.envelope, sender, outbox.keys(tx.conn))).name == "human"


def _instead(tx: Tx, delivery: Delivery, incoming: Incoming, message_id: int) -> Taken:
    """A better copy, such as the whole of a mail that came cut off: it takes that one's place, wherever it has come to stand."""
    deliveries.read_as(tx, delivery, message_id)
    better = delivery._replace(message_id=message_id)
    taken = effects(tx, better, incoming)
    deliveries.join(tx, better)
    return taken._replace(repeat=True)


def _again(tx: Tx, delivery: Delivery, incoming: Incoming, sender: Sender, message_id: int, reason: str) -> Taken:
    """A copy of a mail by another way: a further delivery, and the other section's responsible watches the case."""
    first = deliveries.of_message(tx.conn, message_id)[0]
    if first.case_id is not None:
        case, where = cases.get(tx.conn, first.case_id), facts.route(tx.conn, delivery.envelope, incoming, None)
        watcher = tx.run(WATCHER, (where.section_id, case.user_id)).fetchone()
        if watcher and where.found and where.section_id != case.section_id:
            execute(tx, Edit(case.id, {"email_cc": joined([*(case.email_cc or "").split(", "), watcher["email"]])}))
    told = {"writer": sender.address, "copy_of": first.id}
    taken = _ended(tx, delivery, message_id, first.state, reason, first.case_id, told)
    return taken._replace(repeat=True)


def _ended(tx: Tx, delivery: Delivery, message_id: int, state: str, reason: str, case_id: int | None, told: Row) -> Taken:
    told = {**told, "bulk": 1 if deliveries.is_bulk(tx.conn, delivery) else None}
    told = {name: value for name, value in told.items() if value not in (None, "")}
    deliveries.end(tx, delivery, message_id, state, case_id, reason, told)
    return Taken(delivery.id, state, False, message_id, case_id, reason, told)
