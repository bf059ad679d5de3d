"""crm partner merge: all that hangs on one partner goes to the other, as one step that can be taken back."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import db, journal, partner_merge, undo
from crmcli.model import Origin
from tests.cli.world import NOW, Crm, a_case, a_partner, dump, put, row, rows, set_, write

AT = "2026-02-01T09:00:00Z"
MAIL = b"From: Joe Roe <joe@acme.example>\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n\nIt leaks.\n"


@pytest.fixture(name="two")
def _two(conn: sqlite3.Connection) -> tuple[int, int]:
    """Acme, with all that can hang on a partner, and Beta, which has some of the same."""
    acme, beta = a_partner(conn), a_partner(conn, "Beta", "ada@beta.example")
    set_(conn, "partners", acme, ref="A1", website="acme.example", comment="good", supplier=1)
    set_(conn, "partners", beta, website="beta.example")
    for name in ("VIP", "Gold"):
        put(conn, "partner_categories", name=name)
    for partner_id, category_id, origin in (
        (acme, 1, "manual"),
        (acme, 2, "manual"),
        (beta, 2, "manual"),
        (acme, 2, "1"),
        (beta, 2, "1"),
    ):
        put(conn, "partner_category_members", partner_id=partner_id, category_id=category_id, origin=origin, since=AT)
    for name, category_id in (("Big", 2), ("Small", 1)):
        put(conn, "segments", name=name, category_id=category_id)
    for partner_id, segment_id in ((acme, 1), (beta, 1), (acme, 2)):
        put(conn, "segment_members", partner_id=partner_id, segment_id=segment_id, entered_at=AT)
        put(conn, "segment_pins", partner_id=partner_id, segment_id=segment_id, kind="pin" if partner_id == acme else "ban")
    a_case(conn, partner_id=acme, contact_id=1)
    a_case(conn, partner_id=beta, ref=f"partner:{acme}", ref2="case:1")
    put(conn, "events", name="Visit", partner_id=acme, at=AT, document=f"partner:{acme}")
    put(conn, "amounts", partner_id=acme, at=AT, kind="sale", amount=12050)
    put(conn, "partners", name="Acme North", parent_id=acme)
    put(conn, "rules", name="For Acme", partner_id=acme, effective_from=AT)
    return acme, beta


def pointing(conn: sqlite3.Connection, partner_id: int) -> list[str]:
    """Every column of every table that refers to a partner and holds this one."""
    found = []
    for (table,) in rows(conn, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        for key in rows(conn, f'PRAGMA foreign_key_list("{table}")'):
            if key[2] == "partners" and rows(conn, f'SELECT 1 FROM "{table}" WHERE "{key[3]}" = ?', partner_id):
                found.append(f"{table}.{key[3]}")
    return sorted(found)


def test_nothing_refers_to_the_one_that_is_gone(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    acme, beta = two
    assert pointing(conn, acme) == [
        "amounts.partner_id", "cases.partner_id", "contacts.partner_id", "events.partner_id",
        "partner_category_members.partner_id", "partners.parent_id", "rules.partner_id",
        "segment_members.partner_id", "segment_pins.partner_id",
    ]  # fmt: skip
    done = crm("partner", "merge", "acme", "Beta", "-y")
    assert (done.exit, done.out, done.err) == (0, f"{beta}\n", "")
    assert pointing(conn, acme) == []
    assert rows(conn, "SELECT partner_id, contact_id FROM cases ORDER BY id") == [(beta, 1), (beta, 2)]
    assert rows(conn, "SELECT ref, ref2 FROM cases WHERE id = 2") == [(f"partner:{beta}", "case:1")]
    assert rows(conn, "SELECT document FROM events") == [(f"partner:{beta}",)]
    assert rows(conn, "PRAGMA foreign_key_check") == []
    assert crm("verify").exit == 0


def test_what_both_have_is_had_once_and_the_one_that_stays_decides(
    crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]
) -> None:
    acme, beta = two
    crm("partner", "merge", str(acme), str(beta), "-y")
    members = rows(conn, "SELECT category_id, origin FROM partner_category_members WHERE partner_id = ? ORDER BY 1, 2", beta)
    assert members == [(1, "manual"), (2, "1"), (2, "manual")]
    assert rows(conn, "SELECT segment_id, kind FROM segment_pins ORDER BY 1") == [(1, "ban"), (2, "pin")]
    now = rows(conn, "SELECT segment_id FROM segment_members WHERE left_at IS NULL ORDER BY 1")
    assert now == [(1,), (2,)]
    assert rows(conn, "SELECT left_at, left_why FROM segment_members WHERE left_at NOT NULL") == [(NOW, "merged into Beta")]


def test_what_the_one_that_stays_lacks_it_takes_over(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    acme, beta = two
    shown = crm("partner", "merge", str(acme), str(beta), "-y", "-o", "json").json()
    assert (shown["id"], shown["ref"], shown["website"], shown["supplier"]) == (beta, "A1", "beta.example", True)
    gone = row(conn, "partners", acme)
    assert (gone["name"], gone["active"], gone["ref"], gone["website"]) == ("Acme", 0, None, "acme.example")
    assert gone["comment"] == f"good\nmerged into Beta (partner {beta})"
    assert set(crm("partner", "list", "-o", "ids").out.split()) == {str(beta), "3"}


def test_mail_from_the_people_of_the_one_finds_the_other(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    acme, beta = two
    crm("partner", "merge", str(acme), str(beta), "-y")
    assert crm("ingest", stdin=MAIL).exit == 0
    assert rows(conn, "SELECT partner_id, contact_id FROM cases ORDER BY id DESC LIMIT 1") == [(beta, 1)]


def test_one_undo_brings_all_back_and_redo_does_it_again(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    acme, beta = two
    before = undoable(conn)
    crm("partner", "merge", str(acme), str(beta), "-y")
    after = undoable(conn)
    assert after != before
    assert crm("undo").exit == 0
    assert undoable(conn) == before
    redone = crm("redo")
    assert redone.exit == 0
    assert redone.err.split(": ")[1].endswith(f"partner merge {acme} {beta} -y")
    assert undoable(conn) == after


def undoable(conn: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {table: found for table, found in dump(conn).items() if table in journal.UNDOABLE}


def test_it_asks_with_counts_and_a_dry_run_writes_nothing(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    before = dump(conn)
    asked = crm("partner", "merge", "Acme", "Beta")
    assert (asked.exit, asked.out) == (2, "")
    assert asked.err.startswith(
        "crm: merge Acme into Beta: 1 case, 1 contact, 1 event, 1 amount, 3 categories, 2 pins or bans, 1 partner below, 1 rule"
        " needs --yes"
    )
    rehearsed = crm("partner", "merge", "Acme", "Beta", "-n")
    assert rehearsed.exit == 0
    assert "these would be the changes" in rehearsed.err
    assert dump(conn) == before
    put(conn, "partners", name="Empty")
    assert "merge Empty into Beta: nothing hangs on it needs --yes" in crm("partner", "merge", "Empty", "Beta").err


def test_what_cannot_be_merged_is_refused(crm: Crm, conn: sqlite3.Connection, two: tuple[int, int]) -> None:
    north = put(conn, "partners", name="Acme West", parent_id=3)
    put(conn, "partners", name="Old", active=0)
    before = dump(conn)
    for words, code, message in (
        (("Acme", "acme"), 1, "Acme is one partner already"),
        (("Acme", "Acme North"), 1, "Acme North stands below Acme"),
        (("Acme", str(north)), 1, "Acme West stands below Acme (first: crm partner edit 4 --parent '')"),
        (("Acme", "Old"), 1, "Old is archived (crm partner unarchive 5)"),
        (("Acme", "Betta"), 3, "no partner Betta (nearest: Beta"),
        (("None", "Beta"), 3, "no partner None"),
    ):
        for more in (("-y",), ()):
            refused = crm("partner", "merge", *words, *more)
            assert (refused.exit, refused.out) == (code, ""), words
            assert refused.err.startswith(f"crm: {message}"), words
    assert dump(conn) == before
    assert crm("partner", "merge", "Acme North", "Acme", "-y").exit == 0
    assert crm("partner", "merge", "Old", "Acme", "-y").exit == 0


LINKS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.booleans()), max_size=8)


@given(members=LINKS, pins=LINKS)
@settings(max_examples=60)
def test_random_memberships_add_up_and_come_back(conn: sqlite3.Connection, members: list, pins: list) -> None:
    """Beta is then in what either was in, and its own pins win; undone, all is as before."""
    if not rows(conn, "SELECT 1 FROM partners"):
        for name in ("Acme", "Beta", "Third"):
            put(conn, "partners", name=name)
        for number in (1, 2, 3):
            put(conn, "partner_categories", name=f"c{number}")
            put(conn, "segments", name=f"s{number}", category_id=number)

    def work(tx: db.Tx) -> None:
        for table in ("partner_category_members", "segment_members", "segment_pins"):
            tx.run(f"DELETE FROM {table}")
        for partner_id, category_id, manual in dict.fromkeys(members):
            origin = "manual" if manual else str(category_id)
            tx.insert(
                "partner_category_members", {"partner_id": partner_id, "category_id": category_id, "origin": origin, "since": AT}
            )
            if not manual:
                tx.insert("segment_members", {"partner_id": partner_id, "segment_id": category_id, "entered_at": AT})
        for (partner_id, segment_id), pin in {(one, two): pin for one, two, pin in pins}.items():
            tx.insert("segment_pins", {"partner_id": partner_id, "segment_id": segment_id, "kind": "pin" if pin else "ban"})

    write(conn, work)
    before = undoable(conn)
    with db.write(conn, Origin(NOW, 1, "cli", "merge")) as tx:
        partner_merge.merge(tx, 1, 2)
    wanted = {(category, "manual" if manual else str(category)) for who, category, manual in members if who in (1, 2)}
    assert set(rows(conn, "SELECT category_id, origin FROM partner_category_members WHERE partner_id = 2")) == wanted
    expected = {two: pin for one, two, pin in pins if one == 1} | {two: pin for one, two, pin in pins if one == 2}
    assert {
        two: kind == "pin" for two, kind in rows(conn, "SELECT segment_id, kind FROM segment_pins WHERE partner_id = 2")
    } == expected
    assert pointing(conn, 1) == []
    with db.write(conn, Origin(NOW, 1, "undo", "undo")) as back:
        undo.undo(back, tx.step)
    assert undoable(conn) == before
