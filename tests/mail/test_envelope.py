"""Whom the mail server took a mail for, and from whom: options, environment, trace headers (mail.md §1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail.envelope import Envelope, Trace, completed, plus_part, told, trace

TOP = (
    b"Return-Path: <joe@acme.example>\nX-Original-To: support+x7@us.example\nDelivered-To:\n inbox@us.example\n"
    b"Received: from a by b\nDelivered-To: evil@else.example\nFrom: joe\n\nText\n"
)


@pytest.mark.parametrize(
    ("environ", "envelope"),
    [
        ({}, Envelope()),
        ({"SENDER": ""}, Envelope(sender="")),
        ({"SENDER": "<>"}, Envelope(sender="")),
        ({"SENDER": "MAILER-DAEMON"}, Envelope(sender="")),
        ({"SENDER": "#@[]"}, Envelope(sender="")),
        ({"SENDER": "root"}, Envelope(sender=None)),
        ({"SENDER": '"joe roe"@acme.example'}, Envelope(sender=None)),
        ({"SENDER": "joe@acme.example"}, Envelope(sender="joe@acme.example")),
        ({"RECIPIENT": "support@us.example"}, Envelope(("support@us.example",))),
        ({"ORIGINAL_RECIPIENT": "support+x7@us.example", "RECIPIENT": "crm@us.example"}, Envelope(("support+x7@us.example",))),
        ({"RECIPIENT": "support@us.example", "EXTENSION": "x7"}, Envelope(("support+x7@us.example",))),
        ({"RECIPIENT": "support+x7@us.example", "EXTENSION": "x7"}, Envelope(("support+x7@us.example",))),
        ({"RECIPIENT": "support@us.example", "LOCAL_PART_SUFFIX": "+x7"}, Envelope(("support+x7@us.example",))),
        ({"RECIPIENT": "support@us.example", "LOCAL_PART_SUFFIX": ""}, Envelope(("support@us.example",))),
        ({"RECIPIENT": "no address"}, Envelope()),
        ({"EXTENSION": "x7"}, Envelope()),
    ],
)
def test_the_environment_of_a_mail_server_is_read(environ: dict[str, str], envelope: Envelope) -> None:
    assert told("", (), None, environ) == envelope


def test_options_come_before_the_environment() -> None:
    environ = {"RECIPIENT": "support@us.example", "SENDER": "joe@acme.example"}
    found = told("sale", ("a@us.example", "<b@us.example>, a@us.example"), "", environ)
    assert found == Envelope(("a@us.example", "b@us.example"), "", "sale")


def test_the_headers_above_the_first_received_tell_what_nobody_told() -> None:
    assert completed(Envelope(), trace(TOP)) == Envelope(("support+x7@us.example",), "joe@acme.example")
    assert completed(Envelope(("x@us.example",), ""), trace(TOP)) == Envelope(("x@us.example",), "")
    assert completed(Envelope(section="sale"), trace(TOP)) == Envelope((), "joe@acme.example", "sale")


def test_headers_below_the_first_received_are_the_senders_words() -> None:
    assert trace(b"Received: x\n" + TOP) == Trace(0, ())


def test_exims_envelope_to_may_name_several() -> None:
    found = completed(Envelope(), trace(b"Envelope-to: a@us.example,\n b@us.example\nReceived: x\n\n"))
    assert found.recipients == ("a@us.example", "b@us.example")


@pytest.mark.parametrize(
    "top",
    [
        b"", b"From joe@acme.example Mon Mar  2 09:00:00 2026\n", b">From joe Mon\r\n", b"Return-Path: <joe@acme.example>\n",
        b"From joe Mon\nReturn-Path: <>\nX-Original-To: a@b.c\nDelivered-To: a@b.c\n", b"Delivered-To:\n\ta@b.c\n",
    ],
)  # fmt: skip
def test_copies_that_differ_in_their_top_have_the_same_core(top: bytes) -> None:
    mail = b"Received: from a by b\nFrom: joe@acme.example\n\nText\n"
    assert (top + mail)[trace(top + mail).start :] == mail


def test_the_route_tells_sections_and_recipients_apart() -> None:
    routes = {Envelope(section="A").route, Envelope(("a@b.c",)).route, Envelope(("d@b.c",)).route, Envelope().route}
    assert len(routes) == 4
    assert Envelope(("A@b.C",)).route == Envelope(("a@b.c",)).route


def test_the_plus_part_is_what_stands_behind_the_first_plus() -> None:
    assert [plus_part(text) for text in ("a+b@c", "a+b+c@d", "a@b", "a+@b", "")] == ["b", "b+c", "", "", ""]


PIECES = st.sampled_from([b"From ", b"Received:", b"Delivered-To: a@b", b"\n", b"\r", b" ", b":"])


@given(st.binary(max_size=400) | st.lists(PIECES).map(b"".join))
def test_whatever_comes_the_top_is_found_and_nothing_is_lost(raw: bytes) -> None:
    found = trace(raw)
    assert 0 <= found.start <= len(raw)
    completed(Envelope(), found)
