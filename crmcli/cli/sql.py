"""crm sql: one query, in every format (cli.md §5)."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import readonly
from crmcli import sql as queries
from crmcli.cli.session import session
from crmcli.errors import Usage

app = typer.Typer()


@app.command()
def sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="A SELECT; - reads it from standard input.")],
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="The value of :name in the query.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long it may take.")] = 10,
    raw: Annotated[bool, typer.Option("--raw", help="In csv leave cells that look like formulas as they are.")] = False,
) -> None:
    """Ask the database in SQL, reading only; its tables and views are told by: crm help sql.

    Example: crm sql 'SELECT section, count(*) AS cases FROM v_cases GROUP BY section'
    """
    s = session(ctx)
    text = s.read().decode("utf-8", "replace") if query == "-" else query
    conn = s.conn if s.given.as_of else readonly.connect(s.path)
    s.show(queries.run(conn, text, dict(map(_pair, param or [])), timeout), raw)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise Usage(f"{text} gives no value", hint="-p NAME=VALUE, for :NAME in the query")
    return name, value
