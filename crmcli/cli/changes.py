"""crm changes: what was changed, by whom, when and why (cli.md §4)."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import changes as journal
from crmcli.cli import lists, nouns
from crmcli.cli.list_options import Limit
from crmcli.cli.session import session
from crmcli.fields import Field
from crmcli.values import parse

app = typer.Typer()


@app.command()
def changes(
    ctx: typer.Context,
    case: Annotated[
        int | None, typer.Option(metavar="CASE", help="Of a case and all that hangs on it.", show_default=False)
    ] = None,
    step: Annotated[int | None, typer.Option(metavar="N", help="Of one step.", show_default=False)] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="From then on.", show_default=False)] = "",
    limit: Limit = None,
) -> None:
    """Show what was changed, newest first: in words, in tsv a line for each column, in JSON an object.

    Example: crm changes --case 1
    """
    s = session(ctx)
    start = parse(Field("since", "time"), since, nouns.moment(s))
    wanted = journal.Wanted(case, step, start, limit=lists.limit(s, lists.Asked(limit=limit)))
    if s.output in lists.JSON:
        s.show(journal.result(s.conn, wanted))
    else:
        s.show((journal.lines if s.output == "table" else journal.cells)(s.conn, wanted))
