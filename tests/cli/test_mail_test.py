"""crm mail test: where a mail would go, told by handing one in and taking it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NOW, Run
from tests.mail.post import count, letter, out, post, setting, store

Crm = Callable[..., Run]


def asked(crm: Crm, *words: str) -> dict[str, Any]:
    run = crm("mail", "test", *words, "-o", "json")
    assert run.exit == 0, run.err
    row: dict[str, Any] = run.json()
    return row


def test_a_section_by_its_address(crm: Crm) -> None:
    assert asked(crm, "support@us.example") == {
        "address": "support@us.example",
        "state": "done",
        "section": "Support",
        "why": "recipient support@us.example",
        "known": True,
        "case_id": None,
        "responsible": "ann",
        "told": ["ann@us.example"],
        "thanked": "yes",
        "reason": None,
        "transport": "none: mail waits",
        "suspended": None,
    }


def test_nothing_is_kept_and_asking_twice_tells_the_same(conn: sqlite3.Connection, crm: Crm) -> None:
    tables = ("cases", "messages", "deliveries", "raw_messages", "outbox", "contacts", "changes", "change_sets")
    before = [count(conn, table) for table in tables]
    assert asked(crm, "support@us.example") == asked(crm, "support@us.example")
    assert [count(conn, table) for table in tables] == before


def test_people_read_it_as_a_table(crm: Crm) -> None:
    shown = crm("mail", "test", "support@us.example", "-o", "table").out
    assert "recipient support@us.example" in shown
    assert "ann@us.example" in shown


def test_an_address_that_is_nobodys_waits_in_triage(crm: Crm) -> None:
    row = asked(crm, "nobody@us.example")
    assert (row["state"], row["known"], row["section"], row["why"]) == ("triage", False, "Support", "no section for it")


@pytest.mark.parametrize("address", ["support+x@us.example", "any+support@us.example", "SUPPORT@US.example"])
def test_other_ways_to_write_a_section(crm: Crm, address: str) -> None:
    row = asked(crm, address)
    assert (row["section"], row["known"], row["why"]) == ("Support", True, f"recipient {address}")


def test_a_signed_address_leads_to_its_case(conn: sqlite3.Connection, crm: Crm) -> None:
    post(conn, letter())
    row = asked(crm, str(out(conn, "thanks")[0]["Reply-To"]), "--from", "joe@acme.example")
    assert (row["case_id"], row["why"], row["thanked"], row["told"]) == (1, "it belongs to case 1", "no", ["ann@us.example"])


def test_rules_and_the_section_have_their_say(conn: sqlite3.Connection, crm: Crm) -> None:
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    store(conn, "sections", name="Sales", code="sale", reply_to="sales@us.example", parent_id=1, thanks=0)
    assert asked(crm, "sales@us.example")["told"] == []
    store(conn, "rules", name="To Bob", state_to="draft", set_user_id=2, effective_from=NOW)
    row = asked(crm, "sales@us.example")
    assert (row["section"], row["responsible"], row["told"], row["thanked"]) == (
        "Support / Sales",
        "bob",
        ["bob@us.example"],
        "no",
    )


def test_the_writer_counts(conn: sqlite3.Connection, crm: Crm) -> None:
    setting(conn, "limit_address_hour", "0")
    assert asked(crm, "support@us.example")["thanked"].startswith("held: too many")
    setting(conn, "limit_address_hour", "3")
    assert asked(crm, "support@us.example", "--from", "noreply@acme.example")["thanked"] == "no"
    robot = asked(crm, "support@us.example", "--from", "mailer-daemon@acme.example")
    assert (robot["state"], robot["told"]) == ("triage", [])


def test_the_transport_and_an_address_that_takes_no_mail_are_told(conn: sqlite3.Connection, crm: Crm, tmp_path: Path) -> None:
    crm("config", "set", "transport", f"maildir:{tmp_path}/sent")
    crm("mail", "address", "suspend", "joe@acme.example", "--why", "asked for it")
    row = asked(crm, "joe@acme.example")
    assert (row["transport"], row["suspended"]) == (f"maildir:{tmp_path}/sent", "suspended: asked for it")
    assert not (tmp_path / "sent").exists()
    (tmp_path / "sent").write_text("in the way")
    post(conn, letter())
    crm("mail", "send")
    assert "waits until 2026-03-02T09:01:00Z" in asked(crm, "support@us.example")["transport"]


def test_what_is_no_address_is_refused(crm: Crm) -> None:
    for words in (("",), ("support",), ("a@b\nBcc: x@y.example",), ("support@us.example", "--from", "joe")):
        assert crm("mail", "test", *words).exit == 2
