"""The calendar of a time zone: where its days, weeks and months begin, and what a month later is.

Times are UTC text (clock.py); zones are names such as ``Europe/Berlin``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from crmcli import clock
from crmcli.errors import Usage
from crmcli.tuples import NamedTuple

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Days(NamedTuple):
    """Whole days: from the first, up to but without the last."""

    first: date
    after: date


def tz(zone: str) -> tzinfo:
    """The zone of this name; Usage where there is none."""
    if zone.upper() in ("UTC", "Z", ""):
        return UTC
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(zone)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise Usage(f"no time zone {zone}", hint="such as Europe/Berlin or UTC") from None


def local(at: str, zone: str = "UTC") -> datetime:
    """UTC text as the time in a zone; at the ends of the calendar, where a zone has no year for it, in UTC."""
    try:
        return clock.moment(at).astimezone(tz(zone))
    except OverflowError:
        return clock.moment(at)


def written(at: str, zone: str = "UTC") -> str:
    """UTC text as people in the zone read it: ``2026-03-31 17:00``."""
    return local(at, zone).isoformat(" ")[:16]


def later(at: datetime, count: int, unit: str, zone: tzinfo) -> datetime:
    """A moment moved by minutes, hours (true ones, also over summer time), or days and more by the zone's calendar."""
    if unit in ("minute", "hour"):
        return at + timedelta(minutes=count * (60 if unit == "hour" else 1))
    here = at.astimezone(zone)
    return datetime.combine(shifted(here.date(), count, unit), here.time(), zone)


def begin(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day; where summer time skips midnight, the hour it jumps to."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def whole(day: date, unit: str) -> Days:
    """The day, week, month, quarter or year that holds a day, whole; weeks begin on Monday."""
    start = first(day, unit)
    return Days(start, shifted(start, 1, unit))


def first(day: date, unit: str) -> date:
    """The first day of the unit that holds a day."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": day.month - (day.month - 1) % 3, "year": 1}.get(unit)
    return day if month is None else day.replace(month=month, day=1)


def shifted(day: date, count: int, unit: str) -> date:
    """A day moved by the calendar: 31 January and a month is the last of February; OverflowError outside it."""
    if unit not in MONTHS:
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    year, month = divmod(day.year * 12 + day.month - 1 + count * MONTHS[unit], 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    last = 31 if month == 11 else (date(year, month + 2, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))
