"""SQL literals as the journal keeps them: what quote() writes, read back (SQLite, "Built-in functions", quote).

quote() ends at a NUL. No text of ours has one, but another tool may put it in: such a text is kept as its bytes.
"""

from __future__ import annotations

from crmcli.tuples import TypeAlias

Literal: TypeAlias = None | int | float | str


HEX, HEX_END = "CAST(X'", "' AS TEXT)"


def sql(value: str) -> str:
    """The SQL expression that gives the literal of a value, itself an SQL expression."""
    return f"CASE WHEN instr({value},char(0)) THEN 'CAST(X'''||hex({value})||''' AS TEXT)' ELSE quote({value}) END"


def value(literal: str) -> Literal:
    """The value that an SQL literal stands for: NULL, a number, text with '' for each quote, or text by its bytes."""
    if literal == "NULL":
        return None
    if literal.startswith(HEX):
        return bytes.fromhex(literal[len(HEX) : -len(HEX_END)]).decode()
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    return float(literal) if any(mark in literal for mark in ".eEn") else int(literal)


def values(literals: dict[str, str]) -> dict[str, Literal]:
    """Column → value, from column → literal."""
    return {name: value(literal) for name, literal in literals.items()}
