"""crm doctor: what is wrong with the site, and what to do (cli.md §5)."""

from __future__ import annotations

from textwrap import wrap
from typing import Annotated

import typer

from crmcli import clock
from crmcli.cli.session import Session, session
from crmcli.doctor.line import BAD, COLUMNS, WARN, Line, Site
from crmcli.errors import Refused
from crmcli.model import Result, Row

app = typer.Typer()


@app.command()
def doctor(
    ctx: typer.Context,
    pipe: Annotated[
        bool, typer.Option("--pipe", help="The mail server's side too: program, rights, addresses, a trial.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what is safe: rights, left leases, the index of full text, statistics.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Take a network file system, at your own risk.")] = False,
) -> None:
    """Look at the site: rights, space, cron, rules, mail, clock and zone; a line for each, with what to do. Exit 1 if bad.

    Example: crm doctor --pipe
    """
    from crmcli.doctor.examine import examine

    s = session(ctx)
    site = Site(s.conn, s.path, s.now, clock.now(), s.environ)
    lines = examine(site, pipe)
    if fix:
        _mend(s, site, lines)
        lines = examine(site, pipe)
    if force:
        lines = [line._replace(state=WARN) if line.check == "file system" and line.state == BAD else line for line in lines]
    table = s.output == "table"
    rows = _wrapped(lines, s.width) if table else [line._asdict() for line in lines]
    s.show(Result(COLUMNS[:3] if table else COLUMNS, rows), zone="UTC")
    bad = sum(line.state == BAD for line in lines)
    if bad:
        raise Refused(f"{bad} {'thing is' if bad == 1 else 'things are'} bad", hint="what to do stands beside it")


def _wrapped(lines: list[Line], width: int) -> list[Row]:
    """The lines for a terminal: what is wrong and what to do below each other, nothing cut."""
    room = max(width - max(len(line.check) for line in lines) - len("state") - 4, 20)
    rows: list[Row] = []
    for line in lines:
        texts = wrap(line.what, room) + wrap(line.todo, room, initial_indent="→ ", subsequent_indent="  ")
        rows += [{"check": "", "state": "", "what": text} for text in texts]
        rows[-len(texts)].update(check=line.check, state=line.state)
    return rows


def _mend(s: Session, site: Site, lines: list[Line]) -> None:
    from crmcli.doctor.mend import mend

    if s.given.dry_run:
        wanted = ", ".join(dict.fromkeys(line.mend for line in lines if line.mend)) or "nothing"
        s.say(f"nothing was mended; this would be: {wanted}")
        return
    for words in mend(site, lines, s.origin("system")):
        s.say(words)
