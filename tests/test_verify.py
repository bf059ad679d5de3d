"""crm verify: nothing is found in a sound database, and every planted fault is, where it was planted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmcli import db, files, outbox, readonly, verify
from crmcli.execute import execute
from crmcli.model import Act, Add, Attached, Edit, Note
from tests.cli.world import a_case, do, write
from tests.conftest import NOW, Run

Crm = Callable[..., Run]

MAIL = b"From: Joe Roe <joe@acme.example>\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n\nIt broke.\n"
LATER = "2026-03-09T09:00:00Z"


@pytest.fixture(name="full")
def _full(crm: Crm, conn: sqlite3.Connection) -> sqlite3.Connection:
    """A database with some of everything: cases with spans, notes and a file, a mail that came and two that go out."""
    a_case(conn, description="Née à Liège")
    case_id = a_case(conn, "pending", name="水泵坏了")
    do(conn, Note(case_id, "a note"), Edit(case_id, {"user_id": 1, "priority": 1}))
    do(conn, Add({"name": "deleted"}))
    content = b"%PDF"
    write(
        conn,
        lambda tx: files.attach(
            tx, Attached("a.pdf", "application/pdf", len(content), files.store(tx, content)), case_id=case_id
        ),
    )
    crm("case", "delete", "3")
    crm("undo")
    crm("case", "delete", "3")
    assert crm("ingest", stdin=MAIL, user=None).exit == 0
    return conn


def findings(conn: sqlite3.Connection, now: str = NOW) -> list[tuple[str, str, str]]:
    """What verify finds in the file of this connection."""
    path = conn.execute("SELECT file FROM pragma_database_list").fetchone()[0]
    return [tuple(finding) for finding in verify.verify(readonly.connect(path), now)]


def behind_the_back(conn: sqlite3.Connection, *statements: str, references: bool = False) -> None:
    """Change rows as a tool does that takes the triggers away and puts them back."""
    triggers = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    conn.execute(f"PRAGMA foreign_keys = {'ON' if references else 'OFF'}")
    for name, _ in triggers:
        conn.execute(f'DROP TRIGGER "{name}"')
    for statement in statements:
        conn.execute(statement)
    for _, sql in triggers:
        conn.execute(sql)


def test_a_sound_database_has_no_faults(crm: Crm, full: sqlite3.Connection) -> None:
    """After commands, mail, undo and redo; exit 0, an empty list, and words on standard error."""
    assert findings(full) == []
    for steps in (("undo",), ("redo",), ("case", "edit", "1", "--name", "x"), ("run-rules",), ("undo",)):
        assert crm(*steps).exit == 0
        assert findings(full) == []
    done = crm("verify", "-o", "json")
    assert (done.exit, done.json()) == (0, [])
    assert "all is well" in done.err
    assert crm("verify", "-q").err == ""


def test_a_sound_demo_has_no_faults(crm: Crm, tmp_path: Path) -> None:
    """All that is seeded is journaled, and all the rules do."""
    demo = str(tmp_path / "demo.db")
    assert crm("init", "--demo", db=demo).exit == 0
    assert crm("run-rules", db=demo, now="2026-04-02T09:00:00Z").exit in (0, 1)
    assert crm("verify", db=demo, now="2026-04-02T09:00:00Z") == (
        0,
        "check\tplace\tproblem\n",
        "all is well: " + ", ".join(verify.CHECKS) + "\n",
    )


# What is done behind the back, and what verify must say of it: check, place, part of the problem.
PLANTED: dict[str, tuple[str, tuple[str, str, str]]] = {
    "a changed name": (
        "UPDATE cases SET name = 'x' WHERE id = 1",
        ("journal", "cases 1", "name is 'x', by the journal 'Pump broken'"),
    ),
    "a value taken": (
        "UPDATE cases SET description = NULL WHERE id = 1",
        ("journal", "cases 1", "description is NULL, by the journal"),
    ),
    "a value put": ("UPDATE cases SET ref = 'r' WHERE id = 1", ("journal", "cases 1", "ref is 'r', by the journal NULL")),
    "a new row": ("INSERT INTO channels (name) VALUES ('smoke')", ("journal", "channels", "the journal does not know it")),
    "a row gone": ("DELETE FROM case_history WHERE id = 1", ("journal", "case_history 1", "is gone, but the journal has it")),
    "a row again": (
        "INSERT INTO case_links (id, case_id, other_id, kind) VALUES (9, 1, 2, 'relates')",
        ("journal", "case_links 9", "the journal does not know it"),
    ),
    "a deleted case back": (
        "INSERT INTO cases (id, name, section_id, starts_at, created_at) VALUES (3, 'deleted', 1, '{now}', '{now}')",
        ("journal", "cases 3", "the journal says it was deleted"),
    ),
    "an address": ("UPDATE outbox SET recipient = 'eve@evil.example' WHERE id = 1", ("journal", "outbox 1", "recipient is")),
    "a setting": (
        "INSERT INTO settings (key, value) VALUES ('transport', 'sendmail:/x')",
        ("journal", "settings", "does not know it"),
    ),
    "a journal entry gone": (
        "DELETE FROM changes WHERE table_name = 'cases' AND row_id = 1 AND op = 'insert'",
        ("journal", "cases 1", "does not know it"),
    ),
    "a journal entry turned": (
        "UPDATE changes SET new = json_set(new, '$.name', '''y''') WHERE table_name = 'cases' AND row_id = 1 AND op = 'insert'",
        ("journal", "cases 1", "by the journal 'y'"),
    ),
    "a journal entry spoilt": (
        "UPDATE changes SET new = '[1]' WHERE table_name = 'cases' AND row_id = 1 AND op = 'insert'",
        ("journal", "cases 1", "cannot be read"),
    ),
    "no journal context": (
        "INSERT INTO journal_context (id, change_set_id, now) VALUES (1, 1, '{now}')",
        ("journal", "change_sets 1", "still open"),
    ),
    "a span gone": ("DELETE FROM case_spans WHERE left_at IS NULL AND case_id = 2", ("spans", "cases 2", "stands nowhere")),
    "a span elsewhere": (
        "UPDATE case_spans SET state = 'done' WHERE left_at IS NULL AND case_id = 2",
        ("spans", "cases 2", "stands elsewhere"),
    ),
    "a gap": (
        "UPDATE case_spans SET left_at = '2026-03-01T09:00:01Z' WHERE id = (SELECT min(id) FROM case_spans WHERE case_id = 2)",
        ("spans", "case_spans", "does not begin where the one before it ended"),
    ),
    "a reference to nothing": ("UPDATE cases SET partner_id = 99 WHERE id = 1", ("references", "cases 1", "one of partners")),
    "a delivery left": (
        "UPDATE deliveries SET state = 'received', lease_until = '2026-03-01T00:00:00Z'",
        ("custody", "deliveries 1", "was taken and not handled"),
    ),
    "a delivery unread": ("UPDATE deliveries SET message_id = NULL", ("custody", "deliveries 1", "without having been read")),
    "a mail without delivery": ("DELETE FROM deliveries", ("custody", "raw_messages", "nobody will handle it")),
    "a mail never due": ("UPDATE outbox SET next_at = NULL WHERE id = 1", ("outbox", "outbox 1", "never falls due")),
    "a mail sent by nobody": ("UPDATE outbox SET state = 'sending' WHERE id = 1", ("outbox", "outbox 1", "for ever")),
    "a mail sent never": ("UPDATE outbox SET state = 'sent' WHERE id = 1", ("outbox", "outbox 1", "at no time")),
    "a file changed": ("UPDATE blobs SET bytes = x'00'", ("contents", "blobs", "not what was put there")),
    "a mail changed": ("UPDATE raw_messages SET bytes = x'00'", ("contents", "raw_messages", "not what was put there")),
    "a size changed": ("UPDATE raw_messages SET size = size + 1", ("contents", "raw_messages", "not what was put there")),
    "a text lost": (
        "INSERT INTO texts (texts, rowid, text) VALUES ('delete', 4, 'Pump broken')",
        ("text", "cases 1", "its name is not found"),
    ),
    "a text too many": ("INSERT INTO texts (rowid, text) VALUES (4002, 'ghost')", ("text", "case_log 1000", "is not there")),
    "a foreign trigger": (
        "CREATE TRIGGER evil AFTER INSERT ON cases BEGIN DELETE FROM mail_keys; END",
        ("schema", "trigger evil", "none of ours"),
    ),
    "an index gone": ("DROP INDEX cases_by_name", ("schema", "index cases_by_name", "is missing")),
    "a view changed": (
        "DROP VIEW v_log; CREATE VIEW v_log AS SELECT key FROM mail_keys",
        ("schema", "view v_log", "is not as this program makes it"),
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_fault_is_found_where_it_was_planted(crm: Crm, full: sqlite3.Connection, kind: str) -> None:
    """And told with exit 1, also as JSON."""
    sql, (check, place, problem) = PLANTED[kind]
    behind_the_back(full, *sql.format(now=NOW).split("; ") if "TRIGGER" not in sql else [sql])
    found = findings(full)
    assert any(one[0] == check and one[1].startswith(place) and problem in one[2] for one in found), found
    told = crm("verify", "-o", "json")
    assert told.exit == 1
    assert '"kind": "refused"' in told.err
    assert [tuple(row.values()) for row in told.json()] == [tuple(value or None for value in row) for row in found]


def test_a_replacing_insert_goes_round_the_triggers_and_is_found(full: sqlite3.Connection) -> None:
    """Without recursive triggers SQLite tells nobody of the row that it takes away."""
    full.execute("INSERT OR REPLACE INTO channels (id, name) SELECT id, 'other' FROM channels WHERE id = 1")
    found = findings(full)
    assert [one[:2] for one in found] == [("journal", "channels 1")]
    assert "was there already when change" in found[0][2]


def test_a_change_in_between_is_found_though_a_later_one_hides_it(full: sqlite3.Connection) -> None:
    """The journal goes on from something that it never led to."""
    behind_the_back(full, "UPDATE cases SET priority = 5 WHERE id = 1")
    do(full, Edit(1, {"priority": 2}))
    assert [(one[1], "had been changed before change" in one[2]) for one in findings(full)] == [("cases 1", True)]


def test_what_other_tools_change_through_the_triggers_is_no_fault(full: sqlite3.Connection) -> None:
    """It is journaled as an outside change."""
    path = full.execute("SELECT file FROM pragma_database_list").fetchone()[0]
    with sqlite3.connect(path) as other:
        other.execute("UPDATE partners SET comment = 'by hand'")
        other.execute("UPDATE cases SET name = 'by hand' WHERE id = 1")
        other.execute("INSERT INTO channels (name) VALUES ('smoke')")
        other.execute("DELETE FROM channels WHERE name = 'smoke'")
    assert findings(full) == []


def test_a_mail_being_handled_is_no_fault_until_its_lease_runs_out(full: sqlite3.Connection) -> None:
    """Nor is one being sent."""
    write(full, lambda tx: outbox.claim(tx, "us 1", 5), now=NOW)
    full.execute("UPDATE deliveries SET state = 'received', lease_until = ?", (LATER,))
    assert findings(full) == []
    assert [one[:2] for one in findings(full, LATER)] == [("custody", "deliveries 1")]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_damaged_file_is_told_as_such_and_the_other_checks_go_on(
    crm: Crm, full: sqlite3.Connection, db_path: str, share: float
) -> None:
    """Pages of rubbish in it, or its end missing."""
    for number in range(300):
        full.execute(
            "INSERT INTO change_sets (step, at, true_at, source, command) VALUES (0, ?, ?, 'cli', ?)", (NOW, NOW, "x" * 500)
        )
        full.execute("INSERT INTO canned_replies (name, text) VALUES (?, ?)", (f"reply {number}", "x" * 900))
    full.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    full.close()
    whole = Path(db_path).read_bytes()
    place = int(len(whole) * share) // 4096 * 4096
    Path(db_path).write_bytes(whole[:place] + b"\xde\xad" * 4096 * 2 + whole[place + 4 * 4096 :])
    told = crm("verify")
    assert told.exit in (1, 75)
    assert "Traceback" not in told.err
    if told.exit == 1:
        assert told.out.count("\n") > 1
    Path(db_path).write_bytes(whole[:place])
    assert crm("verify").exit in (1, 75)


def test_verify_writes_nothing(crm: Crm, full: sqlite3.Connection, db_path: str) -> None:
    """It only looks."""
    full.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = Path(db_path).read_bytes()
    crm("verify")
    assert Path(db_path).read_bytes() == before


def test_a_redone_step_does_not_let_a_held_mail_go(crm: Crm, conn: sqlite3.Connection) -> None:
    """Undo withdraws mails that wait or are held; redo gives each back what it was."""

    def work(tx: db.Tx) -> Any:
        execute(tx, Add({"name": "Pump", "section_id": 1, "user_id": 1, "email_from": "joe@acme.example"}), Act(1, "open"))
        mail = {"kind": "rule", "case_id": 1, "cause": "t", "recipient": "joe@acme.example", "envelope_from": "", "subject": "s"}
        outbox.add(tx, {**mail, "message_id": "<a@us>", "bytes": b""})
        outbox.add(tx, {**mail, "message_id": "<b@us>", "bytes": b""}, held="held by hand")

    write(conn, work)
    assert crm("undo").exit == 0
    assert {row[0] for row in conn.execute("SELECT state FROM outbox")} == {"failed"}
    assert crm("redo").exit == 0
    states = dict(conn.execute("SELECT message_id, state FROM outbox WHERE message_id IN ('<a@us>', '<b@us>')").fetchall())
    assert states == {"<a@us>": "queued", "<b@us>": "held"}
    assert findings(conn) == []
