"""The journal and the spans after any course of commands, and what is written past our code (cli.md §4)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import clock, db, journal, literals
from crmcli.errors import CrmError
from crmcli.execute import execute
from crmcli.model import (
    LINK_KINDS,
    Act,
    Add,
    Command,
    Delete,
    Duplicate,
    Edit,
    Link,
    Merge,
    Note,
    Origin,
    Remind,
    Reply,
    SetActive,
    Split,
)
from crmcli.workflow import VERBS

START = "2026-03-02T09:00:00Z"
CASES = st.integers(1, 5)
TEXTS = st.sampled_from(["", "it's", "zwei\nZeilen", "'; DROP TABLE cases; --"])
VALUES = st.sampled_from(
    [
        {"name": "it's 'quoted'"}, {"priority": 1}, {"user_id": 2}, {"user_id": None}, {"section_id": 2}, {"planned_revenue": -5},
        {"probability": 33.3}, {"email_from": "joe@acme.example"}, {"description": "später"}, {"partner_id": 1}, {"mood_id": 1},
        {"ref": "case:1"}, {"ref": "nothing"}, {"deadline_at": START}, {"email_cc": "a@x.example, support@us.example"},
    ]
)  # fmt: skip


def made(kind: Callable[..., Command], *parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """Commands of a kind, their first fields drawn."""
    return st.tuples(*parts).map(lambda values: kind(*values))


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    VALUES.map(lambda values: Add({"name": "new", "section_id": 1, **values})),
    made(Act, CASES, st.sampled_from(list(VERBS))),
    made(Act, CASES, st.sampled_from(list(VERBS)), st.sampled_from([None, START]), st.sampled_from([None, "price"])),
    made(Edit, CASES, VALUES),
    made(Note, CASES, st.one_of(st.none(), TEXTS)),
    made(Reply, CASES, TEXTS, st.sampled_from([None, "done", "open"])),
    made(Remind, CASES, st.booleans(), st.booleans()),
    made(Duplicate, CASES),
    made(Merge, CASES, CASES),
    made(Link, CASES, CASES, st.sampled_from(LINK_KINDS[:-1]), st.booleans()),
    made(Split, CASES, st.tuples(st.integers(1, 6))),
    made(SetActive, CASES, st.booleans()),
    made(Delete, CASES),
)
COURSES = st.lists(
    st.tuples(COMMANDS, st.integers(-90, 600), st.sampled_from([None, 1, 2]), st.sampled_from([False] * 5 + [True])),
    min_size=5,
    max_size=25,
)


def opened(template: bytes, folder: Path) -> sqlite3.Connection:
    """A fresh database with a section below another, a second user, a partner, and three cases."""
    path = folder / "crm.db"
    for old in folder.glob("crm.db*"):
        old.unlink()
    path.write_bytes(template)
    conn = db.connect(str(path))
    conn.execute("PRAGMA synchronous = OFF")
    with db.write(conn, Origin(START, 1, "cli")) as tx:
        tx.insert("users", {"login": "bob", "email": "bob@us.example"})
        tx.insert("sections", {"name": "Below", "parent_id": 1, "reply_state": "done", "reply_to": "below@us.example"})
        tx.insert("partners", {"name": "Acme"})
        tx.insert("contacts", {"partner_id": 1, "name": "Joe", "email": "joe@acme.example"})
        for section_id in (1, 2, 2):
            execute(tx, Add({"name": "Pump", "section_id": section_id, "email_from": "joe@acme.example"}))
    return conn


def run(conn: sqlite3.Connection, course: list[tuple[Command, int, int | None, bool]]) -> None:
    """Each command in a write of its own, at a time that may also go back; refusals and dry runs leave nothing."""
    now = START
    for command, seconds, user_id, dry_run in course:
        now = clock.shift(now, seconds)
        try:
            with db.write(conn, Origin(now, user_id, "cli", dry_run=dry_run)) as tx:
                execute(tx, aimed(conn, command))
        except CrmError:
            continue


def aimed(conn: sqlite3.Connection, command: Any) -> Command:
    """The command with its numbers made ids of cases and communications that there are, as far as there are any."""
    ids = [row[0] for row in conn.execute("SELECT id FROM cases ORDER BY id")]
    names = [name for name in ("case_id", "into_id", "other_id") if name in command._fields and ids]
    command = command._replace(**{name: ids[getattr(command, name) % len(ids)] for name in names})
    said = conn.execute("SELECT case_id, id FROM v_history ORDER BY id").fetchall()
    if isinstance(command, Split) and said:
        case_id, first = said[command.history_ids[0] % len(said)]
        return command._replace(case_id=case_id, history_ids=(first,))
    return command  # type: ignore[no-any-return]


def folded(conn: sqlite3.Connection) -> dict[str, dict[int, dict[str, Any]]]:
    """Every watched table as the journal alone tells it, from the beginning: table → id → columns that have a value."""
    tables: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in journal.UNDOABLE + journal.JOURNALED}
    for table, row_id, op, new in conn.execute("SELECT table_name, row_id, op, new FROM changes ORDER BY id"):
        if op == "delete":
            del tables[table][row_id]
            continue
        if op == "insert":
            assert row_id not in tables[table]
            tables[table][row_id] = {}
        tables[table][row_id].update(literals.values(json.loads(new)))
    return {table: {key: _filled(row) for key, row in rows.items()} for table, rows in tables.items()}


def present(conn: sqlite3.Connection) -> dict[str, dict[int, dict[str, Any]]]:
    """The same, read from the tables themselves."""
    found = {}
    for table in journal.UNDOABLE + journal.JOURNALED:
        kept = [
            name
            for (name,) in conn.execute("SELECT name FROM pragma_table_info(?)", (table,))
            if name != "id" and name not in journal.UNWATCHED.get(table, ())
        ]
        found[table] = {row["id"]: _filled({name: row[name] for name in kept}) for row in conn.execute(f"SELECT * FROM {table}")}
    return found


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


@given(COURSES)
def test_the_journal_folded_gives_the_present(
    template: bytes, tmp_path_factory: pytest.TempPathFactory, course: list[Any]
) -> None:
    """Whatever was done: deletes with all that goes with them, merges, refusals, dry runs; nothing is kept open."""
    conn = opened(template, tmp_path_factory.getbasetemp())
    run(conn, course)
    assert folded(conn) == present(conn)
    assert conn.execute("SELECT count(*) FROM journal_context").fetchone()[0] == 0
    assert conn.execute("SELECT count(*) FROM change_sets s WHERE NOT EXISTS (SELECT 1 FROM changes WHERE change_set_id = s.id)"
                        " AND source <> 'system'").fetchone()[0] == 0  # fmt: skip
    assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
    conn.close()


@given(COURSES)
def test_spans_add_up(template: bytes, tmp_path_factory: pytest.TempPathFactory, course: list[Any]) -> None:
    """From a case's making on each begins where the one before ended, and the open one says how the case is."""
    conn = opened(template, tmp_path_factory.getbasetemp())
    run(conn, course)
    for case in conn.execute("SELECT * FROM cases").fetchall():
        spans = conn.execute("SELECT * FROM case_spans WHERE case_id = ? ORDER BY id", (case["id"],)).fetchall()
        assert spans[0]["entered_at"] == case["created_at"]
        assert [span["left_at"] for span in spans[:-1]] == [span["entered_at"] for span in spans[1:]]
        assert [spans[-1][name] for name in ("state", "section_id", "user_id")] == [
            case["state"],
            case["section_id"],
            case["user_id"],
        ]
        assert spans[-1]["left_at"] is None
        assert all(tuple(a)[2:5] != tuple(b)[2:5] for a, b in pairwise(spans))
    conn.close()


# Past our code ---------------------------------------------------------------------------------------------


def test_a_write_of_another_tool_is_an_outside_change_set(conn: sqlite3.Connection) -> None:
    """With the wall's time, without user, a step of its own also after a run that changed nothing; the fold still holds."""
    with db.write(conn, Origin(START, 1, "cli", "nothing")):
        pass
    conn.execute("INSERT INTO cases (name, section_id, starts_at, created_at) VALUES ('by hand', 1, ?, ?)", (START, START))
    conn.execute("UPDATE cases SET priority = 1")
    conn.execute("DELETE FROM cases")
    found = conn.execute("SELECT op, source, user_id, s.id = s.step FROM changes c JOIN change_sets s ON s.id = c.change_set_id"
                         " WHERE table_name = 'cases' ORDER BY c.id").fetchall()  # fmt: skip
    assert [tuple(row) for row in found] == [(op, "outside", None, 1) for op in ("insert", "update", "delete")]
    assert folded(conn) == present(conn)


def test_a_text_that_goes_on_after_a_nul_is_kept_and_comes_back_whole(crm: Callable[..., Any], conn: sqlite3.Connection) -> None:
    """Another tool can plant it; undo, redo, deleting and the past know all of it."""
    crm("case", "add", "Pump")
    conn.execute("UPDATE cases SET name = 'a' || char(0) || 'b''c'")
    [step] = conn.execute("SELECT max(step) FROM change_sets").fetchone()
    assert folded(conn) == present(conn)
    for words, name in (
        (("undo", str(step)), "Pump"),
        (("redo",), "a\0b'c"),
        (("case", "delete", "1"), None),
        (("undo",), "a\0b'c"),
    ):
        assert crm(*words).exit == 0
        found = conn.execute("SELECT name FROM cases").fetchone()
        assert (found and found[0]) == name, words
    assert crm("verify").exit == 0


def test_a_row_that_an_update_leaves_as_it_was_is_no_change(conn: sqlite3.Connection) -> None:
    """Only the columns that changed are kept."""
    before = conn.execute("SELECT count(*) FROM changes").fetchone()[0]
    conn.execute("UPDATE sections SET name = name, code = 'SUPPORT'")
    rows = conn.execute("SELECT old, new FROM changes WHERE id > ?", (before,)).fetchall()
    assert [tuple(row) for row in rows] == [("""{"code":"'support'"}""", """{"code":"'SUPPORT'"}""")]


def test_bytes_leases_and_counters_are_not_kept(conn: sqlite3.Connection) -> None:
    """The columns of UNWATCHED exist and stay out."""
    for table, columns in journal.UNWATCHED.items():
        known = {name for (name,) in conn.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        assert set(columns) <= known
        sql = "".join(row[0] for row in conn.execute("SELECT sql FROM sqlite_master WHERE name GLOB ?", (f"journal_{table}_*",)))
        assert not [name for name in columns if f"'{name}'" in sql]


def test_every_table_that_people_keep_is_watched(conn: sqlite3.Connection) -> None:
    """A new table takes its place here, or among those that are not journaled."""
    unjournaled = {
        "baseline_rows", "baselines", "blobs", "change_sets", "changes", "home", "journal_context", "mail_keys", "message_refs",
        "raw_messages", "rule_due", "rule_stale", "runs", "sqlite_sequence",
    }  # fmt: skip
    tables = {name for (name,) in conn.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")}
    assert tables - unjournaled == {*journal.UNDOABLE, *journal.JOURNALED, "sqlite_schema"}


def test_a_rules_part_carries_its_id_and_the_persons_part_none(conn: sqlite3.Connection) -> None:
    """Also after the rule's part, and inside it nobody acts."""
    with db.write(conn, Origin(START, 1, "cli")) as tx:
        with tx.by_rule(7):
            assert tx.user_id is None
            tx.update("sections", 1, {"sequence": 1})
        tx.update("sections", 1, {"sequence": 2})
        assert tx.user_id == 1
    assert [row[0] for row in conn.execute("SELECT rule_id FROM changes ORDER BY id DESC LIMIT 2")] == [None, 7]
