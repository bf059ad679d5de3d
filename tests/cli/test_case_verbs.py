"""Every verb from every state, from the command line: the table of domain.md §2, cell by cell."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli.model import STATES
from tests.cli.world import ANN, BEFORE, NOW, Crm, a_case, a_partner, dump, put, row, rows, set_
from tests.rules.world import rule

# Verb: from which states, to which state (None: unchanged), the log's word.
TABLE = {
    "open": (("draft", "pending", "done", "cancel"), "open", "Open"),
    "pending": (("draft", "open"), "pending", "Pending"),
    "close": (("draft", "open", "pending"), "done", "Close"),
    "cancel": (("draft", "open", "pending"), "cancel", "Cancel"),
    "reset": (("done", "cancel"), "draft", "Reset"),
    "escalate": (("draft", "open", "pending"), None, "Escalate"),
}
ALLOWED = [(verb, state) for verb, (states, _, _) in TABLE.items() for state in states]
REFUSED = [(verb, state) for verb, (states, _, _) in TABLE.items() for state in STATES if state not in states]
PHONE, HAPPY = 2, 4
SPAN = "SELECT state, section_id, user_id, entered_at FROM case_spans"


@pytest.fixture(name="case_id")
def _case_id(conn: sqlite3.Connection, request: pytest.FixtureRequest) -> int:
    """An archived case of nobody in the state asked for, with partner, channel and mood; a section above its own."""
    above = put(conn, "sections", name="Head", user_id=put(conn, "users", login="bob", email="bob@us.example"))
    set_(conn, "sections", 1, parent_id=above)
    values = {"partner_id": a_partner(conn), "channel_id": PHONE, "mood_id": HAPPY, "description": "call back"}
    return a_case(conn, request.param, archived=True, section_id=1, **values)


@pytest.mark.parametrize(("verb", "case_id"), ALLOWED, indirect=["case_id"], ids=[f"{verb}-{state}" for verb, state in ALLOWED])
def test_an_allowed_verb_does_all_that_the_table_says(verb: str, case_id: int, crm: Crm, conn: sqlite3.Connection) -> None:
    """State, closing time, responsible, archive, section, log, event, span; nothing is said or sent."""
    before = row(conn, "cases", case_id)
    events = rows(conn, "SELECT count(*) FROM events")[0][0]
    run = crm("case", verb, str(case_id))
    assert (run.exit, run.out, run.err) == (0, f"{case_id}\n", "")

    after, (_, state, word) = row(conn, "cases", case_id), TABLE[verb]
    bob = rows(conn, "SELECT id FROM users WHERE login = 'bob'")[0][0]
    expected = {**before, "state": state or before["state"], "last_action_at": NOW}
    expected |= {"active": 0 if verb == "close" else 1, "closed_at": NOW if verb == "close" else None}
    expected |= {"user_id": ANN} if verb == "open" else {}
    expected |= {"section_id": 2, "user_id": bob} if verb == "escalate" else {}
    assert after == expected

    log = rows(conn, "SELECT name, at, user_id, section_id, channel_id, mood_id, rule_id FROM case_log ORDER BY id DESC LIMIT 1")
    assert log == [(word, NOW, ANN, after["section_id"], PHONE, HAPPY, None)]
    told = rows(conn, "SELECT name, case_id, user_id, channel_id, mood_id FROM events ORDER BY id DESC LIMIT 1")
    if verb in ("open", "close"):
        assert told == [(f"Case {verb}: Pump broken", case_id, ANN, PHONE, HAPPY)]
    assert rows(conn, "SELECT count(*) FROM events")[0][0] == events + (verb in ("open", "close"))
    span = rows(conn, f"{SPAN} WHERE case_id = ? AND left_at IS NULL", case_id)
    assert span == [(after["state"], after["section_id"], after["user_id"], NOW)]
    assert rows(conn, "SELECT (SELECT count(*) FROM case_history), (SELECT count(*) FROM outbox)") == [(0, 0)]


@pytest.mark.parametrize(("verb", "case_id"), REFUSED, indirect=["case_id"], ids=[f"{verb}-{state}" for verb, state in REFUSED])
def test_any_other_verb_is_refused_names_the_allowed_ones_and_writes_nothing(
    verb: str, case_id: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """Exit 1, on standard error, and the whole database as it was."""
    before, state = dump(conn), row(conn, "cases", case_id)["state"]
    run = crm("case", verb, str(case_id))
    ways = ", ".join(name for name, (states, _, _) in TABLE.items() if state in states)
    assert (run.exit, run.out) == (1, "")
    deed = {"pending": f"set case {case_id} to pending"}.get(verb, f"{verb} case {case_id}")
    is_now = "cancelled" if state == "cancel" else state
    assert run.err == f"crm: cannot {deed}: it is {is_now} (allowed from {state}: {ways})\n"
    assert dump(conn) == before


@pytest.mark.parametrize(("verb", "case_id"), ALLOWED, indirect=["case_id"], ids=[f"{verb}-{state}" for verb, state in ALLOWED])
def test_a_dry_run_of_a_verb_tells_what_it_would_do_and_writes_nothing(
    verb: str, case_id: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """With -n the same code is rolled back."""
    before = dump(conn)
    run = crm("case", verb, str(case_id), "-n", "-o", "json")
    state = TABLE[verb][1] or row(conn, "cases", case_id)["state"]
    assert (run.exit, run.json()["state"]) == (0, state)
    assert run.err.startswith("nothing was written; these would be the changes:\n  case 1: ")
    assert f": case_id 1, at {NOW}, name {TABLE[verb][2]}, " in run.err
    assert dump(conn) == before


def test_each_kind_of_event_is_told_where_its_type_is_switched_on(crm: Crm, conn: sqlite3.Connection) -> None:
    """And none where it is off, or where the case has no partner."""
    case_id = a_case(conn, partner_id=a_partner(conn))
    alone = a_case(conn)
    for verb in ("pending", "cancel", "reset"):
        crm("case", verb, str(case_id))
    assert rows(conn, "SELECT count(*) FROM events") == [(0,)]
    for key in range(1, 6):
        set_(conn, "event_types", key, active=1)
    for verb in ("open", "pending", "cancel", "reset", "close"):
        assert crm("case", verb, str(case_id), str(alone)).exit == 0
    told = [(f"Case {verb}: Pump broken", case_id) for verb in ("open", "pending", "cancel", "reset", "close")]
    assert rows(conn, "SELECT name, case_id FROM events ORDER BY id") == told
    set_(conn, "event_types", 2, active=0)
    crm("case", "open", str(case_id))
    assert rows(conn, "SELECT count(*) FROM events") == [(5,)]


def test_escalating_at_the_top_level_is_refused(crm: Crm, conn: sqlite3.Connection) -> None:
    """There is no parent to go to."""
    case_id, before = a_case(conn), dump(conn)
    run = crm("case", "escalate", str(case_id))
    assert (run.exit, run.err) == (1, f"crm: case {case_id} is at the top: its section Support has no parent\n")
    assert dump(conn) == before


def test_escalating_to_a_section_of_nobody_empties_the_responsible(crm: Crm, conn: sqlite3.Connection) -> None:
    """Else the parent's responsible takes over."""
    set_(conn, "sections", 1, parent_id=put(conn, "sections", name="Head"))
    case_id = a_case(conn, "open", section_id=1, user_id=ANN)
    assert crm("case", "escalate", str(case_id)).exit == 0
    assert (row(conn, "cases", case_id)["user_id"], row(conn, "cases", case_id)["section_id"]) == (None, 2)


@pytest.mark.parametrize("verb", ["open", "close", "cancel"])
def test_leaving_pending_forgets_when_to_wake(verb: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """pending --until sets it, in the user's zone."""
    case_id = a_case(conn)
    assert crm("case", "pending", str(case_id), "--until", "2026-03-09 10:00", "--tz", "Europe/Berlin").exit == 0
    assert row(conn, "cases", case_id)["wake_at"] == "2026-03-09T09:00:00Z"
    assert crm("case", verb, str(case_id)).exit == 0
    assert row(conn, "cases", case_id)["wake_at"] is None


@pytest.mark.parametrize("verb", ["open", "reset"])
def test_a_reason_for_losing_is_kept_until_the_case_comes_back(verb: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """cancel --lost-reason says it."""
    case_id = a_case(conn)
    assert crm("case", "cancel", str(case_id), "--lost-reason", "too expensive").exit == 0
    assert row(conn, "cases", case_id)["lost_reason"] == "too expensive"
    assert crm("case", verb, str(case_id)).exit == 0
    assert row(conn, "cases", case_id)["lost_reason"] is None


def test_opening_leaves_a_responsible_in_place(crm: Crm, conn: sqlite3.Connection) -> None:
    """Whoever acts."""
    bob = put(conn, "users", login="bob")
    case_id = a_case(conn, user_id=bob)
    assert crm("case", "open", str(case_id)).exit == 0
    assert row(conn, "cases", case_id)["user_id"] == bob


def test_closing_and_opening_again_moves_the_closing_time_in_both_directions(crm: Crm, conn: sqlite3.Connection) -> None:
    """closed_at follows the state."""
    case_id = a_case(conn)
    found = []
    for verb, now in (("close", BEFORE), ("open", NOW), ("close", "2026-03-05T00:00:00Z"), ("reset", "2026-03-06T00:00:00Z")):
        crm("case", verb, str(case_id), now=now)
        found.append(row(conn, "cases", case_id)["closed_at"])
    assert found == [BEFORE, None, "2026-03-05T00:00:00Z", None]


# Several at once -----------------------------------------------------------------------------------------


def test_cases_are_named_by_ids_ranges_lists_and_standard_input(crm: Crm, conn: sqlite3.Connection) -> None:
    """42 45-50, 42,45-50 and -, each case once."""
    for _ in range(12):
        a_case(conn)
    assert crm("case", "open", "1", "3-4").out == "1\n3\n4\n"
    assert crm("case", "open", "2,6-7,2").out == "2\n6\n7\n"
    assert crm("case", "open", "-", "5", stdin=b"8\n9,10-11\n\n").out == "8\n9\n10\n11\n5\n"
    assert rows(conn, "SELECT id FROM cases WHERE state = 'draft'") == [(12,)]


def test_of_several_the_refused_are_listed_and_the_rest_is_done_in_one_step(crm: Crm, conn: sqlite3.Connection) -> None:
    """Exit 9; each case has a transaction of its own."""
    ids = [a_case(conn), a_case(conn, "done"), a_case(conn)]
    run = crm("case", "close", *map(str, ids), "--reason", "spring cleaning")
    assert (run.exit, run.out) == (9, f"{ids[0]}\n{ids[2]}\n")
    assert run.err == f"crm: 1 of 3 refused: cannot close case {ids[1]}: it is done (allowed from done: open, reset)\n"
    sets = rows(conn, "SELECT step, command, reason FROM change_sets WHERE source = 'cli' ORDER BY id DESC LIMIT 2")
    assert len({step for step, _, _ in sets}) == 1
    assert {reason for _, _, reason in sets} == {"spring cleaning"}


def test_where_all_are_refused_it_is_a_refusal(crm: Crm, conn: sqlite3.Connection) -> None:
    """Exit 1, and nothing written."""
    ids = [a_case(conn, "done"), a_case(conn, "done")]
    before = dump(conn)
    run = crm("case", "close", *map(str, ids))
    assert (run.exit, run.out) == (1, "")
    assert dump(conn) == before


def test_a_case_that_is_not_there_is_refused_and_the_rest_is_done(crm: Crm, conn: sqlite3.Connection) -> None:
    """Several are handled one by one (domain.md §2); one alone that is not there is exit 3."""
    case_id = a_case(conn)
    run = crm("case", "open", str(case_id), "99")
    assert (run.exit, run.err) == (9, "crm: 1 of 2 refused: no case 99 (crm case list)\n")
    assert row(conn, "cases", case_id)["state"] == "open"
    run = crm("case", "open", "99")
    assert (run.exit, run.err) == (3, "crm: no case 99 (crm case list)\n")


def test_several_done_are_one_list_in_json_and_one_is_an_object(crm: Crm, conn: sqlite3.Connection) -> None:
    """Keys are the field names."""
    ids = [a_case(conn), a_case(conn, "done"), a_case(conn)]
    run = crm("case", "close", *map(str, ids), "-o", "json")
    assert run.exit == 9
    assert [(one["id"], one["state"], one["user"]) for one in run.json()] == [(ids[0], "done", None), (ids[2], "done", None)]
    assert crm("case", "open", str(ids[1]), "-o", "json").json()["user"] == "ann"
    assert crm("case", "pending", str(ids[1]), "-q").out == ""


def test_a_mistyped_verb_or_state_suggests_the_nearest(crm: Crm, conn: sqlite3.Connection) -> None:
    """Usage is exit 2."""
    case_id = a_case(conn)
    run = crm("case", "clsoe", str(case_id))
    assert run.exit == 2
    assert "close" in run.err
    run = crm("case", "reply", str(case_id), "x", "--state", "pendign")
    assert run.exit == 2
    assert "pending" in run.err


def test_what_rules_left_out_is_told_with_v(crm: Crm, conn: sqlite3.Connection) -> None:
    """On standard error, with the reason."""
    rule(conn, "Draft", state_to="open", set_state="draft")
    a_case(conn)
    assert crm("case", "open", "1", "-n").err.count("cannot reset") == 1  # what the rule's firing is kept with
    assert crm("case", "open", "1", "-v").err == "cannot reset case 1: it is open\n"
