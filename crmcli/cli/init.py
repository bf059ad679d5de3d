"""crm init: the only command that makes a database."""

from __future__ import annotations

import os
import sqlite3
from typing import Annotated

import typer

from crmcli import db, seeds, settings, text
from crmcli.cli.session import Session, session
from crmcli.errors import Refused, Usage
from crmcli.model import Column, Origin, Result

app = typer.Typer()


@app.command()
def init(
    ctx: typer.Context,
    email: Annotated[str, typer.Option(help="The address that mail comes to: the section's and yours.")] = "",
    section: Annotated[str, typer.Option(help="The name of the first section.")] = "Inbox",
    currency: Annotated[str, typer.Option(help="The currency of all money.")] = "EUR",
    zone: Annotated[str, typer.Option(help="The site's time zone; else the system's.")] = "",
    group: Annotated[str, typer.Option(help="Share the file with this system group (mode 0660).")] = "",
    demo: Annotated[bool, typer.Option("--demo", help="Add sections, partners, cases, rules and segments to try.")] = False,
) -> None:
    """Make a database with you as its first user and one section.

    Example: crm init --email support@us.example --section Support
    """
    s = session(ctx)
    if email and not text.is_address(email):
        raise Usage(f"{email} is no mail address", hint="--email NAME@DOMAIN")
    zone = zone or _system_zone()
    settings.check("zone", zone)
    settings.check("currency", currency)
    gid = _checked(s, group)
    if s.given.dry_run:
        _tell(s, section, zone)
        s.say("nothing was written; this would be made")
        return
    conn = _create(s, gid)
    try:
        origin = Origin(s.now, None, "system", s.command, s.given.reason)
        with db.write(conn, origin) as tx:
            seeds.shipped(tx)
            settings.put(tx, "zone", zone)
            settings.put(tx, "currency", currency)
            seeds.first(tx, s.login or "admin", email or None, section)
        if demo:
            from crmcli import demo_data

            demo_data.fill(conn, s.now)
    finally:
        conn.close()
    _tell(s, section, zone)
    s.say("next: crm case add 'My first case', or connect the mail server: crm help mail")


def _tell(s: Session, section: str, zone: str) -> None:
    """What is made."""
    made = {"db": s.path, "user": s.login or "admin", "section": section, "zone": zone}
    if not s.given.quiet:
        s.show(Result(tuple(Column(name) for name in made), [made], one=True))


def _checked(s: Session, group: str) -> int | None:
    """The group's number, once nothing stands in the way."""
    if os.path.exists(s.path):
        raise Refused(f"there is something at {s.path} already", hint="name another file with --db")
    return _group_id(group) if group else None


def _create(s: Session, gid: int | None) -> sqlite3.Connection:
    folder = os.path.dirname(os.path.abspath(s.path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    conn = db.create(s.path, 0o600 if gid is None else 0o660)
    if gid is not None:
        os.chown(s.path, -1, gid)
    return conn


def _group_id(name: str) -> int:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Usage(f"no system group {name}", hint="see: getent group") from None


def _system_zone() -> str:
    """The system's zone by TZ, else by what /etc/localtime points to, else UTC."""
    given = os.environ.get("TZ", "").lstrip(":")
    if given:
        return given
    target = os.path.realpath("/etc/localtime")
    return target.partition("zoneinfo/")[2].removeprefix("Etc/") or "UTC"
