"""The journal: every change of every table that people keep, written by triggers (cli.md §4).

No code of ours can pass the triggers by, and a hand in another SQLite tool is seen too, as an `outside`
change set. Values are kept as SQL literals (literals.py), which lose nothing; blobs are not kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from crmcli import literals
from crmcli.origin import Origin

# undoable: what people keep. journaled: what happened and cannot be taken back. The rest is not journaled.
UNDOABLE = (
    "users", "sections", "categories", "partners", "contacts", "partner_categories", "partner_category_members",
    "channels", "moods", "cases", "case_log", "case_history", "case_links", "case_spans", "views", "canned_replies",
    "event_types", "events", "amounts", "rules", "calendars", "holidays", "sla", "segments", "segment_lines",
    "segment_members", "segment_pins", "attachments", "settings",
)  # fmt: skip
JOURNALED = ("messages", "deliveries", "outbox", "rule_firings", "addresses")

# Columns that are bytes, leases or counters, such as how far and when a segment last ran.
UNWATCHED = {
    "outbox": ("bytes", "owner", "lease_until", "attempts", "next_at"),
    "deliveries": ("owner", "lease_until", "attempts"),
    "messages": ("text", "visible"),
    "segments": ("run_at", "last_partner_id", "state"),
}

ENTRY = """
CREATE VIEW journal_entry AS
  SELECT table_name, row_id, op, old, new FROM changes
"""
ENTRY_TRIGGER = """
CREATE TRIGGER journal_entry_insert INSTEAD OF INSERT ON journal_entry BEGIN
  INSERT INTO change_sets (step, at, true_at, source)
  SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change_sets'), 0),
         strftime('%Y-%m-%dT%H:%M:%SZ'), strftime('%Y-%m-%dT%H:%M:%SZ'), 'outside'
  WHERE NOT EXISTS (SELECT 1 FROM journal_context);
  INSERT INTO changes (change_set_id, table_name, row_id, op, rule_id, old, new)
  VALUES (coalesce((SELECT change_set_id FROM journal_context), (SELECT max(id) FROM change_sets)),
          NEW.table_name, NEW.row_id, NEW.op, (SELECT rule_id FROM journal_context), NEW.old, NEW.new);
END
"""

# The id that comes next is the step where nothing else is told.
BEGIN = """
INSERT INTO change_sets (id, step, at, true_at, user_id, source, command, reason)
SELECT next, coalesce(?, next), ?, ?, ?, ?, ?, ?
FROM (SELECT 1 + coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change_sets'), 0) AS next)
"""


def make_triggers(conn: sqlite3.Connection) -> None:
    """Make the triggers for the columns that the tables have now."""
    conn.execute(ENTRY)
    conn.execute(ENTRY_TRIGGER)
    for table in UNDOABLE + JOURNALED:
        for statement in _triggers(table, watched(conn, table)):
            conn.execute(statement)


def watched(conn: sqlite3.Connection, table: str) -> list[str]:
    """The columns of a table that are journaled, in its order; the id names the row."""
    columns = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
    return [name for name in columns if name != "id" and name not in UNWATCHED.get(table, ())]


def make_baseline(conn: sqlite3.Connection, version: int, at: str) -> None:
    """Keep every row as a migration to the version left it; from here on the journal is folded, not from the beginning."""
    conn.execute("DELETE FROM baseline_rows")
    for table in UNDOABLE + JOURNALED:
        pairs = ",".join(f"('{name}',t.\"{name}\")" for name in watched(conn, table))
        values = f"(VALUES('',NULL),{pairs}) WHERE column2 IS NOT NULL"
        row = f"SELECT json_group_object(column1,{literals.sql('column2')}) FROM {values}"
        conn.execute(f"INSERT INTO baseline_rows (table_name, row_id, row) SELECT '{table}', t.id, ({row}) FROM {table} t")
    conn.execute(
        "INSERT INTO baselines (version, made_at, last_change_id) SELECT ?, ?, coalesce(max(id), 0) FROM changes", (version, at)
    )


def drop_triggers(conn: sqlite3.Connection) -> None:
    """Take the journal's triggers away, before tables change their columns."""
    found = conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'journal_*'").fetchall()
    for (name,) in found:
        conn.execute(f"DROP TRIGGER {name}")
    conn.execute("DROP VIEW IF EXISTS journal_entry")


def _triggers(table: str, columns: list[str]) -> Iterator[str]:
    """The three triggers of a table; short, since every process that opens the file reads them.

    The empty first row gives the columns of VALUES their names, column1 to column3.
    """

    def pairs(side: str) -> str:
        return ",".join(f"('{name}',{side}.\"{name}\")" for name in columns)

    both = ",".join(f'(\'{name}\',OLD."{name}",NEW."{name}")' for name in columns)
    quoted, renewed = (f"json_group_object(column1,{literals.sql(column)})" for column in ("column2", "column3"))
    yield f"""CREATE TRIGGER journal_{table}_insert AFTER INSERT ON {table} BEGIN
INSERT INTO journal_entry(table_name,row_id,op,new)
SELECT '{table}',NEW.id,'insert',{quoted} FROM (VALUES('',NULL),{pairs("NEW")}) WHERE column2 IS NOT NULL;
END"""
    yield f"""CREATE TRIGGER journal_{table}_update AFTER UPDATE ON {table} BEGIN
INSERT INTO journal_entry(table_name,row_id,op,old,new)
SELECT '{table}',NEW.id,'update',o,n
FROM (SELECT {quoted} o,{renewed} n FROM (VALUES('','',''),{both}) WHERE column2 IS NOT column3)
WHERE n<>'{{}}';
END"""
    yield f"""CREATE TRIGGER journal_{table}_delete AFTER DELETE ON {table} BEGIN
INSERT INTO journal_entry(table_name,row_id,op,old)
SELECT '{table}',OLD.id,'delete',{quoted} FROM (VALUES('',NULL),{pairs("OLD")}) WHERE column2 IS NOT NULL;
END"""


def begin(conn: sqlite3.Connection, origin: Origin, true_at: str) -> int:
    """Open a change set and name it in the journal's context → its id."""
    who = (origin.now, true_at, origin.user_id, origin.source, origin.command, origin.reason)
    change_set_id = int(conn.execute(BEGIN, (origin.step, *who)).lastrowid or 0)
    conn.execute("INSERT INTO journal_context (id, change_set_id, now) VALUES (1, ?, ?)", (change_set_id, origin.now))
    return change_set_id


def by_rule(conn: sqlite3.Connection, rule_id: int | None) -> None:
    """From here on the changes are this rule's doing (None: nobody's)."""
    conn.execute("UPDATE journal_context SET rule_id = ?", (rule_id,))


def end(conn: sqlite3.Connection, change_set_id: int) -> None:
    """Close the change set; one that changed nothing goes."""
    conn.execute("DELETE FROM journal_context")
    conn.execute(
        "DELETE FROM change_sets WHERE id = ? AND NOT EXISTS (SELECT 1 FROM changes WHERE change_set_id = ?)",
        (change_set_id, change_set_id),
    )
