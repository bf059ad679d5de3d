"""The life cycle of a case (domain.md §2): what each command does, or why it may not. Pure.

``decide(command, facts, now)`` gives the events in order; nothing here reads time, files or the database.
"""

from __future__ import annotations

from collections.abc import Callable

from crmcli.errors import Refused
from crmcli.model import (
    Act,
    Arrive,
    Attach,
    Attached,
    Case,
    Changed,
    Command,
    Delete,
    Deleted,
    Due,
    Edit,
    Event,
    Follow,
    Hear,
    Link,
    Linked,
    Logged,
    Mail,
    Mailed,
    Merge,
    Moved,
    Note,
    Remind,
    Reply,
    Reword,
    Reworded,
    Row,
    SetActive,
    Split,
    Spoken,
)
from crmcli.tuples import Any, NamedTuple


class Facts(NamedTuple):
    """What a decision may look at: the case, its section and that section's parent, who acts, the newest words.

    newest_outside are the newest words that are no internal note; other is the second case of a merge or split,
    merged_into where the case itself went before.
    """

    case: Case
    section: Row
    parent: Row | None
    responsible: Row | None
    actor: Row | None
    newest: str | None
    newest_outside: str | None
    other: Case | None = None
    merged_into: int | None = None


class Verb(NamedTuple):
    """One line of the life cycle: from which states, to which (None: unchanged), and the log's word for it."""

    name: str
    allowed: tuple[str, ...]
    to: str | None
    also: Callable[[Act, Facts, str], Row]


def _opened(command: Act, facts: Facts, now: str) -> Row:
    user_id = facts.case.user_id or (facts.actor["id"] if facts.actor else None)
    return {"active": 1, "closed_at": None, "wake_at": None, "lost_reason": None, "user_id": user_id}


def _pended(command: Act, facts: Facts, now: str) -> Row:
    return {"active": 1, "wake_at": command.until}


def _closed(command: Act, facts: Facts, now: str) -> Row:
    return {"closed_at": now, "wake_at": None}


def _cancelled(command: Act, facts: Facts, now: str) -> Row:
    return {"active": 1, "wake_at": None, "lost_reason": command.lost_reason}


def _reset(command: Act, facts: Facts, now: str) -> Row:
    return {"active": 1, "closed_at": None, "wake_at": None, "lost_reason": None}


def _escalated(command: Act, facts: Facts, now: str) -> Row:
    if facts.parent is None:
        raise Refused(f"case {facts.case.id} is at the top: its section {facts.section['name']} has no parent")
    return {"active": 1, "section_id": facts.parent["id"], "user_id": facts.parent["user_id"]}


VERBS = {
    "open": Verb("Open", ("draft", "pending", "done", "cancel"), "open", _opened),
    "pending": Verb("Pending", ("draft", "open"), "pending", _pended),
    "close": Verb("Close", ("draft", "open", "pending"), "done", _closed),
    "cancel": Verb("Cancel", ("draft", "open", "pending"), "cancel", _cancelled),
    "reset": Verb("Reset", ("done", "cancel"), "draft", _reset),
    "escalate": Verb("Escalate", ("draft", "open", "pending"), None, _escalated),
}
VERB_TO = {verb.to or name: name for name, verb in VERBS.items()}
"""State (or `escalate`) → the verb that leads there."""


def decide(command: Command, facts: Facts, now: str) -> list[Event]:
    """What the command makes happen to facts.case, in order; raises Refused with the way out where it may not."""
    return DECIDERS[type(command)](command, facts, now)


def allowed(state: str) -> list[str]:
    """The verbs that the life cycle allows from a state."""
    return [name for name, verb in VERBS.items() if state in verb.allowed]


def _act(command: Act, facts: Facts, now: str) -> list[Event]:
    case, verb = facts.case, VERBS[command.verb]
    if case.state not in verb.allowed:
        ways = ", ".join(allowed(case.state))
        deed = f"set case {case.id} to pending" if command.verb == "pending" else f"{command.verb} case {case.id}"
        state = "cancelled" if case.state == "cancel" else case.state
        raise Refused(f"cannot {deed}: it is {state}", hint=f"allowed from {case.state}: {ways}")
    changes = {"state": verb.to or case.state, "last_action_at": now, **verb.also(command, facts, now)}
    return [Changed(changes), Logged(verb.name, kind=verb.to or "escalate")]


def _edit(command: Edit, facts: Facts, now: str) -> list[Event]:
    return [Changed(command.values)]


SAID = {"description": None, "channel_id": None, "mood_id": None}
"""What travels with a note or reply and is then cleared."""


def _note(command: Note, facts: Facts, now: str) -> list[Event]:
    text = (facts.case.description if command.text is None else command.text) or ""
    email = command.email or (facts.actor["email"] if facts.actor else None)
    events: list[Event] = [Logged("Historize")]
    if text.strip():
        events.append(Spoken("note", email, text, command.message_id))
    if command.message_id is not None:
        events.append(Mailed("note", text, message_id=command.message_id, author=command.email))
    return [*events, Changed({**SAID, "last_action_at": now})]


def _reply(command: Reply, facts: Facts, now: str) -> list[Event]:
    case = facts.case
    text = (case.description if command.text is None else command.text) or ""
    if not case.email_from:
        raise Refused(f"case {case.id} has no partner e-mail", hint=f"crm case edit {case.id} --email-from ADDRESS")
    if case.user_id is None:
        raise Refused(f"case {case.id} has no responsible", hint=f"crm case edit {case.id} --user LOGIN")
    if not text.strip():
        raise Refused(f"the reply to case {case.id} has no text", hint=f"crm case reply {case.id} TEXT")
    events: list[Event] = [
        Logged("Send"),
        Spoken("out", case.email_from, text, command.message_id),
        Mailed("reply", text, (), command.attachment_ids, command.message_id, command.author),
        Changed({**SAID, "last_action_at": now}),
    ]
    target = command.state or facts.section["reply_state"]
    if target is None or target == case.state:
        return events
    verb = VERB_TO[target]
    if command.state is None and case.state not in VERBS[verb].allowed:
        return events
    return events + _act(Act(case.id, verb), facts, now)


def _hear(command: Hear, facts: Facts, now: str) -> list[Event]:
    events: list[Event] = [Logged("Receive"), Spoken("in", command.email, command.text, command.message_id)]
    if command.human:
        events.append(Changed({"last_action_at": now}))
    if command.thank and facts.section["thanks"]:
        events.append(Mailed("thanks", message_id=command.message_id))
    if command.forward:
        events.append(Mailed(command.forward, command.text, message_id=command.message_id, author=command.email))
    return events


def _remind(command: Remind, facts: Facts, now: str) -> list[Event]:
    case = facts.case
    if not (command.user or command.partner):
        raise Refused(f"nobody to remind of case {case.id}", hint=f"crm case remind {case.id} --user --partner")
    if not facts.section["reply_to"]:
        name = facts.section["name"]
        raise Refused(f"section {name} has no reply-to address", hint=f"crm section edit '{name}' --reply-to ADDRESS")
    text, outside = (said or case.description or case.name for said in (facts.newest, facts.newest_outside))
    events: list[Event] = [Logged("Remind")]
    if command.user:
        if facts.responsible is None or not facts.responsible["email"]:
            raise Refused(f"case {case.id} has no responsible with an address", hint=f"crm case edit {case.id} --user LOGIN")
        events.append(Mailed("remind_user", text, (facts.responsible["email"],), with_files=command.attach))
    if command.partner:
        if not case.email_from:
            raise Refused(f"case {case.id} has no partner e-mail", hint=f"crm case edit {case.id} --email-from ADDRESS")
        events.append(Mailed("remind_partner", outside, (case.email_from,), with_files=command.attach))
    return events


def _mail(command: Mail, facts: Facts, now: str) -> list[Event]:
    return [Mailed(command.kind, command.body, command.recipients)]


def _merge(command: Merge, facts: Facts, now: str) -> list[Event]:
    case, other = facts.case, facts.other
    if facts.merged_into is not None:
        raise Refused(f"case {case.id} was merged into {facts.merged_into} already", hint=f"crm case show {facts.merged_into}")
    if other is None or command.into_id == case.id:
        raise Refused(f"case {case.id} cannot be merged into itself", hint="name another case with --into")
    if other.id == case.id:
        raise Refused(f"case {command.into_id} was merged into {case.id} before", hint=f"crm case show {command.into_id}")
    return [
        Moved(other.id),
        Linked(other.id, "merged"),
        Logged("Merge"),
        Changed({"active": 0, "wake_at": None, "last_action_at": now}),
    ]


def _link(command: Link, facts: Facts, now: str) -> list[Event]:
    if command.other_id == command.case_id:
        raise Refused(f"case {command.case_id} cannot be linked to itself")
    return [Linked(command.other_id, command.kind, command.off)]


def _split(command: Split, facts: Facts, now: str) -> list[Event]:
    if facts.other is None:
        raise Refused("there is no case to split into")
    return [Moved(facts.other.id, command.history_ids), Linked(facts.other.id, "relates"), Logged("Split")]


def _attach(command: Attach, facts: Facts, now: str) -> list[Event]:
    return [Attached(command.name, command.type, command.size, command.sha256)]


def _set_active(command: SetActive, facts: Facts, now: str) -> list[Event]:
    return [Changed({"active": int(command.active)})]


def _delete(command: Delete, facts: Facts, now: str) -> list[Event]:
    case, section = facts.case, facts.section
    if case.state != "draft" and not section["allow_unlink"]:
        way = "cancel" if case.state in VERBS["cancel"].allowed else "archive"
        raise Refused(
            f"case {case.id} is {case.state} and section {section['name']} does not let such cases be deleted",
            hint=f"{way} it instead: crm case {way} {case.id}",
        )
    return [Deleted()]


def _follow(command: Follow, facts: Facts, now: str) -> list[Event]:
    return [Changed(command.values)]


def _reword(command: Reword, facts: Facts, now: str) -> list[Event]:
    return [Reworded(command.message_id, command.before, command.after)]


def _due(command: Due, facts: Facts, now: str) -> list[Event]:
    return []


def _arrive(command: Arrive, facts: Facts, now: str) -> list[Event]:
    return [Logged("Import", kind=facts.case.state)]


DECIDERS: dict[type, Callable[[Any, Facts, str], list[Event]]] = {
    Act: _act,
    Edit: _edit,
    Note: _note,
    Reply: _reply,
    Hear: _hear,
    Remind: _remind,
    Mail: _mail,
    Merge: _merge,
    Link: _link,
    Split: _split,
    Attach: _attach,
    SetActive: _set_active,
    Delete: _delete,
    Follow: _follow,
    Reword: _reword,
    Due: _due,
    Arrive: _arrive,
}
