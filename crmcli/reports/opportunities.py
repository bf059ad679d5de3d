"""Business Opportunities: what the unclosed cases with a planned revenue or a probability may bring (reports.md §1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli.errors import Usage
from crmcli.model import Column, Result
from crmcli.reports import vocabulary
from crmcli.reports.vocabulary import NO_DATE, NO_PROBABILITY, NOBODY, OVERDUE, SUMMED, TOTAL, UNCLOSED, Scope, Sums
from crmcli.tuples import Any, NamedTuple
from crmcli.values import flat


class By(NamedTuple):
    """A way to group: the key as SQL on t, the row of cases without one, and the words for keys that are ids."""

    sql: str
    missing: str = ""
    words: str = ""


BY = {
    "user": By("t.user_id", NOBODY, "SELECT id, login FROM users"),
    "section": By("t.section_id", "", "SELECT id, path FROM section_paths"),
    "category": By("t.category_id", "no category", "SELECT id, name FROM categories"),
    "month": By("month(t.deadline_at)"),
    "state": By("t.state"),
    "probability": By("q", NO_PROBABILITY),
}
FIRST, LAST = (OVERDUE,), (NOBODY, NO_DATE, NO_PROBABILITY, "no category")
"""Rows that stand before and behind the others."""

GROUPS = """
SELECT {keys}, {summed}
FROM (
  SELECT t.*, coalesce(t.probability, k.probability) AS q
  FROM cases t LEFT JOIN categories k ON k.id = t.category_id
  WHERE {unclosed}
    AND (t.planned_revenue IS NOT NULL OR t.probability IS NOT NULL)
    AND {where}
) t
GROUP BY {keys}, q
"""

Key = tuple[str, ...]


def opportunities(conn: sqlite3.Connection, scope: Scope, by: Sequence[str]) -> Result:
    """A row for each group of cases, by one or two of BY, and the total."""
    unknown = next((word for word in by if word not in BY), None)
    if unknown is not None or not 1 <= len(set(by)) == len(by) <= 2:
        what = f"no {unknown} to group by" if unknown is not None else "group by one or two different things"
        raise Usage(what, hint=f"--by {', '.join(BY)}")
    groups = _groups(conn, scope, by)
    whole = Sums()
    rows = []
    for key in sorted(groups, key=lambda key: [_place(word) for word in key]):
        whole = vocabulary.added(whole, groups[key])
        rows.append({**dict(zip(by, key, strict=True)), **vocabulary.measured(groups[key])})
    total = dict(zip(by, (TOTAL, None), strict=False))
    rows.append({**total, **vocabulary.measured(whole)})
    columns = (*map(Column, by), *vocabulary.MEASURES)
    return Result(columns, rows, "Business Opportunities", footer=vocabulary.footer(conn, scope, len(groups), whole))


def _groups(conn: sqlite3.Connection, scope: Scope, by: Sequence[str]) -> dict[Key, Sums]:
    """The groups by the words for their keys."""
    vocabulary.teach(conn, scope)
    labels = [_labels(conn, BY[name]) for name in by]
    keys = ", ".join(BY[name].sql for name in by)
    sql = GROUPS.format(keys=keys, summed=SUMMED, unclosed=UNCLOSED, where=scope.where)
    groups: dict[Key, Sums] = {}
    for row in conn.execute(sql, scope.parameters):
        key = tuple(_label(value, words) for value, words in zip(row, labels, strict=False))
        groups[key] = vocabulary.added(groups.get(key, Sums()), vocabulary.sums(tuple(row)[len(by) :]))
    return groups


def _labels(conn: sqlite3.Connection, by: By) -> dict[Any, str]:
    return {None: by.missing, **(dict(conn.execute(by.words).fetchall()) if by.words else {})}


def _label(value: Any, words: dict[Any, str]) -> str:
    return words.get(value) or flat("percent", value)


def _place(word: str) -> tuple[int, float, str]:
    """Where a row stands: overdue first, what lacks a key last, percentages by size, the rest by the alphabet."""
    rank = 0 if word in FIRST else 2 if word in LAST else 1
    return rank, float(word) if word.replace(".", "", 1).isdecimal() else -1.0, word.casefold()
