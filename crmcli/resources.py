"""The files that ship with the program: in the package when installed, beside it in a checkout."""

from __future__ import annotations

import os

PACKAGE = os.path.dirname(os.path.abspath(__file__))


def path(*names: str) -> str:
    """The path of a shipped file, such as ``path("schema.sql")`` or ``path("templates", "mail", "thanks.txt.j2")``."""
    inside = os.path.join(PACKAGE, *names)
    return inside if os.path.exists(inside) else os.path.join(os.path.dirname(PACKAGE), *names)


def read(*names: str) -> str:
    """The text of a shipped file, UTF-8."""
    with open(path(*names), encoding="utf-8") as file:
        return file.read()
