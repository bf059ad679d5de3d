"""SQL literals as the journal keeps them: what quote() writes, read back (SQLite, "Built-in functions", quote).

quote() ends at a NUL. No text of ours has one, but another tool may put it in: such a text is kept as the blob of its bytes.
"""

from __future__ import annotations

from crmcli.tuples import TypeAlias

Literal: TypeAlias = None | int | float | str


def sql(value: str) -> str:
    """The SQL expression that gives the literal of a value, itself an SQL expression."""
    return f"quote(iif(instr({value},char(0)),CAST({value} AS BLOB),{value}))"


def value(literal: str) -> Literal:
    """The value that an SQL literal stands for: NULL, a number, text with '' for each quote, or text by its bytes."""
    if literal == "NULL":
        return None
    if literal.startswith("X'"):
        return bytes.fromhex(literal[2:-1]).decode()
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return float(literal) if any(mark in literal for mark in ".eEn") else int(literal)


def values(literals: dict[str, str]) -> dict[str, Literal]:
    """Column → value, from column → literal."""
    return {name: value(literal) for name, literal in literals.items()}
