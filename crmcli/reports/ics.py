"""Cases as an iCalendar (RFC 5545) by the icalendar library: a to-do for each, and an event for those with a deadline.

To-do lists read the VTODOs, calendars that know none (Google's, Outlook's) the VEVENTs; the two of a case have UIDs of
their own. The same database gives the same bytes: nothing in it is of the moment at which it is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC

from crmcli import clock, digest
from crmcli.model import Row
from crmcli.text import shown
from crmcli.tuples import Any, NamedTuple

PARTS = ("todos", "events")
STARTS = (b"\r\nBEGIN:VTODO\r\n", b"\r\nBEGIN:VEVENT\r\n")
"""How each of the parts begins in the file."""

# The UIDs of a database end with a digest of the first of its keys, which it keeps for ever and no other has.
FIRST_KEY = "SELECT key FROM mail_keys ORDER BY version LIMIT 1"

# revised: how often the case itself was changed, as SEQUENCE counts, and when it was last, all up to now.
CASES = """
SELECT c.id, c.name, c.state, c.starts_at, c.deadline_at, c.created_at, c.closed_at, c.priority, c.section, c.category,
       c.partner, c.user, c.description,
       (SELECT count(*) FROM changes g JOIN change_sets s ON s.id = g.change_set_id
        WHERE g.table_name = 'cases' AND g.row_id = c.id AND g.op = 'update' AND s.at <= :now) AS revisions,
       (SELECT max(s.at) FROM changes g JOIN change_sets s ON s.id = g.change_set_id
        WHERE g.table_name = 'cases' AND g.row_id = c.id AND s.at <= :now) AS revised_at
FROM (SELECT t.id FROM cases t WHERE {where}) k CROSS JOIN v_cases c ON c.id = k.id
ORDER BY c.id
"""

# Our states and priorities, and what they are called there (RFC 5545 §3.8.1.11, §3.8.1.9).
TODO_STATUS = {"draft": "NEEDS-ACTION", "open": "IN-PROCESS", "pending": "IN-PROCESS", "done": "COMPLETED", "cancel": "CANCELLED"}
EVENT_STATUS = {"draft": "TENTATIVE", "cancel": "CANCELLED"}
PRIORITY = {1: 1, 2: 3, 3: 5, 4: 7, 5: 9}


class Wanted(NamedTuple):
    """Which cases, as a condition on `t`; which of PARTS; now, up to which changes count; what the calendar is called."""

    where: str
    parameters: dict[str, Any]
    parts: tuple[str, ...]
    now: str
    name: str


def export(conn: sqlite3.Connection, wanted: Wanted) -> bytes:
    """The calendar, its lines folded and ended as the standard has it."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//crm//crm calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", wanted.name)
    site = _site(conn)
    rows = conn.execute(CASES.format(where=wanted.where), {**wanted.parameters, "now": wanted.now})
    for row in map(dict, rows):
        for part in _parts(row, wanted, site):
            calendar.add_component(part)
    content: bytes = calendar.to_ical()
    return content


def _site(conn: sqlite3.Connection) -> str:
    row = conn.execute(FIRST_KEY).fetchone()
    return digest.hmac(bytes(row[0]) if row else b"", b"crm calendar").hex()[:16]


def _parts(row: Row, wanted: Wanted, site: str) -> Iterator[Any]:
    """What a case is in the calendar."""
    from icalendar import Event, Todo

    if "todos" in wanted.parts:
        todo = _common(Todo(), row, f"case-{row['id']}-todo@{site}.crm.invalid")
        todo.add("status", TODO_STATUS[row["state"]])
        if row["deadline_at"] is None or row["starts_at"] < row["deadline_at"]:
            todo.add("dtstart", _at(row["starts_at"]))
        if row["deadline_at"]:
            todo.add("due", _at(row["deadline_at"]))
        if row["closed_at"]:
            todo.add("completed", _at(row["closed_at"]))
        yield todo
    if "events" in wanted.parts and row["deadline_at"]:
        event = _common(Event(), row, f"case-{row['id']}@{site}.crm.invalid")
        event.add("status", EVENT_STATUS.get(row["state"], "CONFIRMED"))
        event.add("dtstart", _at(min(row["starts_at"], row["deadline_at"])))
        if row["starts_at"] < row["deadline_at"]:
            event.add("dtend", _at(row["deadline_at"]))
        event.add("transp", "TRANSPARENT")  # a case does not make its responsible busy all the days that it lasts
        yield event


def _common(part: Any, row: Row, uid: str) -> Any:
    """What to-dos and events share."""
    revised = _at(row["revised_at"] or row["created_at"])
    part.add("uid", uid)
    part.add("dtstamp", revised)
    part.add("created", _at(row["created_at"]))
    part.add("last-modified", revised)
    part.add("sequence", row["revisions"])
    part.add("summary", shown(row["name"]))
    part.add("priority", PRIORITY[row["priority"]])
    part.add("categories", [shown(row["section"]), *([shown(row["category"])] if row["category"] else [])])
    part.add("description", shown("\n".join(_lines(row)), lines=True))
    return part


def _lines(row: Row) -> Iterator[str]:
    """What a person wants to know of a case who looks at it in a calendar."""
    yield f"case {row['id']}, {row['state']}"
    for name, title in (("partner", "partner"), ("user", "responsible")):
        if row[name]:
            yield f"{title}: {row[name]}"
    if row["description"]:
        yield from ("", row["description"])


def _at(at: str) -> Any:
    return clock.moment(at).astimezone(UTC)
