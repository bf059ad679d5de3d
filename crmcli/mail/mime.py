"""The parts of a mail, found under budgets (mail.md §6, RFC 2045, 2046).

The standard library's compat32 parser reads every block of headers, already cut to its budget. The bodies are cut
at their boundary lines here: given a whole mail, that parser needs 2.4 s and 500 MB for 10 MB of short lines, and
raises at 1,000 levels.
"""

from __future__ import annotations

import re

from crmcli.mail.words import parameters
from crmcli.tuples import NamedTuple, TypeAlias

HEADERS = 256 * 1024
HEADER = 64 * 1024
DEPTH = 50
PARTS = 1000
# Lines that begin like a boundary and are looked at; beyond, the mail is hostile.
CANDIDATES = 100_000

# A header with the lines that continue it, all of them ended as usual.
FIELD = re.compile(r"([!-9;-~]+):[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)(?:\r?\n|\Z)")
OBSOLETE = re.compile(rb"^([!-9;-~]+)([ \t]+):", re.MULTILINE)
# Compiled where a mail has parts.
AFTER_BOUNDARY = rb"(--)?[ \t]*(?:\r?\n|\r?\Z)"
FIRST_LINE = rb"\s*--([^\r\n]{1,200}?)[ \t]*\r?\n"
TYPE = re.compile(r"\s*([\w.+-]+)\s*/\s*([\w.+-]+)")

Field: TypeAlias = tuple[str, str]  # name, value
Section: TypeAlias = tuple[int, int]  # start, end in the raw bytes


class Entity(NamedTuple):
    """A mail, or a part of one.

    fields are as they came, bytes over 127 as surrogates; the body is raw[start:end]; alternative tells whether it
    stands in a multipart/alternative, at any depth.
    """

    fields: tuple[Field, ...]
    type: str
    parameters: dict[str, str]
    disposition: str
    name: str
    encoding: str
    start: int
    end: int
    alternative: bool
    children: list[Entity]

    def get(self, name: str) -> str:
        """The first value of the header of this lower-case name, '' without."""
        return next((value for key, value in self.fields if key.lower() == name), "")


def tree(raw: bytes) -> tuple[Entity, tuple[str, ...]]:
    """The mail with its parts as children, and the marks of what was cut or is missing."""
    marks: dict[str, None] = {}
    root = _entity(raw, (_first(raw), len(raw)), None, marks)
    waiting = [(root, 0)]
    parts, lines = PARTS, CANDIDATES
    while waiting:
        entity, depth = waiting.pop()
        if not entity.type.startswith("multipart/"):
            continue
        if depth >= DEPTH:
            marks["cut-depth"] = None
            continue
        sections, closed, seen = _sections(raw, entity, lines, parts)
        if len(sections) > parts or seen >= lines:
            marks["cut-parts"] = None
        elif not closed:
            marks["truncated"] = None
        entity.children.extend(_entity(raw, section, entity, marks) for section in sections[:parts])
        waiting.extend((child, depth + 1) for child in reversed(entity.children))
        parts, lines = parts - len(entity.children), lines - seen
    return root, tuple(marks)


def leaves(entity: Entity) -> list[Entity]:
    """All parts that have no parts of their own, in their order."""
    found, waiting = [], [entity]
    while waiting:
        part = waiting.pop()
        waiting.extend(reversed(part.children))
        if not part.children:
            found.append(part)
    return found


def unfolded(value: str) -> str:
    """The value of a header on one line (RFC 5322 §2.2.3)."""
    return value.replace("\r", "").replace("\n", "")


def _first(raw: bytes) -> int:
    """Where the mail begins: blank lines and a BOM before its first header do not count."""
    found = re.match(rb"(?:\xef\xbb\xbf)?[\r\n]*(?=[!-9;-~]+[ \t]*:|From )", raw)
    return found.end() if found else 0


def _entity(raw: bytes, section: Section, parent: Entity | None, marks: dict[str, None]) -> Entity:
    fields, body = _headers(raw, *section, marks)
    lower = {name.lower(): unfolded(value) for name, value in reversed(fields) if name[:8].lower() == "content-"}
    content_type, disposition = lower.get("content-type", ""), lower.get("content-disposition", "")
    found = TYPE.match(content_type)
    default = "message/rfc822" if parent and parent.type == "multipart/digest" else "text/plain"
    of_type, of_disposition = parameters(content_type), parameters(disposition)
    return Entity(
        fields=tuple(fields),
        type=f"{found[1]}/{found[2]}".lower() if found else default,
        parameters=of_type,
        disposition=disposition.partition(";")[0].strip().lower(),
        name=of_disposition.get("filename") or of_type.get("name") or of_disposition.get("name") or "",
        encoding=lower.get("content-transfer-encoding", ""),
        start=body,
        end=section[1],
        alternative=parent is not None and (parent.alternative or parent.type == "multipart/alternative"),
        children=[],
    )


def _headers(raw: bytes, start: int, end: int, marks: dict[str, None]) -> tuple[list[Field], int]:
    """The headers at start, and where their body begins."""
    if raw[start : start + 1] == b"\n" or raw[start : start + 2] == b"\r\n":
        return [], start + (1 if raw[start : start + 1] == b"\n" else 2)
    stop, body = _blank_line(raw, start, end)
    if stop - start > HEADERS:
        marks["cut-headers"] = None
        stop = raw.rfind(b"\n", start, start + HEADERS) + 1 or start + HEADERS
    block = raw[start:stop]
    if (b" :" in block or b"\t:" in block) and OBSOLETE.search(block):
        block = OBSOLETE.sub(rb"\1:\2", block)
    fields = _plain_fields(_escaped(block))
    if fields is None:
        from email.parser import HeaderParser  # with all that it loads, for the few mails that are odd

        # by a letter a byte: what is left it would decode by a charset that the mail names, whatever that is
        message = HeaderParser().parsestr(block.decode("latin-1"))
        left = message.get_payload()
        if left:
            # a line that is no header ends them: the body begins with it
            body = start + len(block) - len(left)
            marks.pop("cut-headers", None)
        fields = [(name, _escaped(value.encode("latin-1"))) for name, value in message.raw_items()]
    if any(len(value) > HEADER for _, value in fields):
        marks["cut-header"] = None
        fields = [(name, value[:HEADER]) for name, value in fields]
    return fields, body


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the first empty line begins and ends, both the end without one.

    The kind that the first line's ending tells is looked for first: the other may be nowhere in a large mail.
    """
    first = raw.find(b"\n", start, end)
    kinds = (b"\n\r\n", b"\n\n") if raw[first - 1 : first] == b"\r" else (b"\n\n", b"\n\r\n")
    found = (end, end)
    for kind in kinds:
        at = raw.find(kind, start, found[0])
        found = (at + 1, at + len(kind)) if at >= 0 else found
    return found


def _escaped(data: bytes) -> str:
    return data.decode("ascii", "surrogateescape")


def _plain_fields(block: str) -> list[Field] | None:
    """What the parser gives for a block of headers that is well formed, in a quarter of its time; else None."""
    fields: list[Field] = []
    position = 0
    while position < len(block):
        found = FIELD.match(block, position)
        if found is None:
            return None
        fields.append((found[1], found[2]))
        position = found.end()
    return fields


def _sections(raw: bytes, entity: Entity, lines: int, parts: int) -> tuple[list[Section], bool, int]:
    """Where the parts of a multipart lie, whether its end was there, and how many lines were looked at."""
    boundary = entity.parameters.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
    start, end = entity.start, entity.end
    if not boundary or raw.find(b"--" + boundary, start, end) < 0:
        guess = re.compile(FIRST_LINE).match(raw, start, end)
        if not guess:
            return [], False, 0
        boundary = guess[1]
    line, ending = b"--" + boundary, re.compile(AFTER_BOUNDARY)
    found: list[Section] = []
    opened, closed, seen, at = -1, False, 0, raw.find(line, start, end)
    while at >= 0 and seen < lines and len(found) <= parts:
        seen += 1
        after = ending.match(raw, at + len(line), end)
        if after and (at == start or raw[at - 1 : at] == b"\n"):
            if opened >= 0:
                found.append((opened, _before(raw, opened, at)))
            closed = bool(after[1])
            opened = -1 if closed else after.end()
        at = raw.find(b"\n" + line, at + 1, end)
        at += at >= 0
    if opened >= 0 and at < 0:
        found.append((opened, end))
    return [(first, last) for first, last in found if first < last or len(found) == 1], closed, seen


def _before(raw: bytes, start: int, at: int) -> int:
    """The end of the part before a boundary line: the line break belongs to the boundary (RFC 2046 §5.1.1)."""
    if raw[at - 1 : at] == b"\n":
        at -= 1
    if raw[at - 1 : at] == b"\r":
        at -= 1
    return max(at, start)
