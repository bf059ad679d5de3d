"""The filter language: text to tree (cli.md §3). Pure: what fields and values mean is compile.py's."""

from __future__ import annotations

import re

from crmcli.errors import Usage
from crmcli.filters.tree import FIELD, FLAG, OPERATOR, WORD, And, Flag, Not, Or, Range, Test, Text, Tree, Value, Word, joined
from crmcli.text import CONTROLS

# What each modifier stands for, for shells where < and > need quotes; `sub` adds what is below.
MODIFIERS = {
    "not": "!=", "before": "<", "after": ">", "from": ">=", "to": "<=", "min": ">=", "max": "<=", "has": "~", "sub": ":",
}  # fmt: skip
DEEPEST = 20
LONGEST = 500_000
WIDEST = 160

BLANKS = re.compile(r"\s*")
QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
PIECE = re.compile(r'[^\s(),"]+')
RANGE = re.compile(r"(.+?)\.\.(.+)", re.DOTALL)
SLASH = re.compile(r"/?")
DOTS = re.compile(r"\.\.")


def parse(text: str) -> Tree:
    """The tree of a filter, without needless parentheses; Usage with the position where it is none."""
    if len(text) > LONGEST:
        raise Usage("the filter is too long", hint=f"at most {LONGEST} characters")
    reader = _Reader(text)
    control = re.search(CONTROLS, text)
    if control:
        raise reader.error("there is a control character", at=control.start())
    if reader.ended():
        return And(())
    tree = reader.either(0)
    if not reader.ended():
        raise reader.error("this ) has no ( before it")
    return tree


def refusal(at: int, message: str, hint: str = "") -> Usage:
    """The error for a place in a filter."""
    short = message if len(message) <= WIDEST else message[:WIDEST] + "…"
    return Usage(f"filter, position {at}: {short}", hint=hint or "crm help filter")


class _Reader:
    """A place in the text that moves on as things are read; a method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def error(self, message: str, hint: str = "", at: int | None = None) -> Usage:
        return refusal((self.place if at is None else at) + 1, message, hint)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def ended(self) -> bool:
        self.take(BLANKS)
        return self.place >= len(self.text)

    def ahead(self) -> str:
        """The word or the sign that comes next, lower case."""
        self.take(BLANKS)
        found = WORD.match(self.text, self.place)
        return found[0].lower() if found else self.text[self.place : self.place + 1]

    def keyword(self, word: str) -> bool:
        """Whether this word comes next; it is taken if so."""
        if self.ahead() != word:
            return False
        self.place += len(word)
        return True

    def either(self, depth: int) -> Tree:
        parts = [self.both(depth)]
        while self.keyword("or"):
            parts.append(self.both(depth))
        return joined(Or, parts)

    def both(self, depth: int) -> Tree:
        parts = [self.term(depth)]
        while self.ahead() not in ("", "or", ")"):
            self.keyword("and")
            parts.append(self.term(depth))
        return joined(And, parts)

    def term(self, depth: int) -> Tree:
        negative = False
        while self.keyword("not"):
            negative = not negative
        part = self.plain(depth)
        if not negative:
            return part
        return part.part if isinstance(part, Not) else Not(part)

    def plain(self, depth: int) -> Tree:
        ahead = self.ahead()
        if ahead in ("", ")"):
            raise self.error("something is missing here")
        if ahead in ("and", "or"):
            raise self.error(f"something is missing before {ahead}", f'to find the word itself, quote it: "{ahead}"')
        if ahead == "(":
            return self.group(depth + 1)
        return self.test() or self.flag() or self.words()

    def group(self, depth: int) -> Tree:
        start = self.place
        if depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} parentheses within each other")
        self.place += 1
        tree = self.either(depth)
        if not self.keyword(")"):
            raise self.error("this ( is never closed", at=start)
        return tree

    def test(self) -> Test | None:
        start = self.place
        found = self.take(FIELD)
        if not found:
            return None
        field, op, sub = found[1].lower().replace("-", "_"), found[2], False
        name, _, modifier = field.rpartition(".")
        if name and modifier in MODIFIERS:
            if op != ":":
                raise self.error(f"{field} takes : and no other operator", f"{name}{op}… or {field}:…", start)
            field, op, sub = name, MODIFIERS[modifier], modifier == "sub"
        values = [self.value(found[0])]
        while self.text.startswith(",", self.place):
            self.place += 1
            values.append(self.value("this comma"))
        return Test(field, op, tuple(values), sub, start + 1)

    def value(self, before: str) -> Value:
        at = self.place + 1
        if self.text.startswith('"', self.place):
            slash = (text := self.quoted()) and self.take(SLASH)
            low = Word(text + (slash[0] if slash else ""), True, at)
            return Range(low, self.end_of_range()) if self.take(DOTS) else low
        found = self.take(PIECE)
        if not found:
            raise self.error(f"{before} needs a value", 'right after it: name:pump or name:"broken pump"; for empty: none')
        parts = RANGE.fullmatch(found[0])
        if parts:
            return Range(Word(parts[1], False, at), Word(parts[2], False, at + parts.start(2)))
        if found[0].endswith("..") and len(found[0]) > 2 and self.text.startswith('"', self.place):
            return Range(Word(found[0][:-2], False, at), self.end_of_range())
        return Word(found[0], False, at)

    def end_of_range(self) -> Word:
        at = self.place + 1
        if self.text.startswith('"', self.place):
            return Word(self.quoted(), True, at)
        found = self.take(PIECE)
        if not found:
            raise self.error("the range needs an end")
        return Word(found[0], False, at)

    def quoted(self) -> str:
        found = self.take(QUOTED)
        if not found:
            raise self.error("this quote is never closed")
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)

    def flag(self) -> Flag | None:
        start = self.place
        found = self.take(FLAG)
        return Flag(found[1].lower(), start + 1) if found else None

    def words(self) -> Text:
        start = self.place
        if self.text[start] == '"':
            return Text(self.quoted(), start + 1)
        if OPERATOR.match(self.text, start):
            raise self.error("an operator needs a field right before it", 'such as priority<=2; text is quoted: "…"')
        found = self.take(WORD)
        return Text(found[0] if found else "", start + 1)
