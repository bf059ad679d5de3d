"""crm run-rules: what cron calls."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crmcli import db
from crmcli.model import Act, Command, Edit, Origin
from crmcli.rules.rule import Rule
from tests.conftest import Run
from tests.rules.world import MONDAY, case, cron, do, fired, later, rule, sql, value

Crm = Callable[..., Run]


def escalating(conn: sqlite3.Connection) -> None:
    """Support stands below Service, whose responsible is bob; a draft two days old goes up."""
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("users", {"login": "bob", "name": "Bob", "email": "bob@us.example"})
        tx.insert("sections", {"name": "Service", "reply_to": "service@us.example", "user_id": 2})
        tx.run("UPDATE sections SET parent_id = 2 WHERE id = 1")
    body = "Case %(case_id)s of %(section)s is yours, %(case_user)s."
    rule(conn, "Too long", date_type="created", delay=2, state_from="draft", set_state="escalate", mail_user=1, mail_body=body)


def test_two_days_after_creation_a_draft_goes_up_and_whoever_has_it_then_is_told(conn: sqlite3.Connection, crm: Crm) -> None:
    escalating(conn)
    case_id = case(conn)
    runs = [crm("run-rules", "-o", "json", now=later(days)).json() for days in (1, 2, 2, 3)]
    assert [rows[0]["fired"] for rows in runs] == [0, 1, 0, 0]
    assert runs[1] == [{"rule": "Too long", "examined": 1, "due": 1, "fired": 1, "mails": 1, "failed": 0}]
    assert (value(conn, case_id, "section_id"), value(conn, case_id, "user_id")) == (2, 2)
    [(recipient, subject, body)] = sql(conn, "SELECT recipient, subject, bytes FROM outbox")
    assert (recipient, subject) == ("bob@us.example", f"[{case_id}] Pump broken")
    assert f"Case {case_id} of Service is yours, Bob." in body.decode()


def test_from_cron_it_is_silent_and_leaves_a_heartbeat(conn: sqlite3.Connection, crm: Crm) -> None:
    escalating(conn)
    case(conn)
    for days in (1, 3):
        assert crm("run-rules", now=later(days)) == Run(0, "", "")
    beats = sql(conn, "SELECT kind, at, examined, fired, failed FROM runs")
    assert beats == [("rules", later(1), 0, 0, 0), ("rules", later(3), 1, 1, 0)]


def test_a_run_that_did_nothing_leaves_no_step_and_one_that_did_leaves_one(conn: sqlite3.Connection, crm: Crm) -> None:
    rule(conn, "Created", date_type="created", delay=2, set_priority=1)
    for _ in range(3):
        case(conn)
    before = conn.execute("SELECT max(id) FROM change_sets").fetchone()[0]
    crm("run-rules", now=later(1))
    assert sql(conn, "SELECT id FROM change_sets WHERE id > ?", before) == []
    crm("run-rules", now=later(2))
    steps = sql(conn, "SELECT step, source, user_id FROM change_sets WHERE id > ?", before)
    assert len(steps) == 3
    assert len(set(steps)) == 1
    assert steps[0][1:] == ("rules", None)
    assert {row[0] for row in sql(conn, "SELECT DISTINCT rule_id FROM changes WHERE table_name = 'cases' AND op = 'update'")} == {
        1
    }


def test_a_rehearsal_tells_the_same_and_writes_nothing(conn: sqlite3.Connection, crm: Crm) -> None:
    escalating(conn)
    case(conn)
    before = list(conn.iterdump())
    rehearsed = crm("run-rules", "--dry-run", "-o", "json", now=later(2)).json()
    assert list(conn.iterdump()) == before
    assert rehearsed == crm("run-rules", "-o", "json", now=later(2)).json()


def test_a_rule_that_fails_is_listed_and_stops_nobody_else(conn: sqlite3.Connection, crm: Crm) -> None:
    rule(conn, "Remind", date_type="created", delay=1, remind_partner=1)
    rule(conn, "Other", date_type="created", delay=2, set_priority=1)
    bad, good = case(conn), case(conn, email_from="joe@acme.example")
    run = crm("run-rules", now=later(2))
    assert run.exit == 1
    assert run.out == ""
    assert run.err.startswith(f"crm: 1 failed: rule Remind on case {bad}: case {bad} has no partner e-mail")
    assert sorted(fired(conn)) == [("Other", bad, later(2)), ("Other", good, later(2)), ("Remind", good, later(2))]
    assert crm("run-rules", now=later(2)).exit == 0
    assert crm("run-rules", now=later(2, seconds=60)).exit == 1
    do(conn, later(2), Edit(bad, {"email_from": "ann@acme.example"}))
    assert crm("run-rules", now=later(3)).exit == 0
    assert ("Remind", bad, later(3)) in fired(conn)


def test_a_bug_that_one_case_meets_does_not_keep_the_others_waiting(
    conn: sqlite3.Connection, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmcli.rules import actions

    rule(conn, "Created", date_type="created", delay=1, set_priority=1)
    bad, good = case(conn), case(conn)
    right = actions.commands

    def wrong(tx: db.Tx, found: Rule, case_id: int) -> Iterator[Command]:
        if case_id == bad:
            raise ZeroDivisionError("oh")
        return right(tx, found, case_id)

    monkeypatch.setattr(actions, "commands", wrong)
    run = crm("run-rules", now=later(1))
    assert run.exit == 1
    assert f"case {bad}: a bug of crm: ZeroDivisionError('oh')" in run.err
    assert fired(conn) == [("Created", good, later(1))]


def test_back_off_grows_from_a_minute_to_a_day(conn: sqlite3.Connection) -> None:
    from crmcli import clock

    rule(conn, "Remind", date_type="created", delay=1, remind_partner=1)
    case(conn)
    at, waits = later(1), []
    cron(conn, at)
    for _ in range(7):
        retry_at = conn.execute("SELECT retry_at FROM rule_due").fetchone()[0]
        waits.append(int((clock.moment(retry_at) - clock.moment(at)).total_seconds()))
        at = retry_at
        cron(conn, at)
    assert waits == [60, 300, 900, 3600, 14400, 86400, 86400]


def test_a_limit_of_cases_stops_the_run_and_the_next_goes_on(conn: sqlite3.Connection, crm: Crm) -> None:
    rule(conn, "Created", date_type="created", delay=1, set_priority=1)
    for _ in range(5):
        case(conn)
    run = crm("run-rules", "--max-cases", "2", now=later(1))
    assert (run.exit, run.out, run.err) == (0, "", "stopped after 2 cases; the next run goes on\n")
    assert [case_id for _, case_id, _ in fired(conn)] == [1, 2]
    crm("run-rules", "--max-cases", "2", now=later(1))
    assert crm("run-rules", "--max-cases", "2", now=later(1)).err == ""
    assert [case_id for _, case_id, _ in fired(conn)] == [1, 2, 3, 4, 5]


def test_a_limit_of_mails_is_never_passed(conn: sqlite3.Connection, crm: Crm) -> None:
    mail = {"mail_body": "Hm.", "mail_to": "boss@us.example, chief@us.example"}
    rule(conn, "Mail", date_type="created", delay=1, **mail)
    for _ in range(3):
        case(conn)
    run = crm("run-rules", "--max-mails", "3", now=later(1))
    assert (run.exit, run.err) == (0, "stopped before more than 3 mails; the next run goes on\n")
    assert len(sql(conn, "SELECT * FROM outbox")) == 2
    assert len(fired(conn)) == 1
    crm("run-rules", now=later(1))
    assert len(sql(conn, "SELECT * FROM outbox")) == 6


def test_a_case_wakes_up_by_itself(conn: sqlite3.Connection, crm: Crm) -> None:
    case_id = case(conn)
    do(conn, MONDAY, Act(case_id, "pending", until=later(2)))
    crm("run-rules", now=later(1.9))
    assert value(conn, case_id, "state") == "pending"
    crm("run-rules", now=later(2))
    assert (value(conn, case_id, "state"), value(conn, case_id, "wake_at")) == ("open", None)
    assert sql(conn, "SELECT name, user_id FROM case_log ORDER BY id DESC LIMIT 1") == [("Open", None)]


def test_the_longest_due_comes_first(conn: sqlite3.Connection) -> None:
    rule(conn, "Deadline", date_type="deadline", delay=0, set_priority=1)
    ids = [case(conn, deadline_at=later(days)) for days in (3, 1, 2)]
    cron(conn, later(5))
    assert [case_id for _, case_id, _ in fired(conn)] == [ids[1], ids[2], ids[0]]


def test_a_filter_is_asked_when_the_rule_is_due_and_as_long_as_it_takes(conn: sqlite3.Connection) -> None:
    rule(conn, "Late ones", date_type="created", delay=1, where="+late", set_priority=1)
    case(conn, deadline_at=later(3))
    for days in (1, 2, 3.5, 4):
        report = cron(conn, later(days))
    assert fired(conn) == [("Late ones", 1, later(3.5))]
    assert report.total("examined") == 0


def test_segments_that_are_due_run_after_the_rules_in_the_same_step(conn: sqlite3.Connection, crm: Crm) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("partners", {"name": "Acme"})
        tx.insert("partner_categories", {"name": "VIP"})
        tx.insert("segments", {"name": "All", "category_id": 1})
    rule(conn, "VIP", date_type="created", delay=1, partner_category_id=1, set_priority=1)
    rule(conn, "All", date_type="created", delay=1, set_priority=2)
    case_id = case(conn, partner_id=1)
    crm("run-rules", "--no-segments", now=later(0.5))
    assert conn.execute("SELECT run_at FROM segments").fetchone()[0] is None
    crm("run-rules", now=later(1))
    assert fired(conn) == [("All", case_id, later(1))]
    steps = conn.execute("SELECT DISTINCT step FROM change_sets WHERE source IN ('rules', 'segments')").fetchall()
    assert len(steps) == 1
    crm("run-rules", now=later(1))
    assert fired(conn) == [("All", case_id, later(1)), ("VIP", case_id, later(1))]


# Processes ------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "crmcli"]

# Runs the rules and kills itself before the statement with this number.
KILLED = """
import os, signal, sys
from crmcli import db
from crmcli.model import Origin
from crmcli.rules.run import run

conn, left = db.connect(sys.argv[1]), [int(sys.argv[3])]

def before(statement):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

conn.set_trace_callback(before)
run(conn, Origin(sys.argv[2], None, "rules"))
print(left[0])
"""


def due_cases(path: str, count: int) -> None:
    """Several cases on which two rules are due, one with a mail and a cascade."""
    conn = db.connect(path)
    rule(
        conn,
        "Open",
        date_type="created",
        delay=1,
        state_from="draft",
        set_state="open",
        mail_to="boss@us.example",
        mail_body="Hm.",
    )
    rule(conn, "Opened", state_to="open", set_priority=1)
    for _ in range(count):
        case(conn)
    conn.close()


def outcome(path: str) -> tuple[list, ...]:
    """What the rules did, without the numbers that a retry gives anew."""
    conn = db.connect(path)
    found = (
        sql(conn, "SELECT rule_id, case_id, state FROM rule_firings ORDER BY 1, 2"),
        sql(conn, "SELECT case_id, recipient FROM outbox ORDER BY 1"),
        sql(conn, "SELECT id, state, priority FROM cases ORDER BY 1"),
        sql(conn, "SELECT case_id, name FROM case_log ORDER BY 1, id"),
        sql(conn, "SELECT * FROM rule_due"),
        sql(conn, "SELECT * FROM journal_context"),
    )
    conn.close()
    return found


def test_two_runs_at_once_fire_once(db_path: str) -> None:
    due_cases(db_path, 20)
    argv = [*PROGRAM, "--db", db_path, "--now", later(2), "run-rules", "-v"]
    runs = [subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert (run.returncode, err) == (0, b"")
    firings, mails, cases, logs, waiting, _ = outcome(db_path)
    assert firings == [(rule_id, case_id, "fired") for rule_id in (1, 2) for case_id in range(1, 21)]
    assert mails == [(case_id, "boss@us.example") for case_id in range(1, 21)]
    assert cases == [(case_id, "open", 1) for case_id in range(1, 21)]
    assert logs == [(case_id, "Open") for case_id in range(1, 21)]
    assert waiting == []


def killed_run(path: str, statement: int) -> int:
    """A run killed before that statement → its exit, and how many statements were left where it came to its end."""
    argv = [sys.executable, "-c", KILLED, path, later(2), str(statement)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, check=False, timeout=120).returncode


def test_a_killed_run_is_finished_by_the_next(db_path: str, template: bytes, tmp_path: Path) -> None:
    due_cases(db_path, 3)
    prepared = Path(db_path)
    with sqlite3.connect(db_path) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    start = prepared.read_bytes()
    whole = tmp_path / "whole.db"
    whole.write_bytes(start)
    killed_run(str(whole), 0)
    for number in (1, 3, 8, 15, 25, 40, 60, 90, 130, 180, 240):
        path = tmp_path / f"{number}.db"
        path.write_bytes(start)
        exit_code = killed_run(str(path), number)
        assert exit_code in (0, -signal.SIGKILL)
        assert killed_run(str(path), 0) == 0
        assert outcome(str(path)) == outcome(str(whole))


@pytest.mark.campaign
def test_a_run_killed_before_any_statement_is_finished_by_the_next(db_path: str, tmp_path: Path) -> None:
    due_cases(db_path, 2)
    with sqlite3.connect(db_path) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    start = Path(db_path).read_bytes()
    whole = tmp_path / "whole.db"
    whole.write_bytes(start)
    killed_run(str(whole), 0)
    path, number = tmp_path / "killed.db", 0
    while True:
        number += 1
        for name in tmp_path.glob("killed.db*"):
            os.unlink(name)
        path.write_bytes(start)
        if killed_run(str(path), number) == 0:
            break
        killed_run(str(path), 0)
        assert outcome(str(path)) == outcome(str(whole)), number
    assert number > 100


def test_the_road_is_not_loaded_where_nothing_is_due(db_path: str) -> None:
    due_cases(db_path, 1)
    code = (
        "import sys; from crmcli.__main__ import main; main(sys.argv[1:]);"
        "print(sorted({'crmcli.execute', 'crmcli.rules.react', 'json', 'zoneinfo', 'typer', 'email'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", code, "run-rules", "--db", db_path, "--now", later(0.5)]
    assert subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout == b"[]\n"
