"""Partner events: what happened with a partner, and the kinds of case changes that count as such."""

from __future__ import annotations

from crmcli.db import Tx
from crmcli.model import Case

ACTIVE_TYPE = "SELECT 1 FROM event_types WHERE key = ? AND active = 1"


def of_case(tx: Tx, case: Case, verb: str, state: str) -> None:
    """Tell the partner's story that a verb was done on a case, where that kind of event is switched on."""
    if case.partner_id is None or tx.run(ACTIVE_TYPE, (f"case_{state}",)).fetchone() is None:
        return
    tx.insert(
        "events",
        {
            "name": f"Case {verb.lower()}: {case.name}",
            "partner_id": case.partner_id,
            "case_id": case.id,
            "at": tx.now,
            "user_id": tx.user_id or case.user_id,
            "channel_id": case.channel_id,
            "mood_id": case.mood_id,
            "description": case.description,
            "planned_cost": case.planned_cost,
            "planned_revenue": case.planned_revenue,
            "probability": case.probability,
            "document": f"case:{case.id}",
        },
    )
