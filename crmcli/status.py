"""The numbers of today: what is open, late, unassigned, waiting to be sent, and when the rules last ran."""

from __future__ import annotations

import sqlite3

from crmcli import outbox
from crmcli.model import Column, Result, Row

CASES = """
SELECT count(*) AS unclosed,
       sum(state = 'draft') AS draft, sum(state = 'open') AS open, sum(state = 'pending') AS pending,
       sum(deadline_at < :now) AS late,
       sum(user_id IS NULL) AS unassigned,
       sum(user_id = :user) AS mine,
       sum(created_at >= :today) AS new_today
FROM cases
WHERE active = 1 AND state NOT IN ('done', 'cancel')
"""
CLOSED_TODAY = "SELECT count(*) FROM cases WHERE closed_at >= ?"
OUTBOX = "SELECT state, count(*) FROM outbox WHERE state <> 'sent' GROUP BY state ORDER BY state"
TRIAGE = "SELECT count(*) FROM deliveries WHERE state = 'triage'"
RECEIVED = "SELECT count(*) FROM deliveries WHERE state = 'received' AND lease_until < ?"
FAILED_RULES = "SELECT count(*) FROM rule_firings WHERE state = 'failed'"
LAST_RUN = "SELECT max(at) FROM runs WHERE kind = 'rules'"
OVERDUE = "SELECT count(*) FROM rule_due d JOIN rules r ON r.id = d.rule_id WHERE d.due_at <= ? AND r.active = 1"


def status(conn: sqlite3.Connection, now: str, today: str, user_id: int | None, transport: str) -> Result:
    """One row a number: what, count, and the command that lists it; today is where the day began, UTC."""
    counts = dict(conn.execute(CASES, {"now": now, "today": today, "user": user_id}).fetchone())
    rows = [
        _row("unclosed cases", counts["unclosed"], "crm case list +unclosed"),
        *(_row(f"  {state}", counts[state], f"crm case list state:{state}") for state in ("draft", "open", "pending")),
        _row("mine", counts["mine"], "crm case list +mine +unclosed"),
        _row("late", counts["late"], "crm case list +late"),
        _row("unassigned", counts["unassigned"], "crm case list +unclosed +unassigned"),
        _row("new today", counts["new_today"], "crm case list created:today"),
        _row("closed today", conn.execute(CLOSED_TODAY, (today,)).fetchone()[0], "crm case list closed:today"),
        *(_row(f"mails {row[0]}", row[1], "crm mail outbox list") for row in conn.execute(OUTBOX)),
        _row("mails in triage", conn.execute(TRIAGE).fetchone()[0], "crm mail triage list"),
        _row("rules due", conn.execute(OVERDUE, (now,)).fetchone()[0], "crm run-rules -n -v"),
        _row("rules failed", conn.execute(FAILED_RULES).fetchone()[0], "crm rule list"),
    ]
    return Result((Column("what"), Column("count", "int"), Column("command")), rows, footer=_notes(conn, now, transport))


def _row(what: str, count: int | None, command: str) -> Row:
    return {"what": what, "count": count or 0, "command": command}


def _notes(conn: sqlite3.Connection, now: str, transport: str) -> tuple[str, ...]:
    """What a person should know: when cron last ran, mail that cannot leave, mail taken but not handled."""
    last = conn.execute(LAST_RUN).fetchone()[0]
    stuck = conn.execute(RECEIVED, (now,)).fetchone()[0]
    notes = [f"rules last ran {last}" if last else "rules never ran: put crm run-rules into cron (crm help cron)"]
    paused = outbox.paused(conn, now)
    if paused:
        notes.append(f"mail waits until {paused[0]}: {paused[1]} (crm mail send --retry)")
    if not transport:
        notes.append("mail waits: no transport is set (crm help mail)")
    if stuck:
        notes.append(f"{stuck} mails were taken but not handled; the next crm ingest goes on with them")
    return tuple(notes)
