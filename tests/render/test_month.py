"""A month as weeks: every bar on its days and nowhere else, at any width, with letters beside the colours."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from selectolax.lexbor import LexborHTMLParser

from crmcli.model import Column, Result
from crmcli.render import Look, month_page
from crmcli.render.month import COLORS, Bar, text, weeks

MARCH, TODAY = date(2026, 3, 1), date(2026, 3, 2)
HOSTILE = "<b>[red]\x1b]0;x\x07\u202e漢字 & \x9b31m`*_"


def bar(first: int, last: int, words: str = "Pump", **other: object) -> Bar:
    """A bar of days of March; 0 is the last of February, 32 the first of April."""
    start = MARCH - timedelta(days=1)
    whole = Bar(start + timedelta(days=first), start + timedelta(days=last), "A", 7, words, 0, late=False, closed=False)
    return whole._replace(**other)


def lines(bars: list[Bar], width: int = 80, month: date = MARCH, most: int | None = None, color: bool = False) -> list[str]:
    return "".join(text(month, bars, TODAY, Look(width, color), most)).splitlines()


def test_a_month_is_seven_columns_from_monday_and_marks_today() -> None:
    assert lines([], 40) == [
        "            March 2026",
        "Mon  Tue  Wed  Thu  Fri  Sat  Sun",
        "                              1 ──",
        "[2]─ 3 ── 4 ── 5 ── 6 ── 7 ── 8 ──",
        "9 ── 10 ─ 11 ─ 12 ─ 13 ─ 14 ─ 15 ─",
        "16 ─ 17 ─ 18 ─ 19 ─ 20 ─ 21 ─ 22 ─",
        "23 ─ 24 ─ 25 ─ 26 ─ 27 ─ 28 ─ 29 ─",
        "30 ─ 31 ─",
    ]


def test_a_bar_says_whose_it_is_that_it_is_late_and_where_it_leads() -> None:
    shown = lines([bar(5, 6, "Pump, Acme, open", late=True), bar(0, 40, "Longest")])
    assert shown[3] == " " * 66 + "‹A 7 Lon…›"
    assert shown[5] == "‹A 7 Longest " + "─" * 62 + "›"
    assert shown[6] == " " * 33 + "A! 7 Pump, Acme, open"
    assert lines([bar(5, 5, late=True)], 40)[4] == " " * 15 + "A!7…"


def test_colour_never_stands_alone() -> None:
    plain, coloured = lines([bar(5, 9, late=True)]), lines([bar(5, 9, late=True)], color=True)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == plain
    assert f"\x1b[{COLORS[0]}mA\x1b[0m\x1b[1;31m!\x1b[0m" in coloured[4]
    dim = lines([bar(5, 5, closed=True)], color=True)[4]
    nobody = lines([bar(5, 5, letter="-", color=None)], color=True)[4]
    assert dim.lstrip().startswith("\x1b[2mA")
    assert nobody.lstrip().startswith("- 7")


def test_what_finds_no_lane_is_counted_on_each_of_its_days() -> None:
    shown = lines([bar(2, 8), bar(3, 4, late=True), bar(3, 3), bar(4, 5)], most=2)
    assert shown[4].startswith("A 7 Pump ──")
    assert shown[5].startswith(" " * 11 + "A! 7 Pump")
    assert [(place.start(), place[0]) for place in re.finditer(r"\+\d more", shown[6])] == [
        (11, "+1 more"),
        (22, "+1 more"),
        (33, "+1 more"),
    ]


@pytest.mark.parametrize("month", [date(2024, 2, 1), date(2025, 12, 1), date(2026, 2, 1), date(9999, 12, 1), date(1, 1, 1)])
def test_every_month_has_each_of_its_days_once(month: date) -> None:
    following = month.replace(day=28) + timedelta(days=4) if month.year < 9999 else None
    count = (following.replace(day=1) - month).days if following else 31
    days = [day for week in weeks(month, []) for day in week.days if day]
    assert days == [month + timedelta(days=number) for number in range(count)]
    assert [day.weekday() for week in weeks(month, []) for day in week.days if day] == [day.weekday() for day in days]


BARS = st.lists(st.tuples(st.integers(-20, 50), st.integers(0, 60)), max_size=12)


@given(drawn=BARS, most=st.sampled_from([None, 1, 3]))
def test_each_bar_covers_each_of_its_days_once_and_no_two_overlap(drawn: list[tuple[int, int]], most: int | None) -> None:
    bars = [bar(first, first + length, case_id=number) for number, (first, length) in enumerate(drawn)]
    for week in weeks(MARCH, bars, most):
        covered: dict[int, list[int]] = {number: [] for number in range(7)}
        for lane in week.lanes:
            taken = [day for piece in lane for day in range(piece.start, piece.start + piece.length)]
            assert taken == sorted(set(taken))
            for piece in lane:
                for day in range(piece.start, piece.start + piece.length):
                    covered[day].append(piece.bar.case_id)
        assert most is None or len(week.lanes) <= most
        for number, day in enumerate(week.days):
            there = [one.case_id for one in bars if day and one.first <= day <= one.last]
            assert len(covered[number]) + week.left[number] == len(there)
            assert set(covered[number]) <= set(there)
            assert most is not None or sorted(covered[number]) == there


@given(drawn=BARS, width=st.integers(10, 220), words=st.text(st.sampled_from("a漢é \x1b\u202e😀\n"), max_size=40))
def test_no_line_is_wider_than_the_terminal(drawn: list[tuple[int, int]], width: int, words: str) -> None:
    bars = [bar(first, first + length, words, case_id=10**number) for number, (first, length) in enumerate(drawn)]
    assert max(cell_len(line) for line in lines(bars, width, most=3)) <= max(width, 34)


def test_foreign_text_is_inert_in_every_form() -> None:
    shown = "\n".join(lines([bar(2, 8, HOSTILE)], 200))
    assert not set("\x1b\x07\x9b\u202e") & set(shown)
    result = Result((Column("name"),), [{"name": HOSTILE}])
    page = "".join(
        month_page.page([MARCH], [bar(2, 8, HOSTILE)], [("A", HOSTILE, 0), ("-", "nobody", None)], result, TODAY, Look())
    )
    assert not set("\x1b\x07\x9b\u202e") & set(page)
    tree = LexborHTMLParser(page)
    assert len(tree.css("td.bar")) == 1
    assert tree.css_first("td.bar").attributes["colspan"] == "7"
    assert "<b>[red]" in tree.css_first("td.bar").text()
    assert {node.tag for node in tree.css("td.bar *")} == {"b"}


def test_a_page_has_all_days_letters_and_marks_and_nothing_from_outside() -> None:
    bars = [bar(0, 3, "Pump, Acme, open", late=True), bar(6, 6, closed=True, color=None, letter="-")]
    result = Result((Column("name"),), [{"name": "Pump", "late": True}], mark="late")
    page = "".join(month_page.page([MARCH], bars, [("A", "ann", 0), ("-", "nobody", None)], result, TODAY, Look()))
    tree = LexborHTMLParser(page)
    assert [cell.text() for cell in tree.css(".days td:not(.out)")] == [str(day) for day in range(1, 32)]
    assert [cell.text() for cell in tree.css("td.bar")] == [
        "‹A! 7 Pump, Acme, open ›", "‹A! 7 Pump, Acme, open", "- 7 Pump"
    ]  # fmt: skip
    assert tree.css_first(".today").text() == "2"
    assert tree.css_first(".legend").text() == "A ann- nobody! late"
    assert [row.css("td")[0].text() for row in tree.css("tr.late")] == ["Pump"]
    assert not re.search(r"src=|href=|url\(|<script|http", page)
