"""Undo and redo: the journal turned back, one step at a time (cli.md §4).

A step is one command, bulk edit, import or run. It is undone whole or not at all: where a later change stands
on one of its rows, nothing is touched and the changes in the way are listed.
"""

from __future__ import annotations

import json
import sqlite3

from crmcli import deliveries, journal, literals
from crmcli.db import Tx
from crmcli.errors import Conflict, NotFound, Refused
from crmcli.tuples import NamedTuple

# What is turned back of the tables that are journaled only; of the undoable ones it is everything.
ALSO = "('outbox', 'insert'), ('rule_firings', 'insert'), ('deliveries', 'update')"
UNDOABLE = f"""EXISTS (
  SELECT 1
  FROM changes c
  WHERE c.change_set_id = s.id
    AND (c.table_name IN ({", ".join(f"'{table}'" for table in journal.UNDOABLE)}) OR (c.table_name, c.op) IN (VALUES {ALSO})))"""

NEWEST = f"""
SELECT max(step)
FROM change_sets s
WHERE user_id IS ? AND source IN ('cli', 'import') AND undone_by IS NULL AND {UNDOABLE}
"""

NEWEST_RUN = f"""
SELECT max(step)
FROM change_sets s
WHERE source IN ('rules', 'segments') AND undone_by IS NULL AND {UNDOABLE}
"""

NEWEST_UNDO = """
SELECT max(step)
FROM change_sets
WHERE user_id IS ? AND source = 'undo' AND undoes IS NOT NULL AND undone_by IS NULL
"""

CHANGES = """
SELECT c.id, c.table_name, c.row_id, c.op, c.old, c.new
FROM changes c JOIN change_sets s ON s.id = c.change_set_id
WHERE s.step = ?
ORDER BY c.id DESC
"""

LATER = """
SELECT s.step, s.command, s.at
FROM changes c JOIN change_sets s ON s.id = c.change_set_id
WHERE c.table_name = ? AND c.row_id = ? AND c.id > ? AND s.step <> ?
ORDER BY c.id DESC
LIMIT 1
"""

# Rows of one step may refer to each other, in a circle even: those go together.
HANGING = """
SELECT t.id
FROM {child} t
WHERE t."{column}" = ?
  AND NOT EXISTS (
    SELECT 1
    FROM changes c JOIN change_sets s ON s.id = c.change_set_id
    WHERE c.table_name = '{child}' AND c.row_id = t.id AND c.op = 'insert' AND s.step = ?)
LIMIT 1
"""

PUT_THERE = """
SELECT s.step, s.command
FROM changes c JOIN change_sets s ON s.id = c.change_set_id
WHERE c.table_name = ? AND c.row_id = ? AND s.step <> ?
ORDER BY c.id DESC
LIMIT 1
"""

# A notice that tells of other mails as well goes out as it is.
WITHDRAW = """
UPDATE outbox SET state = 'failed', error = 'withdrawn: its cause was undone'
WHERE id = ? AND state IN ('queued', 'held') AND cause NOT GLOB 'message:* message:*'
"""

# What is journaled are SQL's literals, of whole numbers their digits; a mail whose case did not change is as it is.
IN_ITS_CASE = """
UPDATE outbox SET case_id = nullif(json_extract(:old, '$.case_id'), 'NULL')
WHERE id = :id AND quote(case_id) = json_extract(:new, '$.case_id')
"""

HAS_LEFT = "SELECT 1 FROM outbox WHERE id = ? AND state IN ('sending', 'sent')"

MADE_BY_STEP = """
SELECT c.row_id
FROM changes c JOIN change_sets s ON s.id = c.change_set_id
WHERE s.step = ? AND c.op = 'insert' AND c.table_name = """
FIRED_AGAIN = f"UPDATE rule_firings SET state = 'fired' WHERE state = 'undone' AND id IN ({MADE_BY_STEP} 'rule_firings')"
# A mail that was held has no time at which it is due.
QUEUED_AGAIN = f"""
UPDATE outbox
SET state = CASE WHEN next_at IS NULL THEN 'held' ELSE 'queued' END,
    error = CASE WHEN next_at IS NULL THEN 'held before its cause was undone' END
WHERE state = 'failed' AND error = 'withdrawn: its cause was undone' AND id IN ({MADE_BY_STEP} 'outbox')
"""


class Undone(NamedTuple):
    """What undoing a step came to: rows by table, mails withdrawn, mails that were sent already."""

    step: int
    command: str
    rows: dict[str, int]
    withdrawn: int
    sent: int


def newest(conn: sqlite3.Connection, user_id: int | None) -> int:
    """The newest step of the user's own commands and imports that is not undone."""
    return _found(conn.execute(NEWEST, (user_id,)), "undo")


def newest_run(conn: sqlite3.Connection) -> int:
    """The newest run of rules or segments, whoever started it, that is not undone."""
    return _found(conn.execute(NEWEST_RUN), "undo")


def newest_undo(conn: sqlite3.Connection, user_id: int | None) -> int:
    """The newest undo of the user that is not redone."""
    return _found(conn.execute(NEWEST_UNDO, (user_id,)), "redo")


def _found(cursor: sqlite3.Cursor, verb: str) -> int:
    step = cursor.fetchone()[0]
    if step is None:
        raise NotFound(f"there is nothing to {verb}", hint="crm changes")
    return int(step)


def undo(tx: Tx, step: int) -> Undone:
    """Turn a step back inside tx, all of it; Conflict with a list where later changes are in the way.

    Refused where nothing of the step can be taken back, such as an address that was suspended.
    """
    sets = tx.run("SELECT command, undone_by FROM change_sets WHERE step = ?", (step,)).fetchall()
    if not sets:
        raise NotFound(f"no step {step}", hint="crm changes")
    if any(row["undone_by"] for row in sets):
        raise Conflict(f"step {step} is undone already", hint="crm redo")
    turned = _turn_back(tx, step)
    if tx.run("SELECT 1 FROM changes WHERE change_set_id = ? LIMIT 1", (tx.change_set_id,)).fetchone() is None:
        raise Refused(f"step {step} changed nothing that can be taken back", hint=f"crm changes --step {step}")
    tx.run("UPDATE change_sets SET undone_by = ? WHERE step = ?", (tx.step, step))
    tx.run("UPDATE change_sets SET undoes = ? WHERE id = ?", (step, tx.change_set_id))
    return turned._replace(command=sets[0]["command"])


def redo(tx: Tx, undo_step: int) -> Undone:
    """Turn an undo back: its step, which the result names, stands again, its firings count, mails withdrawn by it wait."""
    step = tx.run("SELECT undoes FROM change_sets WHERE step = ? AND undoes IS NOT NULL", (undo_step,)).fetchone()
    if step is None:
        raise NotFound(f"step {undo_step} is no undo", hint="crm changes")
    turned = undo(tx, undo_step)
    tx.run("UPDATE change_sets SET undoes = NULL WHERE id = ?", (tx.change_set_id,))
    tx.run("UPDATE change_sets SET undone_by = NULL WHERE step = ?", (step[0],))
    tx.run(FIRED_AGAIN, (step[0],))
    tx.run(QUEUED_AGAIN, (step[0],))
    (command,) = tx.run("SELECT command FROM change_sets WHERE step = ? LIMIT 1", (step[0],)).fetchone()
    return turned._replace(step=step[0], command=command)


def _turn_back(tx: Tx, step: int) -> Undone:
    tx.run("PRAGMA defer_foreign_keys = ON")
    children = _references(tx.conn)
    is_redo = tx.run("SELECT 1 FROM change_sets WHERE step = ? AND undoes IS NOT NULL", (step,)).fetchone() is not None
    rows: dict[str, int] = {}
    in_the_way: list[str] = []
    withdrawn = sent = 0
    for change in tx.run(CHANGES, (step,)).fetchall():
        table = change["table_name"]
        if table in journal.UNDOABLE:
            blocked = _blocked(tx, change, step, children[table]) or _reverse(tx, change)
            if blocked:
                in_the_way.append(blocked)
            else:
                rows[table] = rows.get(table, 0) + 1
        elif table == "outbox" and change["op"] == "insert":
            withdrawn += tx.run(WITHDRAW, (change["row_id"],)).rowcount
            sent += tx.run(HAS_LEFT, (change["row_id"],)).fetchone() is not None
        elif table == "outbox" and change["op"] == "update":
            tx.run(IN_ITS_CASE, {"id": change["row_id"], "old": change["old"], "new": change["new"]})
        elif table == "deliveries" and change["op"] == "update":
            old, new = (literals.values(json.loads(change[side])) for side in ("old", "new"))
            turned = deliveries.turn_back(tx, change["row_id"], old, new)
            rows[table] = rows.get(table, 0) + turned
            if is_redo and not turned:  # the mail has led to something else meanwhile
                in_the_way.append(_later(tx, change, step))
        elif table == "rule_firings" and change["op"] == "insert":
            tx.run("UPDATE rule_firings SET state = 'undone' WHERE id = ?", (change["row_id"],))
    if in_the_way:
        raise Conflict("later changes are in the way: " + "; ".join(dict.fromkeys(in_the_way)), hint="undo those first")
    return Undone(step, "", {table: number for table, number in rows.items() if number}, withdrawn, sent)


def _blocked(tx: Tx, change: sqlite3.Row, step: int, children: list[tuple[str, str]]) -> str:
    """Why the change cannot be turned back: what the row says now is not what the step left; '' if it can."""
    table, row_id = change["table_name"], change["row_id"]
    row = tx.run(f"SELECT * FROM {table} WHERE id = ?", (row_id,)).fetchone()
    if change["op"] == "delete":
        return "" if row is None else _later(tx, change, step)
    new = literals.values(json.loads(change["new"]))
    if change["op"] == "insert":  # what was empty when the row was made is not told of
        new = dict.fromkeys(journal.watched(tx.conn, table)) | new
    held = _held(tx, table, row_id, step, children) if row is not None and change["op"] == "insert" else ""
    if held or (row is not None and all(row[name] == value for name, value in new.items())):
        return held
    return _later(tx, change, step)


def _later(tx: Tx, change: sqlite3.Row, step: int) -> str:
    table, row_id = change["table_name"], change["row_id"]
    found = tx.run(LATER, (table, row_id, change["id"], step)).fetchone()
    what = f"step {found['step']} ({found['command'] or 'outside'})" if found else "a change outside the journal"
    return f"{what} changed {table} {row_id}"


def _held(tx: Tx, table: str, row_id: int, step: int, children: list[tuple[str, str]]) -> str:
    """A row that hangs on an inserted one and did not come with it."""
    for child, column in children:
        found = tx.run(HANGING.format(child=child, column=column), (row_id, step)).fetchone()
        if found:
            made = tx.run(PUT_THERE, (child, found["id"], step)).fetchone()
            step_text = f"step {made['step']} ({made['command'] or 'outside'})" if made else "a change outside the journal"
            return f"{step_text} put {child} {found['id']} on {table} {row_id}"
    return ""


def _references(conn: sqlite3.Connection) -> dict[str, list[tuple[str, str]]]:
    """Whose rows hang on those of a table, by the schema, among what people keep: table → child and its column."""
    found: dict[str, list[tuple[str, str]]] = {table: [] for table in journal.UNDOABLE}
    for child in journal.UNDOABLE:
        for row in conn.execute(f"PRAGMA foreign_key_list({child})"):
            if row["table"] in found:
                found[row["table"]].append((child, row["from"]))
    return found


def _reverse(tx: Tx, change: sqlite3.Row) -> str:
    """Put the row back → '', or what keeps it from standing there: another row has what only one can have."""
    table, row_id = change["table_name"], change["row_id"]
    try:
        if change["op"] == "insert":
            tx.run(f"DELETE FROM {table} WHERE id = ?", (row_id,))
        elif change["op"] == "update":
            tx.update(table, row_id, literals.values(json.loads(change["old"])))
        else:
            tx.insert(table, {"id": row_id, **literals.values(json.loads(change["old"]))})
    except sqlite3.IntegrityError:
        return f"another row of {table} stands in the place of {row_id}"
    return ""
