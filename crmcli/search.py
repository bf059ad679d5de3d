"""Full text over names, descriptions, communications and names of files: each find with its case, newest first.

The index is read backwards and only as far as the limit; what is shown of a find is read from its own table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from crmcli.filters import excerpt, words
from crmcli.model import Column, Result, Row
from crmcli.tuples import Any, NamedTuple

COLUMNS = (
    Column("id", "int"), Column("case"), Column("state"), Column("where"), Column("where_id", "int"), Column("at", "time"),
    Column("line"),
)  # fmt: skip
SHOWN = ("id", "case", "where", "line")

# The kinds of texts (schema.sql), and for each: what stands between its row and its case, when it was, and its own id.
HIT, ACTED = "(texts.rowid >> 2)", "coalesce(t.last_action_at, t.created_at)"
SAID = f"JOIN case_log l ON l.id = {HIT} JOIN case_history h ON h.log_id = l.id JOIN cases t ON t.id = l.case_id"
KEPT = f"""JOIN attachments a ON a.id = {HIT}
LEFT JOIN case_history h ON h.message_id = a.message_id
LEFT JOIN case_log l ON l.id = h.log_id
JOIN cases t ON t.id = coalesce(a.case_id, l.case_id)"""
PARTS = {
    "name": (f"JOIN cases t ON t.id = {HIT}", "t.created_at", "NULL"),
    "description": (f"JOIN cases t ON t.id = {HIT}", ACTED, "NULL"),
    "communication": (SAID, "l.at", "h.id"),
    "file": (KEPT, f"coalesce(l.at, {ACTED})", "a.id"),
}

PART = """
SELECT t.id AS case_id, '{name}' AS "where", {number} AS where_id, {at} AS at, texts.rowid AS place{rank}
FROM texts CROSS {joins}
WHERE texts MATCH :search AND texts.rowid & 3 = {kind} AND {condition}
ORDER BY {order}
LIMIT :search_limit
"""
FOUND = """
SELECT c.id, c.name AS "case", c.state, found."where", found.where_id, found.at,
       CASE found."where"
         WHEN 'name' THEN c.name
         WHEN 'description' THEN c.description
         WHEN 'communication' THEN (SELECT description FROM case_history WHERE id = found.where_id)
         ELSE (SELECT name FROM attachments WHERE id = found.where_id) END AS line
FROM ({finds}) found CROSS JOIN cases c ON c.id = found.case_id
"""


class Wanted(NamedTuple):
    """What is looked for: words and phrases that stand in one text, a condition on its case `t`, how many, in which order."""

    words: Sequence[str]
    where: str = "t.active = 1"
    parameters: Mapping[str, Any] = MappingProxyType({})
    limit: int | None = None
    ranked: bool = False


def find(conn: sqlite3.Connection, wanted: Wanted) -> Result:
    """A row for each text that has all the words: its case, what it is, and the line of it, the words in brackets."""
    return Result(COLUMNS, _rows(conn, wanted), shown=SHOWN)


def count(conn: sqlite3.Connection, wanted: Wanted) -> int:
    """How many texts there are, up to the limit."""
    return int(conn.execute(f"SELECT count(*) FROM ({_finds(wanted)})", _parameters(wanted)).fetchone()[0])


def _rows(conn: sqlite3.Connection, wanted: Wanted) -> Iterator[Row]:
    for row in conn.execute(FOUND.format(finds=_finds(wanted)), _parameters(wanted)):
        yield {**dict(row), "line": excerpt.excerpt(row["line"] or "", wanted.words)}


def _finds(wanted: Wanted) -> str:
    """Each kind of text by itself, newest row first, then all together by their time; or by the rank that FTS5 gives."""
    order, rank = ("texts.rank", ", texts.rank AS rank") if wanted.ranked else ("texts.rowid DESC", "")
    parts = [
        PART.format(name=name, joins=joins, at=at, number=number, kind=kind, condition=wanted.where, order=order, rank=rank)
        for kind, (name, (joins, at, number)) in enumerate(PARTS.items())
    ]
    whole = "\nUNION ALL\n".join(f"SELECT * FROM ({part})" for part in parts)
    return f"{whole}\nORDER BY {'rank' if wanted.ranked else 'at DESC, place DESC'}\nLIMIT :search_limit"


def _parameters(wanted: Wanted) -> dict[str, Any]:
    match = " ".join(phrase for phrase in map(words.phrase, wanted.words) if phrase)
    return {**wanted.parameters, "search": match, "search_limit": -1 if wanted.limit is None else wanted.limit}
