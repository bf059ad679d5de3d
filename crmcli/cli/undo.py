"""crm undo and crm redo."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import undo as journal_undo
from crmcli.cli.session import Session, session
from crmcli.errors import Usage
from crmcli.model import Column, Result

app = typer.Typer()
redo_app = typer.Typer()

COLUMNS = (Column("step", "int"), Column("command"), Column("rows", "int"), Column("withdrawn", "int"), Column("sent", "int"))


@app.command()
def undo(
    ctx: typer.Context,
    step: Annotated[str, typer.Argument(help="A step of crm changes, or run for the newest run; else your newest.")] = "",
) -> None:
    """Take back a step: one command, bulk edit, import or run, whole or not at all.

    Example: crm undo
    """
    s = session(ctx)
    number = _number(s, step)
    command = s.conn.execute("SELECT command FROM change_sets WHERE step = ? LIMIT 1", (number,)).fetchone()
    if command and s.on_terminal:
        s.confirm(f"undo step {number}, {command[0]}?")
    with s.write("undo") as tx:
        _told(s, journal_undo.undo(tx, number), "undid")


def _number(s: Session, step: str) -> int:
    if step == "run":
        return journal_undo.newest_run(s.conn)
    if not step:
        return journal_undo.newest(s.conn, s.user_id)
    if not step.isdecimal():
        raise Usage(f"no step {step}", hint="a number of crm changes, or run")
    return int(step)


@redo_app.command()
def redo(ctx: typer.Context) -> None:
    """Take back your newest undo.

    Example: crm redo
    """
    s = session(ctx)
    with s.write("undo") as tx:
        _told(s, journal_undo.redo(tx, journal_undo.newest_undo(s.conn, s.user_id)), "redid")


def _told(s: Session, done: journal_undo.Undone, verb: str) -> None:
    """Say in words what was taken back, and what could not be."""
    count = sum(done.rows.values())
    row = {"step": done.step, "command": done.command, "rows": count, "withdrawn": done.withdrawn, "sent": done.sent}
    if s.wants_object:
        s.show(Result(COLUMNS, [row], one=True))
    tables = ", ".join(f"{number} in {table}" for table, number in done.rows.items())
    changes = "1 change" if count == 1 else f"{count} changes"
    s.say(f"{verb} step {done.step}: {done.command or 'an outside change'}: {changes}{f' ({tables})' if tables else ''}")
    if done.withdrawn:
        s.say(f"{done.withdrawn} queued mails were withdrawn")
    if done.sent:
        s.say(f"{done.sent} mails were sent already and cannot be unsent")
