"""Things that people keep."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from crmcli import db, partners, record_list, records
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused, Usage
from crmcli.fields import NOUNS
from crmcli.model import Origin, Row
from crmcli.values import Moment

NOW = "2026-03-02T09:00:00Z"
MOMENT = Moment(NOW)
SIMPLE = [noun for noun in NOUNS if noun not in ("case", "rule")]

Writing = Callable[[], AbstractContextManager[Tx]]


@pytest.fixture(name="writing")
def _writing(conn: sqlite3.Connection) -> Writing:
    return lambda: db.write(conn, Origin(NOW, 1, "cli"))


def made(writing: Writing, conn: sqlite3.Connection, noun: str, **texts: str) -> int:
    with writing() as tx:
        return records.add(tx, noun, records.parsed(conn, noun, texts, MOMENT))


def rows(conn: sqlite3.Connection, noun: str, *ids: int) -> list[Row]:
    return list(record_list.result(conn, noun, ids).rows)


def test_a_section_takes_its_links_by_name_and_shows_both_halves(conn: sqlite3.Connection, writing: Writing) -> None:
    number = made(writing, conn, "section", name="North", parent="support", user="ann", code="n", sequence="3", thanks="no")
    row = rows(conn, "section", number)[0]
    assert row == {
        "id": number, "path": "Support / North", "name": "North", "code": "n", "parent_id": 1, "parent": "Support", "user_id": 1,
        "user": "ann", "reply_to": None, "sequence": 3, "allow_unlink": 1, "reply_state": "pending", "thanks": 0,
        "language": None,
        "active": 1,
    }  # fmt: skip


def test_what_happened_happened_now_by_whoever_says_so(conn: sqlite3.Connection, writing: Writing) -> None:
    acme = made(writing, conn, "partner", name="Acme")
    visit = rows(conn, "event", made(writing, conn, "event", name="Visit", partner="Acme", mood="happy"))[0]
    assert (visit["at"], visit["user"], visit["partner"], visit["mood"]) == (NOW, "ann", "Acme", "Happy")
    amount = rows(conn, "amount", made(writing, conn, "amount", partner="Acme", kind="sale", amount="120.50", at="2026-03-01"))[0]
    assert (amount["at"], amount["amount"], amount["partner_id"]) == ("2026-03-01T00:00:00Z", 12050, acme)


@pytest.mark.parametrize(
    ("noun", "texts", "message"),
    [
        ("event", {"name": "Visit"}, "an event needs its partner"),
        ("amount", {}, "an amount needs its partner and kind and amount"),
        ("mood", {"name": "Blue"}, "a mood needs its factor"),
        ("section", {"name": ""}, "a section needs its name"),
    ],
)
def test_what_is_required_is_named(
    conn: sqlite3.Connection, writing: Writing, noun: str, texts: dict[str, str], message: str
) -> None:
    with pytest.raises(Usage) as error:
        made(writing, conn, noun, **texts)
    assert error.value.message == message


def test_an_empty_text_clears_or_brings_back_the_default(conn: sqlite3.Connection, writing: Writing) -> None:
    with writing() as tx:
        records.edit(
            tx, "section", 1, records.parsed(conn, "section", {"code": "", "user": "", "thanks": "", "reply-state": ""}, MOMENT)
        )
    row = rows(conn, "section", 1)[0]
    assert (row["code"], row["user_id"], row["thanks"], row["reply_state"]) == (None, None, 1, None)
    with writing() as tx, pytest.raises(Usage, match="a section needs its name"):
        records.edit(tx, "section", 1, {"name": None})
    with writing() as tx:
        records.edit(tx, "user", 1, {"name": None})
    assert rows(conn, "user", 1)[0]["name"] == ""


def test_an_empty_option_of_add_takes_the_default_where_one_is_needed(conn: sqlite3.Connection, writing: Writing) -> None:
    row = rows(conn, "section", made(writing, conn, "section", name="A", thanks="", code=""))[0]
    assert (row["thanks"], row["code"], row["reply_state"]) == (1, None, "pending")


def test_a_field_that_there_is_not_suggests_the_nearest(conn: sqlite3.Connection) -> None:
    with pytest.raises(Usage) as error:
        records.parsed(conn, "section", {"replyto": "x"}, MOMENT)
    assert (error.value.message, error.value.hint) == ("a section has no replyto to set", "nearest: reply_to, reply_state")
    with pytest.raises(Usage):
        records.parsed(conn, "segment", {"state": "running"}, MOMENT)


@pytest.mark.parametrize(
    ("noun", "texts", "message"),
    [
        ("user", {"login": "ANN"}, "there is a user with the login ANN already: ann"),
        ("user", {"login": "bob", "email": "Ann@us.example"}, "there is a user with the email Ann@us.example already: ann"),
        ("section", {"name": "B", "code": "Support"}, "there is a section with the code Support already: Support"),
        ("section", {"name": "B", "reply_to": "support@us.example"},
         "there is a section with the reply to support@us.example already: Support"),
        ("partner", {"name": "ACME"}, "there is a partner with the name ACME already: Acme"),
        ("channel", {"name": "PHONE"}, "there is a channel with the name PHONE already: phone"),
    ],
)  # fmt: skip
def test_what_must_be_unique_names_the_other(
    conn: sqlite3.Connection, writing: Writing, noun: str, texts: dict[str, str], message: str
) -> None:
    made(writing, conn, "partner", name="Acme")
    with pytest.raises(Refused) as error:
        made(writing, conn, noun, **texts)
    assert error.value.message == message
    assert " show " in error.value.hint


def test_partners_are_unique_among_the_active_ones(conn: sqlite3.Connection, writing: Writing) -> None:
    first = made(writing, conn, "partner", name="Acme")
    with writing() as tx:
        records.set_active(tx, "partner", first, False)
    made(writing, conn, "partner", name="Acme")
    with pytest.raises(Refused, match="already: Acme"), writing() as tx:
        records.set_active(tx, "partner", first, True)


@pytest.mark.parametrize("noun", ["section", "partner", "partner_category"])
def test_nothing_stands_above_itself(conn: sqlite3.Connection, writing: Writing, noun: str) -> None:
    top = made(writing, conn, noun, name="Top")
    below = made(writing, conn, noun, name="Below", parent="Top")
    for parent in (top, below):
        with pytest.raises(Refused, match="Top would stand above itself"), writing() as tx:
            records.edit(tx, noun, top, {"parent_id": parent})


def test_deleting_what_is_in_use_says_what_uses_it(conn: sqlite3.Connection, writing: Writing) -> None:
    made(writing, conn, "section", name="North", parent="support")
    made(writing, conn, "category", name="Fault", section="support")
    made(writing, conn, "category", name="Question", section="support")
    with pytest.raises(Refused) as error, writing() as tx:
        records.delete(tx, "section", 1)
    assert error.value.message == "section Support is in use: 1 section, 2 categories"
    assert error.value.hint == "archive it instead: crm section archive 1"


def test_what_nobody_uses_goes(conn: sqlite3.Connection, writing: Writing) -> None:
    number = made(writing, conn, "category", name="Fault")
    with writing() as tx:
        records.delete(tx, "category", number)
    assert rows(conn, "category", number) == []
    with pytest.raises(NotFound, match=f"no category {number}"):
        record_list.one(conn, "category", number)


def test_a_document_of_an_event_must_exist(conn: sqlite3.Connection, writing: Writing) -> None:
    made(writing, conn, "partner", name="Acme")
    with pytest.raises(NotFound, match="no case 7"):
        made(writing, conn, "event", name="Visit", partner="Acme", document="case:7")


def test_categories_of_a_partner_are_paths_each_once(conn: sqlite3.Connection, writing: Writing) -> None:
    made(writing, conn, "partner_category", name="Customers")
    vip = made(writing, conn, "partner_category", name="VIP", parent="Customers")
    acme = made(writing, conn, "partner", name="Acme")
    made(writing, conn, "segment", name="Gold", category="VIP")
    with writing() as tx:
        partners.add_category(tx, acme, vip)
        partners.add_category(tx, acme, vip)
        tx.insert("partner_category_members", {"partner_id": acme, "category_id": vip, "origin": "1", "since": NOW})
    assert rows(conn, "partner", acme)[0]["categories"] == ["Customers / VIP"]
    with pytest.raises(Refused, match="the segment Gold put Acme into Customers / VIP"), writing() as tx:
        partners.remove_category(tx, acme, vip)
    with writing() as tx:
        tx.run("DELETE FROM partner_category_members WHERE origin = '1'")
        partners.remove_category(tx, acme, vip)
    assert rows(conn, "partner", acme)[0]["categories"] == []
    with pytest.raises(NotFound, match="Acme is not in Customers / VIP"), writing() as tx:
        partners.remove_category(tx, acme, vip)


def test_a_section_shows_its_children_and_a_partner_its_contacts(conn: sqlite3.Connection, writing: Writing) -> None:
    made(writing, conn, "section", name="South", parent="support")
    made(writing, conn, "section", name="North", parent="support")
    made(writing, conn, "partner", name="Acme")
    made(writing, conn, "contact", name="Joe Roe", partner="Acme", email="joe@acme.example")
    section = next(iter(record_list.one(conn, "section", 1).rows))
    assert [child["path"] for child in section["children"].rows] == ["Support / North", "Support / South"]
    partner = next(iter(record_list.one(conn, "partner", 1).rows))
    assert [contact["email"] for contact in partner["contacts"].rows] == ["joe@acme.example"]


def test_a_tree_stands_in_order_of_sequence_then_name(conn: sqlite3.Connection, writing: Writing) -> None:
    for name, texts in (
        ("b", {}),
        ("A", {}),
        ("late", {"sequence": "9"}),
        ("soon", {"sequence": "-9"}),
        ("below b", {"parent": "b"}),
    ):
        made(writing, conn, "section", name=name, **texts)
    ids = [row[0] for row in conn.execute("SELECT id FROM sections ORDER BY id DESC")]
    ordered = [row["path"] for row in rows(conn, "section", *record_list.tree_order(conn, "section", ids))]
    assert ordered == ["soon", "late", "A", "b", "b / below b", "Support"]


@pytest.mark.parametrize("noun", SIMPLE)
def test_every_noun_can_be_shown_whole_and_by_any_column(conn: sqlite3.Connection, noun: str) -> None:
    known = record_list.available(NOUNS[noun])
    assert set(NOUNS[noun].columns) <= set(known)
    assert list(record_list.result(conn, noun, [1]).shown) == list(NOUNS[noun].columns)
    for name in known:
        assert all(set(row) == {name} for row in record_list.result(conn, noun, [1], names=[name]).rows)


def test_ids_keep_the_order_they_are_given_in(conn: sqlite3.Connection) -> None:
    assert [row["name"] for row in rows(conn, "mood", 3, 1, 5)] == ["Normal", "Fury", "Very Happy"]
