"""A filter to one SQL condition with parameters only.

The row that is tested has the alias ``t`` (``SELECT … FROM cases t WHERE {condition.sql}``). Every part comes
to 0 or 1, never to NULL, so that `not` and `!=` are exact opposites.
"""

from __future__ import annotations

import sqlite3

from crmcli import clock
from crmcli.errors import Usage
from crmcli.fields import Noun
from crmcli.filters import compare, fields, grammar, spans, sql, words
from crmcli.filters.binding import Binding, near
from crmcli.filters.grammar import refusal
from crmcli.filters.spans import Context
from crmcli.filters.tree import And, Flag, Not, Or, Test, Text, Tree, walk
from crmcli.text import folded
from crmcli.tuples import Any, NamedTuple

# Parentheses in SQL that may be too many.
NESTED = 40


class Condition(NamedTuple):
    """A condition on the row ``t``.

    timed: it means something else as time goes by. archived: it says itself which archived ones it wants.
    """

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
    binding = Binding(conn, context, prefix)
    kind = fields.noun_of(noun)
    found = _tree(binding, kind, tree)
    _check(conn, kind, found, binding.parameters)
    return Condition(found, binding.parameters, binding.timed, wants_archived(tree))


def wants_archived(tree: Tree) -> bool:
    """Whether the filter itself says which archived ones it wants, so that a list must not leave them out."""
    return any(
        (isinstance(part, Flag) and part.name == "archived") or (isinstance(part, Test) and part.field == "active")
        for part in walk(tree)
    )


def count(conn: sqlite3.Connection, noun: str, condition: Condition) -> int:
    """How many a list with this condition has."""
    kind = fields.noun_of(noun)
    active = "t.active = 1 AND " if kind.archives and not condition.archived else ""
    row = conn.execute(f"SELECT count(*) FROM {kind.table} t WHERE {active}{condition.sql}", condition.parameters).fetchone()
    return int(row[0])


def _check(conn: sqlite3.Connection, noun: Noun, condition: str, parameters: dict[str, Any]) -> None:
    """Usage for what is nested so deeply that SQLite's parser has no room for it (its stack of 100, until 3.46)."""
    if condition.count("(") < NESTED:
        return
    try:
        conn.execute(f"EXPLAIN SELECT 1 FROM {noun.table} t WHERE {condition}", parameters)
    except sqlite3.OperationalError:
        raise Usage("the filter is too deeply nested", hint="use fewer parentheses within each other") from None


def _tree(binding: Binding, noun: Noun, tree: Tree) -> str:
    if isinstance(tree, And):
        return sql.every([_tree(binding, noun, part) for part in tree.parts])
    if isinstance(tree, Or):
        return sql.some([_tree(binding, noun, part) for part in tree.parts])
    if isinstance(tree, Not):
        return f"NOT ({_tree(binding, noun, tree.part)})"
    if isinstance(tree, Flag):
        return _flag(binding, noun, tree)
    return _text(binding, noun, tree) if isinstance(tree, Text) else compare.condition(binding, noun, tree)


def _flag(binding: Binding, noun: Noun, flag: Flag) -> str:
    known, context = fields.flags(noun), binding.context
    if noun.name == "case" and flag.name in fields.UNKEPT:
        raise refusal(flag.at, f"+{flag.name} needs service levels, which are not reckoned yet", "+late and +stale are")
    if flag.name not in known:
        names = [f"+{name}" for name in known]
        if fields.FLAG_WORDS.get(flag.name) in known:
            raise refusal(flag.at, f"{noun.title} has no flag +{flag.name}", f"did you mean +{fields.FLAG_WORDS[flag.name]}?")
        hint = near(f"+{flag.name}", names, f"one of: {' '.join(names)}" if names else "")
        raise refusal(flag.at, f"{noun.title} has no flag +{flag.name}", hint)
    found = known[flag.name].sql
    if "{me}" in found:
        return f"({found.format(me=binding.mark(spans.me(context, flag.at)))})"
    if "{now}" in found:
        binding.timed = True
        return f"({found.format(now=binding.mark(context.now))})"
    if "{stale}" in found:
        binding.timed = True
        return f"({found.format(stale=binding.mark(clock.shift(context.now, -86400 * context.stale_days)))})"
    return f"({found})"


def _text(binding: Binding, noun: Noun, text: Text) -> str:
    """Full text for cases and communications; for what there is less of, text contained in any of its own."""
    phrase = words.phrase(text.text)
    if phrase is None:
        raise refusal(text.at, f"there is no letter or digit to look for in {text.text or 'an empty text'}")
    if noun.name in words.FOUND:
        column, query = words.FOUND[noun.name]
        return f"({column} IN ({query.format(phrase=binding.mark(phrase)).strip()}))"
    needle = binding.mark(folded(text.text))
    return sql.some([sql.contains(one.sql.format(t="t"), needle) for one in fields.texts(noun)])
