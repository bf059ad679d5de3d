"""Addresses: what stands in brackets wins, and nothing is looked at twice (RFC 5322 §3.4, RFC 6532)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail.address import bare, mailboxes

READ = [
    ("joe@x.example", [("", "joe@x.example")]),
    ("Joe <joe@X.Example>", [("Joe", "joe@x.example")]),
    ("alice@us.example <bob@evil.example>", [("alice@us.example", "bob@evil.example")]),
    ('"alice@us.example" <bob@evil.example>', [("alice@us.example", "bob@evil.example")]),
    ("alice@us.example <>", [("alice@us.example", "")]),
    ("alice@us.example <nobody>", [("alice@us.example", "")]),
    ('"Doe, John" <j@x.example>', [("Doe, John", "j@x.example")]),
    ("Doe, John <j@x.example>", [("Doe, John", "j@x.example")]),
    ('"Giant; \\"Big\\" Box" <s@x.example>', [('Giant; "Big" Box', "s@x.example")]),
    ("a@x.example, b@x.example;c@x.example", [("", "a@x.example"), ("", "b@x.example"), ("", "c@x.example")]),
    ("a@x.example b@x.example", [("", "a@x.example"), ("", "b@x.example")]),
    ("A <a@x.example> <b@x.example>", [("A", "a@x.example"), ("", "b@x.example")]),
    ("a@x.example (Ann (the) boss)", [("Ann (the) boss", "a@x.example")]),
    ("Pete(A \\) chap) <pete(his)@silly.example(host)>", [("Pete", "pete@silly.example")]),
    ("Team: Ann <a@x.example>, b@x.example;, c@x.example", [("Ann", "a@x.example"), ("", "b@x.example"), ("", "c@x.example")]),
    ("undisclosed-recipients:;", []),
    ("<@r1.example,@r2.example:u@x.example>", [("", "u@x.example")]),
    ("jdoe @ x . example", [("", "jdoe@x.example")]),
    ("<  joe@x.example\t>", [("", "joe@x.example")]),
    ("joe@x.example.", [("", "joe@x.example")]),
    ("mailto:joe@x.example", [("", "joe@x.example")]),
    ("<mailto:joe@x.example>", [("", "joe@x.example")]),
    ('"joe"@x.example', [("", "joe@x.example")]),
    ('"john doe"@x.example', []),
    ("joe@evil@x.example", []),
    ("Just A Name", [("Just A Name", "")]),
    ('"never closed <a@x.example>, b@x.example', [("never closed", "a@x.example"), ("", "b@x.example")]),
    ("(never closed <a@x.example>", [("never closed", "a@x.example")]),
    ("Joe <joe@x.example", [("Joe", "joe@x.example")]),
    ("=?utf-8?q?J=C3=B6rg?= <j@x.example>", [("Jörg", "j@x.example")]),
    ('"=?utf-8?q?J=C3=B6rg?=" <j@x.example>', [("Jörg", "j@x.example")]),
    ("=?utf-8?Q?Doe,_J?= <j@x.example>", [("Doe, J", "j@x.example")]),
    ("=?utf-8?Q?a=40x.example=2C?= <j@x.example>", [("a@x.example,", "j@x.example")]),
    ("J\udcc3\udcb6rg <j\udcc3\udcb6rg@x.example>", [("Jörg", "jörg@x.example")]),
    ("J\udcf6rg <j@x.example>", [("Jörg", "j@x.example")]),
    ("", []),
    (",;,<>,", [("", "")]),
]


@pytest.mark.parametrize(("value", "expected"), READ, ids=[value[:40] for value, _ in READ])
def test_an_address_header_is_read(value: str, expected: list[tuple[str, str]]) -> None:
    """Each line of the table."""
    assert mailboxes(value) == expected


def test_no_more_addresses_than_the_limit_are_read() -> None:
    """The rest is not looked at."""
    assert len(mailboxes("a@x.example," * 50, limit=7)) == 7


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-_é", min_size=1, max_size=12)
DOMAIN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(lambda text: f"{text}.example")
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN)
NAME = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f=?", exclude_categories=("Cc", "Zs")))


@given(st.lists(st.tuples(NAME, ADDRESS), min_size=1, max_size=8))
def test_what_is_written_by_the_rules_is_read_back(boxes: list[tuple[str, str]]) -> None:
    """Quoted names and bracketed addresses, as RFC 5322 has them."""
    escaped = [(name.replace("\\", "\\\\").replace('"', '\\"'), address) for name, address in boxes]
    assert mailboxes(", ".join(f'"{name}" <{address}>' for name, address in escaped)) == boxes


@given(st.text('ab@.<>"(),;:\\ ', max_size=40), ADDRESS)
def test_the_last_bracketed_address_is_never_hidden_by_what_stands_before(before: str, address: str) -> None:
    """However hostile the name: where a new mailbox is begun cleanly, it is found."""
    found = [one for _, one in mailboxes(f"{before}\n <>, {address}")]
    closed = not set('"(\\<:') & set(before)
    assert not closed or found[-1] == address


@given(st.text(max_size=60))
def test_a_bare_address_is_an_address_or_nothing(text: str) -> None:
    """And reading it again changes nothing."""
    found = bare(text)
    assert found == "" or (found.count("@") == 1 and bare(found) == found)
