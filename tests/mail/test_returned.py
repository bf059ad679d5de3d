"""Mails of ours that come back (mail.md §4)."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli.model import Edit
from tests.mail.post import count, do, letter, one, out, post

REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: {to}
Subject: Undelivered Mail
Message-ID: <{name}@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

I could not deliver it.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--x
Content-Type: message/rfc822

{returned}
--x--
"""


def bounce(conn: sqlite3.Connection, number: int, action: str = "failed", status: str = "5.1.1", **given: str) -> bytes:
    """A bounce of mail `number` of the outbox, to its envelope sender unless told otherwise."""
    row = conn.execute("SELECT * FROM outbox WHERE id = ?", (number,)).fetchone()
    values = {"to": row["envelope_from"], "recipient": row["recipient"], "returned": row["bytes"].decode(), "name": f"b{number}"}
    return REPORT.format(**{**values, "action": action, "status": status, **given}).encode()


@pytest.fixture(name="forwarded")
def _forwarded(conn: sqlite3.Connection) -> int:
    """Case 1 of joe's, watched by sue; joe answered, and the mail to sue is the number given."""
    post(conn, letter())
    do(conn, Edit(1, {"email_cc": "sue@acme.example"}))
    post(conn, letter("More.\n", in_reply_to=out(conn, "thanks")[0]["Message-ID"]))
    return int(one(conn, "SELECT id FROM outbox WHERE recipient = 'sue@acme.example'"))


def test_a_lasting_failure_marks_the_address_and_the_mail_and_tells_the_responsible(
    conn: sqlite3.Connection, forwarded: int
) -> None:  # fmt: skip
    taken = post(conn, bounce(conn, forwarded), sender="")
    assert (taken.state, taken.case_id) == ("done", 1)
    assert one(conn, "SELECT class FROM messages WHERE id = ?", taken.message_id) == "bounce"
    assert tuple(conn.execute("SELECT state, why FROM addresses WHERE address = 'sue@acme.example'").fetchone()) == (
        "hard", "5.1.1 smtp; 550 no such user",
    )  # fmt: skip
    assert one(conn, "SELECT state FROM outbox WHERE id = ?", forwarded) == "failed"
    assert [row[0] for row in conn.execute("SELECT recipient FROM outbox WHERE kind = 'rule'")] == ["ann@us.example"]
    assert count(conn, "case_history") == 2


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("failed", "4.2.2")])
def test_what_may_pass_is_recorded_and_tells_nobody(conn: sqlite3.Connection, forwarded: int, action: str, status: str) -> None:
    before = count(conn, "outbox")
    post(conn, bounce(conn, forwarded, action, status), sender="")
    assert one(conn, "SELECT state FROM addresses WHERE address = 'sue@acme.example'") == "soft"
    assert (count(conn, "outbox"), one(conn, "SELECT state FROM outbox WHERE id = ?", forwarded)) == (before, "queued")


def test_good_news_changes_nothing(conn: sqlite3.Connection, forwarded: int) -> None:
    post(conn, bounce(conn, forwarded, "relayed", "2.0.0"), sender="")
    assert count(conn, "addresses") == 0


def test_what_came_back_is_known_by_its_id_where_the_address_was_lost(conn: sqlite3.Connection, forwarded: int) -> None:
    taken = post(conn, bounce(conn, forwarded, to="support@us.example"), sender="")
    assert (taken.state, one(conn, "SELECT state FROM addresses")) == ("done", "hard")


def test_a_bounce_speaks_of_nobody_but_the_recipient_of_our_mail(conn: sqlite3.Connection, forwarded: int) -> None:
    post(conn, bounce(conn, forwarded, recipient="ann@us.example"), sender="")
    assert [tuple(row) for row in conn.execute("SELECT address, state FROM addresses")] == [("sue@acme.example", "hard")]


def test_a_bounce_of_nothing_of_ours_is_kept_and_changes_nothing(conn: sqlite3.Connection, forwarded: int) -> None:
    raw = bounce(conn, forwarded, to="support@us.example", returned="Message-ID: <other@x>\n\nx\n")
    taken = post(conn, raw, sender="")
    assert (taken.state, taken.reason, count(conn, "addresses")) == ("triage", "bounce", 0)


def test_the_responsible_whose_own_mail_came_back_is_not_told_there(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    number = one(conn, "SELECT id FROM outbox WHERE recipient = 'ann@us.example'")
    before = count(conn, "outbox")
    post(conn, bounce(conn, number), sender="")
    assert (count(conn, "outbox"), one(conn, "SELECT state FROM addresses")) == (before, "hard")


def test_an_answering_machine_at_the_bounce_address_is_no_bounce(conn: sqlite3.Connection, forwarded: int) -> None:
    row = conn.execute("SELECT envelope_from FROM outbox WHERE id = ?", (forwarded,)).fetchone()
    raw = letter("I am away.\n", from_="sue@acme.example", to=row[0], auto_submitted="auto-replied")
    taken = post(conn, raw, row[0], sender="")
    assert (taken.case_id, one(conn, "SELECT class FROM messages WHERE id = ?", taken.message_id)) == (1, "auto-reply")
    assert count(conn, "addresses") == 0


def test_a_bounce_that_follows_no_standard_is_known_at_the_bounce_address(conn: sqlite3.Connection, forwarded: int) -> None:
    row = conn.execute("SELECT envelope_from FROM outbox WHERE id = ?", (forwarded,)).fetchone()
    text = "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message.\n\n"
    text += "<sue@acme.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n"
    taken = post(conn, letter(text, from_="MAILER-DAEMON@mx.example", to=row[0], subject="failure notice"), row[0], sender="")
    assert (taken.state, one(conn, "SELECT state FROM addresses")) == ("done", "hard")


def test_mail_to_an_address_that_failed_waits(conn: sqlite3.Connection, forwarded: int) -> None:
    post(conn, bounce(conn, forwarded), sender="")
    post(conn, letter("Again.\n", in_reply_to=out(conn, "thanks")[0]["Message-ID"]))
    assert one(conn, "SELECT count(*) FROM outbox WHERE recipient = 'sue@acme.example'") == 1


QMAIL = """From: MAILER-DAEMON@mx.example
To: support@us.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<{recipient}>:
Remote host said: 550 5.1.1 no such user

--- Below this line is a copy of the message.

{returned}
"""


def test_a_bounce_of_no_standard_is_tied_by_the_id_of_the_mail_that_it_quotes(
    conn: sqlite3.Connection, forwarded: int
) -> None:  # fmt: skip
    """To the section's own address; a bounce of a mail that was never ours changes nothing."""
    row = conn.execute("SELECT recipient, message_id FROM outbox WHERE id = ?", (forwarded,)).fetchone()
    foreign = QMAIL.format(recipient=row["recipient"], returned="Message-ID: <x@us.example>\nSubject: Pump")
    taken = post(conn, foreign.encode())
    assert (taken.state, taken.case_id, count(conn, "addresses")) == ("triage", None, 0)
    taken = post(conn, QMAIL.format(recipient=row["recipient"], returned=f"Message-ID: {row['message_id']}").encode())
    assert (taken.state, taken.case_id) == ("done", 1)
    assert tuple(conn.execute("SELECT address, state FROM addresses").fetchone()) == ("sue@acme.example", "hard")
    assert one(conn, "SELECT state FROM outbox WHERE id = ?", forwarded) == "failed"
