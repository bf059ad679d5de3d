"""Values of a filter as they are stored: numbers, money, choices, times, links."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, NamedTuple

from crmcli import clock
from crmcli.errors import CrmError, Usage
from crmcli.fields import Field
from crmcli.filters.grammar import Word, refusal
from crmcli.model import PRIORITIES

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")

INTEGER = re.compile(r"[+-]?\d{1,15}")
DECIMAL = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,15}))?")
MONEY = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,2}))?")


class Context(NamedTuple):
    """What a filter means depends on: the moment (UTC text), the zone of its days, who asks, and when a case is stale."""

    now: str
    zone: str = "UTC"
    user_id: int | None = None
    stale_days: int = 14


class Span(NamedTuple):
    """The first and the last stored value that a value stands for: the seconds of a day, or twice the same number."""

    first: Any
    last: Any
    timed: bool = False


def span(conn: sqlite3.Connection, field: Field, word: Word, context: Context, days: bool = False) -> Span:
    """What a word means to a field of any kind but text; Usage with its position where it means nothing.

    With days a time of day stands for its whole day.
    """
    if field.kind in ("time", "day"):
        return _time(field, word, context, days)
    if field.kind == "link":
        value: Any = _link(conn, field, word, context)
    else:
        value = SCALARS[field.kind](field, word)
    return Span(value, value)


def _time(field: Field, word: Word, context: Context, days: bool) -> Span:
    """The first and the last second (or day); timed where it would mean something else at another time."""
    found = _seconds(word, context, days)
    later = clock.shift(context.now, 33 * 86400 + 7 * 3600 + 61)
    try:
        timed = _seconds(word, context._replace(now=later), days) != found
    except Usage:
        timed = True
    if field.kind == "day":
        found = (_day(found[0], context.zone), _day(found[1], context.zone))
    return Span(*found, timed)


def _seconds(word: Word, context: Context, days: bool) -> tuple[str, str]:
    from crmcli import dates

    try:
        start, before = (dates.days if days else dates.span)(word.text, context.now, context.zone)
    except Usage as error:
        raise refusal(word.at, error.message, error.hint) from None
    return start, clock.shift(before, -1)


def _day(at: str, zone: str) -> str:
    from crmcli import dates

    return dates.day(at, at, zone)


def _link(conn: sqlite3.Connection, field: Field, word: Word, context: Context) -> int:
    from crmcli import find

    if field.link == "user" and word.text == "me" and not word.quoted:
        return me(context, word.at)
    try:
        return find.one(conn, field.link, word.text)
    except CrmError as error:
        raise refusal(word.at, error.message, error.hint) from None


def me(context: Context, at: int) -> int:
    """The id of who asks; Usage where that is nobody."""
    if context.user_id is None:
        raise refusal(at, "who is me?", "say who you are with --as LOGIN")
    return context.user_id


def _integer(field: Field, word: Word) -> int:
    if not INTEGER.fullmatch(word.text):
        raise refusal(word.at, f"{field.short} is a whole number, not {word.text}")
    return int(word.text)


def _number(field: Field, word: Word) -> float:
    text = word.text.removesuffix("%") if field.kind == "percent" else word.text
    if not DECIMAL.fullmatch(text):
        raise refusal(word.at, f"{field.short} is a number, not {word.text}")
    return float(text)


def _money(field: Field, word: Word) -> int:
    found = MONEY.fullmatch(word.text)
    if not found:
        raise refusal(word.at, f"{field.short} is an amount of money such as 1200.50, not {word.text}")
    cents = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -cents if found[1] == "-" else cents


def _priority(field: Field, word: Word) -> int:
    text = word.text.lower()
    if text in PRIORITIES:
        return PRIORITIES.index(text) + 1
    if re.fullmatch("[1-5]", text):
        return int(text)
    raise refusal(word.at, f"no priority {word.text}", f"1 to 5, or one of: {', '.join(PRIORITIES)}")


def _bool(field: Field, word: Word) -> int:
    text = word.text.lower()
    if text not in YES + NO:
        raise refusal(word.at, f"{field.short} is yes or no, not {word.text}")
    return int(text in YES)


def _choice(field: Field, word: Word) -> str:
    text = word.text.lower()
    if text not in field.choices:
        raise refusal(word.at, f"no {field.short} {word.text}", f"one of: {', '.join(field.choices)}")
    return text


SCALARS = {
    "int": _integer,
    "number": _number,
    "percent": _number,
    "money": _money,
    "priority": _priority,
    "bool": _bool,
    "choice": _choice,
}
