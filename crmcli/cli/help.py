"""crm help: longer pages on topics, and the help of any command."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from crmcli import resources
from crmcli.errors import NotFound

app = typer.Typer()


@app.command()
def help(  # noqa: A001 - the command's name
    ctx: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="A topic, or a command: rule add", metavar="TOPIC")] = None,
) -> None:
    """Show a longer help page, or the help of a command; without a topic, list the topics.

    Example: crm help dates
    """
    words = words or []
    known = topics()
    if not words:
        sys.stdout.write("Topics, each shown by crm help TOPIC:\n\n")
        sys.stdout.write("".join(f"  {name:12} {title}\n" for name, title in known.items()))
    elif len(words) == 1 and words[0] in known:
        sys.stdout.write(resources.read("help", f"{words[0]}.md"))
    else:
        _of_command(ctx, words)


def topics() -> dict[str, str]:
    """Each topic and the title of its page."""
    folder = resources.path("help")
    names = sorted(name.removesuffix(".md") for name in os.listdir(folder) if name.endswith(".md"))
    return {name: resources.read("help", f"{name}.md").split("\n", 1)[0].removeprefix("# ") for name in names}


def _of_command(ctx: typer.Context, words: list[str]) -> None:
    from crmcli.cli import root

    try:
        root.run([*words, "--help"])
    except Exception as error:
        names = ", ".join(topics())
        raise NotFound(f"no help on {' '.join(words)}", hint=f"topics: {names}; or a command: crm help case add") from error
