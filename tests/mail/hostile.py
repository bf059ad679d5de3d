"""Mails that were made to harm, and the mark that each must get: made only where one is taken, as some have 10 MB."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Hostile(NamedTuple):
    """How to make it, and the mark that tells what was cut of it, None where nothing need be."""

    made: Callable[[], bytes]
    mark: str | None


def deep(levels: int) -> bytes:
    """Multiparts in each other."""
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(levels)) + b"\nhi"


def page(html: bytes) -> bytes:
    """A mail of HTML alone."""
    return b"Content-Type: text/html\n\n" + html


def returned(text: bytes) -> bytes:
    """A bounce of no standard with this text."""
    return b"Subject: Undeliverable: x\n\nYour message did not reach some or all:\n" + text


BOUND = b"Content-Type: multipart/mixed; boundary=b\n\n"
PADDED = b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n"
FLOWED = b"Content-Type: text/plain; format=flowed\n\n"

HOSTILE = {
    "a subject of 1 MB": Hostile(lambda: b"Subject: " + b"x" * 10**6 + b"\n\nhi", "cut-header"),
    "100 kB of quotes in To": Hostile(lambda: b"To: " + b'"' * 10**5 + b"\n\nhi", "cut-header"),
    "100 kB of brackets in To": Hostile(lambda: b"To: " + b"<" * 10**5 + b"\n\nhi", "cut-header"),
    "100 kB of parentheses in To": Hostile(lambda: b"To: " + b"(" * 10**5 + b"\n\nhi", "cut-header"),
    "quotes and backslashes in To": Hostile(lambda: b"To: " + b'"\\' * 30000 + b"\n\nhi", None),
    "20,000 addresses": Hostile(
        lambda: b"To: " + b",\n ".join(b"u%d@x.example" % i for i in range(20000)) + b"\n\nhi", "cut-addresses"
    ),
    "short addresses": Hostile(lambda: b"To: " + b"a@b," * 12000 + b"\n\nhi", "cut-addresses"),
    "10 MB of headers": Hostile(lambda: b"X: y\n" * 2 * 10**6, "cut-headers"),
    "1,000 levels": Hostile(lambda: deep(1000), "cut-depth"),
    "1,000 messages in messages": Hostile(lambda: b"Content-Type: message/rfc822\n\n" * 1000, "message"),
    "20,000 parts": Hostile(lambda: BOUND + b"--b\n\nhi\n" * 20000 + b"--b--\n", "cut-parts"),
    "10 MB unterminated": Hostile(lambda: BOUND + b"--b\n\n" + b"word word word\n" * 660000, "truncated"),
    "10 MB that are almost boundaries": Hostile(lambda: BOUND + b"--bx\n" * 2 * 10**6, "cut-parts"),
    "10 MB of empty lines": Hostile(lambda: b"X: y\n\n" + b"\n" * 10**7, "cut-text"),
    "10 MB in one line": Hostile(lambda: b"X: y\n\n" + b"x" * 10**7, "cut-text"),
    "10 MB of padded base64": Hostile(lambda: PADDED + b"YQ==\n" * 2 * 10**6, None),
    "unending encoded words": Hostile(lambda: b"Subject: " + b"=?a?q?" * 10000 + b"\n\nhi", None),
    "bytes of no charset": Hostile(lambda: b"X: y\n\n" + bytes(range(128, 256)) * 40000, "cut-text"),
    "12,000 attributions": Hostile(lambda: b"X: y\n\n" + (b"schrieb 12 " * 30 + b":\n") * 12000, None),
    "100,000 comments": Hostile(lambda: page(b"<!--" * 10**5), "html"),
    "100,000 nested divs": Hostile(lambda: page(b"<div>" * 10**5), "cut-text"),
    "100,000 attributes": Hostile(lambda: page(b"<p " + b" ".join(b"a%d=1" % i for i in range(10**5)) + b">x"), "html"),
    "20,000 open fonts": Hostile(lambda: page(b"".join(b"<p><font size=%d>x" % i for i in range(20000))), "html"),
    "nested links": Hostile(lambda: page(b"<a><div>" * 50000 + b"</a>" * 50000), "cut-text"),
    "a million open tags": Hostile(lambda: page(b"<a" * 10**6), "cut-text"),
    "unending quotes in tags": Hostile(lambda: page(b'<a b="' * 800000), "cut-text"),
    "nested quotes": Hostile(lambda: page(b"<blockquote>" * 7000 + b"x<br>" * 90000), "cut-text"),
    "preformatted lines": Hostile(lambda: page(b"<pre>" + b"a\n" * 2500000), "cut-text"),
    "a bounce of empty lines": Hostile(lambda: returned(b"\n" * 10**6), None),
    "a bounce of addresses": Hostile(lambda: returned(b"<a@a.example>\n" * 20000), None),
    "a bounce of one line": Hostile(lambda: returned(b"a@" * 500000), None),
    "10 MB of broken lines": Hostile(lambda: FLOWED + b"> word \n" * 1250000, "cut-text"),
    "10 MB in one broken line": Hostile(lambda: FLOWED + b" \n" * 5 * 10**6, "cut-text"),
    "20,000 wrapped attributions": Hostile(lambda: b"X: y\n\n" + b"Jo <a@a.example> 12\nschrieb:\n" * 20000, None),
}
