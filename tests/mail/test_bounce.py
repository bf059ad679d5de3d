"""Bounces: who was not reached, for how long, and which mail of ours it was (RFC 3464)."""

from __future__ import annotations

from crmcli.mail import bounce
from crmcli.mail.bounce import Failure
from crmcli.mail.parse import parse

REPORT = """\
From: MAILER-DAEMON@mx.example
Subject: Delivery Status Notification
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r

It did not work.
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

{fields}
--r
Content-Type: message/rfc822

Message-ID: <new@us.example>
References: <first@us.example>
 <second@us.example>
Subject: Printer

Dear Joe
--r--
"""


def read(fields: str) -> bounce.Bounce:
    """The bounce whose report has these fields."""
    raw = REPORT.format(fields=fields).encode()
    return bounce.read(raw, parse(raw))


def test_a_report_names_recipient_action_status_and_reason() -> None:
    """And the returned mail its ids."""
    found = read(
        "Final-Recipient: rfc822;Joe@X.example\nAction: Failed\nStatus: 5.1.1 (bad)\nDiagnostic-Code: smtp; 550 no\n such user"
    )
    assert found.recipients == (Failure("Joe@x.example", "failed", "5.1.1", "smtp; 550 no such user"),)
    assert found.recipients[0].permanent
    assert found.ids == ("new@us.example", "first@us.example", "second@us.example")


def test_each_recipient_is_told_once() -> None:
    """In the order of the report; the address that we wrote to before the one it became."""
    found = read(
        "Original-Recipient: rfc822; a@x.example\nFinal-Recipient: rfc822; z@y.example\nAction: delayed\nStatus: 4.4.1\n\n"
        "Final-Recipient: rfc822; <b@x.example>\nAction: failed\nStatus: 5.2.2\n\n"
        "Final-Recipient: rfc822; <b@x.example>\nAction: failed\nStatus: 5.2.2\n\n"
        "Final-Recipient: x400; /C=DE/\nAction: failed"
    )
    assert [failure[:3] for failure in found.recipients] == [
        ("a@x.example", "delayed", "4.4.1"),
        ("b@x.example", "failed", "5.2.2"),
    ]
    assert [failure.permanent for failure in found.recipients] == [False, True]


def test_a_missing_status_is_read_from_the_reason() -> None:
    """Its enhanced code, its reply code, else the action."""
    cases = {
        "Action: failed\nDiagnostic-Code: smtp; 452 4.2.2 full": "4.2.2",
        "Action: failed\nDiagnostic-Code: smtp; 550 unknown": "5.0.0",
        "Action: failed": "5.0.0",
        "Action: delayed": "4.0.0",
        "Action: relayed": "2.0.0",
        "Action: error": "5.0.0",
    }
    for fields, status in cases.items():
        assert read(f"Final-Recipient: rfc822; a@x.example\n{fields}").recipients[0].status == status


def test_bounces_of_no_standard_are_guessed() -> None:
    """By flufl.bounce; the ids stand in the text."""
    raw = b"""From: MAILER-DAEMON@mail.example
Subject: failure notice

Hi. This is the qmail-send program at mail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<joe@x.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 unknown

--- Below this line is a copy of the message.

Message-ID: <new@us.example>
"""
    found = bounce.read(raw, parse(raw))
    assert [failure[:3] for failure in found.recipients] == [("joe@x.example", "failed", "5.1.1")]
    assert found.ids == ("new@us.example",)


def test_what_is_no_bounce_says_nothing() -> None:
    """Neither does one that cannot be read."""
    for raw in (b"Subject: hi\n\nhello", b"", b"Content-Type: message/rfc822\n\n" * 1000):
        assert bounce.read(raw, parse(raw)).recipients == ()
