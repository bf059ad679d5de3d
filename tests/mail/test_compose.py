"""A letter as bytes: every parser reads back what was put in, and no value breaks out of its header."""

from __future__ import annotations

import email
import email.header
import email.policy
import re
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail.compose import File, Letter, compose, identifier, mailbox, words
from crmcli.mail.parse import parse
from crmcli.text import clean

LETTER = Letter(
    sender=("Ann Lee via Support", "support@us.example"),
    reply_to="support+c1-1-abc@us.example",
    recipient=("Joe", "joe@acme.example"),
    subject="[1] Pump",
    date="Mon, 02 Mar 2026 09:00:00 +0000",
    message_id="<digestdigestdigest12.c1-1-abc@us.example>",
    in_reply_to="<1@acme.example>",
    references=("<c1-1-abc@us.example>", "<1@acme.example>"),
    text="Hello\n\nAnn",
)
NASTY = st.text(st.characters(codec=None) | st.sampled_from('\r\n\0 \t=?<>",:;\\@é漢\u202e\u2028\x85'), max_size=200)


def old(content: bytes) -> Message[Any, Any]:
    """Read by compat32."""
    return email.message_from_bytes(content)


def modern(content: bytes) -> EmailMessage:
    """Read by the modern policy."""
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def decoded(value: str) -> str:
    """A header's words."""
    return str(email.header.make_header(email.header.decode_header(value)))


def test_a_plain_letter_reads_as_it_was_written() -> None:
    """No encodings where none are needed."""
    assert compose(LETTER) == (
        b'From: "Ann Lee via Support" <support@us.example>\nTo: "Joe" <joe@acme.example>\nReply-To: support+c1-1-abc@us.example\n'
        b"Subject: [1] Pump\nDate: Mon, 02 Mar 2026 09:00:00 +0000\nMessage-ID: <digestdigestdigest12.c1-1-abc@us.example>\n"
        b"In-Reply-To: <1@acme.example>\nReferences: <c1-1-abc@us.example>\n <1@acme.example>\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nHello\n\nAnn\n"
    )


@given(NASTY, NASTY, NASTY)
def test_no_subject_or_name_breaks_out_of_its_header(subject: str, sender: str, recipient: str) -> None:
    """Whatever stands in them, the headers are ours, each once, and both parsers read the same words."""
    letter = LETTER._replace(
        subject="[1] " + subject, sender=(sender, "support@us.example"), recipient=(recipient, "joe@acme.example")
    )
    content = compose(letter)
    head = content.partition(b"\n\n")[0].decode("ascii")
    names = [line.partition(":")[0] for line in head.split("\n") if not line.startswith(" ")]
    assert names == ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version",
                     "Content-Type", "Content-Transfer-Encoding"]  # fmt: skip
    assert decoded(old(content)["Subject"]) == clean("[1] " + subject, lines=False)
    assert max(len(line) for line in head.split("\n")) < 200
    read = modern(content)
    assert [address.addr_spec for address in read["From"].addresses] == ["support@us.example"]
    assert [address.addr_spec for address in read["To"].addresses] == ["joe@acme.example"]


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\n\n.= \tFé漢"), max_size=500))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    """But for control characters and the blank lines at its end."""
    expected = clean(text).rstrip("\n") + "\n"
    for read in (old(compose(LETTER._replace(text=text))), modern(compose(LETTER._replace(text=text)))):
        payload = read.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert payload.decode("utf-8") == expected


@pytest.mark.parametrize("text", ["From here on", "x" * 5000, ".", "Grüße", "a\n.\nb\nFrom x"])
def test_lines_that_mail_servers_spoil_are_encoded(text: str) -> None:
    """No line is longer than RFC 5322 allows, none begins with From, all is ASCII."""
    content = compose(LETTER._replace(text=text))
    assert content.isascii()
    body = content.partition(b"\n\n")[2]
    assert all(len(line) < 998 and not line.startswith(b"From ") for line in body.split(b"\n"))


def test_files_go_with_their_names_and_bytes() -> None:
    """Names that are not plain by RFC 2231, bytes by base64, types that cannot be encoded so as plain bytes."""
    files = (
        File("plan.pdf", "application/pdf", b"%PDF\0\xff" * 999),
        File("größe „neu“.txt", "text/plain", "Größe".encode()),
        File('a";\r\nX-Bad: 1', "text/plain\r\nX-Bad: 2", b""),
        File("old.eml", "message/rfc822", b"From: x\n\ny"),
    )
    content = compose(LETTER._replace(files=files))
    assert b"\nX-Bad" not in content
    assert content.isascii()
    for read in (old(content), modern(content)):
        parts = list(read.walk())[1:]
        assert [part.get_content_type() for part in parts] == [
            "text/plain", "application/pdf", "text/plain", "application/octet-stream", "application/octet-stream",
        ]  # fmt: skip
        assert [part.get_filename() for part in parts[1:]] == ["plan.pdf", "größe „neu“.txt", 'a"; X-Bad: 1', "old.eml"]
        assert [part.get_payload(decode=True) for part in parts[1:]] == [file.content for file in files]
        assert not read.defects


def test_the_boundary_follows_from_the_message_id_and_stands_in_no_part() -> None:
    """The same letter is the same bytes; a text that shows the boundary's form does not end its part."""
    letter = LETTER._replace(
        files=(File("a", "text/plain", b"x"),), text="--=_digestdigestdigest12\nstill text\n--=_digestdigestdigest12--"
    )
    assert compose(letter) == compose(letter)
    parts = list(modern(compose(letter)).walk())
    assert [part.get_content_type() for part in parts] == ["multipart/mixed", "text/plain", "text/plain"]
    assert parts[1].get_payload(decode=True) == letter.text.encode() + b"\n"


def test_a_long_subject_is_folded_and_read_back_whole() -> None:
    """Also one without any blank, in any script."""
    for subject in ("word " * 200, "x" * 1000, "漢字" * 300, "é " * 300):
        content = compose(LETTER._replace(subject=subject))
        assert max(len(line) for line in content.split(b"\n")) <= 100
        assert decoded(old(content)["Subject"].replace("\n", "")) == clean(subject, lines=False)


def test_words_that_look_encoded_stay_what_they_are() -> None:
    """A name like ``=?utf-8?q?Boss?=`` is shown as those characters."""
    said = "=?utf-8?q?Boss?="
    content = compose(LETTER._replace(subject=said, sender=(said, "support@us.example")))
    assert decoded(old(content)["Subject"]) == said
    assert modern(content)["From"].addresses[0].display_name == said


def test_names_with_quotes_and_commas_stay_one_mailbox() -> None:
    """Quoted strings are closed where they end."""
    said = mailbox('Lee, "Ann" \\ <x@evil.example>', "ann@us.example")
    assert modern(b"To: " + said.encode() + b"\n\n")["To"].addresses[0].addr_spec == "ann@us.example"
    assert mailbox("", "ann@us.example") == "ann@us.example"


@pytest.mark.parametrize(("foreign", "ours"), [
    ("1@acme.example", "<1@acme.example>"), ("<1@acme.example>", "<1@acme.example>"), ("a\r\nBcc: x@y", ""), ("a b@c", ""),
    ("", ""), (None, ""), ("<a><b>", ""), ("é@x", ""), ("x" * 2000, ""), ("<>", ""),
])  # fmt: skip
def test_foreign_message_ids_are_taken_only_where_they_are_harmless(foreign: str | None, ours: str) -> None:
    """Everything else is left out of In-Reply-To and References."""
    assert identifier(foreign) == ours


def test_only_ascii_leaves_but_for_addresses_that_are_not() -> None:
    """RFC 6532 addresses stay readable."""
    content = compose(LETTER._replace(recipient=("Jörg", "jörg@müller.example")))
    assert re.search("To: =\\?utf-8\\?.*\\?= <jörg@müller.example>\n", content.decode())


@given(st.text(st.sampled_from("ab: =?_.ä漢😀"), max_size=200), st.sampled_from(["Subject", "X-Auto-Response-Suppress"]))
def test_encoded_words_and_their_lines_are_as_short_as_they_must_be(value: str, name: str) -> None:
    """RFC 2047 §2; no line is empty, and unfolded it says what it said."""
    lines = f"{name}: {words(name, value)}".split("\n")
    assert all(len(line) <= 76 and line.strip() for line in lines[1:])
    assert len(lines[0]) <= 76 or lines[0].count(" ") == 1
    assert all(len(word) <= 75 for line in lines for word in line.split() if word.startswith("=?utf-8?"))
    assert decoded("".join(lines).partition(": ")[2]) == clean(value, lines=False)


def test_what_is_mostly_latin_stays_readable() -> None:
    assert words("Subject", "Störung in Halle 3") == "=?utf-8?q?St=C3=B6rung_in_Halle_3?="
    assert words("Subject", "Re: 漢字") == "Re: =?utf-8?b?5ryi5a2X?="


@pytest.mark.parametrize("name", ["日" * 120, "😀" * 60, "ä" * 61 + ".pdf", "ü.pdf"])
def test_no_name_of_a_file_makes_a_line_that_mail_servers_break(name: str) -> None:
    """RFC 5322 §2.1.1, RFC 2231 §3."""
    raw = compose(LETTER._replace(files=(File(name, "application/pdf", b"x"),)))
    assert max(map(len, raw.split(b"\n"))) <= 998
    assert [part.get_filename() for part in modern(raw).iter_attachments()] == [name]
    assert [part.name for part in parse(raw).attachments] == [name]


@pytest.mark.parametrize("address", ["joe@acme.example", f"{'j' * 60}@{'a' * 60}.example"])
def test_the_line_with_the_last_encoded_word_of_a_name_is_short(address: str) -> None:
    lines = f"From: {mailbox('Jürgen Ärmelschoner über alles', address)}".split("\n")
    assert all(len(line) <= 76 for line in lines if "=?" in line)
    assert parse(("\n".join(lines) + "\n\n").encode()).from_ == address
