"""Mail that names one of us as its writer, and may not be ours: it may do nothing (mail.md §5)."""

from __future__ import annotations

import sqlite3

from tests.mail.post import count, letter, one, out, post, said, setting

RECEIVED = "from somewhere by mx.us.example; Mon, 02 Mar 2026 09:00:00 +0000"
PASS = "mx.us.example; dmarc=pass header.from=us.example"
MARKS = "SELECT marks FROM messages ORDER BY id DESC LIMIT 1"


def guarded(conn: sqlite3.Connection) -> None:
    setting(conn, "authserv_id", "mx.us.example")
    setting(conn, "our_hosts", "mx.us.example")


def test_a_forged_from_of_the_staff_is_marked_and_neither_thanked_nor_sent_on(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter())
    before = len(out(conn, to="joe@acme.example"))
    post(conn, letter("Pay here.\n", from_="ann@us.example", subject="Re: [1] Pump", received=RECEIVED))
    assert "possible-spoof" in one(conn, MARKS)
    assert len(out(conn, to="joe@acme.example")) == before
    assert not [row for row in said(conn, 1) if "Pay here." in row[2]]


def test_a_forged_from_of_our_domain_opens_an_unthanked_case(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter("Hello.\n", from_="boss@us.example", received=RECEIVED))
    assert "possible-spoof" in one(conn, MARKS)
    assert out(conn, to="boss@us.example") == []
    assert count(conn, "cases") == 1


def test_a_pass_written_below_our_received_is_forged(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter("Hello.\n", from_="ann@us.example", received=RECEIVED, authentication_results=PASS))
    assert "possible-spoof" in one(conn, MARKS)


def test_what_our_server_vouches_for_is_not_marked(conn: sqlite3.Connection) -> None:
    guarded(conn)
    raw = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode() + letter("Hello.\n", from_="ann@us.example")
    post(conn, raw)
    assert "spoof" not in (one(conn, MARKS) or "")


def test_nobody_else_and_no_site_without_the_setting_is_concerned(conn: sqlite3.Connection) -> None:
    post(conn, letter("Hello.\n", from_="ann@us.example"))
    assert "spoof" not in (one(conn, MARKS) or "")
    guarded(conn)
    post(conn, letter("Hello there.\n"))
    assert "spoof" not in (one(conn, MARKS) or "")
