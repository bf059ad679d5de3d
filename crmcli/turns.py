"""Our turn among the writers of a file, first come first served, so that none starves (architecture.md §2)."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from crmcli.errors import Busy

WAIT = 30.0
"""Seconds that a writer waits for its turn."""

END = 1 << 62
"""A place that no line reaches."""


def path_of(conn: sqlite3.Connection) -> str:
    """The path of the database that is open, '' where it is no file."""
    return str(conn.execute("PRAGMA database_list").fetchone()[2])  # main is the first


@contextmanager
def turn(conn: sqlite3.Connection) -> Iterator[None]:
    """Our turn among the writers of this file: by locks on a file beside it, else SQLite's own waiting alone."""
    handle = _lock_file(path_of(conn))
    if handle is None:
        yield
        return
    try:
        with suppress(OSError):  # a file system without such locks
            _line_up(handle)
        yield
    finally:
        os.close(handle)


def _line_up(handle: int) -> None:
    """Stand at the end of the line, and wait for who stands before us; Busy where it takes too long.

    A lock alone is no line: who comes while the next one wakes up takes it first, again and again. So each has a place, a
    byte of the file that it locks until it is done or dead, and waits for the byte before. Places are given out one by one,
    under a lock of the file; where there can be no places, as on systems without locks of an open file, it is the turn itself.
    """
    import fcntl

    _wait(handle, fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX)
    last = _last(handle) if hasattr(fcntl, "F_OFD_SETLK") and sys.maxsize > END else None
    if last is not None:
        _byte(handle, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, last + 1)
        fcntl.flock(handle, fcntl.LOCK_UN)
        _wait(handle, partial(_byte, kind=fcntl.F_RDLCK, place=last), fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW)


def _last(handle: int) -> int | None:
    """The last place in the line that is taken, 0 where none is, None where another program holds more than a place.

    The system names any one of the locks that are in the way, not the last.
    """
    import fcntl

    last = 0
    while True:
        kind, start, length = _byte(handle, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, last + 1, END - last)
        if kind == fcntl.F_UNLCK:
            return last
        if length != 1:
            return None
        last = start


def _byte(handle: int, ask: int, kind: int, place: int, length: int = 1) -> tuple[int, int, int]:
    """Ask for a lock of that kind on the bytes from a place on → the type, start and length that the system answers with.

    The structure `flock` (fcntl(2)) as systems of 64 bits lay it out, without struct, whose import is 0.3 ms of each run.
    """
    import fcntl

    said = memoryview(bytearray(32))
    said.cast("h")[0], said.cast("q")[1], said.cast("q")[2] = kind, place, length
    told = memoryview(fcntl.fcntl(handle, ask, bytes(said)))
    return told.cast("h")[0], told.cast("q")[1], told.cast("q")[2]


def _wait(handle: int, lock: Callable[[int, int], object], at_once: int, waiting: int) -> None:
    """Lock at once, else in a thread, since who waits there cannot be called back; Busy where it takes too long.

    The thread has a handle of its own, which lets go again where ours is closed by then.
    """
    import _thread

    with suppress(BlockingIOError):
        lock(handle, at_once)
        return
    other, told = os.dup(handle), _thread.allocate_lock()
    told.acquire()

    def wait() -> None:
        with suppress(OSError):
            lock(other, waiting)
        os.close(other)
        told.release()

    _thread.start_new_thread(wait, ())
    if not told.acquire(timeout=WAIT):
        raise Busy("the database is busy", hint="try again in a moment")


def _lock_file(path: str) -> int | None:
    if not path:
        return None
    try:
        handle = os.open(path + "-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        mode = os.stat(path).st_mode & 0o777
        if os.fstat(handle).st_mode & 0o777 != mode:
            os.fchmod(handle, mode)
    except OSError:
        pass  # another user's lock file: it works as it is
    return handle
