"""What a rule does, in words: when, if, then (rules.md §6). Pure: the names of what it links to come with its row."""

from __future__ import annotations

from collections.abc import Callable

from crmcli.model import PRIORITIES, Row
from crmcli.rules import delay

LENGTHS = {"minutes": "minute", "hour": "hour", "day": "day", "month": "month"}
BASES = {"created": "creation", "last_action": "the last action", "deadline": "the deadline", "starts": "the start"}
AFTER_VERB = {
    "draft": "created or reset", "open": "opened", "pending": "put on pending", "done": "closed", "cancel": "cancelled",
    "escalate": "escalated",
}  # fmt: skip
VERBS = {"draft": "reset it", "open": "open it", "pending": "put it on pending", "done": "close it", "cancel": "cancel it",
         "escalate": "escalate it"}  # fmt: skip


def when(rule: Row) -> str:
    """On which event, or how long before or after what."""
    verb = AFTER_VERB.get(rule["state_to"] or "", "")
    if rule["date_type"] != "none":
        text = _distance(rule, BASES[rule["date_type"]]) + (f", once {verb}" if verb else "")
    elif rule["delay"]:
        text = _distance(rule, f"being {verb}")
    else:
        return f"when {verb}" if verb else "on every event"
    every = delay.period(rule["repeat"])
    if every is None:
        return text
    return f"{text}, then every {LENGTHS[every.unit] if every.number == 1 else _counted(every.number, LENGTHS[every.unit])}"


def _distance(rule: Row, base: str) -> str:
    if not rule["delay"]:
        return f"at {base}"
    length = _counted(abs(rule["delay"]), LENGTHS[rule["delay_unit"]])
    return f"{length} {'before' if rule['delay'] < 0 else 'after'} {base}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _below(rule: Row, flag: str) -> str:
    return " and below" if rule[flag] else ""


# Field that is set → the condition in words.
CONDITIONS: dict[str, Callable[[Row], str]] = {
    "state_from": lambda rule: (
        f"it {'is' if rule['date_type'] != 'none' and not rule['state_to'] else 'was'} {rule['state_from']}"
    ),
    "section_id": lambda rule: f"in section {rule['section']}{_below(rule, 'section_sub')}",
    "category_id": lambda rule: f"of category {rule['category']}",
    "user_id": lambda rule: f"{rule['user']} is responsible",
    "partner_id": lambda rule: f"of partner {rule['partner']}",
    "partner_category_id": lambda rule: f"the partner is in {rule['partner_category']}{_below(rule, 'partner_category_sub')}",
    "min_priority": lambda rule: f"priority {PRIORITIES[rule['min_priority'] - 1]} or more urgent",
    "max_priority": lambda rule: f"priority {PRIORITIES[rule['max_priority'] - 1]} or less urgent",
    "min_messages": lambda rule: f"with {_counted(rule['min_messages'], 'communication')} at least",
    "where": lambda rule: f"where {rule['where']}",
}

# Field that is set → the action in words, in the order in which they are done.
ACTIONS: dict[str, Callable[[Row], str]] = {
    "set_section_id": lambda rule: f"move it to {rule['set_section']}",
    "set_user_id": lambda rule: f"give it to {rule['set_user']}",
    "set_priority": lambda rule: f"make its priority {PRIORITIES[rule['set_priority'] - 1]}",
    "add_cc": lambda rule: f"let {rule['add_cc']} watch",
    "set_state": lambda rule: VERBS[rule["set_state"]],
    "remind_user": lambda rule: "remind the responsible" + _files(rule),
    "remind_partner": lambda rule: "remind the partner" + _files(rule),
    "method": lambda rule: f"call {rule['method']}",
    "mail_body": lambda rule: _mail(rule),
}


def conditions(rule: Row) -> str:
    """What must hold, '' where nothing is asked."""
    return ", ".join(say(rule) for name, say in CONDITIONS.items() if rule[name] is not None)


def actions(rule: Row) -> str:
    """What is done, in order."""
    return ", ".join(text for name, say in ACTIONS.items() if rule[name] if (text := say(rule))) or "nothing"


def sentence(rule: Row) -> str:
    """The whole rule as one sentence."""
    asked = conditions(rule)
    how = "; later rules may fire too" if rule["go_on"] else ""
    text = f"{when(rule)}{f', if {asked}' if asked else ''}: {actions(rule)}{how}."
    return text[0].upper() + text[1:]


def _files(rule: Row) -> str:
    return " with the files" if rule["remind_attach"] else ""


def _mail(rule: Row) -> str:
    """To whom the mail goes; '' without anybody."""
    people = {"mail_user": "the responsible", "mail_partner": "the partner", "mail_watchers": "the watchers"}
    named = [text for name, text in people.items() if rule[name]] + ([rule["mail_to"]] if rule["mail_to"] else [])
    return f"mail {' and '.join([', '.join(named[:-1]), named[-1]] if len(named) > 1 else named)}" if named else ""
