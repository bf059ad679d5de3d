"""Commands in the leading lines of a mail, such as ``Set-State: close``: found, and cut out of its text (mail.md §5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crmcli.mail.incoming import Span
from crmcli.tuples import NamedTuple

LINE = re.compile(r"set-([a-z][a-z-]{0,30})[ \t]*:(.*)", re.IGNORECASE | re.ASCII)
LONGEST = 300
MOST = 30
"""Lines of a block that are read; what follows is text, as is a line that is longer than LONGEST."""

FIELDS = {
    "state": "state",
    "priority": "priority",
    "user": "user_id",
    "section": "section_id",
    "revenue": "planned_revenue",
    "cost": "planned_cost",
    "probability": "probability",
    "category": "category_id",
    "deadline": "deadline_at",
    "partner": "partner_id",
}
"""What may be set by mail, and the field of a case that it sets."""


class Order(NamedTuple):
    """One line of the block: where it stands in the text, its end of line with it; the key in small letters, the value."""

    start: int
    end: int
    key: str
    value: str

    @property
    def words(self) -> str:
        """The line as it is repeated."""
        return f"Set-{self.key.title()}: {self.value}".rstrip()


def read(text: str) -> tuple[Order, ...]:
    """The commands in the leading block of a text, known or not: from its first line with words to one that is none."""
    found: list[Order] = []
    start = len(text) - len(text.lstrip())
    start = text.rfind("\n", 0, start) + 1
    while len(found) < MOST:
        end = text.find("\n", start) + 1 or len(text)
        line = LINE.fullmatch(text[start:end].rstrip()) if end - start <= LONGEST else None
        if line is None:
            break
        found.append(Order(start, end, line[1].lower(), line[2].strip()))
        start = end
    return tuple(found)


def without(text: str, orders: Iterable[Order]) -> str:
    """The text without the lines of these commands."""
    kept, at = [], 0
    for order in orders:
        kept.append(text[at : order.start])
        at = order.end
    return "".join((*kept, text[at:]))


def moved(spans: Iterable[Span], orders: Sequence[Order]) -> tuple[Span, ...]:
    """Spans of a text as they lie in it without the lines of these commands; those of which nothing is left are gone."""
    found = ((_moved(start, orders), _moved(end, orders)) for start, end in spans)
    return tuple((start, end) for start, end in found if start < end)


def _moved(offset: int, orders: Sequence[Order]) -> int:
    return offset - sum(max(0, min(offset, order.end) - order.start) for order in orders)
