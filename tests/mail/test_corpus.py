"""The project's own mails: each pair of tests/corpus is one thing that mails do, with what must come of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from crmcli.mail import bounce, envelope
from crmcli.mail.classify import KINDS, Kind, Known, classify
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
    "inline": lambda mail: [part.name for part in mail.attachments if part.inline],
}
# What may stand there besides: `reply` is what the sender wrote now, as a person would mark it; forms are our web forms.
KIND = {"class": lambda kind: kind.name, "evidence": lambda kind: list(kind.evidence), "unthanked": lambda kind: kind.unthanked}
ELSEWHERE = {"contains", "visible_contains", "bounced", "returned", "reply", "forms"}


def expected(path: Path) -> dict[str, Any]:
    """What must come of a mail."""
    return tomllib.loads(path.with_suffix(".toml").read_text())


def test_no_pair_of_the_corpus_is_lost() -> None:
    """A hundred and fifty mails at least, each with its expectation, and with a class that each of the kinds has."""
    assert len(MAILS) >= 150
    assert {path.stem for path in MAILS} == {path.stem for path in CORPUS.glob("*.toml")}
    assert {expected(path).get("class", "human") for path in MAILS} == set(KINDS) - {"own-loop"}


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_of_the_corpus_says_what_is_expected(path: Path) -> None:
    """Every key of the expectation holds."""
    wanted = expected(path)
    raw = path.read_bytes()
    mail = parse(raw)
    kind = kind_of(raw, wanted)
    assert wanted.keys() <= SAID.keys() | KIND.keys() | ELSEWHERE
    found = {key: SAID[key](mail) for key in wanted.keys() & SAID.keys()} | {
        key: KIND[key](kind) for key in wanted.keys() & KIND.keys()
    }
    assert found == {key: value for key, value in wanted.items() if key not in ELSEWHERE}
    for text in wanted.get("contains", []):
        assert text in mail.text
    assert wanted.get("visible_contains", "") in mail.own_text
    if "bounced" in wanted:
        _check_bounce(raw, mail, wanted)


def kind_of(raw: bytes, wanted: dict[str, Any]) -> Kind:
    """The class, with the envelope as the mail's trace headers tell it."""
    sender = envelope.completed(envelope.Envelope(), envelope.trace(raw)).sender
    return classify(parse(raw), Known(sender=sender, forms=frozenset(wanted.get("forms", []))))


def _check_bounce(raw: bytes, mail: Incoming, wanted: dict[str, Any]) -> None:
    found = bounce.read(raw, mail)
    assert [list(one[:3]) for one in found.recipients] == wanted["bounced"]
    assert list(found.ids) == wanted["returned"]


def test_no_mail_of_the_corpus_is_classed_by_chance() -> None:
    """What has no class in its expectation is a person's mail, but for the one bounce that the corpus began with."""
    unsaid = {path.stem: kind_of(path.read_bytes(), {}).name for path in MAILS if "class" not in expected(path)}
    assert {name for name, kind in unsaid.items() if kind != "human"} == {"bounce"}


def test_what_is_written_now_is_marked_exactly() -> None:
    """In 85 % of the mails where a person marked it; and of at most 3 % anything that was written now is hidden."""
    truths = [(path.stem, wanted.get("reply", wanted.get("visible"))) for path in MAILS if (wanted := expected(path))]
    marked = {name: (truth, parse((CORPUS / f"{name}.eml").read_bytes()).own_text) for name, truth in truths if truth is not None}
    inexact = [name for name, (truth, shown) in marked.items() if shown.strip() != truth.strip()]
    cut = [name for name, (truth, shown) in marked.items() if _lost(truth, shown)]
    print(f"{len(marked)} mails, {len(inexact)} inexact, {len(cut)} cut")
    assert len(marked) >= 80
    assert len(inexact) <= 0.15 * len(marked), inexact
    assert len(cut) <= 0.03 * len(marked), cut


def _lost(truth: str, shown: str) -> bool:
    """Whether a line of what was written now is not shown."""
    return not {line.strip() for line in truth.splitlines()} <= {line.strip() for line in shown.splitlines()} | {""}
