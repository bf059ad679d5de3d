"""A run of the rules, as cron does it: whatever is due, each case a transaction of its own (rules.md §2, §3).

With nothing due it looks three times into an index and leaves its heartbeat; the road and all below it are loaded
only when there is something to do.
"""

from __future__ import annotations

import sqlite3

from crmcli import clock, db
from crmcli.errors import CrmError, Refused
from crmcli.origin import Origin
from crmcli.tuples import NamedTuple

ANYTHING = """
SELECT EXISTS (SELECT 1 FROM rule_stale)
    OR EXISTS (SELECT 1 FROM rule_due WHERE coalesce(retry_at, due_at) <= :now)
    OR EXISTS (SELECT 1 FROM cases WHERE wake_at <= :now)
"""

# The pluses and the cross join keep SQLite on the index by time: little is due, while a rule may wait for much.
EXAMINED = """
SELECT d.rule_id, count(*)
FROM rule_due d
WHERE coalesce(d.retry_at, d.due_at) <= ?
GROUP BY +d.rule_id
"""
HOLDING = """
SELECT coalesce(d.retry_at, d.due_at) AS turn, d.case_id
FROM rule_due d CROSS JOIN cases t ON t.id = d.case_id
WHERE coalesce(d.retry_at, d.due_at) <= :this_moment
  AND +d.rule_id = :id
  AND {condition}
"""
WAKING = "SELECT wake_at AS turn, id AS case_id FROM cases WHERE wake_at <= ?"

OPEN = """
SELECT rule_id, occasion, retry_at
FROM rule_due
WHERE case_id = ? AND coalesce(retry_at, due_at) <= ?
ORDER BY rule_id, occasion
"""

# What the transaction under way has done, as its journal tells.
FIRINGS = """
SELECT f.rule_id, r.name, f.state, f.reason
FROM rule_firings f JOIN rules r ON r.id = f.rule_id
WHERE f.id IN (SELECT row_id FROM changes WHERE change_set_id = ? AND table_name = 'rule_firings')
ORDER BY f.id
"""
MAILS = """
SELECT rule_id, count(*)
FROM changes
WHERE change_set_id = ? AND table_name = 'outbox' AND op = 'insert'
GROUP BY rule_id
"""

BEAT = "INSERT INTO runs (kind, at, ended_at, examined, fired, failed) VALUES ('rules', ?, ?, ?, ?, ?)"
KEPT_BEATS = 10_000


class Limits(NamedTuple):
    """Where a run stops before it does damage: after so many cases, before more than so many mails."""

    cases: int | None = None
    mails: int | None = None


class Failure(NamedTuple):
    """What a rule could not do, and why; rule '' where a case could not be handled at all."""

    rule: str
    case_id: int
    reason: str


class Report:
    """What a run came to: per rule id how many due times were examined, held, fired, mailed and failed; and its step."""

    def __init__(self) -> None:
        self.counts: dict[int, dict[str, int]] = {}
        self.failures: list[Failure] = []
        self.stopped = ""
        self.cases = 0
        self.step: int | None = None

    def count(self, rule_id: int, what: str, number: int = 1) -> None:
        """Add to one count of one rule."""
        counts = self.counts.setdefault(rule_id, dict.fromkeys(("examined", "due", "fired", "mails", "failed"), 0))
        counts[what] += number

    def total(self, what: str) -> int:
        """One count of all rules."""
        return sum(counts[what] for counts in self.counts.values())

    def failures_told(self) -> list[str]:
        """What failed, a few words each."""
        return [f"{rule and f'rule {rule} on '}case {case_id}: {reason}" for rule, case_id, reason in self.failures]


class _TooManyMails(Exception):
    """The case would send more mails than the run may."""


def run(conn: sqlite3.Connection, origin: Origin, limits: Limits = Limits()) -> Report:
    """Do what is due by origin.now, in the order in which it fell due, and leave a heartbeat."""
    report = Report()
    if conn.execute(ANYTHING, {"now": origin.now}).fetchone()[0]:
        _work(conn, origin, limits, report)
    if not origin.dry_run:
        _beat(conn, origin, report)
    return report


def _beat(conn: sqlite3.Connection, origin: Origin, report: Report) -> None:
    with db.write(conn, origin) as tx:
        tx.run(BEAT, (origin.now, clock.now(), report.total("examined"), report.total("fired"), len(report.failures)))
        tx.run("DELETE FROM runs WHERE id <= last_insert_rowid() - ?", (KEPT_BEATS,))


def _work(conn: sqlite3.Connection, origin: Origin, limits: Limits, report: Report) -> None:
    """One case after another until none is left or a limit is reached."""
    from crmcli.rules import due

    if conn.execute(due.STALE).fetchone():
        with db.write(conn, origin._replace(dry_run=False)) as tx:  # derived: a rehearsal may bring it up to date
            due.refresh(tx)
    for case_id in _queue(conn, origin.now, report):
        if limits.cases is not None and report.cases >= limits.cases:
            report.stopped = f"stopped after {limits.cases} cases; the next run goes on"
            return
        try:
            origin = _handle(conn, origin, limits, report, case_id)
        except _TooManyMails:
            report.stopped = f"stopped before more than {limits.mails} mails; the next run goes on"
            return
        except Refused as error:
            report.failures.append(Failure("", case_id, error.message))
        except (CrmError, sqlite3.Error):
            raise
        except Exception as error:  # a bug that one case meets must not keep the others waiting
            report.failures.append(Failure("", case_id, f"a bug of crm: {error!r}"))


def _queue(conn: sqlite3.Connection, now: str, report: Report) -> list[int]:
    """The cases for which any rule that is due holds, or that wake up, the longest due first."""
    from crmcli.rules import react
    from crmcli.rules.rule import load

    examined = dict(conn.execute(EXAMINED, (now,)).fetchall())
    turns = [tuple(row) for row in conn.execute(WAKING, (now,))]
    for rule in load(conn, "r.active = 1"):
        if rule.id not in examined:
            continue
        try:
            sql, parameters = react.holding(conn, rule, "", now)
        except CrmError:
            sql, parameters = "1", rule._asdict()  # a filter that means nothing any more fails case by case
        if not rule.dated:
            sql = "1"  # an event that is tried again: settled, or dropped, when it is looked at
        found = conn.execute(HOLDING.format(condition=sql), {**parameters, "this_moment": now}).fetchall()
        report.count(rule.id, "examined", examined[rule.id])
        report.count(rule.id, "due", len(found))
        turns += [tuple(row) for row in found]
    return list(dict.fromkeys(case_id for _, case_id in sorted(turns)))


def _handle(conn: sqlite3.Connection, origin: Origin, limits: Limits, report: Report, case_id: int) -> Origin:
    """Do all that is due on one case → the origin for the next, in the same step."""
    with db.write(conn, origin) as tx:
        _do(tx, case_id)
        mails = dict(tx.run(MAILS, (tx.change_set_id,)).fetchall())
        firings = tx.run(FIRINGS, (tx.change_set_id,)).fetchall()
        if limits.mails is not None and report.total("mails") + sum(mails.values()) > limits.mails:
            raise _TooManyMails
        changed = tx.run("SELECT 1 FROM changes WHERE change_set_id = ? LIMIT 1", (tx.change_set_id,)).fetchone()
    for rule_id, name, state, reason in firings:
        if state in ("fired", "failed"):
            report.count(rule_id, state)
        if state == "failed":
            report.failures.append(Failure(name, case_id, reason))
    for rule_id, number in mails.items():
        if rule_id is not None:
            report.count(rule_id, "mails", number)
    if not changed:
        return origin
    report.cases += 1
    if not origin.dry_run:
        report.step = tx.step
    return origin._replace(step=report.step)


def _do(tx: db.Tx, case_id: int) -> None:
    """Each due time in its turn, and waking up in between, until nothing more comes of it."""
    from crmcli.execute import execute
    from crmcli.model import Act, Due

    while True:
        before = _open(tx, case_id)
        if before:
            execute(tx, Due(case_id))
        if not before or _open(tx, case_id) == before:
            if not tx.run("SELECT 1 FROM cases WHERE id = ? AND wake_at <= ?", (case_id, tx.now)).fetchone():
                return
            execute(tx, Act(case_id, "open"))


def _open(tx: db.Tx, case_id: int) -> list[tuple[object, ...]]:
    return [tuple(row) for row in tx.run(OPEN, (case_id, tx.now))]
