"""crm section: where cases belong, as a tree."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import find, record_list, views
from crmcli.cli import nouns
from crmcli.cli.session import session

app = nouns.app(
    "section",
    {
        "add": 'crm section add "Field Service" --parent support --user ann --reply-to field@us.example',
        "list": "crm section list --counts",
        "show": 'crm section show "Field Service"',
        "edit": 'crm section edit "Field Service" --code field --no-thanks',
        "archive": "crm section archive field",
        "unarchive": "crm section unarchive field",
        "delete": "crm section delete field",
    },
)


@app.command("views")
def make_views(
    ctx: typer.Context,
    section: Annotated[str, typer.Argument(help="By id, name, code or path.")],
    only: Annotated[list[str] | None, typer.Option(help="Only these: 'My Late'; repeat or take commas.")] = None,
    layout: Annotated[list[str] | None, typer.Option(help="'All Late=list': list, calendar, new or none.")] = None,
    prefix: Annotated[str, typer.Option(help="What their names begin with.")] = "",
) -> None:
    """Make the saved views of a section, as the OpenERP wizard did: My Late Support and the like.

    Example: crm section views support --only 'My Late,All Unassigned'
    """
    s = session(ctx)
    section_id = find.one(s.conn, "section", section)
    kinds = [part.strip() for word in only or [] for part in word.split(",") if part.strip()]
    pairs = [part.partition("=") for word in layout or [] for part in word.split(",")]
    layouts = {kind: chosen or "list" for kind, _, chosen in pairs}
    with s.write() as tx:
        ids = views.make_for_section(tx, section_id, kinds, layouts, prefix)
        s.show(record_list.result(s.conn, "view", ids))
