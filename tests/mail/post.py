"""A post office for tests: letters as bytes, handed in as a mail server would, and what went out."""

from __future__ import annotations

import email
import sqlite3
from collections.abc import Iterator
from email.message import Message
from typing import Any

from crmcli import clock, db
from crmcli.mail import envelope, ingest
from crmcli.mail.effects import Taken
from crmcli.model import Command, Origin, Outcome
from tests.conftest import NOW

DATE = "Mon, 02 Mar 2026 08:59:00 +0000"


def letter(text: str = "It broke.\n", **headers: str) -> bytes:
    """A plain mail of joe's to Support; headers by their names in small letters with _ for -, '' leaves one out."""
    given = {"from_": "Joe Roe <joe@acme.example>", "to": "support@us.example", "subject": "Pump", "date": DATE, **headers}
    given.setdefault("message_id", f"<{abs(hash((text, *sorted(given.items())))):x}@acme.example>")
    lines = [f"{name.strip('_').replace('_', '-').title()}: {value}" for name, value in given.items() if value]
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return ("\n".join(lines) + "\n\n" + text).encode()


def post(
    conn: sqlite3.Connection, raw: bytes, *recipients: str,
    sender: str | None = None, section: str = "", now: str = NOW, **terms: Any,
) -> Taken:  # fmt: skip
    """Hand a mail in with this envelope."""
    told = envelope.Envelope(recipients, sender, section)
    return ingest.one(conn, raw, told, Origin(now, None, "mail", "crm ingest"), ingest.Terms(**terms))


def do(conn: sqlite3.Connection, *commands: Command, user_id: int | None = 1, now: str = NOW) -> Outcome:
    """Do something at the terminal."""
    from crmcli.execute import execute

    with db.write(conn, Origin(now, user_id, "cli", "test")) as tx:
        return execute(tx, *commands)


def store(conn: sqlite3.Connection, table: str, **values: Any) -> int:
    """A row that somebody made."""
    with db.write(conn, Origin(NOW, None, "system", "test")) as tx:
        return tx.insert(table, values)


def setting(conn: sqlite3.Connection, key: str, value: str) -> None:
    """A setting of the site."""
    from crmcli import settings

    with db.write(conn, Origin(NOW, None, "system", "test")) as tx:
        settings.put(tx, key, value)


def out(conn: sqlite3.Connection, kind: str | None = None, case_id: int | None = None, to: str | None = None) -> list[Message]:
    """The mails in the outbox, oldest first, as a mail program reads them."""
    rows = conn.execute("SELECT kind, case_id, recipient, bytes FROM outbox ORDER BY id").fetchall()
    wanted = [row for row in rows if kind in (None, row[0]) and case_id in (None, row[1]) and to in (None, row[2])]
    return [email.message_from_bytes(row[3]) for row in wanted]


def body(message: Message) -> str:
    """The text of a mail that went out."""
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    return bytes(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]


def count(conn: sqlite3.Connection, table: str) -> int:
    """How many rows a table has."""
    return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def one(conn: sqlite3.Connection, sql: str, *parameters: Any) -> Any:
    """The one value that a query gives."""
    row = conn.execute(sql, parameters).fetchone()
    return row[0] if row else None


def said(conn: sqlite3.Connection, case_id: int) -> list[tuple[str, str, str]]:
    """The communications of a case, oldest first: direction, address, text."""
    sql = "SELECT direction, email, description FROM v_history WHERE case_id = ? ORDER BY id"
    return [(row[0], row[1], row[2].strip()) for row in conn.execute(sql, (case_id,))]


def later(days: float, now: str = NOW) -> str:
    """So many days after."""
    return clock.shift(now, int(days * 86400))


def attempts() -> Iterator[str]:
    """Moments at which a mail server would try again, each after the lease of the one before has run out."""
    for number in range(1, 1000):
        yield clock.shift(NOW, number * 200)
