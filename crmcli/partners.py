"""Partners: their categories, put there by hand or by a segment (domain.md §1)."""

from __future__ import annotations

from crmcli import records
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused

MEMBER = """
INSERT INTO partner_category_members (partner_id, category_id, origin, since)
VALUES (?, ?, 'manual', ?)
ON CONFLICT DO NOTHING
"""

SEGMENT = """
SELECT s.id, s.name
FROM partner_category_members m JOIN segments s ON s.id = m.origin
WHERE m.partner_id = ? AND m.category_id = ?
"""


def add_category(tx: Tx, partner_id: int, category_id: int) -> None:
    """Put a partner into a category by hand; one that is in it by hand stays."""
    tx.run(MEMBER, (partner_id, category_id, tx.now))


def remove_category(tx: Tx, partner_id: int, category_id: int) -> None:
    """Take back what was put there by hand; what a segment has put there is the segment's to take back."""
    manual = "DELETE FROM partner_category_members WHERE partner_id = ? AND category_id = ? AND origin = 'manual'"
    gone = tx.run(manual, (partner_id, category_id)).rowcount
    segment = tx.run(SEGMENT, (partner_id, category_id)).fetchone()
    names = [records.label(tx.conn, "partner", partner_id), records.label(tx.conn, "partner_category", category_id)]
    if segment:
        raise Refused(
            f"the segment {segment['name']} put {names[0]} into {names[1]}", hint=f"crm segment ban {segment['id']} {partner_id}"
        )
    if not gone:
        raise NotFound(f"{names[0]} is not in {names[1]}", hint=f"crm partner show {partner_id}")
