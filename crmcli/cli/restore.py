"""crm restore: a backup put in the place of the database (cli.md §5)."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from crmcli import restore as restoring
from crmcli.cli.session import session
from crmcli.errors import NotFound, Usage
from crmcli.model import Column, Origin, Result

app = typer.Typer()

COLUMNS = (Column("db"), Column("file"), Column("kept"), Column("held", "int"), Column("faults", "int"))


@app.command()
def restore(ctx: typer.Context, file: Annotated[str, typer.Argument(help="A backup.")]) -> None:
    """Put a backup in the place of the database: checked first; what stood there is kept, and mail that waits is held.

    The next run of the rules goes on from the day of the backup; look first with crm run-rules -n -v.

    Example: crm restore crm.db.backup-20260302T090000Z
    """
    s = session(ctx)
    if not os.path.isfile(file):
        raise NotFound(f"no file {file}", hint="name a backup, as crm backup printed it")
    if os.path.exists(s.path) and os.path.samefile(file, s.path):
        raise Usage("this is the database itself", hint="name a backup, or another database with --db")
    s.confirm(f"put {file} in the place of {s.path}?")
    origin = Origin(s.now, None, "system", s.command, s.given.reason, None, s.given.dry_run)
    done = restoring.restore(s.path, file, origin)
    if s.wants_object:
        s.show(Result(COLUMNS, [{"db": s.path, "file": file, **done._asdict()}], one=True), zone="UTC")
    if s.given.dry_run:
        s.say(f"nothing was written; {file} is sound, and {done.held} mails would be held")
        return
    s.say(f"{s.path} is now {file}" + (f"; what stood there is {done.kept}" if done.kept else ""))
    if done.held:
        s.say(f"{done.held} mails are held, since they may have been sent: crm mail outbox list --state held")
    if done.faults:
        s.say(f"{done.faults} other things are wrong in it: crm verify")
