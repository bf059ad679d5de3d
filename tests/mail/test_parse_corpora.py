"""Public mail samples, where they are at hand: none raises, and what other parsers found in them is found."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from crmcli.mail import bounce, mime, parse
from crmcli.mail.incoming import Incoming
from tests.mail.fuzz import in_time, looked_at, mutant

ROOT = Path(__file__).parent.parent.parent
PUBLIC = Path(os.environ.get("CRM_CORPORA") or ROOT.parent / "shared" / "corpora")
STALWART = PUBLIC / "stalwart-mail-parser" / "resources" / "eml"
needs_corpora = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"no public mail samples at {PUBLIC} (set CRM_CORPORA)")

# Where we and stalwart's JSON differ, and why that is well.
DIFFERENT = {
    "legacy/010": "subject: bytes of latin-1 under no charset; we guess Frösche, they write U+FFFD",
    "legacy/020": "as legacy/010",
    "legacy/022": "as legacy/010",
    "legacy/027": "as legacy/010",
    "legacy/052": "as legacy/010",
    "malformed/000": "parts of headers alone; we keep them as empty parts, they find none",
    "malformed/001": "as malformed/008",
    "malformed/003": "both multiparts have one boundary: ours are read outside in, theirs inside out",
    "malformed/004": "lines that only begin like the boundary: no parts to us",
    "malformed/005": "the inner boundary reads as the end of the outer one",
    "malformed/007": "headers that end without an empty line: we see the inner multipart, they do not",
    "malformed/008": "the outer boundary comes inside the inner one and ends it (RFC 2046 §5.1.2); they go on",
    "malformed/009": "as malformed/008",
    "malformed/011": "as malformed/008",
    "malformed/012": "as malformed/008",
    "malformed/013": "one boundary at four levels: ours are all at the first",
    "malformed/016": "boundaries that begin alike: as malformed/008",
    "malformed/019": "a mail cut up at random: as malformed/013; of its dates we take the first that is one",
    "malformed/020": "two Content-Types: the first counts here, the last there",
    "malformed/021": "as malformed/020",
    "malformed/022": "message/rfc822 that is none: a message to us, text to them",
    "rfc/000": "a sound and a picture of base64 that is none: files as they are declared to us, text to them",
    "thirdparty/015": "a part whose boundary never comes: the outer one ends it (RFC 2046 §5.1.2); they read on to the end",
}


def mails() -> list[Path]:
    """Every file of the samples and of our own corpus: JSON and pictures too, as anything may come by a pipe."""
    own = sorted((ROOT / "tests" / "corpus").glob("*.eml"))
    return own + sorted(path for path in PUBLIC.rglob("*") if path.is_file())


def check(raw: bytes) -> Incoming:
    """Read the bytes as parse does, without its net, and look at what came of it."""
    with in_time():
        found = parse._read(raw)
    looked_at(found)
    return found


@needs_corpora
def test_no_public_mail_raises() -> None:
    """Each within two seconds of CPU."""
    found = [check(path.read_bytes()) for path in mails()]
    assert len(found) > 600


@needs_corpora
def test_the_tree_of_a_public_mail_covers_its_bytes() -> None:
    """Children lie inside their parent, one after another."""
    for path in mails():
        raw = path.read_bytes()
        waiting = [mime.tree(raw)[0]]
        while waiting:
            part = waiting.pop()
            places = [part.start, *(place for child in part.children for place in (child.start, child.end)), part.end]
            assert places == sorted(places), path
            waiting.extend(part.children)


@needs_corpora
def test_stalwart_finds_the_same() -> None:
    """Addresses, subjects, dates and trees of the 107 mails, but for those that the table gives a reason for."""
    paths = sorted(STALWART.rglob("*.eml"))
    assert len(paths) == 107
    different = {f"{path.parent.name}/{path.stem}" for path in paths if _said(path.read_bytes()) != _expected(path)}
    assert different == DIFFERENT.keys()


def _said(raw: bytes) -> list[Any]:
    found = check(raw)
    lists = [[address for _, address in boxes] for boxes in (found.to, found.cc, found.reply_to)]
    return [[found.from_] if found.from_ else [], *lists, found.subject, found.date, _kinds(mime.tree(raw)[0])]


def _kinds(part: mime.Entity) -> Any:
    if part.children:
        return [_kinds(child) for child in part.children]
    if part.type in ("text/html", "message/rfc822"):
        return {"text/html": "Html", "message/rfc822": "Message"}[part.type]
    return "Text" if part.type.startswith(("text/", "multipart/")) else "Binary"


def _expected(path: Path) -> list[Any]:
    parts = json.loads(path.with_suffix(".json").read_text())["parts"]
    values: dict[str, list[Any]] = {}
    for header in parts[0]["headers"]:
        values.setdefault(str(header["name"]), []).append(header["value"])
    subject = next((value["Text"] for value in values.get("subject", []) if "Text" in value), "")
    date = next((value["DateTime"] for value in values.get("date", []) if "DateTime" in value), None)
    lists = [_addresses(values.get(name, [])) for name in ("from", "to", "cc", "reply_to")]
    lists[0] = lists[0][:1]
    return [*lists, " ".join(subject.split()), date and _utc(date), _their_kinds(parts, 0)]


def _addresses(values: list[Any]) -> list[str]:
    boxes = [box for value in values if value != "Empty" for box in _boxes(value.get("Address", {}))]
    split = [box["address"].rpartition("@") for box in boxes if "@" in (box["address"] or "")]
    return [f"{local}@{domain.lower()}" for local, _, domain in split]


def _boxes(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(value.get("List") or []), *(box for group in value.get("Group") or [] for box in group["addresses"])]


def _utc(date: dict[str, int]) -> str:
    offset = timedelta(hours=date["tz_hour"], minutes=date["tz_minute"]) * (-1 if date["tz_before_gmt"] else 1)
    fields = (date[name] for name in ("year", "month", "day", "hour", "minute", "second"))
    return datetime(*fields, tzinfo=timezone(offset)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # type: ignore[arg-type,misc]


def _their_kinds(parts: list[dict[str, Any]], number: int) -> Any:
    body = parts[number]["body"]
    kind, value = (body, None) if isinstance(body, str) else next(iter(body.items()))
    if kind == "Multipart":
        return [_their_kinds(parts, child) for child in value]
    return kind.removeprefix("Inline")


@needs_corpora
def test_bounces_of_many_servers_are_understood() -> None:
    """At least 95 % of the 117 name who was not reached."""
    paths = sorted((PUBLIC / "flufl-bounce" / "data").glob("*.txt"))
    read = [bounce.read(path.read_bytes(), check(path.read_bytes())) for path in paths]
    assert len(paths) == 117
    assert sum(bool(one.recipients) for one in read) >= 0.95 * len(paths)
    assert all("@" in failure.address and failure.status[0] in "245" for one in read for failure in one.recipients)


def _mutate(count: int) -> None:
    chance = random.Random(20260302)
    raws = [path.read_bytes() for path in mails()]
    for number in range(count):
        raw = mutant(chance, raws)
        try:
            found = check(raw)
            bounce.read(raw, found)
        except Exception as error:
            raise AssertionError(f"mutant {number}") from error


def test_two_thousand_mutants_are_read() -> None:
    """Of the public samples, or of our own corpus where those are absent."""
    _mutate(2000)


@pytest.mark.campaign
def test_twenty_thousand_mutants_are_read() -> None:
    """The long form."""
    _mutate(20_000)
