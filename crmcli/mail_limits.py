"""How much mail an incoming mail may cause to people outside; the rest is held, and someone is told once (mail.md §7)."""

from __future__ import annotations

from crmcli import clock, settings
from crmcli.db import Tx
from crmcli.model import Case
from crmcli.recipients import Copy

AUTOMATIC = "kind IN ('thanks', 'forward', 'rule', 'remind')"

HOUR, DAY = 3600, 86400

# Setting, seconds, what is counted, and how the reason names it.
LIMITS = (
    ("limit_address_hour", HOUR, f"recipient = :address AND {AUTOMATIC}", "{count} mails to {address} in an hour"),
    ("limit_address_day", DAY, f"recipient = :address AND {AUTOMATIC}", "{count} mails to {address} in a day"),
    ("limit_case_day", DAY, f"case_id = :case AND {AUTOMATIC}", "{count} mails about case {case} in a day"),
    ("limit_hour", HOUR, AUTOMATIC, "{count} mails in an hour"),
)
# The staff's own answers by mail: so many to one person about one case are those of an answering machine to another.
ANSWERS = (
    (
        "limit_case_day", DAY, "case_id = :case AND recipient = :address AND kind = 'reply'",
        "{count} answers to {address} about case {case} in a day",
    ),
)  # fmt: skip

COUNT = "SELECT count(*) FROM outbox WHERE {} AND user_id IS NULL AND state <> 'held' AND created_at > :since"
COUNTS = {what: COUNT.format(what) for _, _, what, _ in (*LIMITS, *ANSWERS)}

TOLD = "SELECT 1 FROM outbox WHERE recipient = ? AND created_at > ? AND kind = 'alert' AND cause GLOB 'too many: *'"


def excess(tx: Tx, case: Case, kind: str, copy: Copy) -> str:
    """Why one more mail of this kind would be too many, '' where it is not: only mail to outsiders that a mail caused counts."""
    if tx.origin.source != "mail" or copy.user_id is not None:
        return ""
    for setting, seconds, what, words in ANSWERS if kind == "reply" else LIMITS:
        values = {"address": copy.address, "case": case.id, "since": clock.shift(tx.now, -seconds)}
        count = tx.run(COUNTS[what], values).fetchone()[0]
        if count >= int(settings.get(tx.conn, setting)):
            return "too many: " + words.format(count=count, **values)
    return ""


def was_told(tx: Tx, address: str) -> bool:
    """Whether this person heard of held mail within a day: one alert leads to all that is held, whatever holds it."""
    return tx.run(TOLD, (address, clock.shift(tx.now, -DAY))).fetchone() is not None
