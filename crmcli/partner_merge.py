"""Two partners that are one: all that hangs on the one goes to the other (cli.md §7)."""

from __future__ import annotations

import sqlite3

from crmcli import records
from crmcli.db import Tx
from crmcli.errors import Refused
from crmcli.execute import execute
from crmcli.model import Follow

# What hangs on a partner beside its cases: table, the column with its id, and what it is called where it is counted.
HANGING = (
    ("contacts", "partner_id", "contact"),
    ("events", "partner_id", "event"),
    ("amounts", "partner_id", "amount"),
    ("partner_category_members", "partner_id", "category"),
    ("segment_pins", "partner_id", "pin or ban"),
    ("segment_members", "partner_id", ""),
    ("partners", "parent_id", "partner below"),
    ("rules", "partner_id", "rule"),
)
COUNTED = (("cases", "partner_id", "case"), *(hanging for hanging in HANGING if hanging[2]))
PLURALS = {"category": "categories", "pin or ban": "pins or bans", "partner below": "partners below"}

# What the partner that stays has already itself: it keeps its own, and the other's ends or goes.
SAME_CATEGORY = """
DELETE FROM partner_category_members AS m
WHERE m.partner_id = :old
  AND EXISTS (
    SELECT 1
    FROM partner_category_members o
    WHERE o.partner_id = :new AND o.category_id = m.category_id AND o.origin = m.origin)
"""
SAME_PIN = """
DELETE FROM segment_pins
WHERE partner_id = :old AND segment_id IN (SELECT segment_id FROM segment_pins WHERE partner_id = :new)
"""
SAME_SEGMENT = """
UPDATE segment_members
SET left_at = max(:now, entered_at), left_why = 'merged into ' || :into
WHERE partner_id = :old
  AND left_at IS NULL
  AND segment_id IN (SELECT segment_id FROM segment_members WHERE partner_id = :new AND left_at IS NULL)
"""
DOCUMENTS = "UPDATE events SET document = 'partner:' || :new WHERE document = 'partner:' || :old"
# Cases that are its own, and those that name it.
CASES = """
SELECT id, partner_id, ref, ref2
FROM cases
WHERE partner_id = :old OR 'partner:' || :old IN (ref, ref2)
ORDER BY id
"""
ABOVE = """
WITH RECURSIVE above (id) AS (
  SELECT parent_id FROM partners WHERE id = ? UNION SELECT p.parent_id FROM partners p JOIN above ON p.id = above.id
) SELECT id FROM above WHERE id = ?
"""
FILLED = ("user_id", "ref", "website", "vat", "lang")
EITHER = ("customer", "supplier")


def hanging_on(conn: sqlite3.Connection, partner_id: int) -> list[str]:
    """What hangs on a partner, counted: ``3 cases``, ``1 contact``."""
    found = []
    for table, column, word in COUNTED:
        (count,) = conn.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (partner_id,)).fetchone()
        if count:
            found.append(f"{count} {word if count == 1 else PLURALS.get(word, word + 's')}")
    return found


def check_merge(conn: sqlite3.Connection, partner_id: int, into_id: int) -> None:
    """Refuse what cannot be merged: a partner into itself, into one that is archived or that stands below it."""
    name, into = (records.label(conn, "partner", number) for number in (partner_id, into_id))
    if partner_id == into_id:
        raise Refused(f"{name} is one partner already", hint="crm partner merge FROM INTO")
    if not conn.execute("SELECT active FROM partners WHERE id = ?", (into_id,)).fetchone()[0]:
        raise Refused(f"{into} is archived", hint=f"crm partner unarchive {into_id}")
    if conn.execute(ABOVE, (into_id, partner_id)).fetchone():
        raise Refused(f"{into} stands below {name}", hint=f"first: crm partner edit {into_id} --parent ''")


def merge(tx: Tx, partner_id: int, into_id: int) -> None:
    """All that hangs on a partner goes to another, which also takes over what it lacks; the first is archived.

    Mail from its people then finds the one that stays. It is archived, not deleted, so that its id and its own words
    go on meaning something in what was written before; undo brings all of it back.
    """
    check_merge(tx.conn, partner_id, into_id)
    old, new = (dict(tx.run("SELECT * FROM partners WHERE id = ?", (number,)).fetchone()) for number in (partner_id, into_id))
    given = {"old": partner_id, "new": into_id, "now": tx.now, "into": new["name"]}
    _follow(tx, partner_id, into_id)
    for same in (SAME_CATEGORY, SAME_PIN, SAME_SEGMENT, DOCUMENTS):
        tx.run(same, given)
    for table, column, _ in HANGING:
        tx.run(f"UPDATE {table} SET {column} = :new WHERE {column} = :old", given)
    filled = {name: old[name] for name in FILLED if new[name] is None and old[name] is not None}
    filled |= {name: 1 for name in EITHER if old[name] and not new[name]}
    note = f"merged into {new['name']} (partner {into_id})"
    gone = {"active": 0, "parent_id": None, "comment": f"{old['comment']}\n{note}" if old["comment"] else note}
    records.edit(tx, "partner", partner_id, gone | ({"ref": None} if "ref" in filled else {}))
    if filled:
        records.edit(tx, "partner", into_id, filled)


def _follow(tx: Tx, partner_id: int, into_id: int) -> None:
    """Cases of the partner become those of the other, and what refers to the one refers to the other."""
    now = {partner_id: into_id, f"partner:{partner_id}": f"partner:{into_id}"}
    for row in tx.run(CASES, {"old": partner_id}).fetchall():
        execute(tx, Follow(row["id"], {name: now[row[name]] for name in ("partner_id", "ref", "ref2") if row[name] in now}))
