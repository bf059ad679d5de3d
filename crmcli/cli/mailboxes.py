"""crm ingest with files: mails out of mailboxes, Maildirs and single files, a line each (mail.md §1)."""

from __future__ import annotations

import sqlite3
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import closing

from crmcli.cli.session import Session
from crmcli.errors import Busy, CrmError
from crmcli.mail import ahead, bulk, envelope, group, ingest
from crmcli.mail.bulk import Found
from crmcli.mail.effects import Taken
from crmcli.mail.envelope import Envelope
from crmcli.mail.group import Ended
from crmcli.mail.ingest import Terms
from crmcli.model import Column, Origin, Result, Row
from crmcli.tuples import TYPE_CHECKING

if TYPE_CHECKING:
    from crmcli.cli.pipe import Request

COLUMNS = (
    Column("place"), Column("state"), Column("class"), Column("case_id", "int"), Column("message_id", "int"), Column("reason"),
)  # fmt: skip
EXPLAINED = (
    Column("evidence"), Column("writer"), Column("staff", "int"), Column("identity"), Column("grade"), Column("thread", "int"),
    Column("linked"), Column("why"), Column("section", "int"), Column("route"), Column("commands"),
    Column("obeyed"), Column("refused"),
)  # fmt: skip
EMPTY: Row = {column.name: None for column in (*COLUMNS, *EXPLAINED)}


def show(s: Session, taken: Taken) -> None:
    """Show what became of one mail."""
    s.show(Result(COLUMNS, iter([_row(s, "", taken)]), one=True))


def take(s: Session, request: Request) -> int:
    """Take each mail of the files, a line each → 0; safe to interrupt and to do again."""
    left: list[str] = []
    found = _watched(s, bulk.mails(request.files), bulk.size(request.files))
    ended = _tried(s, request, found) if s.given.dry_run or request.explain else _taken(s, request, found)
    rows = (_line(s, mail, end, left) for mail, end in ended)
    s.show(Result(COLUMNS + EXPLAINED if request.explain else COLUMNS, rows))
    if left:
        raise Busy(f"{len(left)} of the mails could not be handled and wait")
    return 0


def _line(s: Session, mail: Found, end: Ended, left: list[str]) -> Row:
    """What to tell of a mail; one that cannot be handled is left in custody, and the others have their turn."""
    if isinstance(end, (CrmError, sqlite3.Error)):
        raise end
    if isinstance(end, Exception):  # a bug that this mail meets must not keep the others out; it is tried again later
        left.append(mail.place)
        return {**EMPTY, "place": mail.place, "state": "received", "reason": "it could not be handled"}
    return {**_row(s, mail.place, end), **(end.decision or {})}


def _tried(s: Session, request: Request, mails: Iterator[Found]) -> Iterator[tuple[Found, Ended]]:
    """What would become of each mail."""
    origin, terms = _terms(s, request)
    for mail in mails:
        yield mail, ingest.one(s.conn, mail.raw, _envelope(request, mail), origin._replace(dry_run=True), terms)


def _taken(s: Session, request: Request, mails: Iterator[Found]) -> Iterator[tuple[Found, Ended]]:
    """What became of each mail, many taken together while the next are read."""
    origin, terms = _terms(s, request)
    waiting: deque[list[Found]] = deque()

    def asked() -> Iterator[ahead.Asked]:
        for mails_together in bulk.together(mails):
            waiting.append(mails_together)
            yield [(mail.raw, _envelope(request, mail)) for mail in mails_together]

    with closing(ahead.through(asked(), terms.max_bytes)) as groups:
        for arrived, read in groups:
            ended = group.take(s.conn, arrived, lambda: origin, terms, read)
            yield from zip(waiting.popleft(), ended, strict=True)


def _terms(s: Session, request: Request) -> tuple[Origin, Terms]:
    origin = Origin(s.now, None, "mail", s.command, s.given.reason, s.step)
    return origin, ingest.Terms(request.strict_recipient, not request.live, request.max_bytes)


def _envelope(request: Request, mail: Found) -> Envelope:
    """The envelope of a mail in a file: as told, else with the sender that a mailbox tells."""
    return envelope.told(request.section, request.recipient, mail.sender if request.sender is None else request.sender, {})


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
