"""Lines of a file about cases: rows as they were elsewhere, in any state, with their spans, log and communications.

The one writer of cases beside the road (architecture.md §1): what is imported has happened already.
"""

from __future__ import annotations

from collections.abc import Mapping

from crmcli import case_log, case_values
from crmcli.db import Tx
from crmcli.errors import NotFound, Usage
from crmcli.execute import execute
from crmcli.fields import NOUNS
from crmcli.model import Edit, Row
from crmcli.transfer.entries import Entry
from crmcli.transfer.work import Work

EDITABLE = frozenset(field.name for field in NOUNS["case"].fields if field.edit)
SPOKEN = {"in": "Receive", "out": "Send", "note": "Historize"}
"""The name of a log row whose file tells only what was said."""


def take(work: Work, entry: Entry) -> str:
    """Do what a line says → made, changed, same or left; refusals are raised."""
    values = work.values(entry)
    if not (values.get("name") or values.get("id")):
        raise Usage("a case needs its name")
    left_at = _settled(values)
    found = work.match.find(values if work.match.by else _identifying(values), [])
    if not work.takes(found is not None):
        return "left"
    if found is not None:
        work.match.tell(found.id, values)
        return _change(work, found.id, values)
    case_id = _add(work, values, left_at)
    _speak(work, case_id, values, [row for part in ("log", "history") for row in _newest_last(entry.parts.get(part, []))])
    work.match.tell(case_id, values)
    work.new_cases.append(case_id)
    return "made"


def _identifying(values: Row) -> Row:
    """What an equal case is known by: one that came by another road is never taken for one of a file."""
    return {"created_by": "import", **{name: value for name, value in values.items() if value is not None}}


def _settled(values: Row) -> str | None:
    """Make the values such that they do not contradict the state → when the case came to that state, if told.

    Closed and done go together; OpenERP keeps the time of cancelling there too. Only what is pending waits for a time.
    """
    closed_at: str | None = values.get("closed_at")
    if not values.get("state") and closed_at:
        values["state"] = "done"
    if values.get("state") != "done":
        values.pop("closed_at", None)
    if values.get("state") != "pending":
        values.pop("wake_at", None)
    if values.get("state") != "cancel":
        values.pop("lost_reason", None)
    return closed_at if values.get("state") in ("done", "cancel") else None


def _change(work: Work, case_id: int, values: Row) -> str:
    """What `case edit` may change; what happened to a case that is here goes on here."""
    row = work.tx.run("SELECT * FROM cases WHERE id = ?", (case_id,)).fetchone()
    changed = {name: value for name, value in values.items() if name in EDITABLE and value is not None and row[name] != value}
    if not changed:
        return "same"
    execute(work.tx, Edit(case_id, changed))
    return "changed"


def _add(work: Work, values: Row, left_at: str | None) -> int:
    """A new case with its spans: the first from when it was made on, and one for the state that it stands in."""
    tx = work.tx
    row = _complete(tx, values)
    case_id = tx.insert("cases", {**work.own_id(values), **row})
    entered_at = max(row["created_at"], row["closed_at"] or left_at or row["last_action_at"] or row["created_at"])
    span = {"case_id": case_id, "section_id": row["section_id"], "user_id": row["user_id"], "entered_at": row["created_at"]}
    if row["state"] == "draft":
        tx.insert("case_spans", {**span, "state": "draft"})
    else:
        tx.insert("case_spans", {**span, "state": "draft", "left_at": entered_at})
        tx.insert("case_spans", {**span, "state": row["state"], "entered_at": entered_at})
    return case_id


def _complete(tx: Tx, values: Row) -> Row:
    """All columns of a new case: those given, what they bring with them, and what a case must have."""
    given = {name: value for name, value in values.items() if name != "id"}
    brought = case_values.brought(tx.conn, {name: value for name, value in given.items() if value is not None}, {})
    row = case_values.checked(tx.conn, {**brought, **given})
    if not row.get("section_id"):
        row["section_id"] = case_values.default_section(tx.conn, tx.user_id)
    row["state"] = row.get("state") or "draft"
    row["created_at"] = row.get("created_at") or row.get("starts_at") or tx.now
    row["starts_at"] = row.get("starts_at") or row["created_at"]
    row["last_action_at"] = row.get("last_action_at")
    done_at = row.get("closed_at") or row["last_action_at"] or max(tx.now, row["created_at"])
    row["closed_at"] = done_at if row["state"] == "done" else None
    usual = {"priority": 3, "created_by": "import", "active": 1, "user_id": None}
    return {**usual, **{name: value for name, value in row.items() if value is not None or name not in usual}}


# The log ----------------------------------------------------------------------------------------------


def _newest_last(rows: list[Row]) -> list[Row]:
    """Rows that json shows newest first, in the order in which they happened."""
    numbers = [int(row["id"]) for row in rows if row.get("id", "").isdecimal()]
    return rows[::-1] if len(numbers) == len(rows) and numbers == sorted(numbers, reverse=True) else rows


def _speak(work: Work, case_id: int, values: Row, rows: list[Row]) -> None:
    """Write the log of a new case, and its communications on the rows of the log that they belong to."""
    logs: dict[str, int] = {}
    told = [(row, _log_values(work, case_id, values, row)) for row in rows]
    for row, log in sorted(told, key=lambda one: one[1]["at"]):
        log_id = logs.get(row.get("log_id") or "")
        if log_id is None:
            log_id = work.tx.insert("case_log", log)
            if "log_id" not in row and row.get("id"):
                logs[row["id"]] = log_id
        if (row.get("description") or "").strip():
            text = str(work.parsed("history", "description", row["description"]))
            case_log.say(work.tx, log_id, _direction(row), (row.get("email") or "").strip() or None, text, None)


def _log_values(work: Work, case_id: int, values: Row, row: Mapping[str, str]) -> Row:
    at = work.parsed("history", "at", row.get("at") or "") or values.get("last_action_at") or values.get("created_at")
    links = {f"{noun}_id": work.links.one(noun, row.get(f"{noun}_id") or "") for noun in ("user", "section", "channel", "mood")}
    name = work.parsed("history", "name", row.get("name") or "") or SPOKEN[_direction(row)]
    return {"case_id": case_id, "at": at or work.tx.now, "name": name, **links}


def _direction(row: Mapping[str, str]) -> str:
    """in, out or note, as the file says; else by what the action was called, and whether there is an address."""
    given = (row.get("direction") or "").strip().lower()
    if given:
        if given not in SPOKEN:
            raise NotFound(f"no direction {given}", hint="in, out or note")
        return given
    name = (row.get("name") or "").lower()
    if name.startswith(("send", "reply")):
        return "out"
    return "in" if (row.get("email") or "").strip() else "note"
