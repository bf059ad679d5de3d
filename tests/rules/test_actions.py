"""What rules do to a case, in order, and whom they tell."""

from __future__ import annotations

import sqlite3
from email import message_from_bytes
from typing import Any

from crmcli import db
from crmcli.model import Act, Note, Origin
from tests.rules.world import MONDAY, case, do, fired, rule, sql, value


def world(conn: sqlite3.Connection) -> None:
    """bob (2) answers for Service (2), above Support; Acme has a category, a contact and a manager."""
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("users", {"login": "bob", "email": "bob@us.example", "phone": "+49 30 1", "signature": "Bob, Service"})
        tx.insert("sections", {"name": "Service", "reply_to": "service@us.example", "user_id": 2})
        tx.run("UPDATE sections SET parent_id = 2 WHERE id = 1")
        tx.insert("categories", {"name": "Repair"})
        tx.insert("partners", {"name": "Acme"})
        tx.insert("contacts", {"partner_id": 1, "name": "Joe", "email": "joe@acme.example"})


def mails(conn: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Recipient and subject of each mail."""
    return sql(conn, "SELECT recipient, subject FROM outbox ORDER BY id")


def texts(conn: sqlite3.Connection) -> list[str]:
    """The bodies of the mails."""
    mails = [message_from_bytes(row[0]) for row in sql(conn, "SELECT bytes FROM outbox ORDER BY id")]
    return [mail.get_payload(decode=True).decode() for mail in mails]


def test_fields_are_set_before_the_verb_and_the_firing_is_the_last_action(conn: sqlite3.Connection) -> None:
    world(conn)
    values = {"set_section_id": 2, "set_user_id": 2, "set_priority": 1, "add_cc": "boss@us.example", "set_state": "open"}
    rule(conn, "Route", state_to="draft", **values)
    case_id = case(conn, user_id=None)
    row = conn.execute("SELECT * FROM cases WHERE id = ?", (case_id,)).fetchone()
    assert (row["section_id"], row["user_id"], row["priority"], row["state"]) == (2, 2, 1, "open")
    assert (row["email_cc"], row["last_action_at"]) == ("boss@us.example", MONDAY)
    assert sql(conn, "SELECT name, section_id, user_id, rule_id FROM case_log") == [("Open", 2, None, 1)]


def test_escalation_goes_up_from_the_section_that_the_rule_has_set(conn: sqlite3.Connection) -> None:
    world(conn)
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("sections", {"name": "Elsewhere", "user_id": 1})
        tx.insert("sections", {"name": "Below", "parent_id": 3})
    rule(conn, "Up", state_to="draft", set_section_id=4, set_state="escalate")
    case_id = case(conn)
    assert (value(conn, case_id, "section_id"), value(conn, case_id, "user_id")) == (3, 1)


def test_mail_goes_to_each_address_once_as_the_case_is_after_the_change(conn: sqlite3.Connection) -> None:
    world(conn)
    rule(
        conn, "Tell", state_to="open", set_user_id=2, add_cc="watch@x.example, JOE@acme.example",
        mail_user=1, mail_partner=1, mail_watchers=1, mail_to="bob@us.example, boss@us.example",
        mail_body="Now of %(case_user)s.",
    )  # fmt: skip
    case_id = case(conn, email_from="joe@acme.example")
    do(conn, MONDAY, Act(case_id, "open"))
    assert [recipient.lower() for recipient, _ in mails(conn)] == [
        "bob@us.example", "joe@acme.example", "watch@x.example", "boss@us.example",
    ]  # fmt: skip
    assert {subject for _, subject in mails(conn)} == {f"[{case_id}] Pump broken"}
    assert all("Now of bob." in text for text in texts(conn))


def test_without_a_body_or_without_a_recipient_there_is_no_mail(conn: sqlite3.Connection) -> None:
    rule(conn, "No body", state_to="draft", mail_user=1, go_on=1)
    rule(conn, "Nobody", state_to="draft", mail_partner=1, mail_watchers=1, mail_body="Hm.")
    case(conn)
    assert mails(conn) == []
    assert [name for name, _, _ in fired(conn)] == ["No body", "Nobody"]


def test_reminders_go_before_the_mail_with_the_newest_communication(conn: sqlite3.Connection) -> None:
    world(conn)
    case_id = case(conn, user_id=2, email_from="joe@acme.example", description="It broke.")
    do(conn, MONDAY, Note(case_id, "The pump leaks."))
    rule(conn, "Remind", state_to="open", remind_user=1, remind_partner=1, mail_user=1, mail_body="Hm.")
    do(conn, MONDAY, Act(case_id, "open"))
    assert mails(conn) == [
        ("bob@us.example", f"Reminder: [{case_id}] Pump broken"),
        ("joe@acme.example", f"Reminder: [{case_id}] Pump broken"),
        ("bob@us.example", f"[{case_id}] Pump broken"),
    ]
    assert ["The pump leaks." in text for text in texts(conn)] == [True, True, False]
    assert "Bob, Service" in texts(conn)[1]


def test_a_body_may_name_all_of_the_case(conn: sqlite3.Connection) -> None:
    from crmcli.rules.body import KEYS

    world(conn)
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("settings", {"key": "zone", "value": "Europe/Berlin"})
    body = "\n".join(f"{key}=%({key})s;" for key in KEYS)
    rule(conn, "All", state_to="open", mail_to="boss@us.example", mail_body=body)
    full = case(
        conn, partner_id=1, category_id=1, user_id=2, priority=1, description="It leaks.", deadline_at="2026-04-01T08:00:00Z"
    )  # fmt: skip
    do(conn, MONDAY, Note(full, "He called."), Act(full, "open"))
    bare = case(conn, user_id=None)
    do(conn, MONDAY, Act(bare, "open"), user_id=None)
    said, nothing = texts(conn)
    for line in (
        f"case_id={full};", "case_subject=Pump broken;", "case_date=2026-03-02 10:00;", "case_description=;", "case_user=bob;",
        "case_user_email=bob@us.example;", "case_user_phone=+49 30 1;", "email_from=joe@acme.example;", "partner=Acme;",
        "partner_email=joe@acme.example;", "section=Service / Support;", "category=Repair;", "state=open;", "priority=highest;",
        "deadline=2026-04-01 10:00;", "last_message=He called.;",
    ):  # fmt: skip
        assert line in said
    for line in ("case_user=/;", "case_user_email=/;", "case_user_phone=/;", "partner=/;", "partner_email=/;", "email_from=;",
                 "deadline=;", "category=;", "last_message=;"):  # fmt: skip
        assert line in nothing


def test_texts_of_the_case_are_neither_read_again_nor_templates(conn: sqlite3.Connection) -> None:
    rule(conn, "Tell", state_to="draft", mail_to="boss@us.example", mail_body="<%(case_subject)s>")
    case(conn, name="%(email_from)s {{ 7 * 7 }} %n")
    assert "<%(email_from)s {{ 7 * 7 }} %n>" in texts(conn)[0]
