"""Values for completion: names out of the database, which is only read and not waited for, fields, dates and choices."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from crmcli import case_list, config, find, readonly, record_list
from crmcli.cli.candidates import Candidate, Place, beginning, prefixed
from crmcli.cli.commands import COMMANDS
from crmcli.cli.session import FORMATS
from crmcli.fields import NOUNS, Field
from crmcli.filters import fields as filtered
from crmcli.model import LINK_KINDS, PRIORITIES, STATES
from crmcli.text import shown
from crmcli.zones import MONTH_NAMES

MOST = 100
PATIENCE = 0.2
"""Seconds that a value may wait for the database."""

DATES = ("today", "tomorrow", "yesterday", "friday", "+1d", "+1w", "+1month", "-1d", "-1w", "eod", "eow", "eom", "eoq", "eoy")
CALENDAR = ("agenda", "export", "today", "last", "this", "next", *map(str.lower, MONTH_NAMES))
FIXED = {"formats": FORMATS, "dates": DATES, "states": STATES, "priorities": PRIORITIES, "link kinds": LINK_KINDS}

# What a parameter takes, a noun or one of the words that `_of` knows: by command and name, by name, by metavar.
WANTED = {
    "view run name": "view", "config get name": "settings", "config set name": "settings", "undo step": "steps",
    "calendar words": "calendar", "partner merge which": "partner", "partner merge into": "partner",
    "mail outbox list state": "", "mail address list state": "",
    "given_user": "user", "given_output": "formats", "where": "filter", "filter": "filter", "template": "canned_reply",
    "add_category": "partner_category", "remove_category": "partner_category",
    "FILTER": "filter", "NAMES": "columns", "TIME": "dates", "DAY": "dates", "STATE": "states", "PRIORITY": "priorities",
    "OTHER": "case", "CODE": "section", "TYPE": "event_type", "SEGMENT LINE": "segment_line", "TOPIC": "topics", "NOUN": "nouns",
    "FILE": "files", "FOLDER": "files", "FILE|MBOX|MAILDIR": "files", "KIND": "link kinds",
}  # fmt: skip
NOUN_OF = {noun.command: noun.name for noun in NOUNS.values()} | {"history": "history"}
WORTH_A_QUOTE = re.compile(r'[\s(),"]|\.\.')

NAMES = """
SELECT DISTINCT {word} AS word, {label} AS label
FROM {source}
WHERE {active} AND {word} LIKE :begun ESCAPE '!'
ORDER BY 1
LIMIT :most
"""
CASES = """
SELECT CAST(id AS TEXT) AS word, name AS label
FROM cases
WHERE active = 1 AND id LIKE :begun ESCAPE '!'
ORDER BY state IN ('done', 'cancel'), id DESC
LIMIT :most
"""


def values(place: Place, param: Any, begun: str) -> list[Candidate] | None:
    """The values of a parameter that go on as begun; None for names of files."""
    what = _wanted(place, param)
    if what == "files":
        return None
    if what == "calendar":
        first = beginning(begun, map(Candidate, CALENDAR)) if place.arguments == 0 else []
        return [*first, *_filter(place, "case", begun)]
    if what == "filter":
        return _filter(place, _noun(place, param), begun)
    if what == "columns":
        found = re.fullmatch(r"(.*,)?([+-]?)(.*)", begun)
        head, last = (f"{found[1] or ''}{found[2]}", found[3]) if found else ("", begun)
        return prefixed(head, beginning(last, map(Candidate, _columns(_noun(place, param)))))
    return _of(place, what, begun)


def _wanted(place: Place, param: Any) -> str | tuple[str, ...]:
    """What a parameter takes, in words of WANTED, or its choices."""
    exactly = " ".join((*place.path, param.name))
    if exactly in WANTED:
        return WANTED[exactly]
    kind = NOUNS.get(NOUN_OF.get(" ".join(place.path[:-1]), ""))
    field = kind.field(param.name) if kind and param.param_type_name == "option" else None
    metavar = re.sub(r"[\[\].…]", "", param.metavar or "")
    if re.fullmatch(r"[\w ]+(\|[\w ]+)+", metavar) and metavar not in WANTED:
        return tuple(metavar.split("|"))
    asked = (_takes(field) if field else "") or next((WANTED[key] for key in (param.name, metavar) if key in WANTED), None)
    if asked is not None:
        return asked
    return next((word for word in (metavar.lower().replace(" ", "_"), param.name) if word in NOUNS), "")


def _takes(field: Field) -> str | tuple[str, ...]:
    """What a field takes, where that can be listed."""
    by_kind: dict[str, str | tuple[str, ...]] = {"priority": "priorities", "time": "dates", "day": "dates", "bool": ("yes", "no")}
    return field.link or field.choices or by_kind.get(field.kind, "")


def _noun(place: Place, param: Any) -> str:
    """What a filter or columns are of."""
    if param.name in ("where", "filter"):
        return "partner" if place.path[0] == "segment" else "case"
    if place.path == ("view", "run"):
        return "case"
    return place.given.get("noun") or NOUN_OF.get(" ".join(place.path[:-1]), "case")


def _of(place: Place, what: str | tuple[str, ...], begun: str) -> list[Candidate]:
    """The values of one kind that go on as begun."""
    if isinstance(what, tuple):
        return beginning(begun, map(Candidate, what))
    if what in NOUNS:
        return _named(place, what, begun)
    return beginning(begun, _listed(what))


def _listed(what: str) -> Iterable[Candidate]:
    """What can be listed without the database."""
    if what == "topics":
        from crmcli.cli.help import topics

        return (
            Candidate(name, text) for name, text in [*topics().items(), *((name, text) for name, (_, text) in COMMANDS.items())]
        )
    if what == "settings":
        from crmcli.settings import SETTINGS

        return (Candidate(name, text) for name, (_, text) in SETTINGS.items())
    if what == "nouns":
        return map(Candidate, [*NOUNS, "history"])
    if what == "steps":
        return [Candidate("run", "the newest run of rules or segments")]
    return map(Candidate, FIXED.get(what, ()))


def _columns(noun: str) -> Iterable[str]:
    if noun == "case":
        return [column.name for column in case_list.columns()]
    if noun == "history":
        return [field.name for field in filtered.HISTORY.fields]
    return record_list.available(NOUNS[noun])


# Filters -----------------------------------------------------------------------------------------


def _filter(place: Place, noun: str, begun: str) -> list[Candidate]:
    """The last term of a filter: a flag, a field, or the value of a field."""
    start = max(begun.rfind(" "), begun.rfind("(")) + 1
    term = begun[start:]
    kind = filtered.noun_of(noun)
    if term.startswith("+"):
        flags = [Candidate(f"+{name}", flag.help) for name, flag in filtered.flags(kind).items()]
        return prefixed(begun[:start], beginning(term, flags)) or []
    test = re.fullmatch(r"([\w.-]+(?::|!=|<=|>=|<|>|~)(?:.*,)?)(.*)", term)
    if test is None:
        found = [Candidate(f"{one.field.short}:", one.field.help) for one in filtered.readable(kind).values()]
        return prefixed(begun[:start], beginning(term, found)) or []
    return prefixed(begun[:start] + test[1], _of_field(place, noun, re.split(r"[:!<>=~]", test[1])[0], test[2])) or []


def _of_field(place: Place, noun: str, path: str, begun: str) -> list[Candidate]:
    """The values of a field, also of what is linked: partner.category."""
    field: Field | None = None
    for word in path.split("."):
        found = filtered.lookup(filtered.noun_of(field.link if field else noun), word) if not field or field.link else None
        if found is None:
            break
        field = found.field
    if field is None:
        return []
    special = ("none", "any") + (("me",) if field.link == "user" else ())
    known = _of(place, _takes(field), begun.lstrip('"'))
    quoted = [one._replace(value=f'"{one.value}"') if WORTH_A_QUOTE.search(one.value) else one for one in known]
    return [*quoted, *(beginning(begun, map(Candidate, special)) if field.link else [])]


# Names -------------------------------------------------------------------------------------------


def _named(place: Place, noun: str, begun: str) -> list[Candidate]:
    """What the things of a noun go by; nothing where the database cannot be read at once."""
    found: dict[str, Candidate] = {}
    conn = _opened(place)
    try:
        for sql in _queries(noun):
            for row in conn.execute(sql, {"begun": re.sub("([!%_])", r"!\1", begun) + "%", "most": MOST}):
                found.setdefault(row["word"].casefold(), Candidate(row["word"], shown(row["label"] or "")))
    finally:
        conn.close()
    return [one for one in found.values() if shown(one.value) == one.value]


def _queries(noun: str) -> Iterator[str]:
    if noun == "case":
        yield CASES
        return
    kind = NOUNS[noun]
    source = f"{kind.table} t" + (f" JOIN {noun}_paths p ON p.id = t.id" if kind.tree else "")
    label = find.LABELS.get(noun, "p.path" if kind.tree else f"t.{kind.key}")
    words = {"path": "replace(p.path, ' / ', '/')"}
    for word in find.WORDS.get(noun, ())[:2]:
        yield NAMES.format(
            word=words.get(word, f"t.{word}"), label=label, source=source, active="t.active = 1" if kind.archives else "1"
        )


def _opened(place: Place) -> sqlite3.Connection:
    given = {"db": place.given.get("given_db"), "config": place.given.get("given_config")}
    return readonly.connect(config.read(os.environ, given)["db"].value, wait=PATIENCE)
