"""Whole conversations, step by step: what comes in, in whose case it lands, and what goes out (mail.md §5)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from crmcli.model import Act, Add, Delete, Edit, Merge, Note, Reply
from tests.conftest import NOW
from tests.mail.post import body, do, later, letter, one, out, post, said, store

PEOPLE = {
    "joe": "Joe Roe <joe@acme.example>",
    "sue": "Sue Poe <sue@acme.example>",
    "eve": "Eve <eve@evil.example>",
    "ann": "Ann Lee <ann@us.example>",
    "bob": "Bob <bob@us.example>",
}


class Mail(NamedTuple):
    """One mail comes in: who wrote it, what it answers, and what must have become of it.

    answers names mails by their label (`joe1`) or, of ours, by kind, case and person (`thanks 1`, `forward 1 ann`) or as
    `out` with its number; plus says that it is sent to the Reply-To of that mail instead of naming it. case is where it must
    land (None: nowhere), goes what it sends out.
    """

    who: str
    case: int | None
    state: str = ""
    how: str = ""
    answers: str = ""
    plus: str = ""
    label: str = ""
    subject: str = "Pump"
    text: str = ""
    cc: str = ""
    links: str = ""
    goes: str = ""
    days: float = 0
    headers: Mapping[str, str] = MappingProxyType({})
    spoof: str = ""


class Do(NamedTuple):
    """Somebody does something at the terminal."""

    what: Any
    days: float = 0


JOE = Mail("joe", 1, "draft", "in", label="joe1", goes="thanks joe, forward ann")
OPEN = Mail("joe", 1, "open", "in", answers="thanks 1", label="joe2", goes="forward ann")
FORWARDED = "See.\n\n---------- Forwarded message -------\nFrom: Joe <joe@acme.example>\nDate: today\nSubject: Pump\n\nIt broke."

CONVERSATIONS: dict[str, list[Mail | Do]] = {
    "a first mail makes a draft, is thanked and passed on": [JOE],
    "an answer to the thank-you opens the draft": [JOE, OPEN],
    "an answer to the plus address alone is enough": [JOE, Mail("joe", 1, "open", "in", plus="thanks 1", subject="Other words")],
    "an answer that lost the Message-ID is known by the first of its References": [
        JOE, Mail("joe", 1, "open", "in", answers="case 1", subject="Other words"),
    ],
    "an answer to one's own first mail belongs to its case": [JOE, Mail("joe", 1, "open", "in", answers="joe1")],
    "a subject tag is enough for the partner": [JOE, Mail("joe", 1, "open", "in", subject="Re: [1] Pump")],
    "a subject tag is enough with other words around it": [JOE, Mail("joe", 1, "open", "in", subject="About [1], please")],
    "an encoded subject tag counts": [JOE, Mail("joe", 1, "open", "in", subject="=?utf-8?q?Re=3A_=5B1=5D_P=C3=BCmpe?=")],
    "a folded subject tag counts": [JOE, Mail("joe", 1, "open", "in", subject="Re:\n [1] Pump")],
    "a counter of replies is no tag": [JOE, Mail("joe", 2, "draft", "in", subject="Re[1]: Pump")],
    "the same title counts for nothing": [JOE, Mail("joe", 2, "draft", "in", subject="Re: Pump")],
    "a thread index counts for nothing": [
        JOE, Mail("joe", 2, "draft", "in", subject="Re: Pump", headers={"thread_index": "Ac=="}),
    ],
    "a stranger's subject tag makes a new case, linked": [
        JOE, Mail("eve", 2, "draft", "in", subject="Re: [1] Pump", links="relates 1", goes="thanks eve, forward ann"),
    ],
    "a stranger's reference to a partner's mail makes a new case, linked": [
        JOE, Mail("eve", 2, "draft", "in", answers="joe1", links="relates 1"),
    ],
    "a tag of a case that never was makes a new case": [JOE, Mail("joe", 2, "draft", "in", subject="Re: [99] Pump", links="")],
    "a stranger who holds the proof is heard, marked, and passed on to the staff alone": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("eve", 1, "open", "in", answers="thanks 1", goes="forward ann"),
    ],
    "a stranger who held the proof does not take part from then on": [
        JOE, Mail("eve", 1, "open", "in", answers="thanks 1"),
        Mail("eve", 2, "draft", "in", subject="Re: [1] Pump", links="relates 1"),
    ],
    "a watcher may use the tag": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("sue", 1, "open", "in", subject="Re: [1] Pump", goes="forward ann"),
    ],
    "who was written to beside us takes part": [
        JOE._replace(cc="sue@acme.example"), Mail("sue", 1, "open", "in", answers="joe1"),
    ],
    "a forged proof proves nothing": [
        JOE, Mail("eve", 2, "draft", "in", headers={"in_reply_to": "<c1-1-aaaaaaaaaaaaaaaaaaaa@us.example>"}),
    ],
    "a cut proof proves nothing": [JOE, Mail("eve", 2, "draft", "in", answers="thanks 1", spoof="cut")],
    "the proof of another case leads to that one": [
        JOE, Mail("sue", 2, "draft", "in", label="sue1"),
        Mail("joe", 2, "open", "in", answers="thanks 2", subject="Re: [1] Pump"),
    ],
    "proofs of two cases make a new one, linked to both": [
        JOE, Mail("joe", 2, "draft", "in"),
        Mail("joe", 3, "draft", "in", answers="thanks 1, thanks 2", links="relates 1, relates 2"),
    ],
    "tags of two cases make a new one, linked to both": [
        JOE, Mail("joe", 2, "draft", "in"), Mail("joe", 3, "draft", "in", subject="[1] and [2]", links="relates 1, relates 2"),
    ],
    "of several references the newest counts": [
        JOE, Mail("joe", 2, "draft", "in", label="other"), Mail("joe", 2, "open", "in", answers="joe1, other"),
    ],
    "a tag in the name of a case is no word of the sender's": [
        JOE, Mail("joe", 2, "draft", "in", subject="Like number 1"), Do(Edit(2, {"name": "Like [1]"})),
        Mail("joe", 2, "open", "in", subject="Re: [2] Like [1]"),
    ],
    "a proof outweighs a tag": [
        JOE, Mail("joe", 2, "draft", "in"), Mail("joe", 1, "open", "in", answers="thanks 1", subject="Re: [2] Pump"),
    ],
    "a forward with a tag alone is a new case, linked": [
        JOE, Mail("joe", 2, "draft", "in", subject="Fwd: [1] Pump", text=FORWARDED, links="relates 1"),
    ],
    "a forward in name only stays in its case": [
        JOE, Mail("joe", 1, "open", "in", subject="Fw: [1] Pump", text="Please look again."),
    ],
    "a forward that carries the proof stays in its case": [
        JOE, Mail("joe", 1, "open", "in", answers="thanks 1", subject="WG: [1] Pump", text=FORWARDED),
    ],
    "an answer after a pause opens the case": [JOE, Do(Act(1, "pending")), Mail("joe", 1, "open", "in", answers="thanks 1")],
    "an answer to an open case leaves it open": [JOE, OPEN, Mail("joe", 1, "open", "in", answers="joe2")],
    "an answer soon after closing opens the case again": [
        JOE, Do(Act(1, "close")), Mail("joe", 1, "open", "in", answers="thanks 1", days=29),
    ],
    "an answer soon after cancelling opens the case again": [
        JOE, Do(Act(1, "cancel")), Mail("joe", 1, "open", "in", answers="thanks 1", days=29),
    ],
    "an answer long after closing continues the case in a new one": [
        JOE, Do(Act(1, "close")), Mail("joe", 2, "draft", "in", answers="thanks 1", days=31, links="continues 1"),
    ],
    "the last close counts, not the first": [
        JOE, Do(Act(1, "close")), Do(Act(1, "open"), 10), Do(Act(1, "close"), 20),
        Mail("joe", 1, "open", "in", answers="thanks 1", days=45),
    ],
    "what continues an old case takes its later mail": [
        JOE, Do(Act(1, "close")), Mail("joe", 2, "draft", "in", answers="thanks 1", days=31, links="continues 1"),
        Mail("joe", 2, "open", "in", answers="thanks 1", days=32, links="continues 1"),
    ],
    "mail follows a merged case": [
        JOE, Mail("sue", 2, "draft", "in"), Do(Merge(1, 2)), Mail("joe", 2, "open", "in", answers="out 1"),
    ],
    "mail about a deleted case goes to triage": [JOE, Do(Delete(1)), Mail("joe", None, answers="out 1")],
    "an archived open case is brought back": [
        JOE, OPEN, Do(Edit(1, {"active": 0})), Mail("joe", 1, "open", "in", answers="thanks 1"),
    ],
    "a vacation notice is appended, changes nothing and is passed on to the staff": [
        JOE, Mail("joe", 1, "draft", "in", answers="thanks 1", headers={"auto_submitted": "auto-replied"}, goes="forward ann"),
    ],
    "a vacation notice of the staff is appended and passed on to nobody": [
        JOE, Mail("ann", 1, "draft", "in", answers="forward 1 ann", headers={"auto_submitted": "auto-replied"}, goes=""),
    ],
    "a vacation notice does not open a closed case": [
        JOE, Do(Act(1, "close")), Mail("joe", 1, "done", "in", answers="thanks 1", headers={"auto_submitted": "auto-replied"}),
    ],
    "a newsletter without a thread goes to triage": [Mail("joe", None, headers={"list_id": "<news.acme.example>"}, goes="")],
    "our own mail that comes back goes to triage": [JOE, Mail("joe", None, headers={"message_id": "forward 1 ann"}, goes="")],
    "a proven answer of the staff goes to the partner": [
        JOE, OPEN, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
    ],
    "a proven answer by the plus address goes to the partner": [
        JOE, OPEN, Mail("ann", 1, "pending", "out", plus="forward 1 ann", text="Fixed.", goes="reply joe", subject="Fixed"),
    ],
    "a proven answer goes to the watchers too, and an unproven note to neither": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe, reply sue"),
        Mail("ann", 1, "pending", "note", subject="[1]", text="Do not tell them.", goes=""),
    ],
    "whom the staff writes to besides watches from then on": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", cc="sue@acme.example", goes="reply joe"),
        Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann, forward sue"),
    ],
    "the staff's mail without proof is a note to the staff": [
        JOE, Mail("bob", 1, "draft", "note", subject="Re: [1] Pump", text="Beware of joe.", goes="forward ann"),
    ],
    "another's proof makes a note of a colleague's answer": [
        JOE, Mail("bob", 1, "draft", "note", answers="forward 1 ann", text="Tell him no.", goes="forward ann"),
    ],
    "a forged staff sender reaches no partner": [
        JOE, Mail("ann", 1, "draft", "note", subject="Re: [1] Pump", text="Pay here.", spoof="eve", goes=""),
    ],
    "a forged staff sender with the partner's proof reaches no partner": [
        JOE, Mail("ann", 1, "draft", "note", answers="thanks 1", text="Pay here.", spoof="eve", goes=""),
    ],
    "a forged staff sender without a thread makes a case of its own": [
        JOE, Mail("ann", 2, "draft", "in", text="Pay here.", spoof="eve"),
    ],
    "a staff proof from a foreign address is held, and the person is asked": [
        JOE, Mail("eve", 1, "draft", "note", answers="forward 1 ann", text="Pay here.", goes="forward ann, rule ann"),
    ],
    "a partner who quotes the staff's proof is still the partner": [
        JOE, Mail("joe", 1, "open", "in", answers="forward 1 ann", goes="forward ann"),
    ],
    "a proof for one case is none for another": [
        JOE, Mail("sue", 2, "draft", "in"), Do(Edit(1, {"email_cc": "ann@us.example"})),
        Mail("ann", 2, "draft", "note", answers="", plus="thanks 2", headers={"x_note": "forward 1 ann"}, text="No.", goes=""),
    ],
    "an answer of the staff to a case of nobody takes it": [
        JOE, Do(Edit(1, {"user_id": None})),
        Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
    ],
    "an answer of the staff to a case without a partner's address is a note": [
        JOE, Do(Edit(1, {"email_from": None})), Mail("ann", 1, "draft", "note", answers="forward 1 ann", text="Fixed.", goes=""),
    ],
    "the partner answers what the staff wrote at the terminal": [
        JOE, Do(Reply(1, "Which pump?")), Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann"),
    ],
    "a note at the terminal is no way in for anybody": [JOE, Do(Note(1, "Secret.")), Mail("eve", 2, "draft", "in")],
    "a case made at the terminal takes its partner's answers": [
        Do(Add({"name": "Offer", "section_id": 1, "email_from": "joe@acme.example"})), Do(Reply(1, "Our offer.")),
        Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann"),
    ],
    "a member of the staff who asks for help is the partner of that case": [
        Mail("bob", 1, "draft", "in", goes="thanks bob, forward ann"),
        Mail("bob", 1, "open", "in", answers="thanks 1", goes="forward ann"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("title", CONVERSATIONS)
def test_conversation(title: str, conn: sqlite3.Connection) -> None:
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    labels: dict[str, str] = {}
    for number, step in enumerate(CONVERSATIONS[title]):
        if isinstance(step, Do):
            do(conn, step.what, now=later(step.days))
        else:
            _hand_in(conn, step, number, labels)


def _hand_in(conn: sqlite3.Connection, mail: Mail, number: int, labels: dict[str, str]) -> None:
    """Post one mail of a conversation and look at all that it came to."""
    before = one(conn, "SELECT coalesce(max(id), 0) FROM outbox")
    message_id = f"<m{number}@{mail.who}.example>"
    labels[mail.label] = message_id
    answered = [_id(conn, name, labels) for name in mail.answers.split(", ") if name]
    if mail.spoof == "cut":
        answered = [name.replace(".c1-1-", ".c1-1-a") for name in answered]
    headers = {name: _id(conn, value, labels) if value.startswith("forward ") else value for name, value in mail.headers.items()}
    given = {
        "from_": PEOPLE[mail.who], "subject": mail.subject, "cc": mail.cc, "message_id": message_id,
        "references": " ".join(answered), "in_reply_to": answered[-1] if answered else "",
        "to": out(conn, *_where(mail.plus))[-1]["Reply-To"] if mail.plus else "support@us.example", **headers,
    }  # fmt: skip
    sender = re.search(r"[^<\s]+@[^>\s]+", PEOPLE[mail.spoof if mail.spoof in PEOPLE else mail.who])
    raw = letter(f"{mail.text or f'Words number {number}.'}\n", **given)
    taken = post(conn, raw, sender=sender[0] if sender else None, now=later(mail.days))
    assert taken.case_id == mail.case, taken
    if mail.case is None:
        assert taken.state == "triage"
    else:
        assert one(conn, "SELECT state FROM cases WHERE id = ?", mail.case) == mail.state
        assert said(conn, mail.case)[-1][0] == mail.how
        found = conn.execute("SELECT kind, other_id FROM case_links WHERE case_id = ? ORDER BY other_id", (mail.case,)).fetchall()
        assert ", ".join(f"{kind} {other}" for kind, other in found) == mail.links
    if mail.goes or mail.how in ("note", "out"):
        rows = conn.execute("SELECT kind, recipient FROM outbox WHERE id > ? AND state <> 'held'", (before,)).fetchall()
        went = sorted(f"{kind} {address.split('@')[0]}" for kind, address in rows)
        assert went == sorted(filter(None, mail.goes.split(", ")))


def _where(name: str) -> tuple[str, int, str | None]:
    kind, case_id, *who = name.split(" ")
    return kind, int(case_id), re.search(r"[^<\s]+@[^>\s]+", PEOPLE[who[0]])[0] if who else None  # type: ignore[index]


def _id(conn: sqlite3.Connection, name: str, labels: dict[str, str]) -> str:
    """The Message-ID of a mail by its label, or of one of ours; `case 1` is the signed id that its References begin with."""
    if name in labels:
        return labels[name]
    if name.startswith("out "):
        return out(conn)[int(name[4:]) - 1]["Message-ID"]
    if name.startswith("case "):
        return out(conn, "thanks", int(name[5:]))[-1]["References"].split()[0]
    return out(conn, *_where(name))[-1]["Message-ID"]


def test_there_are_at_least_forty_conversations() -> None:
    assert len(CONVERSATIONS) >= 40


def test_a_stranger_with_a_proof_is_marked(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    post(conn, letter(from_=PEOPLE["eve"], in_reply_to=out(conn, "thanks")[0]["Message-ID"], text="Me too.\n"))
    assert "stranger" in one(conn, "SELECT marks FROM messages WHERE id = 2")


def test_the_proven_answer_is_the_staffs_own_act(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    post(conn, letter("Fixed.\n", from_=PEOPLE["ann"], in_reply_to=out(conn, "forward")[0]["Message-ID"]))
    log = conn.execute("SELECT name, user_id FROM case_log ORDER BY id DESC LIMIT 2").fetchall()
    assert [tuple(row) for row in log] == [("Pending", 1), ("Send", 1)]
    assert one(conn, "SELECT user_id FROM change_sets ORDER BY id DESC LIMIT 1") == 1


def test_what_the_staff_quoted_does_not_go_out(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    notice = out(conn, "forward")[0]
    quoted = "".join(f"> {line}\n" for line in notice.get_payload(decode=True).decode().splitlines())  # type: ignore[union-attr]
    post(conn, letter(f"Fixed.\n\n{quoted}", from_=PEOPLE["ann"], in_reply_to=notice["Message-ID"]))
    text = out(conn, "reply")[0].get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "Fixed." in text
    assert "u1-1-" not in text


def test_an_answer_with_nothing_but_the_quoted_notice_is_not_sent(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    notice = out(conn, "forward")[0]
    quoted = "".join(f"> {line}\n" for line in notice.get_payload(decode=True).decode().splitlines())  # type: ignore[union-attr]
    taken = post(conn, letter(quoted, from_=PEOPLE["ann"], in_reply_to=notice["Message-ID"]))
    assert (taken.reason, out(conn, "reply")) == ("nothing to send", [])


def test_a_retired_key_still_threads(conn: sqlite3.Connection) -> None:
    post(conn, letter())
    with conn:
        conn.execute("UPDATE mail_keys SET retired_at = ?", (NOW,))
        conn.execute("INSERT INTO mail_keys (key, created_at) VALUES (randomblob(32), ?)", (NOW,))
    taken = post(conn, letter("More.\n", in_reply_to=out(conn, "thanks")[0]["Message-ID"]))
    assert taken.case_id == 1


def test_an_id_that_two_mails_bear_threads_nothing(conn: sqlite3.Connection) -> None:
    post(conn, letter(message_id="<same@acme.example>"))
    post(conn, letter("Something else.\n", message_id="<same@acme.example>"))
    taken = post(conn, letter("And more.\n", in_reply_to="<same@acme.example>"))
    assert taken.case_id == 3
    assert "id-reused" in one(conn, "SELECT marks FROM messages WHERE id = 2")


def test_what_we_wrote_ourselves_is_not_the_writers_own_however_it_is_quoted(conn: sqlite3.Connection) -> None:
    post(conn, letter("The big red pump of hall seven broke this morning.\n"))
    notice = out(conn, "forward")[0]
    text = f"It is fixed, tell them.\n\n{body(notice)}"
    post(conn, letter(text, from_=PEOPLE["ann"], in_reply_to=notice["Message-ID"]))
    assert "It is fixed" in body(out(conn, "reply")[0])
    assert "hall seven" not in body(out(conn, "reply")[0])
