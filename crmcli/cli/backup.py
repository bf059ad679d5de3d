"""crm backup: a checked copy of the database, made while it is in use (cli.md §5)."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from crmcli import backup as backups
from crmcli.cli.session import Session, session
from crmcli.errors import Usage
from crmcli.model import Column, Result

app = typer.Typer()

COLUMNS = (Column("file"), Column("size", "int"), Column("cases", "int"), Column("removed", "words"))


@app.command()
def backup(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="The file, or a folder; else beside the database, with the time in its name.")] = "",
    keep: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Then remove all but the newest N backups of this database there.")
    ] = None,
) -> None:
    """Copy the database to a file, and check the copy; others go on working meanwhile. It prints the file's name.

    Example: crm backup --keep 14
    """
    s = session(ctx)
    own = not file or os.path.isdir(file)
    target = os.path.join(file or os.path.dirname(s.path), backups.default_name(s.path, s.now)) if own else file
    if keep and not own:
        raise Usage("only backups with a name of ours can be counted", hint="name a folder instead of a file, or nothing")
    _check(s, target)
    if s.given.dry_run:
        s.say(f"nothing was written; this would be the backup: {target}")
        return
    made = backups.make(s.path, target)
    removed = backups.prune(os.path.dirname(target) or ".", s.path, target, keep) if keep else []
    if s.wants_object:
        s.show(Result(COLUMNS, [{**made._asdict(), "removed": removed}], one=True), zone="UTC")
    elif not s.given.quiet:
        sys.stdout.write(made.file + "\n")


def _check(s: Session, target: str) -> None:
    """Nothing is overwritten that should not be."""
    if os.path.realpath(target) in {os.path.realpath(s.path) + end for end in ("", "-wal", "-shm", "-lock", "-send-lock")}:
        raise Usage("a backup cannot be the database itself", hint="name another file")
    if os.path.lexists(target):
        s.confirm(f"overwrite {target}?")
