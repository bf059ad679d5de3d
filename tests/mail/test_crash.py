"""The real program, killed and stopped at any instant, on a disk that fills up, before a lock: each mail once (mail.md §2)."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmcli import db
from tests.conftest import NOW
from tests.mail.post import count, later, letter, setting
from tests.mail.test_custody import ROOT, run, whole
from tests.mail.test_pipe import SCRIPT, real

ONCE = (1, 1, 1, 1, 1, 1)
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


def instants(short: int, long: int) -> pytest.MarkDecorator:
    """At how many instants: few by default, all in the campaign."""
    campaign = pytest.param(long, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])
    return pytest.mark.parametrize("times", [short, campaign])


def fresh(template: bytes, folder: Path, name: str) -> Path:
    """A database that sends into a Maildir beside it."""
    (folder / name).mkdir()
    path = folder / name / "crm.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    setting(conn, "transport", "maildir:sent")
    conn.close()
    return path


def stopped(argv: list[str], after: float = 0.0, number: int = 0) -> tuple[int, bytes]:
    """Start the program, hand it a mail, and send this signal to all that runs of it after so many seconds (0: none)."""
    environ = {"PATH": os.environ["PATH"], "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
    started = time.monotonic()
    process = subprocess.Popen(argv, cwd=ROOT, env=environ, start_new_session=True, **PIPES)  # type: ignore[call-overload]
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(letter())
        process.stdin.close()
    time.sleep(max(0.0, after - (time.monotonic() - started)))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    said = process.stdout.read()
    return process.wait(), said


def usual(argv: list[str]) -> float:
    """How long the program takes for a mail, start and end included."""
    started = time.monotonic()
    assert stopped(argv) == (0, b"")
    return time.monotonic() - started


def stage(path: Path) -> str:
    """How far a mail has got: nothing, kept, done, sent."""
    conn = db.connect(str(path))
    states = [row[0] for row in conn.execute("SELECT state FROM deliveries")]
    sent = conn.execute("SELECT 1 FROM outbox WHERE state <> 'queued'").fetchone()
    conn.close()
    return "nothing" if not states else "kept" if states == ["received"] else "sent" if sent else "done"


def finished(path: Path) -> None:
    """Hand the mail in again until 0 as a mail server does, send all: then everything is there once."""
    argv = ("--db", str(path), "--now", NOW, "ingest")
    assert 0 in (run(*argv, stdin=letter()).returncode for _ in range(3))
    assert whole(str(path)) == ONCE
    assert run("--db", str(path), "--now", later(1), "mail", "send", stdin=b"").returncode == 0
    assert len(os.listdir(path.parent / "sent" / "new")) == 2, "a thank-you and a forward"


@instants(15, 200)
def test_killed_at_any_instant_it_happens_once(template: bytes, tmp_path: Path, times: int) -> None:
    start = [sys.executable, "-m", "crmcli", "--now", NOW, "--db"]
    longest = statistics.median(
        usual([*start, str(fresh(template, tmp_path, f"usual{number}")), "ingest"]) for number in range(3)
    )
    chance, stages = random.Random(times), Counter[str]()
    for number in range(times):
        path = fresh(template, tmp_path, str(number))
        code, said = stopped([*start, str(path), "ingest"], chance.uniform(0, longest), signal.SIGKILL)
        assert (code, said) in ((-signal.SIGKILL, b""), (0, b""))
        stages[stage(path)] += 1
        if code == 0:
            assert whole(str(path)) == ONCE
        finished(path)
        shutil.rmtree(path.parent)
    print(dict(stages))
    assert times < 200 or set(stages) == {"nothing", "kept", "done", "sent"}


@instants(15, 200)
def test_stopped_at_any_instant_it_says_so_or_is_done(template: bytes, tmp_path: Path, times: int) -> None:
    """By the line of the mail server: the shell, and the program below it."""
    real(tmp_path)
    shutil.copy(SCRIPT, tmp_path)
    start = [str(tmp_path / "crm-pipe"), "--now", NOW, "--db"]
    longest = statistics.median(usual([*start, str(fresh(template, tmp_path, f"usual{number}"))]) for number in range(3))
    chance, codes = random.Random(times), Counter[int]()
    for number in range(times):
        path = fresh(template, tmp_path, str(number))
        code, said = stopped([*start, str(path)], chance.uniform(0, longest), signal.SIGTERM)
        codes[code] += 1
        if code == 75:
            assert said.startswith(b"4.3.0 ") and said.count(b"\n") == 1
        else:  # the very first instant is before the shell has read a line
            assert (code, said) in ((0, b""), (-signal.SIGTERM, b""))
        if code == 0:
            assert whole(str(path)) == ONCE
        finished(path)
        shutil.rmtree(path.parent)
    print(dict(codes))
    assert codes[75] > 0


# A small disk ------------------------------------------------------------------------------------------------


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, where we may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=24m", "crm-test", str(folder)], capture_output=True, check=False
    )
    if not done or done.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a disk takes root")
def test_a_disk_that_fills_up_anywhere_keeps_the_mail_at_the_server(disk: Path, template: bytes) -> None:
    """From no room at all to room for nearly everything."""
    raw = letter("".join(f"{number} {number**7}\n" for number in range(20_000)))
    codes = Counter[int]()
    for room in (0, 4, 64, 320, 640, 1000, 1500, 2000, 2500, 3000, 4000, 8000):
        path = disk / "crm.db"
        path.write_bytes(template)
        filler = disk / "filler"
        _fill(filler, disk, room * 1024)
        argv = ("--db", str(path), "--now", NOW, "ingest")
        done = run(*argv, stdin=raw)
        codes[done.returncode] += 1
        assert (done.returncode, done.stdout) in ((75, b""), (0, b"")), done
        assert done.returncode == 0 or done.stderr.startswith(b"4.3.0 ")
        filler.unlink()
        assert 0 in (run(*argv, stdin=raw).returncode for _ in range(3))
        assert whole(str(path)) == ONCE, room
        for each in disk.iterdir():
            each.unlink()
    print(dict(codes))
    assert codes[75] >= 3 and codes[0] >= 1


def _fill(filler: Path, disk: Path, room: int) -> None:
    """Leave so many bytes of the disk."""
    state = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(b"x" * max(0, state.f_bavail * state.f_frsize - room))


# A lock --------------------------------------------------------------------------------------------------------

# Another program that has the file: one of ours, or any other that knows SQLite.
HOLDERS = {
    "crm": """
import sys
from crmcli import db
from crmcli.model import Origin
with db.write(db.connect(sys.argv[1]), Origin("2026-03-02T09:00:00Z", None, "system", "test")):
    print("held", flush=True)
    sys.stdin.read()
""",
    "sqlite": """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
""",
}  # fmt: skip


@contextlib.contextmanager
def locked(db_path: str, holder: str) -> Iterator[None]:
    """Within, another process writes and does not end."""
    argv = [sys.executable, "-c", HOLDERS[holder], db_path]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdin and process.stdout
    assert process.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


@pytest.mark.campaign
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_lock_of_a_minute_is_not_waited_for_and_the_retry_delivers(
    conn: sqlite3.Connection, db_path: str, holder: str
) -> None:  # fmt: skip
    started = time.monotonic()
    with locked(db_path, holder):
        done = run("--db", db_path, "--now", NOW, "ingest", stdin=letter())
        assert (done.returncode, done.stdout) == (75, b"")
        assert done.stderr == b"4.3.0 the database is busy, please try again later\n"
        waited = time.monotonic() - started
        time.sleep(max(0.0, 60 - waited))
    print(f"{waited:.1f} s")
    assert count(conn, "deliveries") == 0
    assert run("--db", db_path, "--now", NOW, "ingest", stdin=letter()).returncode == 0
    assert whole(db_path) == ONCE


def test_a_lock_longer_than_the_time_limit_keeps_the_mail_at_the_server(conn: sqlite3.Connection, db_path: str) -> None:
    with locked(db_path, "crm"):
        done = run("--db", db_path, "--now", NOW, "ingest", "--timeout", "1", stdin=letter())
        assert (done.returncode, done.stderr) == (75, b"4.3.0 interrupted, please try again later\n")
    assert count(conn, "deliveries") == 0
    assert run("--db", db_path, "--now", NOW, "ingest", stdin=letter()).returncode == 0
    assert whole(db_path) == ONCE
