"""crm run-rules: the command that cron calls."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli.cli import cron
from crmcli.cli.session import session
from crmcli.rules.run import Limits

app = typer.Typer()


@app.command()
def run_rules(
    ctx: typer.Context,
    max_cases: Annotated[int | None, typer.Option("--max-cases", min=0, help="Stop after so many cases.")] = None,
    max_mails: Annotated[int | None, typer.Option("--max-mails", min=0, help="Stop before more than so many mails.")] = None,
    segments: Annotated[bool, typer.Option("--segments/--no-segments", help="Then run the segments that are due.")] = True,
) -> None:
    """Do what is due by the rules, and wake up the cases that wait for a time; from cron it is silent.

    Example: crm run-rules -v
    """
    cron.run(session(ctx), Limits(max_cases, max_mails), segments)
