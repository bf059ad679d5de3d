"""What is said in a case, from the command line: note, reply, quote, remind (domain.md §2, rules.md §5)."""

from __future__ import annotations

import sqlite3
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from crmcli.model import Note
from tests.cli.world import ANN, NOW, Crm, a_case, do, dump, put, row, rows, set_

SAID = """
SELECT h.direction, h.email, h.description, l.name, l.channel_id, l.mood_id
FROM case_history h JOIN case_log l ON l.id = h.log_id
"""
JOE = "joe@acme.example"


def mails(conn: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Kind, recipient and text of the mails in the outbox, oldest first."""
    found = []
    for kind, recipient, content in rows(conn, "SELECT kind, recipient, bytes FROM outbox ORDER BY id"):
        body = message_from_bytes(content, policy=default).get_body(("plain",))
        assert body is not None
        found.append((kind, recipient, body.get_content()))
    return found


# note ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"), [(("called back",), "called back"), ((), "pending words"), (("-",), "from a pipe\nof two")]
)
def test_a_note_takes_the_text_given_or_pending_or_piped(
    words: tuple[str, ...], said: str, crm: Crm, conn: sqlite3.Connection
) -> None:
    """One communication on one log row with channel and mood, which are cleared with the pending text."""
    case_id = a_case(conn, "open", description="pending words", channel_id=2, mood_id=4)
    before = row(conn, "cases", case_id)
    assert crm("case", "note", str(case_id), *words, stdin=b"from a pipe\nof two\n").out == f"{case_id}\n"
    assert rows(conn, SAID) == [("note", "ann@us.example", said, "Historize", 2, 4)]
    cleared = {"description": None, "channel_id": None, "mood_id": None, "last_action_at": NOW}
    assert row(conn, "cases", case_id) == {**before, **cleared}
    assert mails(conn) == []


def test_a_note_of_nothing_is_just_a_log_row(crm: Crm, conn: sqlite3.Connection) -> None:
    """Neither given nor pending."""
    case_id = a_case(conn, channel_id=2)
    assert crm("case", "note", str(case_id)).exit == 0
    assert rows(conn, "SELECT name, channel_id FROM case_log") == [("Historize", 2)]
    assert rows(conn, SAID) == []
    assert row(conn, "cases", case_id)["channel_id"] is None


def test_words_go_with_the_channel_and_the_mood_that_are_named(crm: Crm, conn: sqlite3.Connection) -> None:
    """One for each word, in place of what the case has; the log has them, the case is cleared, and it is one step."""
    case_id = str(a_case(conn, "open", user_id=ANN, email_from=JOE, channel_id=2, mood_id=4))
    before = dump(conn)
    assert crm("case", "note", case_id, "called", "--mood", "fury").exit == 0
    assert rows(conn, SAID) == [("note", "ann@us.example", "called", "Historize", 2, 1)]
    assert crm("undo").exit == 0
    assert {table: dump(conn)[table] for table in ("cases", "case_log")} == {
        table: before[table] for table in ("cases", "case_log")
    }
    assert crm("case", "reply", case_id, "sent", "--channel", "phone", "--mood", "Happy").exit == 0
    assert rows(conn, SAID) == [("out", JOE, "sent", "Send", 2, 4)]
    assert row(conn, "cases", int(case_id))["channel_id"] is row(conn, "cases", int(case_id))["mood_id"] is None
    for option, word, hint in (("--channel", "phon", "phone"), ("--mood", "Hapy", "Happy")):
        refused = crm("case", "note", case_id, "x", option, word)
        assert (refused.exit, refused.out) == (3, "")
        assert f"nearest: {hint}" in refused.err


def test_a_note_goes_to_several_cases(crm: Crm, conn: sqlite3.Connection) -> None:
    """Named in one word."""
    a_case(conn), a_case(conn), a_case(conn)
    assert crm("case", "note", "1,3", "same news").out == "1\n3\n"
    assert rows(conn, "SELECT l.case_id FROM case_log l JOIN case_history h ON h.log_id = l.id") == [(1,), (3,)]


def test_control_characters_never_get_into_a_note(crm: Crm, conn: sqlite3.Connection) -> None:
    """Tabs and line ends stay."""
    a_case(conn)
    crm("case", "note", "1", "red\x1b[31m\r\nnext\tcell")
    assert rows(conn, "SELECT description FROM case_history") == [("red[31m\nnext\tcell",)]


# reply ---------------------------------------------------------------------------------------------------


def test_a_reply_asks_for_address_then_responsible_then_text(crm: Crm, conn: sqlite3.Connection) -> None:
    """Each with an error of its own that says how to mend it; nothing is written meanwhile."""
    case_id = a_case(conn)
    steps = (
        ((), "case 1 has no partner e-mail (crm case edit 1 --email-from ADDRESS)"),
        (("--email-from", JOE), "case 1 has no responsible (crm case edit 1 --user LOGIN)"),
        (("--user", "ann"), "the reply to case 1 has no text (crm case reply 1 TEXT)"),
    )
    for mending, error in steps:
        if mending:
            assert crm("case", "edit", str(case_id), *mending).exit == 0
        before = dump(conn)
        run = crm("case", "reply", str(case_id))
        assert (run.exit, run.out, run.err) == (1, "", f"crm: {error}\n")
        assert dump(conn) == before
    assert crm("case", "reply", str(case_id), "It is on its way.").exit == 0


def test_a_reply_is_said_mailed_and_sets_the_sections_reply_state(crm: Crm, conn: sqlite3.Connection) -> None:
    """To the partner and the watchers, with the signature, through the section's address."""
    set_(conn, "users", ANN, signature="Ann Lee\nSupport")
    values = {"email_from": JOE, "email_cc": "boss@acme.example", "user_id": ANN, "channel_id": 4, "mood_id": 1}
    case_id = a_case(conn, "open", description="not this", **values)
    assert crm("case", "reply", str(case_id), "It is on its way.").out == "1\n"
    assert rows(conn, SAID) == [("out", JOE, "It is on its way.", "Send", 4, 1)]
    after = row(conn, "cases", case_id)
    assert [after[name] for name in ("state", "description", "channel_id", "mood_id")] == ["pending", None, None, None]
    assert [name for (name,) in rows(conn, "SELECT name FROM case_log ORDER BY id")][-2:] == ["Send", "Pending"]
    sent = mails(conn)
    assert [(kind, recipient) for kind, recipient, _ in sent] == [("reply", JOE), ("reply", "boss@acme.example")]
    assert all("It is on its way." in text and "-- \nAnn Lee\nSupport" in text for _, _, text in sent)
    headers = message_from_bytes(rows(conn, "SELECT bytes FROM outbox")[0][0], policy=default)
    assert "support" in str(headers["Reply-To"])


@pytest.mark.parametrize(
    ("state", "reply_state", "words", "after"),
    [
        ("open", "pending", (), "pending"),
        ("pending", "pending", (), "pending"),
        ("done", "pending", (), "done"),
        ("open", "done", (), "done"),
        ("open", None, (), "open"),
        ("open", "pending", ("--state", "done"), "done"),
        ("open", "pending", ("--state", "close"), "done"),
        ("open", "pending", ("--state", "open"), "open"),
    ],
)
def test_the_state_after_a_reply(
    state: str, reply_state: str | None, words: tuple[str, ...], after: str, crm: Crm, conn: sqlite3.Connection
) -> None:
    """The section's reply_state where the life cycle allows it, unless --state says otherwise."""
    set_(conn, "sections", 1, reply_state=reply_state)
    case_id = a_case(conn, state, email_from=JOE, user_id=ANN)
    assert crm("case", "reply", str(case_id), "yes", *words).exit == 0
    assert row(conn, "cases", case_id)["state"] == after


def test_a_reply_that_does_not_leave_by_itself_says_so(crm: Crm, conn: sqlite3.Connection) -> None:
    """Its section has no address to send from; what is refused or only tried writes no mail and says nothing of it."""
    set_(conn, "sections", 1, reply_to=None)
    case_id = str(a_case(conn, "open", email_from=JOE, user_id=ANN))
    assert "is held" not in crm("case", "reply", case_id, "x", "-n").err
    done = crm("case", "reply", case_id, "on its way")
    assert (done.exit, done.out) == (0, f"{case_id}\n")
    assert done.err == f"the mail to {JOE} is held: no address to send from (crm mail outbox list)\n"
    assert crm("case", "reply", case_id, "on its way", "-q").err == ""
    set_(conn, "sections", 1, reply_to="support@us.example")
    assert crm("case", "reply", case_id, "on its way").err == ""


def test_a_state_that_the_life_cycle_forbids_stops_the_reply(crm: Crm, conn: sqlite3.Connection) -> None:
    """All of it: nothing is said and nothing sent."""
    case_id = a_case(conn, "done", email_from=JOE, user_id=ANN)
    before = dump(conn)
    run = crm("case", "reply", str(case_id), "yes", "--state", "pending")
    assert (run.exit, run.err) == (1, "crm: cannot set case 1 to pending: it is done (allowed from done: open, reset)\n")
    assert dump(conn) == before


def test_files_go_with_a_reply_and_stay_on_the_case(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """--attach, once for each."""
    (tmp_path / "plan.txt").write_text("the plan")
    (tmp_path / "bill.pdf").write_bytes(b"%PDF")
    case_id = a_case(conn, email_from=JOE, user_id=ANN)
    run = crm(
        "case", "reply", str(case_id), "see there", "--attach", str(tmp_path / "plan.txt"), "--attach", str(tmp_path / "bill.pdf")
    )
    assert run.exit == 0
    sent = message_from_bytes(rows(conn, "SELECT bytes FROM outbox")[0][0], policy=default)
    assert [(part.get_filename(), part.get_content_type()) for part in sent.iter_attachments()] == [
        ("plan.txt", "text/plain"),
        ("bill.pdf", "application/pdf"),
    ]
    assert [one["name"] for one in crm("case", "files", str(case_id), "-o", "json").json()] == ["plan.txt", "bill.pdf"]


def test_a_file_that_is_not_there_stops_the_reply_before_it_begins(crm: Crm, conn: sqlite3.Connection) -> None:
    """Exit 3."""
    case_id = a_case(conn, email_from=JOE, user_id=ANN)
    before = dump(conn)
    run = crm("case", "reply", str(case_id), "see there", "--attach", "/nowhere/plan.txt")
    assert (run.exit, run.err) == (3, "crm: cannot read /nowhere/plan.txt: No such file or directory\n")
    assert dump(conn) == before


def test_a_reply_starts_from_a_canned_one_and_quotes(crm: Crm, conn: sqlite3.Connection) -> None:
    """The quote first, then the canned text, then the words given."""
    put(conn, "canned_replies", name="sorry", text="We are sorry.")
    case_id = a_case(conn, email_from=JOE, user_id=ANN)
    do(conn, Note(case_id, "it leaks\n> since when?"))
    assert crm("case", "reply", str(case_id), "Ann comes today.", "--template", "sorry", "--quote").exit == 0
    text = "> it leaks\n>> since when?\n\nWe are sorry.\n\nAnn comes today."
    assert rows(conn, "SELECT description FROM case_history ORDER BY id DESC LIMIT 1") == [(text,)]
    run = crm("case", "reply", str(case_id), "--template", "sorri")
    assert run.exit == 3
    assert "sorry" in run.err


# quote, remind ---------------------------------------------------------------------------------------------


def test_quote_puts_the_newest_words_before_what_is_pending(crm: Crm, conn: sqlite3.Connection) -> None:
    """Which reply then takes."""
    case_id = a_case(conn, "open", description="my answer")
    do(conn, Note(case_id, "first"))
    assert crm("case", "edit", str(case_id), "--description", "my answer").exit == 0
    before = rows(conn, "SELECT count(*) FROM case_log")
    assert crm("case", "quote", str(case_id)).exit == 0
    assert row(conn, "cases", case_id)["description"] == "> first\n\nmy answer"
    assert row(conn, "cases", case_id)["state"] == "open"
    assert rows(conn, "SELECT count(*) FROM case_log") == before


def test_there_must_be_something_to_quote(crm: Crm, conn: sqlite3.Connection) -> None:
    """A case without words has none."""
    case_id = a_case(conn, email_from=JOE, user_id=ANN)
    before = dump(conn)
    for words in (("quote", str(case_id)), ("reply", str(case_id), "x", "--quote")):
        run = crm("case", *words)
        assert (run.exit, run.err) == (1, "crm: case 1 has no communication to quote (crm case show 1)\n")
    assert dump(conn) == before


def test_a_reminder_sends_the_newest_words_to_whom_it_is_told(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """To the responsible, the partner, or both, with the files of the case where asked."""
    (tmp_path / "plan.txt").write_text("the plan")
    case_id = a_case(conn, "pending", email_from=JOE, user_id=ANN)
    do(conn, Note(case_id, "please look"))
    crm("case", "attach", str(case_id), str(tmp_path / "plan.txt"))
    before = row(conn, "cases", case_id)
    assert crm("case", "remind", str(case_id), "--user", "--partner", "--attach").out == "1\n"
    assert [(kind, to) for kind, to, _ in mails(conn)] == [("remind", "ann@us.example"), ("remind", JOE)]
    assert all("please look" in text for _, _, text in mails(conn))
    for (content,) in rows(conn, "SELECT bytes FROM outbox"):
        sent = message_from_bytes(content, policy=default)
        assert str(sent["Subject"]) == "Reminder: [1] Pump broken"
        assert [part.get_filename() for part in sent.iter_attachments()] == ["plan.txt"]
    assert row(conn, "cases", case_id) == before
    assert rows(conn, "SELECT name FROM case_log ORDER BY id DESC LIMIT 1") == [("Remind",)]


def test_what_a_reminder_lacks_is_an_error_of_its_own(crm: Crm, conn: sqlite3.Connection) -> None:
    """Never silence."""
    case_id = a_case(conn)
    set_(conn, "sections", 1, reply_to=None)
    before = dump(conn)
    said = [
        crm("case", "remind", str(case_id)).err,
        crm("case", "remind", str(case_id), "--user").err,
    ]
    assert dump(conn) == before
    set_(conn, "sections", 1, reply_to="support@us.example")
    said += [crm("case", "remind", str(case_id), "--user").err, crm("case", "remind", str(case_id), "--partner").err]
    assert [text.split(" (")[0] for text in said] == [
        "crm: nobody to remind of case 1",
        "crm: section Support has no reply-to address",
        "crm: case 1 has no responsible with an address",
        "crm: case 1 has no partner e-mail",
    ]
    assert mails(conn) == []


# The editor ------------------------------------------------------------------------------------------------


@pytest.fixture(name="editor")
def _editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A terminal, and an editor that keeps what it was given and writes what is in the file `words`."""
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/given\ncat {tmp_path}/words > "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.setattr("crmcli.cli.session.Session.on_terminal", True)
    return tmp_path


def test_on_a_terminal_words_come_from_the_editor(crm: Crm, conn: sqlite3.Connection, editor: Path) -> None:
    """Which begins with what is pending."""
    a_case(conn, description="half a thought")
    (editor / "words").write_text("a whole thought\n\n")
    assert crm("case", "note", "1").exit == 0
    assert (editor / "given").read_text() == "half a thought"
    assert rows(conn, "SELECT description FROM case_history") == [("a whole thought",)]


def test_an_emptied_text_does_nothing(crm: Crm, conn: sqlite3.Connection, editor: Path) -> None:
    """As one changes one's mind."""
    a_case(conn, description="half a thought")
    (editor / "words").write_text(" \n")
    before = dump(conn)
    run = crm("case", "note", "1")
    assert (run.exit, run.err) == (2, "crm: nothing was done: the text is empty\n")
    assert dump(conn) == before


def test_a_reply_is_edited_with_the_quote_in_it(crm: Crm, conn: sqlite3.Connection, editor: Path) -> None:
    """And sent as it comes back."""
    a_case(conn, email_from=JOE, user_id=ANN)
    do(conn, Note(1, "it leaks"))
    (editor / "words").write_text("> it leaks\n\nwe come")
    assert crm("case", "reply", "1", "--quote").exit == 0
    assert (editor / "given").read_text() == "> it leaks"
    assert rows(conn, "SELECT description FROM case_history ORDER BY id DESC LIMIT 1") == [("> it leaks\n\nwe come",)]


def test_an_editor_that_fails_or_is_missing_is_told(
    crm: Crm, conn: sqlite3.Connection, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is done."""
    a_case(conn)
    monkeypatch.setenv("EDITOR", "false")
    assert crm("case", "note", "1").err == "crm: nothing was done: false ended with 1\n"
    monkeypatch.setenv("EDITOR", "/nowhere/vi")
    assert crm("case", "note", "1").err.startswith("crm: the editor /nowhere/vi cannot be started")
    assert rows(conn, "SELECT count(*) FROM case_log") == [(0,)]
