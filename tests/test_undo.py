"""crm undo and redo: which step is meant, and what is in the way (cli.md §4)."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.world import Crm, dump, rows


def newest(conn: sqlite3.Connection) -> int:
    """The newest step of the journal."""
    return int(conn.execute("SELECT max(step) FROM change_sets").fetchone()[0])


def test_what_cannot_be_taken_back_is_passed_over_and_refused_by_its_number(crm: Crm, conn: sqlite3.Connection) -> None:
    """An address that was suspended: the journal keeps it, undo does not touch it."""
    crm("case", "add", "Pump")
    crm("mail", "address", "suspend", "gone@x.example")
    before = dump(conn)
    done = crm("undo", str(newest(conn)))
    assert (done.exit, done.out) == (1, "")
    assert done.err == f"crm: step {newest(conn)} changed nothing that can be taken back (crm changes --step {newest(conn)})\n"
    assert dump(conn) == before
    assert "case add Pump" in crm("undo").err
    assert rows(conn, "SELECT count(*) FROM cases") == [(0,)]
    assert crm("redo").exit == 0
    assert rows(conn, "SELECT name FROM cases") == [("Pump",)]


def test_where_there_is_nothing_to_undo_that_is_said(crm: Crm) -> None:
    """Of one's own commands, and of runs."""
    crm("mail", "address", "suspend", "gone@x.example")
    assert crm("undo").err == "crm: there is nothing to undo (crm changes)\n"
    assert crm("undo", "run").exit == 3


@pytest.mark.parametrize(
    ("first", "later", "place"),
    [
        ("case add Pump", "case note 1 called", "case_log 1 on cases 1"),
        ("case add Pump", "event add Visit --partner Acme --case 1", "events 2 on cases 1"),
        ("section add Field", "section views Field --only All", "views 1 on sections 2"),
        ("section add Field", "user edit ann --section Field", "users 1 on sections 2"),
        ("section add Field", "section add Below --parent Field", "sections 3 on sections 2"),
        ("user add bob", "partner edit Acme --user bob", "partners 1 on users 2"),
        ("channel add pigeon", "case add Pump --channel pigeon", "cases 1 on channels"),
        ("partner category add VIP", "partner edit Acme --add-category VIP", "partner_category_members 1 on partner_categories"),
        ("partner add Bolt", "rule add R --partner Bolt --set-priority 1", "rules 1 on partners 2"),
    ],
)
def test_what_was_hung_on_a_thing_later_keeps_it(first: str, later: str, place: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """Also where the schema would take it along or cut it off in silence: listed by step and command, and nothing is undone."""
    crm("partner", "add", "Acme")
    crm("event", "add", "Before", "--partner", "Acme")
    assert crm(*first.split()).exit == 0
    step = newest(conn)
    assert crm(*later.split()).exit == 0
    before = dump(conn)
    done = crm("undo", str(step))
    assert (done.exit, done.out) == (4, "")
    assert f"step {newest(conn)} (crm " in done.err
    assert f"{later}) put {place}" in done.err
    assert dump(conn) == before
    assert [crm("undo").exit, crm("undo").exit] == [0, 0]


def test_every_later_change_is_listed_once_and_nothing_half_undone(crm: Crm, conn: sqlite3.Connection) -> None:
    """An edit of two cases, of which later commands changed one each, in part."""
    for name in ("A", "B"):
        crm("case", "add", name)
    crm("case", "edit", "1", "2", "--priority", "1", "--planned-revenue", "5")
    step = newest(conn)
    crm("case", "edit", "1", "--priority", "2")
    crm("case", "edit", "2", "--name", "C")
    crm("case", "delete", "2")
    before = dump(conn)
    done = crm("undo", str(step))
    assert done.exit == 4
    assert [place in done.err for place in ("cases 1", "cases 2", "case edit 1 --priority 2)", "case delete 2)")] == [True] * 4
    assert dump(conn) == before
    crm("undo")
    crm("case", "edit", "1", "--priority", "1")
    assert crm("undo", str(step)).exit == 0  # what stands now is what the step left
    assert rows(conn, "SELECT priority, planned_revenue, name FROM cases ORDER BY id") == [(3, None, "A"), (3, None, "C")]


def test_a_new_thing_that_was_filled_in_later_stays(crm: Crm, conn: sqlite3.Connection) -> None:
    """A field that was empty when it was made counts as well."""
    crm("case", "add", "Pump")
    step = newest(conn)
    crm("case", "edit", "1", "--deadline", "2026-04-01")
    done = crm("undo", str(step))
    assert (done.exit, "case edit 1 --deadline 2026-04-01) changed cases 1" in done.err) == (4, True)
    assert rows(conn, "SELECT name FROM cases") == [("Pump",)]


def test_a_state_that_somebody_else_has_taken_over_is_not_undone(crm: Crm, conn: sqlite3.Connection) -> None:
    """The time that the case spent in it has gone on under another name."""
    crm("user", "add", "bob")
    crm("case", "add", "Pump")
    crm("case", "open", "1")
    step = newest(conn)
    crm("case", "edit", "1", "--user", "bob")
    crm("case", "edit", "1", "--user", "ann")
    before = dump(conn)
    done = crm("undo", str(step))
    assert (done.exit, "in the way" in done.err, "case_spans" in done.err) == (4, True, True)
    assert dump(conn) == before


@pytest.mark.parametrize("words", [("delete", "1", "-y"), ("merge", "1", "--into", "2")])
def test_mails_that_went_out_belong_to_their_case_again(words: tuple[str, ...], crm: Crm, conn: sqlite3.Connection) -> None:
    for number in (1, 2):
        text = f"From: joe@acme.example\nTo: support@us.example\nMessage-ID: <{number}@acme.example>\n\nIt broke.\n"
        assert crm("ingest", stdin=text.encode()).exit == 0
    whose = "SELECT id, case_id FROM outbox ORDER BY id"
    before = rows(conn, whose)
    assert crm("case", *words).exit == 0
    after = rows(conn, whose)
    assert after != before
    assert crm("undo").exit == 0
    assert rows(conn, whose) == before
    assert crm("redo").exit == 0
    assert rows(conn, whose) == after


def test_a_mails_case_that_stands_again_has_its_mails_again(crm: Crm, conn: sqlite3.Connection) -> None:
    assert crm("ingest", stdin=b"From: joe@acme.example\nTo: support@us.example\n\nIt broke.\n").exit == 0
    step = rows(conn, "SELECT max(step) FROM change_sets")[0][0]
    whose = "SELECT id, case_id, state FROM outbox ORDER BY id"
    before = rows(conn, whose)
    assert crm("undo", str(step)).exit == 0
    assert rows(conn, whose) != before
    assert crm("redo").exit == 0
    assert rows(conn, whose) == before
