"""Notices of one kind about one case to one person within a minute are one, and nothing of any is lost (mail.md §7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from email.message import Message
from itertools import product

import pytest

from crmcli import clock, notify, outbox
from crmcli.mail import sign
from crmcli.mail.sign import Proof
from crmcli.model import Edit, Note
from tests.conftest import NOW, Run
from tests.mail.post import body, do, letter, one, out, post, said, setting, store


def after(seconds: int) -> str:
    return clock.shift(NOW, seconds)


def partner(conn: sqlite3.Connection, words: str, seconds: int, case: int = 1, **headers: str) -> None:
    """Joe writes, so many seconds after the beginning; the first time that opens a case."""
    subject = "Pump" if not out(conn) else f"Re: [{case}] Pump"
    post(conn, letter(f"{words}\n", **{"subject": subject, **headers}), now=after(seconds))


def notices(conn: sqlite3.Connection, to: str = "ann@us.example") -> list[Message]:
    return out(conn, "forward", to=to)


def proved(conn: sqlite3.Connection, text: str) -> set[Proof]:
    return set(sign.proofs(text, outbox.keys(conn)))


def with_file(words: str, name: str, content: str, **headers: str) -> bytes:
    head = letter("", **headers).partition(b"MIME-Version")[0]
    return (
        head
        + (
            f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n{words}\n'
            f'--b\nContent-Type: application/x-a\nContent-Disposition: attachment; filename="{name}"\n\n{content}\n--b--\n'
        ).encode()
    )


def files(message: Message) -> list[tuple[str | None, bytes]]:
    return [(part.get_filename(), bytes(part.get_payload(decode=True))) for part in message.walk() if part.get_filename()]


def test_three_mails_within_a_minute_are_one_notice_with_all_their_words(conn: sqlite3.Connection) -> None:
    partner(conn, "It broke.", 0)
    partner(conn, "It smells.", 20)
    partner(conn, "It burns.", 59)
    (told,) = notices(conn)
    text = body(told)
    assert text.index("It broke.") < text.index("It smells.") < text.index("It burns.") < text.index("Reply to this mail")
    assert text.count("== Please reply above this line ==") == 1
    assert [words for _, _, words in said(conn, 1)] == ["It broke.", "It smells.", "It burns."]


@pytest.mark.parametrize(("seconds", "mails"), [(0, 1), (59, 1), (60, 2), (61, 2), (3600, 2)])
def test_a_minute_is_counted_from_the_first(conn: sqlite3.Connection, seconds: int, mails: int) -> None:
    partner(conn, "It broke.", 0)
    partner(conn, "It smells.", seconds)
    assert len(notices(conn)) == mails


def test_the_minute_does_not_grow_by_what_is_taken_in(conn: sqlite3.Connection) -> None:
    for step in range(7):
        partner(conn, f"Words {step}.", step * 25)
    assert [[step for step in range(7) if f"Words {step}." in body(told)] for told in notices(conn)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6],
    ]


def test_each_proof_and_each_id_of_it_is_valid(conn: sqlite3.Connection) -> None:
    partner(conn, "It broke.", 0, message_id="<a@acme.example>")
    before = notices(conn)[0]
    partner(conn, "It smells.", 9, message_id="<b@acme.example>")
    (told,) = notices(conn)
    mine = {Proof(1, "user", user_id=1)}
    assert told["Message-ID"] == before["Message-ID"] == one(conn, "SELECT message_id FROM outbox WHERE kind = 'forward'")
    for text in (told["Message-ID"], told["Reply-To"], told["References"], body(told)):
        assert proved(conn, str(text)) == mine
    assert str(told["References"]).split()[1:] == ["<a@acme.example>", "<b@acme.example>"]
    raw = letter("On it.\n", from_="ann@us.example", in_reply_to=str(told["Message-ID"]))
    assert post(conn, raw, str(told["Reply-To"]), now=after(30)).case_id == 1
    assert said(conn, 1)[-1] == ("out", "joe@acme.example", "On it.")


def test_all_files_go_along_byte_for_byte(conn: sqlite3.Connection) -> None:
    post(conn, with_file("One.", "a.bin", "first"), now=after(0))
    post(conn, with_file("Two.", "a.bin", "second", subject="Re: [1] Pump"), now=after(5))
    post(conn, with_file("Three.", "", "third", subject="Re: [1] Pump", message_id="<3@acme.example>"), now=after(6))
    (told,) = notices(conn)
    assert {content.strip() for _, content in files(told)} >= {b"first", b"second"}
    assert one(conn, "SELECT count(*) FROM attachments") == len([part for part in told.walk() if part.get_filename() is not None])


def test_what_would_be_too_much_for_one_mail_is_two(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "LARGEST", 9)
    post(conn, with_file("One.", "a.bin", "first"), now=after(0))
    post(conn, with_file("Two.", "b.bin", "second", subject="Re: [1] Pump"), now=after(5))
    assert [[name for name, _ in files(told)] for told in notices(conn)] == [["a.bin"], ["b.bin"]]
    monkeypatch.setattr(notify, "LONGEST", 30)
    partner(conn, "x" * 25, 6)
    assert len(notices(conn)) == 3


def test_another_case_another_person_and_another_kind_have_their_own(conn: sqlite3.Connection) -> None:
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    partner(conn, "It broke.", 0)
    post(conn, letter("Another.\n", from_="sue@other.example", subject="Valve"), now=after(1))
    do(conn, Edit(1, {"email_cc": "bob@us.example"}), now=after(2))
    partner(conn, "It smells.", 3)
    assert sorted((mail["Subject"], "It smells." in body(mail)) for mail in notices(conn)) == [
        ("[1] Pump", True),
        ("[2] Valve", False),
    ]
    assert ["It smells." in body(mail) and "It broke." not in body(mail) for mail in notices(conn, "bob@us.example")] == [True]
    raw = letter("He is angry.\n", from_="bob@us.example", subject="Re: [1] Pump")
    post(conn, raw, now=after(4))
    told = notices(conn)
    assert len(told) == 3
    assert "internal note" in body(told[-1])
    assert "It smells." not in body(told[-1])
    assert proved(conn, str(told[-1]["Reply-To"])) == {Proof(1, "case")}


def test_what_a_stranger_or_a_robot_wrote_is_called_no_note_and_joins_none(conn: sqlite3.Connection) -> None:
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    partner(conn, "It broke.", 0)
    address = str(out(conn, "thanks")[0]["Reply-To"])
    post(conn, letter("I know.\n", from_="eve@evil.example", subject="Pump"), address, now=after(1))
    post(conn, letter("Who is that?\n", from_="bob@us.example", subject="Re: [1] Pump"), now=after(2))
    post(conn, letter("I am away.\n", subject="Re: [1] Pump", auto_submitted="auto-replied"), now=after(3))
    _, *told = map(body, notices(conn))
    assert ["internal note on" in text for text in told] == [False, True, False]
    assert ["I know." in text for text in told] == [True, False, False]
    assert "eve@evil.example wrote about case 1" in told[0]
    assert "Joe Roe wrote about case 1" in told[2]


def test_internal_notes_join_each_other_and_name_their_authors(conn: sqlite3.Connection) -> None:
    for login in ("bob", "eva"):
        store(conn, "users", login=login, name=login.title(), email=f"{login}@us.example")
    partner(conn, "It broke.", 0)
    for step, login in enumerate(("bob", "eva")):
        raw = letter(f"{login} thinks.\n", from_=f"{login}@us.example", subject="Re: [1] Pump")
        post(conn, raw, now=after(step))
    text = body(notices(conn)[-1])
    assert len(notices(conn)) == 2
    assert text.index("Bob left an internal note") < text.index("bob thinks.") < text.index("Eva:") < text.index("eva thinks.")


def test_what_was_tried_sent_or_held_takes_nothing_in(conn: sqlite3.Connection) -> None:
    """A mail that was tried may have arrived: with the same Message-ID, what it says now would be dropped as a copy."""
    for step, (state, attempts) in enumerate(product(("sent", "sending", "held", "failed", "queued"), (0, 1))):
        before = len(notices(conn))
        partner(conn, f"First {step}.", step * 100)
        conn.execute("UPDATE outbox SET state = ?, attempts = ? WHERE state = 'queued'", (state, attempts))
        partner(conn, f"Second {step}.", step * 100 + 1)
        assert len(notices(conn)) - before == (1 if (state, attempts) == ("queued", 0) else 2)
        assert f"Second {step}." in body(notices(conn)[-1])


def test_watchers_outside_and_the_thanked_get_each_mail_by_itself(conn: sqlite3.Connection) -> None:
    setting(conn, "limit_address_hour", "50")
    partner(conn, "It broke.", 0)
    do(conn, Edit(1, {"email_cc": "w@other.example"}))
    partner(conn, "It smells.", 1)
    partner(conn, "It burns.", 2)
    assert len(notices(conn, "w@other.example")) == 2
    assert len(out(conn, "thanks")) == 1


def test_a_mail_read_again_is_not_told_twice(conn: sqlite3.Connection, crm: Callable[..., Run]) -> None:
    partner(conn, "It broke.", 0)
    partner(conn, "It smells.", 1)
    before = [bytes(mail) for mail in notices(conn)]
    assert crm("mail", "reprocess", "1-2", now=after(3)).exit == 0
    assert [bytes(mail) for mail in notices(conn)] == before


def test_undoing_the_first_mail_keeps_what_the_notice_says_of_the_second(
    conn: sqlite3.Connection, crm: Callable[..., Run]
) -> None:
    partner(conn, "It broke.", 0)
    conn.execute("UPDATE outbox SET state = 'sent'")
    partner(conn, "It smells.", 10)
    step = one(conn, "SELECT max(step) FROM change_sets")
    partner(conn, "It burns.", 10)
    crm("undo", str(step), "-y", now=after(20))
    assert "It burns." in body(notices(conn)[-1])
    assert one(conn, "SELECT state FROM outbox ORDER BY id DESC") == "queued"


def test_what_the_case_no_longer_remembers_is_not_joined(conn: sqlite3.Connection) -> None:
    """The first mail was split off meanwhile: its notice stays as it is."""
    partner(conn, "It broke.", 0)
    partner(conn, "It smells.", 100)
    from crmcli.model import Split

    history = one(conn, "SELECT max(id) FROM case_history")
    do(conn, Split(1, (history,)), now=after(101))
    partner(conn, "It burns.", 102)
    assert ["It smells." in body(mail) for mail in notices(conn)] == [False, True, False]
    assert "It burns." in body(notices(conn)[-1])


def test_a_note_at_the_terminal_makes_no_notice_to_join(conn: sqlite3.Connection) -> None:
    partner(conn, "It broke.", 0)
    do(conn, Note(1, "He is angry."), now=after(1))
    partner(conn, "It smells.", 2)
    (told,) = notices(conn)
    assert "He is angry." not in body(told)


def test_what_was_told_in_a_joined_notice_is_not_told_again(conn: sqlite3.Connection, crm: Callable[..., Run]) -> None:
    """The case is deleted, and a person takes its mails out of triage into another: ann knows them both."""
    partner(conn, "It broke.", 0)
    partner(conn, "It smells.", 1)
    assert one(conn, "SELECT cause FROM outbox WHERE kind = 'forward'") == "message:1 message:2"
    assert crm("case", "delete", "1", "-y", now=after(100)).exit == 0
    for mail in ("1", "2"):
        assert crm("mail", "triage", "accept", mail, "--section", "support", now=after(200)).exit == 0
    assert len(notices(conn)) == 1
