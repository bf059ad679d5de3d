"""Mails out of files, many with one commit: each once, whatever stops it, and each for itself (mail.md §1)."""

from __future__ import annotations

import os
import pty
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import db
from crmcli.mail import bulk, effects, group, ingest
from crmcli.mail.envelope import Envelope
from crmcli.model import Origin
from tests.conftest import NOW, Run
from tests.mail.post import count, later, letter, one, out
from tests.mail.test_custody import ROOT

Crm: TypeAlias = Callable[..., Run]

ORIGIN = Origin(NOW, None, "mail", "crm ingest")
CUSTODY = "SELECT DISTINCT change_set_id FROM changes WHERE table_name = 'deliveries' AND op = 'insert'"


def letters(number: int) -> list[bytes]:
    return [letter(f"Words {each}.\n", message_id=f"<{each}@acme.example>") for each in range(number)]


def mailbox(path: Path, mails: list[bytes]) -> Path:
    path.write_bytes(b"".join(b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + mail + b"\n" for mail in mails))
    return path


def take(conn: sqlite3.Connection, *mails: bytes, route: str = "") -> list[group.Ended]:
    told = Envelope((), "joe@acme.example", route)
    return group.take(conn, [ingest.arrived(mail, told) for mail in mails], lambda: ORIGIN, ingest.Terms())


# Together ------------------------------------------------------------------------------------------------


def test_many_mails_share_the_commit_of_custody_and_each_has_its_line(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    box = mailbox(tmp_path / "box", letters(120))
    rows = crm("ingest", str(box), "-o", "json").json()
    assert [(row["place"], row["state"], row["case_id"]) for row in rows] == [
        (f"{box}:{number}", "done", number) for number in range(1, 121)
    ]
    assert [row["class"] for row in rows] == ["human"] * 120
    assert (len(conn.execute(CUSTODY).fetchall()), len(out(conn, "thanks"))) == (4, 120)
    assert {row["state"] for row in crm("ingest", str(box), "-o", "json").json()} == {"repeat"}
    assert (count(conn, "cases"), count(conn, "deliveries")) == (120, 120)


def test_no_group_is_larger_than_one_commit_takes() -> None:
    def sizes(*lengths: int) -> list[list[int]]:
        mails = (bulk.Found("", b"x" * length) for length in lengths)
        return [[len(mail.raw) for mail in found] for found in bulk.together(mails)]

    assert sizes() == []
    assert [len(found) for found in sizes(*[10] * 300)] == [40, 25, 40, 60, 100, 35]
    assert sizes(1_200_000, 600_000, 400_000, 5_000_000, 1) == [[1_200_000, 600_000], [400_000], [5_000_000], [1]]


def test_the_mails_are_read_as_they_are_taken(tmp_path: Path) -> None:
    """And never all of them at once."""
    box = mailbox(tmp_path / "box", letters(200))
    found = bulk.together(bulk.mails([str(box)]))
    assert len(next(found)) == 40
    box.write_bytes(b"")
    assert isinstance(found, Iterator)


def test_copies_within_a_group_come_to_what_the_first_of_them_comes_to(conn: sqlite3.Connection) -> None:
    mail = letter()
    first, again, other, by_list = take(conn, mail, b"From joe Mon\n" + mail, letter("Two.\n"), b"X-List: y\n" + mail)
    assert isinstance(first, effects.Taken)
    assert again == first._replace(repeat=True)
    assert (other.case_id, by_list.case_id, by_list.repeat) == (2, 1, True)  # type: ignore[union-attr]
    assert (count(conn, "deliveries"), count(conn, "messages"), len(out(conn, "thanks"))) == (3, 2, 2)


def test_what_was_left_in_custody_is_taken_alone_and_a_group_that_died_is_no_attempt(conn: sqlite3.Connection) -> None:
    mails = letters(5)

    def dies(*given: object) -> Any:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group, "_led", dies)
        with pytest.raises(KeyboardInterrupt):
            take(conn, *mails)
    assert [tuple(row) for row in conn.execute("SELECT state, attempts FROM deliveries")] == [("received", 0)] * 5
    conn.execute("UPDATE deliveries SET owner = 'elsewhere 1', lease_until = ?", (NOW,))
    assert [end.case_id for end in take(conn, letter("New.\n"), *mails)] == [1, 2, 3, 4, 5, 6]  # type: ignore[union-attr]
    assert [row[0] for row in conn.execute("SELECT attempts FROM deliveries")] == [1] * 6


def test_an_unknown_section_ends_it_and_nothing_is_taken(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    box = mailbox(tmp_path / "box", letters(3))
    done = crm("ingest", str(box), "--section", "nowhere")
    assert (done.exit, done.err.count("\n"), str(tmp_path) in done.err, count(conn, "deliveries")) == (75, 1, False, 0)


@pytest.mark.parametrize("argv", [("x", "y"), ("none.mbox",), ("none", "--section", "support")])
def test_files_that_are_not_there_are_told_in_one_line_without_their_path(
    crm: Crm, conn: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (argv, tuple(f"{tmp_path}/{word}" if index == 0 else word for index, word in enumerate(argv))):
        done = crm("ingest", *words)
        assert (done.exit, done.out, done.err.count("\n"), done.err[:6]) == (75, "", 1, "4.3.0 ")
        assert not any(word in done.err for word in ("none", "x,", " y", "/", "Traceback"))
    assert count(conn, "deliveries") == 0


LINES = st.lists(
    st.sampled_from([
        b"From joe@acme.example Mon Mar  2 09:00:00 2026\n", b"From me 09:00 x\r\n", b"From x\n",
        b"From - Mon Mar  2 09:00 MET 2026\r\n", b">From y 09:00\n", b"\n",
        b" \t\n", b"\r\n", b"words\n", b"From\n", b"", b"no end", b"From joe 10:10 no end",
    ]),
    max_size=14,
)  # fmt: skip


def by_lines(lines: list[bytes]) -> list[bytes]:
    """The mails of a mailbox, read in the plainest way."""
    mails: list[list[bytes]] = []
    for before, line in zip([b"\n", *lines], lines, strict=False):
        if bulk.BETWEEN.match(line) and not before.strip():
            mails.append([])
        else:
            mails[-1].append(line)
    return [b"".join(mail[:-1] if mail and not mail[-1].strip() else mail) for mail in mails]


@given(LINES, st.integers(1, 40))
def test_a_mailbox_is_parted_at_its_from_lines_however_it_is_read(lines: list[bytes], piece: int) -> None:
    text = b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + b"".join(lines)
    with tempfile.NamedTemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "PIECE", piece)
        Path(file.name).write_bytes(text)
        assert [found.raw for found in bulk.mails([file.name])] == by_lines(text.splitlines(keepends=True))


@pytest.mark.parametrize(
    "line",
    [
        "From joe@acme.example Mon Mar  2 09:00:00 2026", "From joe  Mon Mar  2 09:00 MET 2026",
        "From - Mon Mar 02 09:00:00 2026",
        "From 17@xxx Mon Mar 02 09:00:00 +0000 2026", "From joe at acme.example  Mon Mar  2 09:00:00 2026",
        "From joe@acme.example Mon, 2 Mar 2026 09:00:00 +0100",
    ],
)  # fmt: skip
def test_only_a_line_with_a_date_parts_a_mailbox(tmp_path: Path, line: str) -> None:
    words = "From Monday on we open at 09:00.\n\nFrom the 2 Mar we close at 18:00.\n\nFrom 2026 on too, at 10:00.\n"
    path = tmp_path / "box"
    path.write_bytes(b"".join(f"{line}\n".encode() + letter(words) + b"\n" for _ in range(2)))
    assert [found.raw for found in bulk.mails([str(path)])] == [letter(words)] * 2


# Stopped -------------------------------------------------------------------------------------------------


def start(path: str, box: Path) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"}
    argv = [sys.executable, "-m", "crmcli", "--db", path, "--now", NOW, "ingest", str(box)]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environ)


def each_once(path: str, mails: int) -> int:
    """Each mail is there and came to its case once → how many were set aside."""
    conn = db.connect(path)
    assert one(conn, "PRAGMA integrity_check") == "ok"
    assert [count(conn, table) for table in ("deliveries", "messages", "raw_messages")] == [mails] * 3
    # what two attempts died of is set aside at the third (mail.md §2)
    aside = one(conn, "SELECT count(*) FROM deliveries WHERE attempts >= 3")
    assert [count(conn, table) for table in ("cases", "case_history")] == [mails - aside] * 2
    assert (len(out(conn, "thanks")), len(out(conn, "forward"))) == (mails - aside, mails - aside)
    assert one(conn, "SELECT count(*) FROM deliveries WHERE state = 'done'") == mails - aside
    assert one(conn, "SELECT count(*) FROM deliveries WHERE state = 'triage' AND attempts >= 3") == aside
    assert one(conn, "SELECT count(*) FROM messages WHERE marks <> ''") == aside
    return int(aside)


def killed_again_and_again(path: str, box: Path, times: int, dice: random.Random) -> None:
    """Kill it at random instants, beginning over each time, and let it end at last."""
    for _ in range(times):
        process = start(path, box)
        time.sleep(dice.uniform(0.05, 0.6))
        process.kill()
        process.communicate()
    process = start(path, box)
    assert (process.communicate()[1], process.returncode) == (b"", 0)


@pytest.mark.parametrize("times", [3, pytest.param(60, marks=pytest.mark.campaign)])
def test_killed_at_random_instants_and_begun_over_each_mail_is_once(db_path: str, tmp_path: Path, times: int) -> None:
    box = mailbox(tmp_path / "box", letters(150))
    killed_again_and_again(db_path, box, times, random.Random(times))
    each_once(db_path, 150)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_so_in_one_line_and_can_be_begun_over(db_path: str, tmp_path: Path, number: int) -> None:
    box = mailbox(tmp_path / "box", letters(400))
    process = start(db_path, box)
    assert process.stdout
    assert process.stdout.readline().startswith(b"place\t")
    assert process.stdout.readline()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (75, b"4.3.0 interrupted, please try again later\n")
    conn = db.connect(db_path)
    done = count(conn, "cases")
    assert 0 < done < 400
    process = start(db_path, box)
    assert (process.communicate()[1], process.returncode) == (b"", 0)
    assert each_once(db_path, 400) == 0


def test_two_at_once_take_each_mail_once(db_path: str, tmp_path: Path) -> None:
    box = mailbox(tmp_path / "box", letters(100))
    running = [start(db_path, box) for _ in range(2)]
    assert [process.communicate()[1] for process in running] == [b"", b""]
    assert [process.returncode for process in running] == [0, 0]
    assert each_once(db_path, 100) == 0


def test_old_mail_in_a_group_keeps_its_own_time(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    mails = [letter(f"{day}\n", date=f"Mon, 0{day} Feb 2026 10:00:00 +0000", message_id=f"<{day}@x>") for day in range(1, 6)]
    crm("ingest", str(mailbox(tmp_path / "box", mails)), now=later(10))
    created = [row[0] for row in conn.execute("SELECT created_at FROM cases ORDER BY id")]
    assert created == [f"2026-02-0{day}T10:00:00Z" for day in range(1, 6)]
    assert (out(conn), len(conn.execute(CUSTODY).fetchall())) == ([], 1)


def heard(terminal: int, told: list[bytes]) -> None:
    """What is written to a terminal, until nobody is left to write to it."""
    with suppress(OSError):
        while piece := os.read(terminal, 65536):
            told.append(piece)


@pytest.mark.parametrize(("quiet", "shown"), [(["-q"], False), ([], True)])
def test_on_a_terminal_a_bar_tells_how_far_it_is(db_path: str, tmp_path: Path, quiet: list[str], shown: bool) -> None:
    """On standard error, and it goes when the mails are read."""
    box = mailbox(tmp_path / "box", letters(120))
    terminal, line = pty.openpty()
    argv = [sys.executable, "-m", "crmcli", "--db", db_path, "--now", NOW, *quiet, "ingest", str(box)]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "XDG_CONFIG_HOME": "/nonexistent"}
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=line, cwd=ROOT, env=environ)
    os.close(line)
    told: list[bytes] = []
    listener = threading.Thread(target=heard, args=(terminal, told))
    listener.start()
    rows = process.communicate(timeout=60)[0].splitlines()
    listener.join()
    os.close(terminal)
    assert (len(rows), process.returncode, b"mails 1" in b"".join(told)) == (121, 0, shown)


def test_the_size_of_what_is_read_is_that_of_its_files(tmp_path: Path) -> None:
    box = mailbox(tmp_path / "box", letters(3))
    (tmp_path / "dir" / "new").mkdir(parents=True)
    (tmp_path / "dir" / "new" / "1").write_bytes(b"x" * 77)
    assert bulk.size([str(box), str(tmp_path / "dir")]) == box.stat().st_size + 77
