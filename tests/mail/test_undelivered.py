"""Bounces that follow no standard are known by a title and something else; a title alone is a person's (mail.md §4)."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli.mail import undelivered
from crmcli.mail.classify import Kind, Known, classify
from crmcli.mail.parse import parse
from crmcli.mail.senders import is_daemon
from tests.mail.post import count, letter, out, post

TOLD = "Your message could not be delivered.\n\nFailed addresses follow:\n joe@x.example\nMessage text follows:\n\nHello.\n"
PART = "Content-Type: multipart/{}; boundary=b\n\n--b\n\n{}\n--b\nContent-Type: {}\n\nSubject: Pump\n\nHello.\n--b--\n"


def kind_of(headers: str, body: str = "Hello.\n", sender: str | None = None) -> Kind:
    """The class of a mail with these headers; body begins with the last of them where it has parts."""
    return classify(parse(f"{headers}\n{'' if body.startswith('Content-') else chr(10)}{body}".encode()), Known(sender=sender))


BOUNCES = [
    ("report of no type", "From: a@x.example", PART.format("report", "Sorry.", "text/plain"), None),
    ("mail server without envelope sender", "From: Postmaster <>\nSubject: Hello", "Sorry.\n", ""),
    ("mail server without envelope sender", "From: Mail Delivery Subsystem <a@x.example>\nReturn-Path: <>", "Sorry.\n", None),
    ("mail server with a bounce's title", "From: MAILER-DAEMON@x.example\nSubject: failure notice", "Sorry.\n", None),
    ("mail server with a bounce's title", "From: MDaemon@x.example\nSubject: Warning: joe@x.example - User unknown!", "", None),
    ("mail server with a bounce's title", "From: Mail.Delivery.System@x.example\nSubject: Message delayed", "Sorry.\n", None),
    ("bounce's title and the mail", "From: a@x.example\nSubject: Mail could not be delivered",
     PART.format("mixed", "The following mail could not be delivered.", "message/rfc822"), None),
    ("bounce's title and the mail", "From: a@x.example\nSubject: Unzustellbar: Pumpe",
     PART.format("mixed", "Die Nachricht wurde nicht zugestellt.", "text/rfc822-headers"), None),
    ("bounce's title and recipients", "From: gateway@x.example\nSubject: Delivery failure notification", TOLD, None),
    ("bounce's title and recipients", "Subject: Undeliverable: Pump", TOLD, None),
    ("bounce's title and recipients", "From: a@x.example\nPrecedence: bulk\nSubject: Non remis: Pompe", TOLD, None),
]  # fmt: skip


@pytest.mark.parametrize(("sign", "headers", "body", "sender"), BOUNCES)
def test_a_bounce_without_a_standard_is_known_by_two_things(sign: str, headers: str, body: str, sender: str | None) -> None:
    found = kind_of(headers, body, sender)
    assert found.name == "bounce"
    assert sign in found.evidence


def test_a_receipt_or_complaint_without_its_type_is_no_bounce() -> None:
    for kind, part in (("receipt", "disposition-notification"), ("feedback", "feedback-report")):
        assert kind_of("From: a@x.example", PART.format("report", "Read.", f"message/{part}")).name == kind


PEOPLE = [
    ("Mail delivery failed", "I get this for every mail that I send to you. Could you look into it?\n"),
    ("Undelivered Mail Returned to Sender", "My message could not be delivered to joe@x.example, what now?\n"),
    ("Delivery failed again", PART.format("mixed", "The parcel could not be delivered, see here.", "message/rfc822")),
    ("Fwd: Mail delivery failed", PART.format("mixed", "It could not be delivered, see below.", "message/rfc822")),
    ("Re: Undeliverable: Pump", "What is that?\n\n" + "".join(f"> {line}\n" for line in TOLD.splitlines())),
    ("Re: failure notice", "What is that?\n\nOn 2 Mar 2026 at 10:00 Ann Lee <ann@us.example> wrote:\n\n" + TOLD),
    ("Returned mail", PART.format("mixed", "Here is the one that I asked about.", "message/rfc822")),
    ("Pump", TOLD),
    ("Pump", PART.format("mixed", TOLD, "message/rfc822")),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "body"), PEOPLE)
def test_people_who_write_about_bounces_stay_people(subject: str, body: str) -> None:
    assert kind_of(f"From: Joe <joe@acme.example>\nSubject: {subject}", body) == Kind("human")


def test_mail_servers_are_told_by_address_or_name() -> None:
    servers = ["MAILER-DAEMON", "mailer-daemon@x.example", "Postmaster", "Mail Delivery System", "mail.delivery.system@x.example"]
    assert all(map(is_daemon, servers))
    assert not any(map(is_daemon, ["Joe", "daemon@x.example", "system@x.example", "postmaster.x@x.example", "@x", ""]))


def test_a_hostile_text_under_a_bounces_title_is_read_in_part() -> None:
    """What could cost seconds is not looked at: lines after ten thousand, and what is behind a thousand characters."""
    told = TOLD.partition("\n\n")[2]
    assert undelivered.names_recipients(parse(f"Subject: Undeliverable\n\n{told}".encode()))
    assert not undelivered.names_recipients(parse(b"Subject: Undeliverable\n\n.\n" + b"\n" * 10_001 + told.encode()))
    assert not undelivered.names_recipients(parse(f"Subject: Undeliverable\n\n{'x ' * 500}{told}".encode()))


def test_a_bounce_without_from_is_read_and_says_nothing_aside(
    conn: sqlite3.Connection, capfd: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """What a reader of bounces logs would reach the mail server by standard error, and be a failure to it."""
    taken = post(conn, letter(TOLD, from_="", subject="Undeliverable: Pump"))
    assert (taken.state, taken.reason, count(conn, "cases"), out(conn)) == ("triage", "bounce", 0, [])
    assert taken.decision is not None
    assert taken.decision["evidence"] == "bounce's title and recipients"
    assert capfd.readouterr() == ("", "")
