"""crm case: leads, opportunities, tasks, requests, bugs, claims (domain.md §1, §2)."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from crmcli import case_list, find, records
from crmcli.cli import case_files, case_options, case_ties, case_verbs, fields, form, lists, nouns
from crmcli.cli.case_options import Found, One, Where
from crmcli.cli.list_options import After, Archived, Columns, Everything, Filter, Limit, Sort
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.execute import execute
from crmcli.fields import NOUNS
from crmcli.model import Add, Delete, Edit, Row, SetActive

app = typer.Typer(help="Cases: leads, opportunities, tasks, requests, bugs, claims.")
CASE = NOUNS["case"]

ADD = """Add a case.

Example: crm case add "Pump broken" --section support --priority high --deadline +2d
"""
EDIT = """Change fields of cases; an empty value clears. States are changed by the verbs.

Example: crm case edit --where "section:support +late" --priority high -y
"""


def _add(ctx: typer.Context, **given: Any) -> None:
    s = session(ctx)
    values = _values(s, given)
    if not values.get("name"):
        raise Usage("a case needs a subject", hint='crm case add "Pump broken"')
    with s.write() as tx:
        case_options.tell(s, execute(tx, Add(values)))


def _edit(
    ctx: typer.Context,
    *,
    which: list[str] | None,
    where: str,
    archived: bool,
    everything: bool,
    in_editor: bool,
    as_form: bool,
    **given: Any,
) -> None:
    s = session(ctx)
    values = _values(s, given)
    if form.meant(s, bool(values or where), in_editor, as_form):
        form.fill(s, "case", case_options.named(s, which), as_form, lambda tx, case_id, wanted: _change(s, tx, case_id, wanted))
        return
    if not values:
        raise Usage("nothing to change", hint="name a field: crm case edit -h")
    ids = case_options.chosen(s, "change", which, where, lists.Asked(archived=archived, everything=everything))
    s.each(ids, lambda tx, case_id: _change(s, tx, case_id, values))


def _values(s: Session, given: dict[str, Any]) -> Row:
    return records.parsed(s.conn, "case", fields.texts(s, CASE, given), nouns.moment(s))


def _change(s: Session, tx: Tx, case_id: int, values: Row) -> None:
    case_options.tell(s, execute(tx, Edit(case_id, values)))


KEYWORD = inspect.Parameter.KEYWORD_ONLY
NAME = fields.parameter("name", str, inspect.Parameter.empty, typer.Argument(metavar="NAME", help="The subject."))
FOUND = [
    inspect.Parameter("which", KEYWORD, default=None, annotation=case_options.Found),
    inspect.Parameter("where", KEYWORD, default="", annotation=case_options.Where),
    inspect.Parameter("archived", KEYWORD, default=False, annotation=Archived),
    inspect.Parameter("everything", KEYWORD, default=False, annotation=Everything),
]

app.command("add")(fields.command(_add, [NAME, *fields.options(CASE, without=("name",))], ADD))


@app.command("list")
def list_(
    ctx: typer.Context,
    words: Filter = None,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
    archived: Archived = False,
    everything: Everything = False,
) -> None:
    """List the cases that a filter finds, by priority and deadline.

    Example: crm case list +late section:support --columns +section
    """
    lists.cases(session(ctx), words or (), lists.Asked(columns, sort, limit, after, archived, everything))


@app.command()
def show(ctx: typer.Context, which: One) -> None:
    """Show a case whole: fields, history, log, links, files and mails.

    Example: crm case show 1
    """
    s = session(ctx)
    found = case_list.one(s.conn, find.one(s.conn, "case", which), s.now)
    if s.output == "table":  # the history below says it
        found = found._replace(columns=tuple(column for column in found.columns if column.name != "email_last"))
    s.show(found)


app.command("edit")(fields.command(_edit, [*FOUND, *fields.options(CASE), *form.OPTIONS], EDIT))


@app.command()
def archive(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Archive cases: kept, but out of the lists.

    Example: crm case archive 1
    """
    s = session(ctx)
    ids = case_options.chosen(s, "archive", which, where)
    case_options.every(s, ids, lambda tx, case_id: (SetActive(case_id, active=False),))


@app.command()
def unarchive(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Bring cases back from the archive.

    Example: crm case unarchive 1
    """
    s = session(ctx)
    ids = case_options.chosen(s, "unarchive", which, where)
    case_options.every(s, ids, lambda tx, case_id: (SetActive(case_id, active=True),))


@app.command()
def delete(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Delete cases, several ask first; their mails are kept.

    Example: crm case delete 1
    """
    s = session(ctx)
    ids = case_options.chosen(s, "delete", which, where)
    if len(ids) > 1 and not where:
        s.confirm(f"delete {len(ids)} cases?")

    def act(tx: Tx, case_id: int) -> None:
        s.done("case", [case_id])
        execute(tx, Delete(case_id))

    s.each(ids, act)


for verbs in (case_verbs, case_ties, case_files):
    app.registered_commands += verbs.app.registered_commands
