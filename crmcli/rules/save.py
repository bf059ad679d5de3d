"""Rules being saved: what a rule may not be, and from when on it counts (rules.md §1, §5)."""

from __future__ import annotations

import sqlite3

from crmcli import filters, records
from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.model import Row
from crmcli.rules import body, delay
from crmcli.rules.rule import load

# What may not be empty, and what an empty value means.
DEFAULTS: Row = {"date_type": "none", "delay": 0, "delay_unit": "day", "repeat": "once"}

# When and if: a rule in which one of these changes counts from then on, so that it does not fire what is past.
TELLING = (
    "active", "state_to", "date_type", "delay", "delay_unit", "repeat", "state_from", "section_id", "section_sub", "category_id",
    "user_id", "partner_id", "partner_category_id", "partner_category_sub", "min_priority", "max_priority",
    "min_messages", "where",
)  # fmt: skip


def add(tx: Tx, values: Row) -> int:
    """A new rule from column values → its id; it sees what falls due from now on."""
    values = {**DEFAULTS, **{name: value for name, value in values.items() if value is not None}}
    check(tx.conn, values, tx.now)
    return records.add(tx, "rule", {**values, "effective_from": tx.now})


def edit(tx: Tx, rule_id: int, values: Row) -> None:
    """New values for columns of a rule; where its when or if changes, it sees what falls due from now on."""
    before = load(tx.conn, "r.id = ?", (rule_id,))[0]._asdict()
    values = {name: DEFAULTS.get(name) if value is None else value for name, value in values.items()}
    check(tx.conn, {**before, **values}, tx.now)
    anew = any(values.get(name, before[name]) != before[name] for name in TELLING)
    records.edit(tx, "rule", rule_id, {**values, "effective_from": tx.now} if anew else values)


def check(conn: sqlite3.Connection, rule: Row, now: str) -> None:
    """Refuse what can never work: a delay from nowhere, a repetition of nothing, a wrong body, filter or method."""
    date_type, number, verb = rule["date_type"], rule["delay"], rule.get("state_to")
    if date_type == "sla":
        raise Usage("there are no service levels to count from", hint="date types: none, created, last_action, deadline, starts")
    if date_type == "none" and number < 0:
        raise Usage("a delay before needs a date to count from", hint="--date-type deadline")
    if date_type == "none" and number and not verb:
        raise Usage("a delay needs something to count from", hint="--date-type created, or --state-to open")
    if delay.period(rule["repeat"]) and date_type == "none" and not number:
        raise Usage("only a rule with a date or a delay can repeat", hint="--date-type created")
    if rule.get("mail_body"):
        body.check(rule["mail_body"])
    if rule.get("where"):
        filters.compile(conn, rule["where"], "case", filters.context(conn, now))
    if rule.get("method"):
        raise Usage(f"no method {rule['method']}", hint="there are none")
