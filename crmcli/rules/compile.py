"""A rule → SQL conditions on `cases t`, with their parameters (rules.md §4). Pure.

The parameters are the rule's own columns by name. The same text serves events (with ``AND t.id = …``), time and
lists. What a verb left behind is read from the log and the spans, so that a later verb, an undo and a hand from
outside are all seen: nothing is armed and kept.
"""

from __future__ import annotations

from crmcli.model import UNCLOSED
from crmcli.rules.rule import Rule
from crmcli.workflow import VERB_TO, VERBS

BELOW = """IN (
  WITH RECURSIVE below (id) AS (
    SELECT :{field} UNION SELECT s.id FROM {table} s JOIN below ON s.parent_id = below.id
  ) SELECT id FROM below)"""

IN_CATEGORY = """EXISTS (
  SELECT 1
  FROM partner_category_members m
  WHERE m.partner_id = t.partner_id
    AND m.category_id {which})"""

ENOUGH_MESSAGES = """(
  SELECT count(*)
  FROM case_log l JOIN case_history h ON h.log_id = l.id
  WHERE l.case_id = t.id) >= :min_messages"""

NEWEST_VERB = """(
  SELECT l.{column}
  FROM case_log l
  WHERE l.case_id = t.id
    AND l.name IN ({names})
  ORDER BY l.id DESC
  LIMIT 1)"""

STATE_BEFORE = """(
  SELECT s.state
  FROM case_spans s
  WHERE s.case_id = t.id
    AND s.state <> t.state
  ORDER BY s.id DESC
  LIMIT 1)"""

# The last action; but a rule's own firing is no new one for the same rule, which keeps the base that it fired for,
# unless somebody did something within the same second.
LAST_ACTION = """coalesce((
  SELECT substr(f.occasion, length('last_action:') + 1, length(t.last_action_at))
  FROM rule_firings f
  WHERE f.rule_id = :id
    AND f.case_id = t.id
    AND f.at = t.last_action_at
    AND f.state = 'fired'
    AND f.occasion GLOB 'last_action:*'
    AND NOT EXISTS (SELECT 1 FROM case_log l WHERE l.case_id = t.id AND l.at = f.at AND l.rule_id IS NULL)
  ORDER BY f.id DESC
  LIMIT 1), t.last_action_at, t.created_at)"""

BASES = {"created": "t.created_at", "deadline": "t.deadline_at", "starts": "t.starts_at", "last_action": LAST_ACTION}

# The columns of a rule that ask something of the case, and the condition that each makes.
CONDITIONS = {
    "section_id": "t.section_id = :section_id",
    "category_id": "t.category_id = :category_id",
    "user_id": "t.user_id = :user_id",
    "partner_id": "t.partner_id = :partner_id",
    "partner_category_id": IN_CATEGORY.format(which="= :partner_category_id"),
    "min_priority": "t.priority <= :min_priority",
    "max_priority": "t.priority >= :max_priority",
    "min_messages": ENOUGH_MESSAGES,
}

# What takes their place where what is below counts too.
WITH_BELOW = {
    "section_sub": ("section_id", f"t.section_id {BELOW.format(field='section_id', table='sections')}"),
    "partner_category_sub": (
        "partner_category_id",
        IN_CATEGORY.format(which=BELOW.format(field="partner_category_id", table="partner_categories")),
    ),
}


def conditions(rule: Rule) -> str:
    """What must hold of the case whenever the rule is tried; its states and its filter apart."""
    asked = {**CONDITIONS, **{name: sql for flag, (name, sql) in WITH_BELOW.items() if getattr(rule, flag)}}
    return all_of([sql for name, sql in asked.items() if getattr(rule, name) is not None])


def waiting(rule: Rule) -> str:
    """What must hold of a case for a dated rule to wait for it, and to fire; its filter apart."""
    return all_of(["t.active = 1", *(_after_verb(rule) if rule.state_to else _in_state(rule)), conditions(rule)])


def base(rule: Rule) -> str:
    """The time from which a dated rule's delay counts, as an expression; NULL where the case has none."""
    return BASES.get(rule.date_type) or f"coalesce({_newest(rule, 'at')}, t.created_at)"


def all_of(conditions: list[str]) -> str:
    """The conditions joined by AND; one that always holds where there are none."""
    return "\n  AND ".join(conditions) or "1"


def _in_state(rule: Rule) -> list[str]:
    """Without a verb: the state that is asked for, else any unclosed one."""
    return ["t.state = :state_from" if rule.state_from else f"t.state IN ({_quoted(UNCLOSED)})"]


def _after_verb(rule: Rule) -> list[str]:
    """The verb that leads to state_to is the newest, and came from state_from; a new case counts as put to draft."""
    state = rule.state_to or ""
    names = ("Reset", "Create") if state == "draft" else (VERBS[VERB_TO[state]].name,)
    found = [f"coalesce({_newest(rule, 'name')}, 'Create') IN ({_quoted(names)})"]
    if state != "escalate":
        found.append("t.state = :state_to")
    if rule.state_from:
        found.append(("t.state" if state == "escalate" else f"coalesce({STATE_BEFORE}, 'draft')") + " = :state_from")
    return found


def _newest(rule: Rule, column: str) -> str:
    """The newest verb that begins or ends the wait: a state verb; an escalation only where the rule waits for one."""
    names = tuple(verb.name for verb in VERBS.values() if verb.to or rule.state_to == "escalate")
    return NEWEST_VERB.format(column=column, names=_quoted(names))


def _quoted(words: tuple[str, ...]) -> str:
    """Words of our own as SQL literals."""
    return ", ".join(f"'{word}'" for word in words)
