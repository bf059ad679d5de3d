"""crm lmtp: the resident intake for busy sites (mail.md §1)."""

from __future__ import annotations

import asyncio
import signal
import sys
import traceback
from contextlib import suppress
from typing import Annotated

import typer

from crmcli import clock, trouble
from crmcli.cli import pipe
from crmcli.cli.session import session
from crmcli.errors import BadConfig, CrmError, Usage
from crmcli.model import Origin

app = typer.Typer()

DEFAULT = pipe.Request()
INTERRUPTED = 130


@app.command()
def lmtp(
    ctx: typer.Context,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT|unix:PATH", help="Where to be found.")] = "127.0.0.1:2424",
    section: Annotated[str, typer.Option(metavar="CODE", help="The section that all mail is for.")] = "",
    max_bytes: Annotated[int, typer.Option(min=1, metavar="N", help="Larger mails go to triage.")] = DEFAULT.max_bytes,
    timeout: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds until a mail is answered 451.")] = DEFAULT.timeout,
    strict: Annotated[bool, typer.Option("--strict-recipient", help="Refuse (550) a recipient unknown here.")] = False,
) -> int:
    """Take mail by LMTP, as crm ingest does from the pipe, until it is stopped; for the mail servers of busy sites.

    It needs aiosmtpd: pip install 'crmcli[lmtp]'. Only this machine can reach it. Each recipient is answered: 250 once
    the mail is kept, 451 where the pipe would end with 75. SIGTERM lets it finish what it has accepted.

    Example: crm lmtp --listen unix:/run/crm/lmtp
    """
    s = session(ctx)
    if s.given.dry_run:
        raise Usage("a mail that comes by LMTP cannot be tried out", hint="crm ingest --explain FILE")
    try:
        from crmcli.mail import lmtp as server
    except ImportError:
        raise BadConfig("this needs aiosmtpd", hint="pip install 'crmcli[lmtp]'") from None
    from crmcli.mail import facts
    from crmcli.mail.ingest import Terms
    from crmcli.mail.intake import Intake

    at = server.place(listen)
    if section:
        facts.section(s.conn, section)
    fixed = s.now if s.settings["now"].value else ""
    origin = Origin(fixed, None, "mail", s.command, s.given.reason)
    intake = Intake(s.path, Terms(strict, False, max_bytes), lambda: origin._replace(now=fixed or clock.now()), _report)
    s.conn.close()
    intake.start()
    try:
        number = asyncio.run(server.serve(at, intake, section, timeout, lambda where: s.say(f"listening on {where}")))
    finally:
        intake.close()
    return INTERRUPTED if number == signal.SIGINT else 0


def _report(error: Exception) -> None:
    """A failure into the log of the service: a sentence, or all of it where it is a bug."""
    known = error if isinstance(error, CrmError) else trouble.explained(error)
    with suppress(OSError):  # a log that cannot be written must not stop the mail
        if known is None:
            traceback.print_exception(error)
        else:
            sys.stderr.write(f"crm: {known.message}{f' ({known.hint})' if known.hint else ''}\n")
