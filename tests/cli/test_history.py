"""crm history and crm changes, from the command line."""

from __future__ import annotations

import sqlite3

from crmcli.model import Note
from tests.cli.world import ANN, BEFORE, Crm, a_case, do, put, rows, write


def test_the_history_lists_what_was_said_in_all_cases_newest_first(crm: Crm, conn: sqlite3.Connection) -> None:
    """With the case, and all that a communication has."""
    a_case(conn, channel_id=2), a_case(conn)
    do(conn, Note(1, "one")), do(conn, Note(2, "two")), do(conn, Note(1, "three"))
    listed = crm("history", "list", "-o", "json").json()
    assert [(one["id"], one["case_id"], one["description"]) for one in listed] == [(3, 1, "three"), (2, 2, "two"), (1, 1, "one")]
    assert listed[2] == {
        "id": 1, "log_id": 1, "case_id": 1, "at": BEFORE, "name": "Historize", "direction": "note", "email": "ann@us.example",
        "description": "one", "note": f"ann@us.example ({BEFORE})\none", "user_id": ANN, "user": "ann", "section_id": 1,
        "section": "Support", "channel_id": 2, "channel": "phone", "mood_id": None, "mood": None, "message_id": None,
    }  # fmt: skip
    assert crm("history", "show", "1", "-o", "json").json() == listed[2]
    assert crm("history", "show", "9").exit == 3


def test_the_history_is_filtered_sorted_and_paged(crm: Crm, conn: sqlite3.Connection) -> None:
    """As every list."""
    a_case(conn), a_case(conn)
    bob = put(conn, "users", login="bob")
    do(conn, Note(1, "the pump leaks")), do(conn, Note(2, "all is well"))
    crm("case", "note", "2", "bob was here", user="bob")
    assert crm("history", "list", "+mine", "-o", "ids").out == "2\n1\n"
    assert crm("history", "list", "+mine", "-o", "ids", user="bob").out == "3\n"
    assert crm("history", "list", "leaks", "-o", "ids").out == "1\n"
    assert crm("history", "list", f"user:{bob}", "or", "case:1", "--sort", "id", "-o", "ids").out == "1\n3\n"
    assert crm("history", "list", "--limit", "1", "--after", "3", "--columns", "id,user").out == "id\tuser\n2\tann\n"


# changes -----------------------------------------------------------------------------------------------


def test_changes_tell_who_did_what_when_and_why(crm: Crm, conn: sqlite3.Connection) -> None:
    """Newest first, an object a row, real values; spans and log are there too."""
    crm("case", "add", "Pump", "--planned-revenue", "12.50", "--probability", "40")
    crm("case", "open", "1", "--reason", "urgent", now="2026-03-03T00:00:00Z")
    told = crm("changes", "--case", "1", "-o", "json").json()
    step = told[0]["step"]
    opened = next(one for one in told if one["table"] == "cases" and one["op"] == "update")
    assert {name: opened[name] for name in ("step", "at", "user", "source", "reason", "row_id", "old", "new")} == {
        "step": step, "at": "2026-03-03T00:00:00Z", "user": "ann", "source": "cli", "reason": "urgent", "row_id": 1,
        "old": {"state": "draft", "last_action_at": None},
        "new": {"state": "open", "last_action_at": "2026-03-03T00:00:00Z"},
    }  # fmt: skip
    assert opened["command"].endswith("case open 1 --reason urgent")
    assert {one["table"] for one in told if one["step"] == step} == {"cases", "case_log", "case_spans"}
    made = next(one for one in told if one["table"] == "cases" and one["op"] == "insert")
    assert (made["old"], made["new"]["planned_revenue"], made["new"]["probability"], made["new"]["active"]) == (
        {},
        12.5,
        40,
        True,
    )
    assert [one["id"] for one in told] == sorted((one["id"] for one in told), reverse=True)


def test_cells_of_changes_are_one_changed_column_a_row(crm: Crm, conn: sqlite3.Connection) -> None:
    """With everything in tsv, and a line of words a row on a table."""
    a_case(conn)
    crm("case", "edit", "1", "--name", "Leak\tin Köln", "--priority", "1")
    lines = [line.split("\t") for line in crm("changes", "--limit", "1").out.split("\n")]
    header = "step at user source command reason rule table row_id op column old new"
    assert lines[0] == header.split()
    assert [line[7:] for line in lines[1:3]] == [
        ["cases", "1", "update", "name", "Pump broken", "Leak in Köln"],
        ["cases", "1", "update", "priority", "3", "1"],
    ]
    assert "case 1: name Pump broken → Leak in Köln, priority" in crm("changes", "--limit", "1", "-o", "table").out


def test_changes_are_found_by_step_and_since_when(crm: Crm, conn: sqlite3.Connection) -> None:
    """--since is the time of the change."""
    a_case(conn)
    for day in (3, 4, 5):
        crm("case", "edit", "1", "--priority", str(day - 2), now=f"2026-03-0{day}T00:00:00Z")
    found = crm("changes", "--since", "2026-03-04", "-o", "json").json()
    assert [one["new"] for one in found] == [{"priority": 3}, {"priority": 2}]
    by_step = crm("changes", "--step", str(found[1]["step"]), "-o", "json").json()
    assert [one["new"] for one in by_step] == [{"priority": 2}]
    assert crm("changes", "--step", "999", "-o", "json").json() == []


def test_the_changes_of_a_case_follow_it_where_it_went(crm: Crm, conn: sqlite3.Connection) -> None:
    """Words that came from a merged case, links, and what was deleted with it."""
    a_case(conn), a_case(conn), a_case(conn)
    do(conn, Note(1, "of the first")), do(conn, Note(2, "of the second"))
    do(conn, Note(3, "of the third"))
    crm("case", "merge", "1", "--into", "2")
    crm("case", "delete", "2")

    def words(case_id: int) -> set[str]:
        told = crm("changes", "--case", str(case_id), "-o", "json").json()
        return {
            value for one in told if one["table"] == "case_history" for value in [{**one["old"], **one["new"]}["description"]]
        }

    assert words(1) == {"of the first"}
    assert words(2) == {"of the first", "of the second"}
    gone = [one for one in crm("changes", "--case", "2", "-o", "json").json() if one["op"] == "delete"]
    assert {one["table"] for one in gone} == {"cases", "case_log", "case_history", "case_spans"}


def test_a_hand_in_another_tool_is_seen_as_outside(crm: Crm, conn: sqlite3.Connection) -> None:
    """Without user and command."""
    a_case(conn)
    conn.execute("UPDATE cases SET name = 'by hand' WHERE id = 1")
    change = crm("changes", "--case", "1", "-o", "json").json()[0]
    assert (change["source"], change["user"], change["command"], change["new"]) == ("outside", None, None, {"name": "by hand"})


def test_what_a_rule_changed_carries_its_name(crm: Crm, conn: sqlite3.Connection) -> None:
    """rule and rule_id."""
    a_case(conn)
    rule = put(conn, "rules", name="Late", effective_from=BEFORE)

    def work(tx: object) -> None:
        with tx.by_rule(rule):  # type: ignore[attr-defined]
            tx.update("cases", 1, {"priority": 1})  # type: ignore[attr-defined]

    write(conn, work)
    change = crm("changes", "--limit", "1", "-o", "json").json()[0]
    assert (change["rule_id"], change["rule"]) == (rule, "Late")
    assert rows(conn, "SELECT count(*) FROM journal_context") == [(0,)]
