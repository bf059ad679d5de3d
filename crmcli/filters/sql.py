"""Pieces of SQL that come to 0 or 1 and never to NULL, so that `not` is the exact opposite of each.

A piece takes the expression of a value. plain: the value is a column, and the piece is written so that an index on
it serves; else it is a subquery, and stands in the piece only once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crmcli.tuples import TypeAlias

Piece: TypeAlias = Callable[[str], str]

# SQLite's expressions may not be more than 1000 deep: long chains are made of groups of groups.
GROUP = 32


def filled(text: bool) -> Piece:
    """There is a value; of texts the empty one is none."""
    return lambda value: f"(coalesce({value}, '') <> '')" if text else f"({value} IS NOT NULL)"


def one_of(marks: Sequence[str], plain: bool) -> Piece:
    """The value is one of these parameters."""
    if len(marks) == 1:
        return lambda value: f"({value} IS {marks[0]})"
    return _guarded(f"IN ({', '.join(marks)})", plain)


def within(query: str) -> Piece:
    """The value is among what a query gives, which may not give NULL."""
    return lambda value: f"({value} IN ({query}) AND {value} IS NOT NULL)"


def between(first: str, last: str, plain: bool) -> Piece:
    """The value is within these two parameters."""
    return _guarded(f"BETWEEN {first} AND {last}", plain)


def compared(op: str, mark: str, plain: bool) -> Piece:
    """The value is less, more, … than a parameter."""
    return _guarded(f"{op} {mark}", plain)


def _guarded(test: str, plain: bool) -> Piece:
    if plain:
        return lambda value: f"({value} IS NOT NULL AND {value} {test})"
    return lambda value: f"coalesce({value} {test}, 0)"


def contains(value: str, needle: str, plain: bool = False) -> str:
    """The text contains a parameter, which is folded already; what is ASCII SQLite itself can fold, and six times as fast."""
    if not plain:
        return f"(instr(folded({value}), {needle}) > 0)"
    ascii_only = f"length({value}) = length(CAST({value} AS BLOB))"
    return f"(CASE WHEN {ascii_only} THEN instr(lower({value}), {needle}) ELSE instr(folded({value}), {needle}) END > 0)"


def every(parts: Sequence[str]) -> str:
    """All of the conditions hold."""
    return _chain(parts, " AND ") or "1"


def some(parts: Sequence[str]) -> str:
    """At least one of the conditions holds."""
    return _chain(parts, " OR ") or "0"


def _chain(parts: Sequence[str], word: str) -> str:
    while len(parts) > 1:
        groups = [parts[start : start + GROUP] for start in range(0, len(parts), GROUP)]
        parts = [f"({word.join(group)})" if len(group) > 1 else group[0] for group in groups]
    return parts[0] if parts else ""
