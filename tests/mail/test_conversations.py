"""Whole conversations, step by step: what comes in, in whose case it lands, and what goes out (mail.md §5)."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import db
from crmcli.model import Merge
from tests.conftest import NOW
from tests.mail import conversations
from tests.mail.conversations import CONVERSATIONS
from tests.mail.post import body, letter, one, out, post
from tests.mail.talk import PEOPLE, Do, Mail, Step, check, play

TABLES = (
    conversations.PLAIN, conversations.CLIENTS, conversations.FORGED, conversations.FORWARDS, conversations.STATES,
    conversations.SEVERAL, conversations.TAKING_PART, conversations.ROUTES, conversations.ROBOTS,
)  # fmt: skip


@pytest.mark.parametrize("title", CONVERSATIONS)
def test_conversation(title: str, conn: sqlite3.Connection) -> None:
    for landed in play(conn, CONVERSATIONS[title]):
        check(conn, landed)


def test_no_mail_lands_in_a_wrong_case_and_nearly_all_answers_in_theirs(template: bytes, tmp_path: Path) -> None:
    """mail.md §5 over all conversations: wrong is an existing case that is not the mail's own, whatever else is right."""
    wrong, answers, attached = [], 0, 0
    for number, (title, steps) in enumerate(CONVERSATIONS.items()):
        path = tmp_path / f"{number}.db"
        path.write_bytes(template)
        conn = db.connect(str(path))
        for landed in play(conn, steps):
            old = {one_id for (one_id,) in conn.execute("SELECT id FROM cases")} - landed.new
            answers += landed.mail.case in old
            attached += landed.mail.case in old and landed.taken.case_id == landed.mail.case
            if landed.taken.case_id in old and landed.taken.case_id != landed.mail.case:
                wrong.append(title)
        conn.close()
    assert wrong == []
    assert answers >= 150
    assert attached >= 0.98 * answers


WRITERS = ("joe", "sue", "eve", "ann")
TAKES_PART = {1: {"joe", "ann"}, 2: {"sue", "ann"}, 3: {"joe", "ann"}}
CLUES = st.lists(st.tuples(st.sampled_from(("proof", "id", "reference", "tag")), st.integers(1, 3)), max_size=4, unique=True)


def test_any_mixture_of_evidence_leads_where_it_may(template: bytes) -> None:
    """Three cases, of joe, of sue, and of joe again, which may have gone into sue's; each with a thank-you and a notice."""
    names = {"proof": "out {}", "id": "case out {}", "reference": "first {}"}

    @settings(max_examples=60)
    @given(st.sampled_from(WRITERS), CLUES, st.sampled_from((0, 0, 1, 2, 3)), st.booleans(), st.booleans())
    def leads(who: str, clues: list[tuple[str, int]], plus: int, forward: bool, merged: bool) -> None:
        steps: list[Step] = [
            Mail(writer, number, "draft", "in", label=f"first {number}") for number, writer in enumerate(("joe", "sue", "joe"), 1)
        ]
        named = [names[kind].format(case if kind == "reference" else 2 * case - 1) for kind, case in clues if kind != "tag"]
        mail = Mail(
            who, None, answers=", ".join(named), plus=f"out {2 * plus - 1}" if plus else "",
            subject=("Fwd: " if forward else "") + "".join(f"[{case}]" for kind, case in clues if kind == "tag") + "Pump",
            text=conversations.FORWARDED if forward else "More.",
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "crm.db"
            path.write_bytes(template)
            conn = db.connect(str(path))
            *_, landed = play(conn, [*steps, *([Do(Merge(3, 2))] if merged else []), mail])
            conn.close()
        assert landed.taken.case_id == _due(who, clues, plus, forward, merged)

    leads()


def _due(who: str, clues: list[tuple[str, int]], plus: int, forward: bool, merged: bool) -> int:
    """Where the mail belongs by mail.md §5; 4 is a new case."""

    def now(case: int) -> int:
        return 2 if merged and case == 3 else case

    def may(case: int) -> bool:
        return who in TAKES_PART[case] or (merged and case == 2 and who in TAKES_PART[3])

    proven = {now(case) for kind, case in clues if kind in ("proof", "id")} | ({now(plus)} if plus else set())
    if proven:
        return proven.pop() if len(proven) == 1 else 4
    referred = [now(case) for kind, case in reversed(clues) if kind == "reference" and may(now(case))]
    if referred:
        return 4 if forward else referred[0]
    tagged = {now(case) for kind, case in clues if kind == "tag" and may(now(case))}
    return tagged.pop() if len(tagged) == 1 and not forward else 4


def test_there_are_at_least_150_conversations_and_no_two_are_the_same() -> None:
    assert len(CONVERSATIONS) >= 150
    assert len(CONVERSATIONS) == sum(map(len, TABLES))
    assert len({repr(steps) for steps in CONVERSATIONS.values()}) == len(CONVERSATIONS)


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
