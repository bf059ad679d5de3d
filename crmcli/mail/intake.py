"""The resident intake: one thread that takes mails, those that wait together in one go (mail.md §2).

What SQLite is asked blocks, so it is asked in threads; each has a connection of its own. A second thread does what the
pipe does after each mail: it finishes mails that were left behind, and sends what is due.
"""

from __future__ import annotations

import hashlib  # noqa: F401 - many mails are worth loading it: digest.py takes it where it is there
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from crmcli import db
from crmcli.errors import Busy
from crmcli.mail import group, ingest
from crmcli.mail.effects import Taken
from crmcli.mail.envelope import Envelope
from crmcli.mail.ingest import Mail, Terms
from crmcli.model import Origin
from crmcli.tuples import NamedTuple

PAUSE = 60.0
"""Seconds after which mails left behind and mails due are looked for, also where no mail comes."""


class Waiting(NamedTuple):
    """A mail that came, and where whoever brought it waits for what becomes of it."""

    mail: Mail
    answer: Future[Taken]


class Database:
    """The connection of one thread to a database that may be replaced, migrated or taken away under it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._conn: sqlite3.Connection | None = None
        self._identity = (0, 0)

    def conn(self) -> sqlite3.Connection:
        """The database that is at the path now; Busy where there is none, or one of a newer program."""
        if self._conn is not None and self.is_replaced():
            self.close()
        if self._conn is None:
            self._identity = self._found()
            self._conn = db.connect(self.path)
        else:
            db.recognised(self._conn, self.path)
        return self._conn

    def is_replaced(self) -> bool:
        """Whether the file at the path is another than the one that is open."""
        return self._found() != self._identity

    def close(self) -> None:
        """Let go of it; the next one who asks opens it anew."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(sqlite3.Error):
                conn.close()

    def _found(self) -> tuple[int, int]:
        try:
            found = os.stat(self.path)
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)


class Intake:
    """Takes mails until it is closed. origin gives who writes, at this moment; report is told of every failure."""

    def __init__(self, path: str, terms: Terms, origin: Callable[[], Origin], report: Callable[[Exception], None]) -> None:
        self._path, self._terms, self._origin, self._report = path, terms, origin, report
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._stirred, self._closing = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=work, name=work.__name__) for work in (self._take, self._look_after)]

    def start(self) -> None:
        """Begin to take mails."""
        for thread in self._threads:
            thread.start()

    def put(self, raw: bytes, envelope: Envelope) -> Future[Taken]:
        """Hand a mail in → what becomes of it: its bytes are kept when the answer is there. Cancelled before its turn
        it is not taken at all."""
        waiting = Waiting(ingest.arrived(raw, envelope), Future())
        self._queue.put(waiting)
        return waiting.answer

    def close(self) -> None:
        """Finish the mails that were handed in, and end."""
        self._queue.put(None)
        self._threads[0].join()
        self._closing.set()
        self._stirred.set()
        self._threads[1].join()

    def _take(self) -> None:
        """The first thread: all mails that wait, again and again."""
        database, ended = Database(self._path), False
        while not ended:
            mails, ended = self._next()
            self._together(database, mails)
            self._stirred.set()
        database.close()

    def _next(self) -> tuple[list[Waiting], bool]:
        """The mails that wait, at least one, up to what one commit takes; and whether they were the last."""
        mails: list[Waiting] = []
        size = 0
        while len(mails) < group.MAILS and size < group.BYTES:
            try:
                waiting = self._queue.get(block=not mails)
            except queue.Empty:
                break
            if waiting is None:
                return mails, True
            if waiting.answer.set_running_or_notify_cancel():
                mails.append(waiting)
                size += len(waiting.mail.raw)
        return mails, False

    def _together(self, database: Database, mails: list[Waiting]) -> None:
        """Take these mails and answer each."""
        try:
            ended = group.take(database.conn(), [waiting.mail for waiting in mails], self._origin, self._terms)
            if database.is_replaced():
                raise Busy("the database was replaced meanwhile")
        except Exception as error:
            database.close()
            ended = [error] * len(mails)
        for waiting, end in zip(mails, ended, strict=True):
            if isinstance(end, Exception):
                waiting.answer.set_exception(end)
            else:
                waiting.answer.set_result(end)
        for failed in dict.fromkeys(end for end in ended if isinstance(end, Exception)):
            if not isinstance(failed, ingest.NoRecipient):
                self._report(failed)

    def _look_after(self) -> None:
        """The second thread: what was left behind and what is due, after each commit and every minute."""
        database = Database(self._path)
        while not self._closing.is_set():
            try:
                ingest.drain(database.conn(), self._origin())
                ingest.send(database.conn(), self._origin().now)
            except Exception as error:
                database.close()
                self._report(error)
            self._stirred.wait(PAUSE)
            self._stirred.clear()
        database.close()
