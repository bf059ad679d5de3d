"""Canned replies: texts that a reply can start from."""

from __future__ import annotations

import sqlite3

from crmcli import find


def text(conn: sqlite3.Connection, name: str) -> str:
    """The text of the canned reply with this name or id; NotFound with the nearest names where there is none."""
    reply_id = find.one(conn, "canned_reply", name)
    return str(conn.execute("SELECT text FROM canned_replies WHERE id = ?", (reply_id,)).fetchone()[0])
