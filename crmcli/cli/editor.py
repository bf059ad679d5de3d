"""Words that people write: from the command line, from standard input, or in their editor (cli.md §1)."""

from __future__ import annotations

from crmcli.cli.session import Session
from crmcli.errors import Usage
from crmcli.text import clean


def text(s: Session, given: str | None, initial: str = "") -> str | None:
    """The words given; ``-`` is standard input; without any the editor on a terminal, elsewhere None."""
    if given == "-":
        return clean(s.read().decode("utf-8", "replace")).rstrip("\n")
    if given is not None:
        return clean(given)
    return edited(s, initial) if s.on_terminal else None


def edited(s: Session, initial: str, suffix: str = ".txt") -> str:
    """The text as it is after $VISUAL or $EDITOR; Usage where it comes back empty or the editor fails."""
    import os
    import shlex

    command = s.environ.get("VISUAL") or s.environ.get("EDITOR") or "vi"
    path = kept(initial, suffix)
    try:
        _run(command, [*shlex.split(command), path])
        with open(path, encoding="utf-8", errors="replace") as file:
            written = clean(file.read()).strip("\n")
    finally:
        os.unlink(path)
    if not written.strip():
        raise Usage("nothing was done: the text is empty")
    return written


def kept(text: str, suffix: str = ".txt") -> str:
    """Put a text into a file of its own, which only its owner can read → its path."""
    import os
    import tempfile

    handle, path = tempfile.mkstemp(prefix="crm-", suffix=suffix)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _run(command: str, argv: list[str]) -> None:
    import subprocess

    try:
        code = subprocess.call(argv)
    except OSError as error:
        raise Usage(f"the editor {command} cannot be started: {error.strerror}", hint="set EDITOR to one that can") from None
    if code != 0:
        raise Usage(f"nothing was done: {command} ended with {code}")
