"""crm man: the help of the commands and the pages on topics as manual pages."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer import _click as click

import crmcli
from crmcli.cli import help as pages
from crmcli.cli import root
from crmcli.cli.commands import COMMANDS, HEADINGS
from crmcli.errors import NotFound, Usage
from crmcli.render import roff

app = typer.Typer()

SOURCE = f"crm {crmcli.__version__}"
ENVIRONMENT = (
    ("CRM_DB", "The database, instead of --db."),
    ("CRM_USER", "Whom to act as, instead of --as."),
    ("CRM_NOW", "The present moment, instead of --now."),
    ("CRM_OUTPUT", "The format of results, instead of -o."),
    ("CRM_CONFIG", "Your own settings, instead of --config."),
    ("TZ", "The zone in which times are shown and read."),
    ("VISUAL, EDITOR", "What edit, note and reply open."),
    ("NO_COLOR, FORCE_COLOR", "Colour off or on."),
)


@app.command()
def man(
    ctx: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="A command or a topic; else crm itself.")] = None,
    folder: Annotated[str, typer.Option("--all", metavar="FOLDER", help="Write all pages into it.", show_default=False)] = "",
) -> None:
    """Print a manual page: of crm, of a command with all below it, or of a topic; try it with man -l.

    Example: crm man case | man -l -
    """
    if folder and words:
        raise Usage("either one page or all of them", hint="crm man --all FOLDER")
    if not folder:
        sys.stdout.write(_page((words or [""])[0]))
        return
    os.makedirs(folder, exist_ok=True)
    for name in ("", *COMMANDS, *pages.topics()):
        path = os.path.join(folder, f"{_title(name)}.{_section(name)}")
        with open(path, "w", encoding="ascii") as file:
            file.write(_page(name))


def _title(name: str) -> str:
    return f"crm-{name}" if name else "crm"


def _section(name: str) -> int:
    """1 for commands, 7 for topics that are not the name of a command."""
    return 1 if not name or name in COMMANDS else 7


def _page(name: str) -> str:
    """The page of crm ('') or of a command, with the topic of the same name; or of a topic."""
    if name and name not in COMMANDS and name not in pages.topics():
        near = difflib.get_close_matches(name, {*COMMANDS, *pages.topics()})
        raise NotFound(f"no page on {name}", hint=f"nearest: {', '.join(near)}" if near else "crm --help; topics: crm help")
    parts = _of_topic(name) if _section(name) == 7 else _of_command(name) if name else _of_all()
    return "".join((roff.head(_title(name), _section(name), SOURCE), *parts))


def _of_topic(name: str) -> Iterator[str]:
    yield _name(name, pages.topics()[name])
    yield roff.heading("Description")
    yield roff.of_page(pages.page(name))
    yield _see_also(name)


def _of_all() -> Iterator[str]:
    whole = root.root()
    yield _name("", whole.help or "")
    yield roff.heading("Synopsis") + roff.paragraph("crm [OPTIONS] COMMAND [ARGUMENTS]")
    yield roff.heading("Options") + roff.paragraph("They may stand before or behind the command.")
    yield roff.listed(_options(whole, "crm"))
    for heading, under in HEADINGS.items():
        yield roff.heading(heading) + roff.listed((f"crm {name}", entry.text) for name, entry in under.items())
    yield roff.heading("Exit status") + roff.of_page(pages.page("exit-codes"))
    yield roff.heading("Environment") + roff.listed(ENVIRONMENT)
    yield _see_also("")


def _of_command(name: str) -> Iterator[str]:
    whole = root.root()
    command = whole.get_command(click.Context(whole), name)
    yield _name(name, COMMANDS[name].text)
    yield roff.heading("Synopsis")
    found = list(_below(command, f"crm {name}"))
    for words, below in found:
        yield roff.paragraph(_usage(below, words))
    if len(found) > 1:
        yield roff.heading("Commands")
    for words, below in found:
        yield roff.subheading(words) if len(found) > 1 else roff.heading("Description")
        yield _described(below, words)
    if name in pages.topics():
        yield roff.heading("Notes") + roff.of_page(pages.page(name))
    yield _see_also(name)


def _below(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """A command alone, or all those below a group."""
    if not hasattr(command, "commands"):
        yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _below(below, f"{words} {name}")


def _described(command: Any, words: str) -> str:
    """The help of a command in paragraphs, its arguments and options, and its example."""
    text, _, example = (command.help or "").partition("Example: ")
    parts = [roff.paragraph(part) for part in re.split(r"\n\s*\n", text.strip())]
    return "".join([*parts, roff.listed(_options(command, words)), roff.as_it_is([example.strip()]) if example else ""])


def _usage(command: Any, words: str) -> str:
    return " ".join([words, *command.collect_usage_pieces(click.Context(command, info_name=words))])


def _options(command: Any, words: str) -> Iterator[tuple[str, str]]:
    """The arguments and options that the help shows."""
    ctx = click.Context(command, info_name=words, **command.context_settings)
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record and not getattr(param, "hidden", False):
            yield record


def _name(name: str, text: str) -> str:
    words = text.rstrip(".")
    return roff.heading("Name") + f"{roff.escaped(_title(name))} \\- {roff.escaped(words[:1].lower() + words[1:])}\n"


def _see_also(name: str) -> str:
    others = [other for other in ("", "help", *pages.topics()) if other != name]
    return roff.heading("See also") + roff.paragraph(", ".join(f"{_title(other)}({_section(other)})" for other in others))
