"""Mail addresses as headers write them: a tolerant reader that looks at every character once (RFC 5322 §3.4, 6532)."""

from __future__ import annotations

import re

from crmcli.mail.incoming import Mailbox
from crmcli.mail.words import eight_bit, words
from crmcli.text import clean, is_address

TOKEN = re.compile(r'=\?[^?\s]{1,75}\?[bBqQ]\?[^?]*\?=|"|\\.|[(),:;<>\\]|[^"\\(),:;<>=]+|=', re.DOTALL)
OPENING = ('"', "(", "<")
AROUND = re.compile(r"\s*([@.])\s*")
WITH_AT = re.compile(r"\S+@\S+")


def mailboxes(value: str, limit: int = 1000, charset: str = "") -> list[Mailbox]:
    """The (name, address) pairs of an address header, groups flattened; at most limit.

    An address in angle brackets always wins over one in the name. What has a name and no address is given with ''
    for the address. charset is a hint for names that declare none. A quote or comment that never ends is read as
    if its sign were not there.
    """
    tokens = TOKEN.findall(value)
    reader = _Reader(limit, charset)
    for ignored in ("", '"', "(", '"('):
        reader = _Reader(limit, charset)
        reader.read(tokens, ignored)
        if not (reader.quoted or reader.depth):
            break
    return reader.found


def bare(text: str) -> str:
    """One address without blanks and its last dot, domain in lower case; '' where it is none."""
    text = eight_bit(text).strip()
    local, at, domain = (AROUND.sub(r"\1", text) if " " in text else text).rpartition("@")
    address = f"{local.removeprefix('mailto:')}{at}{domain.rstrip('.').lower()}"
    return address if is_address(address) else ""


class _Reader:
    """The state of one pass over the tokens: what stands open, and the mailbox being read."""

    def __init__(self, limit: int, charset: str) -> None:
        self.limit = limit
        self.charset = charset
        self.found: list[Mailbox] = []
        self.quoted = False
        self.depth = 0
        self.pending = ""
        self.start()

    def start(self) -> None:
        """Begin a new mailbox."""
        self.phrase: list[str] = []
        self.quotes: list[str] = []
        self.comment: list[str] = []
        self.angle: list[str] = []
        self.in_angle = self.had_angle = False

    def read(self, tokens: list[str], ignored: str) -> None:
        """Read all tokens; those in ignored count as blanks."""
        for token in tokens:
            if len(self.found) >= self.limit:
                return
            if token in ignored and token:
                token = " "
            self.take(token)
        if not (self.quoted or self.depth):
            self.flush()

    def take(self, token: str) -> None:
        """One token, in the state that the ones before it left."""
        if self.quoted:
            self.quoted = token != '"'
            if self.quoted:
                (self.angle if self.in_angle else self.quotes).append(token[1:] if token[0] == "\\" else token)
        elif self.depth:
            self.depth += (token == "(") - (token == ")")
            if self.depth:
                self.comment.append(token[1:] if token[0] == "\\" else token)
        elif token in OPENING:
            self.open(token)
        elif token == ">":
            self.in_angle = False
        elif token in (",", ";"):
            self.separate(token)
        elif token == ":":
            self.forget()
        elif self.in_angle:
            self.angle.append(token)
        else:
            if self.quotes and not self.phrase and token.startswith("@"):
                # a quoted local part: one with blanks in it is no address that we can keep, nor is its last word
                token = "".join(self.quotes).strip().replace(" ", '"') + token
                self.quotes.clear()
            self.phrase.append(token)

    def open(self, token: str) -> None:
        """Begin a quoted text, a comment or an address in brackets; a second address is a mailbox of its own."""
        self.quoted, self.depth = token == '"', int(token == "(")
        if token == "<":
            if self.had_angle:
                self.flush()
            self.in_angle = self.had_angle = True
        elif self.quoted and not self.in_angle:
            self.quotes.append(" ")

    def separate(self, token: str) -> None:
        """End the mailbox, unless the comma stands in a route of relays, as in <@one,@two:joe@x>."""
        if not self.in_angle or not "".join(self.angle).strip().startswith("@"):
            self.flush()
            self.pending = self.pending if token == "," else ""

    def forget(self) -> None:
        """Drop what stood before a colon: the name of a group, or a route."""
        (self.angle if self.in_angle else self.phrase).clear()
        if not self.in_angle:
            self.quotes.clear()
            self.pending = ""

    def flush(self) -> None:
        """End the mailbox being read and keep what it is."""
        phrase, quotes = "".join(self.phrase).strip(), "".join(self.quotes).strip()
        comment = "".join(self.comment).strip()
        if self.had_angle:
            address = bare("".join(self.angle))
            if self.pending and phrase and not quotes:
                phrase = f"{self.pending}, {phrase}"
            self.keep(f"{quotes} {phrase}" if not phrase.startswith("=?") else f"{phrase} {quotes}", comment, address)
        elif "@" in phrase:
            phrase = AROUND.sub(r"\1", phrase)
            found = [bare(word) for word in WITH_AT.findall(phrase)]
            for address in filter(None, found):
                name = WITH_AT.sub(" ", phrase) if len(found) == 1 else ""
                self.keep(f"{quotes} {name}", comment, address)
        elif phrase or quotes:
            self.pending = phrase if not quotes else ""
            self.keep(f"{quotes} {phrase}", comment, "")
        self.start()

    def keep(self, name: str, comment: str, address: str) -> None:
        """One more mailbox; a name that waited for its second half is taken back."""
        if address and self.pending:
            if self.found and not self.found[-1][1] and name.strip().startswith(self.pending):
                self.found.pop()
            self.pending = ""
        said = name if name.strip() else comment
        self.found.append((clean(words(said, self.charset), lines=False) if said else "", address))
