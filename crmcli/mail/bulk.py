"""Mails out of files: single ones, mailboxes and Maildirs, one after another; no more in memory than one commit takes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat

from crmcli.errors import Busy, NotFound, Usage
from crmcli.mail.group import BYTES, MAILS
from crmcli.text import is_address
from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

# The line between the mails of a mailbox: the envelope sender, and a date; people write "From Monday on, 09:00 to 12:00".
BETWEEN = re.compile(
    rb"From (\S*) (?=.*\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b)(?=.*\b(?:19|20)\d\d\b).*\d\d:\d\d.*\r?\n\Z"
)

PIECE = 1 << 20
"""So many bytes of a mailbox are read at once."""

GROWING = (40, 25, 40, 60)
"""The mails of the first groups: one while the process that reads ahead begins, then each as it can read the next meanwhile."""

GONE = "a file that was named is not there"


class Found(NamedTuple):
    """A mail and where it was found; sender is the envelope's as a mailbox tells it."""

    place: str
    raw: bytes
    sender: str | None = None


def mails(paths: Iterable[str]) -> Iterator[Found]:
    """Every mail in files, mailboxes and Maildirs, in order; NotFound or Usage at once where a path is none of these."""
    folders = [(path, _folders(path)) for path in paths]
    return (found for path, inside in folders for found in (_maildir(inside) if inside else _file(path)))


def size(paths: Iterable[str]) -> int:
    """How many bytes the mails in files, mailboxes and Maildirs have, more or less."""
    files = [[os.path.join(folder, name) for folder in _folders(path) for name in os.listdir(folder)] or [path] for path in paths]
    return sum(map(_size, chain.from_iterable(files)))


def _size(path: str) -> int:
    """Nothing for a mail that was moved on meanwhile."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def together(mails: Iterable[Found]) -> Iterator[list[Found]]:
    """The mails in groups of no more than one commit takes, the first ones smaller."""
    group: list[Found] = []
    rooms = chain(GROWING, repeat(MAILS))
    size, room = 0, next(rooms)
    for mail in mails:
        if group and (len(group) == room or size + len(mail.raw) > BYTES):
            yield group
            group, size, room = [], 0, next(rooms)
        group.append(mail)
        size += len(mail.raw)
    if group:
        yield group


def _folders(path: str) -> list[str]:
    """The folders of a Maildir that hold mails, none for a file."""
    if not os.path.exists(path):
        raise NotFound(GONE, hint="name a mail, a mailbox or a Maildir")
    if not os.path.isdir(path):
        return []
    folders = [folder for name in ("new", "cur") if os.path.isdir(folder := os.path.join(path, name))]
    if not folders:
        raise Usage("a folder that was named is no Maildir", hint="it has neither new nor cur; name the files in it instead")
    return folders


def _maildir(folders: list[str]) -> Iterator[Found]:
    """The mails in the folders, which are files; one that is moved on meanwhile is met where it went to."""
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                with suppress(NotFound), _opened(path) as file:
                    yield Found(path, file.read())


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """The file; what the system says of it names it, and the mail server is told no paths."""
    try:
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise NotFound(GONE) from None
    except OSError as error:
        raise Busy(f"a file cannot be read: {error.strerror}") from error


def _file(path: str) -> Iterator[Found]:
    with _opened(path) as file:
        first = file.readline()
        found = BETWEEN.match(first)
        if found:
            yield from _mailbox(path, file, found)
        elif first:  # an empty file is a mailbox without mails
            yield Found(path, first + file.read())


def _mailbox(path: str, file: BinaryIO, line: re.Match[bytes]) -> Iterator[Found]:
    """The mails between the From lines; such a line counts only after an empty one."""
    number, sender, read, seen = 1, line[1], bytearray(), 0
    while piece := file.read(PIECE):
        read += piece
        while (at := read.find(b"\nFrom ", seen)) >= 0 and (end := read.find(b"\n", at + 1)) >= 0:
            seen = at + 1
            found = BETWEEN.match(read, seen, end + 1) if not _last_line(read, seen).strip() else None
            if found:
                yield _mail(path, number, sender, read[:seen])
                number, sender, seen = number + 1, bytes(found[1]), 0
                del found, read[: end + 1]
        seen = at if at >= 0 else max(seen, len(read) - len(b"\nFrom"))
    yield _mail(path, number, sender, read)


def _last_line(read: bytearray, end: int) -> bytearray:
    """The line that ends there, with its line break."""
    return read[read.rfind(b"\n", 0, end - 1) + 1 : end]


def _mail(path: str, number: int, sender: bytes, read: bytearray) -> Found:
    """One mail of a mailbox, without the empty line that a mailbox puts after it."""
    last = _last_line(read, len(read))
    raw = bytes(read if last.strip() else read[: len(read) - len(last)])
    address = sender.decode("utf-8", "replace")
    return Found(f"{path}:{number}", raw, address if is_address(address) else None)
