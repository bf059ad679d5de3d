"""Parsing: what a mail says, that nothing makes it raise, and that it stays within its budgets (mail.md §6)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail import parse as module
from crmcli.mail.incoming import Incoming
from crmcli.mail.parse import parse, poisoned

PLAIN = """\
Received: from b by c
Received: from a by b
From: Jo Doe <Jo@CUSTOMER.example>
To: support@us.example, Bob <bob@us.example>
Cc: nobody in particular;, Eve <eve@else.example>
Subject: A  folded
\tsubject
Date: Mon, 2 Mar 2026 10:00:00 +0100
Message-ID: < a1@customer.example >
In-Reply-To: Your message of Monday <a0@us.example>
X-Spam: =?utf-8?q?no?=

Hello,

thanks.
""".encode("ascii")


def mail(head: str, body: str | bytes = "x") -> Incoming:
    """The mail of these headers and this text."""
    return module._read(head.encode("utf-8", "surrogateescape") + b"\n\n" + (body.encode() if isinstance(body, str) else body))


def test_a_plain_mail_is_read_field_by_field() -> None:
    """Names, addresses, ids, dates, headers and text."""
    found = parse(PLAIN)
    assert (found.from_name, found.from_) == ("Jo Doe", "Jo@customer.example")
    assert found.to == (("", "support@us.example"), ("Bob", "bob@us.example"))
    assert found.cc == (("Eve", "eve@else.example"),)
    assert (found.subject, found.date) == ("A folded subject", "2026-03-02T09:00:00Z")
    assert (found.message_id, found.in_reply_to, found.references) == ("a1@customer.example", ("a0@us.example",), ())
    assert found.received == ("from b by c", "from a by b")
    assert found.header("x-spam") == "=?utf-8?q?no?="
    assert [name for name, _ in found.headers][:3] == ["received", "received", "from"]
    assert (found.text, found.visible, found.own_text) == ("Hello,\n\nthanks.", ((0, 15),), "Hello,\n\nthanks.")
    assert (found.charset, found.charset_reason, found.html_used, found.marks) == ("utf-8", "utf-8", False, ())


def test_line_ends_do_not_change_what_a_mail_says() -> None:
    """LF and CRLF copies have the same content key."""
    assert parse(PLAIN.replace(b"\n", b"\r\n"))._replace(headers=()) == parse(PLAIN)._replace(headers=())


def test_the_content_key_is_of_sender_date_text_and_files() -> None:
    """Not of ids and trace headers."""
    key = parse(PLAIN).content_key
    assert parse(PLAIN.replace(b"a1@", b"a2@").replace(b"Received: from a by b\n", b"")).content_key == key
    for old, new in ((b"Jo@", b"Jim@"), (b"10:00", b"11:00"), (b"thanks", b"Thanks")):
        assert parse(PLAIN.replace(old, new)).content_key != key


@pytest.mark.parametrize("head", ["Message-ID:", "Message-ID: <>", "X: y", "Message-ID: none"])
def test_an_absent_or_empty_id_is_none(head: str) -> None:
    """So that it never matches another."""
    assert mail(head).message_id is None


def test_ids_are_read_across_folds_and_garbage() -> None:
    """Each once, in order; without brackets only where nothing has them."""
    assert mail("References: <a@x>,<b@\n y> junk <a@x> <>").references == ("a@x", "b@y")
    assert mail("In-Reply-To: a@x").in_reply_to == ("a@x",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 2 Mar 2026 10:00:00 +0100 (CET)", "2026-03-02T09:00:00Z"),
        ("2 Mar 26 10:00 EST", "2026-03-02T15:00:00Z"),
        ("Mon Mar  2 10:00:00 2026", "2026-03-02T10:00:00Z"),
        ("Thu, 1 Jan 1970 00:30:00 +0100", None),
        ("31 Dec 9999 23:59:59 -0100", None),
        ("yesterday", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_a_date_is_utc_text_or_none(value: str, expected: str | None) -> None:
    """Zones counted in; out of range or unreadable is none."""
    assert mail(f"Date: {value}").date == expected


def test_the_first_date_that_can_be_read_counts() -> None:
    """Broken mailers write two."""
    assert mail("Date: soon\nDate: 2 Mar 2026 10:00 +0000").date == "2026-03-02T10:00:00Z"


def test_two_senders_are_marked() -> None:
    """Whom such a mail is from, programs disagree on."""
    assert mail("From: a@x.example\nFrom: b@x.example").marks == ("two-from",)
    assert mail("From: a@x.example, b@x.example").marks == ("two-from",)
    assert mail("From: a@x.example").marks == ()


def test_control_characters_go_and_direction_controls_stay() -> None:
    """The latter are escaped where they are shown."""
    found = mail("Subject: a\x00b\x1b[31m\u202ec", "x\x07y\u202ez\x9b")
    assert (found.subject, found.text) == ("ab[31m\u202ec", "xy\u202ez")


def test_headers_cannot_smuggle_line_breaks() -> None:
    """Encoded CR and LF become blanks."""
    found = mail("Subject: =?utf-8?q?a=0D=0ABcc:_x?=\nFrom: =?utf-8?q?n=0Aame?= <a@b.c>")
    assert (found.subject, found.from_name) == ("a Bcc: x", "n ame")


def test_headers_end_at_a_line_that_is_none() -> None:
    """And the text begins with it."""
    found = module._read(b"Subject: a\nnot a header\nTo: b@c.d\n\ntext")
    assert (found.subject, found.to, found.text) == ("a", (), "not a header\nTo: b@c.d\n\ntext")


def test_a_mail_without_headers_or_without_text_is_read() -> None:
    """Down to nothing at all."""
    assert module._read(b"\njust text\n").text == "just text"
    assert module._read(b"Subject: x").subject == "x"
    assert module._read(b"").text == ""


def parts(*heads: str, kind: str = "mixed") -> Incoming:
    """A mail of parts with these headers; the text of each is its number."""
    body = "".join(f"--b\n{head}\n\n{number}\n" for number, head in enumerate(heads))
    return mail(f"Content-Type: multipart/{kind}; boundary=b", f"{body}--b--\n")


PLAIN_PART, HTML_PART = "Content-Type: text/plain", "Content-Type: text/html"
FILE = "Content-Type: text/plain; name=a.txt"
ATTACHED = f"{FILE}\nContent-Disposition: attachment"
CHOSEN = [
    (("mixed", PLAIN_PART, PLAIN_PART), "0\n\n1", []),
    (("mixed", PLAIN_PART, FILE), "0", ["a.txt"]),
    (("mixed", FILE, FILE), "0", ["a.txt"]),
    (("mixed", ATTACHED), "", ["a.txt"]),
    (("mixed", HTML_PART, PLAIN_PART), "0\n\n1", []),
    (("alternative", PLAIN_PART, HTML_PART), "0", []),
    (("alternative", HTML_PART, PLAIN_PART), "1", []),
    (("alternative", "Content-Type: text/x-amp-html", HTML_PART), "1", []),
    (("alternative", PLAIN_PART, "Content-Type: text/calendar"), "0", ["invite.ics"]),
    (("alternative", PLAIN_PART, "Content-Type: application/pdf; name=a.pdf"), "0", ["a.pdf"]),
    (("digest", "", ""), "", ["message.eml", "message.eml"]),
    (("mixed", "Content-Type: nonsense", "Content-Type: image/png"), "0", [""]),
]


@pytest.mark.parametrize(("mail_parts", "text", "names"), CHOSEN)
def test_text_and_files_are_chosen_among_the_parts(mail_parts: tuple[str, ...], text: str, names: list[str]) -> None:
    """What is shown, and what is attached."""
    found = parts(*mail_parts[1:], kind=mail_parts[0])
    assert (found.text, [part.name for part in found.attachments]) == (text, names)


@pytest.mark.parametrize(
    ("encoding", "blank"), [("7bit", ""), ("7bit", " \n\n"), ("quoted-printable", "=C2=A0=20"), ("base64", "IA0KDQo=")]
)
def test_a_plain_part_of_blanks_is_no_text_beside_the_html(encoding: str, blank: str) -> None:
    head = f"{PLAIN_PART}; charset=utf-8\nContent-Transfer-Encoding: {encoding}"
    found = mail(
        "Content-Type: multipart/alternative; boundary=b", f"--b\n{head}\n\n{blank}\n--b\n{HTML_PART}\n\n<p>It broke.\n--b--\n"
    )  # fmt: skip
    assert (found.text, found.html_used) == ("It broke.", True)


def test_inline_parts_are_told_from_attached_ones() -> None:
    """By disposition, else by a Content-ID."""
    heads = ["Content-Disposition: inline", "Content-ID: <1>", "Content-ID: <2>\nContent-Disposition: attachment", "X: y"]
    found = parts(*(f"Content-Type: image/png\n{head}" for head in heads))
    assert [part.inline for part in found.attachments] == [True, True, False, False]


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("application/pkcs7-mime; smime-type=signed-data", "signed"),
        ("application/pkcs7-mime; smime-type=enveloped-data", "encrypted"),
        ("application/octet-stream; name=WinMail.dat", "winmail"),
        ("application/ms-tnef", "winmail"),
        ("message/rfc822", "message"),
    ],
)
def test_special_parts_are_marked(kind: str, mark: str) -> None:
    """So that a reader knows that there is more than the text."""
    assert parts(f"Content-Type: {kind}").marks == (mark,)


def test_poison_keeps_everything_raw() -> None:
    """Headers as latin-1, body as it stands, the whole mail attached."""
    raw = b"Subject: caf\xe9\n =?utf-8?q?x?=\nFrom: <a@b>\nMessage-ID: <1@x>\n\nb\xe9ta\x00"
    found = poisoned(raw)
    assert (found.subject, found.from_, found.message_id) == ("café =?utf-8?q?x?=", None, "1@x")
    assert (found.text, found.marks) == ("béta", ("poison",))
    assert [part.content for part in found.attachments] == [raw]


def test_an_error_in_reading_gives_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing passes out of parse."""
    monkeypatch.setattr(module.mime, "tree", lambda raw: 1 / 0)
    assert parse(PLAIN).marks == ("poison",)


@given(st.binary(max_size=400))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    """Not even inside, before poison catches it."""
    found = module._read(raw)
    assert poisoned(raw).marks == ("poison",)
    assert all(0 <= start < end <= len(found.text) for start, end in found.visible)


HEADS = ["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type", "Content-Disposition"]
SHARDS = st.sampled_from(
    ("=?utf-8?q?", "?=", "=?x?b?", '"', "<", ">", "(", ")", "@", ",", ";", ":", "\\", "\n ", "\r", "é", "\udce9", "=", "'", "*0*",
     "multipart/mixed; boundary=a", "text/html", "charset=utf-7", "filename*=", "%", "1", " ", "a")
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(HEADS), st.lists(SHARDS, max_size=12)), max_size=6), st.text(max_size=60))
def test_no_headers_make_it_raise(fields: list[tuple[str, list[str]]], body: str) -> None:
    """Made of the pieces that mean something in them."""
    head = "\n".join(f"{name}: {''.join(shards)}" for name, shards in fields)
    found = mail(head, f"--a\n{body}\n--a--")
    assert "\n" not in found.subject + found.from_name


def test_a_plain_mail_loads_nothing_that_it_does_not_need() -> None:
    """The hot road pays for HTML and guessing of charsets only where a mail has them."""
    code = (
        "import sys; from crmcli.mail.parse import parse; "
        f"assert parse({PLAIN!r}).marks == (); "
        "print(*(set(sys.modules) & {'selectolax', 'selectolax.lexbor', 'chardet', 'flufl.bounce', 'html', 'json', 'typing',"
        " 'crmcli.mail.html', 'crmcli.mail.tags', 'crmcli.mail.bounce', 'unicodedata'}))"
    )
    assert subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
