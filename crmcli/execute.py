"""The one road: every change of a case, whoever asks for it, goes through execute (architecture.md §1).

Terminal, mail, rules and methods make commands. A command is decided (and may be refused), its events are
applied, mails are written, and then the rules are asked; what they want comes back here as further commands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from crmcli import case_log, case_values, cases, events, files, notify, workflow
from crmcli.db import Tx
from crmcli.errors import CrmError, Refused
from crmcli.model import (
    NEW,
    Act,
    Add,
    Arrive,
    Attached,
    Case,
    Changed,
    Command,
    Deleted,
    Due,
    Duplicate,
    Edit,
    Followup,
    Happening,
    Linked,
    Logged,
    Mailed,
    Merge,
    Moved,
    Outcome,
    Reworded,
    Row,
    Split,
    Spoken,
)
from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crmcli.rules import react

# The rules' rooms are loaded only where there are rules: most of what a mail costs is loading code.
ANY_RULE = "SELECT 1 FROM rules WHERE active = 1 LIMIT 1"
ANY_STALE = "SELECT 1 FROM rule_stale LIMIT 1"

# Mails that pass an incoming one on wait for the rules: those may name another section or responsible.
AFTER_RULES = ("thanks", "forward", "note")


class Story(NamedTuple):
    """What one action has done to one case so far; log_id is its newest log row, waiting are mails still to be written."""

    case: Case
    state_from: str
    kinds: frozenset[str] = frozenset()
    log_id: int = 0
    outbox_ids: tuple[int, ...] = ()
    waiting: tuple[Mailed, ...] = ()


class Work(NamedTuple):
    """A rule's action on the work list, with the chain that led to it."""

    followup: Followup
    chain: react.Chain


def execute(tx: Tx, *commands: Command, give: bool = False) -> Outcome:
    """Do the commands as one action, then what the rules make of it, until nothing follows.

    Gives the case that the first command was about (a new one for Add, Duplicate and Split), the outbox ids of
    all mails written, and notes on what rules skipped. Refused where the life cycle says no: write nothing then.
    With give the case goes to its section's responsible where no rule gave it to anybody, before anybody is written to.
    """
    stories: dict[int, Story] = {}
    first = 0
    for command in commands:
        case_id = _do(tx, _aimed(command, first), stories)
        first = first or case_id
    notes: list[str] = []
    told = _settled(tx, stories, notes)
    if give:
        told += _settled(tx, _given(tx, first), notes)
    sent = [number for story in told for number in (*story.outbox_ids, *_passed_on(tx, story))]
    _refresh_due(tx)
    return Outcome(first, tuple(sent), tuple(notes))


def _settled(tx: Tx, stories: dict[int, Story], notes: list[str]) -> list[Story]:
    """What happened, and all that the rules made of it."""
    told = list(stories.values())
    work = _asked(tx, stories) if tx.run(ANY_RULE).fetchone() else deque()
    while work:
        item = work.popleft()
        outcome = _follow(tx, item, notes)
        told += outcome.values()
        work += _asked(tx, outcome, item.chain)
    return told


def _given(tx: Tx, case_id: int) -> dict[int, Story]:
    """The case given to its section's responsible, where it is nobody's."""
    stories: dict[int, Story] = {}
    case = cases.get(tx.conn, case_id)
    user_id = cases.responsible(tx.conn, case.section_id) if case.user_id is None else None
    if user_id is not None:
        _do(tx, Edit(case_id, {"user_id": user_id}), stories)
    return stories


def _aimed(command: Command, first: int) -> Command:
    """The command with NEW made the case that the action's first command was about."""
    return command if isinstance(command, Add) or command.case_id != NEW else command._replace(case_id=first)


def _passed_on(tx: Tx, story: Story) -> tuple[int, ...]:
    """Write the mails that had to wait for the rules, to the people that the case has now → their outbox ids."""
    if not story.waiting:
        return ()
    case = cases.get(tx.conn, story.case.id)
    return tuple(number for event in story.waiting for number in notify.write_mails(tx, case, event))


def _refresh_due(tx: Tx) -> None:
    if tx.run(ANY_STALE).fetchone():
        from crmcli.rules import due

        due.refresh(tx)


def _asked(tx: Tx, stories: dict[int, Story], chain: react.Chain | None = None) -> deque[Work]:
    """The rules' answer to what happened, as work."""
    from crmcli.rules import react

    chain = chain or react.Chain(0, set())
    work: deque[Work] = deque()
    for case_id, story in stories.items():
        if story.kinds and not tx.origin.quiet:
            happening = Happening(case_id, story.kinds, story.state_from, story.log_id)
            for followup in react.react(tx, happening, chain):
                work.append(Work(followup, chain.after(followup)))
    return work


def _follow(tx: Tx, item: Work, notes: list[str]) -> dict[int, Story]:
    """Do what a rule wants, whole or not at all; a failure is recorded and stops nobody else."""
    from crmcli.rules import react

    stories: dict[int, Story] = {}
    skipped: list[str] = []
    try:
        with tx.by_rule(item.followup.rule_id), tx.savepoint():
            for command in item.followup.commands:
                reason = _skips(tx, command)
                if reason:
                    skipped.append(reason)
                elif reason is None:
                    _do(tx, command, stories)
    except CrmError as error:
        react.failed(tx, item.followup, error.message)
        notes.append(error.message)
        return {}
    if skipped:
        react.skipped(tx, item.followup, "; ".join(skipped))
        notes.extend(skipped)
    return stories


def _skips(tx: Tx, command: Command) -> str | None:
    """Why a rule's verb is left out: '' where the case is there already, the life cycle's reason if any, else None."""
    if not isinstance(command, Act):
        return None
    case = cases.get(tx.conn, command.case_id)
    if case.state == workflow.VERBS[command.verb].to:
        return ""
    try:
        workflow.decide(command, cases.facts(tx.conn, case, tx.user_id), tx.now)
    except Refused as error:
        return error.message
    return None


def _do(tx: Tx, command: Command, stories: dict[int, Story]) -> int:
    """One command → the id of the case it is about."""
    if isinstance(command, Add):
        return _create(tx, case_values.new(tx, command.values), stories)
    case = cases.get(tx.conn, command.case_id)
    if isinstance(command, Duplicate):
        return _create(tx, case_values.copied(tx, case), stories)
    story = stories.get(case.id, Story(case, case.state))._replace(case=case)
    other_id = None
    if isinstance(command, Split):
        other_id = _create(tx, case_values.new(tx, _split_values(case, command)), stories)
    elif isinstance(command, Merge):
        other_id = cases.current(tx.conn, command.into_id)
    elif isinstance(command, Edit):
        command = Edit(case.id, case_values.edited(tx, case, command.values))
    elif isinstance(command, Due):
        story = story._replace(kinds=story.kinds | {"time"})
    elif isinstance(command, Arrive):
        story = story._replace(kinds=story.kinds | {"create"})
    for event in workflow.decide(command, cases.facts(tx.conn, case, tx.user_id, other_id), tx.now):
        story = APPLY[type(event)](tx, story, event)
    stories[case.id] = story
    return other_id if isinstance(command, Split) and other_id else case.id


def _create(tx: Tx, values: Row, stories: dict[int, Story]) -> int:
    case = cases.insert(tx, values)
    stories[case.id] = Story(case, case.state, frozenset({"create", "draft"}))
    return case.id


def _split_values(case: Case, command: Split) -> Row:
    kept = ("section_id", "category_id", "partner_id", "contact_id", "email_from", "email_cc", "user_id", "priority")
    return {**{name: getattr(case, name) for name in kept}, "name": command.name or case.name}


# What each event does to the tables ------------------------------------------------------------------


def _changed(tx: Tx, story: Story, event: Changed) -> Story:
    return story._replace(case=cases.change(tx, story.case, event.values))


def _logged(tx: Tx, story: Story, event: Logged) -> Story:
    log_id = case_log.log(tx, story.case, event.name)
    if not event.kind:
        return story._replace(log_id=log_id)
    if event.kind != "escalate" and not tx.origin.quiet:
        events.of_case(tx, story.case, event.name, event.kind)
    return story._replace(log_id=log_id, kinds=story.kinds | {event.kind})


def _spoken(tx: Tx, story: Story, event: Spoken) -> Story:
    case_log.say(tx, story.log_id, event.direction, event.email, event.text, event.message_id)
    return story._replace(kinds=story.kinds | {"communication"})


def _mailed(tx: Tx, story: Story, event: Mailed) -> Story:
    if tx.origin.quiet:
        return story
    if event.kind in AFTER_RULES:
        return story._replace(waiting=(*story.waiting, event))
    return story._replace(outbox_ids=story.outbox_ids + notify.write_mails(tx, story.case, event))


def _linked(tx: Tx, story: Story, event: Linked) -> Story:
    (cases.unlink if event.off else cases.link)(tx, story.case.id, event.other_id, event.kind)
    return story


def _moved(tx: Tx, story: Story, event: Moved) -> Story:
    cases.move(tx, story.case, event.other_id, event.history_ids)
    if event.history_ids is None:
        other = cases.get(tx.conn, event.other_id)
        people = [part or "" for part in (other.email_cc, story.case.email_cc, story.case.email_from)]
        watching = [part for part in ",".join(people).split(",") if part.strip().lower() != (other.email_from or "").lower()]
        other = cases.change(tx, other, {"email_cc": case_values.watchers(tx.conn, watching), "last_action_at": tx.now})
        case_log.log(tx, other, f"Merge of case {story.case.id}")
    return story


def _attached(tx: Tx, story: Story, event: Attached) -> Story:
    files.attach(tx, event, case_id=story.case.id)
    return story


def _reworded(tx: Tx, story: Story, event: Reworded) -> Story:
    case_log.reword(tx, event.message_id, event.before, event.after)
    return story


def _deleted(tx: Tx, story: Story, event: Deleted) -> Story:
    cases.delete(tx, story.case)
    return story


APPLY: dict[type, Callable[..., Story]] = {
    Changed: _changed,
    Logged: _logged,
    Spoken: _spoken,
    Mailed: _mailed,
    Linked: _linked,
    Moved: _moved,
    Attached: _attached,
    Reworded: _reworded,
    Deleted: _deleted,
}
