"""HTML mail → text: links as `text (url)`, quotes as `> `, what is hidden left out (mail.md §6)."""

from __future__ import annotations

import re

from crmcli.mail.incoming import Span
from crmcli.mail.tags import names, soften
from crmcli.text import clean
from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

LEVELS = 10
LINES = 200_000
BLANKS = re.compile(r"[ \t\n\r\f\v\xa0\u200b\ufeff]+")
LINK = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)

BLOCKS = names(
    "address article aside body center dd details dialog div dl dt fieldset figcaption figure footer form header html "
    "legend main nav section summary table tbody tfoot thead tr li"
)
PARAGRAPHS = names("p blockquote h1 h2 h3 h4 h5 h6 ul ol pre")
SKIPPED = {"head", "-comment", "-doctype"}


class Page(NamedTuple):
    """The text of a page, the spans of it that its structure marks as quoted or signed, and whether it was cut."""

    text: str
    quoted: list[Span]
    cut: bool


def to_text(html: str) -> Page:
    """The page as a reader would see it, in plain lines."""
    from selectolax.lexbor import LexborHTMLParser

    tame, cut = soften(clean(html))
    root = LexborHTMLParser(tame).root
    writer = _Writer()
    if root is not None:
        _walk(root, writer)
    return Page(*writer.text(), cut or writer.full)


def _walk(root: LexborNode, writer: _Writer) -> None:
    """Tell the writer of every node, in the order of the text; without recursion, as pages nest deeply."""
    open_nodes: list[tuple[LexborNode, str]] = []
    node: LexborNode | None = root
    while node is not None:
        tag = node.tag or "-"
        child = node.first_child if writer.enter(node, tag) else None
        if child is not None:
            open_nodes.append((node, tag))
            node = child
            continue
        following = node.next
        if tag != "-text":
            writer.leave(tag)
        while following is None and open_nodes:
            parent, tag = open_nodes.pop()
            writer.leave(tag)
            following = parent.next
        node = following


class _Writer:
    """The lines so far, each with its level of quoting, and what stands open."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.line: list[str] = []
        self.level = 0
        self.pre = 0
        self.quoted: list[tuple[int, int]] = []
        self.opened: list[tuple[str, dict[str, str | None], int]] = []
        self.labels: list[list[str]] = []

    def enter(self, node: LexborNode, tag: str) -> bool:
        """Begin an element; False where nothing in it is shown."""
        if tag == "-text":
            self.write(node.text_content or "")
            return False
        attributes = node.attributes if tag[0] != "-" else {}
        self.opened.append((tag, attributes, 0))
        if tag in SKIPPED or "hidden" in attributes:
            return False
        if tag == "br":
            self.end_line()
        elif tag == "hr":
            self.paragraph()
            self.write("-" * 20)
        elif tag == "img" and attributes.get("alt"):
            self.write(f"[{attributes['alt']}]")
        elif tag == "x-a":
            self.labels.append([])
        elif tag in PARAGRAPHS:
            self.paragraph()
        elif tag in BLOCKS:
            self.block()
        if attributes.keys() & {"quote", "rest", "sign"}:
            self.block()
        self.opened[-1] = (tag, attributes, len(self.lines))
        if tag == "li":
            self.write("- ")
        self.pre += tag == "pre"
        self.level += tag == "blockquote" and "indented" not in attributes
        return True

    def leave(self, tag: str) -> None:
        """End the element that was begun last."""
        tag, attributes, start = self.opened.pop()
        if tag in SKIPPED or "hidden" in attributes:
            return
        if tag == "x-a":
            self.link("".join(self.labels.pop()).strip(), attributes.get("href") or "")
        elif tag in ("td", "th"):
            self.write(" ")
        elif tag in PARAGRAPHS or tag in BLOCKS or tag == "hr":
            self.block()
        if attributes.keys() & {"quote", "rest", "sign"}:
            self.block()
            self.quoted.append((start, 1 << 60 if "rest" in attributes else len(self.lines)))
        self.pre -= tag == "pre"
        self.level -= tag == "blockquote" and "indented" not in attributes
        if tag in PARAGRAPHS or tag == "hr":
            self.paragraph()

    @property
    def full(self) -> bool:
        """Whether there are more lines than anyone reads."""
        return len(self.lines) >= LINES

    def write(self, text: str) -> None:
        """Put text on the line; blanks and line breaks are one blank, but in `pre`."""
        if self.full:
            return
        if self.pre:
            *whole, text = text.split("\n", LINES - len(self.lines))
            for line in whole:
                self.line.append(line)
                self.end_line()
        else:
            text = BLANKS.sub(" ", text)
            if not self.line or self.line[-1].endswith(" "):
                text = text.lstrip(" ")
        if text:
            self.line.append(text)
            for label in self.labels[-1:]:
                label.append(text)

    def link(self, label: str, href: str) -> None:
        """Put the address of a link behind its text, unless the text says the same."""
        href = "".join(href.split())
        same = re.sub(r"^(mailto:|https?://)|[/?].*$", "", href) if label else ""
        if LINK.match(href) and label.rstrip("/") not in (href.rstrip("/"), same):
            self.write(f"{'' if not self.line or self.line[-1].endswith(' ') else ' '}({href})")

    def end_line(self) -> None:
        """End the line, also an empty one."""
        if not self.full:
            self.lines.append((self.level, "".join(self.line).rstrip()))
        self.line = []

    def block(self) -> None:
        """End the line if something stands on it."""
        if "".join(self.line).strip():
            self.end_line()
        self.line = []

    def paragraph(self) -> None:
        """End the line, and leave one empty."""
        self.block()
        if self.lines and self.lines[-1][1]:
            self.lines.append((self.level, ""))
        elif self.lines:
            self.lines[-1] = (min(self.level, self.lines[-1][0]), "")

    def text(self) -> tuple[str, list[Span]]:
        """All lines as one text without double empty ones, and where in it the marked lines lie."""
        self.block()
        pieces: list[str] = []
        offsets = [0]
        at, empty = 0, True
        for level, line in self.lines:
            if line or not empty:
                piece = f"{'> ' * min(level, LEVELS)}{clean(line)}".rstrip() + "\n"
                pieces.append(piece)
                at += len(piece)
            empty = not line
            offsets.append(at)
        text = "".join(pieces).rstrip("\n")
        spans = [(offsets[start], offsets[min(end, len(self.lines))]) for start, end in sorted(self.quoted)]
        return text, [(start, min(end, len(text))) for start, end in spans if start < min(end, len(text))]
