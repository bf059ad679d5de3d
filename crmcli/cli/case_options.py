"""What the commands of cases share: how cases are named, and one way to do a thing to each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from crmcli.cli import nouns
from crmcli.cli.session import Session
from crmcli.db import Tx
from crmcli.execute import execute
from crmcli.model import Command, Outcome

Cases: TypeAlias = Annotated[list[str], typer.Argument(metavar="CASE...", help="By id: 42, 45-50, - for standard input.")]
Which: TypeAlias = Annotated[str, typer.Argument(metavar="CASE", help="By id: 42; also 45-50 or 42,45.")]
One: TypeAlias = Annotated[str, typer.Argument(metavar="CASE", help="By id.")]
Text: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="The words; - for standard input.", show_default=False)
]

Make: TypeAlias = Callable[[Tx, int], tuple[Command, ...]]


def each(s: Session, words: list[str], make: Make) -> None:
    """Do the commands that make gives for each of the cases, all in one step, and tell what was done."""

    def act(tx: Tx, case_id: int) -> None:
        tell(s, execute(tx, *make(tx, case_id)))

    s.each(nouns.chosen(s, "case", words), act)


def tell(s: Session, outcome: Outcome) -> None:
    """Tell what an action came to; with -v also what its rules left out, and why."""
    s.done("case", [outcome.case_id])
    if s.given.verbose:
        for note in outcome.notes:
            s.say(note)
