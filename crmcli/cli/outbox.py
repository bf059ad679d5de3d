"""crm mail outbox: the mails that go out, from their cause until they have left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from crmcli import outbox, outbox_list
from crmcli.cli import lists
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.lists import Asked, Listing
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Usage

app = typer.Typer(help="Mail that goes out.")

Numbers: TypeAlias = Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Mails of the outbox: 4, 4-7, 4,6.")]

LISTING = Listing(outbox_list.OUTBOX, outbox_list.COLUMNS, outbox_list.STORED, "outbox", outbox_list.ORDER)


def show_due(s: Session) -> None:
    """What would be sent now."""
    found = lists.page(s, LISTING, (), Asked())
    s.show(outbox_list.result(s.conn, found._replace(where=outbox.IS_DUE, parameters={"now": s.now})))


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(metavar="STATE", help=f"Only these: {', '.join(outbox.STATES)}.")] = "",
    case: Annotated[int | None, typer.Option(metavar="ID", help="Only about this case.")] = None,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
) -> None:
    """List the mails that go out, in the order they were written, with what became of them.

    Example: crm mail outbox list --state held
    """
    if state and state not in outbox.STATES:
        raise Usage(f"no state {state}", hint=f"one of: {', '.join(outbox.STATES)}")
    s = session(ctx)
    asked = Asked(columns, sort, limit, after)
    found = lists.page(s, LISTING, (), asked)
    where = [text for text, value in (("t.state = :state", state), ("t.case_id = :case", case)) if value]
    found = found._replace(where=" AND ".join(where) or "1", parameters={"state": state, "case": case})
    result = outbox_list.result(s.conn, found, lists.names(s, LISTING, columns))
    s.show(lists.counted(s, result, LISTING, found))


@app.command()
def show(ctx: typer.Context, number: Annotated[int, typer.Argument(help="A mail of the outbox.")]) -> None:
    """Show one mail that goes out, with its headers and text.

    Example: crm mail outbox show 1
    """
    s = session(ctx)
    s.show(outbox_list.one(s.conn, number, s.output in lists.JSON))


@app.command()
def hold(ctx: typer.Context, numbers: Numbers) -> None:
    """Keep mails that wait from being sent.

    Example: crm mail outbox hold 1
    """
    _each(session(ctx), numbers, outbox.hold)


@app.command()
def retry(ctx: typer.Context, numbers: Numbers) -> None:
    """Let mails go that are held, failed or wait for their next attempt.

    Example: crm mail outbox retry 1-2
    """
    _each(session(ctx), numbers, outbox.retry)


@app.command()
def drop(ctx: typer.Context, numbers: Numbers) -> None:
    """Give mails up that have not left; they stay in the list as failed.

    Example: crm mail outbox drop 1
    """
    _each(session(ctx), numbers, outbox.drop)


@app.command()
def send(ctx: typer.Context, numbers: Numbers) -> None:
    """Send these mails now, whatever they wait for.

    Example: crm mail outbox send 2
    """
    from crmcli.mail import send as sending

    s = session(ctx)
    ids = _ids(s, numbers)
    for number in ids:
        origin = s.origin()
        if not origin.dry_run and not sending.one(s.conn, origin, number).sent:
            s.say(f"mail {number} was not sent: {outbox.get(s.conn, number)['error']}")
    _done(s, ids)


def _each(s: Session, numbers: list[str], verb: Callable[[Tx, int], None]) -> None:
    """Do it to each mail, and tell which it was done to."""

    def act(tx: Tx, number: int) -> None:
        verb(tx, number)
        _done(s, [number])

    s.each(_ids(s, numbers), act)


def _done(s: Session, ids: list[int]) -> None:
    """The numbers of mails, or with -o json the mails as they are now."""
    if s.wants_object:
        s.tell(outbox_list.of(s.conn, ids))
    else:
        s.done(outbox_list.OUTBOX.name, ids)


def _ids(s: Session, texts: list[str]) -> list[int]:
    return outbox.numbers(s.conn, words(s, texts))


def words(s: Session, texts: list[str]) -> list[str]:
    """The numbers that were given; ``-`` reads them from standard input."""
    return [word for text in texts for word in (s.read().decode().split() if text == "-" else [text])]
