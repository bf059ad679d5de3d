"""A line of a file, and the text that it is read from."""

from __future__ import annotations

import io
from collections.abc import Iterator

from crmcli.text import clean
from crmcli.tuples import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO


class Line(NamedTuple):
    """One row of a file: the number of its line (of the object in a json array), its cells, or why it cannot be read."""

    number: int
    cells: dict[str, Any]
    fault: str = ""


def text(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The text of a seekable file from its beginning, line by line."""
    file.seek(0)
    reader = io.TextIOWrapper(file, encoding, newline="")
    try:
        for number, line in enumerate(reader):
            yield line if number else line.removeprefix("\ufeff")
    finally:
        if not file.closed:  # it stays open for whoever has it; else there is nothing to leave
            reader.detach()


def shown(value: object) -> str:
    """A foreign value in a message."""
    return clean(str(value), lines=False)[:60]
