"""A filter's tree to one SQL condition with parameters only.

The row that is tested has the alias ``t`` (``SELECT … FROM cases t WHERE {condition.sql}``). Every part comes
to 0 or 1, never to NULL, so that `not` and `!=` are exact opposites.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeGuard

from crmcli import clock
from crmcli.fields import Field, Noun
from crmcli.filters import fields, grammar, values, words
from crmcli.filters.grammar import And, Flag, Not, Or, Range, Test, Text, Tree, Value, Word, refusal
from crmcli.filters.values import Context, Span
from crmcli.text import folded

ORDER = ("<", "<=", ">", ">=")
TEXTS = ("text", "lines", "addresses")
MOST = 30_000
GROUP = 32

BELOW = """
WITH RECURSIVE below (id) AS (
  SELECT {top} UNION SELECT s.id FROM {table} s JOIN below ON s.parent_id = below.id
) SELECT id FROM below
"""


class Condition(NamedTuple):
    """A condition on the row ``t``; timed: it means something else as time goes by; archived: it speaks of what is archived."""

    sql: str
    parameters: dict[str, Any]
    timed: bool
    archived: bool


def compile(conn: sqlite3.Connection, text: str, noun: str, context: Context, prefix: str = "f") -> Condition:  # noqa: A001
    """The condition of a filter on a noun (`case`, `partner`, …); its parameters are named prefix0, prefix1, …

    Usage, with the position, for whatever is no filter: grammar, unknown fields, values and names.
    """
    return of_tree(conn, grammar.parse(text), noun, context, prefix)


def of_tree(conn: sqlite3.Connection, tree: Tree, noun: str, context: Context, prefix: str = "f") -> Condition:
    """The same for a tree."""
    compiler = _Compiler(conn, fields.noun_of(noun), context, prefix)
    sql = compiler.tree(tree)
    return Condition(sql, compiler.parameters, compiler.timed, wants_archived(tree))


def wants_archived(tree: Tree) -> bool:
    """Whether the filter itself says which archived ones it wants, so that a list must not leave them out."""
    return any(
        (isinstance(part, Flag) and part.name == "archived") or (isinstance(part, Test) and part.field == "active")
        for part in grammar.walk(tree)
    )


class _Compiler:
    """Gathers the parameters while the parts become SQL."""

    def __init__(self, conn: sqlite3.Connection, noun: Noun, context: Context, prefix: str) -> None:
        self.conn = conn
        self.noun = noun
        self.context = context
        self.prefix = prefix
        self.parameters: dict[str, Any] = {}
        self.timed = False
        self.aliases = 0

    def bind(self, value: Any) -> str:
        if len(self.parameters) >= MOST:
            raise refusal(1, f"more than {MOST} values", "narrow it by ranges: id:1..50000")
        name = f"{self.prefix}{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def tree(self, tree: Tree) -> str:
        if isinstance(tree, And):
            return _all([self.tree(part) for part in tree.parts])
        if isinstance(tree, Or):
            return _any([self.tree(part) for part in tree.parts])
        if isinstance(tree, Not):
            return f"NOT ({self.tree(tree.part)})"
        if isinstance(tree, Flag):
            return self.flag(tree)
        return self.text(tree) if isinstance(tree, Text) else self.test(tree)

    # Flags and text ---------------------------------------------------------------------------------

    def flag(self, flag: Flag) -> str:
        known = fields.flags(self.noun)
        if flag.name in fields.LATER and self.noun.name == "case":
            raise refusal(flag.at, f"+{flag.name} needs service levels, which are not kept here yet", "+late, +stale")
        if flag.name not in known:
            hint = f"one of: {' '.join('+' + name for name in known)}; a word of text is quoted" if known else ""
            raise refusal(flag.at, f"no flag +{flag.name} for {self.noun.plural}", _near(flag.name, known, "+") or hint)
        sql = known[flag.name].sql
        if "{now}" in sql:
            sql = sql.replace("{now}", self.bind(self.context.now))
            self.timed = True
        if "{stale}" in sql:
            sql = sql.replace("{stale}", self.bind(clock.shift(self.context.now, -86400 * self.context.stale_days)))
            self.timed = True
        if "{me}" in sql:
            sql = sql.replace("{me}", self.bind(values.me(self.context, flag.at)))
        return f"({sql})"

    def text(self, text: Text) -> str:
        phrase = words.phrase(text.text)
        if phrase is None:
            raise refusal(text.at, f"there is no letter or digit to look for in {text.text or 'the empty text'}")
        if self.noun.name == "case":
            return f"t.id IN ({words.CASES.format(phrase=self.bind(phrase)).strip()})"
        if self.noun.name == "history":
            return f"t.log_id IN ({words.LOG_ROWS.format(phrase=self.bind(phrase))})"
        needle = self.bind(folded(text.text))
        found = [field.sql.format(t="t") for field in fields.readable(self.noun).values() if field.field.kind in TEXTS]
        return _any([_contains(sql, needle) for sql in found])

    # Tests --------------------------------------------------------------------------------------------

    def test(self, test: Test) -> str:
        path = self.path(test)
        leaf = path[-1].field
        op = ":" if test.op == "!=" else test.op
        sql = self.along(path, self.ordered(test, leaf, op)) if op in ORDER else self.equal(test, path, op)
        return f"NOT ({sql})" if test.op == "!=" else sql

    def path(self, test: Test) -> list[fields.Readable]:
        """The fields from the noun to what is tested: partner, then category."""
        noun, found = self.noun, list[fields.Readable]()
        for place, word in enumerate(test.field.split(".")):
            if place:
                link = found[-1].field.link
                if not link:
                    raise refusal(test.at, f"{found[-1].field.short} has no fields of its own")
                noun = fields.noun_of(link)
            field = fields.lookup(noun, word)
            if field is None:
                names = [known.field.short for known in fields.readable(noun).values()]
                hint = _near(word, names) or f"crm filter fields {noun.name}"
                raise refusal(test.at, f"no field {word} for {noun.plural}", hint)
            found.append(field)
        return found

    def along(self, path: list[fields.Readable], leaf: Callable[[str], str], row: str = "t") -> str:
        """The condition that leads from a row along the links to the leaf's condition on a value."""
        step = path[0]
        value = step.sql.format(t=row)
        if len(path) > 1:
            self.aliases += 1
            other = f"r{self.aliases}"
            table = fields.noun_of(step.field.link).table
            inner = f"{value} IN (SELECT {other}.id FROM {table} {other} WHERE {self.along(path[1:], leaf, other)})"
            sql = f"({value} IS NOT NULL AND {inner})"
        else:
            sql = leaf(value)
        if step.rows:
            return f"{row}.id IN (SELECT {step.owner} FROM {step.rows} WHERE {step.owner} IS NOT NULL AND {sql})"
        return sql

    def equal(self, test: Test, path: list[fields.Readable], op: str) -> str:
        """Any of the values; none is that there is no value at all."""
        leaf = path[-1].field
        special = {value.text for value in test.values if _special(value)}
        wanted = [value for value in test.values if not _special(value)]
        found = []
        if "none" in special:
            found.append(f"NOT ({self.along(path, _filled(leaf.kind))})")
        if "any" in special:
            found.append(self.along(path, _filled(leaf.kind)))
        if wanted:
            found.append(self.along(path, self.alike(wanted, path[-1], test, op)))
        return _any(found)

    def alike(self, wanted: list[Value], leaf: fields.Readable, test: Test, op: str) -> Callable[[str], str]:
        """A value is one of these, contains one of these, or is within one of these."""
        field = leaf.field
        if op == "~" or field.kind in TEXTS:
            return self.containing(wanted, field, test)
        if test.sub and not (field.link and fields.noun_of(field.link).tree):
            raise refusal(test.at, f"{field.short} has nothing below it", "sub is for sections and categories of partners")
        exact, parts = [], []
        for value in wanted:
            if self.is_tree(value, field, test.sub):
                parts.append(self.below(value, field))
                continue
            span = self.span(value, field, days=True)
            if span.first == span.last:
                exact.append(self.bind(span.first))
            else:
                parts.append(_between(self.bind(span.first), self.bind(span.last), leaf.plain))
        if exact:
            parts.append(_one_of(exact, leaf.plain))
        return lambda sql: _any([part(sql) for part in parts])

    def ordered(self, test: Test, leaf: Field, op: str) -> Callable[[str], str]:
        """A value is before, after, less or more than one value; a day is before all or after all of its seconds."""
        value = test.values[0]
        if leaf.kind in (*TEXTS, "link", "choice", "bool"):
            raise refusal(test.at, f"{leaf.short} has no order", f"use {leaf.short}:… or {leaf.short}!=…")
        if len(test.values) > 1 or isinstance(value, Range):
            raise refusal(test.at, f"{op} takes one value", f"{leaf.short}:LOW..HIGH is a range")
        span = self.span(value, leaf)
        mark = self.bind(span.first if op in ("<", ">=") else span.last)
        return lambda sql: f"({sql} IS NOT NULL AND {sql} {op} {mark})"

    def span(self, value: Value, field: Field, days: bool = False) -> Span:
        """What a value stands for; of a range from the first of low to the last of high."""
        if isinstance(value, Word):
            found = values.span(self.conn, field, value, self.context, days)
        elif field.kind in ("link", "choice", "bool"):
            raise refusal(value.low.at, f"{field.short} has no order, so no range", "several values are written a,b,c")
        else:
            low = values.span(self.conn, field, value.low, self.context)
            high = values.span(self.conn, field, value.high, self.context)
            if low.first > high.last:
                raise refusal(value.low.at, f"the range {value.low.text}..{value.high.text} runs backwards")
            found = Span(low.first, high.last, low.timed or high.timed)
        self.timed = self.timed or found.timed
        return found

    def is_tree(self, value: Value, field: Field, sub: bool) -> bool:
        if not isinstance(value, Word) or not field.link or not fields.noun_of(field.link).tree:
            return False
        return sub or value.text.endswith("/")

    def below(self, value: Value, field: Field) -> Callable[[str], str]:
        """A link to this or to what is below it: `Sales/`."""
        assert isinstance(value, Word)
        top = self.bind(self.span(value._replace(text=value.text.removesuffix("/")), field).first)
        ids = BELOW.format(top=top, table=fields.noun_of(field.link).table).strip()
        return lambda sql: f"({sql} IS NOT NULL AND {sql} IN ({ids}))"

    def containing(self, wanted: list[Value], field: Field, test: Test) -> Callable[[str], str]:
        """Text that contains one of these; for a link, the words that the other thing goes by."""
        needles = []
        for value in wanted:
            if isinstance(value, Range):
                raise refusal(value.low.at, f"{field.short} has no order, so no range", 'text with dots is quoted: "a..b"')
            if not value.text:
                raise refusal(value.at, "the value is empty", f"{test.field}:none finds what is empty")
            needles.append(self.bind(folded(value.text)))
        if field.link:
            return lambda sql: _called(sql, field.link, needles)
        if field.kind not in (*TEXTS, "choice"):
            raise refusal(test.at, f"{field.short} is no text", f"use {field.short}:…")
        return lambda sql: _any([_contains(sql, needle) for needle in needles])


def _special(value: Value) -> TypeGuard[Word]:
    return isinstance(value, Word) and not value.quoted and value.text in ("none", "any")


# SQL that is never NULL ---------------------------------------------------------------------------------


def _filled(kind: str) -> Callable[[str], str]:
    if kind in TEXTS:
        return lambda sql: f"(coalesce({sql}, '') <> '')"
    return lambda sql: f"({sql} IS NOT NULL)"


def _one_of(marks: list[str], plain: bool) -> Callable[[str], str]:
    if len(marks) == 1:
        return lambda sql: f"({sql} IS {marks[0]})"
    some = ", ".join(marks)
    return lambda sql: f"({sql} IS NOT NULL AND {sql} IN ({some}))" if plain else f"coalesce({sql} IN ({some}), 0)"


def _between(first: str, last: str, plain: bool) -> Callable[[str], str]:
    if plain:
        return lambda sql: f"({sql} IS NOT NULL AND {sql} BETWEEN {first} AND {last})"
    return lambda sql: f"coalesce({sql} BETWEEN {first} AND {last}, 0)"


def _contains(sql: str, needle: str) -> str:
    return f"(instr(folded({sql}), {needle}) > 0)"


def _called(sql: str, noun: str, needles: list[str]) -> str:
    from crmcli.find import WORDS

    other = fields.noun_of(noun)
    table = f"{other.table} w" + (f" JOIN {noun}_paths USING (id)" if other.tree else "")
    found = _any([_contains(word, needle) for word in WORDS.get(noun, ()) for needle in needles])
    return f"({sql} IS NOT NULL AND {sql} IN (SELECT id FROM {table} WHERE {found}))"


def _all(parts: list[str]) -> str:
    return _nested(parts, " AND ") or "1"


def _any(parts: list[str]) -> str:
    return _nested(parts, " OR ") or "0"


def _nested(parts: list[str], word: str) -> str:
    """The parts joined, in groups of groups, as SQLite's expressions may not be more than 1000 deep."""
    while len(parts) > 1:
        groups = [parts[start : start + GROUP] for start in range(0, len(parts), GROUP)]
        parts = [f"({word.join(group)})" if len(group) > 1 else group[0] for group in groups]
    return parts[0] if parts else ""


def _near(text: str, known: Iterable[str], sign: str = "") -> str:
    from crmcli.find import nearest

    found = nearest(text, iter(known))
    return f"nearest: {', '.join(sign + name for name in found)}" if found else ""
