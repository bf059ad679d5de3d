"""crm event: what happened with partners, and which changes of cases count as events."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import records
from crmcli.cli import nouns
from crmcli.cli.session import session
from crmcli.db import Tx

app = nouns.app(
    "event",
    {
        "add": 'crm event add "Visit" --partner Acme --mood Happy --at 2026-03-01',
        "list": "crm event list --partner Acme",
        "show": "crm event show 1",
        "edit": 'crm event edit 1 --mood "Very Happy" --description "shown the new pump"',
        "delete": "crm event delete 1",
    },
)

types = nouns.app(
    "event_type",
    {
        "list": "crm event type list",
        "show": "crm event type show case_open",
        "edit": 'crm event type edit case_open --name "Work begun"',
    },
)
app.add_typer(types, name="type", help="Which changes of cases become events of their partner.")

Which = Annotated[list[str], typer.Argument(metavar="TYPE...", help="By key, name or id.", show_default=False)]


@types.command()
def enable(ctx: typer.Context, which: Which) -> None:
    """Let these changes of cases become events of their partner.

    Example: crm event type enable case_pending
    """
    _switch(ctx, which, on=True)


@types.command()
def disable(ctx: typer.Context, which: Which) -> None:
    """Let these changes of cases pass without an event.

    Example: crm event type disable case_open case_done
    """
    _switch(ctx, which, on=False)


def _switch(ctx: typer.Context, which: list[str], on: bool) -> None:
    s = session(ctx)

    def act(tx: Tx, number: int) -> None:
        records.set_active(tx, "event_type", number, on)
        s.done("event_type", [number])

    s.each(nouns.chosen(s, "event_type", which), act)
