"""Names to ids."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli import db, find
from crmcli.errors import NotFound, Usage
from crmcli.model import Origin

NOW = "2026-03-02T09:00:00Z"


@pytest.fixture(name="crowd")
def _crowd(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Sections Sales (2) with North (3) and South (4), Old (5, archived), Éclair (6); partners, contacts, bob (2)."""
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        sales = tx.insert("sections", {"name": "Sales", "code": "sale"})
        for name in ("North", "South"):
            tx.insert("sections", {"name": name, "parent_id": sales})
        tx.insert("sections", {"name": "Old", "active": 0})
        tx.insert("sections", {"name": "Éclair", "parent_id": sales})
        tx.insert("users", {"login": "bob", "name": "ann"})
        tx.insert("partners", {"name": "Acme, Inc.", "ref": "A1"})
        tx.insert("partners", {"name": "Twin", "active": 0})
        tx.insert("partners", {"name": "Twin", "active": 0})
        tx.insert("partners", {"name": "Beta"})
        for partner_id, email in ((1, "joe@acme.example"), (4, "joe@beta.example"), (4, None)):
            tx.insert("contacts", {"name": "Joe Roe", "partner_id": partner_id, "email": email})
        tx.insert("contacts", {"name": "", "email": "anon@x.example"})
    return conn


@pytest.mark.parametrize(
    ("noun", "text", "wanted"),
    [
        ("user", "1", 1),
        ("user", "ann", 1),
        ("user", "BOB", 2),
        ("user", "Ann Lee", 1),
        ("user", "ANN@us.example", 1),
        ("section", "support", 1),
        ("section", "sale", 2),
        ("section", "SALES", 2),
        ("section", "Sales / North", 3),
        ("section", "sales/north", 3),
        ("section", " Sales /South ", 4),
        ("section", "North", 3),
        ("section", "support@us.example", 1),
        ("section", "old", 5),
        ("section", "5", 5),
        ("section", "éclair", 6),
        ("section", "SALES / ÉCLAIR", 6),
        ("partner", "acme, inc.", 1),
        ("partner", "a1", 1),
        ("contact", "Joe@Acme.example", 1),
        ("contact", "anon@x.example", 4),
        ("mood", "very happy", 5),
        ("channel", "Phone", 2),
        ("event_type", "case_open", 2),
        ("event_type", "Case opened", 2),
    ],
)
def test_a_thing_is_found_by_id_and_by_what_it_is_called(crowd: sqlite3.Connection, noun: str, text: str, wanted: int) -> None:
    assert find.one(crowd, noun, text) == wanted


def test_accents_tell_names_apart(crowd: sqlite3.Connection) -> None:
    with pytest.raises(NotFound):
        find.one(crowd, "section", "Eclair")


def test_an_ambiguous_name_lists_its_candidates(crowd: sqlite3.Connection) -> None:
    with pytest.raises(NotFound) as error:
        find.one(crowd, "contact", "joe roe")
    assert error.value.message == "joe roe is the name of 3 contacts"
    assert error.value.hint == "name one by its id: 1 Joe Roe <joe@acme.example>; 2 Joe Roe <joe@beta.example>; 3 Joe Roe"


def test_two_archived_ones_of_a_name_are_ambiguous_too(crowd: sqlite3.Connection) -> None:
    with pytest.raises(NotFound, match="is the name of 2 partners"):
        find.one(crowd, "partner", "twin")


def test_an_active_name_wins_over_archived_ones(crowd: sqlite3.Connection) -> None:
    with db.write(crowd, Origin(NOW, 1, "cli")) as tx:
        active = tx.insert("partners", {"name": "TWIN"})
    assert find.one(crowd, "partner", "Twin") == active


def test_an_unknown_name_suggests_the_nearest(crowd: sqlite3.Connection) -> None:
    with pytest.raises(NotFound) as error:
        find.one(crowd, "section", "suport")
    assert (error.value.message, error.value.exit) == ("no section suport", 3)
    assert "support" in error.value.hint.lower()


def test_nothing_near_says_where_the_list_is(crowd: sqlite3.Connection) -> None:
    with pytest.raises(NotFound) as error:
        find.one(crowd, "partner_category", "zzzz")
    assert (error.value.message, error.value.hint) == (
        "no partner category zzzz",
        "crm partner category list; a new one: crm partner category add zzzz",
    )


@pytest.mark.parametrize("text", ["", " ", "0", "99", "99999999999999999999999", "²", "-1"])
def test_what_is_no_name_is_not_found(crowd: sqlite3.Connection, text: str) -> None:
    for noun in ("contact", "case", "amount", "user"):
        with pytest.raises(NotFound):
            find.one(crowd, noun, text)


def test_several_are_named_by_ids_ranges_and_names_each_once(crowd: sqlite3.Connection) -> None:
    assert find.many(crowd, "section", ["4", "1-3", "2,5-6", "North", "sale,Old"]) == [4, 1, 2, 3, 5, 6]
    assert find.many(crowd, "partner", ["Acme, Inc.", "Beta,A1"]) == [1, 4]
    assert find.many(crowd, "partner", []) == []


def test_a_range_takes_what_exists_and_must_hold_something(crowd: sqlite3.Connection) -> None:
    assert find.many(crowd, "section", ["5-999999999999999999999999"]) == [5, 6]
    with pytest.raises(NotFound, match="no section in 50-60"):
        find.many(crowd, "section", ["50-60"])
    with pytest.raises(NotFound, match="no section 99"):
        find.many(crowd, "section", ["1,99"])


def test_a_range_that_runs_backwards_is_a_mistake(crowd: sqlite3.Connection) -> None:
    with pytest.raises(Usage) as error:
        find.many(crowd, "section", ["6-5"])
    assert error.value.hint == "5-6"


def test_of_very_many_names_those_of_a_like_beginning_are_compared() -> None:
    assert find.nearest("partner 1", (f"partner {number}" for number in range(5000)))
    assert find.nearest("help", iter(["Sales", "Helpdesk and Support", "Second Helpdesk"])) == [
        "Helpdesk and Support",
        "Second Helpdesk",
    ]
    assert find.nearest("he", iter(["Helpdesk and Support"])) == []
    assert find.nearest("zartner 1", (f"partner {number}" for number in range(5000))) == []
