"""Dates as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crmcli import clock, dates, zones
from crmcli.errors import CrmError, Usage

NOW = "2026-03-02T09:00:00Z"  # a Monday
BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/St_Johns", "Pacific/Apia", "America/Santiago", "Asia/Kathmandu")

DAYS = [
    ("today", "2026-03-02"),
    ("TOMORROW", "2026-03-03"),
    ("yesterday", "2026-03-01"),
    ("friday", "2026-03-06"),
    ("monday", "2026-03-02"),
    ("next monday", "2026-03-09"),
    ("last sunday", "2026-03-01"),
    ("sun", "2026-03-08"),
    ("next friday", "2026-03-06"),
    ("this wed", "2026-03-04"),
    ("this monday", "2026-03-02"),
    ("last friday", "2026-02-27"),
    ("last monday", "2026-02-23"),
    ("som", "2026-03-01"),
    ("sow", "2026-03-02"),
    ("soq", "2026-01-01"),
    ("soy", "2026-01-01"),
    ("2026-04-05", "2026-04-05"),
    ("2026-4-5", "2026-04-05"),
    ("20260405", "2026-04-05"),
    ("5 April 2026", "2026-04-05"),
    ("Apr 5, 2026", "2026-04-05"),
    ("25/04/2026", "2026-04-25"),
]

MOMENTS = [
    ("now", "2026-03-02T09:00:00Z"),
    ("+2w", "2026-03-16T09:00:00Z"),
    ("-3d", "2026-02-27T09:00:00Z"),
    ("+ 2 days", "2026-03-04T09:00:00Z"),
    ("in 2 weeks", "2026-03-16T09:00:00Z"),
    ("2 hours ago", "2026-03-02T07:00:00Z"),
    ("+15min", "2026-03-02T09:15:00Z"),
    ("-4h", "2026-03-02T05:00:00Z"),
    ("+1month", "2026-04-02T09:00:00Z"),
    ("-1q", "2025-12-02T09:00:00Z"),
    ("+1y", "2027-03-02T09:00:00Z"),
    ("tomorrow 9:00", "2026-03-03T09:00:00Z"),
    ("tomorrow  9:00:30", "2026-03-03T09:00:30Z"),
    ("friday 5pm", "2026-03-06T17:00:00Z"),
    ("12am", "2026-03-02T00:00:00Z"),
    ("12:30 pm", "2026-03-02T12:30:00Z"),
    ("noon", "2026-03-02T12:00:00Z"),
    ("friday midnight", "2026-03-06T00:00:00Z"),
    ("17:30", "2026-03-02T17:30:00Z"),
    ("eom 17:00", "2026-03-31T17:00:00Z"),
    ("2026-04-05T09:00:00Z", "2026-04-05T09:00:00Z"),
    ("2026-04-05 09:00:00.5 +01:00", "2026-04-05T08:00:00Z"),
    ("2026-04-05t09:00-0530", "2026-04-05T14:30:00Z"),
    ("9:00 UTC", "2026-03-02T09:00:00Z"),
    ("Sun, 5 Apr 2026 09:00:00 +0100", "2026-04-05T08:00:00Z"),
    ("5 Apr 2026 9:00 GMT", "2026-04-05T09:00:00Z"),
    ("eod", "2026-03-02T23:59:59Z"),
    ("eow", "2026-03-08T23:59:59Z"),
    ("eom", "2026-03-31T23:59:59Z"),
    ("eoq", "2026-03-31T23:59:59Z"),
    ("eoy", "2026-12-31T23:59:59Z"),
]

PERIODS = [
    ("2026-Q3", "2026-07-01", "2026-10-01"),
    ("q4", "2026-10-01", "2027-01-01"),
    ("2026-04", "2026-04-01", "2026-05-01"),
    ("2026-12", "2026-12-01", "2027-01-01"),
    ("2026", "2026-01-01", "2027-01-01"),
    ("2026-W14", "2026-03-30", "2026-04-06"),
    ("this week", "2026-03-02", "2026-03-09"),
    ("last week", "2026-02-23", "2026-03-02"),
    ("next month", "2026-04-01", "2026-05-01"),
    ("last quarter", "2025-10-01", "2026-01-01"),
    ("this year", "2026-01-01", "2027-01-01"),
    ("next day", "2026-03-03", "2026-03-04"),
]


@pytest.mark.parametrize(("text", "wanted"), DAYS)
def test_a_word_for_a_day_is_the_whole_day(text: str, wanted: str) -> None:
    after = (date.fromisoformat(wanted) + timedelta(days=1)).isoformat()
    assert dates.span(text, NOW) == (f"{wanted}T00:00:00Z", f"{after}T00:00:00Z")
    assert dates.day(text, NOW) == wanted
    assert dates.last_moment(text, NOW) == f"{wanted}T23:59:59Z"


@pytest.mark.parametrize(("text", "wanted"), MOMENTS)
def test_a_moment_lasts_a_second(text: str, wanted: str) -> None:
    assert dates.span(text, NOW) == (wanted, clock.shift(wanted, 1))
    assert dates.moment(text, NOW) == dates.last_moment(text, NOW) == wanted


@pytest.mark.parametrize(("text", "first", "after"), PERIODS)
def test_a_period_is_half_open(text: str, first: str, after: str) -> None:
    assert dates.span(text, NOW) == (f"{first}T00:00:00Z", f"{after}T00:00:00Z")
    assert dates.days(text, NOW) == dates.span(text, NOW)


def test_whole_days_are_those_that_the_time_touches() -> None:
    assert dates.days("eom", NOW) == ("2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z")
    assert dates.days("+2d", NOW, BERLIN) == ("2026-03-03T23:00:00Z", "2026-03-04T23:00:00Z")


def test_a_deadline_given_as_a_day_is_the_end_of_it_in_the_zone() -> None:
    assert dates.last_moment("2026-03-31", NOW, BERLIN) == "2026-03-31T21:59:59Z"
    assert dates.last_moment("2026-03-31 17:00", NOW, BERLIN) == "2026-03-31T15:00:00Z"
    assert dates.last_moment("2026-Q3", NOW, BERLIN) == "2026-09-30T21:59:59Z"


def test_days_keep_the_time_of_day_over_summer_time_and_hours_do_not() -> None:
    assert dates.moment("+1d", "2026-03-28T09:00:00Z", BERLIN) == "2026-03-29T08:00:00Z"
    assert dates.moment("+24h", "2026-03-28T09:00:00Z", BERLIN) == "2026-03-29T09:00:00Z"


def test_a_day_without_midnight_begins_when_the_clocks_have_jumped() -> None:
    assert dates.moment("2026-09-06", NOW, "America/Santiago") == "2026-09-06T04:00:00Z"


def test_the_end_of_january_and_a_month_is_the_end_of_february() -> None:
    assert dates.moment("+1month", "2026-01-31T12:00:00Z") == "2026-02-28T12:00:00Z"
    assert dates.moment("-1y", "2024-02-29T12:00:00Z") == "2023-02-28T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no date or time: (empty)"),
        ("   ", "no date or time: (empty)"),
        ("soonish", "no date or time: soonish"),
        ("2026-02-30", "there is no day 2026-02-30"),
        ("2026-13", "there is no day 2026-13-01"),
        ("2026-W60", "there is no week 2026-W60"),
        ("25:00", "there is no time 25:00"),
        ("tomorrow 9:75", "there is no time 9:75"),
        ("13pm", "there is no time 13pm"),
        ("9:00+99:00", "there is no zone +99:00"),
        ("+3m", "+3m: minutes or months?"),
        ("2d", "2d: from now or before now?"),
        ("01/02/2026", "01/02/2026 may be two days"),
        ("1.2.26", "1.2.26 may be two days"),
        ("25 dec", "no complete date: 25 dec"),
        ("12", "no complete date: 12"),
        ("may", "no complete date: may"),
        ("2026-04 9:00", "no complete date: 2026-04 9:00"),
        ("last hour", "no date or time: last hour"),
        ("+99999y", "+99999y is outside the calendar"),
        ("0000-01-01", "there is no day 0000-01-01"),
        ("1 mar 2026 9:00 XYZ", "no date or time: 1 mar 2026 9:00 XYZ"),
    ],
)
def test_what_is_wrong_is_said_with_an_example(text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        dates.span(text, NOW)
    assert error.value.message == message
    assert error.value.hint


def test_a_zone_that_does_not_exist_is_refused() -> None:
    for name in ("Mars/Base", "../etc/passwd", "a\0b"):
        with pytest.raises(Usage, match="no time zone"):
            dates.span("today", NOW, name)


def test_times_at_the_ends_of_the_calendar_can_be_written() -> None:
    assert zones.written("0001-01-01T00:00:00Z", "America/St_Johns") == "0001-01-01 00:00"
    assert zones.written("9999-12-31T23:59:59Z", "Pacific/Apia") == "9999-12-31 23:59"


moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))
zone_names = st.sampled_from(ZONES)


@given(moments, zone_names)
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), BERLIN)
@example(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN)
def test_what_is_written_in_a_zone_reads_back_to_the_minute(at: datetime, zone: str) -> None:
    text = clock.text(at)
    back = dates.moment(zones.written(text, zone), NOW, zone)
    twice = at.astimezone(ZoneInfo(zone)).fold
    assert back == clock.shift(text[:17] + "00Z", -3600 * twice)


@given(moments, zone_names, st.integers(-500, 500))
def test_days_from_now_agree_with_plain_wall_time(at: datetime, zone: str, count: int) -> None:
    here = at.astimezone(ZoneInfo(zone))
    wanted = (here.replace(tzinfo=None, fold=0) + timedelta(days=count)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert dates.moment(f"{count:+}d", clock.text(at), zone) == clock.text(wanted)


@given(moments, zone_names, st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_periods_hold_now_and_join_without_gaps(at: datetime, zone: str, unit: str) -> None:
    now = clock.text(at)
    start, before = dates.span(f"this {unit}", now, zone)
    assert start <= now < before
    assert dates.span(f"last {unit}", now, zone)[1] == start
    assert dates.span(f"next {unit}", now, zone)[0] == before


@given(st.text(max_size=30) | st.from_regex(r"[0-9:+/ .a-zTZ-]{1,20}", fullmatch=True), zone_names)
def test_any_text_is_read_or_refused_in_words(text: str, zone: str) -> None:
    try:
        start, before = dates.span(text, NOW, zone)
    except CrmError:
        return
    assert start < before
    assert clock.text(clock.moment(start)) == start
