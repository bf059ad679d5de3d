"""crm case duplicate, merge, link, split, log: cases and each other."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import case_log, find, history_list
from crmcli.cli import case_options, lists, nouns
from crmcli.cli.case_options import Cases, One
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.session import session
from crmcli.errors import Usage
from crmcli.fields import Field
from crmcli.model import LINK_KINDS, Duplicate, Link, Merge, Split
from crmcli.values import parse

app = typer.Typer()

KINDS = tuple(kind for kind in LINK_KINDS if kind != "merged")


@app.command()
def duplicate(ctx: typer.Context, which: Cases) -> None:
    """Make a draft with the same fields, without history, log and dates of action.

    Example: crm case duplicate 1
    """
    case_options.each(session(ctx), which, lambda tx, case_id: (Duplicate(case_id),))


@app.command()
def merge(
    ctx: typer.Context,
    which: Cases,
    into: Annotated[str, typer.Option(metavar="CASE", help="Where they go; else the last one named.", show_default=False)] = "",
) -> None:
    """Move all that was said and filed in cases into another; later mail follows.

    Example: crm case merge 2 --into 1
    """
    s = session(ctx)
    *rest, last = which
    words, target = (which, into) if into else (rest, last)
    if not words:
        raise Usage(f"into which case is {last} to be merged?", hint=f"crm case merge {last} --into CASE")
    into_id = find.one(s.conn, "case", target)
    case_options.each(s, words, lambda tx, case_id: (Merge(case_id, into_id),))


@app.command()
def link(
    ctx: typer.Context,
    which: One,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The other case.")],
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"One of: {', '.join(KINDS)}.")] = "relates",
    remove: Annotated[bool, typer.Option("--remove", help="Take the link away.")] = False,
) -> None:
    """Link a case to another one.

    Example: crm case link 2 1 --kind blocks
    """
    s = session(ctx)
    chosen = parse(Field("kind", "choice", choices=KINDS), kind, nouns.moment(s))
    other_id = find.one(s.conn, "case", other)
    case_options.each(s, [which], lambda tx, case_id: (Link(case_id, other_id, chosen, remove),))


@app.command()
def split(
    ctx: typer.Context,
    which: One,
    messages: Annotated[str, typer.Option(metavar="IDS", help="Communications to take out: 3,4-6.")],
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The subject of the new case.", show_default=False)] = None,
) -> None:
    """Take communications out of a case into a new one; it is linked, and its id printed.

    Example: crm case split 12 --messages 9 --name "Second leak"
    """
    s = session(ctx)
    case_id = find.one(s.conn, "case", which)
    history_ids = tuple(case_log.chosen(s.conn, case_id, messages))
    title = parse(Field("name"), name or "", nouns.moment(s))
    case_options.each(s, [str(case_id)], lambda tx, number: (Split(number, history_ids, title),))


@app.command()
def log(ctx: typer.Context, which: One, columns: Columns = "", sort: Sort = "", limit: Limit = None, after: After = None) -> None:
    """Show all that was done on a case, newest first.

    Example: crm case log 1
    """
    s = session(ctx)
    found = history_list.log(s.conn, find.one(s.conn, "case", which))
    s.show(lists.shaped(s, found, lists.Asked(columns, sort, limit, after)))
