"""What a rule that holds does to its case, as commands in the order of rules.md §5."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from crmcli import cases, settings, zones
from crmcli.case_log import NOT_OUTSIDE
from crmcli.db import Tx
from crmcli.model import PRIORITIES, Act, Case, Command, Edit, Mail, Remind, Row
from crmcli.rules import body
from crmcli.rules.rule import Rule
from crmcli.text import addresses, joined
from crmcli.workflow import VERB_TO

# Who and what a body may name. An unknown person is a stroke, as in the original.
PEOPLE = f"""
SELECT
  CASE WHEN u.id IS NULL THEN '/' ELSE coalesce(nullif(u.name, ''), u.login) END AS case_user,
  CASE WHEN u.id IS NULL THEN '/' ELSE u.email END AS case_user_email,
  CASE WHEN u.id IS NULL THEN '/' ELSE u.phone END AS case_user_phone,
  coalesce(p.name, '/') AS partner,
  CASE WHEN coalesce(p.id, k.id) IS NULL THEN '/' ELSE k.email END AS partner_email,
  s.path AS section,
  g.name AS category,
  (SELECT h.description FROM case_log l JOIN case_history h ON h.log_id = l.id
   WHERE l.case_id = c.id AND NOT {NOT_OUTSIDE}
   ORDER BY h.id DESC LIMIT 1) AS last_message
FROM cases c
LEFT JOIN users u ON u.id = c.user_id
LEFT JOIN partners p ON p.id = c.partner_id
LEFT JOIN contacts k ON k.id = c.contact_id
LEFT JOIN section_paths s ON s.id = c.section_id
LEFT JOIN categories g ON g.id = c.category_id
WHERE c.id = ?
"""


def commands(tx: Tx, rule: Rule, case_id: int) -> Iterator[Command]:
    """The commands one by one, each made for the case as those before have left it."""
    yield Edit(case_id, _changes(rule, cases.get(tx.conn, case_id), tx.now))
    if rule.set_state:
        yield Act(case_id, VERB_TO[rule.set_state])
    if rule.remind_user or rule.remind_partner:
        yield Remind(case_id, bool(rule.remind_user), bool(rule.remind_partner), bool(rule.remind_attach))
    if rule.mail_body:
        case = cases.get(tx.conn, case_id)
        people = _recipients(tx.conn, rule, case)
        if people:
            yield Mail(case_id, people, body.fill(rule.mail_body, _values(tx.conn, case)))


def _changes(rule: Rule, case: Case, now: str) -> Row:
    values: Row = {name: value for name in ("section_id", "user_id", "priority") if (value := getattr(rule, f"set_{name}"))}
    if rule.add_cc:
        values["email_cc"] = joined(addresses(case.email_cc) + addresses(rule.add_cc))
    return {**values, "last_action_at": now}


def _recipients(conn: sqlite3.Connection, rule: Rule, case: Case) -> tuple[str, ...]:
    """Whom the mail goes to, each address once."""
    user = conn.execute("SELECT email FROM users WHERE id = ?", (case.user_id,)).fetchone() if rule.mail_user else None
    found = [
        *addresses(user["email"] if user else None),
        *addresses(case.email_from if rule.mail_partner else None),
        *addresses(case.email_cc if rule.mail_watchers else None),
        *addresses(rule.mail_to),
    ]
    return tuple(addresses(joined(found)))


def _values(conn: sqlite3.Connection, case: Case) -> Row:
    """What stands for each key of body.KEYS; times as in the site's zone."""
    zone = settings.get(conn, "zone")
    return {
        **dict(conn.execute(PEOPLE, (case.id,)).fetchone()),
        "case_id": case.id,
        "case_subject": case.name,
        "case_date": zones.written(case.starts_at, zone),
        "case_description": case.description,
        "email_from": case.email_from,
        "state": case.state,
        "priority": PRIORITIES[case.priority - 1],
        "deadline": zones.written(case.deadline_at, zone) if case.deadline_at else None,
    }
