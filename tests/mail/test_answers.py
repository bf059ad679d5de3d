"""Answers to our mails, as they come and as they lead on: who takes part, and what goes out (mail.md §5)."""

from __future__ import annotations

import sqlite3
from email.message import Message

from crmcli.mail.effects import Taken
from crmcli.model import Act
from tests.mail.post import body, do, later, letter, one, out, post
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
