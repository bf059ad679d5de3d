"""Foreign text made inert, and the small normal forms of text that every road shares."""

from __future__ import annotations

import re
from collections.abc import Collection

# Compiled by re when first used, and then kept: most runs need none of them.
# C0 and C1 controls but tab and newline, and lone surrogates: never stored, never shown.
CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
# Controls of writing direction and invisible tags: stored as they came, shown escaped.
DIRECTIONS = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
ADDRESS = r"[^\s@<>(),;:\"\\\[\]]+@[^\s@<>(),;:\"\\\[\]]+\Z"


def clean(text: str, lines: bool = True) -> str:
    """The text without control characters; with lines False also on one line, runs of blanks made one."""
    if not (text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable()):
        text = re.sub(CONTROLS, "", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if lines else " ".join(text.split())


def shown(text: str, lines: bool = False) -> str:
    """The text as a terminal or page may get it: `clean`, and direction controls written as ``\\u202e``."""
    text = clean(text, lines)
    if text.isascii():
        return text
    return re.sub(DIRECTIONS, lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def is_address(text: str) -> bool:
    """Whether the text is one bare mail address, as we store them."""
    return len(text) <= 320 and re.match(ADDRESS, text) is not None


def shorter(address: str) -> list[str]:
    """An address in lower case, and what it is without each of its plus parts: an address of ours may have some itself."""
    local, _, domain = address.lower().partition("@")
    parts = local.split("+")
    return [f"{'+'.join(parts[:count])}@{domain}" for count in range(len(parts), 0, -1)]


def is_own(address: str, ours: Collection[str]) -> bool:
    """Whether an address is one of ours, with or without a plus part."""
    return any(name in ours for name in shorter(address))


def addresses(text: str | None) -> list[str]:
    """The bare addresses of a stored comma-separated list, such as `cases.email_cc`."""
    return [part for part in (piece.strip() for piece in (text or "").split(",")) if part]


def joined(parts: list[str]) -> str | None:
    """The stored form of a list of addresses: each once, first spelling kept; None for an empty list."""
    seen: dict[str, str] = {}
    for part in parts:
        seen.setdefault(part.lower(), part)
    return ", ".join(seen.values()) or None


# Accents that stand after their letter once it is taken apart.
ACCENTS = dict.fromkeys(range(0x300, 0x370))


def folded(text: str | None) -> str:
    """The text without capitals and accents, for comparing; SQL calls it `folded(…)` (db.py)."""
    if not text:
        return ""
    if text.isascii():
        return text.lower()
    from unicodedata import normalize

    return normalize("NFKC", normalize("NFKD", text).translate(ACCENTS).casefold())
