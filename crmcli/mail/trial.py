"""Where a mail to an address would go: one is handed in and taken back again, so that the answer is the real one."""

from __future__ import annotations

import sqlite3

from crmcli import addresses, cases, deliveries, outbox, recipients, records, settings
from crmcli.db import Tx, write
from crmcli.digest import hexdigest
from crmcli.mail import facts, parse
from crmcli.mail.effects import Taken, effects
from crmcli.mail.envelope import Envelope
from crmcli.model import Column, Origin, Result, Row

STRANGER = "somebody@example.invalid"

MAIL = """From: {writer}
To: {address}
Subject: Is this the right address?

Is this the right address?
"""

WRITTEN = """
SELECT kind, recipient, state, error
FROM outbox
WHERE id >= ? OR (state = 'queued' AND ' ' || cause || ' ' GLOB ?)
ORDER BY id
"""

COLUMNS = (
    Column("address"), Column("state"), Column("section", "path"), Column("why"), Column("known", "bool"),
    Column("case_id", "int"), Column("responsible"), Column("told", "words"), Column("thanked"), Column("reason"),
    Column("transport"), Column("suspended"),
)  # fmt: skip


def trial(conn: sqlite3.Connection, address: str, writer: str, origin: Origin) -> Result:
    """What a mail of a writer to the address would lead to; nothing of it stays.

    state is what its delivery would be, why what leads it to its section, known whether --strict-recipient would let it
    in, case_id the case that it belongs to already, told the staff and others who would hear of it, suspended why no
    mail goes to the address itself.
    """
    raw = MAIL.format(writer=writer, address=address).encode()
    envelope = Envelope((address,), writer)
    with write(conn, origin._replace(user_id=None, source="mail", dry_run=True)) as tx:
        first, newest = outbox.next_id(conn), conn.execute("SELECT coalesce(max(id), 0) FROM cases").fetchone()[0]
        taken = effects(tx, deliveries.take(tx, raw, hexdigest(raw), envelope, ""), parse.parse(raw))
        row = {**_place(conn, taken, newest), **_mails(tx, first, taken.message_id)}
    known = facts.is_recipient(conn, envelope)
    return Result(COLUMNS, [{"address": address, "known": int(known), **row, **_way(conn, address, origin.now)}], one=True)


def _place(conn: sqlite3.Connection, taken: Taken, newest: int) -> Row:
    """The section and the case that it came to."""
    decision = taken.decision or {}
    case = cases.get(conn, taken.case_id) if taken.case_id else None
    section_id = case.section_id if case else decision.get("section")
    responsible = recipients.user(conn, case.user_id) if case else None
    return {
        "state": taken.state,
        "section": records.label(conn, "section", section_id) if section_id else None,
        "why": f"it belongs to case {case.id}" if case and case.id <= newest else decision.get("route"),
        "case_id": case.id if case and case.id <= newest else None,
        "responsible": responsible["login"] if responsible else None,
        "reason": taken.reason or None,
    }


def _mails(tx: Tx, first: int, message_id: int | None) -> Row:
    """Who was written to, be it in a notice that waited."""
    rows = tx.run(WRITTEN, (first, f"* message:{message_id} *")).fetchall()
    said = {row["kind"]: "yes" if row["state"] == "queued" else f"held: {row['error']}" for row in rows}
    told = [row["recipient"] + ("" if row["state"] == "queued" else f" (held: {row['error']})") for row in rows
            if row["kind"] != "thanks"]  # fmt: skip
    return {"told": list(dict.fromkeys(told)), "thanked": said.get("thanks", "no")}


def _way(conn: sqlite3.Connection, address: str, now: str) -> Row:
    """How mail leaves, and whether any goes to this address."""
    paused = outbox.paused(conn, now)
    spec = settings.get(conn, "transport") or "none: mail waits"
    noted = next(iter(addresses.listed(conn, address=address)), {})
    stopped = addresses.is_suspended(conn, address)
    return {
        "transport": f"{spec} (waits until {paused[0]}: {paused[1]})" if paused else spec,
        "suspended": f"{noted['state']}: {noted['why'] or ''}".rstrip(": ") if stopped else None,
    }
