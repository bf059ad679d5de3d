"""crm mail, through the entrance: what is listed, shown, sent, held and dropped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

Crm = Callable[..., Run]

MAIL = (
    b"From: Joe Roe <joe@acme.example>\nTo: support@us.example\nSubject: =?utf-8?q?P=C3=BCmp?=\nMessage-ID: <1@acme.example>\n"
    b"Date: Mon, 02 Mar 2026 08:59:00 +0000\nContent-Type: text/plain; charset=utf-8\n\nIt br\xc3\xb6ke.\n"
)


@pytest.fixture(name="came")
def _came(crm: Crm) -> Crm:
    """A mail has come in: a thank-you and a forward wait."""
    assert crm("ingest", "--sender", "joe@acme.example", "--recipient", "support@us.example", stdin=MAIL, user=None) == (
        0,
        "",
        "",
    )
    return crm


def test_the_outbox_lists_every_mail_with_the_keys_of_the_contract(came: Crm) -> None:
    """cli.md §2."""
    rows = came("mail", "outbox", "list", "-o", "json").json()
    keys = [
        "id",
        "kind",
        "case_id",
        "recipient",
        "envelope_from",
        "message_id",
        "subject",
        "state",
        "attempts",
        "next_at",
        "error",
    ]
    assert [list(row)[: len(keys)] for row in rows] == [keys, keys]
    assert [(row["kind"], row["recipient"], row["state"]) for row in rows] == [
        ("thanks", "joe@acme.example", "queued"),
        ("forward", "ann@us.example", "queued"),
    ]
    assert not rows[0]["envelope_from"]
    assert rows[1]["envelope_from"].startswith("support+b1-2-1-")


def test_the_outbox_can_be_narrowed_sorted_and_cut(came: Crm) -> None:
    """As other lists."""
    assert came("mail", "outbox", "list", "--sort", "-id", "--columns", "id,kind").out == "id\tkind\n2\tforward\n1\tthanks\n"
    assert came("mail", "outbox", "list", "--limit", "1", "-o", "ids").out == "1\n"
    assert came("mail", "outbox", "list", "--after", "1", "-o", "ids").out == "2\n"
    assert came("mail", "outbox", "list", "--state", "sent", "-o", "json").json() == []
    assert came("mail", "outbox", "list", "--case", "1", "-o", "ids").out == "1\n2\n"
    assert came("mail", "outbox", "list", "--case", "9", "-o", "json").json() == []
    wrong = came("mail", "outbox", "list", "--state", "lost")
    assert (wrong.exit, "queued" in wrong.err) == (2, True)


def test_one_mail_is_shown_with_headers_and_text(came: Crm) -> None:
    """Headers as pairs, decoded, in their order."""
    shown = came("mail", "outbox", "show", "1", "-o", "json").json()
    assert ["Subject", "[1] Pümp"] in shown["headers"]
    assert ["Auto-Submitted", "auto-replied"] in shown["headers"]
    assert ["In-Reply-To", "<1@acme.example>"] in shown["headers"]
    assert shown["headers"][0][0] == "From"
    assert "Pümp" in shown["text"]
    assert "bröke" not in shown["text"]
    assert "bröke" in came("mail", "outbox", "show", "2", "-o", "json").json()["text"]
    assert "Auto-Submitted: auto-replied" in came("mail", "outbox", "show", "1", "-o", "table").out
    assert came("mail", "outbox", "show", "9").exit == 3


def test_mail_is_sent_in_silence(came: Crm, tmp_path: Path) -> None:
    """For cron; with -v it counts; the second time there is nothing to do."""
    assert came("mail", "send") == (0, "", "")
    assert came("config", "set", "transport", f"maildir:{tmp_path}/sent").exit == 0
    assert came("mail", "send", "-n", "-o", "ids").out == "1\n2\n"
    assert not (tmp_path / "sent").exists()
    assert came("mail", "send") == (0, "", "")
    assert len(os.listdir(tmp_path / "sent" / "new")) == 2
    assert came("mail", "send", "-o", "json").json() == {"sent": 0, "failed": 0, "put_off": 0, "paused": None}
    assert {row["state"] for row in came("mail", "outbox", "list", "-o", "json").json()} == {"sent"}


def test_ingest_sends_at_once_where_there_is_a_transport(crm: Crm, tmp_path: Path) -> None:
    """After its commit."""
    crm("config", "set", "transport", f"maildir:{tmp_path}/sent")
    assert crm("ingest", "--sender", "joe@acme.example", stdin=MAIL, user=None) == (0, "", "")
    assert len(os.listdir(tmp_path / "sent" / "new")) == 2


def test_a_transport_that_does_not_work_is_told_by_status_and_tried_again_on_demand(came: Crm, tmp_path: Path) -> None:
    """Paused, not lost."""
    (tmp_path / "sent").write_text("in the way")
    came("config", "set", "transport", f"maildir:{tmp_path}/sent")
    assert "sent" in came("mail", "send", "-o", "json").json()["paused"]
    assert "mail waits until 2026-03-02T09:01:00Z" in came("status").err
    (tmp_path / "sent").unlink()
    assert came("mail", "send", "-o", "json").json()["sent"] == 0
    assert came("mail", "send", "--retry", "-o", "json").json()["sent"] == 2


def test_a_transport_that_makes_no_sense_is_an_error_of_configuration(came: Crm) -> None:
    """A person must act."""
    came("config", "set", "transport", "smtp://mail.us.example:nonsense")
    assert came("mail", "send").exit == 78


def test_a_password_in_the_transport_is_refused_and_not_kept(came: Crm) -> None:
    """It would stand in the journal for ever."""
    done = came("config", "set", "transport", "smtp://ann:tiger@mail.us.example")
    assert (done.exit, "tiger" in done.err) == (2, False)
    assert "tiger" not in came("changes", "-o", "json").out


def test_mails_can_be_held_let_go_dropped_and_sent_one_by_one(came: Crm, tmp_path: Path) -> None:
    """By number, range, list or standard input."""
    assert came("mail", "outbox", "hold", "1-2").out == "1\n2\n"
    came("config", "set", "transport", f"maildir:{tmp_path}/sent")
    assert came("mail", "send", "-o", "json").json()["sent"] == 0
    assert came("mail", "outbox", "retry", "-", stdin=b"1\n").exit == 0
    assert came("mail", "send", "-o", "json").json()["sent"] == 1
    assert came("mail", "outbox", "send", "2", "-n").out == "2\n"
    assert came("mail", "outbox", "show", "2", "-o", "json").json()["state"] == "held"
    assert came("mail", "outbox", "send", "2", "-o", "json").json()["state"] == "sent"
    refused = came("mail", "outbox", "drop", "1,2")
    assert (refused.exit, "sent" in refused.err) == (1, True)
    assert came("mail", "outbox", "drop", "7").exit == 3
    assert came("mail", "outbox", "drop", "x").exit == 2
    assert "cannot send mail 2: it is sent" in came("mail", "outbox", "send", "2").err
    assert "(empty) is no number of a mail" in came("mail", "outbox", "hold", "").err


def test_addresses_are_suspended_and_cleared(crm: Crm) -> None:
    """And the reply to one that is suspended waits where it is seen."""
    assert crm("mail", "address", "suspend", "joe@acme.example", "--why", "he asked").exit == 0
    listed = crm("mail", "address", "list", "-o", "json").json()
    assert [(row["address"], row["state"], row["why"]) for row in listed] == [("joe@acme.example", "suspended", "he asked")]
    assert crm("mail", "address", "clear", "joe@acme.example").exit == 0
    assert crm("mail", "address", "list", "--state", "suspended", "-o", "json").json() == []
    assert crm("mail", "address", "suspend", "nobody").exit == 2
    assert "(empty) is no mail address" in crm("mail", "address", "suspend", "").err


def test_what_came_in_is_listed_shown_explained_and_printed_byte_for_byte(came: Crm) -> None:
    """The other half of the noun."""
    assert [(row["id"], row["from"], row["subject"]) for row in came("mail", "list", "-o", "json").json()] == [
        (1, "joe@acme.example", "Pümp")
    ]
    assert came("mail", "show", "1", "-o", "json").json()["text"].strip() == "It bröke."
    assert came("mail", "explain", "1", "-o", "json").json()[0]["class"] == "human"
    assert came("mail", "raw", "1").out.encode() == MAIL


def test_nothing_is_sent_from_the_past(came: Crm, tmp_path: Path) -> None:
    """A look at how it was is only a look."""
    came("config", "set", "transport", f"maildir:{tmp_path}/sent")
    assert came("mail", "send", "--as-of", "2026-03-02").exit == 2
    assert not (tmp_path / "sent").exists()


def test_a_mail_that_cannot_leave_now_says_why(came: Crm, tmp_path: Path) -> None:
    """Without a transport it is busy; with one that does not work it stays queued."""
    assert came("mail", "outbox", "send", "1").exit == 75
    (tmp_path / "sent").write_text("in the way")
    came("config", "set", "transport", f"maildir:{tmp_path}/sent")
    assert "mail 1 was not sent" in came("mail", "outbox", "send", "1").err
    assert came("mail", "outbox", "show", "1", "-o", "json").json()["state"] == "queued"


def test_canned_replies_are_kept_under_mail(crm: Crm) -> None:
    """With the verbs of every noun."""
    assert crm("mail", "template", "add", "hello", "--text", "-", stdin=b"Dear friend,\n\nthank you.\n").exit == 0
    assert crm("mail", "template", "show", "hello", "-o", "json").json()["text"] == "Dear friend,\n\nthank you.\n"
    assert crm("mail", "template", "edit", "hello", "--text", "Dear all").exit == 0
    assert [row["name"] for row in json.loads(crm("mail", "template", "list", "-o", "json").out)] == ["hello"]
    assert crm("mail", "template", "add", "hello", "--text", "again").exit == 1
    assert crm("mail", "template", "delete", "hello").exit == 0
