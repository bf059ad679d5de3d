"""Mutants of mails, always the same, taken in a process of its own under limits of time and memory.

``python -m tests.mail.fuzz read|keep FIRST LAST`` takes the mutants of these numbers, ``hostile NAME`` a mail of hostile.py.
It ends with 0 where all went well; what hangs or wants too much kills the process, and the last line on standard error
names it.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crmcli.digest import hexdigest

if TYPE_CHECKING:
    from crmcli.mail.incoming import Incoming
    from crmcli.model import Origin

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "tests" / "corpus").glob("*.eml"))

SEED = 20260302
SECONDS = 2
MEMORY = 300 * 1024 * 1024
# Mails that are taken together into a database: all of them within the time of one.
TOGETHER = 5

TOKENS = [
    b"\n", b"\r\n", b"\n\n", b"--", b"=?utf-8?q?", b"?=", b'"', b"<", b">", b"(", b"@", b";", b",", b"\0", b"\xff", b"=\n", b"> ",
    b"-- \n", b"Content-Type: multipart/mixed; boundary=a\n\n--a\n", b"Content-Type: text/html\n", b"charset=utf-16",
    b"Content-Transfer-Encoding: base64\n", b"<div class=gmail_quote>", b"<!--", b"<table><td>", b"On 1 wrote:\n", b"&#0;",
    b"; format=flowed; delsp=yes", b"Subject: Undeliverable: x\n", b"Content-Type: message/rfc822\n\n", b"Auto-Submitted: x\n",
]  # fmt: skip


def mutant(chance: random.Random, raws: list[bytes]) -> bytes:
    """A mail with one to eight accidents: bits, bytes, tokens, cuts, repeats, pieces of another mail."""
    data = bytearray(chance.choice(raws)[:50_000])
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((1, 1, 4, 30, 400)))
        kind = chance.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at:at] = chance.choice(TOKENS)
        elif kind == 2:
            del data[at:end]
        elif kind == 3:
            data[at:at] = data[at:end] * chance.choice((1, 1, 20))
        elif kind == 4:
            other = chance.choice(raws)
            start = chance.randint(0, len(other))
            data[at:end] = other[start : start + 300]
        else:
            del data[at if chance.random() < 0.2 else len(data) :]
    return bytes(data)


def own(first: int, last: int) -> list[bytes]:
    """The mutants of our own corpus with these numbers, from first to the one before last; each depends on its number alone."""
    raws = [path.read_bytes() for path in CORPUS]
    return [mutant(random.Random(SEED + number), raws) or b"\n" for number in range(first, last)]


def in_limits(*argv: str) -> subprocess.CompletedProcess[str]:
    """This module in a process of its own."""
    command = [sys.executable, "-m", "tests.mail.fuzz", *argv]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "TZ": "UTC"}, check=False)


def limited(name: object) -> None:
    """From here on this process has so much time, for what has this name."""
    os.write(2, f"{name}\n".encode())
    signal.setitimer(signal.ITIMER_PROF, SECONDS)


@contextmanager
def in_time() -> Iterator[None]:
    """What is done within has so much time of this process; a test fails beyond, also in the midst of it."""

    def over(*_: object) -> None:
        raise AssertionError(f"more than {SECONDS} seconds")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def hang() -> None:
    """What a mutant must not do."""
    limited("hang")
    while True:
        pass


def gorge() -> None:
    """Neither this."""
    limited("gorge")
    print(len(bytearray(MEMORY)))


def read(first: str, last: str) -> None:
    """All that is found out about mutants without a database."""
    for number, raw in enumerate(own(int(first), int(last)), int(first)):
        limited(number)
        looked_at(understood(raw))


def understood(raw: bytes) -> Incoming:
    """The mail as `parse` reads it without its net, and seen by all who look at it next."""
    from crmcli.mail import bounce, parse, thread
    from crmcli.mail.classify import Known, classify
    from crmcli.mail.envelope import Envelope, completed, trace

    envelope = completed(Envelope(), trace(raw))
    found = parse._read(raw)
    kind = classify(found, Known(sender=envelope.sender))
    thread.clues(found, envelope.recipients, ())
    if kind.name in ("bounce", "auto-reply"):
        bounce.read(raw, found)
    return found


def looked_at(found: Incoming) -> None:
    """What holds for every mail, whatever it says."""
    ends = [place for span in found.visible for place in span]
    assert ends == sorted(ends)
    assert not ends or ends[-1] <= len(found.text)
    assert not set(map(chr, range(9))) & set(found.text + found.subject + found.from_name)
    assert "\n" not in found.subject + found.from_name + "".join(value for _, value in found.headers)
    found.text.encode()


def keep(first: str, last: str) -> None:
    """All that mutants lead to, a few at a time in one transaction; then every one is there, byte for byte, and ended."""
    raws = own(int(first), int(last))
    with database() as conn:
        print(len(kept(conn, raws, int(first))))


def hostile(name: str) -> None:
    """A mail that was made to harm: what it is marked as, and what became of it."""
    from tests.mail.hostile import HOSTILE

    raw = HOSTILE[name].made()
    limited(name)
    marks = understood(raw).marks
    with database() as conn:
        print(*kept(conn, [raw], 0), *marks)


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """A fresh one with a section for the mail; at the end nothing in it is broken."""
    import tempfile

    from crmcli import db
    from tests.conftest import seed

    with tempfile.TemporaryDirectory() as folder:
        conn = db.create(os.path.join(folder, "crm.db"))
        with db.write(conn, origin()) as tx:
            seed(tx)
        yield conn
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []


def origin() -> Origin:
    from crmcli.model import Origin
    from tests.conftest import NOW

    return Origin(NOW, None, "mail", "crm ingest")


def kept(conn: sqlite3.Connection, raws: list[bytes], first: int) -> list[str]:
    """Take these mails → the states in which they ended, after a look at what is stored."""
    from crmcli import deliveries
    from crmcli.mail import group, ingest
    from crmcli.mail.envelope import Envelope

    mails = [ingest.arrived(raw, Envelope(("support@us.example",))) for raw in raws]
    states = []
    for number in range(0, len(mails), TOGETHER):
        limited(first + number)
        for taken in group.take(conn, mails[number : number + TOGETHER], origin, ingest.Terms()):
            assert isinstance(taken, ingest.Taken), taken
            states.append(taken.state)
    signal.setitimer(signal.ITIMER_PROF, 0)
    assert len(states) == len(raws)
    assert set(states) <= {"done", "triage"}
    left = conn.execute("SELECT count(*) FROM deliveries WHERE state NOT IN ('done', 'triage') OR message_id IS NULL")
    assert left.fetchone()[0] == 0
    assert conn.execute("SELECT count(*) FROM messages WHERE marks LIKE '%poison%'").fetchone()[0] == 0
    firsts = {mail.core: mail.raw for mail in reversed(mails)}  # copies apart, which are not stored again
    assert all(deliveries.raw(conn, hexdigest(raw)) == raw for raw in firsts.values())
    return states


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    {"read": read, "keep": keep, "hostile": hostile, "hang": hang, "gorge": gorge}[sys.argv[1]](*sys.argv[2:])
