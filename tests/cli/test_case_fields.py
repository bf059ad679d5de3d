"""Cases made, changed, listed and shown from the command line (domain.md §1, §3; cli.md §1, §2)."""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys

import pexpect
import pytest

from crmcli import case_list, fields
from crmcli.model import Note
from tests.cli.world import ANN, BEFORE, NOW, Crm, a_case, a_partner, do, dump, put, row, rows, set_

EXAMPLE = (
    "case", "add", "Pump broken", "--section", "support", "--partner", "Acme", "--email-from", "joe@acme.example",
    "--user", "ann", "--priority", "high", "--deadline", "+2d",
    "--planned-revenue", "1200.50", "--probability", "40", "--channel", "phone",
    "--mood", "Happy",
)  # fmt: skip


# add -------------------------------------------------------------------------------------------------------


def test_the_example_of_the_contract_makes_the_case_that_it_says(crm: Crm, conn: sqlite3.Connection) -> None:
    """Every option of it; the contact comes with the partner."""
    partner = a_partner(conn)
    assert crm(*EXAMPLE).out == "1\n"
    case = row(conn, "cases", 1)
    expected = {
        "name": "Pump broken", "state": "draft", "priority": 2, "section_id": 1, "partner_id": partner, "contact_id": 1,
        "email_from": "joe@acme.example", "user_id": ANN, "starts_at": NOW, "created_at": NOW,
        "deadline_at": "2026-03-04T09:00:00Z", "planned_revenue": 120050, "probability": 40,
        "channel_id": 2, "mood_id": 4, "created_by": "cli", "active": 1,
    }  # fmt: skip
    assert {name: case[name] for name in expected} == expected
    assert {case[name] for name in case.keys() - expected.keys() - {"id"}} == {None}
    assert rows(conn, "SELECT count(*) FROM case_log") == [(0,)]


def test_a_new_case_is_an_object_in_json_with_both_halves_of_links(crm: Crm, conn: sqlite3.Connection) -> None:
    """Money decimal, times UTC text, empty null, every field of the table."""
    a_partner(conn)
    shown = crm(*EXAMPLE, "-o", "json").json()
    names = {
        name for field in fields.NOUNS["case"].fields for name in ((field.name, field.short) if field.link else (field.name,))
    }
    assert set(shown) == names | {"id"}
    expected = {
        "id": 1, "user": "ann", "user_id": 1, "section": "Support", "partner": "Acme", "contact": "Joe Roe", "channel": "phone",
        "mood": "Happy", "category": None, "category_id": None, "planned_revenue": 1200.5, "probability": 40, "priority": 2,
        "deadline_at": "2026-03-04T09:00:00Z", "closed_at": None, "active": True,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected


def test_a_case_lands_in_the_section_named_or_the_users_or_the_only_one(crm: Crm, conn: sqlite3.Connection) -> None:
    """Else the sections are listed."""
    assert crm("case", "add", "one").exit == 0
    sale = put(conn, "sections", name="Sale", parent_id=1)
    run = crm("case", "add", "two")
    assert (run.exit, run.err) == (2, "crm: which section? (--section with one of: Support; Support / Sale)\n")
    set_(conn, "users", ANN, section_id=sale)
    crm("case", "add", "three")
    crm("case", "add", "four", "--section", "support")
    crm("case", "add", "five", "--section", "Support/Sale")
    assert rows(conn, "SELECT name, section_id FROM cases ORDER BY id") == [
        ("one", 1),
        ("three", sale),
        ("four", 1),
        ("five", sale),
    ]


def test_a_category_brings_its_probability_unless_one_is_given(crm: Crm, conn: sqlite3.Connection) -> None:
    """On add and on edit."""
    put(conn, "categories", name="Bug", probability=30)
    put(conn, "categories", name="Deal", probability=60)
    crm("case", "add", "one", "--category", "Bug")
    crm("case", "add", "two", "--category", "Bug", "--probability", "5")
    crm("case", "edit", "1", "--category", "Deal")
    crm("case", "edit", "2", "--category", "Deal", "--probability", "7")
    assert rows(conn, "SELECT probability FROM cases ORDER BY id") == [(60.0,), (7.0,)]


def test_a_partner_brings_contact_and_address_where_they_are_empty(crm: Crm, conn: sqlite3.Connection) -> None:
    """The contact of type contact, else default, else the first."""
    partner = put(conn, "partners", name="Acme")
    for kind, email in (("invoice", "bill@acme.example"), ("default", "info@acme.example"), ("contact", "joe@acme.example")):
        put(conn, "contacts", partner_id=partner, type=kind, name=kind, email=email)
    crm("case", "add", "one", "--partner", "Acme")
    crm("case", "add", "two", "--partner", "Acme", "--email-from", "sue@acme.example")
    set_(conn, "contacts", 3, active=0)
    crm("case", "add", "three", "--partner", "Acme")
    set_(conn, "contacts", 2, active=0)
    crm("case", "add", "four", "--partner", "Acme")
    crm("case", "add", "five", "--contact", "default")
    assert rows(conn, "SELECT contact_id, email_from, partner_id FROM cases ORDER BY id") == [
        (3, "joe@acme.example", 1), (3, "sue@acme.example", 1), (2, "info@acme.example", 1), (1, "bill@acme.example", 1),
        (2, "info@acme.example", 1),
    ]  # fmt: skip


def test_watchers_are_each_once_and_never_ourselves(crm: Crm, conn: sqlite3.Connection) -> None:
    """Several options, or commas; --cc is the same."""
    words = (
        "--email-cc",
        "a@x.example, B@x.example",
        "--cc",
        "b@X.example",
        "--cc",
        "support@us.example",
        "--cc",
        "support+ab@us.example",
    )
    crm("case", "add", "one", *words)
    assert row(conn, "cases", 1)["email_cc"] == "a@x.example, B@x.example"


def test_the_responsible_is_the_one_acting_unless_nobody_is_wanted(crm: Crm, conn: sqlite3.Connection) -> None:
    """An empty text clears."""
    crm("case", "add", "one")
    crm("case", "add", "two", "--user", "")
    assert rows(conn, "SELECT user_id FROM cases ORDER BY id") == [(ANN,), (None,)]


def test_a_deadline_that_is_a_day_is_its_end_in_the_zone(crm: Crm, conn: sqlite3.Connection) -> None:
    """--tz, here an hour ahead."""
    crm("case", "add", "one", "--deadline", "2026-03-06", "--tz", "Europe/Berlin")
    assert row(conn, "cases", 1)["deadline_at"] == "2026-03-06T22:59:59Z"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--priority", "urgent"), 2),
        (("--deadline", "someday"), 2),
        (("--planned-revenue", "lots"), 2),
        (("--probability", "140"), 2),
        (("--user", "anne"), 3),
        (("--section", "suport"), 3),
        (("--email-from", "joe"), 2),
        (("--ref", "case:99"), 3),
        (("--ref", "nothing"), 1),
        (("--state", "open"), 2),
    ],
)
def test_a_value_that_means_nothing_is_refused_with_a_way_out(
    words: tuple[str, ...], code: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """On add and on edit alike, and nothing is written."""
    a_case(conn)
    before = dump(conn)
    run = crm("case", "add", "one", *words)
    assert (run.exit, run.out) == (code, "")
    assert run.err.startswith("crm: ")
    assert crm("case", "edit", "1", *words).exit == code
    assert dump(conn) == before


def test_a_case_needs_a_subject(crm: Crm, conn: sqlite3.Connection) -> None:
    """Blanks are none."""
    assert crm("case", "add", "  ").exit == 2
    a_case(conn)
    run = crm("case", "edit", "1", "--name", "")
    assert (run.exit, run.err) == (1, "crm: name is required\n")


def test_a_reference_points_to_something_here_or_to_the_web(crm: Crm, conn: sqlite3.Connection) -> None:
    """It is checked to exist."""
    a_case(conn)
    crm("case", "add", "two", "--ref", "case:1", "--ref2", "https://acme.example/7")
    assert rows(conn, "SELECT ref, ref2 FROM cases WHERE id = 2") == [("case:1", "https://acme.example/7")]


# edit ------------------------------------------------------------------------------------------------------


def test_edit_changes_fields_and_neither_state_nor_log(crm: Crm, conn: sqlite3.Connection) -> None:
    """The journal keeps old and new, who and why."""
    case_id = a_case(conn, "open", user_id=ANN)
    before = row(conn, "cases", case_id)
    log = rows(conn, "SELECT count(*) FROM case_log")
    assert crm("case", "edit", "1", "--name", "Pump leaks", "--priority", "1", "--reason", "called").out == "1\n"
    assert row(conn, "cases", 1) == {**before, "name": "Pump leaks", "priority": 1}
    assert rows(conn, "SELECT count(*) FROM case_log") == log
    change = crm("changes", "--limit", "1", "-o", "json").json()[0]
    told = {name: change[name] for name in ("table", "row_id", "op", "old", "new", "user", "reason", "source")}
    assert told == {
        "table": "cases", "row_id": 1, "op": "update", "old": {"name": "Pump broken", "priority": 3},
        "new": {"name": "Pump leaks", "priority": 1}, "user": "ann", "reason": "called", "source": "cli",
    }  # fmt: skip


def test_an_edit_that_changes_nothing_leaves_no_step(crm: Crm, conn: sqlite3.Connection) -> None:
    """But prints the id."""
    a_case(conn)
    before = rows(conn, "SELECT count(*) FROM change_sets")
    assert crm("case", "edit", "1", "--name", "Pump broken").out == "1\n"
    assert rows(conn, "SELECT count(*) FROM change_sets") == before
    assert crm("case", "edit", "1", "--name", "Pump broken", "-n").err == "nothing would change\n"
    assert crm("case", "edit", "1").exit == 2


def test_moving_a_case_begins_a_new_span(crm: Crm, conn: sqlite3.Connection) -> None:
    """Section and responsible count, other fields do not."""
    sale = put(conn, "sections", name="Sale")
    a_case(conn, section_id=1)
    crm("case", "edit", "1", "--name", "Pump")
    crm("case", "edit", "1", "--section", "Sale")
    crm("case", "edit", "1", "--user", "ann", now="2026-03-03T00:00:00Z")
    assert rows(conn, "SELECT section_id, user_id, entered_at, left_at FROM case_spans ORDER BY id") == [
        (1, None, BEFORE, NOW), (sale, None, NOW, "2026-03-03T00:00:00Z"), (sale, ANN, "2026-03-03T00:00:00Z", None),
    ]  # fmt: skip


def test_a_bulk_edit_asks_with_a_count_and_is_one_step(crm: Crm, conn: sqlite3.Connection) -> None:
    """By a filter; what is archived is left alone unless asked for."""
    a_case(conn), a_case(conn, "open"), a_case(conn), a_case(conn, archived=True)
    run = crm("case", "edit", "--where", "state:draft", "--priority", "high")
    assert (run.exit, run.err) == (2, "crm: change 2 cases needs --yes without a terminal (add -y, or try it with -n)\n")
    assert crm("case", "edit", "--where", "state:draft", "--priority", "high", "-n").out == "1\n3\n"
    assert rows(conn, "SELECT count(*) FROM cases WHERE priority = 2") == [(0,)]
    assert crm("case", "edit", "--where", "state:draft", "--priority", "high", "-y").out == "1\n3\n"
    assert rows(conn, "SELECT id FROM cases WHERE priority = 2") == [(1,), (3,)]
    steps = rows(conn, "SELECT DISTINCT step FROM change_sets WHERE source = 'cli' AND command LIKE '%--where%'")
    assert len(steps) == 1
    assert crm("case", "edit", "--where", "state:draft", "--priority", "low", "-y", "--all").out == "1\n3\n4\n"
    assert crm("case", "edit", "--where", "state:draft", "--priority", "3", "-y", "--archived").out == "4\n"


def test_a_filter_that_finds_nothing_changes_nothing(crm: Crm, conn: sqlite3.Connection) -> None:
    """And is no error."""
    run = crm("case", "edit", "--where", "+late", "--priority", "high")
    assert (run.exit, run.out, run.err) == (0, "", "no case is meant by this filter\n")
    assert crm("case", "edit", "--priority", "high").exit == 2


# list ------------------------------------------------------------------------------------------------------


def ids(crm: Crm, *words: str) -> list[int]:
    """The ids that a list gives, in its order."""
    return [int(line) for line in crm("case", "list", *words, "-o", "ids").out.split()]


@pytest.fixture(name="many")
def _many(conn: sqlite3.Connection) -> list[int]:
    """Cases whose priorities, deadlines and starts differ or are the same → their ids in the order of every list."""
    days = (None, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    made = []
    for number in range(24):
        values = {
            "priority": 1 + number % 3,
            "deadline_at": days[number % 4 % 3],
            "starts_at": f"2026-02-0{1 + number % 2}T00:00:00Z",
        }
        made.append((a_case(conn, name=f"case {number % 5}", **values), values))

    def place(one: tuple[int, dict[str, object]]) -> tuple[object, ...]:
        backwards = [-ord(letter) for letter in f"{one[1]['deadline_at'] or ''}{one[1]['starts_at']}"]
        return one[1]["priority"], one[1]["deadline_at"] is not None, backwards, -one[0]

    return [case_id for case_id, _ in sorted(made, key=place)]


def test_the_usual_order_is_priority_then_deadline_then_start(crm: Crm, many: list[int]) -> None:
    """Deadlines newest first with none before all, starts and ids newest first."""
    assert ids(crm) == many


@pytest.mark.parametrize(
    "sort",
    [
        "",
        "id",
        "-id",
        "priority",
        "-priority,deadline",
        "deadline",
        "-deadline_at,name",
        "name",
        "user,-name",
        "section,starts_at",
    ],
)
def test_pages_after_a_row_add_up_to_the_whole_list(sort: str, crm: Crm, conn: sqlite3.Connection, many: list[int]) -> None:
    """By any order, ties and empty values included, each row once."""
    set_(conn, "cases", 3, user_id=ANN)
    words = ("--sort", sort) if sort else ()
    whole, paged = ids(crm, *words), list[int]()
    while True:
        after = ("--after", str(paged[-1])) if paged else ()
        page = ids(crm, *words, "--limit", "7", *after)
        if not page:
            break
        paged += page
    assert paged == whole
    assert sorted(whole) == sorted(many)


def test_a_list_is_sorted_up_or_down_with_empty_values_last(crm: Crm, conn: sqlite3.Connection) -> None:
    """Words without regard to case."""
    for name, deadline in (("b", "2026-03-05T00:00:00Z"), ("A", None), ("c", "2026-03-04T00:00:00Z"), ("B", None)):
        a_case(conn, name=name, deadline_at=deadline)
    assert ids(crm, "--sort", "deadline") == [3, 1, 2, 4]
    assert ids(crm, "--sort", "-deadline") == [1, 3, 4, 2]
    assert ids(crm, "--sort", "name,id") == [2, 1, 4, 3]
    assert ids(crm, "--sort", "-name,-id") == [3, 4, 1, 2]


def test_columns_are_named_added_and_mistyped(crm: Crm, conn: sqlite3.Connection) -> None:
    """tsv has a header line; short names do."""
    a_case(conn, user_id=ANN)
    assert (
        crm("case", "list", "--columns", "id,user,user_id,deadline", "-o", "tsv").out
        == "id\tuser\tuser_id\tdeadline_at\n1\tann\t1\t\n"
    )
    header = crm("case", "list", "--columns", "+section").out.split("\n")[0]
    assert header.split("\t") == [*fields.NOUNS["case"].columns, "section"]
    assert crm("case", "list", "--columns", "id,name", "-o", "json").json() == [{"id": 1, "name": "Pump broken"}]
    run = crm("case", "list", "--columns", "priorty")
    assert (run.exit, run.err.split(" (")[0]) == (2, "crm: no column priorty")
    assert "priority" in run.err
    assert crm("case", "list", "--sort", "nonsense").exit == 2
    run = crm("case", "list", "--after", "99")
    assert (run.exit, run.err) == (3, "crm: no case 99 to go on after (crm case list)\n")


def test_words_of_a_list_are_one_filter(crm: Crm, conn: sqlite3.Connection) -> None:
    """As many arguments as you like."""
    a_case(conn, "open", user_id=ANN), a_case(conn, user_id=ANN), a_case(conn, "open")
    assert ids(crm, "+mine", "state:open") == [1]
    assert ids(crm, "+mine", "or", "state:open") == [3, 2, 1]
    assert crm("case", "list", "stat:open").exit == 2


def test_a_late_case_is_marked_and_money_summed_in_a_table(crm: Crm, conn: sqlite3.Connection) -> None:
    """Never by colour alone; a closed one is not late."""
    for state in ("open", "done"):
        a_case(conn, state, deadline_at=BEFORE, planned_revenue=150000)
    a_case(conn, planned_revenue=5)
    lines = crm("case", "list", "-o", "table").out.split("\n")
    assert [line.split()[1] for line in lines if line.startswith("!")] == ["1"]
    assert "3,000.05" in lines[-2]


def test_a_terminal_gets_fifty_and_how_many_more(crm: Crm, conn: sqlite3.Connection, db_path: str) -> None:
    """A pipe gets all."""
    for _ in range(53):
        a_case(conn)

    def on_a_terminal(*words: str) -> str:
        argv = ["-m", "crmcli", "--db", db_path, "--as", "ann", "case", "list", *words]
        shown = pexpect.run(shlex.join([sys.executable, *argv]), env={**os.environ, "TERM": "xterm"}, encoding="utf-8")
        return str(shown)

    assert len(ids(crm)) == 53
    assert "more" not in crm("case", "list", "-o", "table").out
    assert "and 3 more" in on_a_terminal()
    assert "more" not in on_a_terminal("--limit", "0")
    assert "and 42 more" in on_a_terminal("--limit", "10", "--after", "53")


def test_rows_of_a_list_come_one_by_one(conn: sqlite3.Connection) -> None:
    """Memory does not grow with the result."""
    a_case(conn), a_case(conn)
    found = iter(case_list.result(conn).rows)
    assert next(found)["id"] == 2
    assert conn.execute("SELECT count(*) FROM cases").fetchone()[0] == 2
    assert next(found)["id"] == 1


# show ------------------------------------------------------------------------------------------------------


def test_show_gives_a_case_whole(crm: Crm, conn: sqlite3.Connection) -> None:
    """With history and log newest first, links, files and mails."""
    case_id = a_case(conn, "open", email_from="joe@acme.example", user_id=ANN)
    a_case(conn)
    do(conn, Note(case_id, "first words"))
    crm("case", "reply", "1", "second words")
    crm("case", "link", "1", "2", "--kind", "blocks")
    crm("case", "attach", "1", __file__)
    shown = crm("case", "show", "1", "-o", "json").json()
    assert [(one["direction"], one["email"], one["description"]) for one in shown["history"]] == [
        ("out", "joe@acme.example", "second words"),
        ("note", "ann@us.example", "first words"),
    ]
    assert shown["history"][1]["note"] == f"ann@us.example ({BEFORE})\nfirst words"
    assert [one["name"] for one in shown["log"]] == ["Pending", "Send", "Historize", "Open"]
    assert shown["links"] == [{"kind": "blocks", "other_id": 2, "name": "Pump broken", "state": "draft"}]
    assert [one["name"] for one in shown["files"]] == ["test_case_fields.py"]
    assert [(one["kind"], one["recipient"], one["state"]) for one in shown["mails"]] == [("reply", "joe@acme.example", "queued")]
    assert shown["email_last"] == "second words"
    assert crm("case", "show", "9").exit == 3


def test_the_page_of_a_case_fits_a_terminal(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns; hostile text stays text."""
    a_case(conn, "open", name="Pump \x1b[31m[bold]red[/bold] \u202e" + "very " * 30, user_id=ANN, description="word " * 60)
    do(conn, Note(1, "It \u001b]0;x\u0007leaks. " * 20))
    a_case(conn, "open", description="pending")
    monkeypatch.setenv("COLUMNS", "80")
    page = crm("case", "show", "1", "-o", "table").out
    assert max(len(line) for line in page.split("\n")) <= 80
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "[bold]" in page
    assert page.count("leaks") == 20
