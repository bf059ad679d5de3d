"""crm export: rows of a noun in any format, or everything as one document."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from crmcli import case_list, db, history_list, record_list
from crmcli.cli import lists
from crmcli.cli.lists import Asked
from crmcli.cli.session import Session, session
from crmcli.errors import Usage
from crmcli.fields import NOUNS
from crmcli.model import Column, Result, Row
from crmcli.pages import Key, Page
from crmcli.transfer import load, vcards, whole

app = typer.Typer()

CARDS = {"partner": vcards.partners, "contact": vcards.contacts}
SAID = {"history": history_list.of_case, "log": history_list.log}
"""What a case has in json beside its fields, newest first."""


@app.command()
def export(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="case, partner, contact, amount … or all.")],
    words: Annotated[list[str] | None, typer.Argument(metavar="[FILTER]...", help="Which ones; see: crm help filter.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="In csv, leave cells that start like a formula as they are.")] = False,
) -> None:
    """Write all rows of a kind, archived ones too, with every field: -o csv, tsv, json, jsonl; contacts also -o vcf.

    In json a case comes with its history and log. All of it is one json document of everything that people keep, files
    and mails included; apart are the journal, firings of rules, keys and the outbox (crm backup keeps those too).

    crm export all > everything.json

    crm export contact partner.category:VIP -o vcf > vip.vcf

    Example: crm export partner customer:yes -o csv > customers.csv
    """
    s = session(ctx)
    if kind.lower() == "all":
        _all(s, words or [])
        return
    noun = load.kind(kind)
    where, parameters = lists.condition(s, NOUNS[noun], " ".join(words or []), Asked(everything=True))
    if s.settings["output"].value == "vcf":
        _cards(s, noun, where, parameters)
        return
    page = Page(where, parameters, (Key("t.id"),))
    found = _cases(s, page) if noun == "case" else record_list.result(s.conn, noun, page=page)
    s.show(found._replace(shown=(), mark="", columns=_plain(found.columns)), raw)


def _plain(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns without sums below them."""
    return tuple(column._replace(total=False) for column in columns)


def _cases(s: Session, page: Page) -> Result:
    found = case_list.result(s.conn, page=page, now=s.now)
    if s.output not in lists.JSON:
        return found

    def rows() -> Iterator[Row]:
        for row in found.rows:
            yield {**row, **{name: part(s.conn, row["id"]) for name, part in SAID.items()}}

    return found._replace(columns=(*found.columns, *(Column(name, "rows") for name in SAID)), rows=rows())


def _cards(s: Session, noun: str, where: str, parameters: Row) -> None:
    if noun not in CARDS:
        raise Usage(f"{NOUNS[noun].plural} make no vCards", hint=f"one of: {', '.join(CARDS)}")
    for card in CARDS[noun](s.conn, where, parameters):
        sys.stdout.write(card)


def _all(s: Session, words: list[str]) -> None:
    """Everything, as of one moment; pieces go out as they are made, so that memory does not grow with them."""
    if words:
        raise Usage("all is everything: it takes no filter", hint="crm export case FILTER")
    if s.settings["output"].value not in ("", "json"):
        raise Usage(f"there is no {s.settings['output'].value} of everything", hint="crm export all writes json")
    with db.reading(s.conn):
        for piece in whole.document(s.conn):
            sys.stdout.write(piece)
