"""crm history: the communications of all cases (domain.md §1)."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import history_list
from crmcli.cli import lists
from crmcli.cli.list_options import After, Columns, Filter, Limit, Sort
from crmcli.cli.session import session
from crmcli.filters.fields import HISTORY
from crmcli.pages import Key

app = typer.Typer(help="Communications of all cases: what was said, heard and noted.")

NEWEST_FIRST = (Key("t.id", down=True),)
COMMUNICATIONS = lists.Listing(
    HISTORY, history_list.COLUMNS, [column.name for column in history_list.COLUMNS], HISTORY.table, NEWEST_FIRST
)


@app.command("list")
def list_(
    ctx: typer.Context,
    words: Filter = None,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
) -> None:
    """List the communications that a filter finds, newest first.

    Example: crm history list +mine direction:in
    """
    s = session(ctx)
    page = lists.page(s, COMMUNICATIONS, words or (), lists.Asked(columns, sort, limit, after))
    result = history_list.communications(s.conn, page, lists.names(s, COMMUNICATIONS, columns))
    s.show(lists.counted(s, result, COMMUNICATIONS, page))


@app.command()
def show(ctx: typer.Context, which: Annotated[int, typer.Argument(metavar="ID", help="Of a communication.")]) -> None:
    """Show one communication whole.

    Example: crm history show 1
    """
    s = session(ctx)
    s.show(history_list.one(s.conn, which))
