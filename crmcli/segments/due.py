"""Which segments are due, cheap enough to ask at every run of cron: one query, and nothing of the computation loaded."""

from __future__ import annotations

import sqlite3

from crmcli import settings
from crmcli.rules import delay

SEGMENTS = "SELECT id, every, run_at FROM segments WHERE active = 1 ORDER BY id"


def due(conn: sqlite3.Connection, now: str) -> list[int]:
    """The active segments whose last run is as long ago as their `every` says, or that never ran."""
    rows = conn.execute(SEGMENTS).fetchall()
    if not rows:
        return []
    zone = settings.get(conn, "zone")
    return [row["id"] for row in rows if row["run_at"] is None or _next(row["run_at"], row["every"], zone) <= now]


def _next(run_at: str, every: str, zone: str) -> str:
    return delay.shift(run_at, delay.parse(every), zone)
