"""Mails in bulk read ahead: a process of its own reads the next group while this one writes the one before.

What a mail says and how it is packed needs no database and is half of the work. A reader that dies takes nothing along:
its mails are read where they are written, and there they are in custody before, so that one which kills whoever reads it
is known by that (mail.md §2).
"""

from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import suppress
from itertools import chain

from crmcli import resources
from crmcli.mail.envelope import Envelope
from crmcli.mail.group import Ready, ready
from crmcli.mail.ingest import Mail, arrived
from crmcli.tuples import TypeAlias

Asked: TypeAlias = list[tuple[bytes, Envelope]]

# The folder that we work in, which is anybody's, is no place to import from; what is there first, digest.py takes.
START = "import hashlib, sys; sys.path.append(sys.argv[1]); from crmcli.mail import ahead; ahead.main()"

ROOM = 1 << 20
"""Bytes that a pipe takes, as Linux allows anybody: the first group is asked for while the process begins."""


class Reader:
    """A process that reads mails; what it cannot do any more, it answers with None."""

    def __init__(self) -> None:
        argv = [sys.executable, "-P", "-c", START, os.path.dirname(resources.PACKAGE)]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=nothing, start_new_session=True)
        for end in (self._process.stdin, self._process.stdout):
            assert end
            with suppress(OSError, AttributeError):  # a system that has no larger pipes, or no more of them
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, ROOM)

    def ask(self, group: Asked, max_bytes: int) -> None:
        """Have these mails read."""
        assert self._process.stdin
        with suppress(OSError):
            pickle.dump((group, max_bytes), self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()

    def answer(self, group: Asked) -> list[Ready] | None:
        """What was asked last, read; None where the process is gone."""
        assert self._process.stdout
        try:
            found: list[Ready] = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        return [one._replace(mail=one.mail._replace(raw=raw)) for one, (raw, _) in zip(found, group, strict=True)]

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.communicate()


def through(groups: Iterable[Asked], max_bytes: int) -> Generator[tuple[list[Mail], list[Ready] | None], None, None]:
    """The mails of each group, and read too: from the second on, by a process that is one ahead, where there is a core for it."""
    reader: Reader | None = None
    waiting: Asked | None = None
    try:
        for group in chain(groups, (None,)):
            if group and waiting and reader is None and (os.cpu_count() or 1) > 1:
                reader, found = Reader(), None
            else:
                found = reader.answer(waiting) if reader and waiting else None
            if reader and group:
                reader.ask(group, max_bytes)
            if waiting:
                yield [one.mail for one in found] if found else [arrived(*asked) for asked in waiting], found
            waiting = group
    finally:
        if reader:
            reader.close()


def main() -> None:
    """The reader's own work: groups from standard input, until it is closed."""
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    with suppress(EOFError, BrokenPipeError):
        while True:
            group, max_bytes = pickle.load(asked)
            found = [ready(raw, envelope, max_bytes) for raw, envelope in group]
            light = [one._replace(mail=one.mail._replace(raw=b"")) for one in found]
            pickle.dump(light, told, pickle.HIGHEST_PROTOCOL)
            told.flush()
