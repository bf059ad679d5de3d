"""crm ingest, with or without Typer: the mail server's pipe, and mails out of files (mail.md §1).

What does the work is imported inside: a signal that comes while it loads is answered too.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crmcli.cli.session import Session
from crmcli.errors import Busy, CrmError, Usage
from crmcli.model import Column, Origin, Result, Row
from crmcli.tuples import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import signal

    from crmcli.mail.bulk import Found
    from crmcli.mail.effects import Taken
else:
    import _signal as signal  # what signal adds are enums of the numbers, for 1 ms on every mail

COLUMNS = (
    Column("place"), Column("state"), Column("class"), Column("case_id", "int"), Column("message_id", "int"), Column("reason"),
)  # fmt: skip
EXPLAINED = (
    Column("evidence"), Column("writer"), Column("staff", "int"), Column("identity"), Column("grade"), Column("thread", "int"),
    Column("linked"), Column("why"), Column("section", "int"), Column("route"), Column("commands"),
    Column("obeyed"), Column("refused"),
)  # fmt: skip
EMPTY: Row = {column.name: None for column in (*COLUMNS, *EXPLAINED)}


class Request(NamedTuple):
    """The options of the command; without files one mail is read from standard input."""

    files: tuple[str, ...] = ()
    section: str = ""
    recipient: tuple[str, ...] = ()
    sender: str | None = None
    max_bytes: int = 50_000_000
    timeout: float = 120.0
    explain: bool = False
    live: bool = False
    strict_recipient: bool = False


def run(s: Session, request: Request) -> int:
    """Take what comes → 0. Everything that may go wrong is raised: the mail server keeps the mail then."""
    if request.files and request.files != ("-",):
        with guarded():
            return _files(s, request)
    with guarded(request.timeout):
        return _standard_input(s, request)


def _standard_input(s: Session, request: Request) -> int:
    """One mail from the pipe; once it is done, nothing that fails afterwards matters to the mail server."""
    from crmcli.mail import envelope, ingest

    if request.explain or s.given.dry_run:
        raise Usage("a mail from the pipe cannot be tried out", hint="name a file to explain")
    if sys.stdin is None or sys.stdin.isatty():
        raise Usage("there is no mail on standard input", hint="crm ingest < FILE")
    is_told = s.settings["output"].origin == "option" and bool(s.output)
    raw = s.read()
    if not raw:
        raise Busy("nothing came on standard input")
    told = envelope.told(request.section, request.recipient, request.sender, s.environ)
    origin = Origin(s.now, None, "mail", s.command, s.given.reason)
    taken = ingest.one(s.conn, raw, told, origin, ingest.Terms(request.strict_recipient, False, request.max_bytes))
    with suppress(Exception, Stop):
        if is_told:
            s.show(Result(COLUMNS, iter([_row(s, "", taken)]), one=True))
        ingest.drain(s.conn, origin)
        ingest.send(s.conn, origin.now)
    return 0


def _files(s: Session, request: Request) -> int:
    """Each mail of the files, a line each; safe to interrupt and to do again."""
    from crmcli.mail import bulk

    left: list[str] = []
    found = _watched(s, bulk.mails(request.files), bulk.size(request.files))
    alone = s.given.dry_run or request.explain
    groups = ([mail] for mail in found) if alone else bulk.together(found)
    rows = (row for group in groups for row in _of_group(s, request, group, left))
    s.show(Result(COLUMNS + EXPLAINED if request.explain else COLUMNS, rows))
    if left:
        raise Busy(f"{len(left)} of the mails could not be handled and wait")
    return 0


def _of_group(s: Session, request: Request, mails: list[Found], left: list[str]) -> Iterator[Row]:
    """Some mails of many → a line each; one that cannot be handled is left in custody, and the others have their turn."""
    for mail, end in zip(mails, _taken(s, request, mails), strict=True):
        if isinstance(end, (CrmError, sqlite3.Error)):
            raise end
        if isinstance(end, Exception):  # a bug that this mail meets must not keep the others out; it is tried again later
            left.append(mail.place)
            yield {**EMPTY, "place": mail.place, "state": "received", "reason": "it could not be handled"}
        else:
            yield {**_row(s, mail.place, end), **(end.decision or {})}


def _taken(s: Session, request: Request, mails: list[Found]) -> list[Taken | Exception]:
    """What became of each of these mails, taken together; only one may be tried out."""
    from crmcli.mail import envelope, group, ingest

    origin = Origin(s.now, None, "mail", s.command, s.given.reason, s.step, s.given.dry_run or request.explain)
    terms = ingest.Terms(request.strict_recipient, not request.live, request.max_bytes)
    told = [mail.sender if request.sender is None else request.sender for mail in mails]
    envelopes = [envelope.told(request.section, request.recipient, sender, {}) for sender in told]
    if origin.dry_run:
        return [ingest.one(s.conn, mails[0].raw, envelopes[0], origin, terms)]
    arrived = [ingest.arrived(mail.raw, found) for mail, found in zip(mails, envelopes, strict=True)]
    return group.take(s.conn, arrived, lambda: origin, terms)


def _row(s: Session, place: str, taken: Taken) -> Row:
    return {
        **EMPTY,
        "place": place,
        "state": "repeat" if taken.repeat else taken.state,
        "class": (taken.decision or {}).get("class") or _class(s, taken.message_id),
        "case_id": taken.case_id,
        "message_id": taken.message_id,
        "reason": taken.reason,
    }


def _class(s: Session, message_id: int | None) -> str | None:
    row = s.conn.execute("SELECT class FROM messages WHERE id = ?", (message_id,)).fetchone()
    return row[0] if row else None


def _watched(s: Session, mails: Iterator[Found], size: int) -> Iterator[Found]:
    """The mails, with a bar on the terminal that tells how far it is in so many bytes."""
    if s.given.quiet or not sys.stderr.isatty():
        yield from mails
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("mails {task.fields[mails]}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("", total=size, mails=0)
        for number, mail in enumerate(mails, 1):
            yield mail
            bar.update(task, advance=len(mail.raw), mails=number)


class Stop(BaseException):
    """A signal came, or the time is over; no handler of errors may take it for one."""


@contextmanager
def guarded(seconds: float = 0) -> Iterator[None]:
    """Within, a signal or the end of the time (0: none) stops what is under way, as Busy; afterwards all is as it was."""

    def stop(number: int, frame: Any) -> None:
        raise Stop

    before = {number: signal.signal(number, stop) for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Stop:
        raise Busy("interrupted") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
