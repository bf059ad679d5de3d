"""Things that people keep, to show: lists of a noun, and one thing with what belongs to it, by the table of fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from crmcli import records
from crmcli.fields import NOUNS, Field, Noun
from crmcli.model import STATES, Column, Result, Row
from crmcli.pages import Page, statement
from crmcli.tuples import NamedTuple

# How the other end of a link is called, {0} being the column that holds its id; trees are joined instead.
LABELS = {
    "case": "(SELECT name FROM cases WHERE id = {0})",
    "user": "(SELECT login FROM users WHERE id = {0})",
    "category": "(SELECT name FROM categories WHERE id = {0})",
    "partner": "(SELECT name FROM partners WHERE id = {0})",
    "contact": "(SELECT coalesce(nullif(name, ''), email) FROM contacts WHERE id = {0})",
    "channel": "(SELECT name FROM channels WHERE id = {0})",
    "mood": "(SELECT name FROM moods WHERE id = {0})",
    "segment": "(SELECT name FROM segments WHERE id = {0})",
}
CATEGORY_IDS = "(SELECT group_concat(DISTINCT category_id) FROM partner_category_members WHERE partner_id = t.id)"

# Counts of the active cases that stand in a section itself; shown when asked for.
COUNTS = {
    **{state: f"(SELECT count(*) FROM cases WHERE section_id = t.id AND state = '{state}' AND active = 1)" for state in STATES},
    "cases": "(SELECT count(*) FROM cases WHERE section_id = t.id AND active = 1)",
}

# What one thing is shown with: section of the show, noun of its rows, their column that points back.
PARTS = {
    "section": (("children", "section", "parent_id"),),
    "partner": (("contacts", "contact", "partner_id"), ("children", "partner", "parent_id")),
    "partner_category": (("children", "partner_category", "parent_id"),),
    "segment": (("lines", "segment_line", "segment_id"),),
}


class Available(NamedTuple):
    """A column that a noun can show: how it is written, its value as SQL on the row t, and the view it is joined from.

    extra: it is shown only when asked for by name.
    """

    column: Column
    sql: str
    joined: str = ""
    extra: bool = False


def available(kind: Noun) -> dict[str, Available]:
    """All columns of a noun by name: its id, its fields, a link also by the words for it, and what is reckoned."""
    found = {"id": Available(Column("id", "int"), "t.id")}
    if kind.tree:
        found["path"] = Available(Column("path"), "own_path.path", f"{kind.name}_paths own_path ON own_path.id = t.id")
    for field in kind.fields:
        found.update((one.column.name, one) for one in _of_field(field))
    if kind.name == "partner":
        found["categories"] = Available(Column("categories", "words"), CATEGORY_IDS)
    if kind.name == "section":
        found |= {name: Available(Column(name, "int", total=True), sql, extra=True) for name, sql in COUNTS.items()}
    return found


def view(kind: Noun) -> str:
    """A table expression with all that `available` has, for lists that are sorted by more than the noun's own columns."""
    known = available(kind)
    values = ", ".join(f'{one.sql} AS "{name}"' for name, one in known.items())
    return f"(SELECT {values} FROM {kind.table} t{_joins(list(known.values()))})"


def _joins(wanted: list[Available]) -> str:
    return "".join(f"\nLEFT JOIN {one.joined}" for one in wanted if one.joined)


def _of_field(field: Field) -> Iterator[Available]:
    column = f't."{field.name}"'
    if field.kind == "link":
        yield Available(Column(field.name, "int"), column)
        if NOUNS[field.link].tree:
            join = f"{field.link}_paths {field.short}_path ON {field.short}_path.id = {column}"
            yield Available(Column(field.short), f"{field.short}_path.path", join)
        else:
            yield Available(Column(field.short), LABELS[field.link].format(column))
        return
    yield Available(Column(field.name, "int" if field.kind == "delay" else field.kind, total=field.kind == "money"), column)
    if field.kind == "delay":
        yield Available(Column("delay_unit"), "t.delay_unit")


def result(
    conn: sqlite3.Connection, noun: str, ids: Sequence[int] | None = None, page: Page | None = None, names: Sequence[str] = ()
) -> Result:
    """The things with these ids in this order, or those of a page; names chooses the columns, all of them by default.

    Rows come from the database one by one.
    """
    kind = NOUNS[noun]
    known = available(kind)
    chosen = [known[name] for name in names] if names else [one for one in known.values() if not one.extra]
    if page is None:
        numbers, parameters = "SELECT value AS id FROM json_each(:ids)", {"ids": f"[{','.join(map(str, ids or ()))}]"}
    else:
        numbers, parameters = statement(conn, kind, page)
    values = ",\n       ".join(one.sql for one in chosen)
    sql = f"SELECT {values}\nFROM ({numbers}) k CROSS JOIN {kind.table} t ON t.id = k.id{_joins(chosen)}"
    shown = () if names else tuple(name for name in kind.columns if name in known)
    return Result(tuple(one.column for one in chosen), _rows(conn, sql, parameters, [one.column for one in chosen]), shown=shown)


def _rows(conn: sqlite3.Connection, sql: str, parameters: Row, columns: list[Column]) -> Iterator[Row]:
    names = [column.name for column in columns]
    lists = [column.name for column in columns if column.kind == "words"]
    paths = dict(conn.execute("SELECT id, path FROM partner_category_paths").fetchall()) if lists else {}
    for values in conn.execute(sql, parameters):
        row = dict(zip(names, values, strict=True))
        for name in lists:
            row[name] = sorted(paths[int(number)] for number in (row[name] or "").split(",") if number)
        yield row


def one(conn: sqlite3.Connection, noun: str, row_id: int) -> Result:
    """One thing with what belongs to it; NotFound where there is none."""
    records.label(conn, noun, row_id)
    found = result(conn, noun, [row_id])
    parts = {name: _part(conn, part, column, row_id) for name, part, column in PARTS.get(noun, ())}
    columns = (*found.columns, *(Column(name, "rows") for name in parts))
    return found._replace(columns=columns, rows=[{**row, **parts} for row in found.rows], shown=(), one=True)


def _part(conn: sqlite3.Connection, noun: str, column: str, row_id: int) -> Result:
    """The active things of a noun that point back to a row."""
    active = " AND t.active = 1" if NOUNS[noun].archives else ""
    ids = [
        row[0]
        for row in conn.execute(f"SELECT t.id FROM {NOUNS[noun].table} t WHERE t.{column} = ?{active} ORDER BY t.id", (row_id,))
    ]
    found = result(conn, noun, tree_order(conn, noun, ids) if NOUNS[noun].tree else ids)
    return found._replace(rows=list(found.rows), shown=tuple(name for name in found.shown if name != column.removesuffix("_id")))


def tree_order(conn: sqlite3.Connection, noun: str, ids: Sequence[int]) -> list[int]:
    """Ids in the order of their tree: below each its children, by sequence where they have one, then by name."""
    kind = NOUNS[noun]
    sequence = "sequence" if kind.field("sequence") else "NULL"
    rows = {row[0]: row for row in conn.execute(f"SELECT id, parent_id, {sequence} AS sequence, name FROM {kind.table}")}

    def place(number: int) -> list[tuple[bool, int, str, int]]:
        row = rows[number]
        above = [] if row["parent_id"] is None else place(row["parent_id"])
        return [*above, (row["sequence"] is None, row["sequence"] or 0, row["name"].casefold(), number)]

    return sorted(ids, key=place)
