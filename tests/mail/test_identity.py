"""Who a mail is really from: only our own server's word counts, and only where it stands (mail.md §5)."""

from __future__ import annotations

import pytest

from crmcli.mail.identity import vouched

HOSTS = ("mx.us.example", "in.us.example")
OURS = ("received", "from evil (by mx.us.example) by mx.us.example with ESMTP; Mon, 2 Mar 2026 09:00:00 +0000")
OTHER = ("received", "from x by mail.evil.example; Mon, 2 Mar 2026 08:59:00 +0000")


def results(text: str, name: str = "mx.us.example") -> tuple[str, str]:
    return ("authentication-results", f"{name}; {text}")


def is_vouched(*headers: tuple[str, str], address: str = "ann@us.example") -> bool:
    return vouched(headers, "mx.us.example", HOSTS, address)


PASS = results("dmarc=pass (p=none) header.from=us.example")


@pytest.mark.parametrize(
    "text",
    [
        "dmarc=pass header.from=us.example",
        "dkim=pass header.d=us.example header.s=a",
        "spf=pass smtp.mailfrom=ann@us.example",
        "dkim=fail header.d=x.example; DKIM=PASS (good; really) header.d=US.example",
        'spf=pass smtp.mailfrom="ann lee"@us.example',
        'dkim=pass header.d="us.example"',
        'dmarc=pass reason="its own policy" header.from=us.example',
    ],
)
def test_our_servers_pass_for_the_domain_of_from_vouches(text: str) -> None:
    assert is_vouched(results(text), OURS, OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "dmarc=fail header.from=us.example",
        "dmarc=pass header.from=evil.example",
        "dkim=pass header.d=evil.example",
        "spf=pass smtp.mailfrom=ann@us.example.evil.example",
        "dmarc=fail header.from=us.example; dkim=pass header.d=us.example",
        "dmarc=fail header.from=us.example; spf=pass smtp.mailfrom=x; dmarc=pass header.from=us.example",
        'spf=pass smtp.mailfrom="a; dkim=pass header.d=us.example "@evil.example',
        "spf=fail (x; dkim=pass header.d=us.example) smtp.mailfrom=evil.example",
        "dkim=pass header.d=us.example header.d=evil.example",
        'spf=pass smtp.mailfrom="x@us.example "@evil.example',
        'spf=pass smtp.mailfrom="x" y@us.example "@evil.example',
        'spf=pass smtp.mailfrom="x\\" y@us.example "@evil.example',
        'spf=pass smtp.helo="a smtp.mailfrom=x@us.example"',
    ],
)
def test_another_domain_a_failure_and_hidden_words_do_not(text: str) -> None:
    assert not is_vouched(results(text), OURS, OTHER)


def test_a_forged_header_below_ours_counts_for_nothing() -> None:
    assert not is_vouched(OURS, PASS, OTHER)
    assert not is_vouched(results("dmarc=fail header.from=us.example"), OURS, PASS, OURS)
    assert not is_vouched(OTHER, PASS, OURS)
    assert not is_vouched(PASS, OTHER)
    assert not is_vouched(PASS)


def test_another_servers_header_counts_for_nothing() -> None:
    assert not is_vouched(results("dmarc=pass header.from=us.example", "mx.evil.example"), OURS)
    assert not vouched((PASS, OURS), "", HOSTS, "ann@us.example")
    assert not vouched((PASS, OURS), "mx.us.example", (), "ann@us.example")


def test_a_header_between_two_of_our_servers_counts() -> None:
    assert is_vouched(OURS, PASS, ("received", "from a by in.us.example; x"), OTHER)
