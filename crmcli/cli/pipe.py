"""crm ingest, with or without Typer: the mail server's pipe, and mails out of files (mail.md §1).

What does the work is imported inside: a signal that comes while it loads is answered too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crmcli.cli.session import Session
from crmcli.errors import Busy, Usage
from crmcli.origin import Origin
from crmcli.tuples import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # what signal adds are enums of the numbers, for 1 ms on every mail


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
            from crmcli.cli import mailboxes

            return mailboxes.take(s, request)
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
            from crmcli.cli import mailboxes

            mailboxes.show(s, taken)
        ingest.drain(s.conn, origin)
        ingest.send(s.conn, origin.now)
    return 0


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
