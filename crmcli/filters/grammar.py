"""The filter language: text to tree and back (cli.md §3). Pure: what fields and values mean is compile.py's.

A tree is made of And, Or and Not over Test, Flag and Text. `at` is the place in the text, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias, Union

from crmcli.errors import Usage
from crmcli.text import CONTROLS

# The modifiers and the operator that each stands for, for shells where < and > need quotes; `sub` adds what is below.
MODIFIERS = {
    "not": "!=", "before": "<", "after": ">", "from": ">=", "to": "<=", "min": ">=", "max": "<=", "has": "~", "sub": ":",
}  # fmt: skip
DEEPEST = 20
LONGEST = 1_000_000

BLANKS = re.compile(r"\s*")
FIELD = re.compile(r"([^\W\d][\w.-]*)(:|!=|<=|>=|<|>|~)")
FLAG = re.compile(r"\+([^\W\d]\w*)(?=[\s()]|$)")
WORD = re.compile(r"""[^\s()"]+""")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
PIECE = re.compile(r"""[^\s(),"]+""")
OPERATOR = re.compile(r"[:!<>=~]")
RANGE = re.compile(r"(.+?)\.\.(.+)", re.DOTALL)


class Word(NamedTuple):
    """One value; quoted keeps `none`, `any` and `me` from their special meaning."""

    text: str
    quoted: bool
    at: int


class Range(NamedTuple):
    """From low to high, both within."""

    low: Word
    high: Word


Value: TypeAlias = Union[Word, Range]


class Test(NamedTuple):
    """A field held against values, any of which will do; sub: what is below them counts too."""

    field: str
    op: str
    values: tuple[Value, ...]
    sub: bool
    at: int


class Flag(NamedTuple):
    """A condition with a name of its own, such as +late."""

    name: str
    at: int


class Text(NamedTuple):
    """A word, or quoted words in their order, to be found in any text."""

    text: str
    at: int


class Not(NamedTuple):
    """The opposite of a part."""

    part: Tree


class And(NamedTuple):
    """All parts; without parts everything."""

    parts: tuple[Tree, ...]


class Or(NamedTuple):
    """At least one of the parts."""

    parts: tuple[Tree, ...]


Tree: TypeAlias = Union[Test, Flag, Text, Not, And, Or]


def parse(text: str) -> Tree:
    """The tree of a filter, without needless parentheses; Usage with the position where it is none."""
    if len(text) > LONGEST:
        raise Usage("the filter is too long", hint=f"at most {LONGEST} characters")
    reader = _Reader(text)
    control = CONTROLS.search(text)
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
    return Usage(f"filter, position {at}: {message}", hint=hint or "crm help filter")


class _Reader:
    """A place in the text that moves on as things are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def error(self, message: str, hint: str = "", at: int | None = None) -> Usage:
        return refusal((self.place if at is None else at) + 1, message, hint)

    def skip(self) -> None:
        found = BLANKS.match(self.text, self.place)
        self.place = found.end() if found else self.place

    def ended(self) -> bool:
        self.skip()
        return self.place >= len(self.text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def keyword(self, word: str) -> bool:
        """Whether this word comes next; it is taken if so."""
        self.skip()
        found = WORD.match(self.text, self.place)
        if not found or found[0].lower() != word:
            return False
        self.place = found.end()
        return True

    def next_is(self, *words: str) -> bool:
        """Whether one of these keywords or parentheses comes next."""
        self.skip()
        found = WORD.match(self.text, self.place)
        return (found[0].lower() if found else self.text[self.place : self.place + 1]) in words

    def either(self, depth: int) -> Tree:
        parts = [self.both(depth)]
        while self.keyword("or"):
            parts.append(self.both(depth))
        return _joined(Or, parts)

    def both(self, depth: int) -> Tree:
        parts = [self.term(depth)]
        while not self.ended() and not self.next_is("or", ")"):
            self.keyword("and")
            parts.append(self.term(depth))
        return _joined(And, parts)

    def term(self, depth: int) -> Tree:
        negative = False
        while self.keyword("not"):
            negative = not negative
        part = self.plain(depth)
        if negative:
            return part.part if isinstance(part, Not) else Not(part)
        return part

    def plain(self, depth: int) -> Tree:
        if self.ended():
            raise self.error("something is missing at the end")
        if self.next_is("and", "or", ")"):
            raise self.error("something is missing here", 'a word to be found as text is quoted: "or"')
        if self.text[self.place] == "(":
            return self.group(depth + 1)
        return self.test() or self.flag() or self.words()

    def group(self, depth: int) -> Tree:
        start = self.place
        if depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} parentheses within each other")
        self.place += 1
        tree = self.either(depth)
        if self.ended():
            raise self.error("this ( is never closed", at=start)
        self.place += 1
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
        values = [self.value(field + found[2])]
        while self.text.startswith(",", self.place):
            self.place += 1
            values.append(self.value("this comma"))
        return Test(field, op, tuple(values), sub, start + 1)

    def value(self, before: str) -> Value:
        at = self.place + 1
        if self.text.startswith('"', self.place):
            low = Word(self.quoted() + (self.rest_of_path()), True, at)
            if not self.text.startswith("..", self.place):
                return low
            self.place += 2
            return Range(low, self.end_of_range())
        found = self.take(PIECE)
        if not found:
            raise self.error(f"{before} needs a value", 'right after it: name:pump or name:"broken pump"; for empty: none')
        parts = RANGE.fullmatch(found[0])
        if parts:
            return Range(Word(parts[1], False, at), Word(parts[2], False, at + parts.start(2)))
        if found[0].endswith("..") and len(found[0]) > 2 and self.text.startswith('"', self.place):
            return Range(Word(found[0][:-2], False, at), self.end_of_range())
        return Word(found[0], False, at)

    def rest_of_path(self) -> str:
        """The slash of `section:"Help Desk"/`."""
        if self.text.startswith("/", self.place):
            self.place += 1
            return "/"
        return ""

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


def _joined(kind: type[And] | type[Or], parts: list[Tree]) -> Tree:
    """One part alone, or all in one And or Or, flat."""
    if len(parts) == 1:
        return parts[0]
    flat: list[Tree] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else [part])
    return kind(tuple(flat))


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and all its parts."""
    yield tree
    if isinstance(tree, Not):
        yield from walk(tree.part)
    elif isinstance(tree, (And, Or)):
        for part in tree.parts:
            yield from walk(part)


def write(tree: Tree) -> str:
    """The tree as text that parses to the same tree."""
    if isinstance(tree, Or):
        return " or ".join(_grouped(part, Or) for part in tree.parts)
    if isinstance(tree, And):
        return " ".join(_grouped(part, Or, And) for part in tree.parts)
    if isinstance(tree, Not):
        return "not " + _grouped(tree.part, Or, And)
    if isinstance(tree, Flag):
        return f"+{tree.name}"
    if isinstance(tree, Text):
        return tree.text if _plain_text(tree.text) else _quote(tree.text)
    field, op = (f"{tree.field}.sub", ":") if tree.sub else (tree.field, tree.op)
    return field + op + ",".join(_value(value) for value in tree.values)


def _grouped(tree: Tree, *kinds: type) -> str:
    return f"({write(tree)})" if isinstance(tree, kinds) else write(tree)


def _value(value: Value) -> str:
    return f"{_word(value.low)}..{_word(value.high)}" if isinstance(value, Range) else _word(value)


def _word(word: Word) -> str:
    return _quote(word.text) if word.quoted else word.text


def _plain_text(text: str) -> bool:
    """Whether a word of text can stand without quotes."""
    if not WORD.fullmatch(text) or text.lower() in ("and", "or", "not"):
        return False
    return not (FIELD.match(text) or FLAG.match(text) or OPERATOR.match(text))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
