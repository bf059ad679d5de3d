"""Our turn among the writers of a file, so that none starves (architecture.md §2)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crmcli.errors import Busy

WAIT = 30.0
"""Seconds that a writer waits for its turn."""


def path_of(conn: sqlite3.Connection) -> str:
    """The path of the database that is open, '' where it is no file."""
    return str(conn.execute("PRAGMA database_list").fetchone()[2])  # main is the first


@contextmanager
def turn(conn: sqlite3.Connection) -> Iterator[None]:
    """Our turn among the writers of this file: an advisory lock beside it, else SQLite's own waiting alone."""
    import fcntl

    handle = _lock_file(path_of(conn))
    if handle is None:
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _in_line(handle)
        except OSError:
            pass  # a file system without such locks
        yield
    finally:
        os.close(handle)


def _in_line(handle: int) -> None:
    """Wait for the lock in the kernel's line, first come first served; Busy where it takes too long.

    Who waits there cannot be called back: a thread does it, by a handle that lets go again where ours is closed by then.
    """
    import _thread
    import fcntl

    waiting, told = os.dup(handle), _thread.allocate_lock()
    told.acquire()

    def wait() -> None:
        with suppress(OSError):
            fcntl.flock(waiting, fcntl.LOCK_EX)
        os.close(waiting)
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
