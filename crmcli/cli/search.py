"""crm search: full text over cases, what was said in them and the names of their files."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import filters
from crmcli import search as texts
from crmcli.cli import lists
from crmcli.cli.list_options import Archived, Columns, Everything, Limit
from crmcli.cli.session import Session, session
from crmcli.errors import Usage
from crmcli.fields import NOUNS
from crmcli.filters import excerpt, words
from crmcli.filters.tree import And, Text, joined
from crmcli.model import Result

app = typer.Typer()

Filter = Annotated[
    list[str] | None, typer.Argument(metavar="[FILTER]...", help="More words, and which cases; see: crm help filter.")
]


@app.command()
def search(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help='Words that stand in one text; "in quotes" side by side.', show_default=False)],
    narrower: Filter = None,
    rank: Annotated[bool, typer.Option("--rank", help="The best finds first, not the newest.")] = False,
    columns: Columns = "",
    limit: Limit = None,
    archived: Archived = False,
    everything: Everything = False,
) -> None:
    """Search names, descriptions, communications and names of files; show each line that has the words, newest first.

    Example: crm search "pump leak" +unclosed section:support
    """
    s = session(ctx)
    asked = lists.Asked(limit=limit, archived=archived, everything=everything)
    wanted = _wanted(s, text, narrower or [], asked)._replace(ranked=rank)
    found = _counted(s, texts.find(s.conn, wanted), wanted)
    if columns:
        by_name = {column.name: column for column in found.columns}
        names = lists.chosen(found.columns, columns, found.shown)
        found = found._replace(columns=tuple(by_name[name] for name in names), shown=())
    s.show(found)


def _wanted(s: Session, text: str, narrower: list[str], asked: lists.Asked) -> texts.Wanted:
    """The words of the text and the bare ones of the filter, and the rest of the filter as a condition on the case."""
    tree = filters.parse(" ".join(narrower))
    terms = list(tree.parts) if isinstance(tree, And) else [tree]
    looked = [
        part for part in [*excerpt.parts(text), *(term.text for term in terms if isinstance(term, Text))] if words.phrase(part)
    ]
    if not looked:
        raise Usage(f"there is no letter or digit to look for in {text or 'an empty text'}", hint='crm search "broken pump"')
    rest = filters.write(joined(And, [term for term in terms if not isinstance(term, Text)]))
    where, parameters = lists.condition(s, NOUNS["case"], rest, asked)
    return texts.Wanted(looked, where, parameters, lists.limit(s, asked))


def _counted(s: Session, result: Result, wanted: texts.Wanted) -> Result:
    """The result with the number of finds that the limit leaves out, for a table."""
    if wanted.limit is None or s.output != "table":
        return result
    more = texts.count(s.conn, wanted._replace(limit=wanted.limit + lists.COUNTED + 1)) - wanted.limit
    if more > lists.COUNTED:
        return result._replace(footer=(f"and more than {lists.COUNTED} more",))
    return result._replace(more=max(more, 0))
