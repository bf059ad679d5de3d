"""A mail happens once, by whatever ways and in whatever state its copies come (mail.md §3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

import pytest

from crmcli import cases, deliveries, messages
from crmcli.model import Delete
from tests.conftest import NOW, Run
from tests.mail.post import count, do, later, letter, one, out, post, said, store

Crm: TypeAlias = Callable[..., Run]

WHOLE = b"""From: Joe Roe <joe@acme.example>
To: support@us.example
Subject: Pump
Message-ID: <file@acme.example>
Date: Mon, 02 Mar 2026 08:59:00 +0000
Content-Type: multipart/mixed; boundary=x

--x

It broke.
It smells.
--x
Content-Type: application/pdf; name=plan.pdf

PDF and more
--x
Content-Type: image/png; name=smell.png

PNG
--x--
"""
IN_TEXT = WHOLE[: WHOLE.index(b" smells")]
IN_FILE = WHOLE[: WHOLE.index(b" and more")]


@pytest.fixture(name="sale")
def _sale(conn: sqlite3.Connection) -> int:
    user_id = store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    return store(conn, "sections", name="Sales", code="sale", reply_to="sale@us.example", user_id=user_id)


def counts(conn: sqlite3.Connection) -> tuple[int, ...]:
    """Deliveries, raw mails, messages, cases, communications, thank-yous, forwards."""
    tables = [count(conn, table) for table in ("deliveries", "raw_messages", "messages", "cases", "case_history")]
    return (*tables, len(out(conn, "thanks")), len(out(conn, "forward")))


# A copy that was cut off -------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [IN_TEXT, IN_FILE, WHOLE[:-4]])
def test_the_whole_takes_the_place_of_what_came_cut_off(crm: Crm, conn: sqlite3.Connection, cut: bytes) -> None:
    first = post(conn, cut, sender="joe@acme.example")
    again = post(conn, WHOLE, sender="joe@acme.example", now=later(4.9))
    assert (again.case_id, again.message_id, again.state, again.repeat) == (1, first.message_id, "done", True)
    assert counts(conn) == (2, 2, 1, 1, 1, 1, 1)
    assert said(conn, 1) == [("in", "joe@acme.example", "It broke.\nIt smells.")]
    assert [row["name"] for row in crm("case", "files", "1", "-o", "json").json()] == ["plan.pdf", "smell.png"]
    assert "came-cut" in one(conn, "SELECT marks FROM messages").split()
    assert "truncated" not in one(conn, "SELECT marks FROM messages")
    kept = [deliveries.raw(conn, found.sha256) for found in deliveries.of_message(conn, 1)]
    assert (kept, messages.raw(conn, 1)) == ([cut, WHOLE], WHOLE)
    assert (crm("search", "smells", "-o", "ids").out, crm("verify").exit) == ("1\n", 0)


def test_a_copy_that_is_cut_off_after_the_whole_is_a_repeat(conn: sqlite3.Connection) -> None:
    post(conn, WHOLE, sender="joe@acme.example")
    again = post(conn, IN_TEXT, sender="joe@acme.example", now=later(1))
    assert (again.case_id, again.message_id, again.repeat, again.reason) == (
        1,
        1,
        True,
        "a copy of a mail that came before, cut off",
    )
    assert counts(conn) == (2, 2, 1, 1, 1, 1, 1)
    assert (said(conn, 1)[0][2], messages.raw(conn, 1)) == ("It broke.\nIt smells.", WHOLE)


def test_pieces_of_every_length_are_one_mail(conn: sqlite3.Connection) -> None:
    for raw in (IN_TEXT, IN_FILE, IN_TEXT[:-2], WHOLE, IN_FILE[:-1], WHOLE, IN_TEXT):
        post(conn, raw, sender="joe@acme.example")
    assert counts(conn) == (5, 5, 1, 1, 1, 1, 1)
    assert (said(conn, 1)[0][2], messages.raw(conn, 1)) == ("It broke.\nIt smells.", WHOLE)


@pytest.mark.parametrize(
    ("days", "sender", "route", "piece"),
    [
        (5.1, "joe@acme.example", "support@us.example", IN_TEXT),
        (1, "sue@acme.example", "support@us.example", IN_TEXT),
        (1, None, "support@us.example", IN_TEXT),
        (1, "", "support@us.example", IN_TEXT),
        (1, "joe@acme.example", "sale@us.example", IN_TEXT),
        (1, "joe@acme.example", "support@us.example", IN_TEXT.replace(b"broke", b"burns")),
        (1, "joe@acme.example", "support@us.example", IN_TEXT + b"!"),
        (1, "joe@acme.example", "support@us.example", WHOLE[: WHOLE.index(b"Message-ID")]),
    ],
)
def test_what_is_too_late_or_of_another_sender_or_way_or_no_beginning_is_another_mail(
    conn: sqlite3.Connection, sale: int, days: float, sender: str | None, route: str, piece: bytes
) -> None:
    post(conn, piece, route, sender=sender)
    again = post(conn, WHOLE, "support@us.example", sender="joe@acme.example", now=later(days))
    assert (again.repeat, count(conn, "messages")) == (False, 2)
    assert ("id-reused" in one(conn, "SELECT marks FROM messages WHERE id = 2")) == (b"Message-ID" in piece)


def test_a_copy_of_the_piece_by_another_way_is_known_after_the_whole_has_come(conn: sqlite3.Connection, sale: int) -> None:
    for raw in (IN_TEXT, WHOLE):
        post(conn, raw, "support@us.example", sender="joe@acme.example")
    again = post(conn, IN_TEXT, "sale@us.example", sender="joe@acme.example")
    assert (again.repeat, again.case_id, count(conn, "messages")) == (True, 1, 1)


def test_the_whole_of_a_robots_mail_joins_it_in_triage(conn: sqlite3.Connection) -> None:
    robot = b"List-Id: <x>\n" + WHOLE
    for raw in (robot[:-60], robot):
        assert post(conn, raw).state == "triage"
    assert (count(conn, "messages"), count(conn, "cases"), messages.raw(conn, 1)) == (1, 0, robot)


def test_a_piece_that_could_not_be_read_becomes_the_case_of_the_whole(
    conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
        assert post(conn, IN_FILE).state == "triage"
    assert post(conn, WHOLE).case_id == 1
    assert [tuple(row) for row in conn.execute("SELECT state, case_id FROM deliveries")] == [("done", 1)] * 2
    assert [row[0] for row in conn.execute("SELECT name FROM attachments")] == ["plan.pdf", "smell.png"]


def test_the_whole_of_a_mail_whose_case_was_deleted_is_heard_anew(conn: sqlite3.Connection) -> None:
    post(conn, IN_TEXT)
    do(conn, Delete(1))
    assert post(conn, WHOLE).case_id == 2
    assert (count(conn, "messages"), said(conn, 2)[0][2]) == (1, "It broke.\nIt smells.")


def test_the_whole_can_be_read_again(crm: Crm, conn: sqlite3.Connection) -> None:
    for raw in (IN_TEXT, WHOLE):
        post(conn, raw)
    assert crm("mail", "reprocess", "1").exit == 0
    assert (said(conn, 1)[0][2], messages.raw(conn, 1)) == ("It broke.\nIt smells.", WHOLE)
    assert one(conn, "SELECT marks FROM messages") == "came-cut"


# By other ways -----------------------------------------------------------------------------------------


def test_by_another_section_the_same_mail_is_a_further_delivery_that_its_responsible_watches(
    conn: sqlite3.Connection, sale: int
) -> None:  # fmt: skip
    post(conn, WHOLE, "support@us.example")
    again = post(conn, b"Received: by a list\n" + WHOLE.replace(b"\n", b"\r\n"), "sale@us.example", now=later(89))
    assert (again.repeat, again.message_id, again.case_id) == (True, 1, 1)
    assert counts(conn) == (2, 2, 1, 1, 1, 1, 1)
    case = cases.get(conn, 1)
    assert (case.section_id, case.user_id, case.email_cc) == (1, 1, "bob@us.example")


def test_what_a_list_sent_on_first_is_its_writers_once_it_comes_from_there(crm: Crm, conn: sqlite3.Connection, sale: int) -> None:
    raw = letter()
    by_list = b"List-Id: <all.acme.example>\n" + raw
    assert post(conn, by_list, "sale@us.example", sender="all@acme.example").state == "triage"
    assert post(conn, b"Precedence: list\n" + raw, "support@us.example", sender="all@acme.example").state == "triage"
    assert post(conn, raw, "support@us.example", sender="joe@acme.example").case_id == 1
    assert [tuple(row) for row in conn.execute("SELECT state, case_id FROM deliveries")] == [("done", 1)] * 3
    assert one(conn, "SELECT class FROM messages") == "human"
    assert counts(conn)[2:] == (1, 1, 1, 1, 1)
    assert post(conn, by_list, "support@us.example", sender="all@acme.example").case_id == 1
    assert crm("mail", "reprocess", "1").exit == 0
    assert counts(conn)[2:] == (1, 1, 1, 1, 1)


def test_what_a_list_sent_on_and_a_person_rejected_stays_rejected(crm: Crm, conn: sqlite3.Connection) -> None:
    raw = letter()
    post(conn, b"List-Id: <all.acme.example>\n" + raw, "support@us.example")
    assert crm("mail", "triage", "reject", "1").exit == 0
    assert post(conn, raw, "sale@us.example", sender="joe@acme.example").case_id is None


def test_the_same_words_in_another_transfer_encoding_are_the_same_mail(conn: sqlite3.Connection) -> None:
    post(conn, letter("Fünf.\n", message_id="<1@x>"), "a@us.example")
    other = letter("F=C3=BCnf.\n", message_id="<1@x>").replace(b"Encoding: 8bit", b"Encoding: quoted-printable")
    assert post(conn, other, "b@us.example").repeat
    assert (count(conn, "messages"), count(conn, "cases")) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [(b"It broke.", b"It burns."), (b"joe@acme", b"sue@acme"), (b"08:59", b"08:58"), (b"PDF and", b"PDF or"), (b"PNG", b"JPG")],
)
def test_the_same_id_with_other_content_is_a_new_mail_and_the_id_threads_no_more(
    conn: sqlite3.Connection, change: tuple[bytes, bytes]
) -> None:
    post(conn, WHOLE)
    answer = letter("More.\n", in_reply_to="<file@acme.example>", message_id="<2@acme.example>")
    assert post(conn, answer).case_id == 1
    again = post(conn, WHOLE.replace(*change))
    assert (again.repeat, again.case_id, count(conn, "messages")) == (False, 2, 3)
    assert "id-reused" in one(conn, "SELECT marks FROM messages WHERE id = 3")
    answer = letter("And more.\n", in_reply_to="<file@acme.example>", message_id="<3@acme.example>")
    assert post(conn, answer).case_id == 3


def test_without_an_id_the_content_alone_tells_copies(conn: sqlite3.Connection) -> None:
    bare = WHOLE.replace(b"Message-ID: <file@acme.example>\n", b"")
    post(conn, bare)
    assert post(conn, b"Received: by another way\n" + bare).repeat
    assert not post(conn, bare.replace(b"broke", b"burns")).repeat
    assert (count(conn, "messages"), count(conn, "cases")) == (2, 2)


def test_without_id_and_date_the_subject_counts_too(conn: sqlite3.Connection) -> None:
    """A script's mail may say nothing but that."""
    for subject in ("Disk a is full", "Disk b is full"):
        assert not post(conn, letter("", subject=subject, message_id="", date="")).repeat
    assert post(conn, b"Received: by another way\n" + letter("", subject="Disk b is full", message_id="", date="")).repeat
    assert count(conn, "cases") == 2


@pytest.mark.parametrize("empty", ["<>", "<  >", "   ", "none", "()"])
def test_empty_ids_never_match(conn: sqlite3.Connection, empty: str) -> None:
    for text in ("One.\n", "Two.\n"):
        post(conn, letter(text, message_id=empty, references=empty, in_reply_to=empty))
    assert (count(conn, "messages"), count(conn, "cases"), count(conn, "case_links")) == (2, 2, 0)
    assert not any("id-reused" in row[0] for row in conn.execute("SELECT marks FROM messages"))


def test_trace_headers_above_our_own_and_the_line_of_a_mailbox_do_not_make_another_mail(conn: sqlite3.Connection) -> None:
    post(conn, WHOLE, "support@us.example", sender="joe@acme.example")
    for top in (b"From joe Mon Mar  2 09:00:00 2026\n", b"Return-Path: <joe@acme.example>\nDelivered-To: support@us.example\n"):
        assert post(conn, top + WHOLE, "support@us.example", sender="joe@acme.example", now=later(400)).repeat
    assert counts(conn) == (1, 1, 1, 1, 1, 1, 1)
    assert one(conn, "SELECT received_at FROM deliveries") == NOW
