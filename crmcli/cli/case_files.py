"""crm case attach, files: files of the disk onto cases and back, and never over one that is there (mail.md §6)."""

from __future__ import annotations

import os
from typing import Annotated, NamedTuple

import typer

from crmcli import case_list, find
from crmcli import files as stored
from crmcli.cli import case_options, lists, nouns
from crmcli.cli.case_options import One
from crmcli.cli.list_options import After, Columns, Limit, Sort
from crmcli.cli.session import session
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused
from crmcli.execute import execute
from crmcli.model import Attach, Column, Outcome, Result, Row

app = typer.Typer()


class File(NamedTuple):
    """A file read from the disk."""

    name: str
    type: str
    content: bytes


def read(path: str) -> File:
    """The file at a path; NotFound where it cannot be read."""
    import mimetypes

    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from None
    return File(os.path.basename(path), mimetypes.guess_type(path)[0] or "application/octet-stream", content)


def put(tx: Tx, case_id: int, files: list[File]) -> tuple[int, ...]:
    """Put files on a case → their attachment ids."""
    if not files:
        return ()
    execute(tx, *(Attach(case_id, file.name, file.type, len(file.content), stored.store(tx, file.content)) for file in files))
    return stored.newest(tx.conn, case_id, len(files))


@app.command()
def attach(
    ctx: typer.Context,
    which: One,
    paths: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files to keep with it.")],
) -> None:
    """Put files on a case.

    Example: crm case attach 1 plan.pdf
    """
    s = session(ctx)
    found = [read(path) for path in paths]

    def act(tx: Tx, case_id: int) -> None:
        put(tx, case_id, found)
        case_options.tell(s, Outcome(case_id))

    s.each(nouns.chosen(s, "case", [which]), act)


@app.command()
def files(
    ctx: typer.Context,
    which: One,
    save: Annotated[str, typer.Option(metavar="FOLDER", help="Write them there, each under a name of its own.")] = "",
    columns: Columns = "",
    sort: Sort = "",
    limit: Limit = None,
    after: After = None,
) -> None:
    """List the files of a case, those of its mails included.

    Example: crm case files 1 --save /tmp/case-1
    """
    s = session(ctx)
    found = Result(case_list.FILE_COLUMNS, stored.of_case(s.conn, find.one(s.conn, "case", which)))
    asked = lists.Asked(columns, sort, limit, after)
    if not save:
        s.show(lists.shaped(s, found, asked))
        return
    if s.given.dry_run:
        raise Refused("files cannot be saved in a dry run", hint="leave -n out")
    saved = [{**row, "path": _written(save, row, stored.content(s.conn, row["sha256"]))} for row in found.rows]
    s.show(lists.shaped(s, Result((*case_list.FILE_COLUMNS, Column("path")), saved), asked))


def _written(folder: str, row: Row, content: bytes) -> str:
    """Write a file into a folder under its safe name, numbered where that is taken → its path."""
    os.makedirs(folder, exist_ok=True)
    stem, end = os.path.splitext(stored.safe_name(row["name"]))
    number = 1
    while True:
        path = os.path.join(folder, f"{stem}-{number}{end}" if number > 1 else f"{stem}{end}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return path
