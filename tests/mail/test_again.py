"""Mails read again from their bytes: what was in triage may become a case, and nothing happens twice (mail.md §2)."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from crmcli import cases, db, messages
from crmcli.model import Act, Delete, Edit
from tests.conftest import NOW, Run
from tests.mail.post import count, do, later, letter, one, out, post, said, setting, store
from tests.mail.test_custody import KILLED, run, whole

Crm: TypeAlias = Callable[..., Run]

WITH_FILE = b"""From: Joe Roe <joe@acme.example>
To: support@us.example
Subject: Pump
Message-ID: <file@acme.example>
Date: Mon, 02 Mar 2026 08:59:00 +0000
Content-Type: multipart/mixed; boundary=x

--x

It broke.
--x
Content-Type: application/pdf; name=plan.pdf

PDF
--x--
"""


@pytest.fixture(name="sale")
def _sale(conn: sqlite3.Connection) -> int:
    user_id = store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    return store(conn, "sections", name="Sales", code="sale", reply_to="sale@us.example", user_id=user_id)


@pytest.fixture(name="broken")
def _broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], pytest.MonkeyPatch]:
    """A parser that reads nothing, until it is mended with undo()."""

    def broken() -> pytest.MonkeyPatch:
        patch = pytest.MonkeyPatch()
        patch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
        return patch

    return broken


Broken: TypeAlias = Callable[[], pytest.MonkeyPatch]


def badly(conn: sqlite3.Connection, broken: Broken, raw: bytes, *recipients: str, **terms: bool) -> None:
    """A mail that came while the parser was broken."""
    patch = broken()
    assert post(conn, raw, *recipients, **terms).state == "triage"
    patch.undo()


def deliveries(conn: sqlite3.Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in conn.execute("SELECT message_id, state, case_id FROM deliveries ORDER BY id")]


def test_a_mail_that_can_be_read_now_becomes_the_case_that_it_would_have_been(
    crm: Crm, conn: sqlite3.Connection, broken: Broken
) -> None:  # fmt: skip
    badly(conn, broken, WITH_FILE)
    assert (count(conn, "cases"), one(conn, "SELECT name FROM attachments")) == (0, "message.eml")
    assert crm("mail", "reprocess", "1") == (0, "1\n", "")
    case = cases.get(conn, 1)
    assert (case.name, case.email_from, case.user_id, case.created_by, case.state) == (
        "Pump",
        "joe@acme.example",
        1,
        "mail",
        "draft",
    )
    assert said(conn, 1) == [("in", "joe@acme.example", "It broke.")]
    assert [row[0] for row in conn.execute("SELECT name FROM attachments")] == ["plan.pdf"]
    assert (len(out(conn, "thanks")), len(out(conn, "forward")), deliveries(conn)) == (1, 1, [(1, "done", 1)])
    assert tuple(conn.execute("SELECT class, marks, charset FROM messages").fetchone()) == ("human", "", "utf-8")
    assert one(conn, "SELECT user_id FROM case_log WHERE name = 'Receive'") is None
    assert tuple(conn.execute("SELECT user_id, source FROM change_sets ORDER BY id DESC").fetchone()) == (1, "cli")
    assert crm("verify").exit == 0


def test_again_and_again_changes_nothing_more(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, WITH_FILE)
    do(conn, Act(1, "open"), Act(1, "close"))
    tables = ("cases", "case_log", "case_history", "case_spans", "outbox", "attachments", "message_refs", "contacts", "blobs")
    before = [[tuple(row) for row in conn.execute(f"SELECT * FROM {table}")] for table in tables]
    for day in (0, 1, 100):
        assert crm("mail", "reprocess", "1", now=later(day)).exit == 0
    assert [[tuple(row) for row in conn.execute(f"SELECT * FROM {table}")] for table in tables] == before
    assert deliveries(conn) == [(1, "done", 1)]


def test_in_a_case_text_marks_class_and_files_are_read_again(
    crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("crmcli.mail.decode.transfer", lambda data, encoding: b"Rubbish.")
        post(
            conn,
            letter("=46ixed.\n", content_transfer_encoding="quoted-printable").replace(b"Content-Transfer-Encoding: 8bit\n", b""),
        )
    assert said(conn, 1)[0][2] == "Rubbish."
    conn.execute("UPDATE messages SET marks = 'html stranger', class = 'bulk', evidence = 'List-Id'")
    mails = len(out(conn))
    assert crm("mail", "reprocess", "1").exit == 0
    assert said(conn, 1) == [("in", "joe@acme.example", "Fixed.")]
    assert tuple(conn.execute("SELECT class, evidence, marks, text FROM messages").fetchone()) == (
        "human",
        "",
        "stranger",
        "Fixed.",
    )
    assert (len(out(conn)), count(conn, "cases"), crm("search", "Fixed", "-o", "ids").out) == (mails, 1, "1\n")


def test_what_was_decided_about_a_mail_in_a_case_is_still_told(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    notice = out(conn, "forward")[0]
    order = letter(
        "Set-Priority: 1\n\nUrgent.\n", from_="ann@us.example", to=str(notice["Reply-To"]), message_id="<o@us.example>"
    )
    assert post(conn, order, str(notice["Reply-To"])).state == "done"
    before = crm("mail", "explain", "2", "-o", "json").json()[0]
    case, words = cases.get(conn, 1), said(conn, 1)
    assert crm("mail", "reprocess", "2", now=later(1)).exit == 0
    after = crm("mail", "explain", "2", "-o", "json").json()[0]
    assert (before["grade"], {**after, "reason": None}) == ("A", {**before, "reason": None})
    assert (cases.get(conn, 1), said(conn, 1), case.priority) == (case, words, 1)


def test_what_was_sent_to_the_partner_stays_what_was_sent(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    notice = out(conn, "forward")[0]
    answer = letter("We come.\n", from_="ann@us.example", to=str(notice["Reply-To"]), message_id="<a@us.example>")
    assert post(conn, answer, str(notice["Reply-To"])).state == "done"
    conn.execute("UPDATE messages SET text = 'We come.' WHERE id = 2")
    conn.execute("UPDATE case_history SET description = 'We come.' WHERE message_id = 2")
    before, mails = said(conn, 1), len(out(conn))
    assert crm("mail", "reprocess", "2").exit == 0
    assert (said(conn, 1), len(out(conn))) == (before, mails)


def test_a_section_that_was_added_later_gets_its_mail(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter(to="sale@us.example"))
    post(conn, letter("Two.\n", to="sale@us.example"))
    do(conn, Act(2, "open"))
    user_id = store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    store(conn, "sections", name="Sales", code="sale", reply_to="sale@us.example", user_id=user_id)
    assert crm("mail", "reprocess", "1-2") == (0, "1\n2\n", "")
    assert [(cases.get(conn, number).section_id, cases.get(conn, number).user_id) for number in (1, 2)] == [(2, 2), (1, 1)]
    assert deliveries(conn) == [(1, "done", 1), (2, "done", 2)]
    assert (len(said(conn, 1)), len(out(conn, "thanks"))) == (1, 2)


def test_a_list_that_is_our_own_by_now_is_no_robot(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter("Help!\n", list_id="<support.us.example>"))
    assert one(conn, "SELECT class FROM messages") == "bulk"
    setting(conn, "own_lists", "support@us.example")
    assert crm("mail", "reprocess", "1").exit == 0
    assert (one(conn, "SELECT class FROM messages"), count(conn, "cases"), len(out(conn, "thanks"))) == ("human", 1, 1)


def test_two_that_could_not_be_read_turn_out_to_be_one(
    crm: Crm, conn: sqlite3.Connection, broken: Broken, sale: int
) -> None:  # fmt: skip
    raw = letter(to="support@us.example, sale@us.example")
    badly(conn, broken, raw, "support@us.example")
    badly(conn, broken, b"Received: by another way\n" + raw, "sale@us.example")
    assert count(conn, "messages") == 2
    assert crm("mail", "reprocess", "1", "2", now=later(100)) == (0, "1\n1\n", "")
    assert deliveries(conn) == [(1, "done", 1), (1, "done", 1)]
    assert [count(conn, table) for table in ("messages", "cases", "case_history", "raw_messages")] == [1, 1, 1, 2]
    assert (cases.get(conn, 1).email_cc, len(out(conn, "thanks"))) == ("bob@us.example", 1)
    assert crm("verify").exit == 0


def test_every_delivery_of_a_mail_leaves_triage_with_it(
    crm: Crm, conn: sqlite3.Connection, broken: Broken, sale: int
) -> None:  # fmt: skip
    badly(conn, broken, letter(), "support@us.example")
    badly(conn, broken, letter(), "sale@us.example")
    assert (count(conn, "messages"), count(conn, "deliveries")) == (1, 2)
    assert crm("mail", "reprocess", "1").exit == 0
    assert deliveries(conn) == [(1, "done", 1), (1, "done", 1)]


def test_nobody_is_told_twice_of_a_mail_whose_case_was_deleted(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    before = [mail["Message-ID"] for mail in out(conn)]
    do(conn, Delete(1))
    assert crm("mail", "reprocess", "1").exit == 0
    assert deliveries(conn) == [(1, "done", 2)]
    assert [mail["Message-ID"] for mail in out(conn)] == before


def test_a_bounce_is_told_once(crm: Crm, conn: sqlite3.Connection) -> None:
    post(conn, letter())
    case = do(conn, Edit(1, {"email_cc": "sue@acme.example"})).case_id
    bounce = out(conn, "thanks")[0]
    report = letter("No such user.\n", from_="mailer-daemon@acme.example", message_id="<b@acme.example>")
    report = report.replace(b"text/plain; charset=utf-8", b"multipart/report; report-type=delivery-status; boundary=x")
    report += (
        b"--x\n\nSorry.\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822;"
        b" joe@acme.example\nAction: failed\nStatus: 5.1.1\n\n--x\nContent-Type: message/rfc822\n\nMessage-ID: "
        + str(bounce["Message-ID"]).encode() + b"\n\nx\n--x--\n"
    )  # fmt: skip
    assert post(conn, report, sender="").case_id == case
    mails, entries = len(out(conn)), count(conn, "case_log")
    assert crm("mail", "reprocess", "2").exit == 0
    assert (len(out(conn)), count(conn, "case_log"), deliveries(conn)[1]) == (mails, entries, (2, "done", 1))
    assert mails > 2


def test_history_read_in_bulk_stays_quiet_and_keeps_its_dates(
    crm: Crm, conn: sqlite3.Connection, broken: Broken
) -> None:  # fmt: skip
    badly(conn, broken, letter(date="Mon, 05 Jan 2026 08:59:00 +0000"), history=True)
    assert crm("mail", "reprocess", "1").exit == 0
    assert (out(conn), cases.get(conn, 1).created_at) == ([], "2026-01-05T08:59:00Z")
    assert one(conn, "SELECT at FROM change_sets ORDER BY id DESC LIMIT 1") == NOW


def test_what_is_still_broken_stays_where_it_is(crm: Crm, conn: sqlite3.Connection, broken: Broken) -> None:
    badly(conn, broken, letter())
    assert crm("mail", "triage", "accept", "1").exit == 0
    badly(conn, broken, letter("Two.\n"))
    patch = broken()
    assert crm("mail", "reprocess", "1", "2").exit == 0
    patch.undo()
    assert deliveries(conn) == [(1, "done", 1), (2, "triage", None)]
    assert len(said(conn, 1)) == 1


def test_a_dry_run_and_what_is_mistaken_change_nothing(crm: Crm, conn: sqlite3.Connection, broken: Broken) -> None:
    badly(conn, broken, letter())
    assert crm("mail", "reprocess", "1", "-n").exit == 0
    assert count(conn, "cases") == 0
    for argv, code in ((("9",), 3), (("x",), 2), (("1,9",), 3), ((), 2)):
        assert crm("mail", "reprocess", *argv).exit == code
    assert count(conn, "cases") == 0
    assert crm("mail", "reprocess", "-", "-o", "json", stdin=b"1\n").json()["case_id"] == 1


def test_all_that_waits_can_be_decided_again(crm: Crm, conn: sqlite3.Connection, broken: Broken) -> None:
    for text in ("One.\n", "Two.\n"):
        badly(conn, broken, letter(text))
    post(conn, letter("Robots.\n", list_id="<all.example>"))
    assert crm("mail", "reprocess", "-", stdin=crm("mail", "triage", "list", "-o", "ids").out.encode()).out == "1\n2\n3\n"
    assert (count(conn, "cases"), crm("mail", "triage", "list", "-o", "ids").out) == (2, "3\n")


def test_undone_it_waits_in_triage_again(crm: Crm, conn: sqlite3.Connection, broken: Broken) -> None:
    badly(conn, broken, letter())
    crm("mail", "reprocess", "1")
    assert crm("undo").exit == 0
    assert (deliveries(conn), count(conn, "cases")) == ([(1, "triage", None)], 0)
    assert crm("mail", "reprocess", "1").exit == 0
    assert (deliveries(conn)[0][1], count(conn, "cases"), len(out(conn, "thanks"))) == ("done", 1, 2)
    assert [row[0] for row in conn.execute("SELECT state FROM outbox WHERE kind = 'thanks'")] == ["failed", "queued"]
    assert messages.raw(conn, 1) == letter()


# Killed ------------------------------------------------------------------------------------------------


@pytest.fixture(name="waiting")
def _waiting(template: bytes, tmp_path: Path, broken: Broken) -> bytes:
    """A database with one mail in triage that can be read by now."""
    path = tmp_path / "waiting.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    badly(conn, broken, letter())
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return path.read_bytes()


def killed_and_done_again(waiting: bytes, folder: Path, number: int) -> int:
    """Kill before the statement of this number, then do it again → the first exit code."""
    path = folder / f"{number}.db"
    path.write_bytes(waiting)
    argv = ("--db", str(path), "--now", NOW, "--as", "ann", "mail", "reprocess", "1")
    killed = run(str(number), *argv, stdin=b"", code=KILLED).returncode
    conn = db.connect(str(path))
    assert count(conn, "cases") in ((1,) if killed == 0 else (0, 1))
    assert deliveries(conn) in ([(1, "done", 1)], [(1, "triage", None)])
    conn.close()
    assert run(*argv, stdin=b"").returncode == 0
    assert whole(str(path)) == (1, 1, 1, 1, 1, 1), number
    return killed


def test_killed_anywhere_and_done_again_it_happens_once(waiting: bytes, tmp_path: Path) -> None:
    """A sample of all places to be killed at; the campaign takes every one."""
    for number in (0, 5, 20, 45, 70, 95):
        assert killed_and_done_again(waiting, tmp_path, number) == -signal.SIGKILL


@pytest.mark.campaign
def test_killed_before_every_statement_it_happens_once(waiting: bytes, tmp_path: Path) -> None:
    number = 0
    while killed_and_done_again(waiting, tmp_path, number) != 0:
        number += 1
    assert number > 95
