"""Dated rules: when they fall due, and that each occasion fires once, whatever cron and the clock do."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from crmcli import db, settings
from crmcli.model import Act, Edit, Note, Origin, SetActive
from crmcli.rules import due as due_times
from tests.rules.world import MONDAY, case, cron, do, due, edit, fired, fresh, later, rule, sql, value


def put(conn: sqlite3.Connection, statement: str, *parameters: Any) -> None:
    """A change by someone who is not us, in another SQLite tool."""
    conn.execute(statement, parameters)


# When ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_type", "expected"),
    [("created", later(1)), ("deadline", later(8)), ("starts", later(4)), ("last_action", later(1.5))],
)
def test_the_delay_counts_from_the_date_of_the_rule(conn: sqlite3.Connection, date_type: str, expected: str) -> None:
    rule(conn, "Dated", date_type=date_type, delay=1, set_priority=1)
    case_id = case(conn, starts_at=later(3), deadline_at=later(7))
    do(conn, later(0.5), Note(case_id, "Called."))
    assert [at for _, _, at in due(conn)] == [expected]


def test_before_is_a_negative_delay_and_without_a_date_nothing_is_due(conn: sqlite3.Connection) -> None:
    rule(conn, "Before", date_type="deadline", delay=-2, set_priority=1)
    case(conn)
    with_deadline = case(conn, deadline_at=later(7))
    assert due(conn) == [(1, with_deadline, later(5))]


def test_the_last_action_falls_back_to_creation(conn: sqlite3.Connection) -> None:
    rule(conn, "Quiet", date_type="last_action", delay=3, set_priority=1)
    case(conn)
    assert due(conn) == [(1, 1, later(3))]


def test_days_follow_the_zone_of_the_site_also_when_that_changes(conn: sqlite3.Connection) -> None:
    rule(conn, "Next day", date_type="deadline", delay=1, set_priority=1)
    case(conn, deadline_at="2026-03-28T12:00:00Z")
    assert due(conn) == [(1, 1, "2026-03-29T12:00:00Z")]
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        settings.put(tx, "zone", "Europe/Berlin")
        due_times.refresh(tx)
    assert due(conn) == [(1, 1, "2026-03-29T11:00:00Z")]


def test_closed_and_archived_cases_are_left_alone_unless_asked_for(conn: sqlite3.Connection) -> None:
    rule(conn, "Unclosed", date_type="created", delay=1, set_priority=1, go_on=1)
    rule(conn, "Done", date_type="created", delay=1, state_from="done", set_priority=2)
    case_id = case(conn)
    assert [rule_id for rule_id, _, _ in due(conn)] == [1]
    do(conn, later(0.1), Act(case_id, "close"))
    assert [rule_id for rule_id, _, _ in due(conn)] == [2]
    do(conn, later(0.2), SetActive(case_id, False))
    assert due(conn) == []


def test_the_next_action_of_a_case_is_its_earliest_due_time(conn: sqlite3.Connection) -> None:
    rule(conn, "Late", date_type="created", delay=5, set_priority=1)
    rule(conn, "Early", date_type="created", delay=2, set_priority=1)
    case(conn)
    assert sql(conn, "SELECT next_action_at FROM v_cases") == [(later(2),)]
    cron(conn, later(3))
    assert sql(conn, "SELECT next_action_at FROM v_cases") == [(later(5),)]


# What is seen ------------------------------------------------------------------------------------------


def test_due_times_follow_every_change_that_matters(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("partners", {"name": "Acme"})
        tx.insert("partner_categories", {"name": "VIP"})
        tx.insert("partner_categories", {"name": "Gold", "parent_id": 1})
        tx.insert("sections", {"name": "Service"})
    rule(conn, "VIP", date_type="created", delay=1, partner_category_id=1, partner_category_sub=1, set_priority=1)
    rule(conn, "Service", date_type="created", delay=1, section_id=2, section_sub=1, set_priority=1)
    rule(conn, "Talked", date_type="created", delay=1, min_messages=1, set_priority=1)
    case_id = case(conn, partner_id=1)

    def waiting() -> list[int]:
        with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
            due_times.refresh(tx)
        return sorted(rule_id for rule_id, _, _ in due(conn))

    assert waiting() == []
    put(conn, "INSERT INTO partner_category_members (partner_id, category_id, since) VALUES (1, 2, ?)", MONDAY)
    assert waiting() == [1]
    put(conn, "UPDATE partner_categories SET parent_id = NULL WHERE id = 2")
    assert waiting() == []
    put(conn, "UPDATE partner_category_members SET category_id = 1")
    assert waiting() == [1]
    put(conn, "DELETE FROM partner_category_members")
    put(conn, "UPDATE sections SET parent_id = 2 WHERE id = 1")
    assert waiting() == [2]
    put(conn, "UPDATE sections SET parent_id = NULL WHERE id = 1")
    put(conn, "INSERT INTO case_log (case_id, at, name) VALUES (?, ?, 'Historize')", case_id, MONDAY)
    put(conn, "INSERT INTO case_history (log_id, direction, description) VALUES (last_insert_rowid(), 'note', 'Hm.')")
    assert waiting() == [3]
    put(conn, "DELETE FROM case_log")
    put(conn, "UPDATE cases SET section_id = 2")
    assert waiting() == [2]
    put(conn, "DELETE FROM cases")
    assert waiting() == []


def test_a_change_from_outside_is_seen_by_the_next_run(conn: sqlite3.Connection) -> None:
    rule(conn, "Deadline", date_type="deadline", delay=0, set_priority=1)
    case(conn)
    put(conn, "UPDATE cases SET deadline_at = ?", later(1))
    cron(conn, later(2))
    assert len(fired(conn)) == 1


def test_without_dated_rules_nothing_is_noted(conn: sqlite3.Connection) -> None:
    rule(conn, "Event", set_priority=1)
    case(conn)
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        due_times.refresh(tx)
    do(conn, later(1), Note(1, "Called."))
    assert sql(conn, "SELECT * FROM rule_stale") == []


def test_looking_again_costs_what_is_stale_and_a_run_what_is_due(conn: sqlite3.Connection) -> None:
    from crmcli.rules import run
    from crmcli.rules.compile import base, waiting
    from crmcli.rules.rule import load

    for date_type in ("created", "last_action", "deadline", "starts"):
        rule(conn, date_type, date_type=date_type, delay=1, state_from="open", set_priority=1)
    for found in load(conn):
        again = due_times.WAITING.format(base=base(found), cases=due_times.STALE_CASES, condition=waiting(found))
        holding = run.HOLDING.format(condition=waiting(found))
        for statement in (again, holding):
            plan = sql(conn, f"EXPLAIN QUERY PLAN {statement}", {**found._asdict(), "kind": "", "this_moment": MONDAY})
            about_cases = [detail for _, _, _, detail in plan if detail.startswith(("SCAN t", "SEARCH t"))]
            assert about_cases == ["SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"]
            assert not any(detail.startswith(("SCAN d", "SEARCH d USING PRIMARY")) for _, _, _, detail in plan)


# Once ----------------------------------------------------------------------------------------------------


def test_three_runs_fire_once(conn: sqlite3.Connection) -> None:
    rule(conn, "Two days", date_type="created", delay=2, state_from="draft", set_priority=1)
    case(conn)
    for at in (later(1.9), later(2), later(2), later(2.1), later(30)):
        cron(conn, at)
    assert fired(conn) == [("Two days", 1, later(2))]


def test_a_clock_set_back_fires_nothing_again(conn: sqlite3.Connection) -> None:
    rule(conn, "Two days", date_type="created", delay=2, set_priority=1)
    rule(conn, "Daily", date_type="created", delay=1, repeat="every:1d", set_priority=1)
    case(conn)
    cron(conn, later(5))
    before = fired(conn)
    for at in (later(2), later(4), later(5)):
        cron(conn, at)
    assert fired(conn) == before


def test_a_deadline_moved_away_and_back_fires_once(conn: sqlite3.Connection) -> None:
    rule(conn, "Due", date_type="deadline", delay=0, set_priority=1)
    case_id = case(conn, deadline_at=later(2))
    cron(conn, later(3))
    do(conn, later(4), Edit(case_id, {"deadline_at": later(5)}))
    do(conn, later(4), Edit(case_id, {"deadline_at": later(2)}))
    cron(conn, later(6))
    assert fired(conn) == [("Due", case_id, later(3))]
    do(conn, later(7), Edit(case_id, {"deadline_at": later(8)}))
    cron(conn, later(8))
    assert len(fired(conn)) == 2


def test_an_edited_delay_fires_nothing_again(conn: sqlite3.Connection) -> None:
    rule_id = rule(conn, "Created", date_type="created", delay=1, set_priority=1)
    case(conn)
    cron(conn, later(1))
    edit(conn, rule_id, later(1), delay=3)
    cron(conn, later(4))
    edit(conn, rule_id, later(4), repeat="every:1d")
    assert len(fired(conn)) == 1
    cron(conn, later(4))
    cron(conn, later(5))
    edit(conn, rule_id, later(5), repeat="once")
    cron(conn, later(9))
    assert [at for _, _, at in fired(conn)] == [later(1), later(4), later(5)]


def test_a_rule_sees_only_what_falls_due_after_it_was_saved(conn: sqlite3.Connection) -> None:
    case(conn)
    rule_id = rule(conn, "Late comer", now=later(5), date_type="created", delay=2, set_priority=1)
    cron(conn, later(6))
    case(conn, now=later(6))
    edit(conn, rule_id, later(9), delay=1)
    cron(conn, later(10))
    assert fired(conn) == []


def test_a_new_name_or_body_does_not_make_a_rule_begin_anew(conn: sqlite3.Connection) -> None:
    rule_id = rule(conn, "Old name", date_type="created", delay=2, set_priority=1)
    case(conn)
    edit(conn, rule_id, later(3), name="New name", mail_body="Hm.")
    cron(conn, later(3))
    assert fired(conn) == [("New name", 1, later(3))]


def test_an_archived_rule_does_not_fire_and_comes_back_from_then_on(conn: sqlite3.Connection) -> None:
    rule_id = rule(conn, "Seasonal", date_type="created", delay=2, set_priority=1)
    case(conn)
    edit(conn, rule_id, later(1), active=0)
    cron(conn, later(3))
    edit(conn, rule_id, later(4), active=1)
    cron(conn, later(5))
    assert fired(conn) == []
    case(conn, now=later(5))
    cron(conn, later(7))
    assert len(fired(conn)) == 1


def test_nothing_fires_again_where_a_deletion_is_taken_back(conn: sqlite3.Connection) -> None:
    rule(conn, "Two days", date_type="created", delay=2, set_priority=1)
    case_id = case(conn)
    cron(conn, later(3))
    row = conn.execute("SELECT * FROM cases").fetchone()
    put(conn, "DELETE FROM cases")
    put(conn, f"INSERT INTO cases VALUES ({', '.join('?' * len(row))})", *row)
    cron(conn, later(4))
    assert fired(conn) == [("Two days", case_id, later(3))]


# Again -----------------------------------------------------------------------------------------------------


def test_a_repeating_rule_fires_while_it_holds_and_missed_times_are_one(conn: sqlite3.Connection) -> None:
    rule(conn, "Daily", date_type="created", delay=1, repeat="every:1d", state_from="draft", set_priority=1)
    case_id = case(conn)
    for days in (0.5, 1, 1.5, 2, 6.5, 7, 7.2):
        cron(conn, later(days))
    assert [at for _, _, at in fired(conn)] == [later(1), later(2), later(6.5), later(7)]
    do(conn, later(7.5), Act(case_id, "open"))
    cron(conn, later(9))
    assert len(fired(conn)) == 4


def test_a_rules_own_firing_is_no_new_last_action_for_itself(conn: sqlite3.Connection) -> None:
    rule(conn, "Silence", date_type="last_action", delay=3, set_priority=1)
    case_id = case(conn)
    for days in (3, 6, 9, 12):
        cron(conn, later(days))
    assert [at for _, _, at in fired(conn)] == [later(3)]
    do(conn, later(12), Note(case_id, "Called, in the same second as the run."))
    cron(conn, later(15))
    assert [at for _, _, at in fired(conn)] == [later(3), later(15)]


def test_a_rules_own_verb_is_no_new_last_action_either(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("sections", {"name": "Service", "user_id": 1})
        tx.run("UPDATE sections SET parent_id = 2 WHERE id = 1")
    rule(conn, "Up", date_type="last_action", delay=1, set_state="escalate")
    case(conn)
    for days in (1, 2, 3):
        cron(conn, later(days))
    assert [at for _, _, at in fired(conn)] == [later(1)]


def test_a_repeating_rule_on_the_last_action_goes_on_from_the_action_of_others(conn: sqlite3.Connection) -> None:
    rule(conn, "Nag", date_type="last_action", delay=2, repeat="every:1d", set_priority=1)
    case_id = case(conn)
    for days in (2, 3, 4):
        cron(conn, later(days))
    do(conn, later(4.5), Note(case_id, "Called."))
    for days in (5, 6, 6.5, 7.5):
        cron(conn, later(days))
    assert [at for _, _, at in fired(conn)] == [later(2), later(3), later(4), later(6.5), later(7.5)]


def test_two_dated_rules_do_not_disturb_each_other(conn: sqlite3.Connection) -> None:
    rule(conn, "Second", sequence=1, date_type="created", delay=2, set_priority=1)
    rule(conn, "First", sequence=2, date_type="created", delay=1, set_priority=2)
    case(conn)
    cron(conn, later(3))
    cron(conn, later(4))
    assert [name for name, _, _ in fired(conn)] == ["First", "Second"]


def test_of_two_rules_due_at_the_same_time_the_first_ends_it(conn: sqlite3.Connection) -> None:
    rule(conn, "Later", sequence=2, date_type="created", delay=1, set_priority=2)
    rule(conn, "Sooner", sequence=1, date_type="created", delay=1, set_priority=1)
    case(conn)
    for days in (1, 2, 3):
        cron(conn, later(days))
    assert [name for name, _, _ in fired(conn)] == ["Sooner"]
    assert sql(conn, "SELECT reason FROM rule_firings WHERE state = 'suppressed'") == [("rule Sooner came first",)]


# After a verb --------------------------------------------------------------------------------------------


def test_a_verb_with_a_delay_fires_so_long_after_it(conn: sqlite3.Connection) -> None:
    rule(conn, "Survey", state_to="done", delay=7, set_priority=5)
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "close"))
    cron(conn, later(7.9))
    cron(conn, later(8))
    cron(conn, later(20))
    assert fired(conn) == [("Survey", case_id, later(8))]


def test_a_later_state_verb_cancels_the_wait_and_the_same_one_starts_it_anew(conn: sqlite3.Connection) -> None:
    rule(conn, "Waiting long", state_to="pending", delay=3, set_priority=1)
    case_id = case(conn)
    do(conn, later(0), Act(case_id, "pending"))
    do(conn, later(2), Act(case_id, "open"))
    cron(conn, later(4))
    assert fired(conn) == []
    do(conn, later(5), Act(case_id, "pending"))
    do(conn, later(6), Note(case_id, "Still waiting."))
    assert due(conn) == [(1, case_id, later(8))]
    cron(conn, later(8))
    assert len(fired(conn)) == 1


def test_the_state_before_a_verb_is_tested_at_the_verb(conn: sqlite3.Connection) -> None:
    rule(conn, "Opened again", state_to="open", state_from="done", delay=1, set_priority=1)
    first, second = case(conn), case(conn)
    do(conn, later(0.1), Act(first, "open"))
    do(conn, later(0.1), Act(second, "close"))
    do(conn, later(0.2), Act(second, "open"))
    cron(conn, later(2))
    assert [case_id for _, case_id, _ in fired(conn)] == [second]


def test_a_new_case_waits_as_one_put_to_draft(conn: sqlite3.Connection) -> None:
    rule(conn, "Untouched", state_to="draft", delay=1, set_priority=1)
    first, second = case(conn), case(conn)
    do(conn, later(0.5), Act(second, "open"))
    cron(conn, later(2))
    assert [case_id for _, case_id, _ in fired(conn)] == [first]


def test_an_undone_verb_is_no_verb(conn: sqlite3.Connection) -> None:
    from crmcli import undo

    rule(conn, "Waiting long", state_to="pending", delay=3, set_priority=1)
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "pending"))
    assert len(due(conn)) == 1
    step = conn.execute("SELECT max(step) FROM change_sets").fetchone()[0]
    undo_step(conn, undo, step)
    assert due(conn) == []


def undo_step(conn: sqlite3.Connection, undo: Any, step: int) -> None:
    with db.write(conn, Origin(later(2), 1, "undo")) as tx:
        undo.undo(tx, step)
        due_times.refresh(tx)


# However cron runs ---------------------------------------------------------------------------------------

DATED = st.fixed_dictionaries(
    {
        "date_type": st.sampled_from(["created", "deadline", "starts"]),
        "delay": st.integers(-3, 6),
        "state_from": st.one_of(st.none(), st.sampled_from(["draft", "open", "pending", "done"])),
        "min_priority": st.one_of(st.none(), st.integers(1, 5)),
        "set_state": st.one_of(st.none(), st.sampled_from(["open", "pending", "done", "cancel"])),
        "set_priority": st.one_of(st.none(), st.integers(1, 5)),
        "sequence": st.one_of(st.none(), st.integers(1, 3)),
        "go_on": st.integers(0, 1),
    }
)
STARTING = st.fixed_dictionaries(
    {
        "starts_at": st.integers(0, 5).map(later),
        "deadline_at": st.one_of(st.none(), st.integers(0, 8).map(later)),
        "priority": st.integers(1, 5),
    }
)
OCCASIONS = "SELECT rule_id, case_id, occasion, due_at, state FROM rule_firings ORDER BY 1, 2, 3"


@limited(max_examples=50)
@given(st.lists(DATED, min_size=1, max_size=5), st.lists(STARTING, min_size=1, max_size=3))
def test_a_late_cron_fires_what_a_punctual_one_does(
    template: bytes, tmp_path_factory: pytest.TempPathFactory, rules: list, cases: list
) -> None:
    outcomes = []
    for times in (list(range(0, 15 * 24, 12)), [4 * 24, 14 * 24], [14 * 24], [14 * 24, 5 * 24, 14 * 24]):
        conn = fresh(template, tmp_path_factory)
        for number, values in enumerate(rules):
            rule(conn, str(number), **values)
        for values in cases:
            case(conn, **values)
        for hours in times:
            cron(conn, later(hours=hours))
        outcomes.append((sql(conn, OCCASIONS), sql(conn, "SELECT id, state, priority FROM cases")))
        conn.close()
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_waking_up_has_its_turn_between_due_times(template: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    outcomes = []
    for days in ((1, 2, 3, 4, 5), (5,)):
        conn = fresh(template, tmp_path_factory)
        rule(conn, "While asleep", date_type="created", delay=1, state_from="pending", set_priority=1)
        rule(conn, "Awake", date_type="created", delay=3, state_from="open", add_cc="boss@us.example")
        rule(conn, "Woken", state_to="open", set_user_id=1)
        case_id = case(conn, user_id=None)
        do(conn, MONDAY, Act(case_id, "pending", until=later(2)))
        for day in days:
            cron(conn, later(day))
        outcomes.append([name for name, _, _ in fired(conn)])
        assert (value(conn, case_id, "state"), value(conn, case_id, "wake_at")) == ("open", None)
        conn.close()
    assert outcomes == [["While asleep", "Woken", "Awake"]] * 2
