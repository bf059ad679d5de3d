"""crm segment line: the criteria of a segment, each named by the segment and its name, or by its id."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from crmcli import find, record_list, records
from crmcli.cli import fields, form, lists, nouns
from crmcli.cli.fields import command, parameter
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.fields import NOUNS
from crmcli.model import Row
from crmcli.segments import save
from crmcli.segments.segment import line_id

LINE = NOUNS["segment_line"]
IDS = "SELECT id FROM segment_lines WHERE :segment IS NULL OR segment_id = :segment ORDER BY segment_id, id"

ADD = """Add a line to a segment.

Example: crm segment line add Gold "big" --variable sale --operator '>' --value 1000 --mandatory
"""
EDIT = """Change a line; an empty value clears.

Example: crm segment line edit Gold "big" --value 2000
"""

Which = Annotated[list[str], typer.Argument(metavar="[SEGMENT] LINE", help="By id or name.", show_default=False)]

app = typer.Typer(help="The criteria of a segment.")


def _argument(name: str, kind: Any, metavar: str, text: str) -> inspect.Parameter:
    return parameter(name, kind, inspect.Parameter.empty, typer.Argument(metavar=metavar, help=text, show_default=False))


def _one(s: Session, words: list[str]) -> int:
    """The line that LINE alone, or SEGMENT and LINE, name."""
    if len(words) > 2:
        raise Usage("one line at a time", hint=f"crm {LINE.command} edit SEGMENT LINE")
    if len(words) == 1:
        return find.one(s.conn, LINE.name, words[0])
    return line_id(s.conn, find.one(s.conn, "segment", words[0]), words[1])


def _add(ctx: typer.Context, *, which: str, **given: Any) -> None:
    s = session(ctx)
    values = records.parsed(s.conn, LINE.name, fields.texts(s, LINE, given), nouns.moment(s))
    segment_id = find.one(s.conn, "segment", which)
    with s.write() as tx:
        s.done(LINE.name, [save.add_line(tx, {**values, "segment_id": segment_id})])


app.command("add")(
    command(
        _add,
        [
            _argument("which", str, "SEGMENT", "By id or name."),
            _argument("name", str, "NAME", "What to call the line."),
            *fields.options(LINE, without=("segment_id", "name")),
        ],
        ADD,
    )
)


@app.command("list")
def list_(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="[SEGMENT]", help="Only its lines.", show_default=False)] = "",
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
) -> None:
    """List the lines of a segment, or of all.

    Example: crm segment line list Gold
    """
    s = session(ctx)
    segment_id = find.one(s.conn, "segment", which) if which else None
    ids = [row["id"] for row in s.conn.execute(IDS, {"segment": segment_id})]
    s.show(lists.shaped(s, record_list.result(s.conn, LINE.name, ids), lists.Asked(columns, sort, limit, after)))


@app.command()
def show(ctx: typer.Context, which: Which) -> None:
    """Show a line.

    Example: crm segment line show Gold "big"
    """
    s = session(ctx)
    s.show(record_list.one(s.conn, LINE.name, _one(s, which)))


def _edit(ctx: typer.Context, *, which: list[str], in_editor: bool, as_form: bool, **given: Any) -> None:
    s = session(ctx)
    values = records.parsed(s.conn, LINE.name, fields.texts(s, LINE, given), nouns.moment(s))

    def saved(tx: Tx, number: int, wanted: Row) -> None:
        save.edit_line(tx, number, wanted)
        s.done(LINE.name, [number])

    if form.meant(s, bool(values), in_editor, as_form):
        form.fill(s, LINE.name, [_one(s, which)], as_form, saved)
        return
    if not values:
        raise Usage("nothing to change", hint=f"name a field: crm {LINE.command} edit -h")
    number = _one(s, which)
    with s.write() as tx:
        saved(tx, number, values)


app.command("edit")(
    command(
        _edit,
        [
            _argument("which", list[str], "[SEGMENT] LINE", "By id or name."),
            *fields.options(LINE, without=("segment_id",)),
            *form.OPTIONS,
        ],
        EDIT,
    )
)


@app.command()
def delete(ctx: typer.Context, which: Which) -> None:
    """Delete a line.

    Example: crm segment line delete Gold "big"
    """
    s = session(ctx)
    number = _one(s, which)
    with s.write() as tx:
        s.done(LINE.name, [number])
        records.delete(tx, LINE.name, number)
