"""Cases as they were elsewhere: states, times, spans, logs; and that the past fires nothing."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from crmcli import db
from crmcli.model import Origin
from tests.transfer.world import NOW, Crm, put, rows

CREATED, ACTED, CLOSED = "2025-01-01T08:00:00Z", "2025-02-01T08:00:00Z", "2025-03-01T08:00:00Z"
SPANS = "SELECT state, entered_at, left_at FROM case_spans ORDER BY id"


def take(crm: Crm, *cases: dict[str, Any], options: tuple[str, ...] = ()) -> Any:
    """Import cases from json."""
    return crm("import", "case", "-", *options, stdin=json.dumps(list(cases)).encode())


@pytest.mark.parametrize(
    ("state", "given", "kept", "entered"),
    [
        ("done", {"closed_at": CLOSED}, CLOSED, CLOSED),
        ("done", {"last_action_at": ACTED}, ACTED, ACTED),
        ("done", {}, NOW, NOW),
        ("", {"closed_at": CLOSED}, CLOSED, CLOSED),
        ("cancel", {"closed_at": CLOSED}, None, CLOSED),
        ("open", {"closed_at": CLOSED, "last_action_at": ACTED}, None, ACTED),
        ("pending", {}, None, CREATED),
        ("done", {"closed_at": "2024-01-01T08:00:00Z"}, "2024-01-01T08:00:00Z", CREATED),
    ],
)
def test_a_case_stands_where_it_stood(
    state: str, given: dict[str, str], kept: str | None, entered: str, crm: Crm, conn: sqlite3.Connection
) -> None:
    """Closed and done go together; the first span begins when it was made, the second with the state."""
    done = take(crm, {"name": "Pump", "state": state, "created_at": CREATED, **given})
    assert done.exit == 0, done.err
    known = state or "done"
    assert rows(conn, "SELECT state, closed_at, created_at, created_by FROM cases") == [(known, kept, CREATED, "import")]
    assert rows(conn, SPANS) == [("draft", CREATED, entered), (known, entered, None)]


def test_a_draft_has_one_span_and_what_a_new_case_has(crm: Crm, conn: sqlite3.Connection) -> None:
    """The section that there is, nobody as responsible, now as its times; but no log, no event, no mail."""
    take(crm, {"name": "Pump", "wake_at": "2026-05-01", "lost_reason": "no"})
    sql = "SELECT state, section_id, user_id, starts_at, created_at, priority, wake_at, lost_reason FROM cases"
    assert rows(conn, sql) == [("draft", 1, None, NOW, NOW, 3, None, None)]
    assert rows(conn, SPANS) == [("draft", NOW, None)]
    for table in ("case_log", "events", "outbox"):
        assert rows(conn, f"SELECT count(*) FROM {table}") == [(0,)]


def test_what_a_choice_brings_counts_where_the_file_has_no_column_for_it(crm: Crm, conn: sqlite3.Connection) -> None:
    """A category its probability, a partner its contact and address; an empty cell stays empty."""
    put(conn, "partners", name="Acme")
    put(conn, "contacts", name="Joe", partner_id=1, email="joe@acme.example")
    put(conn, "categories", name="Lead", probability=30)
    take(crm, {"name": "A", "partner": "Acme", "category": "Lead"})
    take(crm, {"name": "B", "partner": "Acme", "category": "Lead", "probability": None, "contact": None, "email_from": None})
    sql = "SELECT probability, contact_id, email_from FROM cases ORDER BY id"
    assert rows(conn, sql) == [(30.0, 1, "joe@acme.example"), (None, None, None)]


def test_numbers_of_cases_are_kept_where_no_case_had_them(crm: Crm, conn: sqlite3.Connection) -> None:
    """Ids are never used twice, not even of what is gone."""
    take(crm, {"id": 40, "name": "A"}, {"id": 7, "name": "B"}, {"id": 7, "name": "C"})
    assert rows(conn, "SELECT id, name FROM cases ORDER BY id") == [(7, "B"), (40, "A"), (41, "C")]
    crm("case", "delete", "40")
    take(crm, {"id": 40, "name": "D"}, {"id": 90, "name": "E"})
    assert rows(conn, "SELECT id, name FROM cases WHERE name > 'C' ORDER BY id") == [(42, "D"), (90, "E")]


def test_a_case_that_came_by_another_road_is_never_taken_for_one_of_a_file(crm: Crm, conn: sqlite3.Connection) -> None:
    """Equal names are no reason."""
    crm("case", "add", "Call back")
    assert take(crm, {"name": "Call back"}).err == "import case: 1 made\n"
    assert take(crm, {"name": "Call back"}).err == "import case: 1 same\n"


def test_a_known_case_changes_as_by_edit_and_keeps_its_state(crm: Crm, conn: sqlite3.Connection) -> None:
    """With --match id."""
    crm("case", "add", "Pump")
    done = take(crm, {"id": 1, "name": "Pump 7", "state": "done", "priority": "high", "deadline": ""}, options=("--match", "id"))
    assert done.err == "import case: 1 changed\n"
    assert rows(conn, "SELECT name, state, priority, created_by FROM cases") == [("Pump 7", "draft", 2, "cli")]
    done = take(crm, {"id": 9, "name": "New"}, {"id": 1, "priority": 2}, options=("--match", "id", "--mode", "update"))
    assert done.err == "import case: 1 same, 1 left\n"


def test_log_and_history_come_along(crm: Crm, conn: sqlite3.Connection) -> None:
    """As `case show -o json` gives them: newest first, communications on their log rows."""
    log = [
        {"id": 5, "at": "2025-02-03T08:00:00Z", "name": "Close", "user": "ann"},
        {"id": 3, "at": "2025-02-02T08:00:00Z", "name": "Send", "user": "ann", "channel": "phone", "mood": "Happy"},
    ]
    said = {"direction": "out", "email": "joe@acme.example", "description": "Try now"}
    history = [{"id": 9, "log_id": 3, "at": "2025-02-02T08:00:00Z", **said}]
    done = take(crm, {"name": "Pump", "state": "done", "created_at": CREATED, "log": log, "history": history})
    assert done.exit == 0, done.err
    sql = "SELECT l.at, l.name, l.user_id, l.channel_id, l.mood_id, h.direction, h.email, h.description"
    found = rows(conn, f"{sql} FROM case_log l LEFT JOIN case_history h ON h.log_id = l.id ORDER BY l.id")
    assert found == [
        ("2025-02-02T08:00:00Z", "Send", 1, 2, 4, "out", "joe@acme.example", "Try now"),
        ("2025-02-03T08:00:00Z", "Close", 1, None, None, None, None, None),
    ]
    assert "Try now" in crm("case", "show", "1").out


def test_a_history_that_cannot_be_taken_refuses_its_case(crm: Crm, conn: sqlite3.Connection) -> None:
    """All of a line or nothing."""
    nobody, nowhere = {"description": "x", "user": "nobody"}, {"description": "x", "direction": "up"}
    for part in ({"history": [nobody]}, {"history": [nowhere]}, {"log": ["x"]}):
        assert take(crm, {"name": "Pump", **part}).exit in (1, 2)
    assert rows(conn, "SELECT count(*) FROM cases") == [(0,)]
    assert rows(conn, "SELECT count(*) FROM case_log") == [(0,)]


# Rules --------------------------------------------------------------------------------------------------


@pytest.fixture(name="rules")
def _rules(crm: Crm) -> None:
    """A rule that answers to new cases, one for late ones, and one that fires daily."""
    early = {"now": "2025-01-01T00:00:00Z"}
    crm("rule", "add", "New", "--set-priority", "1", "--mail-to", "boss@x.example", "--mail-body", "new", **early)
    crm("rule", "add", "Late", "--date-type", "deadline", "--delay", "0", "--set-priority", "2", **early)
    crm("rule", "add", "Daily", "--date-type", "created", "--delay", "1d", "--repeat", "every:1d", "--set-priority", "4", **early)


PAST = {"name": "Pump", "state": "open", "created_at": "2026-02-01T08:00:00Z", "deadline_at": "2026-02-10T08:00:00Z"}


@pytest.mark.usefixtures("rules")
def test_importing_the_past_fires_nothing_then_or_later(crm: Crm, conn: sqlite3.Connection) -> None:
    """What had fallen due counts as done; what falls due from now on fires."""
    take(crm, PAST, {**PAST, "name": "Future", "deadline_at": "2026-03-02T12:00:00Z"})
    crm("run-rules")
    assert rows(conn, "SELECT priority FROM cases ORDER BY id") == [(3,), (3,)]
    assert rows(conn, "SELECT count(*) FROM outbox") == [(0,)]
    assert rows(conn, "SELECT DISTINCT state FROM rule_firings") == [("suppressed",)]
    crm("run-rules", now="2026-03-02T12:30:00Z")
    fired = "SELECT c.name, r.name FROM rule_firings f JOIN rules r ON r.id = f.rule_id JOIN cases c ON c.id = f.case_id"
    assert rows(conn, f"{fired} WHERE f.state = 'fired' ORDER BY f.id") == [("Future", "Late")]


@pytest.mark.usefixtures("rules")
def test_run_rules_lets_rules_events_and_mails_follow(crm: Crm, conn: sqlite3.Connection) -> None:
    """As for a case that is new and came to its state now."""
    put(conn, "partners", name="Acme")
    done = take(crm, {**PAST, "partner": "Acme"}, options=("--run-rules",))
    assert done.exit == 0, done.err
    assert rows(conn, "SELECT priority FROM cases") == [(1,)]
    assert rows(conn, "SELECT recipient FROM outbox") == [("boss@x.example",)]
    assert rows(conn, "SELECT name, partner_id FROM events") == [("Case import: Pump", 1)]
    assert rows(conn, "SELECT name FROM case_log ORDER BY id LIMIT 1") == [("Import",)]
    assert crm("undo").exit == 0
    assert rows(conn, "SELECT count(*) FROM cases") == [(0,)]


def test_a_rule_that_comes_by_a_file_sees_what_falls_due_from_now_on(crm: Crm, conn: sqlite3.Connection) -> None:
    """Whenever it was in force elsewhere."""
    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        times = {"starts_at": NOW, "created_at": NOW, "deadline_at": "2026-02-10T08:00:00Z"}
        tx.insert("cases", {"name": "Old", "section_id": 1, **times})
    when = {"date_type": "deadline", "delay": 0, "delay_unit": "day", "effective_from": CREATED}
    content = [{"name": "Late", **when, "set_priority": 1}]
    crm("import", "rule", "-", stdin=json.dumps(content).encode())
    assert rows(conn, "SELECT effective_from, delay, delay_unit FROM rules") == [(NOW, 0, "day")]
    crm("run-rules")
    assert rows(conn, "SELECT priority FROM cases") == [(3,)]
