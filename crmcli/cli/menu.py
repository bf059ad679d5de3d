"""crm menu: the menus of the OpenERP module, and where their work is done here."""

from __future__ import annotations

import typer

from crmcli.cli.session import session
from crmcli.menu import MENUS
from crmcli.model import Column, Result

app = typer.Typer()


@app.command()
def menu(ctx: typer.Context) -> None:
    """List the menus of the OpenERP 5.0 module, each with its command.

    Example: crm menu
    """
    rows = [{"menu": path, "command": command} for path, command in MENUS]
    session(ctx).show(Result((Column("menu"), Column("command")), rows))
