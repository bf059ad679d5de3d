"""The calendar: cases by the days from their start to their deadline, in the zone of the site (reports.md Calendar).

A case without a deadline stands on the day of its start; one whose deadline lies before its start covers both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from crmcli import case_list, clock, zones
from crmcli.filters.fields import CASE_FLAGS
from crmcli.model import Column, Result, Row
from crmcli.tuples import Any, NamedTuple
from crmcli.zones import Days

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
NOBODY, MANY = "-", "*"
"""The letters of cases of nobody, and of people when there are no letters left."""

COLUMNS = (
    Column("id", "int"), Column("letter", title="who"), Column("from", "day"), Column("to", "day"), Column("name"),
    Column("state", "choice"), Column("late", "bool"), Column("starts_at", "time"), Column("deadline_at", "time"),
    Column("priority", "priority"), Column("section_id", "int"), Column("section"), Column("partner_id", "int"),
    Column("partner"), Column("user_id", "int"), Column("user"),
)  # fmt: skip
SHOWN = ("id", "letter", "name", "partner", "user", "state", "from", "to")
BELOW = ("letter", "id", "name", "partner", "state", "from", "to")
"""What is listed below a month, where its legend says whose the letters are."""
ENTRY = (Column("day", "day"), Column("weekday"), Column("time"), Column("what"))
ENTRIES_SHOWN = ("day", "weekday", "time", "what", "id", "name", "partner", "user", "state")

# Cases that touch the days from :first up to :after, by the index on whichever time is within or beyond them.
TOUCHING = """(
  t.deadline_at >= :first AND t.starts_at < :after
  OR t.deadline_at IS NULL AND t.starts_at >= :first AND t.starts_at < :after
  OR t.deadline_at < :after AND t.starts_at >= :first
)"""
LATE = CASE_FLAGS["late"].sql.format(now=":now")
CASES = """
SELECT c.id, c.name, c.state, c.starts_at, c.deadline_at, c.priority, c.section_id, c.section, c.partner_id, c.partner,
       c.user_id, c.user, {late}
FROM (SELECT t.id FROM cases t WHERE {where} AND {touching}) k CROSS JOIN v_cases c ON c.id = k.id
ORDER BY min(c.starts_at, coalesce(c.deadline_at, c.starts_at)), c.id
"""


class Wanted(NamedTuple):
    """Which cases, a condition on `t` with its parameters, on which days; now (UTC text) and the zone of the days."""

    where: str
    parameters: dict[str, Any]
    days: Days
    now: str
    zone: str


def month(conn: sqlite3.Connection, wanted: Wanted) -> Result:
    """The cases that touch the days, in the order in which they begin; letter stands for the responsible."""
    return Result(COLUMNS, _cases(conn, wanted, TOUCHING), mark="late", shown=SHOWN)


def agenda(conn: sqlite3.Connection, wanted: Wanted, with_late: bool) -> Result:
    """What starts and what is due on the days, by time; with_late: first what was due before them and is not done."""
    touching = f"({TOUCHING} OR ({LATE}))" if with_late else TOUCHING
    found = [entry for row in _cases(conn, wanted, touching) for entry in _entries(row, wanted, with_late)]
    found.sort(key=lambda row: (row["at"], row["id"], row["what"]))
    return Result((*ENTRY, *COLUMNS), found, mark="late", shown=ENTRIES_SHOWN)


def _cases(conn: sqlite3.Connection, wanted: Wanted, touching: str) -> list[Row]:
    first, after = _bounds(wanted)
    sql = CASES.format(where=wanted.where, touching=touching, late=case_list.LATE.replace(":moment", ":now"))
    parameters = {**wanted.parameters, "first": first, "after": after, "now": wanted.now}
    rows = [dict(row) for row in conn.execute(sql, parameters)]
    letters = lettered(row["user"] for row in rows)
    return [{**row, "letter": letters[row["user"]], **_days(row, wanted.zone)} for row in rows]


def _bounds(wanted: Wanted) -> tuple[str, str]:
    """The first moment of the days, and the first behind them."""
    zone = zones.tz(wanted.zone)
    first, after = (clock.text(zones.begin(day, zone)) for day in wanted.days)
    return first, after


def _days(row: Row, zone: str) -> Row:
    """The first and the last day of a case."""
    days = sorted(zones.local(at, zone).date().isoformat() for at in (row["starts_at"], row["deadline_at"]) if at)
    return {"from": days[0], "to": days[-1]}


def lettered(logins: Iterable[str | None]) -> dict[str | None, str]:
    """A letter for each login: the first of its own letters that is free, by the order of the alphabet; None is nobody's."""
    letters: dict[str | None, str] = {None: NOBODY}
    for login in sorted({login for login in logins if login is not None}):
        own = [letter for letter in login.upper() if letter in LETTERS]
        letters[login] = next((letter for letter in (*own, *LETTERS) if letter not in letters.values()), MANY)
    return letters


def _entries(row: Row, wanted: Wanted, with_late: bool) -> Iterator[Row]:
    """A case as what happens at a time: it starts, it is due."""
    first, after = _bounds(wanted)
    for what, at in (("starts", row["starts_at"]), ("late" if row["late"] else "due", row["deadline_at"])):
        if at is None or not (first <= at < after or (what == "late" and with_late and at < after)):
            continue
        local = zones.local(at, wanted.zone)
        yield {
            **row, "at": at, "what": what, "day": local.date().isoformat(), "weekday": f"{local:%a}", "time": f"{local:%H:%M}",
            "late": what == "late",
        }  # fmt: skip


def months(days: Days) -> list[date]:
    """The first days of the months that these days touch."""
    found = [days.first.replace(day=1)]
    while (following := zones.shifted(found[-1], 1, "month")) < days.after:
        found.append(following)
    return found


def whole_months(days: Days) -> Days:
    """These days and what their months have beside them."""
    return Days(days.first.replace(day=1), zones.whole(days.after - timedelta(days=1), "month").after)
