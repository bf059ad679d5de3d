"""The outbox, as it is shown: the list, and one mail with its headers and text (cli.md §2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli import outbox
from crmcli.fields import Field, Noun
from crmcli.model import Column, Result, Row
from crmcli.pages import Key, Page, statement

OUTBOX = Noun(
    "mail",
    "outbox",
    "subject",
    tuple(
        Field(name, kind, edit=False)
        for name, kind in (
            ("kind", "text"),
            ("case_id", "int"),
            ("recipient", "text"),
            ("envelope_from", "text"),
            ("message_id", "text"),
            ("subject", "text"),
            ("state", "text"),
            ("attempts", "int"),
            ("next_at", "time"),
            ("error", "text"),
            ("created_at", "time"),
            ("sent_at", "time"),
        )
    ),
    ("id", "kind", "case_id", "recipient", "subject", "state", "next_at", "error"),
)
COLUMNS = (Column("id", "int"), *(Column(field.name, field.kind) for field in OUTBOX.fields))
DETAILS = (Column("cause"), Column("user_id", "int"))
STORED = tuple(column.name for column in COLUMNS)
ORDER = (Key("t.id"),)


def result(conn: sqlite3.Connection, page: Page, names: Sequence[str] = ()) -> Result:
    """The mails of a page; names chooses the columns of tables."""
    numbers, parameters = statement(conn, OUTBOX, page)
    columns = ", ".join(f"t.{name}" for name in STORED)
    rows = conn.execute(f"SELECT {columns}\nFROM ({numbers}) k CROSS JOIN outbox t ON t.id = k.id", parameters)
    return Result(_chosen(names), (dict(row) for row in rows), shown=tuple(names) or OUTBOX.columns)


def of(conn: sqlite3.Connection, ids: Sequence[int]) -> Result:
    """Some mails, as the list has them; one alone as an object."""
    page = Page("t.id IN (SELECT value FROM json_each(:ids))", {"ids": str(list(ids))}, ORDER)
    return result(conn, page)._replace(one=len(ids) == 1)


def _chosen(names: Sequence[str]) -> tuple[Column, ...]:
    by_name = {column.name: column for column in COLUMNS}
    return tuple(by_name[name] for name in names) or COLUMNS


def one(conn: sqlite3.Connection, outbox_id: int, as_object: bool) -> Result:
    """One mail with its headers, decoded, and its text; as an object headers are an array of [name, value]."""
    row = outbox.get(conn, outbox_id)
    headers, text = read(row.pop("bytes"))
    said: Row = {"headers": headers if as_object else "\n".join(f"{name}: {value}" for name, value in headers), "text": text}
    columns = (*COLUMNS, *DETAILS, Column("headers", "object" if as_object else "lines"), Column("text", "lines"))
    return Result(columns, [{**row, **said}], title=f"Mail {outbox_id}", one=True)


def read(content: bytes) -> tuple[list[list[str]], str]:
    """The headers of a mail of ours, decoded and unfolded, and its text."""
    import email
    import email.policy

    mail = email.message_from_bytes(content, policy=email.policy.default)
    body = mail.get_body(("plain",))
    return [[name, str(value)] for name, value in mail.items()], str(body.get_content()) if body else ""
