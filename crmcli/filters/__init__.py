"""The one filter language of lists, views, rules, segments, reports and calendar (cli.md §3).

``compile(conn, text, noun, context)`` gives a `Condition` on the row ``t``::

    condition = filters.compile(conn, "+late user:none", "case", filters.context(conn, now, user_id))
    conn.execute(f"SELECT t.id FROM cases t WHERE {condition.sql}", condition.parameters)
"""

from __future__ import annotations

import sqlite3

from crmcli import settings
from crmcli.filters.compile import Condition, compile, count, of_tree, wants_archived  # noqa: A004
from crmcli.filters.grammar import parse
from crmcli.filters.spans import Context
from crmcli.filters.tree import outline, write

__all__ = ["Condition", "Context", "compile", "context", "count", "of_tree", "outline", "parse", "wants_archived", "write"]


def context(conn: sqlite3.Connection, now: str, user_id: int | None = None, zone: str = "") -> Context:
    """The context of a filter that is asked now by this user; the zone is the site's unless named."""
    days = settings.get(conn, "stale_days")
    return Context(now, zone or settings.get(conn, "zone"), user_id, int(days) if days.isdecimal() else 14)
