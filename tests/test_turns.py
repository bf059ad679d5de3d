"""Turns among the writers of a file: first come first served, whoever dies."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcli import turns
from crmcli.errors import Busy

TAKEN = """
import sqlite3, sys, time
from crmcli import turns
with turns.turn(sqlite3.connect(sys.argv[1])):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    path = str(tmp_path / "any.db")
    sqlite3.connect(path).close()
    return path


def waiting(path: str) -> int:
    """How many stand in line or have their turn: the places that are locked."""
    handle = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return sum(
            1 for place in range(1, 64) if turns._byte(handle, fcntl.F_OFD_GETLK, fcntl.F_RDLCK, place)[0] != fcntl.F_UNLCK
        )
    finally:
        os.close(handle)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.001)


def come(path: str, name: str, order: list[str]) -> threading.Thread:
    """Somebody who wants a turn now, and notes it when it is there."""
    before = waiting(path)

    def run() -> None:
        with turns.turn(sqlite3.connect(path)):
            order.append(name)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: waiting(path) == before + 1)
    return thread


def test_who_came_first_is_served_first(path: str) -> None:
    """Also where one that is done comes again at once, before the next one has woken up; twenty times."""
    for _ in range(20):
        order: list[str] = []
        conn = sqlite3.connect(path)
        with turns.turn(conn):
            others = [come(path, name, order) for name in "abcd"]
        with turns.turn(conn):
            order.append("again")
        for each in others:
            each.join()
        assert order == ["a", "b", "c", "d", "again"]
        assert waiting(path) == 0


def test_a_turn_ends_with_who_dies_in_it(path: str) -> None:
    """The next one is served."""
    holder = subprocess.Popen([sys.executable, "-c", TAKEN, path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline() == "mine\n"
    order: list[str] = []
    other = come(path, "next", order)
    assert order == []
    holder.send_signal(signal.SIGKILL)
    other.join(10)
    assert order == ["next"]
    holder.wait()
    holder.stdout.close()


def test_who_dies_in_the_line_is_passed_over(path: str) -> None:
    """Who stood behind it goes on; SQLite's own lock keeps them apart from who writes."""
    conn, order = sqlite3.connect(path), list[str]()
    with turns.turn(conn):
        dying = subprocess.Popen([sys.executable, "-c", TAKEN, path], stdout=subprocess.DEVNULL)
        until(lambda: waiting(path) == 2)
        other = come(path, "behind", order)
        dying.kill()
        dying.wait()
        other.join(10)
        assert order == ["behind"]
    with turns.turn(conn):
        assert waiting(path) == 1


def test_who_has_waited_too_long_is_busy_and_out_of_the_way(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is free when the one before it is done."""
    conn = sqlite3.connect(path)
    with turns.turn(conn):
        monkeypatch.setattr(turns, "WAIT", 0.05)
        with pytest.raises(Busy, match="the database is busy"), turns.turn(conn):
            pass
    until(lambda: waiting(path) == 0)
    with turns.turn(conn):
        assert waiting(path) == 1


def test_without_locks_of_bytes_the_lock_of_the_file_is_the_turn(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems other than Linux."""
    monkeypatch.delattr(fcntl, "F_OFD_SETLK")
    monkeypatch.setattr(turns, "WAIT", 0.05)
    conn = sqlite3.connect(path)
    with turns.turn(conn), pytest.raises(Busy), turns.turn(conn):
        pass
    with turns.turn(conn):
        pass


@pytest.mark.parametrize(("start", "length"), [(0, 0), (5, 0), ((1 << 63) - 1, 1), (1 << 62, 100), (0, 1 << 62)])
def test_locks_of_other_programs_on_the_file_stop_nobody(path: str, start: int, length: int) -> None:
    """Whatever bytes they take; the turn is still ours alone."""
    with open(f"{path}-lock", "wb") as other:
        turns._byte(other.fileno(), fcntl.F_OFD_SETLK, fcntl.F_WRLCK, start, length)
        order: list[str] = []

        def run() -> None:
            with turns.turn(sqlite3.connect(path)):
                order.append("second")

        with turns.turn(sqlite3.connect(path)):
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            time.sleep(0.05)
            order.append("first")
        thread.join(10)
    assert order == ["first", "second"]
