"""What gathers while a filter becomes SQL: its parameters, and whether it means something else as time goes by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from crmcli.fields import Field
from crmcli.filters import spans
from crmcli.filters.grammar import refusal
from crmcli.filters.spans import Context, Span
from crmcli.filters.tree import Range, Value
from crmcli.tuples import Any

MOST = 30_000
UNORDERED = ("link", "choice", "bool")


class Binding:
    """The parameters so far, of the names prefix0, prefix1, …, and what values are resolved with."""

    def __init__(self, conn: sqlite3.Connection, context: Context, prefix: str) -> None:
        self.conn = conn
        self.context = context
        self.prefix = prefix
        self.parameters: dict[str, Any] = {}
        self.timed = False
        self.aliases = 0

    def mark(self, value: Any) -> str:
        """A new parameter with this value → its place in SQL."""
        if len(self.parameters) >= MOST:
            raise refusal(1, f"more than {MOST} values", "narrow it by ranges: id:1..50000")
        name = f"{self.prefix}{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def alias(self) -> str:
        """A name for a row that no other row has."""
        self.aliases += 1
        return f"r{self.aliases}"

    def span(self, value: Value, field: Field, days: bool = False) -> Span:
        """What a value stands for; a range goes from the first of low to the last of high."""
        if not isinstance(value, Range):
            found = spans.span(self.conn, field, value, self.context, days)
        elif field.kind in UNORDERED:
            raise refusal(value.low.at, f"{field.short} has no order, so no range", "several values are written a,b,c")
        else:
            low, high = (spans.span(self.conn, field, word, self.context) for word in value)
            if low.first > high.last:
                raise refusal(value.low.at, f"the range {value.low.text}..{value.high.text} runs backwards")
            found = Span(low.first, high.last, low.timed or high.timed)
        self.timed = self.timed or found.timed
        return found


def near(text: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the known names that are nearest to a wrong one, else another hint."""
    from crmcli.find import nearest

    found = nearest(text, iter(known))
    return f"nearest: {', '.join(found)}" if found else otherwise
