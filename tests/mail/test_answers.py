"""Answers to our mails, as they come and as they lead on: who takes part, and what goes out (mail.md §5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from email.message import Message

import pytest

from crmcli.mail.effects import Taken
from crmcli.model import Act, Remind, Reply
from tests.conftest import Run
from tests.mail.post import body, do, later, letter, one, out, post, store
from tests.mail.talk import Mail, Step, check, play


def test_a_robot_that_holds_a_proof_takes_no_part_afterwards(conn: sqlite3.Connection) -> None:
    plus = "thanks 1"
    steps: list[Step] = [
        Mail("joe", 1, "draft", "in"),
        Mail("eve", 1, "draft", "in", plus=plus, headers={"auto_submitted": "auto-replied"}, cc="mal@evil.example"),
        Mail("eve", 2, "draft", "in", subject="[1] Pump", links="relates 1"),
        Mail("eve", 1, "open", "in", plus=plus, goes="forward ann"),
    ]
    for landed in play(conn, steps):
        check(conn, landed)
    assert one(conn, "SELECT marks FROM messages ORDER BY id DESC") == "stranger"


def test_an_answer_goes_out_though_the_notice_quotes_a_mail_of_an_older_case(conn: sqlite3.Connection) -> None:
    def answer(to: Message, text: str, days: float, **headers: str) -> Taken:
        quoted = "\n".join(f"> {line}" for line in body(to).splitlines())
        subject, proof = f"Re: {to['Subject']}", {"to": str(to["Reply-To"]), "in_reply_to": str(to["Message-ID"])}
        return post(conn, letter(f"{text}\n\nSupport wrote:\n{quoted}\n", subject=subject, **proof, **headers), now=later(days))

    post(conn, letter())
    do(conn, Act(1, "open"), Act(1, "close"))
    assert answer(out(conn, "thanks", 1)[0], "It broke again.", 60).case_id == 2
    assert answer(out(conn, "forward", 2)[0], "We come.", 61, from_="ann@us.example").case_id == 2
    assert [body(mail).count("We come.") for mail in out(conn, "reply")] == [1]


def with_file(text: str, name: str, way: str = "attachment", **headers: str) -> bytes:
    """A mail of ann's with a file."""
    head = letter("", from_="ann@us.example", **headers).partition(b"MIME-Version")[0]
    return (
        head
        + (
            'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
            f"--b\nContent-Type: text/plain\n\n{text}\n"
            f'--b\nContent-Type: image/png\nContent-Disposition: {way}; filename="{name}"\n\nPNG\n--b--\n'
        ).encode()
    )


@pytest.mark.parametrize(("way", "kinds"), [("attachment", ["reply"]), ("inline", [])])
def test_an_answer_of_a_file_alone_goes_out_though_it_quotes_the_notice(
    conn: sqlite3.Connection, way: str, kinds: list[str]
) -> None:  # fmt: skip
    post(conn, letter())
    told = out(conn, "forward")[0]
    quoted = "\n".join(f"> {line}" for line in body(told).splitlines())
    post(conn, with_file(quoted, "plan.png", way, to=str(told["Reply-To"])), now=later(0.1))
    sent = out(conn, "reply")
    assert ["reply" for _ in sent] == kinds
    for mail in sent:
        assert "(see the attached files)" in body(mail)
        assert "It broke" not in body(mail)
        assert [part.get_filename() for part in mail.walk() if part.get_filename()] == ["plan.png"]


FORWARDED = "---------- Forwarded message -------\nFrom: Joe <joe@acme.example>\nDate: today\nSubject: Pump\n\nIt broke."


@pytest.mark.parametrize(("others", "kinds"), [("bob@else.example", []), ("joe@acme.example", ["reply"]), ("", ["reply"])])
def test_what_the_staff_passes_on_to_others_is_no_answer_though_it_refers_to_the_notice(
    conn: sqlite3.Connection, others: str, kinds: list[str]
) -> None:  # fmt: skip
    post(conn, letter())
    told = out(conn, "forward")[0]
    text, proof = f"He never pays, does he?\n\n{FORWARDED}\n", str(told["Message-ID"])
    raw = letter(text, from_="ann@us.example", to=others, cc="support@us.example", subject="Fwd: [1] Pump", references=proof)
    assert post(conn, raw, now=later(0.1)).case_id == 1
    assert ["reply" for _ in out(conn, "reply")] == kinds
    assert one(conn, "SELECT email_cc FROM cases") is None
    assert one(conn, "SELECT direction FROM case_history ORDER BY id DESC") == ("out" if kinds else "note")


@pytest.mark.parametrize("others", ["bob@us.example", "bob@else.example"])
@pytest.mark.parametrize("subject", ["Fwd: [1] Pump", "[1] WG: Pump"])
def test_what_is_passed_on_as_a_file_or_in_a_language_unknown_here_is_no_answer(
    conn: sqlite3.Connection, subject: str, others: str
) -> None:  # fmt: skip
    """The subject alone says so there."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    post(conn, letter())
    proof = str(out(conn, "forward")[0]["Message-ID"])
    raw = letter("He never pays.", from_="ann@us.example", to=others, cc="support@us.example", subject=subject, references=proof)
    assert post(conn, raw, now=later(0.1)).case_id == 1
    assert out(conn, "reply") == []
    assert one(conn, "SELECT direction FROM case_history ORDER BY id DESC") == "note"


def test_what_the_staff_says_to_each_other_of_a_notice_is_no_answer_to_it(conn: sqlite3.Connection) -> None:
    """Their mails refer to it too, below those that they answer."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    post(conn, letter())
    told = out(conn, "forward")[0]
    names = f"{told['References']} {told['Message-ID']} <bob@us.example>".replace("\n", "")
    proof = {"in_reply_to": "<bob@us.example>", "references": names, "subject": "Re: Fwd: [1] Pump"}
    raw = letter("He never pays.", from_="ann@us.example", to="bob@us.example", cc="support@us.example", **proof)
    assert post(conn, raw, now=later(0.1)).case_id == 1
    assert one(conn, "SELECT direction FROM case_history ORDER BY id DESC") == "note"
    assert out(conn, "reply") == []
    raw = letter("We come.", from_="ann@us.example", to="bob@us.example", cc=str(told["Reply-To"]), **proof)
    assert post(conn, raw, now=later(0.2)).case_id == 1
    assert len(out(conn, "reply")) == 1


# What the staff writes to itself ---------------------------------------------------------------------------


def secret(conn: sqlite3.Connection) -> None:
    """A case of joe's with an internal note that came by mail, a file with it."""
    post(conn, letter("It broke."))
    post(conn, with_file("Joe never pays.", "bills.png", subject="Re: [1] Pump"), now=later(0.1))
    assert one(conn, "SELECT direction FROM case_history ORDER BY id DESC") == "note"


def test_a_reminder_of_the_partner_holds_no_internal_note_and_none_of_its_files(conn: sqlite3.Connection) -> None:
    secret(conn)
    do(conn, Remind(1, user=True, partner=True, attach=True), now=later(0.2))
    user, partner = out(conn, "remind")
    assert "Joe never pays." in body(user)
    assert [part.get_filename() for part in user.walk() if part.get_filename()] == ["bills.png"]
    assert ("It broke." in body(partner), b"never pays" in partner.as_bytes()) == (True, False)
    assert [part.get_filename() for part in partner.walk() if part.get_filename()] == []


def test_a_reminder_of_the_partner_repeats_nothing_of_a_stranger(conn: sqlite3.Connection) -> None:
    post(conn, letter("It broke."))
    proof = str(out(conn, "thanks")[0]["Reply-To"])
    raw = with_file("I know better.", "pump.png", to=proof).replace(b"ann@us.example", b"eve@evil.example")
    assert post(conn, raw, now=later(0.1)).case_id == 1
    do(conn, Remind(1, partner=True, attach=True), now=later(0.2))
    (partner,) = out(conn, "remind")
    assert ("It broke." in body(partner), b"I know" in partner.as_bytes(), b"pump.png" in partner.as_bytes()) == (
        True,
        False,
        False,
    )


def test_a_reply_answers_no_mail_of_a_stranger(conn: sqlite3.Connection) -> None:
    """The partner has not got that one."""
    post(conn, letter(message_id="<joe@acme.example>"))
    proof = str(out(conn, "thanks")[0]["Reply-To"])
    post(conn, letter("I know better.", from_="eve@evil.example", to=proof), now=later(0.1))
    do(conn, Reply(1, "We come."), now=later(0.2))
    assert out(conn, "reply")[0]["In-Reply-To"] == "<joe@acme.example>"


def test_a_rules_mail_and_a_quotation_repeat_no_internal_note(conn: sqlite3.Connection, crm: Callable[..., Run]) -> None:
    secret(conn)
    rule = ("--state-to", "open", "--mail-partner", "--mail-body", "Last: %(last_message)s")
    assert crm("rule", "add", "Tell", *rule).exit == 0
    assert crm("case", "open", "1", now=later(0.2)).exit == 0
    assert crm("case", "reply", "1", "We look.", "--quote", now=later(0.3)).exit == 0
    assert "> It broke." in body(out(conn, "reply")[0])
    assert "Last: It broke." in body(out(conn, "rule")[0])
    assert not any(b"never pays" in mail.as_bytes() for mail in out(conn, to="joe@acme.example"))
