"""What happened → what the rules want done about it (rules.md §2, §3).

All rules of one evaluation see the same snapshot: nothing is done to the case here. Each firing is recorded before
its effects, in their transaction, so it happens once or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby

from crmcli import clock, settings
from crmcli.db import Tx
from crmcli.errors import CrmError
from crmcli.model import Followup, Happening, Row
from crmcli.rules import actions, due
from crmcli.rules.compile import all_of, conditions, waiting
from crmcli.rules.rule import EVENT, Rule, load
from crmcli.tuples import NamedTuple

DEEPEST = 15

# What is due on a case. What falls due after a case is to wake up is looked at when it has.
DUE = """
SELECT rule_id, occasion, due_at, coalesce(retry_at, due_at) AS turn
FROM rule_due
WHERE case_id = :case
  AND coalesce(retry_at, due_at) <= min(:now, coalesce((SELECT wake_at FROM cases WHERE id = :case), :now))
ORDER BY turn
"""

# Recorded once: a second time only where the first one failed.
RECORD = """
INSERT INTO rule_firings (rule_id, case_id, occasion, due_at, at, state, reason)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rule_id, case_id, occasion) DO UPDATE
SET at = excluded.at, state = excluded.state, reason = excluded.reason, attempts = attempts + 1
WHERE state = 'failed'
"""

FAILED = """
UPDATE rule_firings SET state = 'failed', reason = ?
WHERE rule_id = ? AND case_id = ? AND occasion = ?
RETURNING due_at, attempts
"""

TRY_AGAIN = """
INSERT INTO rule_due (rule_id, case_id, occasion, due_at, retry_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (rule_id, case_id, occasion) DO UPDATE SET retry_at = excluded.retry_at
"""

NO_MORE = "DELETE FROM rule_due WHERE rule_id = ? AND case_id = ? AND occasion = ?"


class Condition(NamedTuple):
    """An SQL condition on `cases t` and the parameters that it names."""

    sql: str
    parameters: Row


class Chain(NamedTuple):
    """How deep a cascade is, and which (rule, case) pairs have fired in it; the pairs are one set for the whole of it."""

    depth: int
    fired: set[tuple[int, int]]

    def after(self, followup: Followup) -> Chain:
        """The chain one step deeper, where a rule has fired."""
        self.fired.add((followup.rule_id, followup.case_id))
        return self._replace(depth=self.depth + 1)


class Candidate(NamedTuple):
    """A rule whose turn it is on a case: for which occasion, and when it was due."""

    rule: Rule
    case_id: int
    occasion: str
    due_at: str


def react(tx: Tx, happening: Happening, chain: Chain) -> list[Followup]:
    """What the rules that hold want done, in effective order; their firings are recorded.

    For `time` it is the earliest due time at which any rule holds: ask again until nothing comes.
    """
    if "time" not in happening.kinds:
        return _evaluate(tx, _answering(tx, happening), chain)
    for turn in _due(tx, happening.case_id):
        followups = _evaluate(tx, turn, chain)
        if followups:
            return followups
    return []


def failed(tx: Tx, followup: Followup, reason: str) -> None:
    """The rule could not do what it wants: it stays due, and is tried again after a while."""
    key = (followup.rule_id, followup.case_id, followup.occasion)
    due_at, attempts = tx.run(FAILED, (reason, *key)).fetchone()
    if is_event(followup.occasion):
        tx.run(TRY_AGAIN, (*key, due_at, clock.shift(tx.now, due.back_off(attempts))))


def skipped(tx: Tx, followup: Followup, reason: str) -> None:
    """The rule fired, but left out what the life cycle does not allow."""
    key = (followup.rule_id, followup.case_id, followup.occasion)
    tx.run("UPDATE rule_firings SET reason = ? WHERE rule_id = ? AND case_id = ? AND occasion = ?", (reason, *key))


def is_event(occasion: str) -> bool:
    """Whether the occasion is an event, not a time."""
    return occasion == "create" or occasion.startswith("log:")


def holding(conn: sqlite3.Connection, rule: Rule, occasion: str, now: str) -> Condition:
    """What must hold of a case for the rule to fire now; Usage where its filter means nothing (any more).

    What states an event led from and to was settled when it happened.
    """
    sql = conditions(rule) if is_event(occasion) else waiting(rule)
    if rule.where is None:
        return Condition(sql, rule._asdict())
    from crmcli import filters

    where = filters.compile(conn, rule.where, "case", filters.context(conn, now))
    return Condition(all_of([sql, where.sql]), {**rule._asdict(), **where.parameters})


def _answering(tx: Tx, happening: Happening) -> list[Candidate]:
    """The event rules that answer this happening, as far as its verbs and the state before are concerned."""
    occasion = "create" if "create" in happening.kinds else f"log:{happening.log_id}"
    return [
        Candidate(rule, happening.case_id, occasion, tx.now)
        for rule in load(tx.conn, EVENT)
        if rule.state_to in (None, *happening.kinds) and rule.state_from in (None, happening.state_from)
    ]


def _due(tx: Tx, case_id: int) -> Iterator[list[Candidate]]:
    """The rules due on a case, grouped by when their turn is, each group in effective order."""
    rows = tx.run(DUE, {"case": case_id, "now": tx.now}).fetchall()
    rules = load(tx.conn, "r.id IN (SELECT rule_id FROM rule_due WHERE case_id = ?)", (case_id,)) if rows else []
    zone = settings.get(tx.conn, "zone")
    for _, turn in groupby(rows, key=lambda row: row["turn"]):
        waits = {row["rule_id"]: row for row in turn}
        yield [
            Candidate(rule, case_id, *due.newest(rule, row["occasion"], row["due_at"], tx.now, zone))
            for rule in rules
            if (row := waits.get(rule.id))
        ]


def _evaluate(tx: Tx, candidates: list[Candidate], chain: Chain) -> list[Followup]:
    """One evaluation: the first rule that holds fires and ends it, unless it says to go on.

    Those that fell due at the same time and hold too have had their turn with it.
    """
    followups: list[Followup] = []
    ended_by = ""
    for candidate in candidates:
        if not _holds(tx, candidate):
            continue
        if ended_by:
            _record(tx, candidate, "suppressed", f"rule {ended_by} came first")
            continue
        followup = _fire(tx, candidate, chain)
        if followup is None:
            continue
        followups.append(followup)
        if not candidate.rule.go_on:
            if is_event(candidate.occasion):
                break
            ended_by = candidate.rule.name
    return followups


def _holds(tx: Tx, candidate: Candidate) -> bool:
    """Whether the rule's conditions hold of the case; a filter that means nothing any more is a failure of the rule."""
    try:
        sql, parameters = holding(tx.conn, candidate.rule, candidate.occasion, tx.now)
    except CrmError as error:
        if _record(tx, candidate, "failed", error.message):
            failed(tx, Followup(candidate.rule.id, candidate.case_id, (), candidate.occasion), error.message)
        return False
    found = tx.run(f"SELECT 1 FROM cases t WHERE t.id = :this_case AND {sql}", {**parameters, "this_case": candidate.case_id})
    if found.fetchone():
        return True
    if is_event(candidate.occasion):
        tx.run(NO_MORE, (candidate.rule.id, candidate.case_id, candidate.occasion))
    return False


def _fire(tx: Tx, candidate: Candidate, chain: Chain) -> Followup | None:
    """Record that the rule fires → what it wants done; None where the chain or an earlier firing forbids it."""
    rule, case_id, occasion, _ = candidate
    if chain.depth >= DEEPEST or (rule.id, case_id) in chain.fired:
        reason = f"the chain of rules is {DEEPEST} deep" if chain.depth >= DEEPEST else "it has fired in this chain"
        _record(tx, candidate, "suppressed", reason)
        return None
    if not _record(tx, candidate, "fired"):
        return None
    if is_event(occasion):
        tx.run(NO_MORE, (rule.id, case_id, occasion))
    return Followup(rule.id, case_id, actions.commands(tx, rule, case_id), occasion)


def _record(tx: Tx, candidate: Candidate, state: str, reason: str | None = None) -> bool:
    """Write down what became of an occasion → whether that was still open."""
    rule, case_id, occasion, due_at = candidate
    return tx.run(RECORD, (rule.id, case_id, occasion, due_at, tx.now, state, reason)).rowcount == 1
