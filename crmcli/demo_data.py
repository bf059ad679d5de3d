"""What `crm init --demo` adds: enough that every command and report shows something true (domain.md §1).

The cases are made and moved by the same commands as a person's, at moments before now.
"""

from __future__ import annotations

import sqlite3

from crmcli import clock, db
from crmcli.execute import execute
from crmcli.model import Act, Add, Command, Note, Origin, Row
from crmcli.rules import due
from crmcli.tuples import Any

DAY = 86400

USERS = (
    ("ann", "Ann Lee", "ann@us.example"),
    ("bob", "Bob Ray", "bob@us.example"),
    ("cleo", "Cleo Mart", "cleo@us.example"),
)
USER = """
INSERT INTO users (login, name, email)
VALUES (:login, :name, CASE WHEN NOT EXISTS (SELECT 1 FROM users WHERE email = :email) THEN :email END)
ON CONFLICT (login) DO UPDATE SET name = excluded.name, email = coalesce(email, excluded.email)
"""
# name, code, reply_to, responsible, parent
SECTIONS = (
    ("Helpdesk and Support", "support", "support@us.example", "ann", None),
    ("Second Line", "support2", "second@us.example", "bob", "support"),
    ("Sales opportunities", "sale", "sales@us.example", "bob", None),
    ("Export", "export", "export@us.example", "cleo", "sale"),
    ("Supplier complaints", "purchase", "purchase@us.example", "cleo", None),
    ("Transport damage", "damage", "damage@us.example", "cleo", "purchase"),
)
CATEGORIES = (
    ("Fault", 0, "support"),
    ("Question", 0, "support"),
    ("New customer", 30, "sale"),
    ("Follow-up order", 60, "sale"),
)
PARTNER_CATEGORIES = (("Customers", None), ("VIP", "Customers"), ("At risk", "Customers"), ("Suppliers", None))
# name, ref, customer, supplier, category, contact, function, e-mail, city
PARTNERS = (
    ("Acme", "C001", 1, 0, "VIP", "Joe Roe", "Maintenance", "joe@acme.example", "Leeds"),
    ("Brück & Söhne", "C002", 1, 0, "Customers", "Anna Brück", "Einkauf", "anna@brueck.example", "Köln"),
    ("Café Nord", "C003", 1, 0, "Customers", "Léa Petit", "Owner", "lea@cafenord.example", "Lille"),
    ("Delta Water", "C004", 1, 0, "Customers", "Dan Wu", "Engineer", "dan@delta.example", "Dublin"),
    ("Eastern Steel", "S001", 0, 1, "Suppliers", "Eva Holt", "Sales", "eva@steel.example", "Essen"),
    ("Fast Freight", "S002", 0, 1, "Suppliers", "Finn Aas", "Dispatch", "finn@freight.example", "Oslo"),
)
# partner, days ago, kind, amount in cents
AMOUNTS = (
    ("Acme", 80, "sale", 180_000), ("Acme", 45, "sale", 95_050), ("Acme", 12, "sale", 240_000),
    ("Acme", 10, "sale", -12_000), ("Brück & Söhne", 70, "sale", 65_000), ("Café Nord", 20, "sale", 32_990),
    ("Delta Water", 85, "sale", 410_000), ("Eastern Steel", 30, "purchase", 150_000), ("Fast Freight", 15, "purchase", 28_000),
)  # fmt: skip
# partner, days ago, what, mood
EVENTS = (
    ("Acme", 50, "Visit at the plant", "Happy"),
    ("Acme", 8, "Phone call after delivery", "Very Happy"),
    ("Brück & Söhne", 40, "Complaint about late answer", "Unhappy"),
    ("Café Nord", 20, "Trade fair", "Normal"),
    ("Delta Water", 75, "Contract talk", "Happy"),
)
# name, section, category, partner, responsible, days ago, priority, deadline in days, revenue, cost, probability, verbs
CASES: tuple[tuple[Any, ...], ...] = (
    ("Pump 7 leaks", "support", "Fault", "Acme", "ann", 6, 1, -1, None, None, None, ("open",)),
    ("Manual for pump 9 in French", "support", "Question", "Café Nord", None, 2, 4, 5, None, None, None, ()),
    ("Noise after service", "support", "Fault", "Delta Water", "ann", 9, 2, 2, None, None, None, ("open", "pending")),
    ("Wrong spare part sent", "support", "Fault", "Brück & Söhne", "ann", 20, 2, None, None, None, None, ("open", "close")),
    ("Password for the portal", "support", "Question", "Acme", "bob", 15, 3, None, None, None, None, ("close",)),
    ("Sensor shows no value", "support2", "Fault", "Delta Water", "bob", 4, 2, 1, None, None, None, ("open",)),
    ("Duplicate of an old question", "support", "Question", "Café Nord", "ann", 30, 5, None, None, None, None, ("cancel",)),
    ("Ten pumps for the new hall", "sale", "Follow-up order", "Acme", "bob", 25, 2, 20, 1_250_000, 830_000, None, ("open",)),
    ("Service contract 2 years", "sale", "Follow-up order", "Delta Water", "bob", 40, 3, 45, 480_000, 120_000, 80, ("open",)),
    ("Filters, first order", "sale", "New customer", "Café Nord", "cleo", 12, 3, 12, 64_000, 31_000, None, ()),
    ("Tender Rhine works", "export", "New customer", "Brück & Söhne", "cleo", 60, 1, -3, 2_200_000, 1_700_000, 25, ("open", "pending")),
    ("Spare parts package", "sale", "Follow-up order", "Brück & Söhne", "bob", 33, 3, None, 92_500, 40_000, 50, ("open",)),
    ("Pump rental", "sale", "New customer", "Delta Water", "bob", 90, 3, None, 150_000, 60_000, None, ("open", "close")),
    ("Webshop offer", "sale", "New customer", "Café Nord", "cleo", 70, 4, None, 45_000, 20_000, None, ("open", "cancel")),
    ("Steel plates out of tolerance", "purchase", None, "Eastern Steel", "cleo", 7, 2, 3, None, 85_000, None, ("open",)),
    ("Crate damaged", "damage", None, "Fast Freight", "cleo", 3, 2, 4, None, 12_000, None, ("pending",)),
    ("Invoice without order number", "purchase", None, "Eastern Steel", None, 1, 4, None, None, None, None, ()),
    ("Late delivery in spring", "purchase", None, "Fast Freight", "cleo", 100, 3, None, None, 9_000, None, ("open", "close", "reset")),
)  # fmt: skip
RULES: tuple[Row, ...] = (
    {
        "name": "Nobody answered for two days", "sequence": 10, "date_type": "created", "delay": 2, "delay_unit": "day",
        "state_from": "draft", "set_user": "ann", "set_state": "open", "set_priority": 2, "mail_user": 1,
        "mail_body": "Case %(case_id)s, %(case_subject)s, has waited for two days. Please answer %(email_from)s.",
    },
    {
        "name": "Deadline tomorrow", "sequence": 20, "date_type": "deadline", "delay": -1, "delay_unit": "day",
        "state_from": "open", "remind_user": 1,
    },
)  # fmt: skip
SEGMENTS: tuple[tuple[Row, tuple[Row, ...]], ...] = (
    (
        {"name": "Gold", "category": "VIP", "exclusive": 1, "sales_purchase_active": 1},
        ({"name": "sold over 1,000", "variable": "sale", "operator": ">", "value": 1000.0, "mandatory": 1},),
    ),
    (
        {"name": "Losing touch", "category": "At risk", "exclusive": 1, "sales_purchase_active": 1, "period_days": 30},
        (
            {"name": "in a bad mood", "variable": "mood", "operator": "<", "value": 3.0, "mandatory": 1},
            {"name": "has bought", "variable": "sale", "operator": ">", "value": 0.0, "mandatory": 1},
        ),
    ),
)


def fill(conn: sqlite3.Connection, now: str) -> None:
    """Put the demo's rows into a new database, as if entered over the last hundred days before now."""
    start = clock.shift(now, -101 * DAY)
    with db.write(conn, Origin(start, None, "system", "init --demo")) as tx:
        _people(tx)
        _partners(tx, now)
    for case in sorted(CASES, key=lambda case: -case[5]):
        _case(conn, now, *case)
    with db.write(conn, Origin(now, None, "system", "init --demo")) as tx:
        _rules_and_segments(tx)
        due.refresh(tx)


def _id(tx: db.Tx, table: str, column: str, value: str | None) -> int | None:
    row = tx.run(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
    return row[0] if row else None


def _people(tx: db.Tx) -> None:
    for login, name, email in USERS:
        tx.run(USER, {"login": login, "name": name, "email": email})
    for name, code, reply_to, login, parent in SECTIONS:
        values = {"name": name, "code": code, "reply_to": reply_to, "user_id": _id(tx, "users", "login", login)}
        tx.insert("sections", {**values, "parent_id": _id(tx, "sections", "code", parent)})
    for name, probability, code in CATEGORIES:
        tx.insert("categories", {"name": name, "probability": probability, "section_id": _id(tx, "sections", "code", code)})
    for name, parent in PARTNER_CATEGORIES:
        tx.insert("partner_categories", {"name": name, "parent_id": _id(tx, "partner_categories", "name", parent)})


def _partners(tx: db.Tx, now: str) -> None:
    for name, ref, customer, supplier, category, person, function, email, city in PARTNERS:
        partner_id = tx.insert("partners", {"name": name, "ref": ref, "customer": customer, "supplier": supplier})
        values = {"partner_id": partner_id, "name": person, "function": function, "email": email, "city": city}
        tx.insert("contacts", values)
        category_id = _id(tx, "partner_categories", "name", category)
        tx.insert("partner_category_members", {"partner_id": partner_id, "category_id": category_id, "since": tx.now})
    for name, days, kind, amount in AMOUNTS:
        at = clock.shift(now, -days * DAY)
        tx.insert("amounts", {"partner_id": _id(tx, "partners", "name", name), "at": at, "kind": kind, "amount": amount})
    for name, days, what, mood in EVENTS:
        at, mood_id = clock.shift(now, -days * DAY), _id(tx, "moods", "name", mood)
        tx.insert("events", {"name": what, "partner_id": _id(tx, "partners", "name", name), "at": at, "mood_id": mood_id})


def _case(
    conn: sqlite3.Connection, now: str, name: str, section: str, category: str | None, partner: str, user: str | None,
    days: int, priority: int, deadline: int | None, revenue: int | None, cost: int | None, probability: int | None,
    verbs: tuple[str, ...],
) -> None:  # fmt: skip
    created = clock.shift(now, -days * DAY)
    with db.write(conn, Origin(created, None, "system", "init --demo")) as tx:
        values = {
            "name": name, "priority": priority, "planned_revenue": revenue, "planned_cost": cost,
            "section_id": _id(tx, "sections", "code", section), "category_id": _id(tx, "categories", "name", category),
            "partner_id": _id(tx, "partners", "name", partner), "user_id": _id(tx, "users", "login", user),
            "deadline_at": clock.shift(now, deadline * DAY) if deadline is not None else None,
        }  # fmt: skip
        if probability is not None:
            values["probability"] = probability
        case_id = execute(tx, Add(values)).case_id
        user_id: Any = values["user_id"]
    for hours, verb in enumerate(verbs, start=1):
        command: Command = Act(case_id, verb)
        with db.write(conn, Origin(clock.shift(created, hours * DAY // 4), user_id, "system", "init --demo")) as tx:
            if verb == "open":
                execute(tx, Note(case_id, f"Called {partner}, they expect an answer."))
            execute(tx, command)


def _rules_and_segments(tx: db.Tx) -> None:
    for rule in RULES:
        values = {name: value for name, value in rule.items() if name != "set_user"}
        user_id = _id(tx, "users", "login", rule.get("set_user"))
        tx.insert("rules", {**values, "set_user_id": user_id, "effective_from": tx.now})
    for segment, lines in SEGMENTS:
        values = {name: value for name, value in segment.items() if name != "category"}
        category_id = _id(tx, "partner_categories", "name", segment["category"])
        segment_id = tx.insert("segments", {**values, "category_id": category_id})
        for line in lines:
            tx.insert("segment_lines", {**line, "segment_id": segment_id})
