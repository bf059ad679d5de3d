"""crm config: the settings of the database, and one's own with where they come from."""

from __future__ import annotations

from typing import Annotated

import typer

from crmcli import find, settings
from crmcli.cli import lists
from crmcli.cli.list_options import Columns, Limit, Sort
from crmcli.cli.session import Session, session
from crmcli.errors import Usage
from crmcli.model import Column, Result, Row

app = typer.Typer(help="Settings: of this database and your own.")


@app.command("list")
def list_(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Tell where each value comes from.")] = False,
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
) -> None:
    """List every setting with its value.

    Example: crm config list --origin
    """
    s = session(ctx)
    rows = [*_personal(s), *_shared(s)]
    names = ("name", "value", "origin", "help") if origin else ("name", "value", "help")
    s.show(lists.shaped(s, Result(tuple(Column(name) for name in names), rows), lists.Asked(columns, sort, limit)))


def _personal(s: Session) -> list[Row]:
    return [{"name": name, "value": value.value, "origin": value.origin, "help": "yours"} for name, value in s.settings.items()]


def _shared(s: Session) -> list[Row]:
    stored = {row["key"]: row["value"] for row in s.conn.execute("SELECT key, value FROM settings")}
    return [
        {"name": name, "value": stored.get(name, default), "origin": "database" if name in stored else "default", "help": text}
        for name, (default, text) in settings.SETTINGS.items()
    ]


@app.command()
def get(ctx: typer.Context, name: Annotated[str, typer.Argument(help="A setting.")]) -> None:
    """Print the value of one setting.

    Example: crm config get zone
    """
    s = session(ctx)
    s.show(_one(s, name))


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A setting of the database.")],
    value: Annotated[str, typer.Argument(help="Its value; empty for the default.")],
) -> None:
    """Set what mail, cron and the team share.

    Example: crm config set transport sendmail:/usr/sbin/sendmail
    """
    s = session(ctx)
    if name in s.settings:
        raise Usage(
            f"{name} is your own setting, not the team's", hint="its place is ~/.config/crm/config.toml, or the environment"
        )
    settings.check(name, value)
    if name == "triage_section" and value:
        find.one(s.conn, "section", value)
    with s.write() as tx:
        settings.put(tx, name, value)
        if s.wants_object:
            s.tell(_one(s, name))


def _one(s: Session, name: str) -> Result:
    """One setting with its value and where that comes from."""
    found = [row for row in [*_shared(s), *_personal(s)] if row["name"] == name]
    if not found:
        near = find.nearest(name, iter([*settings.SETTINGS, *s.settings]))
        raise Usage(f"no setting {name}", hint=f"nearest: {', '.join(near)}" if near else "crm config list")
    return Result((Column("name"), Column("value"), Column("origin")), found[:1], one=True)
