"""The clock: the only room that asks what time it is. Times are UTC text ``YYYY-MM-DDTHH:MM:SSZ``."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> str:
    """The time on the wall, UTC text."""
    return time.strftime(FORMAT, time.gmtime())


def moment(at: str) -> datetime:
    """UTC text → an aware datetime."""
    return datetime.fromisoformat(at[:19]).replace(tzinfo=UTC)


def text(moment: datetime) -> str:
    """An aware datetime → UTC text, seconds cut off; years are four digits."""
    return moment.astimezone(UTC).isoformat()[:19] + "Z"


def mail_date(at: str) -> str:
    """UTC text → a date as mails have it (RFC 5322 §3.3): ``Mon, 02 Mar 2026 09:00:00 +0000``."""
    then = moment(at)
    return f"{DAYS[then.weekday()]}, {then.day:02} {MONTHS[then.month - 1]} {then.year:04} {at[11:19]} +0000"


@lru_cache(maxsize=64)
def shift(at: str, seconds: int) -> str:
    """UTC text moved by so many seconds, kept within the years 1 to 9999."""
    try:
        return text(moment(at) + timedelta(seconds=seconds))
    except OverflowError:
        return "9999-12-31T23:59:59Z" if seconds > 0 else "0001-01-01T00:00:00Z"
