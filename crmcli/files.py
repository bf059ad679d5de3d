"""Files of cases and mails: stored once by their content, named safely, never used as a path."""

from __future__ import annotations

import sqlite3

from crmcli import digest
from crmcli.case_log import NOT_OUTSIDE
from crmcli.db import Tx
from crmcli.model import Attached, Row
from crmcli.text import clean

OF_CASE = f"""
SELECT a.id, a.name, a.type, a.size, a.sha256, a.message_id
FROM attachments a
WHERE a.case_id = :case
   OR a.message_id IN (
     SELECT h.message_id
     FROM case_log l JOIN case_history h ON h.log_id = l.id
     WHERE l.case_id = :case AND NOT (:outside AND {NOT_OUTSIDE}))
ORDER BY a.id
"""


SAME = "SELECT id FROM attachments WHERE message_id = ? AND name = ? AND type = ? AND sha256 = ? ORDER BY id"


def store(tx: Tx, content: bytes, sha256: str = "") -> str:
    """Keep the bytes, once for all copies → their sha256, reckoned where it is not known."""
    sha256 = sha256 or digest.hexdigest(content)
    tx.run(
        "INSERT INTO blobs (sha256, size, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (sha256, len(content), content),
    )
    return sha256


def attach(tx: Tx, file: Attached, case_id: int | None = None, message_id: int | None = None) -> int:
    """Put a stored file on a case or a mail → the attachment's id."""
    return tx.insert(
        "attachments",
        {
            "case_id": case_id,
            "message_id": message_id,
            "name": safe_name(file.name),
            "type": file.type,
            "size": file.size,
            "sha256": file.sha256,
        },
    )


def replace(tx: Tx, message_id: int, files: list[tuple[Attached, bytes]]) -> None:
    """Give a mail these files, with their contents, in place of what it has; those that it has already stay."""
    kept: set[int] = set()
    for file, content in files:
        wanted = (message_id, safe_name(file.name), file.type, file.sha256)
        row = next((row for row in tx.run(SAME, wanted) if row[0] not in kept), None)
        if row is None:
            store(tx, content, file.sha256)
        kept.add(row[0] if row else attach(tx, file, message_id=message_id))
    for (attachment_id,) in tx.run("SELECT id FROM attachments WHERE message_id = ?", (message_id,)).fetchall():
        if attachment_id not in kept:
            tx.run("DELETE FROM attachments WHERE id = ?", (attachment_id,))


def safe_name(name: str) -> str:
    """A base name of at most 120 characters, without folders, control characters or leading dots."""
    base = clean(name, lines=False).replace("\\", "/").rsplit("/", 1)[-1].strip().lstrip(".").strip()
    if len(base) > 120:
        stem, dot, end = base.rpartition(".")
        base = stem[: 119 - len(end)] + dot + end if dot and len(end) < 20 else base[:120]
    return base or "file"


def of_case(conn: sqlite3.Connection, case_id: int, outside: bool = False) -> list[Row]:
    """The files of a case, those of its mails included: id, name, type, size, sha256, message_id.

    For people outside without those that are the staff's alone.
    """
    return [dict(row) for row in conn.execute(OF_CASE, {"case": case_id, "outside": outside})]


def newest(conn: sqlite3.Connection, case_id: int, count: int) -> tuple[int, ...]:
    """The ids of the files that were put on a case last, oldest first."""
    rows = conn.execute("SELECT id FROM attachments WHERE case_id = ? ORDER BY id DESC LIMIT ?", (case_id, count))
    return tuple(sorted(row[0] for row in rows))


def content(conn: sqlite3.Connection, sha256: str) -> bytes:
    """The bytes of a stored file."""
    return bytes(conn.execute("SELECT bytes FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()[0])
