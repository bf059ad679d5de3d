"""HTML mail → text."""

from __future__ import annotations

from crmcli.mail.incoming import Span
from crmcli.text import clean


def to_text(html: str) -> tuple[str, list[Span]]:
    """The text of a page, and the spans of it that its structure marks as quoted."""
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(html).body
    return clean(body.text(separator="\n") if body else "").strip("\n"), []
