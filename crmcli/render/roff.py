"""Text as a manual page's source, for man and groff: plain ASCII, nothing in it taken for a request. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

FENCE = "```"


def escaped(text: str) -> str:
    """The text as it is to be read: backslashes, hyphens, and what is not ASCII by its number."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti")
    return re.sub(r"[^\n\x20-\x7e]", lambda sign: f"\\[u{ord(sign[0]):04X}]", text.expandtabs(8))


def head(name: str, section: int, source: str) -> str:
    """The first line of a page."""
    return f'.TH "{escaped(name.upper())}" "{section}" "" "{escaped(source)}" "crm"\n'


def heading(text: str) -> str:
    """A heading of a page's part."""
    return f'.SH "{escaped(text.upper())}"\n'


def subheading(text: str) -> str:
    """A heading within a part."""
    return f'.SS "{escaped(text)}"\n'


def paragraph(text: str) -> str:
    """A paragraph, filled."""
    return f".PP\n{_line(' '.join(text.split()))}\n"


def as_it_is(lines: Iterable[str]) -> str:
    """Lines that stay as they are, indented."""
    return ".PP\n.RS 4\n.nf\n" + "".join(f"{_line(line)}\n" for line in lines) + ".fi\n.RE\n"


def listed(rows: Iterable[tuple[str, str]]) -> str:
    """Words, such as options, each with what it means below it."""
    return "".join(f".TP\n.B {_line(word)}\n{_line(' '.join(text.split()) or ' ')}\n" for word, text in rows)


def of_page(text: str) -> str:
    """A page of help without its title: paragraphs, and what is indented or in fences as it is."""
    return "".join(as_it_is(lines) if kept else paragraph(" ".join(lines)) for kept, lines in _parts(text.splitlines()[1:]))


def _parts(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Whether a part stays as it is, and its lines."""
    part: list[str] = []
    kept = fenced = False
    for line in [*lines, ""]:
        if line.startswith(FENCE):
            fenced = not fenced
            line = ""
        indented = fenced or line.startswith("  ")
        if part and (not line.strip() or indented != kept) and not (fenced and kept):
            yield kept, part
            part = []
        if line.strip() or (fenced and part):
            part.append(line if fenced else line.removeprefix("  "))
            kept = indented


def _line(text: str) -> str:
    return f"\\&{escaped(text)}"
