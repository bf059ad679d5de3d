"""crm help: longer pages on topics, and the help of any command."""

from __future__ import annotations

import difflib
import os
import re
import sys
from typing import Annotated

import typer

from crmcli import resources
from crmcli.cli.commands import COMMANDS
from crmcli.errors import NotFound, Usage

app = typer.Typer()

BLOCK = re.compile(r"^```\w*\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@app.command()
def help(  # noqa: A001 - the command's name
    ctx: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="A topic, or a command: rule add", metavar="TOPIC")] = None,
) -> None:
    """Show a longer help page, or the help of a command; without a topic, list the topics.

    Example: crm help dates
    """
    words = words or []
    if not words:
        known = topics()
        wide = max(map(len, known))
        sys.stdout.write("Topics, each shown by crm help TOPIC:\n\n")
        sys.stdout.write("".join(f"  {name:{wide}}  {title}\n" for name, title in known.items()))
        sys.stdout.write("\nThe help of a command: crm help COMMAND, such as crm help case add\n")
    elif len(words) == 1 and words[0] in topics():
        sys.stdout.write(BLOCK.sub(lambda block: re.sub("^(?=.)", "  ", block[1], flags=re.MULTILINE), page(words[0])))
    else:
        _of_command(words)


def topics() -> dict[str, str]:
    """Each topic and the title of its page."""
    names = sorted(name.removesuffix(".md") for name in os.listdir(resources.path("help")) if name.endswith(".md"))
    return {name: page(name).split("\n", 1)[0].removeprefix("# ") for name in names}


def page(topic: str) -> str:
    """The page of a topic, as it is kept: a title, paragraphs, and what is to be shown as it is indented or in fences."""
    return resources.read("help", f"{topic}.md")


def _of_command(words: list[str]) -> None:
    from crmcli.cli import root

    try:
        root.run([*words, "--help"])
    except Usage as error:
        if words[0] in COMMANDS:
            raise NotFound(error.message, hint=error.hint) from error
        near = difflib.get_close_matches(words[0], {*topics(), *COMMANDS})
        hint = f"nearest: {', '.join(near)}" if near else "topics: crm help; commands: crm --help"
        raise NotFound(f"no help on {' '.join(words)}", hint=hint) from error
