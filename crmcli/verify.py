"""Whether a database is whole: file, schema, references, journal, spans, custody, outbox, contents, full text (cli.md §4)."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterator

from crmcli import deliveries, digest, journal, migrations, replay, resources
from crmcli.errors import NotFound
from crmcli.model import Column
from crmcli.text import clean
from crmcli.tuples import NamedTuple


class Finding(NamedTuple):
    """Something that is wrong: which check found it, where (a table and an id, or nothing), and what it is."""

    check: str
    place: str
    problem: str


class Rule(NamedTuple):
    """Rows that must not be: the check that it is part of, their table, what is wrong with them, and the SQL that finds ids."""

    check: str
    table: str
    problem: str
    sql: str


COLUMNS = (Column("check"), Column("place"), Column("problem"))
INTEGRITY = "PRAGMA integrity_check(100)"
OBJECTS = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

RULES = (
    Rule("journal", "change_sets", "is still open, though nobody writes", "SELECT change_set_id FROM journal_context"),
    Rule(
        "spans",
        "cases",
        "stands nowhere by its spans",
        "SELECT id FROM cases c WHERE NOT EXISTS (SELECT 1 FROM case_spans WHERE case_id = c.id AND left_at IS NULL)",
    ),
    Rule(
        "spans",
        "cases",
        "stands elsewhere by its spans",
        "SELECT c.id FROM cases c JOIN case_spans s ON s.case_id = c.id AND s.left_at IS NULL"
        " WHERE s.state <> c.state OR s.section_id IS NOT c.section_id OR s.user_id IS NOT c.user_id",
    ),
    Rule(
        "spans",
        "case_spans",
        "does not begin where the one before it ended",
        "SELECT id FROM (SELECT id, entered_at, lag(id) OVER story AS before, lag(left_at) OVER story AS ended"
        " FROM case_spans WINDOW story AS (PARTITION BY case_id ORDER BY id))"
        " WHERE before IS NOT NULL AND ended IS NOT entered_at",
    ),
    Rule(
        "custody",
        "deliveries",
        "was taken and not handled, and nobody is at it",
        "SELECT id FROM deliveries WHERE state = 'received' AND coalesce(lease_until, '') <= :now",
    ),
    Rule(
        "custody",
        "deliveries",
        "has led to something without having been read",
        "SELECT id FROM deliveries WHERE state <> 'received' AND message_id IS NULL",
    ),
    Rule(
        "outbox",
        "outbox",
        "waits and never falls due",
        "SELECT id FROM outbox WHERE state = 'queued' AND next_at IS NULL",
    ),
    Rule(
        "outbox",
        "outbox",
        "is being sent by nobody, for ever",
        "SELECT id FROM outbox WHERE state = 'sending' AND (next_at IS NULL OR lease_until IS NULL)",
    ),
    Rule("outbox", "outbox", "was sent at no time", "SELECT id FROM outbox WHERE state = 'sent' AND sent_at IS NULL"),
)

NOBODYS = "SELECT sha256 FROM raw_messages WHERE sha256 NOT IN (SELECT sha256 FROM deliveries)"

# Every text that is searched by its number in the index (schema.sql), and the numbers that are there.
SEARCHED = """
SELECT id * 4 AS id FROM cases WHERE name <> ''
UNION ALL SELECT id * 4 + 1 FROM cases WHERE description <> ''
UNION ALL SELECT log_id * 4 + 2 FROM case_history WHERE description <> ''
UNION ALL SELECT id * 4 + 3 FROM attachments WHERE name <> ''
"""
MISSED = f"SELECT id FROM ({SEARCHED}) EXCEPT SELECT id FROM texts_docsize"
LEFT_OVER = f"SELECT id FROM texts_docsize EXCEPT SELECT id FROM ({SEARCHED})"
TEXTS = (("cases", "name"), ("cases", "description"), ("case_log", "text"), ("attachments", "name"))


def verify(conn: sqlite3.Connection, now: str, names: Collection[str] = ()) -> Iterator[Finding]:
    """All that is wrong, check by check, of one moment; now is UTC text, names the checks to make instead of all.

    A check that breaks off is a finding itself.
    """
    conn.execute("BEGIN")
    for name in names or CHECKS:
        try:
            yield from CHECKS[name](conn, now)
        except sqlite3.DatabaseError as error:
            yield Finding(name, "", f"cannot be looked at: {clean(str(error), lines=False)}")
    conn.execute("ROLLBACK")


def schema(conn: sqlite3.Connection) -> Iterator[Finding]:
    """How tables, views, triggers and indexes differ from this program's; triggers that are not ours may do anything."""
    ours, found = _expected(), {(row[0], row[1]): row[2] for row in conn.execute(OBJECTS)}
    for (kind, name), sql in ours.items():
        if (kind, name) not in found:
            yield Finding("schema", f"{kind} {name}", "is missing")
        elif found[kind, name] != sql:
            yield Finding("schema", f"{kind} {name}", "is not as this program makes it")
    for kind, name in found.keys() - ours.keys():
        if kind == "trigger":
            yield Finding("schema", f"{kind} {clean(name, lines=False)}", "is none of ours")


def _expected() -> dict[tuple[str, str], str]:
    """The objects of a new database."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    for statement in migrations.statements(resources.read("schema.sql")):
        fresh.execute(statement)
    journal.make_triggers(fresh)
    made = {(row[0], row[1]): row[2] for row in fresh.execute(OBJECTS)}
    fresh.close()
    return made


def texts(conn: sqlite3.Connection) -> Iterator[Finding]:
    """What the index of full text lacks, and what it has too much."""
    for sql, problem in ((MISSED, "is not found by searching"), (LEFT_OVER, "is found by searching, but is not there")):
        for (number,) in conn.execute(sql):
            table, what = TEXTS[number % 4]
            yield Finding("text", f"{table} {number // 4}", f"its {what} {problem}")


def _file(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    for (said,) in conn.execute(INTEGRITY):
        if said != "ok":
            yield Finding("file", "", clean(said, lines=False))


def _schema(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    return schema(conn)


def references(conn: sqlite3.Connection) -> Iterator[Finding]:
    """Rows that refer to what is not there."""
    for table, row_id, parent, _ in conn.execute("PRAGMA foreign_key_check"):
        yield Finding("references", f"{table} {row_id}", f"refers to one of {parent} that is not there")


def _references(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    return references(conn)


def _journal(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    for table, row_id, problem in replay.differences(conn):
        yield Finding("journal", f"{table} {row_id}", problem)


def _rules(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    for rule in RULES:
        for (row_id,) in conn.execute(rule.sql, {"now": now} if ":now" in rule.sql else {}):
            yield Finding(rule.check, f"{rule.table} {row_id}", rule.problem)
    for (sha256,) in conn.execute(NOBODYS):
        yield Finding("custody", f"raw_messages {sha256}", "came by no delivery: nobody will handle it")


def _contents(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    """Files and mails against the digests that they are kept under."""
    for table in ("blobs", "raw_messages"):
        for sha256, size in conn.execute(f"SELECT sha256, size FROM {table}"):
            content = _content(conn, table, sha256)
            if content is None or len(content) != size or digest.hexdigest(content) != sha256:
                yield Finding("contents", f"{table} {sha256}", "is not what was put there")


def _content(conn: sqlite3.Connection, table: str, sha256: str) -> bytes | None:
    """The bytes; None where they cannot be unpacked."""
    if table == "blobs":
        return bytes(conn.execute("SELECT bytes FROM blobs WHERE sha256 = ?", (sha256,)).fetchone()[0])
    try:
        return deliveries.raw(conn, sha256)
    except (zlib.error, NotFound):
        return None


def _texts(conn: sqlite3.Connection, now: str) -> Iterator[Finding]:
    return texts(conn)


CHECKS: dict[str, Callable[[sqlite3.Connection, str], Iterator[Finding]]] = {
    "file": _file,
    "schema": _schema,
    "references": _references,
    "journal": _journal,
    "spans, custody, outbox": _rules,
    "contents": _contents,
    "text": _texts,
}
