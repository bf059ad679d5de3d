"""crm next: the unclosed cases by urgency, each with its reasons; held against a plain-Python reading of its help."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import filters
from crmcli.reports import urgency
from crmcli.reports.urgency import Wanted, lasting
from tests.cli.world import NOW, Crm, a_case, a_partner, put, set_

TONIGHT = "2026-03-02T23:59:59Z"
STALE = "2026-02-16T09:00:00Z"


def said(conn: sqlite3.Connection, case_id: int, direction: str, at: str = "2026-02-28T09:00:00Z") -> None:
    """A communication of a case."""
    log_id = put(conn, "case_log", case_id=case_id, at=at, name="Send")
    put(conn, "case_history", log_id=log_id, direction=direction, email="joe@acme.example", description="?")


def reasons(crm: Crm, *words: str, **given: str) -> dict[int, str]:
    """What crm next says: case → its reasons, in its order."""
    return {row["id"]: row["reason"] for row in crm("next", *words, "-o", "json", **given).json()}


def test_a_late_case_comes_before_all_and_says_by_how_much(crm: Crm, conn: sqlite3.Connection) -> None:
    high = a_case(conn, user_id=1, priority=1)
    late = a_case(conn, user_id=1, deadline_at="2026-02-27T09:00:00Z")
    assert list(reasons(crm).items()) == [(late, "late by 3 days"), (high, "highest priority")]


def test_each_step_stands_in_the_order_of_the_help(crm: Crm, conn: sqlite3.Connection) -> None:
    plain = a_case(conn, "open", user_id=1)
    soon = a_case(conn, user_id=1, deadline_at="2026-03-06T17:00:00Z")
    stale = a_case(conn, user_id=1)
    set_(conn, "cases", stale, last_action_at="2026-02-01T09:00:00Z")
    nobody = a_case(conn)
    waits = a_case(conn, user_id=1)
    said(conn, waits, "in")
    high = a_case(conn, user_id=1, priority=2)
    today = a_case(conn, user_id=1, deadline_at="2026-03-02T17:30:00Z")
    late = a_case(conn, user_id=1, priority=5, deadline_at="2026-03-02T08:20:00Z")
    assert list(reasons(crm).items()) == [
        (late, "late by 40 minutes"),
        (today, "due today at 17:30"),
        (high, "high priority"),
        (waits, "joe@acme.example waits 2 days for an answer"),
        (nobody, "nobody is responsible"),
        (stale, "no action for 29 days"),
        (soon, "due Friday 17:00"),
        (plain, "open"),
    ]


def test_all_that_holds_is_said(crm: Crm, conn: sqlite3.Connection) -> None:
    case_id = a_case(conn, priority=1, deadline_at="2026-02-27T09:00:00Z")
    said(conn, case_id, "in")
    assert reasons(crm)[case_id] == (
        "late by 3 days; highest priority; joe@acme.example waits 2 days for an answer; nobody is responsible"
    )


def test_what_is_closed_archived_or_waits_for_others_is_not_there(crm: Crm, conn: sqlite3.Connection) -> None:
    for state in ("done", "cancel"):
        a_case(conn, state, deadline_at="2026-02-27T09:00:00Z", priority=1)
    a_case(conn, archived=True)
    asked = a_case(conn, "pending", user_id=1, priority=1)
    said(conn, asked, "in")
    said(conn, asked, "out")
    assert reasons(crm) == {}
    said(conn, asked, "in", "2026-03-02T08:59:30Z")
    assert reasons(crm) == {asked: "highest priority; joe@acme.example waits a moment for an answer"}


def test_a_pending_case_comes_back_when_it_is_stale_unless_it_wakes_by_itself(crm: Crm, conn: sqlite3.Connection) -> None:
    old, sleeping = a_case(conn, "pending", user_id=1), a_case(conn, "pending", user_id=1)
    for case_id in (old, sleeping):
        set_(conn, "cases", case_id, last_action_at="2026-02-01T09:00:00Z")
    set_(conn, "cases", sleeping, wake_at="2026-04-01T09:00:00Z")
    assert reasons(crm) == {old: "no action for 29 days"}
    assert reasons(crm, now="2026-02-03T09:00:00Z") == {}


def test_stale_days_and_the_readers_zone_are_heeded(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn, user_id=1, deadline_at="2026-03-02T23:30:00Z")
    assert list(reasons(crm).values()) == ["due today at 23:30"]
    assert list(reasons(crm, "--tz", "Europe/Berlin").values()) == ["due Tuesday 00:30"]
    crm("config", "set", "stale_days", "1")
    assert list(reasons(crm).values()) == ["due today at 23:30; no action for 25 hours"]


def test_a_filter_narrows_and_a_limit_counts_what_is_left_out(crm: Crm, conn: sqlite3.Connection) -> None:
    mine = a_case(conn, user_id=1)
    others = [a_case(conn) for _ in range(4)]
    assert list(reasons(crm, "+mine")) == [mine]
    assert crm("next", "--limit", "2", "-o", "ids").out.split() == [str(number) for number in others[:2]]
    assert crm("next", "--limit", "2", "-o", "table").out.splitlines()[-1] == "and 3 more"
    refused = crm("next", "+main")
    assert (refused.exit, refused.out) == (2, "")
    assert "nearest: +mine" in refused.err


def test_every_format_has_the_reason(crm: Crm, conn: sqlite3.Connection) -> None:
    a_partner(conn)
    a_case(conn, user_id=1, partner_id=1, deadline_at="2026-02-27T09:00:00Z", name="a|b\x1b[31m\u202ex")
    assert crm("next").out == "id\tname\tuser\treason\n1\ta|b[31m\\\\u202ex\tann\tlate by 3 days\n"
    assert crm("next", "-o", "csv", "--columns", "id,reason,partner").out == "id,reason,partner\n1,late by 3 days,Acme\n"
    assert crm("next", "-o", "table").out.splitlines()[1].startswith("!   1  a|b[31m\\u202ex")
    assert "| ! 1 | a\\|b" in crm("next", "-o", "md").out
    assert '<tr class="late"><td class="n">1</td>' in crm("next", "-o", "html").out
    row = json.loads(crm("next", "-o", "jsonl").out)
    assert (row["urgency"], row["user_id"], row["user"], row["partner"]) == ("late", 1, "ann", "Acme")


def test_the_past_is_ordered_by_what_was_then(crm: Crm, conn: sqlite3.Connection) -> None:
    case_id = a_case(conn, user_id=1, deadline_at="2026-03-05T09:00:00Z")
    crm("case", "close", str(case_id), now="2026-03-03T09:00:00Z")
    assert reasons(crm, now="2026-03-08T09:00:00Z") == {}
    assert reasons(crm, "--as-of", "2026-03-02", now="2026-03-08T09:00:00Z") == {case_id: "due Thursday 09:00"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a moment"), (59, "a moment"), (60, "1 minute"), (119, "1 minute"), (7199, "119 minutes"), (7200, "2 hours"),
        (172799, "47 hours"), (172800, "2 days"), (86400 * 400, "400 days"),
    ],
)  # fmt: skip
def test_times_are_said_in_one_unit(seconds: int, words: str) -> None:
    assert lasting(seconds) == words


# The order, by plain Python ---------------------------------------------------------------------------

BASE = datetime(2026, 3, 2, 9)


def at(hours: int) -> str:
    return (BASE + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


CASES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["draft", "open", "pending", "pending", "done", "cancel"]),
        "priority": st.integers(1, 5),
        "user_id": st.sampled_from([None, 1]),
        "deadline_at": st.sampled_from([None, *map(at, (-200, -1, 0, 1, 14, 15, 24, 100, 168, 169, 900))]),
        "last_action_at": st.sampled_from([None, *map(at, (-900, -337, -336, -335, -1))]),
        "wake_at": st.sampled_from([None, at(50)]),
        "said": st.lists(st.sampled_from(["in", "out", "note"]), max_size=3),
    }
)


def step(case: dict) -> int | None:
    """The step of the help on which a case stands."""
    deadline, pending = case["deadline_at"], case["state"] == "pending"
    if case["state"] in ("done", "cancel"):
        return None
    waits = case["said"][-1:] == ["in"]
    late = deadline is not None and deadline < NOW
    holds = [
        late,
        deadline is not None and NOW <= deadline <= TONIGHT,
        case["priority"] <= 2 and (not pending or waits),
        waits,
        case["user_id"] is None and not pending,
        case["wake_at"] is None and (case["last_action_at"] or case["created_at"]) < STALE,
        deadline is not None and TONIGHT < deadline <= at(168) and not pending,
        not pending,
    ]
    return holds.index(True) if True in holds else None


@given(drawn=st.lists(CASES, min_size=1, max_size=12))
def test_random_cases_come_in_the_order_of_plain_python(conn: sqlite3.Connection, drawn: list[dict]) -> None:
    conn.execute("BEGIN")
    try:
        cases = []
        for number, values in enumerate(drawn, 1):
            case = {**values, "id": number, "created_at": at(-400)}
            case["wake_at"] = case["wake_at"] if case["state"] == "pending" else None
            cases.append(case)
            stored = {name: value for name, value in case.items() if name != "said"}
            stored |= {"name": "x", "section_id": 1, "starts_at": at(-400), "closed_at": NOW if case["state"] == "done" else None}
            conn.execute(f"INSERT INTO cases ({', '.join(stored)}) VALUES ({', '.join('?' * len(stored))})", [*stored.values()])
            for direction in case["said"]:
                log = conn.execute("INSERT INTO case_log (case_id, at, name) VALUES (?, ?, '')", (number, NOW)).lastrowid
                conn.execute("INSERT INTO case_history (log_id, direction, description) VALUES (?, ?, '')", (log, direction))
        shown = [(case, place) for case in cases if (place := step(case)) is not None]
        shown.sort(
            key=lambda pair: (
                pair[1], pair[0]["priority"], pair[0]["deadline_at"] is None, pair[0]["deadline_at"] or "",
                pair[0]["last_action_at"] or pair[0]["created_at"], pair[0]["id"],
            )
        )  # fmt: skip
        wanted = Wanted("t.active = 1", {}, NOW, TONIGHT, STALE)
        found = [(row["id"], row["urgency"]) for row in urgency.urgent(conn, wanted).rows]
        assert found == [(case["id"], urgency.STEPS[place].name) for case, place in shown]
        assert urgency.count(conn, wanted) == len(shown)
    finally:
        conn.execute("ROLLBACK")


def test_unclosed_cases_are_found_by_an_index(conn: sqlite3.Connection) -> None:
    """Years of closed cases cost nothing."""
    seen: list[str] = []
    conn.set_trace_callback(seen.append)
    condition = filters.compile(conn, "+mine", "case", filters.context(conn, NOW, 1))
    list(urgency.urgent(conn, Wanted(f"t.active = 1 AND {condition.sql}", condition.parameters, NOW, TONIGHT, STALE)).rows)
    conn.set_trace_callback(None)
    plan = conn.execute(f"EXPLAIN QUERY PLAN {seen[-1]}").fetchall()
    assert [row["detail"] for row in plan if f"{row['detail']} ".startswith("SCAN t ")] == []
    assert "SEARCH t USING INDEX cases_unclosed_by_user (user_id=?)" in [row["detail"] for row in plan]
