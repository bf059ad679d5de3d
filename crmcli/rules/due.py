"""The due times of dated rules, kept up to date with cases, categories and rules (rules.md §4).

Triggers in schema.sql note in `rule_stale` whose due times may have changed, whoever changed them; `refresh` works
them out again. A rule's filter (`where`) has no part in it, as it may depend on the time and on anything else: it
is asked when the rule falls due, and a case that does not meet it yet stays due.
"""

from __future__ import annotations

from collections.abc import Iterator

from crmcli import clock, settings
from crmcli.db import Tx
from crmcli.rules import delay
from crmcli.rules.compile import base, waiting
from crmcli.rules.rule import DATED, EVENT, Rule, load
from crmcli.tuples import NamedTuple

STALE = "SELECT 1 FROM rule_stale LIMIT 1"

# All that stale rules wait for, but for events that are tried again: those happened, whatever the rule says now.
FORGET = f"""
DELETE FROM rule_due
WHERE rule_id IN (SELECT rule_id FROM rule_stale WHERE case_id IS NULL)
  AND NOT ((occasion = 'create' OR occasion GLOB 'log:*') AND rule_id IN (SELECT r.id FROM rules r WHERE {EVENT}))
"""

IS_STALE = "SELECT 1 FROM rule_stale WHERE rule_id = ? AND case_id IS NULL LIMIT 1"

FORGET_STALE = """
DELETE FROM rule_due
WHERE rule_id = ?
  AND case_id IN (SELECT case_id FROM rule_stale WHERE case_id IS NOT NULL)
"""

# Which cases a rule is asked about; the cross join keeps SQLite from reading all cases for a few stale ones.
ALL_CASES = "cases t"
STALE_CASES = "(SELECT DISTINCT case_id FROM rule_stale WHERE case_id IS NOT NULL) s CROSS JOIN cases t ON t.id = s.case_id"

# Every case that the rule waits for, its base, and the newest firing for that base if there is one.
WAITING = """
SELECT w.id, w.base, f.state, f.occasion, f.due_at, f.at, f.attempts
FROM (SELECT t.id, {base} AS base FROM {cases} WHERE {condition}) w
LEFT JOIN rule_firings f ON f.id = (
  SELECT n.id
  FROM rule_firings n
  WHERE n.rule_id = :id
    AND n.case_id = w.id
    AND substr(n.occasion, 1, length(:kind || w.base)) = :kind || w.base
  ORDER BY n.due_at DESC, n.id DESC
  LIMIT 1)
WHERE w.base IS NOT NULL
"""

INSERT = "INSERT INTO rule_due (rule_id, case_id, occasion, due_at, retry_at) VALUES (?, ?, ?, ?, ?)"

BASE_LENGTH = len("2026-03-01T09:00:00Z")

BACK_OFF = (60, 300, 900, 3600, 4 * 3600, 24 * 3600)
"""Seconds to wait after the first, second … failure; the last for all that follow."""


class Fired(NamedTuple):
    """What a rule did last for a base."""

    state: str
    occasion: str
    due_at: str
    at: str
    attempts: int


class Next(NamedTuple):
    """What a rule waits for: the occasion, when it is due, and when to try again what failed."""

    occasion: str
    due_at: str
    retry_at: str | None = None


def refresh(tx: Tx) -> None:
    """Work out again the due times of what is stale; costs as much as there is stale, and nothing else."""
    if tx.run(STALE).fetchone() is None:
        return
    tx.run(FORGET)
    for rule in load(tx.conn, DATED):
        whole = tx.run(IS_STALE, (rule.id,)).fetchone()
        if not whole:
            tx.run(FORGET_STALE, (rule.id,))
        tx.conn.executemany(INSERT, _rows(tx, rule, ALL_CASES if whole else STALE_CASES))
    tx.run("DELETE FROM rule_stale")


def _rows(tx: Tx, rule: Rule, cases: str) -> Iterator[tuple[int, int, str, str, str | None]]:
    """The rows of rule_due for a rule and those cases."""
    zone, kind = settings.get(tx.conn, "zone"), kind_of(rule)
    sql = WAITING.format(base=base(rule), cases=cases, condition=waiting(rule))
    for case_id, base_at, *fired in tx.run(sql, {**rule._asdict(), "kind": kind}):
        found = _next(rule, base_at, Fired(*fired) if fired[0] else None, zone)
        if found and found.due_at >= rule.effective_from:
            yield rule.id, case_id, *found


def _next(rule: Rule, base_at: str, fired: Fired | None, zone: str) -> Next | None:
    """The next time that the rule falls due for a base, after what it did for that base already."""
    occasion, every = kind_of(rule) + base_at, delay.period(rule.repeat)
    first = delay.shift(base_at, delay.Delay(rule.delay, rule.delay_unit), zone)
    if fired and fired.state == "failed":
        return Next(fired.occasion, fired.due_at, clock.shift(fired.at, back_off(fired.attempts)))
    if every is None:
        return None if fired else Next(occasion, first)
    after = max(clock.shift(rule.effective_from, -1), fired.due_at if fired else "")
    due_at = delay.following(first, every, after, zone)
    return Next(f"{occasion}@{due_at}", due_at) if due_at > after else None


def newest(rule: Rule, occasion: str, due_at: str, now: str, zone: str) -> tuple[str, str]:
    """The occasion and due time that a waiting one has become by now: missed repeats are one, the newest."""
    every = delay.period(rule.repeat)
    if every is None or "@" not in occasion:
        return occasion, due_at
    start = occasion.partition("@")[0]
    first = delay.shift(start[-BASE_LENGTH:], delay.Delay(rule.delay, rule.delay_unit), zone)
    due_at = delay.newest(first, every, now, zone)
    return f"{start}@{due_at}", due_at


def kind_of(rule: Rule) -> str:
    """What stands before the base in the rule's occasions, such as ``deadline:`` or, after a verb, ``open:``."""
    return f"{rule.state_to if rule.date_type == 'none' else rule.date_type}:"


def back_off(attempts: int) -> int:
    """Seconds until a firing that failed so many times is tried again."""
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
