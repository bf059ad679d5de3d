"""What the terminal and the system around a run are like: colour, width, and who is logged in (cli.md §6)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

NARROW = 80


def colored(environ: Mapping[str, str]) -> bool:
    """Whether standard output gets colour: NO_COLOR and TERM=dumb switch it off, FORCE_COLOR on, else a terminal has it."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def width(environ: Mapping[str, str]) -> int:
    """The columns of the terminal, or COLUMNS."""
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or NARROW
    except (OSError, ValueError):
        return NARROW


def login() -> str:
    """The system's name for whoever runs this; empty where it has none."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
