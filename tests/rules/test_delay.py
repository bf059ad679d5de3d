"""Delays: how they are written, and what they do to a time."""

from __future__ import annotations

import calendar
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import clock
from crmcli.errors import Usage
from crmcli.rules.delay import Delay, following, newest, parse, period, shift, written

BERLIN = "Europe/Berlin"
TIMES = st.integers(946684800, 2208988800).map(lambda seconds: clock.shift("1970-01-01T00:00:00Z", seconds))


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("15min", Delay(15, "minutes")),
        ("4h", Delay(4, "hour")),
        ("2d", Delay(2, "day")),
        ("-2d", Delay(-2, "day")),
        ("1w", Delay(7, "day")),
        ("1month", Delay(1, "month")),
        ("3 months", Delay(3, "month")),
        ("0", Delay(0, "day")),
        ("", Delay(0, "day")),
    ],
)
def test_a_delay_is_read_as_people_write_it(text: str, delay: Delay) -> None:
    assert parse(text) == delay


@pytest.mark.parametrize("text", ["2", "two days", "2y", "1m", "d", "2d3h", "99999999d", "2d\x00", "1.5d"])
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="no delay"):
        parse(text)


@given(st.sampled_from(["minutes", "hour", "day", "month"]), st.integers(-9999, 9999))
def test_what_is_written_is_read_back(unit: str, number: int) -> None:
    assert parse(written(Delay(number, unit))) == (Delay(number, unit) if number else Delay(0, "day"))


def test_a_repetition_is_once_or_every_so_long() -> None:
    assert period("once") is None
    assert period("every:1d") == Delay(1, "day")
    for wrong in ("every:0d", "every:-1d", "daily", "every:", "sometimes:1d"):
        with pytest.raises(Usage):
            period(wrong)


@pytest.mark.parametrize(
    ("at", "delay", "zone", "expected"),
    [
        ("2026-01-31T12:00:00Z", "1month", "UTC", "2026-02-28T12:00:00Z"),
        ("2028-01-31T12:00:00Z", "1month", "UTC", "2028-02-29T12:00:00Z"),
        ("2026-03-31T12:00:00Z", "-1month", "UTC", "2026-02-28T12:00:00Z"),
        ("2026-12-31T12:00:00Z", "2month", "UTC", "2027-02-28T12:00:00Z"),
        # 29 March 2026, two o'clock: summer time begins in Berlin
        ("2026-03-28T12:00:00Z", "1d", BERLIN, "2026-03-29T11:00:00Z"),
        ("2026-03-28T12:00:00Z", "24h", BERLIN, "2026-03-29T12:00:00Z"),
        ("2026-03-28T01:30:00Z", "1d", BERLIN, "2026-03-29T01:30:00Z"),
        ("2026-10-24T12:00:00Z", "1d", BERLIN, "2026-10-25T13:00:00Z"),
        # the last evening of January in Berlin is still January there
        ("2026-01-31T22:30:00Z", "1month", BERLIN, "2026-02-28T22:30:00Z"),
        ("2026-01-31T23:30:00Z", "1month", BERLIN, "2026-02-28T23:30:00Z"),
        ("2026-03-02T09:00:00Z", "999999month", "UTC", "9999-12-31T23:59:59Z"),
        ("2026-03-02T09:00:00Z", "-999999d", BERLIN, "0001-01-01T00:00:00Z"),
    ],
)
def test_days_and_months_follow_the_calendar_of_the_zone(at: str, delay: str, zone: str, expected: str) -> None:
    assert shift(at, parse(delay), zone) == expected


@given(TIMES, st.integers(-400, 400), st.sampled_from([BERLIN, "America/New_York", "Asia/Kathmandu", "UTC"]))
def test_days_keep_the_hour_on_the_clock(at: str, days: int, zone: str) -> None:
    before = clock.moment(at).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    after = clock.moment(shift(at, Delay(days, "day"), zone)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = before + timedelta(days=days)
    assert after == wanted or abs(after - wanted) <= timedelta(hours=1)  # an hour that summer time skips
    if after.date() == wanted.date() and wanted.hour > 4:
        assert after == wanted


@given(TIMES, st.integers(-60, 60))
def test_months_keep_the_day_or_take_the_last(at: str, months: int) -> None:
    before = clock.moment(at)
    after = clock.moment(shift(at, Delay(months, "month"), "UTC"))
    year, month = divmod(before.year * 12 + before.month - 1 + months, 12)
    assert (after.year, after.month) == (year, month + 1)
    assert after.day == min(before.day, calendar.monthrange(year, month + 1)[1])
    assert after.time() == before.time()


@given(
    TIMES,
    st.integers(-10_000_000, 100_000_000),
    st.integers(1, 40),
    st.sampled_from(["hour", "day", "month"]),
    st.sampled_from(["UTC", BERLIN]),
)
def test_repetitions_are_found_without_counting_them_all(first: str, distance: int, number: int, unit: str, zone: str) -> None:
    every, at = Delay(number, unit), clock.shift(first, distance)
    times = []
    for count in range(100_000):
        times.append(shift(first, Delay(number * count, unit), zone))
        if times[-1] > at:
            break
    assert following(first, every, at, zone) == times[-1]
    assert newest(first, every, at, zone) == (times[-2] if len(times) > 1 else times[0])


def test_repetitions_by_the_month_start_from_the_first_each_time() -> None:
    first = "2026-01-31T12:00:00Z"
    assert following(first, Delay(1, "month"), "2026-02-28T12:00:00Z", "UTC") == "2026-03-31T12:00:00Z"


def test_the_end_of_the_calendar_ends_the_search() -> None:
    end = "9999-12-31T23:59:59Z"
    assert following("9999-12-01T00:00:00Z", Delay(1, "month"), end, "UTC") == end
    assert newest("9999-12-01T00:00:00Z", Delay(1, "day"), end, "UTC") == end
