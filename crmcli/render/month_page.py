"""A month as a page of HTML: weeks of days, each case a bar over its days, and the list of the cases below it. Pure.

One page with nothing outside of it, to be read on paper and on a phone; foreign text is never markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape

from crmcli.model import Result
from crmcli.render import Look
from crmcli.render.month import WEEKDAYS, Bar, Piece, Week, weeks
from crmcli.render.page import body, head
from crmcli.text import shown

HUES = (190, 120, 45, 290, 225, 160, 80, 20, 320, 250)
STYLE = (
    ".month{table-layout:fixed;width:100%}.month th,.month td{border:0;padding:.1em .3em;white-space:normal}"
    ".month td{overflow-wrap:anywhere}"
    ".month .days td{border-top:1px solid #888;font-weight:bold}.month .today{background:#ffd}.month .out{border:0!important}"
    ".bar{border-left:.3em solid #888;border-radius:.2em;background:#eee;font-size:90%;print-color-adjust:exact}"
    ".closed{opacity:.6}.bar b{font-family:monospace}.bar .late,.legend .late{font-weight:bold}"
    ".legend span{display:inline-block;margin-right:1em;padding:0 .4em}"
    "@media(max-width:700px){body{margin:.5em;font-size:11px}th,td{padding:.2em}"
    "td.bar{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}}"
)
Legend = Sequence[tuple[str, str, int | None]]
"""Letters with whom they stand for, and the number of their colour."""


def page(months: Sequence[date], bars: Sequence[Bar], legend: Legend, result: Result, today: date, look: Look) -> Iterator[str]:
    """The whole page; the list of the result follows the months."""
    used = {color % len(HUES) for _, _, color in legend if color is not None}
    colors = "".join(f".u{n}{{background:hsl({HUES[n]},60%,90%);border-color:hsl({HUES[n]},60%,40%)}}" for n in sorted(used))
    yield head(result.title or "Calendar", STYLE + colors)
    for month in months:
        yield f"<h1>{month:%B} {month.year}</h1>\n<table class='month'>\n<tr>"
        yield "".join(f"<th>{name[:3]}</th>" for name in WEEKDAYS) + "</tr>\n"
        for week in weeks(month, bars):
            yield from _week(week, today)
        yield "</table>\n"
    whose = "".join(
        f'<span class="bar{_hue(color)}"><b>{escape(letter)}</b> {escape(shown(name))}</span>' for letter, name, color in legend
    )
    yield f'<p class="legend">{whose}<span class="late">! late</span></p>\n'
    yield from body(result._replace(title=""), look)
    yield "</html>\n"


def _week(week: Week, today: date) -> Iterator[str]:
    yield f'<tr class="days">{"".join(_day(day, today) for day in week.days)}</tr>\n'
    for lane in week.lanes:
        yield f"<tr>{''.join(_lane(lane))}</tr>\n"


def _day(day: date | None, today: date) -> str:
    if day is None:
        return '<td class="out"></td>'
    return f'<td class="today">{day.day}</td>' if day == today else f"<td>{day.day}</td>"


def _lane(lane: list[Piece]) -> Iterator[str]:
    column = 0
    for piece in lane:
        yield "<td></td>" * (piece.start - column)
        yield _bar(piece)
        column = piece.start + piece.length
    yield "<td></td>" * (len(WEEKDAYS) - column)


def _bar(piece: Piece) -> str:
    bar = piece.bar
    kind = f"bar{_hue(bar.color)}{' closed' if bar.closed else ''}"
    late = '<span class="late">!</span>' if bar.late else ""
    text = f"<b>{'‹' if piece.begun else ''}{escape(bar.letter)}</b>{late} {bar.case_id} {escape(shown(bar.words))}"
    return f'<td colspan="{piece.length}" class="{kind}">{text}{" ›" if piece.goes_on else ""}</td>'


def _hue(color: int | None) -> str:
    return "" if color is None else f" u{color % len(HUES)}"
