"""A filter as a tree: And, Or and Not over tests, flags and texts; and the tree as text again. Pure.

`at` is the place in the filter's text, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crmcli.tuples import NamedTuple, TypeAlias

FIELD = re.compile(r"([^\W\d][\w.-]*)(:|!=|<=|>=|<|>|~)")
FLAG = re.compile(r"\+([^\W\d]\w*)(?=[\s()]|$)")
WORD = re.compile(r'[^\s()"]+')
OPERATOR = re.compile(r"[:!<>=~]")


class Word(NamedTuple):
    """One value; quoted keeps `none`, `any` and `me` from their special meaning."""

    text: str
    quoted: bool
    at: int


class Range(NamedTuple):
    """From low to high, both within."""

    low: Word
    high: Word


Value: TypeAlias = Word | Range


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


Tree: TypeAlias = Test | Flag | Text | Not | And | Or


def joined(kind: type[And] | type[Or], parts: list[Tree]) -> Tree:
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
    below = (tree.part,) if isinstance(tree, Not) else tree.parts if isinstance(tree, (And, Or)) else ()
    for part in below:
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
        return tree.text if _stands_alone(tree.text) else _quote(tree.text)
    field = f"{tree.field}.sub" if tree.sub else tree.field
    return field + tree.op + ",".join(_value(value) for value in tree.values)


def outline(tree: Tree, indent: str = "") -> str:
    """The tree line by line, parts indented below what joins them."""
    if isinstance(tree, (And, Or)):
        head = ("all of" if isinstance(tree, And) else "any of") if tree.parts else "everything"
        return "\n".join([indent + head, *(outline(part, indent + "  ") for part in tree.parts)])
    if isinstance(tree, Not):
        return f"{indent}not\n{outline(tree.part, indent + '  ')}"
    return indent + write(tree)


def _grouped(tree: Tree, *kinds: type) -> str:
    return f"({write(tree)})" if isinstance(tree, kinds) else write(tree)


def _value(value: Value) -> str:
    return f"{_word(value.low)}..{_word(value.high)}" if isinstance(value, Range) else _word(value)


def _word(word: Word) -> str:
    return _quote(word.text) if word.quoted else word.text


def _stands_alone(text: str) -> bool:
    """Whether a word of text needs no quotes."""
    if not WORD.fullmatch(text) or text.lower() in ("and", "or", "not"):
        return False
    return not (FIELD.match(text) or FLAG.match(text) or OPERATOR.match(text))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
