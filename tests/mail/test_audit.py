"""Custody, looked at as a whole: nothing waits for ever, and everything can be accounted for (mail.md §2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

import pytest

from crmcli import deliveries
from crmcli.mail import ingest
from tests.conftest import Run
from tests.mail.post import count, later, letter, one, post

Crm: TypeAlias = Callable[..., Run]


def left_behind(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail in custody whose process failed."""
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "handle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            post(conn, letter())


def test_cron_finishes_what_was_left_behind(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(conn, monkeypatch)
    assert crm("run-rules").exit == 0
    assert count(conn, "cases") == 0
    after = later(1)
    assert deliveries.lapsed(conn, after, 1)
    done = crm("run-rules", now=after)
    assert (done.exit, done.out, done.err) == (0, "", "")
    assert (count(conn, "cases"), one(conn, "SELECT state FROM deliveries")) == (1, "done")


def test_a_rehearsal_of_cron_leaves_it_behind(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(conn, monkeypatch)
    crm("run-rules", "-n", now=later(1))
    assert one(conn, "SELECT state FROM deliveries") == "received"


def test_the_audit_accounts_for_every_mail(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    post(conn, letter("Robots.\n", list_id="<all.example>"))
    done = crm("mail", "audit", "-o", "json")
    assert done.exit == 0
    found = [(row["state"], row["class"], row["mails"]) for row in done.json()]
    assert found == [("done", "human", 1), ("triage", "bulk", 1)]


def test_the_audit_fails_where_a_mail_waits(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    left_behind(conn, monkeypatch)
    done = crm("mail", "audit")
    assert done.exit != 0
    assert "1 mails wait" in done.err


def test_a_mail_in_triage_is_listed_until_it_is_rejected(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter("Robots.\n", list_id="<all.example>"))
    assert [row["class"] for row in crm("mail", "triage", "list", "-o", "json").json()] == ["bulk"]
    assert crm("mail", "triage", "reject", "1").exit == 0
    assert crm("mail", "triage", "list", "-o", "json").json() == []
    assert (one(conn, "SELECT state FROM deliveries"), count(conn, "raw_messages")) == ("done", 1)
    again = crm("mail", "triage", "reject", "1")
    assert again.exit != 0
    assert "not in triage" in again.err
