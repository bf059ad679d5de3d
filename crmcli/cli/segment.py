"""crm segment: partners put in a category by criteria, their lines, pins and members."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from crmcli import find, record_list
from crmcli.cli import list_options, lists, nouns, segment_line
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import CrmError, Partly, Refused, Usage
from crmcli.model import Column, Result
from crmcli.segments import save, segment
from crmcli.segments.run import Report, run_each

ACTIVE = "SELECT id FROM segments WHERE active = 1 ORDER BY id"
COUNT = "SELECT count(*) FROM segment_members WHERE segment_id = ? AND left_at IS NULL"

RUN = (
    Column("segment_id", "int"), Column("segment"), Column("members", "int"), Column("entered", "int"), Column("left", "int"),
    Column("note"),
)  # fmt: skip
MEMBERS = (Column("partner_id", "int"), Column("partner"), Column("entered_at", "time"), Column("entered_why", title="why"))
PINS = (Column("partner_id", "int"), Column("partner"), Column("kind"))

One = Annotated[str, typer.Argument(metavar="SEGMENT", help="By id or name.", show_default=False)]
Partners = Annotated[list[str], typer.Argument(metavar="PARTNER...", help="By id or name.", show_default=False)]

app = nouns.app(
    "segment",
    {
        "add": "crm segment add Silver --category Customers --where 'cases>2' --every 1d",
        "list": "crm segment list",
        "edit": "crm segment edit Gold --every 6h",
        "archive": "crm segment archive Gold",
        "unarchive": "crm segment unarchive Gold",
        "delete": "crm segment delete Silver",
    },
    keep=nouns.Keep(save.add, save.edit, save.delete),
)
app.add_typer(segment_line.app, name="line", help="The criteria of a segment.")


@app.command()
def show(ctx: typer.Context, which: One) -> None:
    """Show a segment whole: its fields, its lines, and who is pinned or banned.

    Example: crm segment show Gold
    """
    s = session(ctx)
    segment_id = find.one(s.conn, "segment", which)
    found = record_list.one(s.conn, "segment", segment_id)
    (count,) = s.conn.execute(COUNT, (segment_id,)).fetchone()
    more = {"members": count, "pins": Result(PINS, segment.pins(s.conn, segment_id))}
    columns = (*found.columns, Column("members", "int"), Column("pins", "rows"))
    s.show(found._replace(columns=columns, rows=[{**row, **more} for row in found.rows]))


@app.command()
def members(
    ctx: typer.Context,
    which: One,
    columns: list_options.Columns = "",
    sort: list_options.Sort = "",
    limit: list_options.Limit = None,
    after: list_options.After = None,
) -> None:
    """List who is in a segment now, since when and why.

    Example: crm segment members Gold
    """
    s = session(ctx)
    members = segment.members(s.conn, find.one(s.conn, "segment", which))
    found = Result(MEMBERS, ({**row, "id": row["partner_id"]} for row in members))  # -o ids are the partners
    s.show(lists.shaped(s, found, lists.Asked(columns, sort, limit, after)))


# Pins ---------------------------------------------------------------------------------------------


@app.command()
def pin(ctx: typer.Context, which: One, partners: Partners) -> None:
    """Keep partners in a segment, whatever its lines say; from its next run on.

    Example: crm segment pin Gold Acme
    """
    _by_hand(session(ctx), which, partners, save.pin)


@app.command()
def ban(ctx: typer.Context, which: One, partners: Partners) -> None:
    """Keep partners out of a segment, whatever its lines say; from its next run on.

    Example: crm segment ban Gold "Delta Water"
    """
    _by_hand(session(ctx), which, partners, save.ban)


@app.command()
def unpin(ctx: typer.Context, which: One, partners: Partners) -> None:
    """Let the lines decide again about partners that are pinned or banned.

    Example: crm segment unpin Gold Acme
    """
    _by_hand(session(ctx), which, partners, save.unpin)


def _by_hand(s: Session, which: str, partners: list[str], act: Callable[[Tx, int, int], None]) -> None:
    """Do something to each of the partners in a segment."""
    segment_id = find.one(s.conn, "segment", which)
    ids = nouns.chosen(s, "partner", partners)
    with s.write() as tx:
        for partner_id in ids:
            act(tx, segment_id, partner_id)
        s.done("segment", [segment_id])


# Running -------------------------------------------------------------------------------------------


@app.command()
def run(
    ctx: typer.Context,
    which: Annotated[list[str] | None, typer.Argument(metavar="[SEGMENT]...", help="By id or name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All segments that are not archived.")] = False,
) -> None:
    """Bring segments up to date: who matches enters, and from exclusive ones who does not leaves. Silent from cron.

    Example: crm segment run Gold -n
    """
    s = session(ctx)
    if everything == bool(which):
        raise Usage("which segment?", hint="crm segment run SEGMENT, or --all")
    ids = [row["id"] for row in s.conn.execute(ACTIVE)] if everything else nouns.chosen(s, "segment", which or [])
    reports, refused = run_each(s.conn, s.origin(), ids)
    if s.settings["output"].value or s.given.verbose or s.given.dry_run or sys.stdout.isatty():
        _tell(s, reports)
    if refused:
        raise _all(refused, bool(reports))


def _tell(s: Session, reports: list[Report]) -> None:
    """A row for each segment; who entered and who left goes to standard error."""
    s.show(Result(RUN, [{column.name: getattr(report, column.name) for column in RUN} for report in reports]))
    for report in reports:
        for partner, entered, why in report.changes:
            s.say(f"{partner} {'enters' if entered else 'leaves'} {report.segment}: {why}")
        more = report.entered + report.left - len(report.changes)
        if more:
            s.say(f"and {more} more in {report.segment}")


def _all(refused: list[CrmError], done: bool) -> CrmError:
    """The error that a run of several ends with."""
    if len(refused) == 1 and not done:
        return refused[0]
    told = "; ".join(error.message for error in refused)
    return (Partly if done else Refused)(f"{len(refused)} refused: {told}", hint=refused[0].hint)
