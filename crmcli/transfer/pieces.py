"""A large json object read piece by piece: its members, and of those that are arrays one element after another."""

from __future__ import annotations

import json
from collections.abc import Iterator

from crmcli.errors import Refused
from crmcli.tuples import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1 << 16
BLANKS = " \t\r\n"
AFTER = (*BLANKS, ",", "]", "}", ":")
HINT = "crm export all writes the file that this reads"


class Pieces:
    """The text of a file that is read as far as it is needed; never more in memory than its largest value."""

    def __init__(self, file: BinaryIO) -> None:
        import codecs

        self.file = file
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text = ""
        self.place = 0
        self.scan = json.JSONDecoder().raw_decode

    def members(self) -> Iterator[tuple[str, Any]]:
        """Each member as (name, value); of an array its elements, each under its name. Refused where it is no json."""
        try:
            yield from self._members()
        except (UnicodeDecodeError, RecursionError) as error:
            raise Refused(f"the file cannot be read: {error}", hint=HINT) from None

    def _members(self) -> Iterator[tuple[str, Any]]:
        self._take("{")
        while self._next() != "}":
            name = self._value()
            self._take(":")
            if self._next() == "[":
                self._take("[")
                while self._next() != "]":
                    yield name, self._value()
                    self._between("]")
                self._take("]")
            else:
                yield name, self._value()
            self._between("}")
        self._take("}")
        if self._next():
            raise self._wrong("the end")

    def _more(self) -> bool:
        """Read on, ever larger parts of a value that is large → whether there was anything."""
        rest = self.text[self.place :]
        chunk = self.file.read(max(CHUNK, len(rest)))
        self.text, self.place = rest + self.decoder.decode(chunk, final=not chunk), 0
        return bool(chunk)

    def _next(self) -> str:
        """The next character that is no blank, which stays; '' at the end."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in BLANKS:
                self.place += 1
            if self.place < len(self.text):
                return self.text[self.place]
            if not self._more():
                return ""

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise self._wrong(sign)
        self.place += 1

    def _between(self, end: str) -> None:
        """The comma before another one, or the end."""
        if self._next() == ",":
            self.place += 1
            if self._next() == end:
                raise self._wrong("another value")
        elif self._next() != end:
            raise self._wrong(f", or {end}")

    def _value(self) -> Any:
        """The value that begins here; a number may go on in what is not read yet."""
        self._next()
        while True:
            try:
                value, end = self.scan(self.text, self.place)
            except json.JSONDecodeError:
                if not self._more():
                    raise self._wrong("a value") from None
                continue
            if self.text[end : end + 1] not in AFTER and self._more():  # a number of which more is still to be read
                continue
            self.place = end
            return value

    def _wrong(self, wanted: str) -> Refused:
        found = self.text[self.place : self.place + 20].split("\n")[0] or "the end"
        return Refused(f"the file is not what crm export all writes: {wanted} should stand where {found} is", hint=HINT)
