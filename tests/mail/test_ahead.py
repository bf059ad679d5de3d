"""Mails in bulk that are read ahead by a process of its own: the same as read here, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from crmcli.mail import ahead, group, ingest
from crmcli.mail.envelope import Envelope
from tests.conftest import Run
from tests.mail.post import count, letter
from tests.mail.test_custody import ROOT

Crm: TypeAlias = Callable[..., Run]

CORPUS = [path.read_bytes() for path in sorted((ROOT / "tests" / "corpus").glob("*.eml"))]
ENVELOPE = Envelope(("support@us.example",), "joe@acme.example")
MAX = 50_000_000


def groups(mails: list[bytes], size: int = 20) -> list[ahead.Asked]:
    return [[(raw, ENVELOPE) for raw in mails[at : at + size]] for at in range(0, len(mails), size)]


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def test_what_is_read_ahead_is_what_is_read_here() -> None:
    """Every mail of the corpus: envelope, digests, bytes and all that it says."""
    here = [[group.ready(raw, envelope, MAX) for raw, envelope in asked] for asked in groups(CORPUS)]
    there = list(ahead.through(groups(CORPUS), MAX))
    assert [mails for mails, _ in there] == [[one.mail for one in ready] for ready in here]
    assert [ready for _, ready in there[1:]] == here[1:]
    assert [type(one.incoming) for one in there[-1][1] or ()] == [type(one.incoming) for one in here[-1]]


def test_one_group_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert [(len(mails), ready) for mails, ready in ahead.through(groups(CORPUS[:20]), MAX)] == [(20, None)]


def test_where_there_is_one_core_all_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    found = list(ahead.through(groups(CORPUS), MAX))
    assert sum(len(mails) for mails, _ in found) == len(CORPUS)
    assert all(ready is None for _, ready in found)


def test_a_reader_that_dies_takes_nothing_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it is asked and while it answers; the mails are there, to be read once they are in custody."""
    made: list[ahead.Reader] = []
    kept = ahead.Reader.__init__

    def noted(self: ahead.Reader) -> None:
        kept(self)
        made.append(self)

    monkeypatch.setattr(ahead.Reader, "__init__", noted)
    expected = [[ingest.arrived(raw, envelope) for raw, envelope in asked] for asked in groups(CORPUS)]
    for at in range(3):
        found = []
        for number, (mails, ready) in enumerate(ahead.through(groups(CORPUS), MAX)):
            found.append(mails)
            last = ready
            if number == at:
                os.kill(made[-1]._process.pid, signal.SIGKILL)
        assert (found, last) == (expected, None)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to find the process in")
def test_it_ends_with_whoever_asked(tmp_path: Path) -> None:
    """Killed, too."""
    code = (
        "import os, sys; os.cpu_count = lambda: 2; from tests.mail import test_ahead as t; from crmcli.mail import ahead;"
        "found = ahead.through(t.groups(t.CORPUS * 3), t.MAX); next(found); next(found);"
        "print('on', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    readers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(readers) == 1
    process.kill()
    process.communicate()
    ends = time.monotonic() + 20
    while Path(f"/proc/{readers[0]}").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not Path(f"/proc/{readers[0]}").exists()


def test_a_mail_that_kills_whoever_reads_it_is_set_aside(db_path: str, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """It is in custody before it is read, so that its third attempt is its last (mail.md §2)."""
    code = (
        "import os, sys; os.cpu_count = lambda: 1; from crmcli.mail import parse; from crmcli.__main__ import main;"
        "kept = parse.parse; parse.parse = lambda raw: os._exit(9) if b'Words 70.' in raw else kept(raw);"
        "sys.exit(main(sys.argv[1:]))"
    )
    box = tmp_path / "in.mbox"
    mails = [letter(f"Words {n}.\n", message_id=f"<{n}@acme.example>") for n in range(120)]
    box.write_bytes(b"".join(b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + mail + b"\n" for mail in mails))
    argv = [sys.executable, "-c", code, "--db", db_path, "ingest", str(box)]
    ended = [subprocess.run(argv, cwd=ROOT, capture_output=True).returncode for _ in range(4)]
    assert ended == [9, 9, 9, 0]
    assert (count(conn, "messages"), count(conn, "cases")) == (120, 119)
    assert [tuple(row) for row in conn.execute("SELECT state, attempts, reason FROM deliveries WHERE case_id IS NULL")] == [
        ("triage", 3, "set aside: poison")
    ]


def test_nothing_is_imported_from_the_folder_that_one_works_in(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """Whoever can put a file there would have it run."""
    box = tmp_path / "in.mbox"
    mails = [letter(f"Words {n}.\n", message_id=f"<{n}@acme.example>") for n in range(120)]
    box.write_bytes(b"".join(b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + mail + b"\n" for mail in mails))
    for name in ("pickle", "crmcli", "zlib", "ahead"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\n")
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert crm("ingest", str(box)).exit == 0
    finally:
        os.chdir(before)
    assert (count(conn, "messages"), count(conn, "cases")) == (120, 120)
    assert not (tmp_path / "run").exists()
