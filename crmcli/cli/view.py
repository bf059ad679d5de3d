"""crm view: run a saved view, and keep them."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import find, views
from crmcli.cli import lists
from crmcli.cli.session import session
from crmcli.model import Column, Result

app = typer.Typer(help="Saved views: crm view NAME runs one.")

COLUMNS = tuple(Column(name) for name in ("name", "section", "filter", "layout", "columns", "sort"))


@app.command("run")
def run(ctx: typer.Context, name: Annotated[str, typer.Argument(help="A saved view.")]) -> None:
    """Run a saved view; crm view NAME does the same.

    Example: crm view run "My Late Support"
    """
    s = session(ctx)
    view = views.get(s.conn, name)
    if view["layout"] == "new":
        section = f" --section {view['section_id']}" if view["section_id"] else ""
        s.say(f"a new case here: crm case add NAME{section}")
        return
    asked = lists.Asked(columns=view["columns"] or "", sort=view["sort"] or "")
    lists.cases(s, [views.expression(view)], asked)


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the saved views.

    Example: crm view list
    """
    s = session(ctx)
    s.show(Result((Column("id", "int"), *COLUMNS), views.rows(s.conn)))


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    filter: Annotated[str, typer.Argument(help="What it lists, such as '+mine +late'.")] = "",  # noqa: A002
    columns: Annotated[str, typer.Option(help="Columns, comma separated.")] = "",
    sort: Annotated[str, typer.Option(help="Sort keys, comma separated, - for downwards.")] = "",
    section: Annotated[str, typer.Option(help="Only cases of this section.")] = "",
) -> None:
    """Save a view, or change the one with this name.

    Example: crm view add "Hot" "+open priority<=2" --sort -deadline_at
    """
    s = session(ctx)
    values = {"filter": filter, "columns": columns or None, "sort": sort or None}
    section_id = find.one(s.conn, "section", section) if section else None
    _check(s, filter)
    with s.write() as tx:
        s.done_row(_row(views.save(tx, name, {**values, "section_id": section_id})))


@app.command()
def delete(ctx: typer.Context, name: Annotated[str, typer.Argument(help="A saved view.")]) -> None:
    """Delete a saved view.

    Example: crm view delete Hot
    """
    s = session(ctx)
    view = views.get(s.conn, name)
    with s.write() as tx:
        tx.run("DELETE FROM views WHERE id = ?", (view["id"],))
