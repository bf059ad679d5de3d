"""What the commands of cases share: how cases are named, and one way to do a thing to each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from crmcli import find, pages
from crmcli.cli import lists, nouns
from crmcli.cli.session import Session
from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.execute import execute
from crmcli.model import Command, Edit, Outcome

Cases: TypeAlias = Annotated[list[str], typer.Argument(metavar="CASE...", help="By id: 42, 45-50, - for standard input.")]
Found: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CASE]...", help="By id: 42, 45-50, - for standard input.", show_default=False),
]
Where: TypeAlias = Annotated[
    str, typer.Option(metavar="FILTER", help="All cases that it finds; asks first. See: crm help filter.", show_default=False)
]
Which: TypeAlias = Annotated[str, typer.Argument(metavar="CASE", help="By id: 42; also 45-50 or 42,45.")]
One: TypeAlias = Annotated[str, typer.Argument(metavar="CASE", help="By id.")]
Text: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="The words; - for standard input.", show_default=False)
]
Channel: TypeAlias = Annotated[str, typer.Option(metavar="CHANNEL", help="How it was said.", show_default=False)]
Mood: TypeAlias = Annotated[str, typer.Option(metavar="MOOD", help="The partner's state of mind.", show_default=False)]

Make: TypeAlias = Callable[[Tx, int], tuple[Command, ...]]


def each(s: Session, words: list[str], make: Make) -> None:
    """Do the commands that make gives for each of the cases that words name, all in one step, and tell what was done."""
    every(s, nouns.chosen(s, "case", words), make)


def every(s: Session, ids: list[int], make: Make) -> None:
    """The same for cases by their ids."""

    def act(tx: Tx, case_id: int) -> None:
        tell(s, execute(tx, *make(tx, case_id)))

    s.each(ids, act)


def chosen(s: Session, verb: str, which: list[str] | None, where: str, asked: lists.Asked = lists.Asked()) -> list[int]:
    """The cases that are named, or that a filter finds once it is agreed that all of them are meant."""
    if where and which:
        raise Usage("cases are named by id or found by --where, not both", hint='--where "id:42,45..50 +late"')
    if not where:
        return named(s, which)
    page = lists.page(s, lists.CASES, [where], asked)
    sql, parameters = pages.statement(s.conn, lists.CASES.noun, page._replace(limit=None))
    ids = sorted(row[0] for row in s.conn.execute(sql, parameters))
    if ids:
        s.confirm(f"{verb} {len(ids)} {'case' if len(ids) == 1 else 'cases'}?")
    else:
        s.say("no case is meant by this filter")
    return ids


def named(s: Session, which: list[str] | None) -> list[int]:
    """The cases that are named; Usage where none is."""
    if not which:
        raise Usage("which cases?", hint="name them by id, or with --where FILTER")
    return nouns.chosen(s, "case", which)


def with_words(s: Session, channel: str, mood: str) -> Callable[[int], tuple[Command, ...]]:
    """The commands that let the next words of a case go with this channel and mood, where they are named."""
    given = {"channel_id": ("channel", channel), "mood_id": ("mood", mood)}
    values = {name: find.one(s.conn, noun, word) for name, (noun, word) in given.items() if word}
    return lambda case_id: (Edit(case_id, values),) if values else ()


def tell(s: Session, outcome: Outcome) -> None:
    """Tell what an action came to; with -v also what its rules left out, and why."""
    s.done("case", [outcome.case_id])
    if s.given.verbose:
        for note in outcome.notes:
            s.say(note)
