"""A mail through the program: what the mail server sees, what is kept, where it goes (mail.md §1–§5)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from crmcli import cases, db, deliveries, mail_list, messages
from crmcli.model import Edit
from tests.conftest import NOW, Run
from tests.mail.post import body, count, do, later, letter, one, out, post, said, setting, store

Crm: TypeAlias = Callable[..., Run]

WITH_FILE = b"""From: Joe Roe <joe@acme.example>
To: support@us.example
Subject: =?utf-8?q?P=C3=BCmpe?=
Message-ID: <file@acme.example>
Date: Mon, 02 Mar 2026 08:59:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sie l=E4uft nicht.
--x
Content-Type: application/pdf; name="../../etc/plan.pdf"
Content-Disposition: attachment; filename="../../etc/plan.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--x--
"""


# Through the pipe ------------------------------------------------------------------------------------


def test_a_mail_from_the_pipe_makes_a_thanked_routed_case_in_silence(crm: Crm, conn: sqlite3.Connection) -> None:
    done = crm("ingest", stdin=WITH_FILE)
    assert (done.exit, done.out, done.err) == (0, "", "")
    case = cases.get(conn, 1)
    assert (case.name, case.state, case.email_from, case.section_id, case.user_id) == ("Pümpe", "draft", "joe@acme.example", 1, 1)
    assert (case.created_by, case.priority, case.contact_id, case.partner_id) == ("mail", 3, 1, None)
    assert said(conn, 1) == [("in", "joe@acme.example", "Sie läuft nicht.")]
    thanks = out(conn, "thanks")[0]
    assert (thanks["Auto-Submitted"], thanks["In-Reply-To"], thanks["To"]) == (
        "auto-replied", "<file@acme.example>", '"Joe Roe" <joe@acme.example>',
    )  # fmt: skip
    assert one(conn, "SELECT envelope_from FROM outbox WHERE kind = 'thanks'") == ""
    assert [part.get_filename() for part in out(conn, "forward")[0].walk()][-1] == "plan.pdf"
    assert one(conn, "SELECT name FROM attachments") == "plan.pdf"
    assert one(conn, "SELECT name FROM contacts WHERE id = 1") == "Joe Roe"


def test_the_bytes_are_kept_as_they_came(crm: Crm, conn: sqlite3.Connection) -> None:
    raw = b"From joe Mon\r\nFrom: joe@acme.example\r\nTo: support@us.example\r\n\r\n\xff\x00\r\n.\r\n"
    assert crm("ingest", stdin=raw).exit == 0
    assert messages.raw(conn, 1) == raw


def test_the_same_mail_again_changes_nothing(crm: Crm, conn: sqlite3.Connection) -> None:
    crm("ingest", stdin=WITH_FILE)
    before = "\n".join(conn.iterdump())
    for top in (b"", b"From joe Mon\n", b"Return-Path: <joe@acme.example>\nDelivered-To: x@us.example\n"):
        assert crm("ingest", stdin=top + WITH_FILE, now=later(1)) == (0, "", "") or top
    tables = ("cases", "messages", "outbox", "case_history", "attachments", "blobs")
    assert [count(conn, table) for table in tables] == [1, 1, 2, 1, 1, 1]
    crm("ingest", stdin=WITH_FILE)
    assert before in "\n".join(conn.iterdump()) or count(conn, "deliveries") == 2


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        ((), b""), (("--nonsense",), WITH_FILE), (("--section", "nowhere"), WITH_FILE), (("--explain",), WITH_FILE),
        (("-n",), WITH_FILE), (("--timeout", "never"), WITH_FILE), (("--max-bytes", "0"), WITH_FILE), (("/no/such/file",), b""),
        (("--config", "/no"), WITH_FILE), (("-o", "nonsense"), WITH_FILE), (("--now", "nonsense"), WITH_FILE),
    ],
)  # fmt: skip
def test_whatever_is_wrong_the_mail_server_keeps_the_mail(
    crm: Crm, conn: sqlite3.Connection, argv: tuple[str, ...], stdin: bytes
) -> None:
    done = crm("ingest", *argv, stdin=stdin)
    assert (done.exit, done.out, done.err[:6], done.err.count("\n")) == (75, "", "4.3.0 ", 1)
    assert "/" not in done.err
    assert "Traceback" not in done.err
    assert count(conn, "deliveries") == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("argv", "expected"), [("ingest", 0), ("ingest --nonsense", 75), ("--version", 0)])
def test_a_mail_server_may_close_what_it_does_not_read(db_path: str, closed: str, argv: str, expected: int) -> None:
    line = f'"{sys.executable}" -m crmcli --db "{db_path}" {argv} {closed}'
    done = subprocess.run(["sh", "-c", line], input=WITH_FILE, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (expected, False)


def test_a_bug_is_answered_like_everything_else(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("/a/path")

    with monkeypatch.context() as patch:
        patch.setattr("crmcli.mail.effects.decide", broken)
        done = crm("ingest", stdin=WITH_FILE)
    assert (done.exit, done.err) == (75, "4.3.0 a bug in crm, please try again later\n")
    assert [count(conn, table) for table in ("deliveries", "messages", "cases", "outbox")] == [1, 0, 0, 0]
    assert crm("ingest", stdin=WITH_FILE, now=later(1)).exit == 0
    assert [count(conn, table) for table in ("deliveries", "messages", "cases", "outbox")] == [1, 1, 1, 2]


def test_unknown_recipients_are_refused_only_where_asked(crm: Crm, conn: sqlite3.Connection) -> None:
    assert crm("ingest", "--strict-recipient", "--recipient", "nobody@us.example", stdin=WITH_FILE).exit == 67
    assert count(conn, "deliveries") == 0
    assert crm("ingest", "--strict-recipient", "--recipient", "support+x@us.example", stdin=WITH_FILE).exit == 0
    assert crm("ingest", "--recipient", "nobody@us.example", stdin=letter("Other.\n")).exit == 0


def test_with_json_asked_for_the_pipe_tells_what_became_of_it(crm: Crm) -> None:
    told = crm("ingest", "-o", "json", stdin=WITH_FILE).json()
    assert (told["state"], told["class"], told["case_id"]) == ("done", "human", 1)


def test_the_environment_tells_the_envelope(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDER", "")
    monkeypatch.setenv("ORIGINAL_RECIPIENT", "support@us.example")
    crm("ingest", stdin=letter(to="undisclosed:;"))
    assert tuple(conn.execute("SELECT recipient, sender, state, reason FROM deliveries").fetchone()) == (
        "support@us.example", "", "triage", "quiet mail: auto-reply",
    )  # fmt: skip


def test_the_time_limit_ends_in_a_deferral(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr("crmcli.mail.effects.decide", lambda *args: time.sleep(5))
    done = crm("ingest", "--timeout", "1", stdin=WITH_FILE)
    assert (done.exit, done.err) == (75, "4.3.0 interrupted, please try again later\n")
    assert count(conn, "messages") == 0


def test_what_is_due_is_sent_afterwards_and_its_failure_is_nobodys(crm: Crm, conn: sqlite3.Connection, db_path: str) -> None:
    setting(conn, "transport", f"maildir:{os.path.dirname(db_path)}/out")
    assert crm("ingest", stdin=WITH_FILE).exit == 0
    assert {row[0] for row in conn.execute("SELECT state FROM outbox")} == {"sent"}
    setting(conn, "transport", "maildir:/proc/no/such")
    assert crm("ingest", stdin=letter("Other.\n")) == (0, "", "")
    assert count(conn, "messages") == 2


# Where a mail goes -----------------------------------------------------------------------------------


@pytest.fixture(name="sale")
def _sale(conn: sqlite3.Connection) -> int:
    user_id = store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    return store(conn, "sections", name="Sales", code="sale", reply_to="sale@us.example", user_id=user_id)


@pytest.mark.parametrize(
    ("recipients", "section", "to", "expected"),
    [
        ((), "sale", "support@us.example", 2),
        ((), "SALE", "x@else.example", 2),
        ((), "2", "x@else.example", 2),
        (("sale@us.example",), "", "support@us.example", 2),
        (("Sale@US.example",), "", "support@us.example", 2),
        (("sale+anything@us.example",), "", "support@us.example", 2),
        (("crm+sale@us.example",), "", "support@us.example", 2),
        (("support+sale@us.example",), "", "support@us.example", 2),
        (("sale@mx.us.example",), "", "support@us.example", 2),
        (("x@us.example", "sale@us.example"), "", "support@us.example", 2),
        (("x@us.example",), "", "sale@us.example", 2),
        ((), "", '"Sales" <SALE@us.example>', 2),
        ((), "", "x@else.example, sale+y@us.example", 2),
        ((), "", "support@us.example, sale@us.example", 1),
        ((), "", "sale@us.example.evil.example", 1),
    ],
)
def test_a_mail_goes_where_it_was_sent(
    conn: sqlite3.Connection, sale: int, recipients: tuple[str, ...], section: str, to: str, expected: int
) -> None:
    taken = post(conn, letter(to=to), *recipients, section=section)
    assert cases.get(conn, taken.case_id or 0).section_id == expected


@pytest.mark.parametrize("to", ["crm+b@us.example", "CRM+B+x@us.example", "crm+b+c1-1-aaaaaaaaaaaaaaaaaaaa@us.example"])
def test_an_address_of_ours_may_have_a_plus_part_itself(conn: sqlite3.Connection, to: str) -> None:
    store(conn, "sections", name="A", reply_to="crm+a@us.example")
    store(conn, "sections", name="B", reply_to="crm+b@us.example")
    for number, envelope in enumerate(((), (to,)), 1):
        post(conn, letter(str(number), to=to, cc="sue@acme.example"), *envelope)
        assert one(conn, "SELECT section_id FROM cases WHERE id = ?", number) == 3
        assert one(conn, "SELECT people FROM messages WHERE id = ?", number) == "sue@acme.example"


def test_without_an_address_of_ours_the_account_managers_section_has_it(conn: sqlite3.Connection, sale: int) -> None:
    conn.execute("UPDATE users SET section_id = 2 WHERE id = 2")
    partner_id = store(conn, "partners", name="Acme", user_id=2)
    store(conn, "contacts", partner_id=partner_id, name="Joe", email="JOE@acme.example")
    taken = post(conn, letter(to="x@else.example"))
    case = cases.get(conn, taken.case_id or 0)
    assert (case.section_id, case.partner_id, case.contact_id, case.user_id, taken.state) == (2, 1, 1, 2, "done")


def test_without_any_home_the_triage_section_has_it(conn: sqlite3.Connection, sale: int) -> None:
    taken = post(conn, letter(to="x@else.example"))
    assert (taken.state, taken.reason, cases.get(conn, taken.case_id or 0).section_id) == ("triage", "no section for it", 1)
    setting(conn, "triage_section", "sale")
    taken = post(conn, letter("Other.\n", to="x@else.example"))
    assert cases.get(conn, taken.case_id or 0).section_id == 2


def test_what_a_mail_causes_comes_from_where_it_was_sent_to_when_its_section_has_no_address(
    crm: Crm, conn: sqlite3.Connection
) -> None:  # fmt: skip
    crm("section", "edit", "support", "--reply-to", "")
    crm("ingest", "--recipient", "help+x@us.example", stdin=WITH_FILE)
    sent = conn.execute("SELECT kind, state FROM outbox ORDER BY id").fetchall()
    assert [tuple(row) for row in sent] == [("thanks", "queued"), ("forward", "queued")]
    assert out(conn, "thanks")[0]["From"] == '"Support" <help@us.example>'


def test_a_rule_that_names_the_responsible_decides_who_is_told(conn: sqlite3.Connection, sale: int) -> None:
    store(conn, "rules", name="To Bob", state_to="draft", set_user_id=2, effective_from=NOW)
    post(conn, letter())
    assert cases.get(conn, 1).user_id == 2
    assert [row[0] for row in conn.execute("SELECT recipient FROM outbox WHERE kind = 'forward'")] == ["bob@us.example"]


def test_the_notice_names_the_section_s_responsible_where_no_rule_names_another(conn: sqlite3.Connection, sale: int) -> None:
    """It is written when it is known whose the case is, whether there are rules or none."""
    store(conn, "rules", name="Opened", state_to="open", set_priority=1, effective_from=NOW)
    post(conn, letter(), "sale@us.example")
    (told,) = out(conn, "forward", to="bob@us.example")
    assert cases.get(conn, 1).user_id == 2
    assert "responsible: bob" in body(told).lower()


# Once --------------------------------------------------------------------------------------------------


def test_the_same_mail_by_another_way_is_one_case_that_the_other_section_watches(conn: sqlite3.Connection, sale: int) -> None:
    raw = letter(to="support@us.example, sale@us.example")
    first = post(conn, raw, "support@us.example")
    again = post(conn, b"Received: from list by us\n" + raw, "sale@us.example")
    assert (again.case_id, again.message_id, again.repeat) == (first.case_id, first.message_id, True)
    assert [count(conn, table) for table in ("messages", "cases", "deliveries")] == [1, 1, 2]
    assert cases.get(conn, 1).email_cc == "bob@us.example"
    assert len(out(conn, "thanks")) == 1


def test_the_same_bytes_on_two_routes_are_one_message(conn: sqlite3.Connection, sale: int) -> None:
    post(conn, letter(), "support@us.example")
    post(conn, letter(), "sale@us.example")
    assert [count(conn, table) for table in ("messages", "cases", "deliveries", "raw_messages")] == [1, 1, 2, 1]


@pytest.mark.parametrize("days", [89, 91])
def test_a_copy_is_known_for_ninety_days(conn: sqlite3.Connection, days: int) -> None:
    post(conn, letter())
    post(conn, b"Received: later\n" + letter(), now=later(days))
    assert count(conn, "cases") == (1 if days < 90 else 2)


def test_the_same_id_with_other_words_is_another_mail(conn: sqlite3.Connection) -> None:
    post(conn, letter("One.\n", message_id="<1@x>"))
    post(conn, letter("Two.\n", message_id="<1@x>"))
    assert (count(conn, "messages"), one(conn, "SELECT marks FROM messages WHERE id = 2")) == (2, "id-reused")


def test_without_ids_the_words_alone_tell_copies(conn: sqlite3.Connection) -> None:
    for text in ("One.\n", "Two.\n", "One.\n"):
        post(conn, b"Received: another way\n" * (count(conn, "deliveries") + 1) + letter(text, message_id=""))
    assert (count(conn, "messages"), count(conn, "cases")) == (2, 2)


# What is not for us to do ------------------------------------------------------------------------------


def test_what_the_model_refuses_is_kept_with_the_reason(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmcli.errors import Refused

    def refuse(*args: object, **given: object) -> None:
        raise Refused("no more cases today")

    monkeypatch.setattr("crmcli.mail.effects.execute", refuse)
    taken = post(conn, letter())
    assert (taken.state, taken.reason) == ("triage", "no more cases today")
    assert [count(conn, table) for table in ("messages", "cases", "contacts", "outbox")] == [1, 0, 0, 0]


def test_a_mail_that_is_too_large_is_kept_and_set_aside(crm: Crm, conn: sqlite3.Connection) -> None:
    raw = letter("x" * 5000)
    assert crm("ingest", "--max-bytes", "2000", stdin=raw).exit == 0
    assert (one(conn, "SELECT reason FROM deliveries"), count(conn, "cases")) == ("set aside: oversize", 0)
    assert messages.raw(conn, 1) == raw


def test_a_mail_that_cannot_be_read_is_kept_and_set_aside(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmcli.mail.mime.tree", lambda raw: 1 / 0)
    taken = post(conn, letter())
    assert (taken.state, taken.reason, taken.case_id, out(conn)) == ("triage", "set aside: poison", None, [])
    assert messages.raw(conn, 1) == letter()


@pytest.mark.parametrize(
    "raw", [b"\n", b"x", b"\0", b"Subject: x", b"From: a\n\n", b"From: @\nTo: ,,\n\n", b":\n:\n\n", b"From: a@b\nFrom: c@d\n\nx"]
)
def test_no_mail_is_so_broken_that_it_is_lost(crm: Crm, conn: sqlite3.Connection, raw: bytes) -> None:
    assert crm("ingest", stdin=raw) == (0, "", "")
    assert (count(conn, "messages"), messages.raw(conn, 1)) == (1, raw)
    assert one(conn, "SELECT count(*) FROM deliveries WHERE state IN ('done', 'triage')") == 1


# In bulk -----------------------------------------------------------------------------------------------


@pytest.fixture(name="box")
def _box(tmp_path: Path) -> Path:
    path = tmp_path / "box"
    mails = [letter(f"Words {number}.\n>From the start\n") for number in range(3)]
    path.write_bytes(b"".join(b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + mail + b"\n" for mail in mails))
    return path


def test_a_mailbox_gives_a_line_a_mail_and_again_nothing_new(crm: Crm, conn: sqlite3.Connection, box: Path) -> None:
    done = crm("ingest", str(box), "-o", "json")
    assert [(row["place"], row["state"], row["case_id"]) for row in done.json()] == [
        (f"{box}:1", "done", 1), (f"{box}:2", "done", 2), (f"{box}:3", "done", 3),
    ]  # fmt: skip
    assert {row["state"] for row in crm("ingest", str(box), "-o", "json").json()} == {"repeat"}
    assert (count(conn, "messages"), len(out(conn, "thanks"))) == (3, 3)
    assert messages.raw(conn, 2) == letter("Words 1.\n>From the start\n")
    assert one(conn, "SELECT sender FROM deliveries WHERE id = 1") == "joe@acme.example"


def test_old_mail_in_bulk_keeps_its_dates_and_is_quiet(crm: Crm, conn: sqlite3.Connection, box: Path) -> None:
    store(conn, "rules", name="Any", mail_user=1, mail_body="x", effective_from="2026-01-01T00:00:00Z")
    crm("ingest", str(box), now=later(2))
    assert (out(conn), count(conn, "rule_firings"), count(conn, "cases")) == ([], 0, 3)
    assert one(conn, "SELECT created_at FROM cases WHERE id = 1") == "2026-03-02T08:59:00Z"


def test_old_mail_in_bulk_is_treated_as_new_where_asked(crm: Crm, conn: sqlite3.Connection, box: Path) -> None:
    crm("ingest", "--live", str(box), now=later(2))
    assert (len(out(conn, "thanks")), one(conn, "SELECT created_at FROM cases WHERE id = 1")) == (3, later(2))


def test_old_mail_from_the_pipe_is_new(crm: Crm, conn: sqlite3.Connection) -> None:
    crm("ingest", stdin=letter(), now=later(5))
    assert len(out(conn, "thanks")) == 1


def test_an_empty_mailbox_has_no_mails(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "box").touch()
    assert crm("ingest", str(tmp_path / "box"), "-o", "json") == (0, "[]\n", "")
    assert count(conn, "deliveries") == 0


def test_what_is_no_file_in_a_maildir_is_no_mail(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """A pipe would be waited for for ever, a folder would end the whole run."""
    new = tmp_path / "new"
    new.mkdir()
    os.mkfifo(new / "a")
    (new / "b").mkdir()
    (new / "c").symlink_to(new / "nowhere")
    (new / "d").write_bytes(letter())
    assert crm("ingest", str(tmp_path)).exit == 0
    assert count(conn, "messages") == 1


def test_a_maildir_and_single_files_are_taken(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "dir" / folder).mkdir(parents=True)
        (tmp_path / "dir" / folder / "1.x:2,S").write_bytes(letter(f"In {folder}.\n"))
    (tmp_path / "single.eml").write_bytes(letter("Single.\n"))
    rows = crm("ingest", str(tmp_path / "dir"), str(tmp_path / "single.eml"), "-o", "json").json()
    assert [os.path.basename(os.path.dirname(row["place"])) for row in rows] == ["new", "cur", tmp_path.name]
    assert count(conn, "cases") == 3


def test_explaining_files_tells_everything_and_writes_nothing(crm: Crm, conn: sqlite3.Connection, box: Path) -> None:
    rows = crm("ingest", "--explain", str(box), "-o", "json").json()
    assert (rows[0]["class"], rows[0]["route"], rows[0]["commands"]) == ("human", "written to support@us.example", "Add, Hear")
    assert [count(conn, table) for table in ("deliveries", "messages", "cases", "outbox")] == [0, 0, 0, 0]


def test_a_bug_in_bulk_holds_up_one_mail_only(
    crm: Crm, conn: sqlite3.Connection, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    from crmcli.mail import effects

    def picky(incoming: object, kind: object, found: object) -> object:
        if "Words 1" in incoming.text:  # type: ignore[attr-defined]
            raise RuntimeError("a bug")
        return before(incoming, kind, found)  # type: ignore[arg-type]

    before = effects.decide
    with monkeypatch.context() as patch:
        patch.setattr("crmcli.mail.effects.decide", picky)
        done = crm("ingest", str(box))
    assert (done.exit, count(conn, "cases"), done.err[:43]) == (75, 2, "4.3.0 1 of the mails could not be handled a")
    assert crm("ingest", stdin=letter("Another.\n"), now=later(1)).exit == 0
    assert (count(conn, "cases"), one(conn, "SELECT count(*) FROM deliveries WHERE state = 'received'")) == (4, 0)


# What is shown -----------------------------------------------------------------------------------------


def test_mails_are_listed_shown_and_explained(conn: sqlite3.Connection) -> None:
    post(conn, WITH_FILE)
    post(conn, letter("Away.\n", auto_submitted="auto-replied"))
    listed = list(mail_list.list_mails(conn).rows)
    assert [(row["id"], row["class"], row["case_id"], row["state"], row["deliveries"]) for row in listed] == [
        (2, "auto-reply", None, "triage", 1), (1, "human", 1, "done", 1),
    ]  # fmt: skip
    shown = next(iter(mail_list.show_mail(conn, 1).rows))
    assert (shown["subject"], next(iter(shown["attachments"].rows))["name"]) == ("Pümpe", "plan.pdf")
    why = next(iter(mail_list.explain_mail(conn, 2).rows))
    assert (why["class"], why["evidence"], why["reason"]) == ("auto-reply", "Auto-Submitted", "quiet mail: auto-reply")


def test_the_decision_is_kept_as_json(conn: sqlite3.Connection) -> None:
    post(conn, letter(from_='"A \\"B\\" \x07" <joe@acme.example>'))
    told = json.loads(one(conn, "SELECT decision FROM deliveries"))
    assert told["writer"] == "joe@acme.example"


def test_custody_and_effects_are_one_step_of_the_journal(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    rows = conn.execute("SELECT DISTINCT step FROM change_sets WHERE source = 'mail'").fetchall()
    assert (len(rows), count(conn, "journal_context")) == (1, 0)


def test_a_watcher_who_is_no_user_is_not_named_twice(conn: sqlite3.Connection, sale: int) -> None:
    post(conn, letter(), "support@us.example")
    do(conn, Edit(1, {"email_cc": "bob@us.example"}))
    post(conn, letter(), "sale@us.example")
    assert cases.get(conn, 1).email_cc == "bob@us.example"


def test_a_delivery_remembers_its_envelope(conn: sqlite3.Connection, db_path: str) -> None:
    post(conn, letter(), "a@us.example", "b@us.example", sender="", section="support")
    row = deliveries.of_message(db.connect(db_path), 1)[0]
    assert row.envelope == (("a@us.example", "b@us.example"), "", "support")
