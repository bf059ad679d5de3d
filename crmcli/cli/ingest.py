"""crm ingest: the command that the mail server's pipe calls."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli.cli import pipe
from crmcli.cli.session import session

app = typer.Typer()

DEFAULT = pipe.Request()


@app.command()
def ingest(
    ctx: typer.Context,
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE|MBOX|MAILDIR]…", help="Mails; else standard input.")] = None,
    section: Annotated[str, typer.Option(metavar="CODE", help="The section that the mail is for.")] = "",
    recipient: Annotated[list[str] | None, typer.Option(metavar="ADDR", help="The envelope's recipient; may repeat.")] = None,
    sender: Annotated[str | None, typer.Option(metavar="ADDR", help="The envelope's sender; empty for a bounce.")] = None,
    max_bytes: Annotated[int, typer.Option(min=1, metavar="N", help="Larger mails go to triage.")] = DEFAULT.max_bytes,
    timeout: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds for a mail from the pipe.")] = DEFAULT.timeout,
    explain: Annotated[bool, typer.Option("--explain", help="Show what would become of files; write nothing.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Treat old mail in files like new: thanks, rules, forwards.")] = False,
    strict: Annotated[bool, typer.Option("--strict-recipient", help="Refuse (67) a recipient unknown here.")] = False,
) -> int:
    """Take a mail from standard input, as the mail server's pipe does; or mails out of files.

    From a pipe it is silent, and ends with 0 once the mail is kept, else with 75: keep it and try again.

    Example: crm ingest --section support < mail.eml
    """
    request = pipe.Request(
        tuple(files or ()), section, tuple(recipient or ()), sender, max_bytes, timeout, explain, live, strict
    )  # fmt: skip
    return pipe.run(session(ctx), request)
