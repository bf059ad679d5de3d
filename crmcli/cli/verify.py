"""crm verify: whether the database is whole (cli.md §4)."""

from __future__ import annotations

import typer

from crmcli import readonly
from crmcli import verify as checks
from crmcli.cli.session import session
from crmcli.errors import Refused
from crmcli.model import Result

app = typer.Typer()


@app.command()
def verify(ctx: typer.Context) -> None:
    """Check that the database is whole: the file, the references, that the journal leads to the present, custody of mail.

    It reads everything and changes nothing. What is wrong is listed, and the exit code is 1.

    Example: crm verify
    """
    s = session(ctx)
    found = [finding._asdict() for finding in checks.verify(readonly.connect(s.path), s.now)]
    s.show(Result(checks.COLUMNS, found), zone="UTC")  # the site's zone may be what is broken
    if found:
        raise Refused(f"{len(found)} {'thing is' if len(found) == 1 else 'things are'} wrong", hint="crm help backup")
    s.say(f"all is well: {', '.join(checks.CHECKS)}")
