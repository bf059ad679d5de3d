"""How much mail an incoming mail may cause to people outside; the rest is held, and someone is told once (mail.md §7)."""

from __future__ import annotations

from crmcli import clock, settings
from crmcli.db import Tx
from crmcli.model import Case
from crmcli.recipients import Copy

AUTOMATIC = "kind IN ('thanks', 'forward', 'rule', 'remind') AND user_id IS NULL AND state <> 'held' AND created_at > :since"

HOUR, DAY = 3600, 86400

# Setting, seconds, what is counted, and how the reason names it.
LIMITS = (
    ("limit_address_hour", HOUR, "recipient = :address", "{count} mails to {address} in an hour"),
    ("limit_address_day", DAY, "recipient = :address", "{count} mails to {address} in a day"),
    ("limit_case_day", DAY, "case_id = :case", "{count} mails about case {case} in a day"),
    ("limit_hour", HOUR, "1", "{count} mails in an hour"),
)
COUNTS = {setting: f"SELECT count(*) FROM outbox WHERE {what} AND {AUTOMATIC}" for setting, _, what, _ in LIMITS}

TOLD = "SELECT 1 FROM outbox WHERE recipient = ? AND created_at > ? AND kind = 'alert' AND cause GLOB 'too many: *'"


def excess(tx: Tx, case: Case, kind: str, copy: Copy) -> str:
    """Why one more automatic mail would be too many, '' where it is not: only mail to outsiders that a mail caused counts."""
    if tx.origin.source != "mail" or kind == "reply" or copy.user_id is not None:
        return ""
    for setting, seconds, _, words in LIMITS:
        values = {"address": copy.address, "case": case.id, "since": clock.shift(tx.now, -seconds)}
        count = tx.run(COUNTS[setting], values).fetchone()[0]
        if count >= int(settings.get(tx.conn, setting)):
            return "too many: " + words.format(count=count, **values)
    return ""


def was_told(tx: Tx, address: str) -> bool:
    """Whether this person heard of held mail within a day: one alert leads to all that is held, whatever holds it."""
    return tx.run(TOLD, (address, clock.shift(tx.now, -DAY))).fetchone() is not None
