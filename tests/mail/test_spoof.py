"""Mail that names one of us as its writer, and may not be ours: it may do nothing (mail.md §5)."""

from __future__ import annotations

import sqlite3

from crmcli.model import Act
from tests.conftest import NOW
from tests.mail.post import body, count, do, later, letter, one, out, post, said, setting, store

RECEIVED = "from somewhere by mx.us.example; Mon, 02 Mar 2026 09:00:00 +0000"
PASS = "mx.us.example; dmarc=pass header.from=us.example"
MARKS = "SELECT marks FROM messages ORDER BY id DESC LIMIT 1"


def guarded(conn: sqlite3.Connection) -> None:
    setting(conn, "authserv_id", "mx.us.example")
    setting(conn, "our_hosts", "mx.us.example")


def test_a_forged_from_of_the_staff_is_marked_and_neither_thanked_nor_sent_on(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter())
    before = len(out(conn, to="joe@acme.example"))
    post(conn, letter("Pay here.\n", from_="ann@us.example", subject="Re: [1] Pump", received=RECEIVED))
    assert "possible-spoof" in one(conn, MARKS)
    assert len(out(conn, to="joe@acme.example")) == before
    assert not [row for row in said(conn, 1) if "Pay here." in row[2]]


def test_a_forged_from_of_our_domain_opens_an_unthanked_case(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter("Hello.\n", from_="boss@us.example", received=RECEIVED))
    assert "possible-spoof" in one(conn, MARKS)
    assert out(conn, to="boss@us.example") == []
    assert count(conn, "cases") == 1


def test_a_pass_written_below_our_received_is_forged(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter("Hello.\n", from_="ann@us.example", received=RECEIVED, authentication_results=PASS))
    assert "possible-spoof" in one(conn, MARKS)


def test_what_our_server_vouches_for_is_not_marked(conn: sqlite3.Connection) -> None:
    guarded(conn)
    raw = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode() + letter("Hello.\n", from_="ann@us.example")
    post(conn, raw)
    assert "spoof" not in (one(conn, MARKS) or "")


def test_nobody_else_and_no_site_without_the_setting_is_concerned(conn: sqlite3.Connection) -> None:
    post(conn, letter("Hello.\n", from_="ann@us.example"))
    assert "spoof" not in (one(conn, MARKS) or "")
    guarded(conn)
    post(conn, letter("Hello there.\n"))
    assert "spoof" not in (one(conn, MARKS) or "")


def test_the_responsible_is_told_with_a_warning_though_the_mail_says_that_it_is_theirs(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter())
    post(conn, letter("Pay here.\n", from_="Ann Lee <ann@us.example>", subject="Re: [1] Pump", received=RECEIVED))
    told = out(conn, "forward", to="ann@us.example")[-1]
    assert "WARNING: this mail names ann@us.example as its writer" in body(told)
    assert "Pay here." in body(told)
    assert "Ann Lee" not in str(told["From"])
    assert [row[2] for row in said(conn, 2)] == ["Pay here."]


def test_what_holds_the_proof_of_a_notice_is_told_of_with_the_same_warning(conn: sqlite3.Connection) -> None:
    """A proof in References is everybody's who was answered; it threads, and no word of it reaches the partner."""
    guarded(conn)
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    post(conn, letter())
    notice = out(conn, "forward")[-1]
    for author in ("ann@us.example", "bob@us.example"):
        text = f"Pay here, says {author}.\n"
        post(conn, letter(text, from_=author, in_reply_to=notice["Message-ID"], received=RECEIVED))
        assert said(conn, 1)[-1] == ("note", author, text.strip())
        told = out(conn, "forward", to="ann@us.example")[-1]
        assert f"WARNING: this mail names {author} as its writer" in body(told)
        assert text.strip() in body(told)
    asked = [body(mail) for mail in out(conn, "rule", to="ann@us.example")]
    assert ["send it again by our own mail server" in words for words in asked] == [True, False]
    assert [mail["To"] for mail in out(conn, "reply")] == []
    assert not [mail for mail in out(conn, to="joe@acme.example") if "Pay here" in mail.as_string()]


def test_nobody_is_warned_of_a_mail_that_is_vouched_for_or_from_elsewhere(conn: sqlite3.Connection) -> None:
    guarded(conn)
    post(conn, letter("The word possible-spoof and WARNING-less.\n"))
    raw = f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode() + letter("Hello.\n", from_="boss@us.example")
    post(conn, raw)
    assert len(out(conn, "forward")) == 2
    assert not any("WARNING:" in body(mail) for mail in out(conn, "forward"))


def test_accepting_it_later_warns_too(conn: sqlite3.Connection) -> None:
    """A machine's mail that says it is ours waits in triage; whoever takes it into a case warns its responsible."""
    from crmcli import db
    from crmcli.mail import triage
    from crmcli.model import Origin

    guarded(conn)
    post(conn, letter())
    do(conn, Act(1, "open"))
    post(conn, letter("Pay.\n", from_="ann@us.example", received=RECEIVED, precedence="bulk"))
    assert one(conn, "SELECT state FROM deliveries ORDER BY id DESC") == "triage"
    mail = one(conn, "SELECT max(id) FROM messages")
    waiting = triage.waiting(conn, mail)
    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        assert triage.accept(tx, waiting, triage.Place(1)) == 1
    assert "WARNING: this mail names ann@us.example" in body(out(conn, "forward", to="ann@us.example")[-1])


def test_whom_a_web_form_names_is_only_said_to_be_of_the_staff(conn: sqlite3.Connection) -> None:
    """Our server vouches for the form, which takes whatever address is filled in."""
    guarded(conn)
    setting(conn, "forms", "form@us.example")
    post(conn, letter())
    raw = letter("Give it up.\n", from_="form@us.example", reply_to="Ann Lee <ann@us.example>", subject="[1] Pump")
    post(conn, f"Authentication-Results: {PASS}\nReceived: {RECEIVED}\n".encode() + raw, now=later(0.1))
    assert "possible-spoof" in one(conn, MARKS)
    assert [text for _, _, text in said(conn, 1)] == ["It broke."]


def test_the_personal_part_of_a_notice_does_not_outweigh_our_servers_no(conn: sqlite3.Connection) -> None:
    """Whoever was passed the notice on knows it; where our server says nothing, it still proves its reader."""
    guarded(conn)
    post(conn, letter())
    proof = str(out(conn, "forward")[0]["Reply-To"])
    raw = letter("Set-State: cancel\nPay here.\n", from_="ann@us.example", to=proof, received=RECEIVED)
    before = len(out(conn, to="joe@acme.example"))
    post(conn, b"Authentication-Results: mx.us.example; dmarc=fail header.from=us.example\n" + raw, proof, now=later(0.1))
    assert "possible-spoof" in one(conn, MARKS)
    assert (one(conn, "SELECT state FROM cases"), len(out(conn, to="joe@acme.example"))) == ("draft", before)
    post(conn, raw.replace(b"Pay", b"Stay"), proof, now=later(0.2))
    assert "spoof" not in (one(conn, MARKS) or "")
    assert (one(conn, "SELECT state FROM cases"), len(out(conn, to="joe@acme.example"))) == ("cancel", before + 1)
