"""crm view: run a saved view by its name, and keep them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from crmcli import case_list, filters, find, record_list, records, views
from crmcli.cli import lists, nouns
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.session import session
from crmcli.db import Tx
from crmcli.model import Row


class ByName(TyperGroup):
    """A group whose first word, where it is no verb, is the name of a view to run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = not args or args[0].startswith("-") or args[0] in self.commands
        return super().resolve_command(ctx, args if known else ["run", *args])


def _add(tx: Tx, values: Row) -> int:
    _check(tx, values)
    return records.add(tx, "view", values)


def _edit(tx: Tx, view_id: int, values: Row) -> None:
    _check(tx, values)
    records.edit(tx, "view", view_id, values)


def _check(tx: Tx, values: Row) -> None:
    """Refuse a filter, columns and an order that could not be shown."""
    lists.chosen(case_list.columns(), values.get("columns") or "", ())
    for word in (values.get("sort") or "").split(","):
        if word.strip():
            lists.resolved(case_list.columns(), word.strip().removeprefix("-"))
    filters.compile(tx.conn, values.get("filter") or "", "case", filters.context(tx.conn, tx.now, tx.user_id))


app = nouns.app(
    "view",
    {
        "add": "crm view add Hot --filter '+unclosed priority<=2' --sort -deadline",
        "list": "crm view list",
        "show": "crm view show Hot",
        "edit": "crm view edit Hot --filter '+unclosed priority:highest'",
        "delete": "crm view delete Hot",
    },
    keep=nouns.Keep(_add, _edit, lambda tx, view_id: records.delete(tx, "view", view_id)),
)
app.info.cls = ByName
app.info.help = "Saved views: crm view NAME runs one."


@app.command("run")
def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A saved view.")],
    narrower: Annotated[list[str] | None, typer.Argument(metavar="[FILTER]...", help="Only those of them.")] = None,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
) -> None:
    """Run a saved view; crm view NAME does the same. A calendar takes a month before the filter.

    Example: crm view run Hot section:support
    """
    s = session(ctx)
    [view] = record_list.result(s.conn, "view", [find.one(s.conn, "view", name)]).rows
    if view["layout"] == "new":
        section = f" --section {view['section_id']}" if view["section_id"] else ""
        s.say(f"this view makes a case: crm case add NAME{section}")
        return
    if view["layout"] == "calendar":
        from crmcli.cli import calendar

        calendar.show(s, narrower or [], views.expression(view))
        return
    asked = lists.Asked(columns or view["columns"] or "", sort or view["sort"] or "", limit, after)
    lists.cases(s, [views.expression(view), *(narrower or [])], asked)
