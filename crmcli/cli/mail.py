"""crm mail: what came in, what waits to go out, what went, and which addresses work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer

from crmcli import addresses, deliveries, find, mail_list, messages, outbox, settings
from crmcli.cli import lists, nouns
from crmcli.cli import outbox as outbox_cli
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.lists import Asked, Listing
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Refused, Usage
from crmcli.model import Column, Result
from crmcli.text import is_address

TEMPLATES = {
    "add": "crm mail template add thanks --text 'Thank you, we are on it.'",
    "list": "crm mail template list",
    "show": "crm mail template show thanks",
    "edit": "crm mail template edit thanks --text 'Thank you.'",
    "archive": "crm mail template archive thanks",
    "unarchive": "crm mail template unarchive thanks",
    "delete": "crm mail template delete thanks",
}

app = typer.Typer(help="Mail in and out: what came, what waits, what was sent.")
address_app = typer.Typer(help="Mail addresses that do not work, or should get nothing.")
app.add_typer(outbox_cli.app, name="outbox")
app.add_typer(nouns.app("canned_reply", TEMPLATES), name="template", help="Canned replies: crm case reply --template NAME.")
app.add_typer(address_app, name="address")
triage_app = typer.Typer(help="Mails that a person must look at.")
app.add_typer(triage_app, name="triage")

Mail: TypeAlias = Annotated[int, typer.Argument(metavar="MAIL", help="A mail that came, by its number.")]
Address: TypeAlias = Annotated[str, typer.Argument(metavar="ADDRESS")]

SENT = (Column("sent", "int"), Column("failed", "int"), Column("put_off", "int"), Column("paused"))
LISTING = Listing(mail_list.MAILS, mail_list.COLUMNS, mail_list.STORED, f"({mail_list.LIST})", mail_list.ORDER)
ADDRESS_COLUMNS = (Column("address"), Column("state"), Column("why"), Column("since", "time"), Column("user"), Column("contact"))


# What came ----------------------------------------------------------------------------------------------


@app.command("list")
def list_(ctx: typer.Context, columns: Columns = "", sort: Sort = "", limit: Limit = None, after: After = None) -> None:
    """List the mails that came, newest first.

    Example: crm mail list --limit 20
    """
    s = session(ctx)
    page = lists.page(s, LISTING, (), Asked(columns, sort, limit, after))
    found = mail_list.list_mails(s.conn, page, lists.names(s, LISTING, columns))
    s.show(lists.counted(s, found, LISTING, page))


@app.command()
def show(ctx: typer.Context, mail: Mail) -> None:
    """Show a mail that came, with its deliveries and files.

    Example: crm mail show 1
    """
    s = session(ctx)
    s.show(mail_list.show_mail(s.conn, mail))


@app.command()
def explain(ctx: typer.Context, mail: Mail) -> None:
    """Tell why a mail led to what it led to: class, thread, sender, section and what was done.

    Example: crm mail explain 1
    """
    s = session(ctx)
    s.show(mail_list.explain_mail(s.conn, mail))


@app.command()
def raw(ctx: typer.Context, mail: Mail) -> None:
    """Print the original bytes of a mail that came.

    Example: crm mail raw 1
    """
    s = session(ctx)
    s.write_bytes(messages.raw(s.conn, mail))


@app.command()
def reprocess(
    ctx: typer.Context, mails: Annotated[list[str], typer.Argument(metavar="MAIL...", help="Mails that came: 4, 4-7, 4,6.")]
) -> None:
    """Read mails anew from their bytes, and decide again what those lead to that stand in no case.

    A mail that stands in a case is only shown by what it says now; nobody is told anything twice.

    Example: crm mail reprocess 1
    """
    from crmcli.mail import again

    s = session(ctx)

    def ready(mail: int) -> Callable[[Tx], None]:
        reading = again.reading(s.conn, mail)

        def act(tx: Tx) -> None:
            now = again.reprocess(tx, reading)
            s.tell(mail_list.of(tx.conn, now)) if s.wants_object else s.done("mail", [now])

        return act

    s.each_made_ready(find.mails(s.conn, outbox_cli.words(s, mails), "messages", "", "crm mail list"), ready)


@app.command("test")
def trial(
    ctx: typer.Context,
    address: Address,
    writer: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="Written by this person; else by a stranger.")] = "",
) -> None:
    """Tell where a mail to an address would go, and who would hear of it; nothing of that is kept or sent.

    Example: crm mail test support@us.example --from joe@acme.example
    """
    from crmcli.mail import trial as trials

    _checked(address)
    if writer:
        _checked(writer)
    s = session(ctx)
    s.show(trials.trial(s.conn, address, writer or trials.STRANGER, s.origin()))


@app.command()
def audit(ctx: typer.Context) -> None:
    """Count what became of every mail that was taken into custody; fails where one waits or its bytes are missing.

    Example: crm mail audit
    """
    s = session(ctx)
    found = mail_list.audit_mails(s.conn)
    rows = list(found.rows)
    s.show(found._replace(rows=rows))
    open_ = sum(row["mails"] for row in rows if row["state"] == "received" or row["without_bytes"])
    if open_:
        raise Refused(f"{open_} mails wait or have lost their bytes", hint="crm run-rules finishes those that were left behind")


@triage_app.command("list")
def triage_list(ctx: typer.Context, columns: Columns = "", sort: Sort = "", limit: Limit = None, after: After = None) -> None:
    """List the mails that wait for a person to look at them, the oldest first.

    Example: crm mail triage list
    """
    s = session(ctx)
    s.show(lists.shaped(s, mail_list.triage(s.conn), Asked(columns, sort, limit, after)))


@triage_app.command()
def accept(
    ctx: typer.Context,
    mail: Mail,
    case: Annotated[str, typer.Option(metavar="CASE", help="Into this case.")] = "",
    section: Annotated[str, typer.Option(metavar="SECTION", help="As a new case of this section.")] = "",
) -> None:
    """Take a mail out of triage: into a case, as a new case of a section, or by itself where it belongs.

    Mail of robots is heard like any other, but thanks nobody and opens nothing.

    Example: crm mail triage accept 1 --section support
    """
    from crmcli.mail import triage

    if case and section:
        raise Usage("a mail goes into a case or a section", hint="give --case or --section, not both")
    s = session(ctx)
    waiting = triage.waiting(s.conn, mail)
    place = triage.Place(
        find.one(s.conn, "case", case) if case else None, find.one(s.conn, "section", section) if section else None
    )  # fmt: skip
    with s.write() as tx:
        s.done("case", [triage.accept(tx, waiting, place)])


@triage_app.command()
def reject(ctx: typer.Context, mail: Mail) -> None:
    """Take a mail out of triage; its bytes stay.

    Example: crm mail triage reject 1
    """
    s = session(ctx)
    with s.write() as tx:
        deliveries.reject(tx, mail)


# What goes out, and where to -------------------------------------------------------------------------------


@app.command()
def send(
    ctx: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Also what waits for its next attempt.")] = False,
) -> None:
    """Send what is due; for cron, where it says nothing.

    A mail may leave twice, under the same Message-ID, where the program is killed between sending and noting it.

    Example: crm mail send -v
    """
    from crmcli.mail import send as sending

    s = session(ctx)
    if s.origin().dry_run:
        outbox_cli.show_due(s)
        return
    if retry:
        with s.write() as tx:
            outbox.hurry(tx)
    report = sending.run(s.conn, s.now, sending.LONGEST, s.step)
    if s.wants_object or s.given.verbose or s.on_terminal:
        s.show(Result(SENT, [report._asdict()], one=True))
        if not settings.get(s.conn, "transport"):
            s.say("mail waits: no transport is set (crm help mail)")


@address_app.command("list")
def address_list(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(metavar="STATE", help="Only ok, soft, hard or suspended.")] = "",
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
) -> None:
    """List the addresses that were noted: whose they are, and whether mail to them works.

    Example: crm mail address list --state hard
    """
    s = session(ctx)
    found = Result(ADDRESS_COLUMNS, addresses.listed(s.conn, state or None))
    s.show(lists.shaped(s, found, Asked(columns, sort, limit)))


@address_app.command()
def suspend(
    ctx: typer.Context, address: Address, why: Annotated[str, typer.Option(help="The reason.")] = "suspended by hand"
) -> None:
    """Send nothing to an address until it is cleared.

    Example: crm mail address suspend joe@acme.example
    """
    _mark(session(ctx), address, "suspended", why)


@address_app.command()
def clear(ctx: typer.Context, address: Address) -> None:
    """Send to an address again that failed or was suspended.

    Example: crm mail address clear joe@acme.example
    """
    _mark(session(ctx), address, "ok", "cleared by hand")


def _mark(s: Session, address: str, state: str, why: str) -> None:
    _checked(address)
    with s.write() as tx:
        addresses.mark(tx, address, state, why)
        if s.wants_object:
            s.tell(Result(ADDRESS_COLUMNS, addresses.listed(tx.conn, address=address), one=True))


def _checked(address: str) -> None:
    if not is_address(address):
        raise Usage(f"{address or '(empty)'} is no mail address", hint="such as joe@acme.example")
