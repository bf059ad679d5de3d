"""crm completion: the script that completes crm in a shell, and what it asks at every press of the key."""

from __future__ import annotations

import re
import shlex
import sys
from typing import Annotated, NamedTuple

import typer

from crmcli import resources
from crmcli.cli import complete
from crmcli.cli.candidates import Candidate
from crmcli.errors import NotFound

app = typer.Typer()

SHELLS = ("bash", "zsh", "fish")
MARK = "\x00"

# Where bash begins a new word (COMP_WORDBREAKS) though it is the same word to us, and what needs a backslash there.
BREAKS = ":=@"
SPECIAL = re.compile(r"[^\w@%+=:,./-]")
IN_QUOTES = re.compile(r'[\\"$`]')


class Line(NamedTuple):
    """A command line up to the cursor: its whole words, the begun one, and the quote that it stands in."""

    words: list[str]
    begun: str
    quote: str


@app.command()
def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish")],
    line: Annotated[str | None, typer.Argument(help="A command line, up to the cursor, to be completed.", hidden=True)] = None,
) -> None:
    """Print the script that completes commands, options and values in a shell; its first line says where to put it.

    Example: crm completion bash
    """
    if shell not in SHELLS:
        raise NotFound(f"no completion for {shell}", hint=f"one of: {', '.join(SHELLS)}")
    if line is None:
        sys.stdout.write(resources.read("completion", shell))
        return
    parts = split(line)
    try:
        found = complete.candidates(parts.words[1:], parts.begun)
    except Exception:  # whatever is wrong, a key that was pressed at the prompt must not tell it
        return
    sys.stdout.write("".join(f"{text}\n" for text in _written(shell, found, parts)))


def split(line: str) -> Line:
    """The words of a line as the shell reads them, its last quote perhaps still open."""
    for quote in ("", '"', "'"):
        try:
            *words, begun = shlex.split(line + MARK + quote)
        except ValueError:
            continue
        return Line(words, begun.replace(MARK, ""), quote)
    return Line([], "", "")


def _written(shell: str, found: list[Candidate] | None, line: Line) -> list[str]:
    """The candidates as the shell's script takes them."""
    if found is None:
        return ["<files>"]
    if shell != "bash":
        return [f"{one.value}\t{one.help}" for one in found]
    head = max((line.begun.rfind(sign) for sign in BREAKS), default=-1) + 1 if not line.quote else 0
    return [_for_bash(one.value, head, line.quote) for one in found]


def _for_bash(value: str, head: int, quote: str) -> str:
    """A candidate from the place on that bash replaces; a blank after it where nothing belongs behind it."""
    if quote == '"':
        text = IN_QUOTES.sub(r"\\\g<0>", value)
        return f'{text}"' if text.endswith('"') else text  # which bash takes for closed already
    if quote:
        return value
    text = SPECIAL.sub(lambda sign: f"\\{sign[0]}", value[head:])
    return text if value.endswith((":", "/")) else f"{text} "
