"""crm rule: what happens by itself, and when."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from crmcli import find, records
from crmcli.cli import fields, form, list_options, lists, nouns
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.model import Row
from crmcli.pages import Key
from crmcli.rules import listing, save

RULE = listing.RULE
ORDER = (Key("(t.sequence IS NULL)"), Key("t.sequence", empty=True), Key("t.id"))
RULES = lists.Listing(RULE, listing.columns(), {"id", *(field.name for field in RULE.fields)}, "rules", ORDER)

NAME = fields.parameter(
    "name", str, inspect.Parameter.empty, typer.Argument(metavar="NAME", help="Its name.", show_default=False)
)
ADD = """Add a rule.

Example: crm rule add "Late" --date-type deadline --delay -2d --state-from open --mail-user --mail-body 'Case %(case_id)s is due'
"""
EDIT = """Change a rule; an empty value clears.

Example: crm rule edit "Late" --delay -3d
"""

app = typer.Typer(help="Rules: what happens by itself, and when.")


def _add(ctx: typer.Context, **given: Any) -> None:
    s = session(ctx)
    values = records.parsed(s.conn, "rule", fields.texts(s, RULE, given), nouns.moment(s))
    with s.write() as tx:
        s.done("rule", [save.add(tx, values)])


app.command("add")(fields.command(_add, [NAME, *fields.options(RULE, without=("name",))], ADD))


@app.command("list")
def list_(
    ctx: typer.Context,
    words: list_options.Filter = None,
    columns: list_options.Columns = "",
    sort: list_options.Sort = "",
    limit: list_options.Limit = None,
    after: list_options.After = None,
    archived: list_options.Archived = False,
    everything: list_options.Everything = False,
) -> None:
    """List the rules in the order in which they take their turn, each in words.

    Example: crm rule list
    """
    s = session(ctx)
    asked = lists.Asked(columns, sort, limit, after, archived, everything)
    page = lists.page(s, RULES, words or [], asked)
    names = lists.names(s, RULES, columns) if columns else ()
    s.show(lists.counted(s, listing.result(s.conn, page=page, names=names), RULES, page))


@app.command()
def show(ctx: typer.Context, rule: Annotated[str, typer.Argument(help="By id or name.", show_default=False)]) -> None:
    """Show a rule: what it does in a sentence, its fields, and how often it has fired.

    Example: crm rule show "Late"
    """
    s = session(ctx)
    found = listing.result(s.conn, [find.one(s.conn, "rule", rule)])
    s.show(found._replace(one=True, shown=()))


def _edit(ctx: typer.Context, *, which: list[str], in_editor: bool, as_form: bool, **given: Any) -> None:
    s = session(ctx)
    values = records.parsed(s.conn, "rule", fields.texts(s, RULE, given), nouns.moment(s))
    if form.meant(s, bool(values), in_editor, as_form):
        form.fill(s, "rule", nouns.chosen(s, "rule", which), as_form, lambda *change: _saved(s, *change))
        return
    if not values:
        raise Usage("nothing to change", hint="name a field: crm rule edit -h")
    _save(ctx, which, values)


WHICH = Annotated[list[str], typer.Argument(metavar="RULE...", help="By id or name: 3, 5-7.", show_default=False)]
EDITED = inspect.Parameter("which", inspect.Parameter.KEYWORD_ONLY, annotation=WHICH)
app.command("edit")(fields.command(_edit, [EDITED, *fields.options(RULE), *form.OPTIONS], EDIT))


def _save(ctx: typer.Context, which: list[str], values: Row) -> None:
    """New values for several rules."""
    s = session(ctx)
    s.each(nouns.chosen(s, "rule", which), lambda tx, rule_id: _saved(s, tx, rule_id, values))


def _saved(s: Session, tx: Tx, rule_id: int, values: Row) -> None:
    save.edit(tx, rule_id, values)
    s.done("rule", [rule_id])


@app.command()
def archive(ctx: typer.Context, which: WHICH) -> None:
    """Archive a rule: it fires no more, and is out of the lists.

    Example: crm rule archive "Late"
    """
    _save(ctx, which, {"active": 0})


@app.command()
def unarchive(ctx: typer.Context, which: WHICH) -> None:
    """Bring a rule back from the archive; it sees what falls due from now on.

    Example: crm rule unarchive "Late"
    """
    _save(ctx, which, {"active": 1})


@app.command()
def delete(ctx: typer.Context, which: WHICH) -> None:
    """Delete a rule with the record of its firings; several ask first.

    Example: crm rule delete "Late"
    """
    s = session(ctx)
    ids = nouns.chosen(s, "rule", which)
    if len(ids) > 1:
        s.confirm(f"delete {len(ids)} rules?")

    def act(tx: Tx, rule_id: int) -> None:
        s.done("rule", [rule_id])
        records.delete(tx, "rule", rule_id)

    s.each(ids, act)
