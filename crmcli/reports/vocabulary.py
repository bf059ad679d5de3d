"""The words of all reports, and the one formula behind each (reports.md).

R is a case's planned revenue, C its planned cost, both in cents and 0 where they are missing; q is its probability,
else its category's. planned = R, benefit = R − C, expected = R·q, expected benefit = R·q − C·q. R·q and C·q are
rounded half-even to the cent for each case and then added, so that every grouping agrees to the cent.
"""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from crmcli import settings, zones
from crmcli.model import Column, Row
from crmcli.tuples import Any, NamedTuple

TOTAL = "total"
OVERDUE, NO_DATE, NOBODY, NO_PROBABILITY = "overdue", "no date", "nobody", "no probability"

UNCLOSED = "t.state IN ('draft', 'open', 'pending')"

# What Sums adds up, of cases t with their probability as q, grouped by q among others.
SUMMED = """q,
       count(*),
       coalesce(sum(t.planned_revenue), 0),
       coalesce(sum(t.planned_cost), 0),
       sum(share(t.planned_revenue, q)),
       sum(share(t.planned_cost, q)),
       count(t.planned_revenue),
       min(t.created_at),
       min((SELECT min(d.due_at) FROM rule_due d WHERE d.case_id = t.id))"""

MEASURES = (
    Column("cases", "int"),
    Column("planned", "money"),
    Column("cost", "money"),
    Column("benefit", "money"),
    Column("expected", "money"),
    Column("expected_benefit", "money", "exp. benefit"),
    Column("mean_probability", "percent", "mean %"),
    Column("weighted_probability", "percent", "wtd %"),
    Column("oldest", "time"),
    Column("next_action", "time", "next"),
)


class Scope(NamedTuple):
    """What a report looks at: a condition on cases t with its parameters, and the filter as it was written; T and Z."""

    where: str
    parameters: dict[str, Any]
    words: str
    now: str
    zone: str


class Sums(NamedTuple):
    """What is known of a group of cases, such that two groups add up; money in cents, percents exact.

    rated cases have a probability: percents is the sum of theirs, weight that of their R, product that of R·q.
    """

    cases: int = 0
    planned: int = 0
    cost: int = 0
    expected: int = 0
    expected_cost: int = 0
    revenues: int = 0
    rated: int = 0
    percents: Fraction = Fraction()
    weight: int = 0
    product: Fraction = Fraction()
    oldest: str | None = None
    next_action: str | None = None


def sums(row: tuple[Any, ...]) -> Sums:
    """The values of SUMMED, all cases of the same probability."""
    q, cases, planned, cost, expected, expected_cost, revenues, oldest, next_action = row
    known = Sums(cases, planned, cost, expected, expected_cost, revenues, oldest=oldest, next_action=next_action)
    if q is None:
        return known
    return known._replace(rated=cases, percents=cases * exact(q), weight=planned, product=planned * exact(q))


def added(one: Sums, other: Sums) -> Sums:
    """Two groups as one."""
    return Sums(*(ADD[name](*pair) for name, *pair in zip(Sums._fields, one, other, strict=True)))


def _earlier(one: str | None, other: str | None) -> str | None:
    return min(filter(None, (one, other)), default=None)


ADD: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(Sums._fields, operator.add), "oldest": _earlier, "next_action": _earlier,
}  # fmt: skip


def measured(group: Sums) -> Row:
    """The MEASURES of a group."""
    benefit, expected_benefit = group.planned - group.cost, group.expected - group.expected_cost
    return {
        "cases": group.cases,
        "planned": group.planned,
        "cost": group.cost,
        "benefit": benefit,
        "expected": group.expected,
        "expected_benefit": expected_benefit,
        "mean_probability": _mean(group.percents, group.rated),
        "weighted_probability": _mean(group.product, group.weight),
        "oldest": group.oldest,
        "next_action": group.next_action,
    }


def _mean(total: Fraction, count: int) -> float | None:
    """A mean to two places; None of nothing."""
    return float(round(total / count, 2)) if count else None


@lru_cache(maxsize=1000)
def exact(percent: float) -> Fraction:
    """A stored percentage as it is written: 33.3 is 333/10."""
    return Fraction(repr(percent))


def share(cents: int | None, percent: float | None) -> int:
    """So many percent of an amount, rounded half-even to the cent; 0 where either is missing."""
    if cents is None or percent is None:
        return 0
    part = exact(percent)
    whole, rest = divmod(cents * part.numerator, 100 * part.denominator)
    above_half = 2 * rest - 100 * part.denominator
    return whole + (above_half > 0 or (above_half == 0 and whole % 2))


def teach(conn: sqlite3.Connection, scope: Scope) -> None:
    """Give SQL the words `share(cents, percent)` and `month(at)` for this report."""

    @lru_cache(maxsize=10_000)
    def month(at: str | None) -> str:
        if at is None:
            return NO_DATE
        return OVERDUE if at < scope.now else zones.local(at, scope.zone).isoformat()[:7]

    conn.create_function("share", 2, share, deterministic=True)
    conn.create_function("month", 1, month, deterministic=True)


def footer(conn: sqlite3.Connection, scope: Scope, rows: int, whole: Sums) -> tuple[str, ...]:
    """What the numbers stand on: filter, T, Z, currency, rows, and the cases that lack a number."""
    lacking = ((whole.cases - whole.revenues, "without planned revenue"), (whole.cases - whole.rated, NO_PROBABILITY))
    return (
        f"filter: {scope.words or 'none'}",
        f"at {zones.written(scope.now, scope.zone)} {scope.zone}, in {settings.get(conn, 'currency')}",
        f"{rows} {'row' if rows == 1 else 'rows'}, {whole.cases} {'case' if whole.cases == 1 else 'cases'}",
        *(f"{count} {what}" for count, what in lacking if count),
    )
