"""Cases to show: lists of them, page by page, and one case with all that hangs on it (domain.md §1, §3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from crmcli.fields import NOUNS, Field
from crmcli.model import Column, Result, Row
from crmcli.pages import Key, Page, statement

CASE = NOUNS["case"]
TOTALS = {"planned_revenue": "revenue", "planned_cost": "cost"}
"""Columns with a sum, and their short headers."""

ORDER = (
    Key("t.priority"),
    Key("(t.deadline_at IS NOT NULL)"),
    Key("t.deadline_at", down=True),
    Key("t.starts_at", down=True),
    Key("t.id", down=True),
)
"""The order of every list: priority, deadline newest first with no deadline before all, starts newest first."""

LATE = "c.deadline_at < :moment AND c.state IN ('draft', 'open', 'pending') AS late"

LINKS = """
SELECT l.kind, l.other_id, o.name, o.state
FROM case_links l JOIN cases o ON o.id = l.other_id
WHERE l.case_id = :case
UNION ALL
SELECT CASE l.kind WHEN 'relates' THEN 'relates' WHEN 'blocks' THEN 'blocked by' WHEN 'duplicates' THEN 'duplicated by'
                   WHEN 'continues' THEN 'continued by' ELSE 'merged from' END,
       l.case_id, o.name, o.state
FROM case_links l JOIN cases o ON o.id = l.case_id
WHERE l.other_id = :case
ORDER BY 1, 2
"""

MAILS = """
SELECT id, kind, recipient, subject, state, created_at, sent_at
FROM outbox
WHERE case_id = ?
ORDER BY id DESC
"""

LINK_COLUMNS = (Column("kind"), Column("other_id", "int"), Column("name"), Column("state"))
FILE_COLUMNS = (Column("id", "int"), Column("name"), Column("size", "int"), Column("type"), Column("message_id", "int"))
MAIL_COLUMNS = (
    Column("id", "int"), Column("kind"), Column("recipient"), Column("subject"), Column("state"), Column("created_at", "time"),
    Column("sent_at", "time"),
)  # fmt: skip


def columns() -> tuple[Column, ...]:
    """Every column of a case: its fields, a link as its id and as the other thing's words."""
    return (Column("id", "int"), *(column for field in CASE.fields for column in _columns_of(field)))


def _columns_of(field: Field) -> tuple[Column, ...]:
    if field.link:
        return Column(field.name, "int"), Column(field.short)
    return (Column(field.name, field.kind, TOTALS.get(field.name, ""), total=field.name in TOTALS),)


def result(
    conn: sqlite3.Connection, ids: Sequence[int] | None = None, page: Page | None = None, names: Sequence[str] = (), now: str = ""
) -> Result:
    """The cases with these ids in this order, or those of a page; names chooses the columns, all of them by default.

    Rows come from the database one by one. The value `late` tells whether a case is unclosed and past its deadline.
    """
    known = {column.name: column for column in columns()}
    chosen = tuple(known[name] for name in names or known)
    if ids is not None:
        numbers, parameters = "SELECT value AS id FROM json_each(:ids)", {"ids": f"[{','.join(map(str, ids))}]"}
    else:
        numbers, parameters = statement(conn, CASE, page or Page("t.active = 1", {}, ORDER))
    words = "".join(f"c.{column.name}, " for column in chosen)
    sql = f"SELECT {words}c.id, {LATE}\nFROM ({numbers}) k CROSS JOIN v_cases c ON c.id = k.id"
    rows = _rows(conn, sql, {**parameters, "moment": now}, (*(column.name for column in chosen), "id", "late"))
    return Result(chosen, rows, shown=() if names else CASE.columns, mark="late")


def _rows(conn: sqlite3.Connection, sql: str, parameters: Row, names: Sequence[str]) -> Iterator[Row]:
    for row in conn.execute(sql, parameters):
        yield dict(zip(names, row, strict=True))


def one(conn: sqlite3.Connection, case_id: int, now: str = "") -> Result:
    """One case with its sections: history and log newest first, links, files, mails; NotFound where there is none."""
    from crmcli import cases, files, history_list  # plain lists, which start fast, need none of them

    cases.get(conn, case_id)
    found = result(conn, [case_id], now=now)
    sections = {
        "history": history_list.of_case(conn, case_id),
        "log": history_list.log(conn, case_id),
        "links": _section(conn, LINK_COLUMNS, LINKS, {"case": case_id}),
        "files": Result(FILE_COLUMNS, files.of_case(conn, case_id)),
        "mails": _section(conn, MAIL_COLUMNS, MAILS, (case_id,)),
    }
    rows = [{**row, **sections} for row in found.rows]
    return found._replace(columns=(*found.columns, *(Column(name, "rows") for name in sections)), rows=rows, shown=(), one=True)


def _section(conn: sqlite3.Connection, columns: tuple[Column, ...], sql: str, parameters: object) -> Result:
    return Result(columns, [dict(row) for row in conn.execute(sql, parameters)])  # type: ignore[arg-type]
