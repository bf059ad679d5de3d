"""crm calendar: cases by the days from their start to their deadline."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

import typer

from crmcli import dates, settings, zones
from crmcli.cli import lists
from crmcli.cli.lists import Asked
from crmcli.cli.session import Session, session
from crmcli.errors import CrmError, Usage
from crmcli.fields import NOUNS
from crmcli.model import Result, Row
from crmcli.render import Look
from crmcli.render.month import Bar
from crmcli.reports import calendar as cases
from crmcli.reports import ics
from crmcli.text import shown
from crmcli.zones import Days

app = typer.Typer()

MONTHS = tuple(map(str.lower, zones.MONTH_NAMES))
LOOKS_LIKE_A_DATE = re.compile(r"\d{4}(-\S*)?\Z")
TWO_WORDS = ("last", "this", "next")
LANES = 8
AGENDA_DAYS = 28

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MONTH|agenda|export FILE] [FILTER]...", help="2026-04, 'next month', march; see: crm help filter."),
]
Only = Annotated[str, typer.Option(metavar="PARTS", help="Of an export: todos or events; both by default.", show_default=False)]


@app.command()
def calendar(ctx: typer.Context, words: Words = None, only: Only = "") -> None:
    """Show a month of weeks with the cases from their start to their deadline, and list them.

    Letters stand for the responsible, - for nobody; ! is late, ‹ and › lead out of the month. MONTH is this month
    by default, or any time: all months that it touches are shown. With agenda, what is late and what starts and is
    due in four weeks (or in MONTH) is listed by time. With -o json, tsv, csv or md the cases come as data, with -o
    html as a page. A filter that begins like a time is quoted: '"march"'.

    With export they go to a file as iCalendar, - for standard output: a to-do for each, an event for each with a deadline.

    crm calendar agenda +mine

    crm calendar export cases.ics +mine +unclosed

    Example: crm calendar 2026-03 +unclosed
    """
    s = session(ctx)
    first, *rest = words or [""]
    if only and first != "export":
        raise Usage("--only is for exports", hint="crm calendar export FILE --only todos")
    if first == "export":
        export(s, rest, only)
    elif first == "agenda":
        agenda(s, rest)
    else:
        show(s, words or [])


# Which days ---------------------------------------------------------------------------------------


def read_days(s: Session, words: list[str]) -> tuple[Days | None, list[str]]:
    """The days that the first words mean, if they mean any, and the other words."""
    if not words:
        return None, []
    length = 2 if words[0].lower() in TWO_WORDS and len(words) > 1 else 1
    text = " ".join(words[:length]).lower()
    if text in MONTHS:
        text = f"{_today(s).year}-{MONTHS.index(text) + 1}"
    try:
        start, before = dates.span(text, s.now, _zone(s))
    except Usage:
        if LOOKS_LIKE_A_DATE.match(text):
            raise
        return None, words
    last = zones.local(before, _zone(s)) - timedelta(seconds=1)
    return Days(zones.local(start, _zone(s)).date(), last.date() + timedelta(days=1)), words[length:]


def _zone(s: Session) -> str:
    """The zone of the days and months: the site's, or --tz."""
    return s.given.tz or settings.get(s.conn, "zone")


def _today(s: Session) -> date:
    return zones.local(s.now, _zone(s)).date()


def _wanted(s: Session, days: Days, words: list[str]) -> cases.Wanted:
    where, parameters = lists.condition(s, NOUNS["case"], " ".join(words))
    return cases.Wanted(where, parameters, days, s.now, _zone(s))


# What is shown ------------------------------------------------------------------------------------


def show(s: Session, words: list[str], within: str = "") -> None:
    """The months that the words ask for, of the cases within a filter."""
    conn = s.conn
    days, words = read_days(s, words)
    days = cases.whole_months(days or zones.whole(_today(s), "day"))
    months = cases.months(days)
    title = f"{months[0]:%B} {months[0].year}" + (f" to {months[-1]:%B} {months[-1].year}" if months[1:] else "")
    found = cases.month(conn, _wanted(s, days, [within, *words]))._replace(title=title)
    if s.output == "table":
        _table(s, months, found)
    elif s.output == "html":
        from crmcli.render import month_page

        rows = list(found.rows)
        sys.stdout.writelines(month_page.page(months, _bars(rows), _legend(rows), found, _today(s), _look(s)))
    else:
        s.show(found)


def _table(s: Session, months: list[date], found: Result) -> None:
    """The months for a terminal, then whose letters are there, and the list."""
    from crmcli.render import month

    rows = list(found.rows)
    bars, limit = _bars(rows), lists.limit(s, Asked())
    for one in months:
        sys.stdout.writelines(month.text(one, bars, _today(s), _look(s), LANES if limit else None))
        sys.stdout.write("\n")
    if rows:
        sys.stdout.writelines(f"{line}\n" for line in _whose(rows, s.width))
        sys.stdout.write("\n")
    s.show(found._replace(title="", rows=rows[:limit], more=len(rows) - len(rows[:limit]), shown=cases.BELOW))


def _look(s: Session) -> Look:
    return Look(s.width, s.color, _zone(s), s.now)


def _legend(rows: list[Row]) -> list[tuple[str, str, int | None]]:
    """Letters, whom they stand for, and the number of their colour."""
    logins = sorted({row["user"] for row in rows if row["user"]})
    letters = cases.lettered(logins)
    nobody = [(cases.NOBODY, "nobody", None)] if any(row["user"] is None for row in rows) else []
    return [*((letters[login], login, number) for number, login in enumerate(logins)), *nobody]


def _whose(rows: list[Row], width: int) -> Iterator[str]:
    from crmcli.render.block import wrapped

    return wrapped("  ".join([*(f"{letter} {shown(name)}" for letter, name, _ in _legend(rows)), "! late"]), width)


def _bars(rows: list[Row]) -> list[Bar]:
    colors = {name: color for _, name, color in _legend(rows)}
    return [
        Bar(
            date.fromisoformat(row["from"]), date.fromisoformat(row["to"]), row["letter"], row["id"],
            ", ".join(text for text in (row["name"], row["partner"], row["state"]) if text),
            colors[row["user"]] if row["user"] else None, bool(row["late"]), row["state"] in ("done", "cancel"),
        )
        for row in rows
    ]  # fmt: skip


def agenda(s: Session, words: list[str]) -> None:
    """What is late, and what starts and is due, by time."""
    conn = s.conn
    days, words = read_days(s, words)
    ahead = Days(_today(s), _today(s) + timedelta(days=AGENDA_DAYS))
    found = cases.agenda(conn, _wanted(s, days or ahead, words), with_late=days is None)
    rows, limit = list(found.rows), lists.limit(s, Asked())
    s.show(found._replace(rows=rows[:limit], more=len(rows) - len(rows[:limit])))


# Export -------------------------------------------------------------------------------------------


def export(s: Session, words: list[str], only: str) -> None:
    """The cases of a filter as iCalendar, to a file or standard output."""
    if not words:
        raise Usage("into which file?", hint="crm calendar export cases.ics, or - for standard output")
    if only and only not in ics.PARTS:
        raise Usage(f"no part {only} of a calendar", hint=f"--only {' or '.join(ics.PARTS)}")
    path, *rest = words
    text = " ".join(rest)
    where, parameters = lists.condition(s, NOUNS["case"], text)
    wanted = ics.Wanted(where, parameters, (only,) if only else ics.PARTS, s.now, f"crm {text}".strip())
    content = ics.export(s.conn, wanted)
    if path == "-":
        s.write_bytes(content)
        return
    if not s.given.dry_run:
        _write(path, content)
    if s.given.verbose or s.given.dry_run or s.on_terminal:
        counts = (f"{content.count(start)} {part}" for start, part in zip(ics.STARTS, ics.PARTS, strict=True))
        s.say(f"{path}: {', '.join(counts)}{', not written' if s.given.dry_run else ''}")


def _write(path: str, content: bytes) -> None:
    """The file whole or as it was: it is written beside its place first."""
    beside = f"{path}.{os.getpid()}.part"
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError as error:
        if os.path.exists(beside):
            os.unlink(beside)
        raise CrmError(f"cannot write {path}: {error.strerror}") from error
