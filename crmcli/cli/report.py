"""crm report: numbers over cases, in every format."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import find, settings
from crmcli.cli import lists
from crmcli.cli.list_options import Filter
from crmcli.cli.session import Session, session
from crmcli.fields import NOUNS
from crmcli.model import Result
from crmcli.reports.vocabulary import Scope

app = typer.Typer()

Ids = Annotated[list[str] | None, typer.Option(metavar="IDS", help="Only these cases: 42,45-50; - for standard input.")]


@app.callback()
def report() -> None:
    """Reports: numbers over cases. Each takes a filter; see: crm help filter."""


@app.command()
def opportunities(
    ctx: typer.Context,
    words: Filter = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="WHAT", help="Group by user (usual), section, category, month, state or probability; one or two."),
    ] = None,
    ids: Ids = None,
) -> None:
    """Business Opportunities: what the unclosed cases may bring, planned and expected.

    Example: crm report opportunities section:sale/ --by user --by month
    """
    from crmcli.reports.opportunities import opportunities

    s = session(ctx)
    keys = [word.strip() for given in by or ["user"] for word in given.split(",")]
    tell(s, opportunities(s.conn, scope(s, words or [], ids), keys))


def scope(s: Session, words: list[str], ids: list[str] | None) -> Scope:
    """What a report looks at, from its filter and its ids; months follow the site's zone, or --tz."""
    parts = [f"({text})"] if (text := " ".join(words)) and ids is not None else [text]
    if ids is not None:
        spread = [part for given in ids for part in (s.read().decode("utf-8", "replace").split() if given == "-" else [given])]
        parts.insert(0, f"id:{','.join(map(str, find.many(s.conn, 'case', spread)))}")
    text = " ".join(part for part in parts if part)
    where, parameters = lists.condition(s, NOUNS["case"], text)
    return Scope(where, parameters, text, s.now, s.given.tz or settings.get(s.conn, "zone"))


def tell(s: Session, result: Result) -> None:
    """Show a report; where its format has no place for the footer, that goes to standard error."""
    s.show(result)
    if s.output not in ("table", "md", "html"):
        for line in result.footer:
            s.say(line)
