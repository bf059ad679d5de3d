"""The project's own mails: each pair of tests/corpus is one thing that mails do, with what must come of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from crmcli.mail import bounce
from crmcli.mail.incoming import Incoming
from crmcli.mail.parse import parse

CORPUS = Path(__file__).parent.parent / "corpus"
MAILS = sorted(CORPUS.glob("*.eml"))

# What may stand in an expectation → what the parsed mail has there.
SAID = {
    "subject": lambda mail: mail.subject,
    "from": lambda mail: mail.from_,
    "from_name": lambda mail: mail.from_name,
    "to": lambda mail: [address for _, address in mail.to],
    "cc": lambda mail: [address for _, address in mail.cc],
    "reply_to": lambda mail: [address for _, address in mail.reply_to],
    "date": lambda mail: mail.date,
    "message_id": lambda mail: mail.message_id,
    "references": lambda mail: list(mail.references),
    "text": lambda mail: mail.text,
    "visible": lambda mail: mail.own_text,
    "charset": lambda mail: mail.charset,
    "marks": lambda mail: list(mail.marks),
    "attachments": lambda mail: [[part.name, part.type, len(part.content)] for part in mail.attachments],
}
ELSEWHERE = {"contains", "visible_contains", "bounced", "returned"}


def test_no_pair_of_the_corpus_is_lost() -> None:
    """Twenty mails at least, each with its expectation."""
    assert len(MAILS) >= 20
    assert {path.stem for path in MAILS} == {path.stem for path in CORPUS.glob("*.toml")}


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_of_the_corpus_says_what_is_expected(path: Path) -> None:
    """Every key of the expectation holds."""
    expected: dict[str, Any] = tomllib.loads(path.with_suffix(".toml").read_text())
    raw = path.read_bytes()
    mail = parse(raw)
    assert expected.keys() <= SAID.keys() | ELSEWHERE
    assert {key: SAID[key](mail) for key in expected.keys() - ELSEWHERE} == {
        key: value for key, value in expected.items() if key not in ELSEWHERE
    }
    for text in expected.get("contains", []):
        assert text in mail.text
    assert expected.get("visible_contains", "") in mail.own_text
    if "bounced" in expected:
        _check_bounce(raw, mail, expected)


def _check_bounce(raw: bytes, mail: Incoming, expected: dict[str, Any]) -> None:
    found = bounce.read(raw, mail)
    assert [list(one[:3]) for one in found.recipients] == expected["bounced"]
    assert list(found.ids) == expected["returned"]
