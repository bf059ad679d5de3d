"""What the values of a filter stand for: numbers, money, choices, spans of time, links."""

from __future__ import annotations

import sqlite3

from crmcli import clock, values
from crmcli.errors import CrmError, Usage
from crmcli.fields import Field
from crmcli.filters.grammar import refusal
from crmcli.filters.tree import Word
from crmcli.tuples import Any, NamedTuple

# Far enough from now, in days, hours and seconds, for every relative date to mean something else.
ELSEWHEN = 33 * 86400 + 7 * 3600 + 61


class Context(NamedTuple):
    """What a filter means depends on: the moment (UTC text), the zone of its days, who asks, and when a case is stale."""

    now: str
    zone: str = "UTC"
    user_id: int | None = None
    stale_days: int = 14


class Span(NamedTuple):
    """The first and the last stored value that a value stands for: the seconds of a day, or twice the same number.

    timed: at another time it would stand for others.
    """

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
        found: Any = _link(conn, field, word, context)
    else:
        try:
            found = values.parse(field, word.text, values.Moment(context.now, context.zone))
        except Usage as error:
            raise refusal(word.at, error.message, error.hint) from None
        if found is None:
            raise refusal(word.at, "the value is empty", f"{field.short}:none finds what is empty")
    return Span(found, found)


def me(context: Context, at: int) -> int:
    """The id of who asks; Usage where that is nobody."""
    if context.user_id is None:
        raise refusal(at, "who is me?", "say who you are with --as LOGIN")
    return context.user_id


def _link(conn: sqlite3.Connection, field: Field, word: Word, context: Context) -> int:
    from crmcli import find

    if field.link == "user" and word.text == "me" and not word.quoted:
        return me(context, word.at)
    try:
        return find.one(conn, field.link, word.text)
    except CrmError as error:
        raise refusal(word.at, error.message, error.hint) from None


def _time(field: Field, word: Word, context: Context, days: bool) -> Span:
    """The first and the last second of a time, or day of a period of days."""
    found = _seconds(word, context, days)
    try:
        timed = _seconds(word, context._replace(now=clock.shift(context.now, ELSEWHEN)), days) != found
    except Usage:
        timed = True
    if field.kind == "time":
        return Span(*found, timed)
    from crmcli import dates

    first, last = (dates.day(at, at, context.zone) for at in found)
    return Span(first, last, timed)


def _seconds(word: Word, context: Context, days: bool) -> tuple[str, str]:
    from crmcli import dates

    try:
        start, before = (dates.days if days else dates.span)(word.text, context.now, context.zone)
    except Usage as error:
        raise refusal(word.at, error.message, error.hint) from None
    return start, clock.shift(before, -1)
