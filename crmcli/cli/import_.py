"""crm import: rows out of files, in one step that can be undone."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO, cast

import typer

from crmcli.cli.session import Session, session
from crmcli.errors import CrmError, NotFound, Partly, Usage
from crmcli.model import Column, Result
from crmcli.text import shown
from crmcli.transfer import encoding, lines, load
from crmcli.transfer.work import DONE, MODES, Options
from crmcli.values import Moment

app = typer.Typer()

KINDS = "case, partner, contact, amount, rule, section, category, user, event … or mail, or all"
LARGE = 1 << 20
COLUMNS = (Column("kind"), *(Column(word, "int") for word in (*DONE, "refused")), Column("lines", "object"))


@app.command("import")
def import_(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What the rows are: {KINDS}.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="csv, tsv, json, jsonl, vcf; for mail mbox or Maildir; - reads.")],
    renamed: Annotated[
        list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="Their column is our field; 'X=' leaves X out.")
    ] = None,
    match: Annotated[str, typer.Option(metavar="name|email|ref|id", help="What tells that a row is here already.")] = "",
    mode: Annotated[str, typer.Option(metavar="|".join(MODES), help="Which lines count: new ones, known ones, both.")] = "both",
    make: Annotated[bool, typer.Option("--create-missing", help="Make partners, categories, sections that are named.")] = False,
    told: Annotated[str, typer.Option("--encoding", metavar="NAME", help="If it is not UTF-8: latin-1, cp1251 …")] = "",
    run_rules: Annotated[bool, typer.Option("--run-rules", help="Let rules, events and mails follow, as for new cases.")] = False,
) -> int:
    """Import rows: all that can be read, in one step; lines that are refused are listed, with 9 as exit code.

    The columns of OpenERP's and Odoo's csv exports are known; see: crm help moving-from-openerp. Links go by name,
    code, login or path. An empty cell leaves what is there; the same file twice changes nothing. Try it with -n first.

    crm import partner people.csv --match email --map 'Firm=name' --map 'Fax='

    crm import case opportunities.csv --create-missing --tz Europe/Berlin

    crm import all everything.json     (a fresh database; what crm export all wrote)

    Example: crm import partner people.csv
    """
    s = session(ctx)
    if kind.lower() in ("mail", "mails"):
        return _mails(s, file, run_rules)
    if kind.lower() == "all":
        return _all(s, file)
    noun = load.kind(kind)
    options = Options(match, mode, make, run_rules)
    with _opened(s, file) as source:
        found = encoding.found(source, told)
        if found.guessed:
            s.say(f"{file} is not UTF-8; it is read as {found.name} (--encoding NAME names another)")
        with s.write("import") as tx:
            read = lines.read(source, os.path.basename(file), found)
            report = load.load(tx, noun, read, dict(map(_pair, renamed or [])), options, Moment(s.now, s.zone))
    _tell(s, noun, report)
    return 0


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not sign or not theirs.strip():
        raise Usage(f"--map {text} names no column", hint="--map THEIRS=OURS")
    return theirs.strip(), ours.strip()


@contextmanager
def _opened(s: Session, file: str) -> Iterator[BinaryIO]:
    """A file, or all of standard input, to be read from its beginning; with a bar on a terminal where it is large."""
    if file == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise Usage("there is nothing on standard input", hint="crm import KIND - < FILE")
        with tempfile.TemporaryFile() as kept:
            while chunk := sys.stdin.buffer.read(LARGE):
                kept.write(chunk)
            kept.seek(0)
            yield cast(BinaryIO, kept)
        return
    try:
        source = open(file, "rb")  # noqa: SIM115 - closed below, by whoever has it last
    except FileNotFoundError:
        raise NotFound(f"no file {file}", hint="- reads standard input") from None
    except IsADirectoryError:
        raise Usage(f"{file} is a folder", hint="name a file; for a Maildir: crm import mail") from None
    with source:
        size = os.fstat(source.fileno()).st_size
        if s.given.quiet or not sys.stderr.isatty() or size < LARGE:
            yield source
            return
        from rich.console import Console
        from rich.progress import wrap_file

        with wrap_file(source, size, description="import", console=Console(stderr=True), transient=True) as watched:
            yield watched


def _mails(s: Session, file: str, live: bool) -> int:
    """Mails go the road of `crm ingest`."""
    from crmcli.cli import pipe

    if file != "-":
        return pipe.run(s, pipe.Request(files=(file,), live=live))
    with _opened(s, file) as source, tempfile.NamedTemporaryFile() as kept:
        kept.write(source.read())
        kept.flush()
        return pipe.run(s, pipe.Request(files=(kept.name,), live=live))


def _all(s: Session, file: str) -> int:
    """A whole database, as `crm export all` wrote it."""
    from crmcli.transfer import restore

    with _opened(s, file) as source, s.write("import") as tx:
        count = restore.restore(tx, source)
    s.say(f"import all: {count} rows" if count else "import all: everything is here already")
    return 0


def _tell(s: Session, noun: str, report: load.Report) -> None:
    """Say what came of the lines; those refused one by one, and as an error: 1 where all were, 9 where some were."""
    if report.left:
        s.say(f"columns left out: {', '.join(report.left)} (--map THEIRS=OURS takes one in)")
    refused = report.refused
    row = {"kind": noun, **report.counts, "refused": len(refused), "lines": [one._asdict() for one in refused]}
    if s.wants_object:
        s.show(Result(COLUMNS, [row], one=True))
    else:
        told = [f"{count} {word}" for word, count in report.counts.items() if count]
        s.say(f"import {noun}: {', '.join(told) or 'nothing taken'}")
        for one in refused:
            sys.stderr.write(f"line {one.line}: {shown(one.reason)}\n")
    if refused:
        total = report.taken + len(refused)
        listed = "; ".join(f"line {one.line}: {one.reason}" for one in refused[:3]) if s.wants_object else ""
        message = f"{len(refused)} of {total} lines refused{': ' + listed if listed else ''}"
        raise (Partly if report.taken else CrmError)(message, hint="" if listed else "mend those lines and import again")
