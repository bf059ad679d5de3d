"""Saved views, and the wizard of the source document that makes them for a section (domain.md §3)."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli import views
from tests.cli.world import Crm, a_case, dump, put

# Of the source document: the wizard's views with its default option.
WIZARD = {
    "My": "list", "My Unclosed": "list", "My Open": "list", "My Pending": "list", "My Draft": "list", "My Late": "list",
    "My Canceled": "none", "All": "list", "All Unassigned": "none", "All Late": "none", "All Canceled": "none",
    "All Unclosed": "list", "All Open": "list", "All Pending": "list", "All Draft": "list",
    "All Unclosed and Unassigned": "none", "New": "new",
}  # fmt: skip

# Which of the cases below each of them shows; late ones are unclosed and past their deadline.
SHOWN = {
    "My": {"draft", "open", "pending late", "done late", "cancel"},
    "My Unclosed": {"draft", "open", "pending late"},
    "My Open": {"open"},
    "My Pending": {"pending late"},
    "My Draft": {"draft"},
    "My Late": {"pending late"},
    "My Canceled": {"cancel"},
    "All": {"draft", "open", "pending late", "done late", "cancel", "nobody's open", "nobody's done", "bob's late"},
    "All Unassigned": {"nobody's open", "nobody's done"},
    "All Late": {"pending late", "bob's late"},
    "All Canceled": {"cancel"},
    "All Unclosed": {"draft", "open", "pending late", "nobody's open", "bob's late"},
    "All Open": {"open", "nobody's open"},
    "All Pending": {"pending late"},
    "All Draft": {"draft", "bob's late"},
    "All Unclosed and Unassigned": {"nobody's open"},
}


@pytest.fixture(name="cases")
def _cases(conn: sqlite3.Connection) -> dict[str, int]:
    """Cases of Support by what they are, and one elsewhere that no view of Support shows."""
    put(conn, "users", login="bob")
    put(conn, "sections", name="Elsewhere")
    put(conn, "sections", name="Below", parent_id=1)
    late = "2026-03-01T09:00:00Z"
    for section_id in (2, 3):
        a_case(conn, section_id=section_id, user_id=1, deadline_at=late)
    return {
        "draft": a_case(conn, section_id=1, user_id=1),
        "open": a_case(conn, "open", section_id=1, user_id=1),
        "pending late": a_case(conn, "pending", section_id=1, user_id=1, deadline_at=late),
        "done late": a_case(conn, "done", section_id=1, user_id=1, deadline_at=late),
        "cancel": a_case(conn, "cancel", section_id=1, user_id=1),
        "nobody's open": a_case(conn, "open", section_id=1),
        "nobody's done": a_case(conn, "done", section_id=1),
        "bob's late": a_case(conn, section_id=1, user_id=2, deadline_at=late),
    }


def test_the_wizard_makes_what_the_source_document_makes_by_default(crm: Crm) -> None:
    made = crm("section", "views", "support", "-o", "json").json()
    expected = [(f"{kind} Support", layout) for kind, layout in WIZARD.items() if layout != "none"]
    assert [(view["name"], view["layout"]) for view in made] == expected
    assert {view["section"] for view in made} == {"Support"}
    assert {kind: view.layout for kind, view in views.KINDS.items()} == WIZARD


@pytest.mark.parametrize("kind", SHOWN)
def test_each_view_shows_the_cases_of_the_section_that_its_name_says(crm: Crm, cases: dict[str, int], kind: str) -> None:
    assert crm("section", "views", "support", "--only", kind).exit == 0
    shown = crm("view", f"{kind} Support", "-o", "ids").out.split()
    assert {int(number) for number in shown} == {cases[name] for name in SHOWN[kind]}


def test_only_layouts_and_a_prefix_are_as_asked_for_and_made_again_they_stay_one(crm: Crm, conn: sqlite3.Connection) -> None:
    words = ("section", "views", "support", "--only", "my late,ALL", "--only", "New", "--prefix", "S: ")
    made = crm(*words, "--layout", "My Late=calendar", "-o", "json").json()
    assert [(view["name"], view["layout"]) for view in made] == [
        ("S: My Late Support", "calendar"), ("S: All Support", "list"), ("S: New Support", "new"),
    ]  # fmt: skip
    again = crm(*words, "--layout", "All=none,My Late=list", "-o", "json").json()
    assert [(view["id"], view["layout"]) for view in again] == [(made[0]["id"], "list"), (made[2]["id"], "new")]
    assert len(crm("view", "list", "-o", "json").json()) == 3
    for wrong, hint in (
        (("--only", "Mine"), "no view Mine (one of: My, "),
        (("--layout", "All=grid"), "no layout grid (one of: none"),
    ):
        refused = crm("section", "views", "support", *wrong)
        assert (refused.exit, refused.out) == (2, "")
        assert hint in refused.err
    assert crm("undo").exit == 0
    assert [view["layout"] for view in crm("view", "list", "-o", "json").json()] == ["list", "calendar", "new"]


def test_a_view_has_its_columns_and_order_and_may_be_narrowed(crm: Crm, cases: dict[str, int]) -> None:
    words = ("--filter", "state:open or state:done", "--columns", "id,user", "--sort", "-id", "--section", "support")
    assert crm("view", "add", "Hot", *words).exit == 0
    assert crm("view", "hot").out == "id\tuser\n9\t\n8\t\n6\tann\n4\tann\n"
    assert crm("view", "Hot", "+mine", "-o", "ids").out.split() == ["6", "4"]
    assert crm("view", "run", "Hot", "state:done", "-o", "ids").out.split() == ["9", "6"]
    assert crm("view", "Hot", "--columns", "id", "--sort", "id", "--limit", "1", "--after", "4").out == "id\n6\n"


def test_the_view_of_new_cases_tells_how_one_is_made(crm: Crm) -> None:
    crm("section", "views", "support", "--only", "New")
    done = crm("view", "New Support")
    assert (done.exit, done.out) == (0, "")
    assert done.err == "this view makes a case: crm case add NAME --section 1\n"


def test_what_could_not_be_shown_is_not_kept(crm: Crm, conn: sqlite3.Connection) -> None:
    assert crm("view", "add", "Hot", "--columns", "id,+deadline", "--sort", "priority,-deadline").exit == 0
    before = dump(conn)
    for option, value, words in (
        ("--filter", "foo:1", "filter, position 1: case has no field foo"),
        ("--filter", "(+late", "filter, position "),
        ("--columns", "id,nme", "no column nme (nearest: name"),
        ("--sort", "-prio", "no column prio (nearest: priority"),
        ("--layout", "none", "no layout none"),
    ):
        for verb in (("add", "X"), ("edit", "Hot")):
            refused = crm("view", *verb, option, value)
            assert (refused.exit, refused.out) == (2, ""), (verb, option)
            assert words in refused.err
    assert dump(conn) == before


def test_an_unknown_view_names_the_nearest(crm: Crm) -> None:
    crm("view", "add", "Hot", "--filter", "+late")
    refused = crm("view", "Hott")
    assert (refused.exit, refused.err) == (3, "crm: no view Hott (nearest: Hot)\n")
