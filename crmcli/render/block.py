"""Text in a block of so many columns, wide characters counted as two."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, chop_cells


def wrapped(text: str, width: int) -> Iterator[str]:
    """The lines of the text, long ones broken between words, and words that are too long anywhere."""
    for line in text.expandtabs(4).split("\n"):
        current: str | None = None
        for word in line.split(" "):
            longer = word if current is None else f"{current} {word}"
            if cell_len(longer) <= width:
                current = longer
                continue
            if current:
                yield current
            *full, current = chop_cells(word, width)
            yield from full
        yield current or ""
