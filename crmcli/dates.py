"""Dates and times as people write them → UTC text (cli.md §1).

Everything is a half-open span: a moment lasts a second, a day a day, ``2026-Q3`` a quarter. Now (UTC text) and
the zone's name are arguments; days begin and calendars turn in the zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from crmcli import clock
from crmcli.errors import Usage
from crmcli.tuples import TYPE_CHECKING
from crmcli.zones import Days, begin, first, later, local, shifted, tz, whole

if TYPE_CHECKING:
    from typing import NoReturn

EXAMPLES = "such as 2026-03-31, 'tomorrow 9:00', +2w, -3d, friday, eom or 2026-Q3"
LONGEST = 100

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNITS = {
    "minute": ("min", "mins", "minute", "minutes"),
    "hour": ("h", "hour", "hours"),
    "day": ("d", "day", "days"),
    "week": ("w", "week", "weeks"),
    "month": ("mo", "month", "months"),
    "quarter": ("q", "quarter", "quarters"),
    "year": ("y", "year", "years"),
}
UNIT = {word: unit for unit, words in UNITS.items() for word in words}
NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1}
WHICH = {"last": -1, "this": 0, "next": 1}
EDGES = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}
NAMED = {"UTC": UTC, "GMT": UTC}
CLOCKS = {"noon": (12, 0, 0), "midnight": (0, 0, 0)}

RELATIVE = re.compile(r"(?P<sign>[+-]|in )? ?(?P<count>\d{1,9}) ?(?P<unit>[a-z]+)(?P<ago> ago)?")
TIME = re.compile(r"(?:^|[ t])(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?)?(?: ?(?P<half>am|pm))?$")
OFFSET = re.compile(r"(?<=\d) ?(?:z|utc|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))$")


# What other rooms call -----------------------------------------------------------------------------


def span(text: str, now: str, zone: str = "UTC") -> tuple[str, str]:
    """The time that text means as (from, before); Usage says what is wrong with it.

    So ``x < text`` is before from, ``x <= text`` is before before, ``>=`` is from from, ``>`` from before.
    """
    words = " ".join(text.split())
    if not words or len(words) > LONGEST:
        _refuse(f"no date or time: {words[:LONGEST] or '(empty)'}")
    try:
        found = _read(words, clock.moment(now), tz(zone))
        if isinstance(found, Days):
            return clock.text(begin(found.first, tz(zone))), clock.text(begin(found.after, tz(zone)))
        return clock.text(found), clock.text(found + timedelta(seconds=1))
    except OverflowError:
        _refuse(f"{words} is outside the calendar")


def moment(text: str, now: str, zone: str = "UTC") -> str:
    """The first second of the time that text means."""
    return span(text, now, zone)[0]


def last_moment(text: str, now: str, zone: str = "UTC") -> str:
    """The last second of it: for deadlines, where a day means its end."""
    return clock.shift(span(text, now, zone)[1], -1)


def days(text: str, now: str, zone: str = "UTC") -> tuple[str, str]:
    """The whole days that the time touches as (from, before): what ``created:TEXT`` asks for in filters."""
    start, before = span(text, now, zone)
    last = local(clock.shift(before, -1), zone).date()
    return clock.text(begin(local(start, zone).date(), tz(zone))), clock.text(begin(last + timedelta(days=1), tz(zone)))


def day(text: str, now: str, zone: str = "UTC") -> str:
    """One day, ``YYYY-MM-DD``: the first that the time touches."""
    return local(moment(text, now, zone), zone).date().isoformat()


# Reading -------------------------------------------------------------------------------------------


def _read(text: str, now: datetime, zone: tzinfo) -> Days | datetime:
    """The days or the moment that the text means; Usage where it means none."""
    words = text.lower()
    if words == "now":
        return now
    relative = RELATIVE.fullmatch(words)
    if relative and relative["unit"] in (*UNIT, "m"):
        return _relative(relative, now, zone)
    today = now.astimezone(zone).date()
    found = _days(words, today)
    if found and words.startswith("eo"):
        return begin(found.after, zone) - timedelta(seconds=1)
    return found or _day_and_time(words, today, zone) or _by_dateutil(text, zone)


def _relative(found: re.Match[str], now: datetime, zone: tzinfo) -> datetime:
    """``+2w``, ``in 2 weeks``, ``2 weeks ago``: so much from now, at this time of day."""
    count, unit = int(found["count"]), found["unit"]
    if unit == "m":
        raise Usage(f"{found[0]}: minutes or months?", hint=f"{count}min or {count}month")
    if bool(found["sign"]) == bool(found["ago"]):
        raise Usage(f"{found[0]}: from now or before now?", hint=f"+{count}{unit} or -{count}{unit}")
    backwards = found["sign"] == "-" or found["ago"]
    return later(now, -count if backwards else count, UNIT[unit], zone)


def _days(words: str, today: date) -> Days | None:
    """Words for whole days: a day, a week, a month, a quarter, a year."""
    for pattern, reader in READERS:
        found = pattern.fullmatch(words)
        if found:
            return reader(found, today)
    if words in NEAR:
        return whole(today + timedelta(days=NEAR[words]), "day")
    weekday = _weekday(words)
    return None if weekday is None else whole(today + timedelta(days=(weekday - today.weekday()) % 7), "day")


def _weekday(word: str) -> int | None:
    """The number of a weekday by its name or the first letters of it, at least three."""
    return next((number for number, name in enumerate(WEEKDAYS) if len(word) > 2 and name.startswith(word)), None)


def _edge(found: re.Match[str], today: date) -> Days:
    """``som`` and ``eom``: the first and the last day of a week, month, quarter or year."""
    start, after = whole(today, EDGES[found[2]])
    return whole(start if found[1] == "s" else after - timedelta(days=1), "day")


def _this(found: re.Match[str], today: date) -> Days | None:
    """``last week``, ``this month``; ``last friday`` is before today, ``next friday`` after it."""
    which, weekday, unit = WHICH[found[1]], _weekday(found[2]), UNIT.get(found[2], "hour")
    if weekday is not None:
        ahead = weekday - today.weekday()
        away = {-1: -1 - (-ahead - 1) % 7, 0: ahead, 1: 1 + (ahead - 1) % 7}[which]
        return whole(today + timedelta(days=away), "day")
    return None if unit in ("minute", "hour") else whole(shifted(first(today, unit), which, unit), unit)


def _date(year: str, month: str, day: str = "1") -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Usage(f"there is no day {year}-{month:0>2}-{day:0>2}", hint=EXAMPLES) from None


def _quarter(found: re.Match[str], today: date) -> Days:
    return whole(_date(found[1] or str(today.year), str(3 * int(found[2]) - 2)), "quarter")


def _week(found: re.Match[str], _: date) -> Days:
    try:
        return whole(date.fromisocalendar(int(found[1]), int(found[2]), 1), "week")
    except ValueError:
        raise Usage(f"there is no week {found[0].upper()}", hint=EXAMPLES) from None


# Patterns of whole days and how each is read, from the match and today.
READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Days | None]], ...] = (
    (re.compile(r"(\d{4})-(\d\d?)-(\d\d?)"), lambda found, _: whole(_date(*found.groups()), "day")),
    (re.compile(r"(\d{4})(\d\d)(\d\d)"), lambda found, _: whole(_date(*found.groups()), "day")),
    (re.compile(r"(\d{4})-(\d\d?)"), lambda found, _: whole(_date(*found.groups()), "month")),
    (re.compile(r"(\d{4})"), lambda found, _: whole(_date(found[1], "1"), "year")),
    (re.compile(r"(?:(\d{4})[- ]?)?q([1-4])"), _quarter),
    (re.compile(r"(\d{4})-?w(\d\d?)"), _week),
    (re.compile(r"([se])o([dwmqy])"), _edge),
    (re.compile(r"(last|this|next) ([a-z]+)"), _this),
)


def _day_and_time(words: str, today: date, zone: tzinfo) -> datetime | None:
    """``tomorrow 9:00``, ``2026-03-01T09:00:00+01:00``, ``friday 5pm``; a time alone is of today."""
    offset = OFFSET.search(words)
    rest = words[: offset.start()] if offset else words
    last = rest.rpartition(" ")[2]
    found = None if last in CLOCKS else TIME.search(rest)
    if last not in CLOCKS and not (found and (found["minute"] or found["half"])):
        return None
    head = rest[: found.start()] if found else rest.removesuffix(last).strip()
    which = _days(head, today) if head else whole(today, "day")
    if which is None or which.after - which.first != timedelta(days=1):
        return None
    hour, minute, second = _clock(found) if found else CLOCKS[last]
    at = which.first
    return datetime(at.year, at.month, at.day, hour, minute, second, tzinfo=_fixed(offset) if offset else zone)


def _clock(found: re.Match[str]) -> tuple[int, int, int]:
    """Hour, minute and second of a time of day; Usage where there is no such."""
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    right = 0 < hour < 13 if found["half"] else hour < 24
    if not right or minute > 59 or second > 59:
        raise Usage(f"there is no time {found[0].strip(' t')}", hint="such as 9:00, 17:30 or 5pm")
    return hour % 12 + 12 * (found["half"] == "pm") if found["half"] else hour, minute, second


def _fixed(found: re.Match[str]) -> tzinfo:
    if not found["sign"]:
        return UTC
    ahead = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if ahead >= timedelta(hours=24):
        raise Usage(f"there is no zone {found[0].strip()}", hint="such as Z or +01:00")
    return timezone(-ahead if found["sign"] == "-" else ahead)


# The last resort -----------------------------------------------------------------------------------


def _by_dateutil(text: str, zone: tzinfo) -> Days | datetime:
    """A complete date in another spelling, by dateutil; refused where it leaves parts out or may be two days."""
    import warnings

    from dateutil import parser
    from dateutil.tz import tzlocal

    one, other = datetime(2000, 1, 1), datetime(2001, 2, 2, 1, 1, 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found, second = (parser.parse(text, default=default, tzinfos=NAMED) for default in (one, other))
            orders = {
                parser.parse(text, default=one, tzinfos=NAMED, dayfirst=dayfirst, yearfirst=yearfirst).date()
                for dayfirst in (False, True)
                for yearfirst in (False, True)
            }
    except (ValueError, ArithmeticError, TypeError, Warning):
        _refuse(f"no date or time: {text}")
    if found.date() != second.date() or isinstance(found.tzinfo, tzlocal):
        _refuse(f"no complete date: {text}")
    if len(orders) > 1:
        raise Usage(f"{text} may be two days", hint=f"write {' or '.join(sorted(day.isoformat() for day in orders))}")
    if found.hour != second.hour:
        return whole(found.date(), "day")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _refuse(message: str) -> NoReturn:
    raise Usage(message, hint=EXAMPLES) from None
