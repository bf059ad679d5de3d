"""The line of a text that full text found, with the words that were looked for in brackets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from crmcli.filters.words import LETTERS
from crmcli.text import folded
from crmcli.tuples import NamedTuple

# What FTS5 takes for a word: letters and digits with the accents behind them; in scripts without spaces each letter.
WORD = re.compile(f"[{LETTERS}]|(?:(?![{LETTERS}])[^\\W_]|[\u0300-\u036f])+")
PART = re.compile(r'"([^"]*)"?|[^\s"]+')
LEAD, LONGEST = 20, 160


class Token(NamedTuple):
    """A word of a text: where it stands, and its folded form."""

    start: int
    end: int
    word: str


def parts(text: str) -> list[str]:
    """What a search looks for: words, and "words in quotes" that stand side by side."""
    return [found[1] if found[0].startswith('"') else found[0] for found in PART.finditer(text)]


def excerpt(text: str, wanted: Sequence[str]) -> str:
    """The line of the first find on one line of at most LONGEST letters, each find in it in brackets; the first line without."""
    phrases = [[token.word for token in tokens(part)] for part in wanted]
    found = next(_finds(text, phrases), None)
    if found is None:
        return _cut(text.strip().split("\n", 1)[0], 0)
    start = text.rfind("\n", 0, found[0]) + 1
    end = text.find("\n", found[1])
    line = text[start : len(text) if end < 0 else end]
    first, last = _window(line, found[0] - start, found[1] - start)
    marked = _marked(line[first:last], phrases)
    return ("…" if first else "") + " ".join(marked.split()) + ("…" if last < len(line) else "")


def tokens(text: str) -> Iterator[Token]:
    """The words of a text, in their order."""
    return (Token(found.start(), found.end(), folded(found[0])) for found in WORD.finditer(text))


def _finds(text: str, phrases: list[list[str]]) -> Iterator[tuple[int, int]]:
    """Where one of the phrases begins and ends, from left to right, no two over each other."""
    longest = max(map(len, phrases), default=0)
    behind: list[Token] = []
    done = 0
    for token in tokens(text):
        behind = [*behind[-longest + 1 :], token] if longest > 1 else [token]
        for phrase in phrases:
            last = behind[-len(phrase) :]
            if phrase and [one.word for one in last] == phrase and last[0].start >= done:
                done = token.end
                yield last[0].start, done
                break


def _window(line: str, start: int, end: int) -> tuple[int, int]:
    """From where to where a long line is shown: a little before the find, begun and ended between words."""
    first = 0 if start <= LEAD else line.rfind(" ", 0, start - LEAD) + 1
    if start - first > 2 * LEAD:
        first = start - LEAD
    last = len(line)
    if last - first > LONGEST:
        last = max(line.rfind(" ", end, first + LONGEST), end)
    return first, last


def _cut(line: str, first: int) -> str:
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _marked(text: str, phrases: list[list[str]]) -> str:
    pieces, place = [], 0
    for start, end in _finds(text, phrases):
        pieces += [text[place:start], "[", text[start:end], "]"]
        place = end
    return "".join([*pieces, text[place:]])
