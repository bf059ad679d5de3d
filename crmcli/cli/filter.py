"""crm filter: what a filter means, and what can be filtered by."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import filters
from crmcli.cli.session import session
from crmcli.filters import fields
from crmcli.model import Column, Result

app = typer.Typer()

PARAMETERS = (Column("name"), Column("value"))
EXPLAINED = (
    Column("filter"),
    Column("tree", "lines"),
    Column("count", "int"),
    Column("sql", "lines"),
    Column("parameters", "rows"),
)
LISTED = (Column("field"), Column("kind"), Column("values"), Column("example"), Column("help"))

Noun = Annotated[str, typer.Argument(help="case, partner, user, history …")]


@app.command()
def explain(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="FILTER...", help="The filter, quoted for the shell.")],
    noun: Annotated[str, typer.Option(metavar="NOUN", help="What is filtered.")] = "case",
) -> None:
    """Show how a filter is read, the SQL and values it becomes, and how many a list with it has.

    Example: crm filter explain 'section:support +unclosed (priority<=2 or +late) "broken pump"'
    """
    s = session(ctx)
    tree = filters.parse(" ".join(words))
    condition = filters.of_tree(s.conn, tree, noun, filters.context(s.conn, s.now, s.user_id, s.zone))
    row = {
        "filter": filters.write(tree),
        "tree": filters.outline(tree),
        "sql": condition.sql,
        "parameters": Result(PARAMETERS, [{"name": name, "value": value} for name, value in condition.parameters.items()]),
        "count": filters.count(s.conn, noun, condition),
    }
    s.show(Result(EXPLAINED, [row], one=True))


@app.command("fields")
def list_fields(ctx: typer.Context, noun: Noun = "case") -> None:
    """List the fields and flags that a noun can be filtered by, with examples.

    Example: crm filter fields partner
    """
    session(ctx).show(Result(LISTED, fields.described(noun)))
