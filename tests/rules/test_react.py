"""Event rules: a new case, verbs and communications, evaluated once each, and what follows from them."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import db
from crmcli.model import Act, Add, Edit, Note, Origin, Reply, SetActive
from tests.rules.world import MONDAY, case, cron, do, fired, fresh, later, rule, sql, value


def names(conn: sqlite3.Connection) -> list[str]:
    """The rules that fired, in order."""
    return [name for name, _, _ in fired(conn)]


def test_a_rule_without_verb_fires_on_every_event(conn: sqlite3.Connection) -> None:
    rule(conn, "Any", set_priority=1)
    case_id = case(conn)
    do(conn, later(1), Note(case_id, "Called."))
    do(conn, later(2), Act(case_id, "open"))
    do(conn, later(3), Reply(case_id, "Hello"), user_id=1) if value(conn, case_id, "email_from") else None
    assert fired(conn) == [("Any", case_id, MONDAY), ("Any", case_id, later(1)), ("Any", case_id, later(2))]


def test_an_edit_is_no_event(conn: sqlite3.Connection) -> None:
    case_id = case(conn)
    rule(conn, "Any", set_priority=1)
    do(conn, later(1), Edit(case_id, {"name": "Other"}), SetActive(case_id, False))
    assert fired(conn) == []


@pytest.mark.parametrize(
    ("state_to", "verb", "before"),
    [
        ("open", "open", []),
        ("pending", "pending", []),
        ("done", "close", []),
        ("cancel", "cancel", []),
        ("draft", "reset", ["close"]),
    ],
)
def test_a_rule_with_a_verb_fires_on_that_verb_only(
    conn: sqlite3.Connection, state_to: str, verb: str, before: list[str]
) -> None:
    case_id = case(conn)
    for earlier in before:
        do(conn, MONDAY, Act(case_id, earlier))
    rule(conn, "Verb", state_to=state_to, set_priority=1)
    do(conn, later(1), Note(case_id, "Called."))
    do(conn, later(2), Act(case_id, verb))
    assert fired(conn) == [("Verb", case_id, later(2))]


def test_escalation_is_a_verb_to_wait_for(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("sections", {"name": "Service"})
        tx.run("UPDATE sections SET parent_id = 2 WHERE id = 1")
    case_id = case(conn)
    rule(conn, "Escalated", state_to="escalate", set_priority=1)
    do(conn, later(1), Act(case_id, "escalate"))
    assert names(conn) == ["Escalated"]


def test_draft_is_for_new_cases_too(conn: sqlite3.Connection) -> None:
    rule(conn, "New", state_to="draft", set_priority=1)
    case_id = case(conn)
    assert fired(conn) == [("New", case_id, MONDAY)]
    assert sql(conn, "SELECT occasion FROM rule_firings") == [("create",)]


def test_the_state_asked_for_is_the_one_before_the_verb(conn: sqlite3.Connection) -> None:
    rule(conn, "From pending", state_to="open", state_from="pending", set_priority=1)
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "open"))
    assert names(conn) == []
    do(conn, later(2), Act(case_id, "pending"))
    do(conn, later(3), Act(case_id, "open"))
    assert names(conn) == ["From pending"]


def test_one_action_is_one_event(conn: sqlite3.Connection) -> None:
    from crmcli.model import NEW

    rule(conn, "Any", set_priority=1)
    do(conn, MONDAY, Add({"name": "Pump", "section_id": 1}), Note(NEW, "It broke."))
    assert names(conn) == ["Any"]


def test_communications_count_with_the_new_one(conn: sqlite3.Connection) -> None:
    rule(conn, "Talked", min_messages=2, set_priority=1)
    case_id = case(conn)
    do(conn, later(1), Note(case_id, "One."))
    assert names(conn) == []
    do(conn, later(2), Note(case_id, "Two."))
    assert names(conn) == ["Talked"]


def test_the_first_that_holds_ends_it(conn: sqlite3.Connection) -> None:
    rule(conn, "No turn", sequence=None, set_priority=5)
    rule(conn, "Last", sequence=30, set_priority=4)
    rule(conn, "Other people's", sequence=5, partner_id=None, min_priority=1, set_priority=3)
    rule(conn, "First", sequence=10, set_priority=1)
    case_id = case(conn)
    assert names(conn) == ["First"]
    assert value(conn, case_id, "priority") == 1


def test_a_rule_that_goes_on_lets_later_ones_fire(conn: sqlite3.Connection) -> None:
    rule(conn, "First", sequence=1, set_priority=1, go_on=1)
    rule(conn, "Second", sequence=2, set_user_id=1)
    rule(conn, "Third", sequence=3, set_priority=5)
    case(conn)
    assert names(conn) == ["First", "Second"]


def test_all_rules_of_an_evaluation_see_the_same_case(conn: sqlite3.Connection) -> None:
    rule(conn, "Make urgent", sequence=1, set_priority=1, go_on=1)
    rule(conn, "Was normal", sequence=2, min_priority=3, max_priority=3, add_cc="boss@us.example")
    case_id = case(conn)
    assert names(conn) == ["Make urgent", "Was normal"]
    assert (value(conn, case_id, "priority"), value(conn, case_id, "email_cc")) == (1, "boss@us.example")


def test_watchers_of_several_rules_add_up(conn: sqlite3.Connection) -> None:
    for number in (1, 2, 3):
        rule(conn, f"Watch {number}", sequence=number, add_cc=f"w{number}@x.example, w1@x.example", go_on=1)
    case_id = case(conn, email_cc="joe@acme.example")
    assert value(conn, case_id, "email_cc") == "joe@acme.example, w1@x.example, w2@x.example, w3@x.example"


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(-3, 3)), st.booleans()), min_size=1, max_size=6))
def test_rules_take_turns_by_sequence_then_id(template: bytes, tmp_path_factory: pytest.TempPathFactory, rules: list) -> None:
    conn = fresh(template, tmp_path_factory)
    for number, (sequence, go_on) in enumerate(rules):
        rule(conn, str(number), sequence=sequence, go_on=int(go_on), set_priority=1)
    case(conn)
    ordered = sorted(range(len(rules)), key=lambda number: (rules[number][0] is None, rules[number][0] or 0, number))
    expected = []
    for number in ordered:
        expected.append(str(number))
        if not rules[number][1]:
            break
    assert names(conn) == expected
    conn.close()


# What follows --------------------------------------------------------------------------------------


def test_a_state_set_by_a_rule_is_a_verb_with_all_that_belongs_to_it(conn: sqlite3.Connection) -> None:
    rule(conn, "Open new", state_to="draft", set_state="open")
    rule(conn, "Opened", state_to="open", set_priority=1)
    case_id = case(conn)
    assert names(conn) == ["Open new", "Opened"]
    assert (value(conn, case_id, "state"), value(conn, case_id, "priority")) == ("open", 1)
    assert sql(conn, "SELECT name, user_id, rule_id FROM case_log") == [("Open", None, 1)]
    assert sql(conn, "SELECT state FROM case_spans ORDER BY id") == [("draft",), ("open",)]


def test_a_circle_of_rules_ends_and_what_was_suppressed_is_recorded(conn: sqlite3.Connection) -> None:
    rule(conn, "Wait", state_to="open", set_state="pending")
    rule(conn, "Work", state_to="pending", set_state="open")
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "open"))
    assert names(conn) == ["Wait", "Work"]
    assert value(conn, case_id, "state") == "open"
    assert sql(conn, "SELECT state, reason FROM rule_firings ORDER BY id") == [
        ("fired", None), ("fired", None), ("suppressed", "it has fired in this chain"),
    ]  # fmt: skip


def test_a_chain_is_fifteen_deep_at_most(conn: sqlite3.Connection) -> None:
    for number in range(40):
        states = ("open", "pending") if number % 2 == 0 else ("pending", "open")
        rule(conn, str(number), sequence=number, state_to=states[0], set_state=states[1], min_messages=0)
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "open"))
    assert len(names(conn)) == 15
    assert sql(conn, "SELECT DISTINCT reason FROM rule_firings WHERE state = 'suppressed' AND reason LIKE 'the chain%'")
    assert case_id


def test_many_rules_that_go_on_and_contradict_each_other_come_to_an_end(conn: sqlite3.Connection) -> None:
    for number in range(12):
        rule(conn, str(number), sequence=number, set_state=("open", "pending", "done", "draft", "cancel")[number % 5], go_on=1)
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "open"))
    assert len(names(conn)) <= 24


def test_a_state_that_the_case_has_already_is_no_verb(conn: sqlite3.Connection) -> None:
    case_id = case(conn)
    do(conn, MONDAY, Act(case_id, "open"))
    rule(conn, "Open", set_state="open")
    do(conn, later(1), Note(case_id, "Called."))
    assert names(conn) == ["Open"]
    assert sql(conn, "SELECT name FROM case_log ORDER BY id") == [("Open",), ("Historize",)]


def test_a_state_that_the_life_cycle_forbids_is_skipped_with_its_reason(conn: sqlite3.Connection) -> None:
    case_id = case(conn)
    rule(conn, "Wait", state_to="done", set_state="pending", set_priority=1)
    do(conn, later(1), Act(case_id, "close"))
    assert sql(conn, "SELECT state, reason FROM rule_firings") == [("fired", f"cannot set case {case_id} to pending: it is done")]
    assert (value(conn, case_id, "state"), value(conn, case_id, "priority")) == ("done", 1)


def test_an_escalation_from_the_top_is_skipped_and_the_mail_still_goes(conn: sqlite3.Connection) -> None:
    rule(conn, "Up", state_to="open", set_state="escalate", mail_user=1, mail_body="Hm.")
    case_id = case(conn)
    do(conn, later(1), Act(case_id, "open"))
    [(state, reason)] = sql(conn, "SELECT state, reason FROM rule_firings")
    assert (state, reason) == ("fired", f"case {case_id} is at the top: its section Support has no parent")
    assert sql(conn, "SELECT recipient FROM outbox") == [("ann@us.example",)]


def test_what_is_brought_in_as_history_asks_no_rule(conn: sqlite3.Connection) -> None:
    from crmcli.execute import execute

    rule(conn, "Any", set_priority=1)
    with db.write(conn, Origin(MONDAY, 1, "import", quiet=True)) as tx:
        execute(tx, Add({"name": "Old", "section_id": 1}))
    assert fired(conn) == []


# What fails ------------------------------------------------------------------------------------------


def test_a_rule_that_fails_does_nothing_of_it_and_is_tried_again(conn: sqlite3.Connection) -> None:
    rule(conn, "Remind", state_to="open", set_priority=1, remind_partner=1, go_on=1)
    rule(conn, "After", state_to="open", add_cc="boss@us.example")
    case_id = case(conn)
    do(conn, MONDAY, Act(case_id, "open"))
    assert (value(conn, case_id, "priority"), value(conn, case_id, "email_cc")) == (3, "boss@us.example")
    assert sql(conn, "SELECT state, reason FROM rule_firings ORDER BY id") == [
        ("failed", f"case {case_id} has no partner e-mail"), ("fired", None),
    ]  # fmt: skip
    assert cron(conn, later(seconds=59)).failures == []
    assert len(cron(conn, later(seconds=60)).failures) == 1
    assert cron(conn, later(seconds=359)).failures == []
    do(conn, later(seconds=100), Edit(case_id, {"email_from": "joe@acme.example"}))
    assert cron(conn, later(seconds=360)).total("fired") == 1
    assert value(conn, case_id, "priority") == 1
    assert sql(conn, "SELECT state, attempts FROM rule_firings WHERE rule_id = 1") == [("fired", 3)]
    assert cron(conn, later(30)).total("examined") == 0


def test_an_event_whose_conditions_have_gone_meanwhile_is_dropped(conn: sqlite3.Connection) -> None:
    rule(conn, "Remind", state_to="open", min_priority=3, remind_partner=1)
    case_id = case(conn)
    do(conn, MONDAY, Act(case_id, "open"))
    do(conn, MONDAY, Edit(case_id, {"priority": 5}))
    assert cron(conn, later(1)).failures == []
    assert sql(conn, "SELECT * FROM rule_due") == []


def test_a_filter_that_means_nothing_any_more_is_a_failure_of_the_rule_alone(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("sections", {"name": "Service"})
    rule(conn, "Service's", where="section:Service", set_priority=1, go_on=1)
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.run("DELETE FROM sections WHERE id = 2")
    rule(conn, "Other", set_priority=2)
    case_id = case(conn)
    assert value(conn, case_id, "priority") == 2
    assert sql(conn, "SELECT rule_id, state FROM rule_firings ORDER BY id") == [(1, "failed"), (2, "fired")]
    assert [failure.rule for failure in cron(conn, later(1)).failures] == ["Service's"]
