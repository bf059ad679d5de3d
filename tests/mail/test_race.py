"""Many processes at once: each mail is one message and one case, whoever hands it in, and nobody is turned away (mail.md §3)."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import NOW
from tests.mail.post import count, later, letter, one, out, said, store
from tests.mail.test_custody import ROOT, run, whole

ENVIRON = {**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
LONG = [pytest.mark.campaign, pytest.mark.timeout(3600)]

# One of the mail server's processes: hands its mails in one after another, and says what did not end with 0 or was said.
WORKER = """
for mail in "$@"; do
    said=$("$PYTHON" -m crmcli --db "$DB" --now "$NOW" ingest < "$mail" 2>&1) || echo "$?"
    printf %s "$said"
done
"""


def waiting(db_path: str, *argv: str) -> subprocess.Popen[bytes]:
    """The program, before its mail has come."""
    line = [sys.executable, "-m", "crmcli", "--db", db_path, "--now", NOW, "ingest", *argv]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process: subprocess.Popen[bytes] = subprocess.Popen(line, cwd=ROOT, env=ENVIRON, **pipes)  # type: ignore[call-overload]
    return process


def at_once(processes: list[subprocess.Popen[bytes]], raw: bytes) -> list[tuple[int, bytes]]:
    """Give all of them the same mail now → their exit codes and what they say."""
    for process in processes:
        assert process.stdin
        process.stdin.write(raw)
        process.stdin.flush()
    for process in processes:
        assert process.stdin
        process.stdin.close()
        process.stdin = None
    told = [process.communicate(timeout=300)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, told, strict=True)]


@pytest.mark.parametrize("copies", [20, pytest.param(100, marks=LONG)])
def test_copies_of_one_mail_at_once_are_one_case(db_path: str, copies: int) -> None:
    assert at_once([waiting(db_path) for _ in range(copies)], letter()) == [(0, b"")] * copies
    assert whole(db_path) == (1, 1, 1, 1, 1, 1)


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=LONG)])
def test_one_mail_to_two_sections_at_once_is_one_message_and_one_case(
    conn: sqlite3.Connection, db_path: str, rounds: int
) -> None:  # fmt: skip
    """Two deliveries; the responsible of the section that came second watches."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    store(conn, "sections", name="Sales", code="sales", reply_to="sales@us.example", user_id=2)
    watchers = {1: "bob@us.example", 2: "ann@us.example"}
    for number in range(1, rounds + 1):
        raw = letter(f"Number {number}.\n", to="support@us.example, sales@us.example", from_=f"p{number}@acme.example")
        processes = [waiting(db_path, "--section", section) for section in ("support", "sales")]
        time.sleep(0.2)  # both have got as far as reading
        assert at_once(processes, raw) == [(0, b"")] * 2
        assert (count(conn, "messages"), count(conn, "cases"), count(conn, "deliveries")) == (number, number, 2 * number)
        assert len(said(conn, number)) == len(out(conn, "thanks", number)) == 1
        section_id, email_cc = conn.execute("SELECT section_id, email_cc FROM cases WHERE id = ?", (number,)).fetchone()
        assert email_cc == watchers[section_id]
    assert one(conn, "SELECT count(*) FROM deliveries WHERE state <> 'done'") == 0


@pytest.mark.parametrize(("workers", "mails"), [(8, 5), pytest.param(32, 50, marks=LONG)])
def test_many_processes_with_many_mails_turn_none_away(
    conn: sqlite3.Connection, db_path: str, tmp_path: Path, workers: int, mails: int
) -> None:
    environ = {**ENVIRON, "PYTHON": sys.executable, "DB": db_path, "NOW": NOW}
    running = []
    for worker in range(workers):
        names = [tmp_path / f"{worker}-{number}.eml" for number in range(mails)]
        for name in names:
            name.write_bytes(letter(f"Mail {name.stem}.\n", from_=f"p{name.stem}@a{worker}.example", subject=f"Pump {name.stem}"))
        line = ["sh", "-c", WORKER, "worker", *map(str, names)]
        running.append(subprocess.Popen(line, stdout=subprocess.PIPE, cwd=ROOT, env=environ))
    assert [process.communicate(timeout=3000)[0] for process in running] == [b""] * workers
    every = workers * mails
    assert [count(conn, table) for table in ("messages", "deliveries", "cases", "case_history")] == [every] * 4
    assert one(conn, "SELECT count(*) FROM deliveries WHERE state = 'done'") == every
    assert one(conn, "SELECT count(DISTINCT case_id) FROM deliveries") == every
    assert (len(out(conn, "thanks")), len(out(conn, "forward"))) == (every, every)
    assert one(conn, "PRAGMA integrity_check") == "ok"
    assert run("--db", db_path, "--now", later(1), "verify", stdin=b"").returncode == 0
