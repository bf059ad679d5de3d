"""Who gets which mail about a case, from whom, with what proof; and that a rehearsal writes the same."""

from __future__ import annotations

import email
import email.policy
import sqlite3
from email.message import EmailMessage
from typing import Any

import pytest

from crmcli import cases, db, files, notify, outbox, settings
from crmcli.execute import execute
from crmcli.mail import sign
from crmcli.mail.sign import Proof
from crmcli.model import Act, Add, Attach, Hear, Mail, Mailed, Note, Origin, Outcome, Remind, Reply, Row

NOW = "2026-03-02T09:00:00Z"
BY_ANN = Origin(NOW, 1, "cli", "crm")
BY_MAIL = Origin(NOW, None, "mail", "crm ingest")
CASE = {"name": "Pump", "section_id": 1, "email_from": "joe@acme.example", "user_id": 1}


@pytest.fixture(name="conn")
def _conn(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Ann is responsible for Support; bob works here too; joe is a contact."""
    with db.write(conn, Origin(NOW, None, "system")) as tx:
        tx.insert("users", {"login": "bob", "name": "Bob", "email": "bob@us.example"})
        tx.insert("contacts", {"name": "Joe Roe", "email": "joe@acme.example"})
        tx.update("users", 1, {"signature": "Ann Lee\nSupport"})
    return conn


def do(conn: sqlite3.Connection, *commands: Any, origin: Origin = BY_ANN) -> Outcome:
    """Execute in one write."""
    with db.write(conn, origin) as tx:
        return execute(tx, *commands)


def new(conn: sqlite3.Connection, **values: Any) -> int:
    """A case of Joe's, with Ann responsible."""
    return do(conn, Add({**CASE, **values})).case_id


def came(conn: sqlite3.Connection, **values: Any) -> int:
    """A mail that came in → its id."""
    with db.write(conn, BY_MAIL) as tx:
        number = 1 + conn.execute("SELECT count(*) FROM messages").fetchone()[0]
        tx.insert("raw_messages", {"sha256": str(number), "size": 0, "bytes": b""})
        row = {
            "sha256": str(number),
            "size": 0,
            "message_id": f"{number}@acme.example",
            "content_key": str(number),
            "from": "joe@acme.example",
            "envelope_from": "joe@acme.example",
            "subject": "Pump",
            "received_at": NOW,
            "class": "human",
            **values,
        }
        return tx.insert("messages", row)


def mails(conn: sqlite3.Connection, outcome: Outcome | tuple[int, ...]) -> list[Row]:
    """Outbox rows, each with its parsed `mail`."""
    ids = outcome.outbox_ids if isinstance(outcome, Outcome) else outcome
    rows = [outbox.get(conn, outbox_id) for outbox_id in ids]
    return [{**row, "mail": email.message_from_bytes(row["bytes"], policy=email.policy.default)} for row in rows]


def proved(conn: sqlite3.Connection, text: str) -> list[Proof]:
    """What the tokens in a text prove."""
    return list(sign.proofs(text, outbox.keys(conn)))


def body(row: Row) -> str:
    """The text of a mail."""
    mail: EmailMessage = row["mail"]
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def hear(conn: sqlite3.Connection, case_id: int, message_id: int, author: str = "joe@acme.example", **more: Any) -> Outcome:
    """A mail of someone outside arrives in the case."""
    return do(conn, Hear(case_id, message_id, "It broke.", author, **more), origin=BY_MAIL)


# Reply -----------------------------------------------------------------------------------------------


def test_a_reply_goes_to_the_partner_and_to_each_watcher_in_a_mail_of_their_own(conn: sqlite3.Connection) -> None:
    """Nobody sees the others; own addresses get nothing."""
    rows = mails(conn, do(conn, Reply(new(conn, email_cc="w@other.example, bob@us.example"), "Try this.")))
    assert [row["recipient"] for row in rows] == ["joe@acme.example", "w@other.example", "bob@us.example"]
    assert [row["mail"]["To"].addresses[0].addr_spec for row in rows] == [row["recipient"] for row in rows]
    assert all("Cc" not in row["mail"] and "Bcc" not in row["mail"] for row in rows)


def test_a_reply_says_who_writes_and_how_to_answer(conn: sqlite3.Connection) -> None:
    """From through the section, Reply-To with the case's token, envelope with the outbox row's, marker and signature."""
    case_id = new(conn)
    row = mails(conn, do(conn, Reply(case_id, "Try this.")))[0]
    mail = row["mail"]
    assert (
        str(mail["From"]) == '"Ann Lee via Support" <support@us.example>'
        or str(mail["From"]) == "Ann Lee via Support <support@us.example>"
    )
    assert str(mail["To"]) == "Joe Roe <joe@acme.example>"
    assert mail["Subject"] == row["subject"] == f"[{case_id}] Pump"
    assert proved(conn, mail["Reply-To"]) == [Proof(case_id, "case")]
    assert proved(conn, row["envelope_from"]) == [Proof(case_id, "bounce", outbox_id=row["id"])]
    assert proved(conn, mail["References"].split()[0]) == proved(conn, mail["Message-ID"]) == [Proof(case_id, "case")]
    assert mail["Message-ID"] == row["message_id"]
    assert mail["Message-ID"].endswith("@us.example>")
    assert str(mail["Date"]) == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert "Auto-Submitted" not in mail
    found = next(sign.markers(body(row)), None)
    assert found
    assert found.start() == 0
    assert proved(conn, found[0]) == [Proof(case_id, "case")]
    assert body(row).endswith("\n\nTry this.\n\n-- \nAnn Lee\nSupport\n")


def test_a_reply_answers_the_partners_newest_mail(conn: sqlite3.Connection) -> None:
    """In their mail program it stands under what they wrote."""
    case_id, first, second = new(conn), came(conn), came(conn)
    hear(conn, case_id, first)
    hear(conn, case_id, second)
    mail = mails(conn, do(conn, Reply(case_id, "Try this.")))[0]["mail"]
    assert mail["In-Reply-To"] == "<2@acme.example>"
    assert mail["References"].split()[1:] == ["<2@acme.example>"]


def test_a_reply_by_mail_does_not_come_back_to_its_author(conn: sqlite3.Connection) -> None:
    """Bob watches the case and answers by mail: he has his own words already."""
    case_id = new(conn, email_cc="bob@us.example, w@other.example")
    rows = mails(conn, do(conn, Reply(case_id, "Try this.", message_id=came(conn), author="bob@us.example"), origin=BY_MAIL))
    assert [row["recipient"] for row in rows] == ["joe@acme.example", "w@other.example"]


def test_a_reply_takes_files_along(conn: sqlite3.Connection) -> None:
    """Those of the case that were named, those that came with the mail."""
    case_id, message_id = new(conn), came(conn)
    with db.write(conn, BY_ANN) as tx:
        execute(tx, Attach(case_id, "plan.pdf", "application/pdf", 4, files.store(tx, b"plan")))
        execute(tx, Attach(case_id, "other.pdf", "application/pdf", 5, files.store(tx, b"other")))
        files.attach(tx, Attach(case_id, "photo.jpg", "image/jpeg", 5, files.store(tx, b"photo")), message_id=message_id)  # type: ignore[arg-type]
    plan = files.of_case(conn, case_id)[0]["id"]
    mail = mails(conn, do(conn, Reply(case_id, "See there.", attachment_ids=(plan,), message_id=message_id)))[0]["mail"]
    assert sorted((part.get_filename(), part.get_content()) for part in mail.iter_attachments()) == [
        ("photo.jpg", b"photo"),
        ("plan.pdf", b"plan"),
    ]


def test_no_proof_of_a_member_of_the_staff_leaves_in_quoted_words(conn: sqlite3.Connection) -> None:
    """Ann's program quoted the head of her notice under her answer."""
    case_id = new(conn)
    mine = sign.sign(outbox.keys(conn), Proof(case_id, "user", user_id=1))
    row = mails(conn, do(conn, Reply(case_id, f"Try this.\n> Reply-To: support+{mine}@us.example")))[0]
    assert mine not in row["bytes"].decode()


def test_a_reply_to_an_address_that_takes_no_mail_is_held_where_everybody_sees_it(conn: sqlite3.Connection) -> None:
    """Never silence."""
    do(conn, Reply(new(conn, email_from="noreply@acme.example"), "Hello?"))
    with db.write(conn, BY_ANN) as tx:
        tx.insert("addresses", {"address": "joe@acme.example", "state": "hard"})
    do(conn, Reply(new(conn), "Hello?"))
    rows = outbox.listed(conn)
    assert [row["state"] for row in rows] == ["held", "held"]
    assert "noreply@acme.example" in rows[0]["error"]
    assert "joe@acme.example" in rows[1]["error"]


# Forward and note --------------------------------------------------------------------------------------


def test_a_mail_is_passed_on_to_the_responsible_and_the_watchers(conn: sqlite3.Connection) -> None:
    """One copy each; staff copies prove their reader, a copy for outside proves the case alone and reads otherwise."""
    case_id = new(conn, email_cc="bob@us.example, w@other.example", priority=1)
    rows = mails(conn, hear(conn, case_id, came(conn)))
    assert [(row["kind"], row["recipient"], row["user_id"]) for row in rows] == [
        ("forward", "ann@us.example", 1),
        ("forward", "bob@us.example", 2),
        ("forward", "w@other.example", None),
    ]
    assert [proved(conn, row["mail"]["Reply-To"]) for row in rows] == [
        [Proof(case_id, "user", user_id=1)],
        [Proof(case_id, "user", user_id=2)],
        [Proof(case_id, "case")],
    ]
    assert [proved(conn, row["mail"]["Message-ID"])[0].user_id for row in rows] == [1, 2, None]
    assert all(row["mail"]["X-Priority"] == "1" and row["mail"]["In-Reply-To"] == "<1@acme.example>" for row in rows)
    assert all(row["mail"]["Auto-Submitted"] == "auto-generated" for row in rows)
    assert rows[0]["mail"]["From"].addresses[0].display_name == "Joe Roe via Support"
    assert all("It broke." in body(row) for row in rows)
    assert "your words go to joe@acme.example" in body(rows[0])
    assert "joe@acme.example" not in body(rows[2])


def test_without_a_responsible_the_sections_hears_of_it(conn: sqlite3.Connection) -> None:
    """And one who has left is nobody's responsible."""
    case_id = new(conn)
    with db.write(conn, BY_ANN) as tx:
        cases.change(tx, cases.get(conn, case_id), {"user_id": None})
    assert [row["recipient"] for row in mails(conn, hear(conn, case_id, came(conn)))] == ["ann@us.example"]
    with db.write(conn, BY_ANN) as tx:
        cases.change(tx, cases.get(conn, case_id), {"user_id": 2})
        tx.update("users", 2, {"active": 0})
    assert [row["recipient"] for row in mails(conn, hear(conn, case_id, came(conn)))] == ["ann@us.example"]


def test_the_author_gets_no_copy_by_any_of_their_addresses(conn: sqlite3.Connection) -> None:
    """Nor does an address twice, nor one that is suspended, nor one of ours."""
    with db.write(conn, BY_ANN) as tx:
        tx.insert("addresses", {"address": "bob@home.example", "user_id": 2})
        tx.insert("addresses", {"address": "dead@other.example", "state": "suspended"})
    case_id = new(conn, email_cc="bob@us.example, ANN@us.example, dead@other.example, support+x@us.example, w@other.example")
    rows = mails(conn, hear(conn, case_id, came(conn), author="bob@home.example"))
    assert [row["recipient"] for row in rows] == ["ann@us.example", "w@other.example"]


def test_watchers_outside_who_have_the_mail_already_are_left_out_but_never_the_staff(conn: sqlite3.Connection) -> None:
    """What a sender writes in To and Cc cannot keep a notice from the staff."""
    case_id = new(conn, email_cc="w@other.example, bob@us.example")
    rows = mails(conn, hear(conn, case_id, came(conn, people="W@other.example, ann@us.example, bob@us.example")))
    assert [row["recipient"] for row in rows] == ["ann@us.example", "bob@us.example"]


def test_a_watcher_whom_nobody_reads_gets_no_copy(conn: sqlite3.Connection) -> None:
    """Each such mail would come back, or be answered by a robot."""
    case_id = new(conn, email_cc="noreply@acme.example, mailer-daemon@acme.example, wendy@acme.example")
    assert [row["recipient"] for row in mails(conn, hear(conn, case_id, came(conn)))] == ["ann@us.example", "wendy@acme.example"]


def test_who_works_alone_may_have_one_address_for_both(conn: sqlite3.Connection) -> None:
    """As `crm init --email` makes it: the responsible is told although the address is the section's too."""
    with db.write(conn, BY_ANN) as tx:
        tx.update("sections", 1, {"reply_to": "ann@us.example"})
    case_id = new(conn)
    rows = mails(conn, hear(conn, case_id, came(conn), thank=True))
    assert [(row["kind"], row["recipient"]) for row in rows] == [("thanks", "joe@acme.example"), ("forward", "ann@us.example")]
    assert [row["recipient"] for row in mails(conn, do(conn, Remind(case_id, user=True)))] == ["ann@us.example"]
    assert thanked(conn, new(conn), **{"from": "ann@us.example", "envelope_from": "ann@us.example"}) == []


def test_an_automatic_answer_is_passed_to_the_staff_only(conn: sqlite3.Connection) -> None:
    """Two watchers on holiday do not answer each other through us."""
    case_id = new(conn, email_cc="w@other.example")
    rows = mails(conn, hear(conn, case_id, came(conn, **{"class": "auto-reply"}), human=False))
    assert [row["recipient"] for row in rows] == ["ann@us.example"]


def test_the_files_of_a_mail_are_passed_on(conn: sqlite3.Connection) -> None:
    """Byte for byte, each once."""
    case_id, message_id = new(conn), came(conn)
    with db.write(conn, BY_MAIL) as tx:
        sha256 = files.store(tx, b"\0photo\xff")
        files.attach(tx, Attach(case_id, "größe.jpg", "image/jpeg", 7, sha256), message_id=message_id)  # type: ignore[arg-type]
    mail = mails(conn, hear(conn, case_id, message_id))[0]["mail"]
    assert [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()] == [("größe.jpg", b"\0photo\xff")]


def test_an_internal_note_stays_with_the_staff_and_proves_nobody(conn: sqlite3.Connection) -> None:
    """An answer to it must not go to the partner, so it carries the case's token alone."""
    case_id = new(conn, email_cc="w@other.example, bob@us.example")
    rows = mails(conn, do(conn, Note(case_id, "He is angry.", "bob@us.example", came(conn)), origin=BY_MAIL))
    assert [row["recipient"] for row in rows] == ["ann@us.example"]
    assert proved(conn, rows[0]["mail"].as_string())
    assert all(proof.user_id is None for proof in proved(conn, rows[0]["mail"].as_string()))
    assert "internal note" in body(rows[0])
    assert "He is angry." in body(rows[0])


# Thank-you --------------------------------------------------------------------------------------------


def thanked(conn: sqlite3.Connection, case_id: int, **message: Any) -> list[Row]:
    """The thank-yous for a new mail."""
    return [row for row in mails(conn, hear(conn, case_id, came(conn, **message), thank=True)) if row["kind"] == "thanks"]


def test_a_thank_you_is_an_automatic_answer_that_quotes_only_the_subject(conn: sqlite3.Connection) -> None:
    """RFC 3834: empty envelope sender, Auto-Submitted, In-Reply-To and References."""
    case_id = new(conn)
    row = thanked(conn, case_id)[0]
    mail = row["mail"]
    assert (row["recipient"], row["envelope_from"], row["state"]) == ("joe@acme.example", "", "queued")
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert mail["In-Reply-To"] == "<1@acme.example>"
    assert proved(conn, mail["References"].split()[0]) == [Proof(case_id, "case")]
    assert mail["References"].split()[1] == "<1@acme.example>"
    assert "Pump" in body(row)
    assert "It broke." not in body(row)
    assert mail["From"].addresses[0].display_name == "Support"


def test_a_case_is_thanked_for_once(conn: sqlite3.Connection) -> None:
    """Its second mail is read without an answer from us."""
    case_id = new(conn)
    assert len(thanked(conn, case_id)) == 1
    assert thanked(conn, case_id) == []


def test_a_relay_that_refuses_the_empty_sender_gets_the_bounce_address(conn: sqlite3.Connection) -> None:
    """Setting null_sender."""
    with db.write(conn, BY_ANN) as tx:
        settings.put(tx, "null_sender", "off")
    row = thanked(conn, new(conn))[0]
    assert proved(conn, row["envelope_from"]) == [Proof(row["case_id"], "bounce", outbox_id=row["id"])]


@pytest.mark.parametrize(
    ("sender", "envelope", "expected"),
    [
        ("joe@acme.example", "joe@acme.example", ("joe@acme.example", "queued")),
        ("joe@acme.example", None, ("joe@acme.example", "queued")),
        ("joe@acme.example", "j.roe@mail.acme.example", ("j.roe@mail.acme.example", "queued")),
        ("joe@shop.acme.co.uk", "joe@acme.co.uk", ("joe@acme.co.uk", "queued")),
        ("joe@acme.co.uk", "joe@other.co.uk", ("joe@acme.co.uk", "held")),
        ("joe@acme.example", "list@elsewhere.example", ("joe@acme.example", "held")),
        ("joe@acme.example", "bounces+joe=x@acme.example", None),
        ("MAILER-DAEMON@acme.example", "MAILER-DAEMON@acme.example", None),
        ("postmaster@acme.example", None, None),
        ("no-reply@acme.example", None, None),
        ("donotreply@acme.example", None, None),
        ("shop.noreply@acme.example", None, None),
        ("owner-pumps@acme.example", None, None),
        ("pumps-request@acme.example", None, None),
        ("support@us.example", None, None),
        ("support+x@us.example", None, None),
        ("all@us.example", None, None),
    ],
)
def test_only_people_are_thanked_at_an_address_of_their_own_organisation(
    conn: sqlite3.Connection, sender: str, envelope: str | None, expected: tuple[str, str] | None
) -> None:
    """A forged From does not make us write to a stranger; no robot, list or address of ours is answered."""
    with db.write(conn, BY_ANN) as tx:
        settings.put(tx, "own_lists", "all@us.example")
    rows = thanked(conn, new(conn, email_from=sender), **{"from": sender, "envelope_from": envelope})
    assert [(row["recipient"], row["state"]) for row in rows] == ([expected] if expected else [])


def test_the_thank_you_speaks_the_sections_language(conn: sqlite3.Connection) -> None:
    """German ships."""
    with db.write(conn, BY_ANN) as tx:
        tx.update("sections", 1, {"language": "de"})
    assert "vielen Dank" in body(thanked(conn, new(conn))[0])


def test_a_mail_without_an_id_is_thanked_without_reference(conn: sqlite3.Connection) -> None:
    """And one whose id is an attack too."""
    for foreign in (None, "x>\r\nBcc: victim@other.example\r\n<y"):
        row = thanked(conn, new(conn), message_id=foreign)[0]
        assert "In-Reply-To" not in row["mail"]
        assert "Bcc" not in row["mail"]
        assert len(row["mail"]["References"].split()) == 1


# Reminders and rules -------------------------------------------------------------------------------------


def test_reminders_say_what_was_said_last(conn: sqlite3.Connection) -> None:
    """To the responsible with their proof, to the partner with the responsible's signature."""
    case_id = new(conn, description="Call him.")
    rows = mails(conn, do(conn, Remind(case_id, user=True, partner=True)))
    assert [(row["kind"], row["recipient"], row["subject"]) for row in rows] == [
        ("remind", "ann@us.example", f"Reminder: [{case_id}] Pump"),
        ("remind", "joe@acme.example", f"Reminder: [{case_id}] Pump"),
    ]
    assert all("Call him." in body(row) for row in rows)
    assert proved(conn, rows[0]["mail"]["Reply-To"]) == [Proof(case_id, "user", user_id=1)]
    assert proved(conn, rows[1]["mail"]["Reply-To"]) == [Proof(case_id, "case")]
    assert body(rows[1]).endswith("-- \nAnn Lee\nSupport\n")


def test_a_reminder_takes_all_files_of_the_case_where_asked(conn: sqlite3.Connection) -> None:
    """remind_attach."""
    case_id = new(conn)
    with db.write(conn, BY_ANN) as tx:
        execute(tx, Attach(case_id, "plan.pdf", "application/pdf", 4, files.store(tx, b"plan")))
    assert not list(mails(conn, do(conn, Remind(case_id, user=True)))[0]["mail"].iter_attachments())
    assert len(list(mails(conn, do(conn, Remind(case_id, user=True, attach=True)))[0]["mail"].iter_attachments())) == 1


def test_a_rules_mail_goes_once_to_each_address(conn: sqlite3.Connection) -> None:
    """Never to ourselves; in the section's name; marked as automatic."""
    case_id = new(conn)
    recipients = ("boss@us.example", "BOSS@us.example", "support@us.example", "joe@acme.example")
    rows = mails(conn, do(conn, Mail(case_id, recipients, "Case 1 is due")))
    assert [(row["kind"], row["recipient"]) for row in rows] == [("rule", "boss@us.example"), ("rule", "joe@acme.example")]
    assert all(row["mail"]["Auto-Submitted"] == "auto-generated" and "Case 1 is due" in body(row) for row in rows)


# Where mail comes from ------------------------------------------------------------------------------------


def test_a_section_without_an_address_uses_the_one_the_case_came_by(conn: sqlite3.Connection) -> None:
    """Else mail_from; else the mail is held and says why."""
    with db.write(conn, BY_ANN) as tx:
        tx.update("sections", 1, {"reply_to": None})
    case_id = new(conn)
    held = mails(conn, do(conn, Reply(case_id, "a")))[0]
    assert (held["state"], held["error"]) == ("held", outbox.NO_SENDER)
    with db.write(conn, BY_ANN) as tx:
        settings.put(tx, "mail_from", "crm@us.example")
    assert mails(conn, do(conn, Reply(case_id, "b")))[0]["mail"]["From"].addresses[0].addr_spec == "crm@us.example"
    message_id = came(conn)
    with db.write(conn, BY_MAIL) as tx:
        row = {
            "sha256": "1",
            "core_sha256": "1",
            "message_id": message_id,
            "route": "r",
            "recipient": "help+x@us.example, y@us.example",
            "received_at": NOW,
            "state": "done",
            "case_id": case_id,
        }
        tx.insert("deliveries", row)
    assert mails(conn, do(conn, Reply(case_id, "c")))[0]["mail"]["From"].addresses[0].addr_spec == "help@us.example"


def test_plus_parts_can_be_switched_off(conn: sqlite3.Connection) -> None:
    """Then Message-ID, References and marker carry the token alone."""
    with db.write(conn, BY_ANN) as tx:
        settings.put(tx, "plus", "off")
    row = mails(conn, do(conn, Reply(new(conn), "a")))[0]
    assert row["mail"]["Reply-To"] == row["envelope_from"] == "support@us.example"
    assert proved(conn, row["mail"]["Message-ID"])


def test_a_local_part_never_becomes_longer_than_mail_allows(conn: sqlite3.Connection) -> None:
    """64 characters (RFC 5321): else the plain address."""
    with db.write(conn, BY_ANN) as tx:
        tx.update("sections", 1, {"reply_to": "s" * 50 + "@us.example"})
    row = mails(conn, do(conn, Reply(new(conn), "a")))[0]
    assert row["mail"]["Reply-To"] == row["envelope_from"] == "s" * 50 + "@us.example"


# Rehearsal, once, limits -------------------------------------------------------------------------------------


def test_a_rehearsal_writes_the_very_bytes_of_the_real_thing(conn: sqlite3.Connection) -> None:
    """No randomness, no clock on the wall: rolled back and done again, all is the same."""
    case_id, message_id = new(conn, email_cc="w@other.example"), came(conn)
    command = Hear(case_id, message_id, "It broke.", "joe@acme.example", thank=True)
    with db.write(conn, BY_MAIL._replace(dry_run=True)) as tx:
        tried = mails(conn, execute(tx, command))
    assert outbox.listed(conn) == []
    done = mails(conn, do(conn, command, origin=BY_MAIL))
    assert [(row["bytes"], row["envelope_from"], row["message_id"]) for row in tried] == [
        (row["bytes"], row["envelope_from"], row["message_id"]) for row in done
    ]


def test_two_equal_mails_have_two_message_ids(conn: sqlite3.Connection) -> None:
    """The same rule or person may say the same thing twice in a second."""
    case_id = new(conn)
    first, second = (mails(conn, do(conn, Mail(case_id, ("joe@acme.example",), "Due")))[0] for _ in range(2))
    assert first["message_id"] != second["message_id"]


def test_more_than_three_automatic_mails_an_hour_to_one_address_are_held_and_told(conn: sqlite3.Connection) -> None:
    """The rest waits for a person, who is told once."""
    for _ in range(6):
        hear(conn, new(conn), came(conn), thank=True)
    rows = [row for row in outbox.listed(conn) if row["kind"] == "thanks"]
    assert [row["state"] for row in rows] == ["queued"] * 3 + ["held"] * 3
    assert "too many: 3 mails to joe@acme.example in an hour" in rows[3]["error"]
    alerts = [row for row in outbox.listed(conn) if row["kind"] == "alert"]
    assert [row["recipient"] for row in alerts] == ["ann@us.example"]


def test_staff_notices_and_what_people_write_are_not_limited(conn: sqlite3.Connection) -> None:
    """Limits are for what a mail causes outside."""
    case_id = new(conn)
    for _ in range(6):
        hear(conn, case_id, came(conn))
        do(conn, Reply(case_id, "a"))
    assert {row["state"] for row in outbox.listed(conn)} == {"queued"}


def test_limits_forget(conn: sqlite3.Connection) -> None:
    """An hour later there is room again, until the day is full."""
    states = []
    for hour in range(5):
        origin = BY_MAIL._replace(now=f"2026-03-02T{10 + hour}:30:00Z")
        for _ in range(3):
            outcome = do(conn, Hear(new(conn), came(conn), "x", "joe@acme.example", thank=True), origin=origin)
            states += [row["state"] for row in mails(conn, outcome) if row["kind"] == "thanks"]
    assert states == ["queued"] * 10 + ["held"] * 5


def test_a_hostile_case_name_stays_in_its_line(conn: sqlite3.Connection) -> None:
    """And in the outbox row."""
    case_id = new(conn, name="Pump\r\nBcc: victim@other.example\r\n\r\nbody")
    for kind in ("reply", "remind_user", "rule"):
        with db.write(conn, BY_ANN) as tx:
            ids = notify.write_mails(tx, cases.get(conn, case_id), Mailed(kind, "x", ("joe@acme.example",)))
        row = mails(conn, ids)[0]
        assert "Bcc" not in row["mail"]
        assert "\n" not in row["mail"]["Subject"]
        assert "\n" not in row["subject"]


def test_everything_about_a_case_can_be_told_at_once(conn: sqlite3.Connection) -> None:
    """A verb writes no mail by itself."""
    case_id = new(conn)
    assert do(conn, Act(case_id, "open"), Act(case_id, "close")).outbox_ids == ()
