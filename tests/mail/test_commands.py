"""Commands by mail: who may give them, what each does, and that no line is lost or half obeyed (mail.md §5)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmcli import resources
from crmcli.mail import commands
from crmcli.mail.effects import Taken
from crmcli.model import Act
from tests.conftest import NOW, Run
from tests.mail import talk
from tests.mail.post import body, count, do, later, letter, one, out, post, said, setting, store

RECEIVED = "from somewhere by mx.us.example; Mon, 02 Mar 2026 09:00:00 +0000"
PASS = "mx.us.example; dmarc=pass header.from=us.example"


@pytest.fixture(name="case")
def _case(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Case 1 of joe's, open, of which ann has a notice; bob, a category and Sales are there too."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    store(conn, "sections", name="Sales", code="sale", reply_to="sales@us.example", user_id=2)
    store(conn, "categories", name="Warranty", probability=20)
    store(conn, "partners", name="Acme")
    post(conn, letter())
    do(conn, Act(1, "open"))
    return conn


def notice(conn: sqlite3.Connection, to: str = "ann@us.example") -> Any:
    """The newest notice that somebody was sent."""
    return out(conn, "forward", to=to)[-1]


def answer(conn: sqlite3.Connection, text: str, *, envelope: str | None = None, now: str = NOW, **headers: str) -> Taken:
    """An answer of ann's to her notice, by its plus part; envelope is another recipient than that."""
    told = notice(conn)
    given_ = {"from_": "Ann Lee <ann@us.example>", "to": told["Reply-To"], "in_reply_to": told["Message-ID"], **headers}
    return post(conn, letter(text, **given_), told["Reply-To"] if envelope is None else envelope, now=now)


def decision(conn: sqlite3.Connection, name: str) -> Any:
    """What was noted of the newest delivery."""
    return one(conn, f"SELECT json_extract(decision, '$.{name}') FROM deliveries ORDER BY id DESC")


def value(conn: sqlite3.Connection, column: str, case_id: int = 1) -> Any:
    return one(conn, f"SELECT {column} FROM cases WHERE id = ?", case_id)


# What each does -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "column", "stored"),
    [
        ("Set-State: close", "state", "done"),
        ("Set-State: done", "state", "done"),
        ("Set-State: cancel", "state", "cancel"),
        ("Set-Priority: 2", "priority", 2),
        ("Set-Priority: highest", "priority", 1),
        ("Set-User: bob", "user_id", 2),
        ("Set-User: bob@us.example", "user_id", 2),
        ("Set-Section: sale", "section_id", 2),
        ("Set-Revenue: 1200.50", "planned_revenue", 120050),
        ("Set-Cost: 1,000", "planned_cost", 100000),
        ("Set-Probability: 35%", "probability", 35),
        ("Set-Category: warranty", "category_id", 1),
        ("Set-Deadline: 2026-03-31", "deadline_at", "2026-03-31T23:59:59Z"),
        ("Set-Deadline: tomorrow", "deadline_at", "2026-03-03T23:59:59Z"),
        ("Set-Partner: acme", "partner_id", 1),
        ("sET-pRIORITY:4", "priority", 4),
        ("SET-PRIORITY :  4   ", "priority", 4),
        ("Set-Priority: 4\r", "priority", 4),
    ],
)
def test_each_command_sets_what_the_command_line_would(case: sqlite3.Connection, line: str, column: str, stored: Any) -> None:
    answer(case, f"{line}\n\nWe are on it.\n")
    assert value(case, column) == stored
    assert said(case, 1)[-1] == ("out", "joe@acme.example", "We are on it.")
    assert "Set-" not in body(out(case, "reply")[-1]).title()
    assert decision(case, "refused") is None
    assert out(case, "alert") == []


def test_an_empty_value_clears_a_field_and_what_must_not_be_empty_is_refused(case: sqlite3.Connection) -> None:
    answer(case, "Set-Revenue: 5\nSet-Revenue:\nSet-Section:\nSet-Priority:\n\nHello.\n")
    assert value(case, "planned_revenue") is None
    assert (value(case, "section_id"), value(case, "priority")) == (1, 3)
    assert decision(case, "obeyed") == "Set-Revenue: 5; Set-Revenue:"
    assert said(case, 1)[-1][2] == "Set-Section:\nSet-Priority:\n\nHello."


def test_a_deadline_is_read_in_the_zone_of_the_site(case: sqlite3.Connection) -> None:
    setting(case, "zone", "Europe/Berlin")
    answer(case, "Set-Deadline: 2026-03-31\n\nHello.\n")
    assert value(case, "deadline_at") == "2026-03-31T21:59:59Z"


def test_every_line_of_the_block_is_a_change_of_its_own_by_its_sender(case: sqlite3.Connection) -> None:
    before = one(case, "SELECT max(id) FROM changes")
    answer(case, "Set-Priority: 1\nSet-Cost: 7\nSet-State: close\n\nDone.\n")
    rows = case.execute(
        "SELECT s.user_id, c.new FROM changes c JOIN change_sets s ON s.id = c.change_set_id"
        " WHERE c.table_name = 'cases' AND c.id > ? ORDER BY c.id",
        (before,),
    ).fetchall()
    assert {row[0] for row in rows} == {1}
    words = ("priority", "planned_cost", "state")
    assert [[word for word in words if f'"{word}"' in row[1]] for row in rows] == [["priority"], ["planned_cost"], [], ["state"]]


def test_the_state_that_is_set_wins_over_the_one_of_the_section(case: sqlite3.Connection) -> None:
    for step, (word, state) in enumerate((("open", "open"), ("pending", "pending"), ("close", "done"), ("open", "open"))):
        answer(case, f"Set-State: {word}\n\nWords {step}.\n")
        assert value(case, "state") == state
    names = [row[0] for row in case.execute("SELECT name FROM case_log WHERE case_id = 1 ORDER BY id")]
    assert names == ["Receive", "Open", "Send", "Send", "Pending", "Send", "Close", "Send", "Open"]


def test_without_a_state_the_section_has_its_way(case: sqlite3.Connection) -> None:
    answer(case, "Set-Priority: 1\n\nHello.\n")
    assert value(case, "state") == "pending"


def test_escalation_goes_to_the_section_above_and_leaves_the_state_to_the_section(case: sqlite3.Connection) -> None:
    answer(case, "Set-State: escalate\n\nHello.\n")
    assert "at the top" in decision(case, "refused")
    case.execute("UPDATE sections SET parent_id = 2 WHERE id = 1")
    answer(case, "Set-State: escalate\n\nHello again.\n")
    assert (value(case, "section_id"), value(case, "user_id"), value(case, "state")) == (2, 2, "pending")


def test_a_mail_of_commands_alone_sends_nothing(case: sqlite3.Connection) -> None:
    told = notice(case)
    quote = "\n".join(f"> {line}" for line in body(told).splitlines())
    answer(case, f"Set-State: close\nSet-User: bob\n\n-- \nAnn Lee\n\nOn Monday Joe wrote:\n{quote}\n")
    assert (value(case, "state"), value(case, "user_id")) == ("done", 2)
    assert out(case, "reply") == []
    assert said(case, 1)[-1] == ("note", "ann@us.example", "(commands only)")


@pytest.mark.parametrize("way", ["", "; delsp=yes"])
def test_a_blank_behind_a_command_joins_no_line_to_it(case: sqlite3.Connection, way: str) -> None:
    told = notice(case)
    raw = letter("Set-State: close \nSet-Priority: 2\t \nWe \ncome.\n", from_="ann@us.example", in_reply_to=told["Message-ID"])
    post(case, raw.replace(b"charset=utf-8", f"charset=utf-8; format=flowed{way}".encode()), told["Reply-To"])
    assert (value(case, "state"), value(case, "priority")) == ("done", 2)
    assert f"We{'' if way else ' '}come." in body(out(case, "reply")[-1])


def test_files_go_out_though_all_words_are_commands(case: sqlite3.Connection) -> None:
    told = notice(case)
    raw = letter("", from_="ann@us.example", in_reply_to=told["Message-ID"]).partition(b"MIME-Version")[0] + (
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nSet-State: close\n"
        b'--b\nContent-Type: image/png\nContent-Disposition: attachment; filename="a.png"\n\nPNG\n--b--\n'
    )
    post(case, raw, told["Reply-To"])
    assert value(case, "state") == "done"
    assert [part.get_filename() for part in out(case, "reply")[-1].walk() if part.get_filename()] == ["a.png"]


def test_commands_in_an_internal_note_are_obeyed(case: sqlite3.Connection) -> None:
    setting(case, "authserv_id", "mx.us.example")
    setting(case, "our_hosts", "mx.us.example")
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    text = "Set-User: bob\nSet-State: close\n\nFor bob.\n"
    post(case, head + letter(text, from_="ann@us.example", subject="Re: [1] Pump"), "support@us.example")
    assert (value(case, "user_id"), value(case, "state")) == (2, "done")
    assert said(case, 1)[-1] == ("note", "ann@us.example", "For bob.")
    assert "For bob." in body(notice(case, "bob@us.example"))
    assert out(case, "reply") == []


# On new and closed cases --------------------------------------------------------------------------------


def new_case(conn: sqlite3.Connection, text: str) -> int:
    """A new case by a mail of ann's that our server vouches for."""
    setting(conn, "authserv_id", "mx.us.example")
    setting(conn, "our_hosts", "mx.us.example")
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    taken = post(conn, head + letter(text, from_="ann@us.example", subject="Call"), "support@us.example")
    assert taken.case_id
    return taken.case_id


def test_a_new_case_by_the_staff_begins_as_it_is_told(case: sqlite3.Connection) -> None:
    number = new_case(
        case, "Set-Section: sale\nSet-Priority: 1\nSet-Revenue: 9\nSet-Partner: Acme\nSet-State: open\n\nCall Joe.\n"
    )
    row = case.execute(
        "SELECT section_id, user_id, priority, planned_revenue, partner_id, state FROM cases WHERE id = ?", (number,)
    )
    assert tuple(row.fetchone()) == (2, 2, 1, 900, 1, "open")
    assert said(case, number) == [("in", "ann@us.example", "Call Joe.")]
    assert "Call Joe." in body(notice(case, "bob@us.example"))
    assert decision(case, "refused") is None


def test_a_new_case_goes_to_whom_it_is_given_and_a_rule_still_has_the_last_word(case: sqlite3.Connection) -> None:
    assert value(case, "user_id", new_case(case, "Set-User: bob\n\nCall Joe.\n")) == 2
    store(case, "rules", name="Sort", state_to="draft", set_priority=5, effective_from=NOW)
    assert value(case, "priority", new_case(case, "Set-Priority: 1\n\nCall Sue.\n")) == 5


def test_what_is_mistaken_in_a_new_case_stays_in_its_text(case: sqlite3.Connection) -> None:
    number = new_case(case, "Set-Priority: 9\nSet-State: escalate\nSet-User: bob\n\nCall Joe.\n")
    assert said(case, number)[0][2] == "Set-Priority: 9\nSet-State: escalate\n\nCall Joe."
    assert (value(case, "user_id", number), value(case, "priority", number), value(case, "state", number)) == (2, 3, "draft")
    told = out(case, "alert")
    assert [mail["To"] for mail in told] == ['"Ann Lee" <ann@us.example>']
    assert f"[{number}]" in str(told[0]["Subject"])
    assert count(case, "cases") == number


def test_a_closed_case_is_opened_changed_or_left_closed_as_it_is_told(case: sqlite3.Connection) -> None:
    do(case, Act(1, "close"))
    answer(case, "Set-Priority: 1\n\nOne.\n")
    assert (value(case, "state"), value(case, "priority")) == ("done", 1)
    answer(case, "Set-State: close\n\nTwo.\n")
    assert value(case, "state") == "done"
    assert decision(case, "obeyed") == "Set-State: close"
    answer(case, "Set-State: pending\n\nThree.\n")
    assert value(case, "state") == "done"
    assert "cannot set case 1 to pending: it is done" in decision(case, "refused")
    answer(case, "Set-State: open\n\nFour.\n")
    assert value(case, "state") == "open"
    assert [text for _, _, text in said(case, 1)[1:]] == ["One.", "Two.", "Set-State: pending\n\nThree.", "Four."]


def test_a_member_of_the_staff_who_is_the_partner_of_the_case_may_set_its_state(case: sqlite3.Connection) -> None:
    """The mail is heard as the partner's, which would open the case; the state that is set wins."""
    setting(case, "authserv_id", "mx.us.example")
    setting(case, "our_hosts", "mx.us.example")
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    number = new_case(case, "My screen is black.\n")
    text = "Set-State: close\n\nIt works again.\n"
    taken = post(case, head + letter(text, from_="ann@us.example", subject=f"Re: [{number}] Call"), "support@us.example")
    assert (taken.case_id, value(case, "state", number)) == (number, "done")
    assert said(case, number)[-1] == ("in", "ann@us.example", "It works again.")


def test_a_rule_answers_once_to_a_state_that_is_set(case: sqlite3.Connection) -> None:
    store(case, "rules", name="Bye", state_to="done", mail_partner=1, mail_body="Bye.", effective_from=NOW)
    answer(case, "Set-State: close\n\nDone.\n")
    assert ["Bye." in body(mail) for mail in out(case, "rule", to="joe@acme.example")] == [True]
    assert count(case, "rule_firings") == 1


# What is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Set-State: nonsense", "there is no state nonsense: one of: open, pending, close"),
        ("Set-State:", "there is no state (empty)"),
        ("Set-Priority: 6", "no priority 6"),
        ("Set-User: nobody", "no user nobody"),
        ("Set-Section: nowhere", "no section nowhere"),
        ("Set-Revenue: much", "planned revenue is an amount such as 1200.50, not much"),
        ("Set-Cost: 1.234", "planned cost is an amount"),
        ("Set-Probability: 101", "probability is a percentage from 0 to 100"),
        ("Set-Category: none", "no category none"),
        ("Set-Deadline: someday", "someday"),
        ("Set-Partner: Nobody Inc", "no partner Nobody Inc"),
        ("Set-Name: Other", "there is no command Set-Name"),
        ("Set-Email-From: eve@evil.example", "there is no command Set-Email-From"),
        ("Set-Delete: yes", "there is no command Set-Delete"),
        ("Set-Merge: 2", "there is no command Set-Merge"),
        ("Set-Transport: maildir:/tmp", "there is no command Set-Transport"),
        ("Set-Active: no", "there is no command Set-Active"),
    ],
)
def test_a_mistaken_line_stays_and_its_sender_is_told_why(case: sqlite3.Connection, line: str, why: str) -> None:
    moves = ("state", "last_action_at", "channel_id", "user_id")  # with every answer
    columns = ", ".join(row[1] for row in case.execute("PRAGMA table_info(cases)") if row[1] not in moves)
    before = tuple(case.execute(f"SELECT {columns} FROM cases").fetchone())
    answer(case, f"{line}\nSet-Channel: x\n\nHello.\n")
    assert tuple(case.execute(f"SELECT {columns} FROM cases").fetchone()) == before
    assert said(case, 1)[-1] == ("out", "joe@acme.example", f"{line}\nSet-Channel: x\n\nHello.")
    assert line in body(out(case, "reply")[-1])
    assert why in decision(case, "refused")
    (told,) = out(case, "alert")
    assert (told["To"], told["Auto-Submitted"]) == ('"Ann Lee" <ann@us.example>', "auto-generated")
    assert line in body(told)
    assert why in body(told)
    assert "Set-Channel" in body(told)


def test_a_refused_line_does_not_undo_the_others(case: sqlite3.Connection) -> None:
    answer(case, "Set-Priority: 1\nSet-User: nobody\nSet-Cost: 3\nSet-State: reset\n\nHello.\n")
    assert (value(case, "priority"), value(case, "planned_cost"), value(case, "state")) == (1, 300, "pending")
    assert decision(case, "obeyed") == "Set-Priority: 1; Set-Cost: 3"
    assert said(case, 1)[-1][2] == "Set-User: nobody\nSet-State: reset\n\nHello."
    text = body(out(case, "alert")[-1])
    assert "Set-User: nobody" in text
    assert text.index("These were:") < text.index("Set-Cost: 3")


def test_lines_further_down_are_words(case: sqlite3.Connection) -> None:
    for text in (
        "Hello.\nSet-Priority: 1",
        "Set-Up is done.\nSet-Priority: 1",
        "> Set-Priority: 1\n\nYes.",
        "  Set-Priority: 1\n\nNo.",
    ):
        answer(case, f"{text}\n")
        assert said(case, 1)[-1][2] == text.removeprefix("> Set-Priority: 1").strip()
    answer(case, "\n\n \nSet-Cost: 1\n\nSet-Priority: 1\nHello.\n")
    assert said(case, 1)[-1][2] == "Set-Priority: 1\nHello."
    assert (value(case, "priority"), value(case, "planned_cost")) == (3, 100)


def test_no_value_can_make_lines_or_headers(case: sqlite3.Connection) -> None:
    answer(case, "Set-User: ann\r\n bcc: eve@evil.example\rSubject: x\n\nHello.\n")
    answer(
        case, "Set-User: nobody\x0b\x0cBcc: eve@evil.example\nSet-Partner: =?utf-8?q?a=0D=0ABcc:_eve@evil.example?=\n\nHello.\n"
    )
    for mail in out(case):
        assert mail["Bcc"] is None
        assert "evil" not in str([*mail.items()])
    assert {mail["To"] for mail in out(case, "alert")} == {'"Ann Lee" <ann@us.example>'}


def test_where_the_mail_itself_is_refused_no_command_is_obeyed(case: sqlite3.Connection) -> None:
    case.execute("CREATE TEMP TRIGGER no BEFORE INSERT ON main.case_history BEGIN SELECT RAISE(ABORT, 'not today'); END")
    taken = answer(case, "Set-Priority: 1\nSet-User: nobody\n\nHello.\n")
    assert (taken.state, taken.reason, taken.case_id) == ("triage", "not today", None)
    assert value(case, "priority") == 3
    assert out(case, "alert") == []
    assert decision(case, "obeyed") is None


def test_a_busy_database_refuses_nobody(case: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no word about the command: the mail server tries again."""
    from crmcli import records
    from crmcli.errors import Busy

    def busy(*_: Any) -> None:
        raise Busy("the database is busy")

    monkeypatch.setattr(records, "parsed", busy)
    with pytest.raises(Busy):
        answer(case, "Set-Priority: 1\n\nHello.\n")
    assert one(case, "SELECT state FROM deliveries ORDER BY id DESC") == "received"
    monkeypatch.undo()
    answer(case, "Set-Priority: 1\n\nHello.\n", now=later(1))
    assert value(case, "priority") == 1


# Who may command ----------------------------------------------------------------------------------------


def unheeded(conn: sqlite3.Connection, text: str = "Set-State: close\nSet-Priority: 1\n") -> None:
    """Nothing was changed, the lines are words, and nobody is written to about them."""
    assert value(conn, "priority") == 3
    assert value(conn, "state") != "done"
    assert text.strip() in [row[0].strip() for row in conn.execute("SELECT description FROM case_history")]
    assert out(conn, "alert") == []
    assert decision(conn, "obeyed") is None


def test_the_partner_does_not_command(case: sqlite3.Connection) -> None:
    told = notice(case)
    post(case, letter("Set-State: close\nSet-Priority: 1\n"), told["Reply-To"])
    unheeded(case)


@pytest.mark.parametrize("configured", [False, True])
def test_a_forged_from_does_not_command(case: sqlite3.Connection, configured: bool) -> None:
    if configured:
        setting(case, "authserv_id", "mx.us.example")
        setting(case, "our_hosts", "mx.us.example")
    text = "Set-State: close\nSet-Priority: 1\n"
    post(case, letter(text, from_="ann@us.example", subject="Re: [1] Pump", received=RECEIVED), "support@us.example")
    unheeded(case)


@pytest.mark.parametrize(
    "results",
    [
        PASS,
        "mx.us.example; dkim=pass header.d=us.example",
        "mx.us.example (mx.us.example); dmarc=pass header.from=us.example",
    ],
)
def test_results_that_stand_below_our_received_do_not_count(case: sqlite3.Connection, results: str) -> None:
    setting(case, "authserv_id", "mx.us.example")
    setting(case, "our_hosts", "mx.us.example")
    text = "Set-State: close\nSet-Priority: 1\n"
    raw = letter(text, from_="ann@us.example", subject="Re: [1] Pump", received=RECEIVED, authentication_results=results)
    post(case, raw, "support@us.example")
    unheeded(case)


def test_results_of_another_server_or_without_the_setting_do_not_count(case: sqlite3.Connection) -> None:
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    raw = head + letter("Set-State: close\nSet-Priority: 1\n", from_="ann@us.example", subject="Re: [1] Pump")
    post(case, raw, "support@us.example")
    unheeded(case)
    assert "not proven" in decision(case, "refused")
    setting(case, "our_hosts", "mx.us.example")
    setting(case, "authserv_id", "other.us.example")
    post(case, raw.replace(b"Pump", b"Pump!"), "support@us.example")
    unheeded(case)


def test_the_token_of_somebody_else_does_not_make_one_a_commander(case: sqlite3.Connection) -> None:
    """Bob, whom nothing vouches for, has got hold of ann's notice."""
    told = notice(case)
    text = "Set-State: close\nSet-Priority: 1\n"
    post(case, letter(text, from_="bob@us.example", in_reply_to=told["Message-ID"]), told["Reply-To"])
    unheeded(case)
    assert "not proven" in decision(case, "refused")


def test_a_token_of_another_database_proves_nothing(case: sqlite3.Connection) -> None:
    told = str(notice(case)["Reply-To"])
    token = told.partition("+")[2].partition("@")[0]
    forged = told.replace(token, talk.foreign(token))
    post(case, letter("Set-State: close\nSet-Priority: 1\n", from_="ann@us.example", subject="Re: [1] Pump"), forged)
    unheeded(case)


def test_a_token_in_references_or_to_alone_proves_nobody(case: sqlite3.Connection) -> None:
    """It threads, and the answer goes out; but whoever was answered has those references too."""
    text = "Set-State: close\nSet-Priority: 1\n"
    answer(case, f"{text}\nHello.\n", envelope="support@us.example", references=str(notice(case)["References"]))
    assert said(case, 1)[-1] == ("out", "joe@acme.example", f"{text}\nHello.")
    unheeded(case, f"{text}\nHello.")
    assert "not proven" in decision(case, "refused")


def test_who_has_left_does_not_command(case: sqlite3.Connection) -> None:
    told = notice(case)
    case.execute("UPDATE users SET active = 0 WHERE id = 1")
    text = "Set-State: close\nSet-Priority: 1\n"
    post(case, letter(text, from_="ann@us.example", in_reply_to=told["Message-ID"]), told["Reply-To"])
    unheeded(case)


@pytest.mark.parametrize("header", [{"auto_submitted": "auto-replied"}, {"precedence": "bulk"}, {"x_autoreply": "yes"}])
def test_machines_do_not_command(case: sqlite3.Connection, header: dict[str, str]) -> None:
    answer(case, "Set-State: close\nSet-Priority: 1\n", **header)
    unheeded(case)


def test_two_writers_are_nobody(case: sqlite3.Connection) -> None:
    answer(case, "Set-State: close\nSet-Priority: 1\n\nHello.\n", from_="ann@us.example, eve@evil.example")
    assert (value(case, "priority"), out(case, "alert")) == (3, [])


def test_who_fills_in_a_web_form_is_nobody_though_the_form_is_ours(case: sqlite3.Connection) -> None:
    setting(case, "authserv_id", "mx.us.example")
    setting(case, "our_hosts", "mx.us.example")
    setting(case, "forms", "form@us.example")
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    text = "Set-State: close\nSet-Priority: 1\n"
    raw = letter(text, from_="form@us.example", reply_to="ann@us.example", subject="Re: [1] Pump")
    post(case, head + raw, "support@us.example")
    unheeded(case)


def test_html_is_no_place_for_commands_and_its_sender_is_told(case: sqlite3.Connection) -> None:
    told = notice(case)
    raw = letter("<p>Set-Priority: 1</p><p>Hello.</p>", from_="ann@us.example", in_reply_to=told["Message-ID"])
    post(case, raw.replace(b"text/plain", b"text/html"), told["Reply-To"])
    assert value(case, "priority") == 3
    assert said(case, 1)[-1][2].startswith("Set-Priority: 1")
    assert "HTML" in body(out(case, "alert")[-1])


@pytest.mark.parametrize(
    "parts",
    [
        ("Content-Type: text/plain; name=x.txt\nContent-Disposition: inline; filename=x.txt\n\nSet-State: close",),
        ("Content-Type: text/plain\n\n \n", "Content-Type: text/plain\nContent-Disposition: inline\n\nSet-State: close"),
        ("Content-Type: image/png\n\nPNG", "Content-Type: text/plain\n\nSet-State: close"),
    ],
)
def test_a_file_and_a_later_part_are_no_place_for_commands(case: sqlite3.Connection, parts: tuple[str, ...]) -> None:
    """They may be another's words, passed on without any of one's own."""
    told = notice(case)
    head = letter("", from_="ann@us.example", in_reply_to=told["Message-ID"]).partition(b"MIME-Version")[0]
    text = "".join(f"--b\n{part}\n" for part in parts)
    post(case, head + f"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{text}--b--\n".encode(), told["Reply-To"])
    assert value(case, "state") != "done"
    assert "this was a file or a later part" in body(out(case, "alert")[-1])


def test_what_was_obeyed_is_not_obeyed_again_under_another_id(case: sqlite3.Connection) -> None:
    """Whoever was sent a copy may send it on, and our server vouches for it still."""
    told = notice(case)
    raw = letter("Set-State: close\n", from_="ann@us.example", in_reply_to=told["Message-ID"], message_id="<1@us.example>")
    post(case, raw, told["Reply-To"])
    do(case, Act(1, "reset"))
    post(case, raw.replace(b"<1@", b"<2@"), told["Reply-To"], now=later(1))
    assert value(case, "state") != "done"
    assert "obeyed before" in decision(case, "refused")
    later_on = raw.replace(b"<1@", b"<3@").replace(b"08:59:00", b"09:59:00")
    post(case, later_on, told["Reply-To"], now=later(1))
    assert value(case, "state") == "done"


def test_old_mail_read_in_bulk_commands_nothing(case: sqlite3.Connection) -> None:
    told = notice(case)
    raw = letter("Set-Priority: 1\n\nHello.\n", from_="ann@us.example", in_reply_to=told["Message-ID"])
    post(case, raw, told["Reply-To"], now=later(9), history=True)
    assert value(case, "priority") == 3
    assert "old mail" in decision(case, "refused")
    assert out(case, "alert") == []


def test_a_copy_of_a_mail_commands_once(case: sqlite3.Connection) -> None:
    answer(case, "Set-Priority: 1\n\nHello.\n", message_id="<x@us.example>")
    case.execute("UPDATE cases SET priority = 3")
    answer(case, "Set-Priority: 1\n\nHello.\n", message_id="<x@us.example>", envelope="support@us.example")
    assert value(case, "priority") == 3


def test_the_whole_of_a_mail_that_came_cut_off_and_one_that_is_read_again_keep_their_commands_out(
    case: sqlite3.Connection, crm: Callable[..., Run]
) -> None:
    setting(case, "authserv_id", "mx.us.example")
    setting(case, "our_hosts", "mx.us.example")
    head = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode()
    raw = head + letter(
        "Set-Priority: 1\nSet-User: nobody\n\nFor bob, all of it.\n", from_="ann@us.example", subject="Re: [1] Pump"
    )
    post(case, raw[:-12], "support@us.example")
    assert said(case, 1)[-1] == ("note", "ann@us.example", "Set-User: nobody\n\nFor bob,")
    case.execute("UPDATE cases SET priority = 3")
    post(case, raw, "support@us.example", now=later(1))
    assert said(case, 1)[-1] == ("note", "ann@us.example", "Set-User: nobody\n\nFor bob, all of it.")
    for _ in range(2):
        mail = str(one(case, "SELECT max(id) FROM messages"))
        assert crm("mail", "reprocess", mail, now=later(2)).exit == 0
        assert said(case, 1)[-1] == ("note", "ann@us.example", "Set-User: nobody\n\nFor bob, all of it.")
        assert "Set-Priority: 1" in [row["obeyed"] for row in crm("mail", "explain", mail, "-o", "json").json()]
    assert value(case, "priority") == 3
    assert len(out(case, "alert")) == 1


@pytest.mark.parametrize(
    ("who", "text"), [("joe@acme.example", "Set-State: close\n\nHello.\n"), ("ann@us.example", "Hello.\nSet-State: close\n")]
)  # fmt: skip
def test_what_commands_need_is_not_loaded_for_other_mail(db_path: str, who: str, text: str) -> None:
    """Most of what a mail costs is loading code."""
    code = (
        "import sys; from crmcli.__main__ import main; code = main(sys.argv[1:]);"
        "sys.exit(code or sorted({'crmcli.mail.obey', 'crmcli.mail.commands', 'crmcli.records'} & set(sys.modules)) or 0)"
    )
    argv = [sys.executable, "-c", code, "ingest", "--db", db_path]
    done = subprocess.run(argv, input=letter(text, from_=who), capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


# What is shown ------------------------------------------------------------------------------------------


def test_explain_names_what_was_obeyed_and_refused(case: sqlite3.Connection, crm: Callable[..., Run]) -> None:
    answer(case, "Set-Priority: 1\nSet-User: nobody\n\nHello.\n")
    mail = one(case, "SELECT max(id) FROM messages")
    (row,) = crm("mail", "explain", str(mail), "-o", "json").json()
    assert row["obeyed"] == "Set-Priority: 1"
    assert row["refused"].startswith("Set-User: nobody (no user nobody")
    kinds = [row["kind"] for row in crm("mail", "outbox", "list", "-o", "json").json()]
    assert kinds[-1] == "alert"


def test_explaining_a_file_tells_what_would_be_obeyed_and_does_nothing(
    case: sqlite3.Connection, crm: Callable[..., Run], tmp_path: Any
) -> None:
    told = notice(case)
    file = tmp_path / "a.eml"
    file.write_bytes(letter("Set-Priority: 1\nSet-User: nobody\n\nHello.\n", from_="ann@us.example"))
    run = crm("ingest", str(file), "--recipient", str(told["Reply-To"]), "--explain", "--live", "-o", "json")
    (row,) = run.json()
    assert row["obeyed"] == "Set-Priority: 1"
    assert "no user nobody" in row["refused"]
    assert value(case, "priority") == 3


def test_undoing_the_step_takes_back_what_was_set(case: sqlite3.Connection, crm: Callable[..., Run]) -> None:
    answer(case, "Set-Priority: 1\nSet-State: close\n\nHello.\n")
    assert crm("undo", str(one(case, "SELECT max(step) FROM change_sets")), "-y").exit == 0
    assert (value(case, "priority"), value(case, "state")) == (3, "open")


def test_the_help_names_every_command_with_a_value_that_is_one() -> None:
    text = resources.read("help", "mail.md")
    orders = [commands.read(line.strip().partition("   ")[0]) for line in text.splitlines() if line.startswith("  Set-")]
    assert sorted(order.key for found in orders for order in found) == sorted(commands.FIELDS)
    assert max(len(line) for line in text.splitlines()) <= 80


# The words themselves -----------------------------------------------------------------------------------

LINES = st.lists(
    st.one_of(
        st.sampled_from(["Set-State: close", "set-x:", "Set-A-b :  c \r", "", " ", "Hello", "> Set-State: open", "\r", "Set-"]),
        st.text(max_size=20).map(lambda text: text.replace("\n", "")),
        st.text(max_size=400).map(lambda text: "Set-User: " + text.replace("\n", "")),
    ),
    max_size=50,
)


@given(lines=LINES, ends=st.booleans())
@example(lines=["Set-State: close"] * 40, ends=False)
def test_no_line_is_lost_or_changed(lines: list[str], ends: bool) -> None:
    text = "\n".join(lines) + ("\n" if ends else "")
    orders = commands.read(text)
    rebuilt = commands.without(text, orders)
    for order in orders:
        rebuilt = rebuilt[: order.start] + text[order.start : order.end] + rebuilt[order.start :]
    assert rebuilt == text
    assert all(order.words.lower().startswith(f"set-{order.key}:") for order in orders)


@given(text=st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    orders = commands.read(text)
    assert len(commands.without(text, orders)) + sum(order.end - order.start for order in orders) == len(text)


@given(lines=LINES, cuts=st.lists(st.integers(0, 600), min_size=2, max_size=6))
def test_what_lay_in_a_span_lies_in_it_afterwards(lines: list[str], cuts: list[int]) -> None:
    text = "\n".join(lines)
    orders = commands.read(text)
    at = sorted(min(cut, len(text)) for cut in cuts)
    rest, gone = commands.without(text, orders), {n for order in orders for n in range(order.start, order.end)}
    for start, end in pairwise(at):
        kept = "".join(text[n] for n in range(start, end) if n not in gone)
        assert [rest[a:b] for a, b in commands.moved([(start, end)], orders)] == ([kept] if kept else [])
