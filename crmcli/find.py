"""Names to ids: what people write for a thing, by id, code, login, path, e-mail or name (cli.md §1)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from crmcli.errors import NotFound, Usage
from crmcli.fields import NOUNS, Noun
from crmcli.text import shown

# What a noun is called by, the surest word first; the rest go by id alone.
WORDS = {
    "case": ("name",),
    "user": ("login", "email", "name"),
    "section": ("code", "path", "name", "reply_to"),
    "category": ("name",),
    "partner": ("name", "ref"),
    "contact": ("email", "name"),
    "partner_category": ("path", "name"),
    "channel": ("name",),
    "mood": ("name",),
    "event_type": ("key", "name"),
    "canned_reply": ("name",),
    "rule": ("name",),
    "segment": ("name",),
    "segment_line": ("name",),
    "view": ("name",),
}
# What tells equal names apart, where it is not the noun's key.
LABELS = {
    "contact": "t.name || coalesce(' <' || t.email || '>', '')",
    "category": "t.name || coalesce(' (' || (SELECT path FROM section_paths WHERE id = t.section_id) || ')', '')",
    "segment_line": "(SELECT name FROM segments WHERE id = t.segment_id) || ' / ' || t.name",
}
# What is made by a name alone.
NAMED_ALONE = ("user", "section", "partner", "category", "partner_category", "channel")
SHOWN = 10
NEAR_AMONG = 2000
PART = 3
"""So many letters of a name are enough to be led to it."""

RANGE = r"[0-9]+(-[0-9]+)?"
RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
SLASH = re.compile(r"\s*/\s*")


def one(conn: sqlite3.Connection, noun: str, text: str) -> int:
    """The id of the thing that text names, in any case of letters; NotFound where several have the same best word
    (they are listed), or none (the nearest are).
    """
    ids = found(conn, noun, text)
    if len(ids) == 1:
        return ids[0]
    raise _ambiguous(conn, NOUNS[noun], text.strip(), ids) if ids else _unknown(conn, NOUNS[noun], text.strip())


def found(conn: sqlite3.Connection, noun: str, text: str) -> list[int]:
    """The ids of what text names by the surest of its words; several where that is not unique.

    What is archived is found by its id, and by a word only where nothing active has it.
    """
    kind, text = NOUNS[noun], text.strip()
    if text.isascii() and text.isdecimal() and _exists(conn, kind, int(text)):
        return [int(text)]
    for words in _words(kind) if text else ():
        if ids := _called(conn, kind, words, text):
            return ids
    return []


def many(conn: sqlite3.Connection, noun: str, texts: list[str]) -> list[int]:
    """The ids of several things, each once and in order: ``42``, ``45-50`` (those that exist), ``42,45-50``, names.

    A name may have commas of its own; only where it is none as a whole its parts are names. The number of a case is
    taken as it is: of several, one that is not there is refused alone, by the road.
    """
    ids: dict[int, None] = {}
    for text in texts:
        ids.update(dict.fromkeys(_several(conn, noun, text.strip())))
    return list(ids)


def _several(conn: sqlite3.Connection, noun: str, text: str) -> list[int]:
    if noun == "case" and text.isdecimal():
        return [_number(text)]
    if RANGES.fullmatch(text) and not text.isdecimal():
        return [number for part in text.split(",") for number in _range(conn, noun, part)]
    try:
        return [one(conn, noun, text)]
    except NotFound:
        parts = [part for part in text.split(",") if part.strip()]
        if len(parts) < 2:
            raise
        return [one(conn, noun, part) for part in parts]


def _range(conn: sqlite3.Connection, noun: str, text: str) -> list[int]:
    """``45-50`` → the ids in it; a single number must exist."""
    first, dash, last = text.partition("-")
    if not dash:
        return [_number(first) if noun == "case" else one(conn, noun, first)]
    if _number(first) > _number(last):
        raise Usage(f"{text} runs backwards", hint=f"{last}-{first}")
    sql = f"SELECT id FROM {NOUNS[noun].table} WHERE id BETWEEN ? AND ? ORDER BY id"
    found = [row[0] for row in conn.execute(sql, (_number(first), _number(last)))]
    if not found:
        raise NotFound(f"no {NOUNS[noun].title} in {text}", hint=f"crm {NOUNS[noun].command} list")
    return found


def mails(conn: sqlite3.Connection, words: list[str], table: str, place: str, hint: str) -> list[int]:
    """Mails, which have no names, by number, each once: ``4``, ``4-7`` (those that exist), ``4,6``."""
    ids: dict[int, None] = {}
    for part in ",".join(words).split(","):
        if not re.fullmatch(RANGE, part):
            raise Usage(f"{part or '(empty)'} is no number of a mail", hint=hint)
        first, _, last = part.partition("-")
        between = (_number(first), _number(last or first))
        found = [row[0] for row in conn.execute(f"SELECT id FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id", between)]
        if not found:
            raise NotFound(f"no mail {part}{place}", hint=hint)
        ids.update(dict.fromkeys(found))
    return list(ids)


def _number(digits: str) -> int:
    """Digits as a number that SQLite can hold."""
    return min(int(digits[:20]), 2**63 - 1)


def _exists(conn: sqlite3.Connection, kind: Noun, number: int) -> bool:
    return number < 2**63 and conn.execute(f"SELECT 1 FROM {kind.table} WHERE id = ?", (number,)).fetchone() is not None


def _words(kind: Noun) -> Iterator[tuple[str, bool]]:
    """Each column that names the noun, first among what is active, then among what is archived."""
    words = WORDS.get(kind.name, ())
    yield from ((word, True) for word in words)
    if kind.archives:
        yield from ((word, False) for word in words)


def _called(conn: sqlite3.Connection, kind: Noun, words: tuple[str, bool], text: str) -> list[int]:
    """The ids of what has this text in one column: by SQLite's case folding, and where that is too narrow by Python's."""
    word, active = words
    column = "replace(p.path, ' / ', '/')" if word == "path" else f"t.{word}"
    text = SLASH.sub("/", text) if word == "path" else text
    where = f"t.active = {int(active)}" if kind.archives else "1"
    found = conn.execute(f"SELECT t.id FROM {_source(kind)} WHERE {where} AND {column} = ? COLLATE NOCASE", (text,)).fetchall()
    if not found and not text.isascii():
        rows = conn.execute(f"SELECT t.id, {column} FROM {_source(kind)} WHERE {where}")
        found = [row for row in rows if (row[1] or "").casefold() == text.casefold()]
    return [row[0] for row in found]


def _source(kind: Noun) -> str:
    return f"{kind.table} t LEFT JOIN {kind.name}_paths p ON p.id = t.id" if kind.tree else f"{kind.table} t"


def _labels(conn: sqlite3.Connection, kind: Noun) -> Iterator[tuple[int, str]]:
    """Every id with the words to show for it."""
    label = LABELS.get(kind.name, "p.path" if kind.tree else f"t.{kind.key}")
    yield from conn.execute(f"SELECT t.id, {label} FROM {_source(kind)} ORDER BY t.id")


def _ambiguous(conn: sqlite3.Connection, kind: Noun, text: str, found: list[int]) -> NotFound:
    wanted = set(found[:SHOWN])
    candidates = [f"{number} {label}" for number, label in _labels(conn, kind) if number in wanted]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    hint = f"name one by its id: {'; '.join(candidates)}{more}"
    return NotFound(f"{text} is the name of {len(found)} {kind.plural}", hint=hint)


def _unknown(conn: sqlite3.Connection, kind: Noun, text: str) -> NotFound:
    near = nearest(text, (word for word in _known(conn, kind)))
    search = kind.name == "case" and not text.isdecimal()
    hint = (
        f"nearest: {'; '.join(near)}" if near else "crm search WORDS" if search else f"crm {kind.command} list{_new(kind, text)}"
    )
    return NotFound(f"no {kind.title} {text or '(empty)'}", hint=hint)


def _new(kind: Noun, text: str) -> str:
    """How to make a thing of that name, where a name is all that it takes."""
    if kind.name not in NAMED_ALONE or not text or text.isdecimal():
        return ""
    import shlex

    return f"; a new one: crm {kind.command} add {shlex.quote(shown(text)[:60])}"


def _known(conn: sqlite3.Connection, kind: Noun) -> Iterator[str]:
    """All words that things of this noun go by, active ones only; none for cases, where they would be too many."""
    if kind.name == "case":
        return
    where = "t.active = 1" if kind.archives else "1"
    for word in WORDS.get(kind.name, ()):
        column = "p.path" if word == "path" else f"t.{word}"
        for row in conn.execute(f"SELECT {column} FROM {_source(kind)} WHERE {where} AND coalesce({column}, '') <> ''"):
            yield row[0]


def nearest(text: str, words: Iterator[str]) -> list[str]:
    """Up to three of the words that look most like text, else that have it in them: helpdesk, Helpdesk and Support.

    Of very many words only those of a like beginning are compared.
    """
    import difflib

    folded = {word.casefold(): word for word in words}
    wanted = text.casefold()
    among = list(folded)
    if len(among) > NEAR_AMONG:
        among = [word for word in among if word[:2] == wanted[:2]][:NEAR_AMONG]
    like = difflib.get_close_matches(wanted, among, 3, 0.6)
    if not like and len(wanted) >= PART:
        like = [word for word in among if wanted in word][:3]
    return [folded[word] for word in like]
