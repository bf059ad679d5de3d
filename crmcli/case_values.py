"""What a case gets without being told: defaults of a new one, and what a choice brings with it (domain.md §1)."""

from __future__ import annotations

import sqlite3

from crmcli import addresses
from crmcli.db import Tx
from crmcli.errors import NotFound, Refused, Usage
from crmcli.model import Case, Row
from crmcli.text import is_own, joined

CREATED_BY = {"mail": "mail", "import": "import", "rules": "rule"}

# What a duplicate leaves behind.
NOT_COPIED = ("id", "state", "created_at", "closed_at", "last_action_at", "wake_at", "lost_reason", "created_by", "active")

CONTACT_OF_PARTNER = """
SELECT id, email
FROM contacts
WHERE partner_id = ? AND active = 1
ORDER BY CASE type WHEN 'contact' THEN 0 WHEN 'default' THEN 1 ELSE 2 END, id
LIMIT 1
"""

ACTIVE_SECTIONS = "SELECT id, path FROM section_paths WHERE id IN (SELECT id FROM sections WHERE active = 1) ORDER BY path"

# What ref, ref2 and an event's document may point to: kind → table.
KINDS = {
    "case": "cases", "section": "sections", "category": "categories", "rule": "rules", "segment": "segments",
    "mail": "messages", "partner": "partners", "contact": "contacts", "user": "users", "event": "events",
    "amount": "amounts", "history": "case_history", "outbox": "outbox",
}  # fmt: skip


def new(tx: Tx, values: Row) -> Row:
    """The complete values of a new case from those given; Usage where the section cannot be told.

    Empty values count as not given, but for the responsible: nobody is a choice.
    """
    values = {name: value for name, value in values.items() if value is not None or name == "user_id"}
    if "section_id" not in values:
        values["section_id"] = default_section(tx.conn, tx.user_id)
    defaults = {"user_id": tx.user_id, "starts_at": tx.now}
    return checked(tx.conn, brought(tx.conn, {**defaults, **_born(tx), **values}, {}))


def copied(tx: Tx, case: Case) -> Row:
    """The values of a duplicate: a draft with the same fields that nothing has happened to yet."""
    return {**{name: value for name, value in case._asdict().items() if name not in NOT_COPIED}, **_born(tx)}


def _born(tx: Tx) -> Row:
    return {"created_at": tx.now, "created_by": CREATED_BY.get("rules" if tx.rule_id else tx.origin.source, "cli")}


def edited(tx: Tx, case: Case, values: Row) -> Row:
    """The values of an edit with what they bring with them."""
    return checked(tx.conn, brought(tx.conn, values, case._asdict()))


def default_section(conn: sqlite3.Connection, user_id: int | None) -> int:
    """The user's section, else the only active one; Usage with a list of them otherwise."""
    row = conn.execute("SELECT section_id FROM users WHERE id = ? AND section_id IS NOT NULL", (user_id,)).fetchone()
    if row:
        return int(row[0])
    sections = conn.execute(ACTIVE_SECTIONS).fetchall()
    if len(sections) == 1:
        return int(sections[0]["id"])
    names = "; ".join(section["path"] for section in sections)
    raise Usage("which section?", hint=f"--section with one of: {names}" if names else "crm section add NAME")


def brought(conn: sqlite3.Connection, values: Row, before: Row) -> Row:
    """The values, with a category's probability, and a partner's contact and e-mail, where none is given."""
    values = dict(values)
    if values.get("category_id") and "probability" not in values and values["category_id"] != before.get("category_id"):
        row = conn.execute("SELECT probability FROM categories WHERE id = ?", (values["category_id"],)).fetchone()
        values["probability"] = row["probability"] if row else None
    if values.get("contact_id") and not (values.get("partner_id") or before.get("partner_id")):
        row = conn.execute("SELECT partner_id FROM contacts WHERE id = ?", (values["contact_id"],)).fetchone()
        values["partner_id"] = row["partner_id"] if row else None
    now = {**before, **values}
    if values.get("partner_id") and values["partner_id"] != before.get("partner_id") and not values.get("contact_id"):
        row = conn.execute(CONTACT_OF_PARTNER, (values["partner_id"],)).fetchone()
        now["contact_id"] = values["contact_id"] = row["id"] if row else None
    if now.get("contact_id") and not now.get("email_from") and ("contact_id" in values or "partner_id" in values):
        row = conn.execute("SELECT email FROM contacts WHERE id = ?", (now["contact_id"],)).fetchone()
        values["email_from"] = row["email"] if row else None
    return values


def checked(conn: sqlite3.Connection, values: Row) -> Row:
    """The values with watchers normalised and references held against what exists."""
    if values.get("email_cc"):
        values = {**values, "email_cc": watchers(conn, values["email_cc"].split(","))}
    for name in ("ref", "ref2"):
        if values.get(name):
            check_reference(conn, values[name])
    return values


def watchers(conn: sqlite3.Connection, parts: list[str]) -> str | None:
    """Watchers as stored: each once, none of our own addresses."""
    ours = addresses.own(conn)
    found = [part.strip() for part in parts]
    return joined([part for part in found if part and not is_own(part, ours)])


def check_reference(conn: sqlite3.Connection, reference: str) -> None:
    """Refuse a reference that is neither a web address nor ``kind:id`` of something here."""
    kind, _, number = reference.partition(":")
    if kind in ("http", "https", "mailto") and number:
        return
    if kind not in KINDS or not number.isdecimal():
        raise Refused(f"{reference} is no reference", hint=f"KIND:ID or a URL; kinds: {', '.join(KINDS)}")
    if conn.execute(f"SELECT 1 FROM {KINDS[kind]} WHERE id = ?", (int(number),)).fetchone() is None:
        raise NotFound(f"no {kind} {number}", hint=f"crm {kind} list")
