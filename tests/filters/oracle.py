"""The filter language read by plain Python (cli.md §3): no SQL, no NULL, just values and lists of them.

A field of a row is a list of values: none for an empty one, several where the row has many of something. A test
holds if any of them does.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from unicodedata import normalize
from zoneinfo import ZoneInfo

from crmcli.filters import tree

Row = dict[str, Any]
PRIORITIES = ["highest", "high", "normal", "low", "lowest"]
UNCLOSED = ("draft", "open", "pending")
TABLES = (
    "users", "sections", "categories", "partners", "contacts", "partner_categories", "partner_category_members",
    "cases", "case_log", "case_history", "attachments", "rule_due",
)  # fmt: skip
OPERATORS: dict[str, Callable[[Any, Any, Any], bool]] = {
    ":": lambda value, first, last: first <= value <= last,
    "<": lambda value, first, last: value < first,
    "<=": lambda value, first, last: value <= last,
    ">": lambda value, first, last: value > last,
    ">=": lambda value, first, last: value >= first,
}


class World(NamedTuple):
    """All rows of the tables, and what a filter depends on."""

    tables: dict[str, list[Row]]
    now: str
    zone: str
    user_id: int

    def one(self, table: str, row_id: int | None) -> Row | None:
        return next((row for row in self.tables[table] if row["id"] == row_id), None)


def world(conn: sqlite3.Connection, now: str, zone: str, user_id: int) -> World:
    """The world as the database has it."""
    return World({table: [dict(row) for row in conn.execute(f"SELECT * FROM {table}")] for table in TABLES}, now, zone, user_id)


def holds(part: tree.Tree, case: Row, world: World) -> bool:
    """Whether a filter holds for a case."""
    if isinstance(part, tree.And):
        return all(holds(inner, case, world) for inner in part.parts)
    if isinstance(part, tree.Or):
        return any(holds(inner, case, world) for inner in part.parts)
    if isinstance(part, tree.Not):
        return not holds(part.part, case, world)
    if isinstance(part, tree.Flag):
        return FLAGS[part.name](case, world)
    if isinstance(part, tree.Text):
        return any(has_phrase(text, part.text) for text in texts(case, world))
    if part.op == "!=":
        return not holds(part._replace(op=":"), case, world)
    return any(_answers(part, value, case, world) for value in part.values)


# Fields -----------------------------------------------------------------------------------------------

LINKS = {"section": "sections", "user": "users", "partner": "partners", "contact": "contacts", "category": "categories"}
KINDS = {
    "id": "number", "messages": "number", "probability": "number", "active": "bool", "state": "choice", "priority": "priority",
    "planned_revenue": "money", "deadline_at": "time", "created_at": "time", "closed_at": "time", "last_action_at": "time",
    "next_action_at": "time",
}  # fmt: skip


def said(case: Row, world: World) -> list[Row]:
    """The communications of a case, oldest first."""
    logs = {row["id"] for row in world.tables["case_log"] if row["case_id"] == case["id"]}
    return [row for row in world.tables["case_history"] if row["log_id"] in logs]


def values_of(path: str, row: Row, noun: str, world: World) -> list[Any]:
    """The values that a field has for a row; of a link the rows it leads to."""
    word, _, rest = path.partition(".")
    if noun == "partners" and word == "category":
        members = [member for member in world.tables["partner_category_members"] if member["partner_id"] == row["id"]]
        found: list[Any] = [world.one("partner_categories", member["category_id"]) for member in members]
        table = "partner_categories"
    elif noun == "partners" and word == "contact":
        found, table = [one for one in world.tables["contacts"] if one["partner_id"] == row["id"]], "contacts"
    elif f"{word}_id" in row:
        table = noun if word == "parent" else LINKS[word]
        found = [world.one(table, row[f"{word}_id"])]
    else:
        found, table = [_plain(word, row, world)], ""
    there = [value for value in found if value is not None and value != ""]
    return [value for inner in there for value in values_of(rest, inner, table, world)] if rest else there


def _plain(word: str, row: Row, world: World) -> Any:
    if word == "messages":
        return len(said(row, world))
    if word == "email_last":
        return said(row, world)[-1]["description"] if said(row, world) else None
    if word == "next_action_at":
        return min((due["due_at"] for due in world.tables["rule_due"] if due["case_id"] == row["id"]), default=None)
    return row[word]


def _answers(test: tree.Test, value: tree.Value, case: Row, world: World) -> bool:
    """Whether a field answers one of the values of a test."""
    found = values_of(test.field, case, "cases", world)
    if isinstance(value, tree.Word) and not value.quoted and value.text in ("none", "any"):
        return bool(found) == (value.text == "any")
    if test.op == "~":
        return any(folded(value.text) in folded(word) for one in found for word in _words(one, world))
    if found and isinstance(found[0], dict):
        return any(one["id"] in _meant(test, value.text, value.quoted, found[0], world) for one in found)
    kind = KINDS.get(test.field, "text")
    if kind == "text":
        return any(folded(value.text) in folded(one) for one in found)
    low, high = (value.low, value.high) if isinstance(value, tree.Range) else (value, value)
    whole_days = test.op == ":" and isinstance(value, tree.Word)
    first, last = READERS[kind](low.text, world, whole_days)[0], READERS[kind](high.text, world, whole_days)[1]
    return any(OPERATORS[test.op](one, first, last) for one in found)


def _table(row: Row) -> str:
    return next(table for table, column in MARKS.items() if column in row)


# A column that tells a row of a table from those of the others.
MARKS = {
    "users": "login", "sections": "reply_to", "partners": "vat", "contacts": "street", "categories": "probability",
    "partner_categories": "parent_id",
}  # fmt: skip


def _path(row: Row, table: str, world: World) -> str:
    above = world.one(table, row["parent_id"])
    return f"{_path(above, table, world)} / {row['name']}" if above else str(row["name"])


def _words(one: Any, world: World) -> list[str]:
    """What a text says, or the words that a thing goes by."""
    if not isinstance(one, dict):
        return [one]
    table = _table(one)
    words = [one.get(name) for name in ("login", "email", "code", "ref", "name", "reply_to")]
    path = [_path(one, table, world)] if table in ("sections", "partner_categories") else []
    return [word for word in words + path if word]


def _meant(test: tree.Test, text: str, quoted: bool, like: Row, world: World) -> set[int]:
    """The ids that a name stands for, with what is below it where that is asked for."""
    if text == "me" and not quoted:
        return {world.user_id}
    table = _table(like)
    wanted = text.removesuffix("/")
    found = {row["id"] for row in world.tables[table] if wanted in _words(row, world) or wanted == str(row["id"])}
    while test.sub or text.endswith("/"):
        below = {row["id"] for row in world.tables[table] if row.get("parent_id") in found}
        if below <= found:
            break
        found |= below
    return found


# Values -----------------------------------------------------------------------------------------------


def _number(text: str, world: World, whole_days: bool) -> tuple[float, float]:
    return float(text), float(text)


def _money(text: str, world: World, whole_days: bool) -> tuple[int, int]:
    return round(float(text) * 100), round(float(text) * 100)


def _priority(text: str, world: World, whole_days: bool) -> tuple[int, int]:
    number = PRIORITIES.index(text) + 1 if text in PRIORITIES else int(text)
    return number, number


def _time(text: str, world: World, whole_days: bool) -> tuple[str, str]:
    """The first and the last second of days in the zone, or of a moment."""
    zone = ZoneInfo(world.zone)
    today = datetime.fromisoformat(world.now).astimezone(zone).date()
    month = today.replace(day=1)
    moment = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", text)
    if moment and not whole_days:
        at = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return at, at
    if text == "today":
        return _seconds(today, today, zone)
    if text == "eom":
        return _end_of_month(month, zone, whole_days)
    if re.fullmatch(r"\d{4}-\d\d", text):
        first = date.fromisoformat(f"{text}-01")
        return _seconds(first, _last_of_month(first), zone)
    if re.fullmatch(r"\d{4}-Q\d", text):
        first = date(int(text[:4]), 3 * int(text[-1]) - 2, 1)
        return _seconds(first, _last_of_month(_last_of_month(_last_of_month(first) + DAY) + DAY), zone)
    day = date.fromisoformat(text[:10])
    return _seconds(day, day, zone)


DAY = timedelta(days=1)


def _last_of_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1) - DAY


def _end_of_month(month: date, zone: ZoneInfo, whole_days: bool) -> tuple[str, str]:
    """The last second of the month, or its last day."""
    first, last = _seconds(_last_of_month(month), _last_of_month(month), zone)
    return (first, last) if whole_days else (last, last)


def _seconds(first: date, last: date, zone: ZoneInfo) -> tuple[str, str]:
    start = datetime.combine(first, time(), zone).astimezone(UTC)
    end = datetime.combine(last + DAY, time(), zone).astimezone(UTC) - timedelta(seconds=1)
    return start.strftime("%Y-%m-%dT%H:%M:%SZ"), end.strftime("%Y-%m-%dT%H:%M:%SZ")


READERS: dict[str, Callable[[str, World, bool], tuple[Any, Any]]] = {
    "number": _number,
    "money": _money,
    "priority": _priority,
    "time": _time,
    "choice": lambda text, world, whole_days: (text, text),
    "bool": lambda text, world, whole_days: (int(text == "yes"), int(text == "yes")),
}

# Flags ------------------------------------------------------------------------------------------------


def _late(case: Row, world: World) -> bool:
    return case["state"] in UNCLOSED and case["deadline_at"] is not None and case["deadline_at"] < world.now


def _stale(case: Row, world: World) -> bool:
    limit = (datetime.fromisoformat(world.now) - timedelta(days=14)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return case["state"] in UNCLOSED and (case["last_action_at"] or case["created_at"]) < limit


def _waiting(case: Row, world: World) -> bool:
    words = said(case, world)
    return case["state"] in UNCLOSED and bool(words) and words[-1]["direction"] == "in"


FLAGS: dict[str, Callable[[Row, World], bool]] = {
    "open": lambda case, world: case["state"] in ("draft", "open"),
    "unclosed": lambda case, world: case["state"] in UNCLOSED,
    "closed": lambda case, world: case["state"] in ("done", "cancel"),
    "late": _late,
    "stale": _stale,
    "waiting": _waiting,
    "mine": lambda case, world: case["user_id"] == world.user_id,
    "unassigned": lambda case, world: case["user_id"] is None,
    "archived": lambda case, world: not case["active"],
}

# Text -------------------------------------------------------------------------------------------------

ACCENTS = re.compile("[\u0300-\u036f]")


def folded(text: str) -> str:
    """Without capitals and accents."""
    return ACCENTS.sub("", normalize("NFD", text)).casefold()


def texts(case: Row, world: World) -> list[str]:
    """All that full text looks into for a case."""
    messages = {row["message_id"] for row in said(case, world)} - {None}
    files = [row["name"] for row in world.tables["attachments"] if row["case_id"] == case["id"] or row["message_id"] in messages]
    return [case["name"], case["description"] or "", *(row["description"] for row in said(case, world)), *files]


def tokens(text: str) -> list[str]:
    """The words of a text: runs of letters and digits without accents; of scripts without spaces each letter."""
    found, word = [], ""
    for sign in normalize("NFC", text):
        if _alone(sign) or not (sign.isalnum() or (word and ACCENTS.match(sign))):
            found += [word, sign if sign.isalnum() else ""]
            word = ""
        else:
            word += folded(sign) if sign != "ß" else sign
    return [word for word in [*found, word] if word]


def _alone(sign: str) -> bool:
    """A letter of Thai, Chinese, Japanese or Korean."""
    return any(first <= sign <= last for first, last in ("ก๛", "ぁヿ", "一鿿", "가힣"))


def has_phrase(text: str, phrase: str) -> bool:
    """Whether the words of the phrase follow each other in the text."""
    words, wanted = tokens(text), tokens(phrase)
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words)))
