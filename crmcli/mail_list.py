"""Mails that came, as they are shown: the list, one mail, and why it led to what it led to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli.errors import NotFound
from crmcli.fields import Field, Noun
from crmcli.model import Column, Result, Row
from crmcli.pages import Key, Page, statement

ROWS = """
SELECT m.id, m.message_id, m.class, m."from", m.subject, m.date,
       (SELECT d.case_id FROM deliveries d WHERE d.message_id = m.id AND d.case_id IS NOT NULL ORDER BY d.id LIMIT 1) AS case_id,
       (SELECT d.state FROM deliveries d WHERE d.message_id = m.id ORDER BY d.id LIMIT 1) AS state,
       (SELECT count(*) FROM deliveries d WHERE d.message_id = m.id) AS deliveries
FROM {messages}
"""
LIST = ROWS.format(messages="messages m")

ONE = """
SELECT id, message_id, class, evidence, "from", envelope_from, people, subject, date, received_at, size, sha256, charset,
       marks, text
FROM messages
WHERE id = ?
"""

DELIVERIES = """
SELECT id, route, recipient, sender, received_at, state, attempts, case_id, reason
FROM deliveries
WHERE message_id = ?
ORDER BY id
"""

FILES = "SELECT id, name, type, size, sha256 FROM attachments WHERE message_id = ? ORDER BY id"

DECISIONS = "SELECT id, state, case_id, reason, decision FROM deliveries WHERE message_id = ? ORDER BY id"

CUSTODY = """
SELECT d.state, coalesce(m.class, '') AS class, coalesce(d.reason, '') AS reason, count(*) AS mails,
       min(d.received_at) AS first, max(d.received_at) AS last,
       sum(r.sha256 IS NULL) AS without_bytes
FROM deliveries d LEFT JOIN messages m ON m.id = d.message_id LEFT JOIN raw_messages r ON r.sha256 = d.sha256
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""

TRIAGE = """
SELECT m.id, m.class, m."from", m.subject, m.received_at, d.case_id, d.reason
FROM deliveries d JOIN messages m ON m.id = d.message_id
WHERE d.state = 'triage'
ORDER BY m.id, d.id
"""

OF_TRIAGE = (
    Column("id", "int"), Column("class"), Column("from"), Column("subject"), Column("received_at", "time"),
    Column("case_id", "int"), Column("reason"),
)  # fmt: skip

OF_AUDIT = (
    Column("state"), Column("class"), Column("reason"), Column("mails", "int"), Column("first", "time"), Column("last", "time"),
    Column("without_bytes", "int"),
)  # fmt: skip

COLUMNS = (
    Column("id", "int"), Column("message_id"), Column("class"), Column("from"), Column("subject"), Column("date", "time"),
    Column("case_id", "int"), Column("state"), Column("deliveries", "int"),
)  # fmt: skip
STORED = ("id", "message_id", "class", "from", "subject", "date")
MAILS = Noun(
    "mail", "messages", "subject", tuple(Field(column.name, column.kind, edit=False) for column in COLUMNS[1:]),
    tuple(column.name for column in COLUMNS),
)  # fmt: skip
ORDER = (Key("t.id", down=True),)
NEWEST = Page("1", {}, ORDER)

DETAILS = (
    Column("id", "int"), Column("message_id"), Column("class"), Column("evidence"), Column("from"), Column("envelope_from"),
    Column("people"), Column("subject"), Column("date", "time"), Column("received_at", "time"), Column("size", "int"),
    Column("sha256"), Column("charset"), Column("marks"), Column("deliveries", "rows"), Column("attachments", "rows"),
    Column("text", "lines"),
)  # fmt: skip

OF_DELIVERY = (
    Column("id", "int"), Column("route"), Column("recipient"), Column("sender"), Column("received_at", "time"), Column("state"),
    Column("attempts", "int"), Column("case_id", "int"), Column("reason"),
)  # fmt: skip

OF_FILE = (Column("id", "int"), Column("name"), Column("type"), Column("size", "int"), Column("sha256"))

OF_DECISION = (
    Column("id", "int"), Column("state"), Column("case_id", "int"), Column("reason"), Column("class"), Column("evidence"),
    Column("writer"), Column("staff", "int"), Column("identity"), Column("grade"), Column("thread", "int"), Column("linked"),
    Column("why"), Column("section", "int"), Column("route"), Column("commands"), Column("obeyed"), Column("refused"),
    Column("copy_of", "int"),
)  # fmt: skip


def list_mails(conn: sqlite3.Connection, page: Page = NEWEST, names: Sequence[str] = ()) -> Result:
    """The mails of a page, newest first by default; state and case_id are those of the first delivery that has them."""
    numbers, parameters = statement(conn, MAILS, page)
    known = {column.name: column for column in COLUMNS}
    found = conn.execute(ROWS.format(messages=f"({numbers}) k CROSS JOIN messages m ON m.id = k.id"), parameters)
    return Result(tuple(known[name] for name in names or known), (dict(row) for row in found))


def of(conn: sqlite3.Connection, mail_id: int) -> Result:
    """One mail as it stands in the list."""
    return Result(COLUMNS, [dict(row) for row in conn.execute(f"{LIST}WHERE m.id = ?", (mail_id,))], one=True)


def triage(conn: sqlite3.Connection) -> Result:
    """The mails that wait for a person to look at them, the oldest first, and why."""
    return Result(OF_TRIAGE, [dict(row) for row in conn.execute(TRIAGE)])


def audit_mails(conn: sqlite3.Connection) -> Result:
    """What became of every delivery: counts by state, class and reason; without_bytes counts those whose mail is not here."""
    return Result(OF_AUDIT, [dict(row) for row in conn.execute(CUSTODY)])


def show_mail(conn: sqlite3.Connection, mail_id: int) -> Result:
    """One mail: what it says, its deliveries and its files; NotFound where there is none."""
    row = _row(conn, mail_id)
    row["deliveries"] = Result(OF_DELIVERY, [dict(each) for each in conn.execute(DELIVERIES, (mail_id,))])
    row["attachments"] = Result(OF_FILE, [dict(each) for each in conn.execute(FILES, (mail_id,))])
    return Result(DETAILS, [row], title=f"Mail {mail_id}", one=True)


def explain_mail(conn: sqlite3.Connection, mail_id: int) -> Result:
    """Of each delivery of a mail: class with evidence, thread grade, identity, route, and what was done."""
    import json

    _row(conn, mail_id)
    empty: Row = {column.name: None for column in OF_DECISION}
    found = [dict(row) for row in conn.execute(DECISIONS, (mail_id,))]
    rows = [{**empty, **json.loads(row.pop("decision") or "{}"), **row} for row in found]
    return Result(OF_DECISION, rows, title=f"Mail {mail_id}")


def _row(conn: sqlite3.Connection, mail_id: int) -> Row:
    row = conn.execute(ONE, (mail_id,)).fetchone()
    if row is None:
        raise NotFound(f"no mail {mail_id}", hint="crm mail list")
    return dict(row)
