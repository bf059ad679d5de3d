"""What has fallen due by now on cases that were brought in counts as done: importing the past fires nothing (rules.md §2)."""

from __future__ import annotations

from crmcli import settings
from crmcli.db import Tx
from crmcli.rules import due
from crmcli.rules.rule import DATED, load

OF_NEW_CASES = """
SELECT d.rule_id, d.case_id, d.occasion, d.due_at
FROM rule_due d
WHERE d.due_at <= :now
  AND d.case_id IN (SELECT row_id FROM changes WHERE change_set_id = :set AND table_name = 'cases' AND op = 'insert')
ORDER BY d.rule_id, d.case_id
"""

RECORD = """
INSERT INTO rule_firings (rule_id, case_id, occasion, due_at, at, state, reason)
VALUES (?, ?, ?, ?, ?, 'suppressed', 'imported')
ON CONFLICT DO NOTHING
"""


def settle(tx: Tx) -> int:
    """Record what is due on the cases that this transaction has made as suppressed → how many firings that spares."""
    due.refresh(tx)
    rules = {rule.id: rule for rule in load(tx.conn, DATED)}
    zone = settings.get(tx.conn, "zone")
    waiting = tx.run(OF_NEW_CASES, {"now": tx.now, "set": tx.change_set_id}).fetchall()
    for rule_id, case_id, occasion, due_at in waiting:
        occasion, due_at = due.newest(rules[rule_id], occasion, due_at, tx.now, zone)
        tx.run(RECORD, (rule_id, case_id, occasion, due_at, tx.now))
    due.refresh(tx)
    return len(waiting)
