"""Delays: how they are written, and what they do to a time (rules.md §2).

Minutes and hours are lengths of time; days and months follow the calendar of the site's zone, so that a day
later is the same hour on the clock, also where summer time begins, and a month after 31 January is the last
day of February.
"""

from __future__ import annotations

import re

from crmcli import clock, zones
from crmcli.errors import Usage
from crmcli.tuples import NamedTuple

SECONDS = {"minutes": 60, "hour": 3600}
AVERAGE = {"day": 86400, "month": 2629746}
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"

# What may be written → the unit, and how many of it.
WORDS = {
    "min": ("minutes", 1), "minute": ("minutes", 1), "minutes": ("minutes", 1),
    "h": ("hour", 1), "hour": ("hour", 1), "hours": ("hour", 1),
    "d": ("day", 1), "day": ("day", 1), "days": ("day", 1),
    "w": ("day", 7), "week": ("day", 7), "weeks": ("day", 7),
    "month": ("month", 1), "months": ("month", 1),
}  # fmt: skip
SHORT = {"minutes": "min", "hour": "h", "day": "d", "month": "month"}
DELAY = re.compile(r"\s*([+-]?\d{1,6})\s*([a-z]+)\s*", re.IGNORECASE)


class Delay(NamedTuple):
    """So many minutes, hours, days or months; negative before."""

    number: int
    unit: str


def parse(text: str) -> Delay:
    """``15min 4h 2d 1w 1month``, negative before; a bare 0 is none."""
    if text.strip() in ("", "0"):
        return Delay(0, "day")
    found = DELAY.fullmatch(text)
    word = WORDS.get(found[2].lower()) if found else None
    if found is None or word is None:
        raise Usage(f"{text} is no delay", hint="such as 15min, 4h, 2d, 1month or -2d")
    return Delay(int(found[1]) * word[1], word[0])


def written(delay: Delay) -> str:
    """The short form that `parse` reads."""
    return f"{delay.number}{SHORT.get(delay.unit, delay.unit)}" if delay.number else "0"


def period(repeat: str) -> Delay | None:
    """The time between two firings of ``every:1d``; None for ``once``."""
    if repeat == "once":
        return None
    kind, _, text = repeat.partition(":")
    found = parse(text) if kind == "every" else None
    if found is None or found.number <= 0:
        raise Usage(f"{repeat} is no way to repeat", hint="once, or every: and a delay, such as every:1d")
    return found


def shift(at: str, delay: Delay, zone: str) -> str:
    """A time moved by a delay; what would lie outside of the years 1 to 9999 stops at their ends."""
    if delay.unit in SECONDS:
        return clock.shift(at, delay.number * SECONDS[delay.unit])
    try:
        return clock.text(zones.later(clock.moment(at), delay.number, delay.unit, zones.tz(zone)))
    except (OverflowError, ValueError):
        return LAST if delay.number > 0 else FIRST


def following(first: str, every: Delay, after: str, zone: str) -> str:
    """The first of the times first, first + every, first + 2 every … that is later than another time."""
    count = _about(first, every, after)
    while (at := _nth(first, every, count, zone)) <= after and at < LAST:
        count += 1
    return at


def newest(first: str, every: Delay, now: str, zone: str) -> str:
    """The last of the times first, first + every, first + 2 every … that is not later than now; first at least."""
    count = _about(first, every, now)
    at = _nth(first, every, count, zone)
    while at < (later := _nth(first, every, count + 1, zone)) <= now:
        count, at = count + 1, later
    return at


def _nth(first: str, every: Delay, count: int, zone: str) -> str:
    return shift(first, Delay(every.number * count, every.unit), zone)


def _about(first: str, every: Delay, at: str) -> int:
    """A number of periods that is surely not too many, and few short."""
    seconds = (clock.moment(at) - clock.moment(first)).total_seconds()
    length = every.number * (SECONDS.get(every.unit) or AVERAGE[every.unit])
    return max(0, int(seconds // length) - 3)
