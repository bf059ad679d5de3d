"""What to do now: the unclosed cases by urgency, each with its reasons in words (domain.md §3).

There are no weights to guess at. The steps of STEPS are taken one after the other, and a case stands on the first that
holds of it; on one step the order is priority, then the earliest deadline, then what has lain longest. The reasons
are all the steps that hold, its own first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from crmcli import case_list, clock, zones
from crmcli.filters.fields import CASE_FLAGS, UNCLOSED
from crmcli.model import PRIORITIES, Column, Result, Row
from crmcli.tuples import Any, NamedTuple

DAY = 86400
SOON = 7 * DAY
EXTRA = (Column("urgency"), Column("reason"))
COLUMNS = (*case_list.columns(), *EXTRA)
SHOWN = ("id", "name", "user", "reason")


class Wanted(NamedTuple):
    """Which cases: a condition on `t` with its parameters, and how many; now, where today ends, since when one is stale."""

    where: str
    parameters: dict[str, Any]
    now: str
    tonight: str
    stale: str
    zone: str = "UTC"
    limit: int | None = None


class Step(NamedTuple):
    """One step of urgency: its name, when it holds of the case t as SQL, and the reason from the facts of the case."""

    name: str
    sql: str
    words: Callable[[Row, Wanted], str]


def _ago(at: str, wanted: Wanted) -> str:
    return lasting(int((clock.moment(wanted.now) - clock.moment(at)).total_seconds()))


def lasting(seconds: int) -> str:
    """So many seconds as people say them, in one unit: ``40 minutes``, ``5 hours``, ``3 days``."""
    for size, unit in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (size == 60 and seconds >= 60):
            return f"{seconds // size} {unit}{'' if seconds // size == 1 else 's'}"
    return "a moment"


OURS = "(t.state <> 'pending' OR t.deadline_at < :now)"
WAITING = CASE_FLAGS["waiting"].sql
STEPS = (
    Step("late", CASE_FLAGS["late"].sql.format(now=":now"), lambda row, wanted: f"late by {_ago(row['deadline_at'], wanted)}"),
    Step(
        "today",
        "t.deadline_at BETWEEN :now AND :tonight",
        lambda row, wanted: f"due today at {zones.written(row['deadline_at'], wanted.zone)[11:]}",
    ),
    Step("priority", f"t.priority <= 2 AND ({OURS} OR {WAITING})", lambda row, _: f"{PRIORITIES[row['priority'] - 1]} priority"),
    Step(
        "answer",
        WAITING,
        lambda row, wanted: (
            f"{row['said_by'] or row['partner'] or 'the partner'} waits {_ago(row['said_at'], wanted)} for an answer"
        ),
    ),
    Step("nobody", f"t.user_id IS NULL AND {OURS}", lambda row, _: "nobody is responsible"),
    Step(
        "stale",
        "t.wake_at IS NULL AND coalesce(t.last_action_at, t.created_at) < :stale",
        lambda row, wanted: f"no action for {_ago(row['last_action_at'] or row['created_at'], wanted)}",
    ),
    Step(
        "soon",
        f"t.deadline_at > :tonight AND t.deadline_at <= :soon AND {OURS}",
        lambda row, wanted: f"due {zones.local(row['deadline_at'], wanted.zone):%A %H:%M}",
    ),
    Step("open", OURS, lambda row, _: "not begun yet" if row["state"] == "draft" else "open"),
)
LAST = len(STEPS) - 1

# One pass over the unclosed cases, found by their index; what waits for others alone stands on no step.
RANKED = """
WITH ranked AS MATERIALIZED (
  SELECT t.id, t.priority, t.deadline_at, coalesce(t.last_action_at, t.created_at) AS touched_at,
         CASE {steps} END AS step
  FROM cases t
  WHERE {unclosed}
    AND {where}
)
SELECT id, step
FROM ranked
WHERE step IS NOT NULL
ORDER BY step, priority, deadline_at IS NULL, deadline_at, touched_at, id
LIMIT :urgency_limit
"""
FACTS = """
SELECT {columns}, {late}, h.email AS said_by, l.at AS said_at, k.step, {holds}
FROM ({ranked}) k
CROSS JOIN v_cases c ON c.id = k.id
CROSS JOIN cases t ON t.id = k.id
LEFT JOIN case_history h ON h.id = (
  SELECT max(h.id) FROM case_log l JOIN case_history h ON h.log_id = l.id WHERE l.case_id = k.id
)
LEFT JOIN case_log l ON l.id = h.log_id
ORDER BY k.step, c.priority, c.deadline_at IS NULL, c.deadline_at, coalesce(c.last_action_at, c.created_at), c.id
"""


def urgent(conn: sqlite3.Connection, wanted: Wanted, names: Sequence[str] = ()) -> Result:
    """The cases to work on, the most urgent first; names chooses the columns, all by default."""
    sql, parameters = _statement(wanted)
    known = {column.name: column for column in COLUMNS}
    columns = ", ".join(f"c.{column.name}" for column in case_list.columns())
    holds = ", ".join(f"({step.sql}) AS is_{step.name}" for step in STEPS)
    facts = FACTS.format(columns=columns, late=case_list.LATE.replace(":moment", ":now"), holds=holds, ranked=sql)
    rows = _rows(conn.execute(facts, parameters), wanted)
    return Result(tuple(known[name] for name in names or known), rows, mark="late", shown=() if names else SHOWN)


def count(conn: sqlite3.Connection, wanted: Wanted) -> int:
    """How many there are, whatever the limit."""
    sql, parameters = _statement(wanted._replace(limit=None))
    return int(conn.execute(f"SELECT count(*) FROM ({sql})", parameters).fetchone()[0])


def _statement(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    steps = " ".join(f"WHEN {step.sql} THEN {number}" for number, step in enumerate(STEPS))
    own = {
        "now": wanted.now, "tonight": wanted.tonight, "stale": wanted.stale, "soon": clock.shift(wanted.now, SOON),
        "urgency_limit": -1 if wanted.limit is None else wanted.limit,
    }  # fmt: skip
    return RANKED.format(steps=steps, unclosed=UNCLOSED, where=wanted.where), {**wanted.parameters, **own}


def _rows(found: sqlite3.Cursor, wanted: Wanted) -> Iterator[Row]:
    for line in found:
        row = dict(line)
        yield {**row, "urgency": STEPS[row["step"]].name, "reason": "; ".join(_reasons(row, wanted))}


def _reasons(row: Row, wanted: Wanted) -> Iterator[str]:
    """All that holds; that a case is open only where nothing else does."""
    for number, step in enumerate(STEPS):
        if row[f"is_{step.name}"] and (number < LAST or row["step"] == LAST):
            yield step.words(row, wanted)
