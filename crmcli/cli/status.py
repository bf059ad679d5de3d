"""Bare crm: the numbers of today."""

from __future__ import annotations

import typer

from crmcli import settings
from crmcli import status as numbers
from crmcli.cli.session import Session, session

app = typer.Typer()


@app.command()
def status(ctx: typer.Context) -> None:
    """Show the numbers of today: what is late, unassigned, waiting, and when the rules last ran.

    Example: crm status
    """
    show(session(ctx))


def show(s: Session) -> None:
    """The status on standard output, its notes on standard error."""
    from crmcli import dates

    today = dates.days("today", s.now, settings.get(s.conn, "zone"))[0]
    result = numbers.status(s.conn, s.now, today, s.user_id, settings.get(s.conn, "transport"))
    s.show(result._replace(footer=()))
    for note in result.footer:
        s.say(note)
