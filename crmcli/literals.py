"""SQL literals as the journal keeps them: what quote() writes, read back (SQLite, "Built-in functions", quote)."""

from __future__ import annotations

from crmcli.tuples import TypeAlias

Literal: TypeAlias = None | int | float | str


def value(literal: str) -> Literal:
    """The value that an SQL literal stands for: NULL, a number, or text with '' for each quote."""
    if literal == "NULL":
        return None
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return float(literal) if any(mark in literal for mark in ".eEn") else int(literal)


def values(literals: dict[str, str]) -> dict[str, Literal]:
    """Column → value, from column → literal."""
    return {name: value(literal) for name, literal in literals.items()}
