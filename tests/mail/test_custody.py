"""Once the mail server was told 0 the mail is kept, and leads to everything once, whatever is killed or full (mail.md §2)."""

from __future__ import annotations

import base64
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from crmcli import db, deliveries, trouble
from crmcli.digest import hexdigest
from crmcli.mail import ingest
from crmcli.mail.envelope import Envelope
from crmcli.model import Origin
from tests.conftest import NOW, Run
from tests.mail.post import attempts, count, later, letter, one, out, post

Crm: TypeAlias = Callable[..., Run]

ROOT = Path(__file__).parents[2]
ORIGIN = Origin(NOW, None, "mail", "crm ingest")

# The program as it is, killed before the N-th statement that it gives to SQLite.
KILLED = """
import os, signal, sqlite3, sys
from crmcli import __main__, db
left, open_it = int(sys.argv[1]), db.connect
def connect(*given):
    conn = open_it(*given)
    def count(statement):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    conn.set_trace_callback(count)
    return conn
db.connect = connect
sys.exit(__main__.main(sys.argv[2:]))
"""


def run(*argv: str, stdin: bytes, code: str = "", **more: object) -> subprocess.CompletedProcess[bytes]:
    """The program, or a driver of it, in a process of its own."""
    start = ["-c", code] if code else ["-m", "crmcli"]
    environ = {**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
    return subprocess.run(
        [sys.executable, *start, *argv], input=stdin, capture_output=True, cwd=ROOT, env=environ, check=False, timeout=120, **more
    )  # type: ignore[call-overload,no-any-return]


def whole(path: str) -> tuple[int, ...]:
    """What a mail must have led to exactly once: messages, cases, communications, thank-yous, forwards, deliveries that ended."""
    conn = db.connect(path)
    assert one(conn, "PRAGMA integrity_check") == "ok"
    assert count(conn, "journal_context") == 0
    ended = one(conn, "SELECT count(*) FROM deliveries WHERE state = 'done'")
    counts = [count(conn, "messages"), count(conn, "cases"), count(conn, "case_history")]
    mails = [len(out(conn, kind)) for kind in ("thanks", "forward")]
    conn.close()
    return (*counts, *mails, ended)


def killed_and_tried_again(template: bytes, folder: Path, number: int) -> int:
    """Kill before the statement of this number, then try again as a mail server would → the first exit code."""
    path = folder / f"{number}.db"
    path.write_bytes(template)
    argv = ("--db", str(path), "--now", NOW, "ingest")
    killed = run(str(number), *argv, stdin=letter(), code=KILLED).returncode
    for _ in range(3):
        if run(*argv, stdin=letter()).returncode == 0:
            break
    assert whole(str(path)) == (1, 1, 1, 1, 1, 1), number
    return killed


def statements(template: bytes, folder: Path) -> int:
    """How many statements one mail takes."""
    path = folder / "count.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    seen: list[str] = []
    conn.set_trace_callback(seen.append)
    post(conn, letter())
    return len(seen)


def test_killed_anywhere_and_tried_again_it_happens_once(template: bytes, tmp_path: Path) -> None:
    """A sample of all places to be killed at; the campaign takes every one."""
    last = statements(template, tmp_path)
    for number in sorted({0, 3, 20, *range(5, last, max(1, last // 10)), last - 1}):
        assert killed_and_tried_again(template, tmp_path, number) in (-signal.SIGKILL, 0)


@pytest.mark.campaign
def test_killed_before_every_statement_it_happens_once(template: bytes, tmp_path: Path) -> None:
    for number in range(statements(template, tmp_path) + 10):
        killed_and_tried_again(template, tmp_path, number)


def test_a_signal_before_the_end_keeps_the_mail_at_the_server(db_path: str) -> None:
    environ = {**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
    argv = [sys.executable, "-m", "crmcli", "--db", db_path, "ingest"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(argv, cwd=ROOT, env=environ, **pipes)  # type: ignore[call-overload]
        assert process.stdin is not None
        process.stdin.write(b"From: joe@acme.example\n" * 20000)  # more than a pipe holds: it is being read
        process.stdin.flush()
        process.send_signal(number)
        told = process.communicate(timeout=60)
        assert (process.returncode, told) == (75, (b"", b"4.3.0 interrupted, please try again later\n"))
    assert count(db.connect(db_path), "deliveries") == 0


# A disk that does not do -----------------------------------------------------------------------------


def deferred(done: Run | subprocess.CompletedProcess[bytes], words: str) -> bool:
    code, err = (done.exit, done.err) if isinstance(done, Run) else (done.returncode, done.stderr.decode())
    return (code, err) == (75, f"4.3.0 {words}, please try again later\n")


def test_a_missing_database_is_not_made(crm: Crm, tmp_path: Path) -> None:
    assert deferred(crm("ingest", stdin=letter(), db=str(tmp_path / "none.db")), "the database or a file cannot be used")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_database_of_ours_is_left_alone(crm: Crm, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    assert crm("ingest", stdin=letter(), db=str(path)).exit == 75
    assert path.read_bytes() == content


def test_a_database_of_a_newer_program_is_left_alone(crm: Crm, conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA user_version = 999")
    assert crm("ingest", stdin=letter()).exit == 75


def test_a_locked_database_is_tried_again(conn: sqlite3.Connection, db_path: str) -> None:
    impatient = db.connect(db_path, wait=0.05)
    conn.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as caught:
        post(impatient, letter())
    assert trouble.explained(caught.value).exit == 75  # type: ignore[union-attr]
    conn.execute("ROLLBACK")
    assert post(impatient, letter()).state == "done"


def test_a_lock_that_ends_in_time_is_waited_for(conn: sqlite3.Connection, db_path: str) -> None:
    conn.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: None)
    timer.start()
    process = subprocess.Popen(
        [sys.executable, "-m", "crmcli", "--db", db_path, "ingest"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    timer.join()
    conn.execute("ROLLBACK")
    assert process.communicate(letter(), timeout=60) == (b"", b"")
    assert (process.returncode, count(conn, "cases")) == (0, 1)


# The program as somebody who may read the database and no more, also where root runs the tests.
POOR = """
import fcntl, os, sys
import crmcli.cli.pipe, crmcli.cli.session, crmcli.mail.ingest
from crmcli.__main__ import main
os.geteuid() or os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


def test_a_read_only_database_keeps_the_mail_at_the_server(db_path: str, conn: sqlite3.Connection) -> None:
    conn.execute("PRAGMA journal_mode = DELETE")
    conn.close()
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(db_path, folder)
        os.chmod(path, 0o444)
        os.chmod(folder, 0o555)
        done = run("--db", path, "ingest", stdin=letter(), code=POOR)
        os.chmod(folder, 0o755)
    assert deferred(done, "the database is read-only")


@pytest.mark.parametrize("room", [0, 4096, 40_000])
def test_a_full_disk_keeps_the_mail_at_the_server_and_nothing_half(db_path: str, room: int) -> None:
    size = os.path.getsize(db_path)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = run("--db", db_path, "--now", NOW, "ingest", stdin=letter("x" * 100_000), preexec_fn=limit)
    assert done.returncode == 75
    assert done.stderr.startswith(b"4.3.0 ")
    assert os.path.getsize(db_path) >= size
    assert run("--db", db_path, "--now", later(1), "ingest", stdin=letter("x" * 100_000)).returncode == 0
    assert whole(db_path) == (1, 1, 1, 1, 1, 1)


# Who has a mail ----------------------------------------------------------------------------------------


def taken(conn: sqlite3.Connection, owner: str, now: str = NOW, raw: bytes = b"") -> deliveries.Delivery:
    """A mail in custody whose owner did not get on with it."""
    raw = raw or letter()
    with db.write(conn, ORIGIN._replace(now=now)) as tx:
        return deliveries.take(tx, raw, hexdigest(raw), Envelope(), owner)


def test_a_copy_that_meets_a_live_lease_leaves_it_alone(conn: sqlite3.Connection) -> None:
    left = taken(conn, f"{os.uname().nodename} {os.getpid()}")
    found = post(conn, letter())
    assert (found.state, found.repeat, count(conn, "messages")) == ("received", True, 0)
    assert deliveries.is_ours(conn, left)


def test_a_lease_of_another_machine_is_believed_until_it_runs_out(conn: sqlite3.Connection) -> None:
    taken(conn, "elsewhere 1")
    assert post(conn, letter(), now=NOW).state == "received"
    assert post(conn, letter(), now=later(1)).state == "done"


def test_the_lease_of_a_process_that_died_here_is_worth_nothing(conn: sqlite3.Connection) -> None:
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    taken(conn, f"{os.uname().nodename} {died.pid}")
    assert post(conn, letter()).state == "done"
    assert one(conn, "SELECT attempts FROM deliveries") == 2


def test_whoever_lost_a_mail_to_another_does_nothing_more(conn: sqlite3.Connection) -> None:
    lost = taken(conn, "elsewhere 1")
    assert post(conn, letter(), now=later(1)).state == "done"
    found = ingest.handle(conn, lost, letter(), ORIGIN)
    assert (found.state, count(conn, "cases"), len(out(conn, "thanks"))) == ("received", 1, 1)


def test_the_third_attempt_reads_nothing_any_more(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmcli.mail.parse.parse", lambda raw: os.abort())
    monkeypatch.setattr("crmcli.mail.effects.classify", lambda *given: os.abort())
    taken(conn, "elsewhere 1")
    conn.execute("UPDATE deliveries SET attempts = 2")
    found = post(conn, letter(), now=later(1))
    assert (found.state, found.reason, count(conn, "cases")) == ("triage", "set aside: poison", 0)
    assert deliveries.raw(conn, one(conn, "SELECT sha256 FROM messages")) == letter()


def test_what_fails_for_good_ends_in_triage_and_is_never_lost(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmcli.mail.effects.decide", lambda *given: 1 / 0)
    moments = attempts()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            post(conn, letter(), now=next(moments))
    assert post(conn, letter(), now=next(moments)).state == "triage"


def test_later_mails_finish_up_to_five_that_were_left(crm: Crm, conn: sqlite3.Connection) -> None:
    for number in range(7):
        taken(conn, "elsewhere 1", raw=letter(f"Left {number}.\n"))
    assert crm("ingest", stdin=letter("Now.\n"), now=later(1)) == (0, "", "")
    assert (count(conn, "cases"), one(conn, "SELECT count(*) FROM deliveries WHERE state = 'received'")) == (6, 2)
    assert crm("ingest", stdin=letter("And now.\n"), now=later(1)).exit == 0
    assert (count(conn, "cases"), one(conn, "SELECT count(*) FROM deliveries WHERE state = 'received'")) == (9, 0)


def test_a_mail_left_behind_that_fails_harms_no_other(
    crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    taken(conn, "elsewhere 1", raw=letter("Left.\n"))
    monkeypatch.setattr("crmcli.deliveries.raw", lambda *given: 1 / 0)
    assert crm("ingest", stdin=letter("Now.\n"), now=later(1)) == (0, "", "")
    assert (count(conn, "cases"), one(conn, "SELECT attempts FROM deliveries WHERE id = 1")) == (1, 2)


def test_old_mail_read_in_bulk_stays_quiet_when_another_process_finishes_it(crm: Crm, conn: sqlite3.Connection) -> None:
    with db.write(conn, ORIGIN) as tx:
        raw = letter(date="Mon, 05 Jan 2026 08:59:00 +0000")
        deliveries.take(tx, raw, hexdigest(raw), Envelope(), "elsewhere 1", deliveries.BULK)
    crm("ingest", stdin=letter("Now.\n"), now=later(1))
    assert (count(conn, "cases"), len(out(conn, "thanks"))) == (2, 1)


DICE = random.Random(1)
PACKED_ALREADY = base64.encodebytes(DICE.randbytes(60_000))
REPEATED = b"The pump in hall 3 is broken since Monday.\n" * 2000
MAILS = {
    "nothing": b"",
    "short": b"Subject: Pump\n\nBroken.\n",
    "packed": PACKED_ALREADY,
    "repeated": REPEATED,
    "packed, then repeated": PACKED_ALREADY + REPEATED * 3,
    "repeated, then packed": REPEATED + PACKED_ALREADY,
}


@pytest.mark.parametrize("raw", MAILS.values(), ids=MAILS)
def test_a_mail_is_kept_in_little_room_and_comes_back(raw: bytes) -> None:
    """Where nothing repeats in its middle, nothing is searched for; it takes at most a twentieth more than by searching."""
    packed = deliveries.pack(raw)
    assert zlib.decompress(packed.content) == raw
    assert (packed.sha256, packed.size) == (hexdigest(raw), len(raw))
    assert len(packed.content) <= 1.05 * len(zlib.compress(raw, 1)) + 16
