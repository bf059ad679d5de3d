"""Proofs that a mail answers one of ours: what a token says, and whether we wrote it (mail.md §5). Pure.

A token is ``c42-1-…`` (case 42, key 1), ``u42-7-1-…`` (case 42, and that user 7 was sent it) or ``b42-9-1-…``
(case 42, outbox row 9), the dots being 100 bits of HMAC-SHA256 in lower-case base32: mail systems may lower or
raise the case of a local part. It stands in plus parts, Message-IDs, References and the marker line alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crmcli.digest import hmac, same
from crmcli.tuples import NamedTuple

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
# Both cases are spelt out: with re.IGNORECASE it takes four times as long to compile.
TOKEN = r"(?<![A-Za-z0-9])([cubCUB])([0-9]{1,18})(?:-([0-9]{1,18}))?-([0-9]{1,9})-([A-Za-z2-7]{20})(?![A-Za-z0-9])"
TOKENS = re.compile(TOKEN)
# The line of our templates above which an answer is written, quoted or not; compiled where a text may have one.
MARKER = rf"^[>| \t]*== [^\n]{{1,80}}? == {TOKEN} ==[ \t\r]*$"
PURPOSES = {"case": "c", "user": "u", "bounce": "b"}
NAMES = {letter: purpose for purpose, letter in PURPOSES.items()}


class Key(NamedTuple):
    """One row of `mail_keys`; a retired key signs nothing any more and still proves what it signed."""

    version: int
    key: bytes
    retired: bool = False


class Proof(NamedTuple):
    """What a token of ours proves: the case; for purpose `user` the person, for `bounce` the outbox row."""

    case_id: int
    purpose: str
    user_id: int | None = None
    outbox_id: int | None = None


def newest(keys: tuple[Key, ...]) -> Key:
    """The key that signs: the newest that is not retired."""
    return max(key for key in keys if not key.retired)


def sign(keys: tuple[Key, ...], proof: Proof) -> str:
    """The token for a proof, lower case, at most 64 characters with any local part of 20."""
    key = newest(keys)
    letter, who = PURPOSES[proof.purpose], proof.user_id or proof.outbox_id
    said = f"{letter}{proof.case_id}" + (f"-{who}" if who is not None else "")
    return f"{said}-{key.version}-{_mac(key, said)}"


def verify(token: str, keys: tuple[Key, ...]) -> Proof | None:
    """What the token proves, None where it is not ours or not whole."""
    found = TOKENS.fullmatch(token.strip())
    return _proof(found, keys) if found else None


def proofs(text: str, keys: tuple[Key, ...]) -> Iterator[Proof]:
    """Each proof in a text: a recipient's address, In-Reply-To, References, or a body, in order."""
    for found in TOKENS.finditer(text):
        proof = _proof(found, keys)
        if proof:
            yield proof


def markers(text: str) -> Iterator[re.Match[str]]:
    """Each marker line in a text."""
    return re.finditer(MARKER, text, re.MULTILINE) if "== " in text else iter(())


def concealed(text: str) -> str:
    """The text without the tokens that prove a member of the staff: they never leave in words for outsiders."""
    return TOKENS.sub(lambda found: "…" if found[1] in "uU" else found[0], text)


def digest(keys: tuple[Key, ...], *parts: object) -> str:
    """A short name that nobody else can guess, the same for the same parts: for Message-IDs and boundaries."""
    return _base32(hmac(newest(keys).key, "\0".join(["id", *map(str, parts)]).encode()))


def _proof(found: re.Match[str], keys: tuple[Key, ...]) -> Proof | None:
    letter, case_id, who, version, mac = found.groups()
    said = f"{letter.lower()}{case_id}" + (f"-{who}" if who is not None else "")
    if (who is None) != (letter.lower() == "c"):
        return None
    for key in keys:
        if key.version == int(version) and same(_mac(key, said), mac.lower()):
            purpose, number = NAMES[letter.lower()], int(who) if who is not None else None
            return Proof(int(case_id), purpose, number if purpose == "user" else None, number if purpose == "bounce" else None)
    return None


def _mac(key: Key, said: str) -> str:
    return _base32(hmac(key.key, f"token\0{key.version}\0{said}".encode()))


def _base32(raw: bytes) -> str:
    """The first 100 bits, 5 a letter; base64.b32encode builds a table of 1024 pairs first."""
    number = int.from_bytes(raw[:13], "big") >> 4
    return "".join(LETTERS[number >> place & 31] for place in range(95, -5, -5))
