"""Mails that a person takes out of triage: where they go, who hears of it, and what is never done (mail.md §2, §4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

import pytest

from crmcli import cases, messages
from crmcli.errors import Refused
from crmcli.model import Act, Add, Delete, Edit
from tests.conftest import Run
from tests.mail.post import count, do, later, letter, one, out, post, said, setting, store

Crm: TypeAlias = Callable[..., Run]

ROBOT = letter("Robots.\n", list_id="<all.example>", message_id="<robot@acme.example>")


@pytest.fixture(name="sale")
def _sale(conn: sqlite3.Connection) -> int:
    user_id = store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    return store(conn, "sections", name="Sales", code="sale", reply_to="sale@us.example", user_id=user_id)


@pytest.fixture(name="poison")
def _poison(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A mail that cannot be read, in triage."""
    monkeypatch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
    assert post(conn, letter(), sender="joe@acme.example").state == "triage"
    return letter()


def refuse(why: str) -> None:
    raise Refused(why)


def in_triage(crm: Crm) -> list[int]:
    return [row["id"] for row in crm("mail", "triage", "list", "-o", "json").json()]


def test_a_robots_mail_becomes_a_case_of_a_section_and_thanks_nobody(crm: Crm, conn: sqlite3.Connection, sale: int) -> None:
    post(conn, ROBOT)
    assert crm("mail", "triage", "accept", "1", "--section", "sale") == (0, "1\n", "")
    case = cases.get(conn, 1)
    assert (case.name, case.state, case.section_id, case.user_id, case.created_by) == ("Pump", "draft", 2, 2, "mail")
    assert (case.email_from, case.contact_id) == ("joe@acme.example", None)
    assert said(conn, 1) == [("in", "joe@acme.example", "Robots.")]
    assert [(mail["To"], mail["Subject"]) for mail in out(conn)] == [('"Bob" <bob@us.example>', "[1] Pump")]
    found = conn.execute("SELECT state, case_id, reason FROM deliveries").fetchone()
    assert tuple(found) == ("done", 1, "accepted: quiet mail: bulk")
    assert in_triage(crm) == []


def test_without_a_place_it_goes_where_it_would_go_by_itself(crm: Crm, conn: sqlite3.Connection, sale: int) -> None:
    post(conn, letter("Robots.\n", list_id="<all.example>", to="sale@us.example"))
    assert crm("mail", "triage", "accept", "1", "-o", "json").json()["section"] == "Sales"
    first = post(conn, letter("Help!\n", message_id="<help@acme.example>", to="sale@us.example"))
    answer = letter("Robots.\n", list_id="<all.example>", references="<help@acme.example>", message_id="<2@acme.example>")
    post(conn, answer, sender="robot@acme.example")
    do(conn, Delete(first.case_id or 0))
    assert crm("mail", "triage", "accept", "2").out == "3\n"
    assert cases.get(conn, 3).section_id == 2


def test_into_a_case_a_robots_mail_changes_nothing_but_what_was_said(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    do(conn, Act(1, "open"), Act(1, "close"), Edit(1, {"email_cc": "sue@acme.example"}))
    before, mails = cases.get(conn, 1), len(out(conn))
    post(conn, ROBOT)
    assert crm("mail", "triage", "accept", "2", "--case", "1", now=later(1)) == (0, "1\n", "")
    assert cases.get(conn, 1) == before
    assert said(conn, 1)[-1] == ("in", "joe@acme.example", "Robots.")
    assert [mail["To"] for mail in out(conn)[mails:]] == ['"Ann Lee" <ann@us.example>']


def test_a_persons_mail_opens_the_case_that_it_is_put_into(crm: Crm, conn: sqlite3.Connection, poison: bytes) -> None:
    case_id = do(conn, Add({"name": "Pump", "section_id": 1, "email_from": "sue@else.example"})).case_id
    do(conn, Act(case_id, "cancel"))
    assert crm("mail", "triage", "accept", "1", "--case", "1", now=later(300)).exit == 0
    assert cases.get(conn, 1).state == "open"
    assert "stranger" not in one(conn, "SELECT marks FROM messages")
    assert out(conn, "thanks") == []


def test_mail_that_cannot_be_read_is_taken_with_its_headers_and_bytes(
    crm: Crm, conn: sqlite3.Connection, poison: bytes
) -> None:  # fmt: skip
    assert crm("mail", "triage", "accept", "1", "--section", "support") == (0, "1\n", "")
    case = cases.get(conn, 1)
    assert (case.name, case.email_from) == ("Pump", "joe@acme.example")
    assert said(conn, 1) == [("in", "joe@acme.example", "It broke.")]
    assert [row["name"] for row in crm("case", "files", "1", "-o", "json").json()] == ["message.eml"]
    assert messages.raw(conn, 1) == poison
    assert [mail["To"] for mail in out(conn, "thanks")] == ['"joe@acme.example" <joe@acme.example>']


def test_a_robots_mail_that_cannot_be_read_is_a_robots_mail(
    crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
    post(conn, ROBOT, sender="joe@acme.example")
    assert crm("mail", "triage", "accept", "1").exit == 0
    assert (out(conn, "thanks"), len(out(conn, "forward"))) == ([], 1)


def test_mail_that_is_too_large_is_taken_with_all_its_bytes(crm: Crm, conn: sqlite3.Connection) -> None:
    raw = letter("x" * 5000)
    crm("ingest", "--max-bytes", "2000", stdin=raw)
    assert crm("mail", "triage", "accept", "1").out == "1\n"
    assert crm("case", "files", "1", "-o", "json").json() == [
        {**crm("case", "files", "1", "-o", "json").json()[0], "name": "message.eml", "type": "message/rfc822", "size": len(raw)}
    ]
    assert one(conn, "SELECT bytes FROM blobs") == raw
    assert "message.eml" not in [part.get_filename() for part in out(conn, "forward")[0].walk()]


def test_old_mail_read_in_bulk_thanks_nobody_even_when_it_is_taken_later(
    crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
    post(conn, letter(), history=True)
    assert crm("mail", "triage", "accept", "1").exit == 0
    assert (out(conn, "thanks"), len(out(conn, "forward"))) == ([], 1)


def test_mail_that_only_says_that_it_is_ours_stays_that(
    crm: Crm, conn: sqlite3.Connection, sale: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    setting(conn, "authserv_id", "mx.us.example")
    people = {"email_from": "joe@acme.example", "email_cc": "sue@acme.example"}
    case_id = do(conn, Add({"name": "Pump", "section_id": 1, **people})).case_id
    with monkeypatch.context() as patch:
        patch.setattr("crmcli.mail.effects.execute", lambda *given, **named: refuse("no more cases today"))
        assert post(conn, letter(from_="Bob <bob@us.example>")).state == "triage"
    assert crm("mail", "triage", "accept", "1", "--case", str(case_id)).exit == 0
    assert [mail["To"] for mail in out(conn)] == ['"Ann Lee" <ann@us.example>']
    assert said(conn, case_id) == [("in", "bob@us.example", "It broke.")]


def test_a_mail_without_a_section_leaves_triage_where_it_is_or_for_another_section(
    crm: Crm, conn: sqlite3.Connection, sale: int
) -> None:  # fmt: skip
    assert post(conn, letter(to="x@else.example")).state == "triage"
    post(conn, letter("Two.\n", to="x@else.example"))
    assert crm("mail", "triage", "accept", "1") == (0, "1\n", "")
    refused = crm("mail", "triage", "accept", "2", "--case", "1")
    assert (refused.exit, "crm case merge 2 --into 1" in refused.err) == (1, True)
    assert crm("mail", "triage", "accept", "2", "--section", "sale") == (0, "2\n", "")
    assert [(cases.get(conn, number).section_id, cases.get(conn, number).user_id) for number in (1, 2)] == [(1, 1), (2, 2)]
    assert (len(said(conn, 2)), in_triage(crm)) == (1, [])


def test_a_case_that_was_merged_is_followed(crm: Crm, conn: sqlite3.Connection) -> None:
    for number in range(2):
        post(conn, letter(f"Words {number}.\n"))
    assert crm("case", "merge", "1", "--into", "2", "-y").exit == 0
    post(conn, ROBOT)
    assert crm("mail", "triage", "accept", "3", "--case", "1").out == "2\n"


def test_whoever_was_told_of_a_mail_is_not_told_again(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    do(conn, Delete(1))
    before = [mail["Message-ID"] for mail in out(conn)]
    assert crm("mail", "triage", "accept", "1").out == "2\n"
    assert [mail["Message-ID"] for mail in out(conn)] == before
    assert said(conn, 2) == [("in", "joe@acme.example", "It broke.")]


def test_what_is_mistaken_is_refused_and_nothing_is_done(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    post(conn, ROBOT)
    for argv, code in (
        (("1",), 1), (("9",), 3), (("2", "--case", "9"), 3), (("2", "--section", "none"), 3),
        (("2", "--case", "1", "--section", "support"), 2),
    ):  # fmt: skip
        assert crm("mail", "triage", "accept", *argv).exit == code, argv
    assert crm("mail", "triage", "accept", "2", "-n").exit == 0
    assert (in_triage(crm), count(conn, "cases")) == ([2], 1)


def test_it_is_one_step_of_the_persons_and_what_is_undone_waits_in_triage_again(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, ROBOT)
    crm("mail", "triage", "accept", "1", "--section", "support", "--reason", "Joe rang")
    row = conn.execute("SELECT user_id, source, reason FROM change_sets ORDER BY id DESC").fetchone()
    assert tuple(row) == (1, "cli", "Joe rang")
    assert crm("undo").exit == 0
    assert (count(conn, "cases"), in_triage(crm)) == (0, [1])
    assert {row[0] for row in conn.execute("SELECT state FROM outbox")} == {"failed"}
    assert crm("redo").exit == 0
    assert (count(conn, "cases"), in_triage(crm)) == (1, [])
    assert one(conn, "SELECT case_id FROM deliveries") == 1
    assert crm("verify").exit == 0


def test_what_was_undone_is_not_done_again_once_the_mail_went_elsewhere(crm: Crm, conn: sqlite3.Connection) -> None:
    """Else it would stand in two cases, and be told twice."""
    post(conn, letter(precedence="bulk"))
    for words in (("mail", "triage", "accept", "1"), ("undo", "-y"), ("mail", "triage", "accept", "1")):
        assert crm(*words).exit == 0
    again = crm("redo", "-y")
    assert (again.exit, "mail triage accept 1" in again.err) == (4, True)
    assert (count(conn, "cases"), count(conn, "case_history")) == (1, 1)


def test_a_refusal_that_is_undone_waits_in_triage_again(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, ROBOT)
    crm("mail", "triage", "reject", "1")
    assert (crm("mail", "triage", "reject", "1").exit, crm("mail", "triage", "reject", "2").exit) == (1, 3)
    assert (in_triage(crm), crm("undo").exit, in_triage(crm)) == ([], 0, [1])
    assert (crm("redo").exit, in_triage(crm)) == (0, [])
