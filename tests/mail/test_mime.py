"""Headers read by our own short cut are those that the standard library's parser reads."""

from __future__ import annotations

from email.parser import HeaderParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail import mime

LINE = st.text(st.sampled_from("Ab1-_: \t\x0b\x0c\x85\x00ä\udc80\r"), max_size=8)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["Subject", "X-A", "To", "from", "", "From x", " A", "A "]), LINE, st.lists(LINE, max_size=2)),
    max_size=4,
)  # fmt: skip


@given(HEADERS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", "\r\n", "\r"]))
def test_the_short_cut_gives_what_the_parser_gives_or_nothing(
    headers: list[tuple[str, str, list[str]]], ending: str, last: str
) -> None:
    lines = [f"{name}:{value}{''.join(f'{ending} {more}' for more in folded)}" for name, value, folded in headers]
    block = ending.join(lines) + last
    found = mime._plain_fields(block)
    if found is not None:
        message = HeaderParser().parsestr(block)
        assert (list(message.raw_items()), message.get_payload()) == (found, "")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_short_cut_is_taken_for_headers_as_they_are(ending: str) -> None:
    block = ending.join(["Subject: Pump", "To: a@us.example,", "\tb@us.example", "X-Empty:", "X-Folded:", " late", ""])
    assert mime._plain_fields(block) == [
        ("Subject", "Pump"), ("To", f"a@us.example,{ending}\tb@us.example"), ("X-Empty", ""), ("X-Folded", f"{ending} late"),
    ]  # fmt: skip


@pytest.mark.parametrize("block", ["no header\n", " folded\n", "A: b\rC: d\n", "A: b\n\nC: d\n", "From me\nA: b\n", ": x\n"])
def test_the_short_cut_leaves_to_the_parser_what_is_odd(block: str) -> None:
    assert mime._plain_fields(block) is None


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "rot13", "x\x00y", "no-such"])
def test_a_line_that_is_no_header_begins_the_body_whatever_charset_is_named(charset: str) -> None:
    """What is left of a block is counted in bytes."""
    raw = f"Subject: Störung\nContent-Type: text/plain; charset={charset}\nÜber uns: ätsch\nX: y\n\nText ü\n".encode()
    root, marks = mime.tree(raw)
    assert (raw[root.start :].decode(), marks) == ("Über uns: ätsch\nX: y\n\nText ü\n", ())
    assert [name for name, _ in root.fields] == ["Subject", "Content-Type"]
    assert root.get("subject").encode("ascii", "surrogateescape").decode() == "Störung"


@given(st.text(st.sampled_from("\n\r a"), max_size=12))
def test_the_first_empty_line_is_found_however_lines_end(text: str) -> None:
    """By the plainest way to say it: at which line break does another follow, or a return and another."""
    raw = text.encode()
    found = next((at + 1 for at in range(len(raw)) if raw.startswith((b"\n\n", b"\n\r\n"), at)), None)
    expected = (len(raw), len(raw)) if found is None else (found, raw.index(b"\n", found) + 1)
    assert mime._blank_line(raw, 0, len(raw)) == expected
