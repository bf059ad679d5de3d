"""crm calendar: months and agenda in the site's zone, in every format, and saved views that are calendars."""

from __future__ import annotations

import csv
import io
import sqlite3
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crmcli.model import SetActive
from crmcli.reports import calendar
from crmcli.zones import Days
from tests.cli.world import NOW, Crm, a_case, a_partner, do, put


def found(crm: Crm, *words: str, **given: str) -> list[tuple[int, str, str]]:
    """Cases of crm calendar with their first and last days."""
    return [(row["id"], row["from"], row["to"]) for row in crm("calendar", *words, "-o", "json", **given).json()]


@pytest.fixture(name="cases")
def _cases(conn: sqlite3.Connection) -> dict[str, int]:
    """Cases about March 2026, by what is odd about them."""
    a_partner(conn)
    put(conn, "users", login="bob")
    spans = {
        "late": ("2026-02-27T09:00:00Z", "2026-03-01T09:00:00Z"),
        "over new year": ("2025-12-30T09:00:00Z", "2026-01-02T09:00:00Z"),
        "long": ("2026-01-15T09:00:00Z", "2026-05-15T09:00:00Z"),
        "of a day": ("2026-03-10T09:00:00Z", "2026-03-10T17:00:00Z"),
        "without deadline": ("2026-03-12T09:00:00Z", None),
        "backwards": ("2026-03-20T09:00:00Z", "2026-03-18T09:00:00Z"),
        "leap day": ("2024-02-28T09:00:00Z", "2024-02-29T09:00:00Z"),
    }
    return {
        name: a_case(conn, name=name, partner_id=1, user_id=1 + (name == "long"), starts_at=start, deadline_at=end)
        for name, (start, end) in spans.items()
    }


def test_a_month_has_the_cases_that_touch_it(crm: Crm, cases: dict[str, int]) -> None:
    assert found(crm) == [
        (cases["long"], "2026-01-15", "2026-05-15"),
        (cases["late"], "2026-02-27", "2026-03-01"),
        (cases["of a day"], "2026-03-10", "2026-03-10"),
        (cases["without deadline"], "2026-03-12", "2026-03-12"),
        (cases["backwards"], "2026-03-18", "2026-03-20"),
    ]
    assert found(crm, "march") == found(crm, "2026-03") == found(crm, "today") == found(crm)
    assert [row[0] for row in found(crm, "2024-02")] == [cases["leap day"]]
    assert [row[0] for row in found(crm, "2025-12")] == [row[0] for row in found(crm, "2026-01")][:1] == [cases["over new year"]]
    assert [row[0] for row in found(crm, "next", "month")] == [cases["long"]]
    assert [row[0] for row in found(crm, "2026-Q1", "+late")] == [cases["over new year"], cases["late"]]


def test_a_filter_narrows_with_and_without_a_month(crm: Crm, cases: dict[str, int]) -> None:
    assert [row[0] for row in found(crm, "user:bob")] == [cases["long"]]
    assert [row[0] for row in found(crm, "2026-01", "+mine")] == [cases["over new year"]]
    assert found(crm, '"march"') == []
    assert [row[0] for row in found(crm, "backwards")] == [cases["backwards"]]


def test_what_is_no_month_is_refused(crm: Crm, cases: dict[str, int]) -> None:
    for words in (["2026-13"], ["2026-03-32"], ["9999-12"], ["--only", "todos"]):
        assert crm("calendar", *words).exit == 2, words
    refused = crm("calendar", "+lat")
    assert (refused.exit, refused.out) == (2, "")
    assert "nearest: +late" in refused.err


def test_a_grid_stands_above_the_list_on_a_terminal(crm: Crm, cases: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = crm("calendar", "-o", "table").out.splitlines()
    assert shown[0].strip() == "March 2026"
    assert shown[3:5] == [" " * 66 + "‹A! 1 lat…", " " * 66 + "‹B 3 lon…›"]
    assert shown[6] == "‹B 3 long, Acme, draft ────────────────────────────────────────────────────›"
    assert "A ann  B bob  ! late" in shown
    header = shown.index("   who  id  name              partner  state  from        to")
    assert shown[header + 2] == "!  A     1  late              Acme     draft  2026-02-27  2026-03-01"
    assert len(crm("calendar", "2026", "-o", "table").out.split("Monday")) == 13
    assert crm("calendar", "2026-07", "-o", "table").out.splitlines()[-1] == ""


def test_all_formats_have_the_same_cases(crm: Crm, cases: dict[str, int]) -> None:
    ids = [str(row[0]) for row in found(crm)]
    assert crm("calendar", "-o", "ids").out.split() == ids
    assert [line.split("\t")[0] for line in crm("calendar").out.splitlines()[1:]] == ids
    assert [row["id"] for row in csv.DictReader(io.StringIO(crm("calendar", "-o", "csv").out))] == ids
    assert [line.split(" | ")[0].lstrip("|! ") for line in crm("calendar", "-o", "md").out.splitlines()[4:]] == ids
    page = LexborHTMLParser(crm("calendar", "-o", "html").out)
    assert [row.css("td")[0].text() for row in page.css("table:not(.month) tr")[1:]] == ids
    assert page.css_first("title").text() == "March 2026"
    late = crm("calendar", "-o", "json").json()[1]
    assert (late["late"], late["user"], late["letter"], late["partner"], late["partner_id"]) == (True, "ann", "A", "Acme", 1)


def test_an_agenda_is_what_is_late_and_what_starts_and_is_due(crm: Crm, cases: dict[str, int]) -> None:
    rows = [(row["day"], row["time"], row["what"], row["name"]) for row in crm("calendar", "agenda", "-o", "json").json()]
    assert rows == [
        ("2024-02-29", "09:00", "late", "leap day"),
        ("2026-01-02", "09:00", "late", "over new year"),
        ("2026-03-01", "09:00", "late", "late"),
        ("2026-03-10", "09:00", "starts", "of a day"),
        ("2026-03-10", "17:00", "due", "of a day"),
        ("2026-03-12", "09:00", "starts", "without deadline"),
        ("2026-03-18", "09:00", "due", "backwards"),
        ("2026-03-20", "09:00", "starts", "backwards"),
    ]  # fmt: skip
    january = [(row["what"], row["name"]) for row in crm("calendar", "agenda", "2026-01", "-o", "json").json()]
    assert january == [("late", "over new year"), ("starts", "long")]
    assert crm("calendar", "agenda", "-o", "table", "+mine").out.splitlines()[2].startswith("! 2026-01-02 Fri")


def test_the_zone_says_which_day_a_moment_is_also_over_summer_time(crm: Crm, conn: sqlite3.Connection) -> None:
    night = a_case(
        conn, starts_at="2026-02-28T23:30:00Z", deadline_at="2026-03-29T00:59:59Z"
    )  # the clock goes to 3:00 a second later
    month_end = a_case(conn, starts_at="2026-03-31T21:59:59Z")
    april = a_case(conn, starts_at="2026-03-31T22:00:00Z")
    assert found(crm) == [(night, "2026-02-28", "2026-03-29"), (month_end, *["2026-03-31"] * 2), (april, *["2026-03-31"] * 2)]
    berlin = ("--tz", "Europe/Berlin")
    assert found(crm, *berlin) == [(night, "2026-03-01", "2026-03-29"), (month_end, *["2026-03-31"] * 2)]
    assert found(crm, "april", *berlin) == [(april, "2026-04-01", "2026-04-01")]
    assert found(crm, "2026-02", *berlin) == []
    agenda = crm("calendar", "agenda", "2026-03-29", "-o", "json", *berlin).json()
    assert [(row["day"], row["weekday"], row["time"]) for row in agenda] == [("2026-03-29", "Sun", "01:59")]


def test_the_sites_zone_holds_where_none_is_given_whatever_the_readers_is(crm: Crm, conn: sqlite3.Connection) -> None:
    case_id = a_case(conn, starts_at="2026-03-31T22:00:00Z")
    assert crm("config", "set", "zone", "Europe/Berlin").exit == 0
    assert found(crm, "april") == [(case_id, "2026-04-01", "2026-04-01")]


def test_the_past_is_shown_as_it_was(crm: Crm, cases: dict[str, int], conn: sqlite3.Connection) -> None:
    do(conn, SetActive(cases["long"], active=False))
    crm("case", "edit", str(cases["of a day"]), "--deadline", "2026-03-15", now="2026-03-05T09:00:00Z")
    assert (cases["of a day"], "2026-03-10", "2026-03-15") in found(crm, now="2026-03-06T09:00:00Z")
    assert (cases["of a day"], "2026-03-10", "2026-03-10") in found(crm, "--as-of", "2026-03-04", now="2026-03-06T09:00:00Z")


def test_a_saved_view_may_be_a_calendar(crm: Crm, cases: dict[str, int]) -> None:
    made = crm("section", "views", "support", "--only", "My Late,All", "--layout", "My Late=calendar", "-o", "json").json()
    assert [(view["name"], view["layout"]) for view in made] == [("My Late Support", "calendar"), ("All Support", "list")]
    assert crm("view", "My Late Support", "-o", "table").out.splitlines()[0].strip() == "March 2026"
    assert crm("view", "My Late Support", "-o", "ids").out.split() == [str(cases["late"])]
    assert crm("view", "My Late Support", "2026-01", "-o", "ids").out.split() == [str(cases["over new year"])]
    assert crm("view", "My Late Support", "user:bob", "-o", "ids").out == ""
    assert crm("view", "All Support", "-o", "ids").out.count("\n") == 7
    assert crm("view", "add", "Calendar", "--layout", "calendar", "--filter", "+late", "--section", "support").exit == 0
    assert crm("view", "Calendar", "-o", "ids").out.split() == [str(cases["late"])]


def test_the_legend_is_inert(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn, user_id=put(conn, "users", login="b\u202eob"))
    legend = next(line for line in crm("calendar", "-o", "table").out.splitlines() if line.endswith("! late"))
    assert legend == "B b\\u202eob  ! late"


def test_letters_are_the_logins_own_where_they_are_free() -> None:
    assert calendar.lettered(["bob", "ann", None, "adam", "bo"]) == {None: "-", "adam": "A", "ann": "N", "bo": "B", "bob": "O"}
    many = calendar.lettered([f"{number}x" for number in range(70)])
    assert len({letter for letter in many.values() if letter != "*"}) == 63
    assert sum(letter == "*" for letter in many.values()) == 8


# Against plain Python --------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(2025, 12, 1), datetime(2026, 6, 1)).map(lambda at: at.replace(microsecond=0))


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@given(
    spans=st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), max_size=10),
    first=st.dates(date(2025, 11, 1), date(2026, 6, 1)),
    length=st.integers(1, 70),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"]),
)
def test_random_cases_stand_on_the_days_that_plain_python_says(
    conn: sqlite3.Connection, spans: list[tuple[datetime, datetime | None]], first: date, length: int, zone: str
) -> None:
    after = first + timedelta(days=length)
    expected = []
    conn.execute("BEGIN")
    try:
        for number, (start, end) in enumerate(spans, 1):
            days = sorted(at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() for at in (start, end) if at)
            if days[0] < after and days[-1] >= first:
                expected.append((number, days[0].isoformat(), days[-1].isoformat()))
            values = (number, utc(start), utc(end) if end else None, NOW)
            conn.execute(
                "INSERT INTO cases (id, name, section_id, starts_at, deadline_at, created_at) VALUES (?, 'x', 1, ?, ?, ?)", values
            )
        result = calendar.month(conn, calendar.Wanted("t.active = 1", {}, Days(first, after), NOW, zone))
        assert sorted((row["id"], row["from"], row["to"]) for row in result.rows) == expected
    finally:
        conn.execute("ROLLBACK")
