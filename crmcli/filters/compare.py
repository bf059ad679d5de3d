"""One test of a filter as SQL: along the links to the field, then its value held against those asked for."""

from __future__ import annotations

from crmcli.fields import Field, Noun
from crmcli.filters import fields, sql
from crmcli.filters.binding import UNORDERED, Binding, near
from crmcli.filters.fields import TEXTS, Readable
from crmcli.filters.grammar import refusal
from crmcli.filters.sql import Piece
from crmcli.filters.tree import Range, Test, Value, Word
from crmcli.find import WORDS
from crmcli.text import folded

ORDER = ("<", "<=", ">", ">=")

# What is below a row of a tree, itself included.
BELOW = """
WITH RECURSIVE below (id) AS (
  SELECT {top} UNION SELECT s.id FROM {table} s JOIN below ON s.parent_id = below.id
) SELECT id FROM below
"""


def condition(binding: Binding, noun: Noun, test: Test) -> str:
    """The test as a condition on the row ``t``; != is the exact opposite of :, so it holds where there is no value."""
    path = _path(noun, test)
    if test.op in ORDER:
        return _along(binding, path, _ordered(binding, path[-1], test))
    found = _any_of(binding, path, test)
    return f"NOT ({found})" if test.op == "!=" else found


def _path(noun: Noun, test: Test) -> list[Readable]:
    """The fields from the noun to what is tested: partner, then category."""
    found: list[Readable] = []
    for word in test.field.split("."):
        if found and not found[-1].field.link:
            raise refusal(test.at, f"{found[-1].field.short} has no fields of its own")
        noun = fields.noun_of(found[-1].field.link) if found else noun
        field = fields.lookup(noun, word)
        if field is None:
            known = [one.field.short for one in fields.readable(noun).values()]
            hint = near(word, known, f"crm filter fields {noun.name}; what is text is quoted")
            raise refusal(test.at, f"{noun.title} has no field {word}", hint)
        found.append(field)
    return found


def _along(binding: Binding, path: list[Readable], piece: Piece, row: str = "t") -> str:
    """The condition on a row that leads along the links to a piece on the last value."""
    step = path[0]
    value = step.sql.format(t=row)
    if len(path) > 1:
        other = binding.alias()
        beyond = _along(binding, path[1:], piece, other)
        piece = sql.within(f"SELECT {other}.id FROM {fields.noun_of(step.field.link).table} {other} WHERE {beyond}")
    if not step.rows:
        return piece(value)
    return f"({row}.id IN (SELECT {step.owner} FROM {step.rows} WHERE {step.owner} IS NOT NULL AND {piece(value)}))"


def _any_of(binding: Binding, path: list[Readable], test: Test) -> str:
    """Any of the values; none is that there is no value at all."""
    filled = sql.filled(path[-1].field.kind in TEXTS)
    special = {value.text for value in test.values if isinstance(value, Word) and _is_special(value)}
    wanted = [value for value in test.values if not _is_special(value)]
    found = []
    if "none" in special:
        found.append(f"NOT ({_along(binding, path, filled)})")
    if "any" in special:
        found.append(_along(binding, path, filled))
    if wanted:
        found.append(_along(binding, path, _alike(binding, path[-1], test, wanted)))
    return sql.some(found)


def _is_special(value: Value) -> bool:
    return isinstance(value, Word) and not value.quoted and value.text in ("none", "any")


def _alike(binding: Binding, leaf: Readable, test: Test, wanted: list[Value]) -> Piece:
    """A value is one of these, is within one of these, or contains one of these."""
    field = leaf.field
    if test.op == "~" or field.kind in TEXTS:
        return _containing(binding, leaf, test, wanted)
    tree = bool(field.link) and fields.noun_of(field.link).tree
    if test.sub and not tree:
        raise refusal(test.at, f"{field.short} has nothing below it", "sub is for sections and categories of partners")
    marks: list[str] = []
    pieces: list[Piece] = []
    for value in wanted:
        if tree and isinstance(value, Word) and (test.sub or value.text.endswith("/")):
            pieces.append(_below(binding, field, value))
            continue
        first, last, _ = binding.span(value, field, days=True)
        if first == last:
            marks.append(binding.mark(first))
        else:
            pieces.append(sql.between(binding.mark(first), binding.mark(last), leaf.plain))
    if marks:
        pieces.append(sql.one_of(marks, leaf.plain))
    return lambda value: sql.some([piece(value) for piece in pieces])


def _below(binding: Binding, field: Field, word: Word) -> Piece:
    """A link to this or to what is below it: ``Sales/``."""
    top, _, _ = binding.span(word._replace(text=word.text.removesuffix("/")), field)
    return sql.within(BELOW.format(top=binding.mark(top), table=fields.noun_of(field.link).table).strip())


def _ordered(binding: Binding, leaf: Readable, test: Test) -> Piece:
    """A value is before, after, less or more than one value; of a day before its first or after its last second."""
    field, value = leaf.field, test.values[0]
    if field.kind in (*TEXTS, *UNORDERED):
        raise refusal(test.at, f"{field.short} has no order", f"use {field.short}:… or {field.short}!=…")
    if len(test.values) > 1 or isinstance(value, Range):
        raise refusal(test.at, f"{test.op} takes one value", f"{field.short}:LOW..HIGH is a range")
    first, last, _ = binding.span(value, field)
    return sql.compared(test.op, binding.mark(first if test.op in ("<", ">=") else last), leaf.plain)


def _containing(binding: Binding, leaf: Readable, test: Test, wanted: list[Value]) -> Piece:
    """A text contains one of these, in any case and with any accents; of a link, one of the words that the thing goes by."""
    field = leaf.field
    needles = []
    for value in wanted:
        if isinstance(value, Range):
            raise refusal(value.low.at, f"{field.short} has no order, so no range", 'text with dots is quoted: "a..b"')
        if not folded(value.text):
            raise refusal(value.at, "the value is empty", f"{test.field}:none finds what is empty")
        needles.append(binding.mark(folded(value.text)))
    if field.link:
        return _called(field.link, needles)
    if field.kind not in (*TEXTS, "choice"):
        raise refusal(test.at, f"{field.short} is no text", f"use {field.short}:…")
    return lambda value: sql.some([sql.contains(value, needle, leaf.plain) for needle in needles])


def _called(link: str, needles: list[str]) -> Piece:
    """A link to what goes by a name, login, code or path that contains one of these."""
    noun = fields.noun_of(link)
    source = f"{noun.table} w" + (f" JOIN {noun.name}_paths USING (id)" if noun.tree else "")
    found = sql.some([sql.contains(word, needle) for word in WORDS.get(link, ("id",)) for needle in needles])
    return sql.within(f"SELECT id FROM {source} WHERE {found}")
