"""Things that people keep — users, sections, partners, moods … — made, changed, shown and removed by the table of fields.

Everything but cases: those change by execute.py only. The schema refuses; here its refusals get their words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crmcli import case_values, find
from crmcli.db import Tx
from crmcli.errors import CrmError, NotFound, Refused, Usage
from crmcli.fields import NOUNS, Field, Noun
from crmcli.model import Row
from crmcli.tuples import NamedTuple
from crmcli.values import Moment, parse

# What no two things of a noun (active ones, where they can be archived) may share.
UNIQUE = {
    "user": ("login", "email"),
    "section": ("code", "reply_to"),
    "partner": ("name",),
    "channel": ("name",),
    "mood": ("name",),
    "canned_reply": ("name",),
    "rule": ("name",),
    "segment": ("name",),
}


class Rule(NamedTuple):
    """What the schema says of a column: whether it must have a value, and which one it takes by itself."""

    required: bool
    default: object


RULES: dict[str, dict[str, Rule]] = {}


def parsed(conn: sqlite3.Connection, noun: str, texts: Mapping[str, str], moment: Moment) -> Row:
    """Stored values from texts by field name or short name: links looked up, empty texts None, a delay with its unit."""
    kind, values = NOUNS[noun], {}
    for word, text in texts.items():
        field = _field(kind, word)
        if field.kind == "link":
            values[field.name] = find.one(conn, field.link, text) if text.strip() else None
        elif field.kind == "delay":
            values["delay"], values["delay_unit"] = parse(field, text, moment) or (None, None)
        else:
            values[field.name] = parse(field, text, moment)
    return values


def _field(kind: Noun, word: str) -> Field:
    field = kind.field(word)
    if field is None or not field.edit:
        near = find.nearest(word, (field.name for field in kind.fields if field.edit))
        raise Usage(
            f"{kind.a} has no {word} to set", hint=f"nearest: {', '.join(near)}" if near else f"crm {kind.command} edit -h"
        )
    return field


def add(tx: Tx, noun: str, values: Row) -> int:
    """A new thing from values of its columns → its id; what happened happened now, by whoever says so."""
    kind, rules = NOUNS[noun], _rules(tx.conn, NOUNS[noun])
    given = {name: value for name, value in values.items() if value is not None or not rules[name].required}
    columns = {field.name for field in kind.fields}
    if noun in ("event", "amount"):
        given = {"at": tx.now, **({"user_id": tx.user_id} if "user_id" in columns else {}), **given}
    missing = [name for name, rule in rules.items() if rule.required and rule.default is None and given.get(name) is None]
    if missing:
        words = " and ".join(_short(kind, name).replace("_", " ") for name in missing)
        raise Usage(f"{kind.a} needs its {words}", hint=f"crm {kind.command} add -h")
    with _in_words(tx, kind, given, 0):
        return tx.insert(kind.table, _checked(tx, kind, given, 0))


def edit(tx: Tx, noun: str, row_id: int, values: Row) -> None:
    """New values for columns of a thing; None is empty, or the column's own default where it must have one."""
    kind, rules = NOUNS[noun], _rules(tx.conn, NOUNS[noun])
    given = {name: rules[name].default if value is None and rules[name].required else value for name, value in values.items()}
    empty = [name for name, value in given.items() if value is None and rules[name].required]
    if empty:
        raise Usage(f"{kind.a} needs its {_short(kind, empty[0]).replace('_', ' ')}")
    with _in_words(tx, kind, given, row_id):
        tx.update(kind.table, row_id, _checked(tx, kind, given, row_id))


def set_active(tx: Tx, noun: str, row_id: int, active: bool) -> None:
    """Archive (False) or unarchive (True)."""
    edit(tx, noun, row_id, {"active": int(active)})


def delete(tx: Tx, noun: str, row_id: int) -> None:
    """Remove a thing; Refused, with what is in the way, while others refer to it."""
    kind = NOUNS[noun]
    try:
        tx.run(f"DELETE FROM {kind.table} WHERE id = ?", (row_id,))
    except sqlite3.IntegrityError as error:
        archive = f"archive it instead: crm {kind.command} archive {row_id}" if kind.archives else ""
        used = ", ".join(_users(tx.conn, kind, row_id)) or "what was done with it is kept"
        raise Refused(f"{kind.title} {label(tx.conn, noun, row_id)} is in use: {used}", hint=archive) from error


def label(conn: sqlite3.Connection, noun: str, row_id: int) -> str:
    """The words for a thing: its path, login or name, else its id; NotFound where there is none."""
    kind = NOUNS[noun]
    sql = f"SELECT path FROM {noun}_paths WHERE id = ?" if kind.tree else f"SELECT {kind.key} FROM {kind.table} WHERE id = ?"
    row = conn.execute(sql, (row_id,)).fetchone()
    if row is None:
        raise NotFound(f"no {kind.title} {row_id}", hint=f"crm {kind.command} list")
    return str(row[0] or row_id)


# Refusals in words --------------------------------------------------------------------------------


def _checked(tx: Tx, kind: Noun, values: Row, row_id: int) -> Row:
    """The values, where they do not point to nothing or round to themselves."""
    if values.get("document"):
        case_values.check_reference(tx.conn, values["document"])
    if row_id and values.get("parent_id") == row_id:
        raise _circle(tx, kind, row_id)
    return values


def _circle(tx: Tx, kind: Noun, row_id: int) -> CrmError:
    return Refused(f"{kind.title} {label(tx.conn, kind.name, row_id)} would stand above itself", hint="choose another parent")


@contextmanager
def _in_words(tx: Tx, kind: Noun, values: Row, row_id: int) -> Iterator[None]:
    """What the schema refuses of a row, said with the thing that is in the way."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        known = _refusal(tx, kind, values, row_id, getattr(error, "sqlite_errorname", ""))
        if known is None:
            raise
        raise known from error


def _refusal(tx: Tx, kind: Noun, values: Row, row_id: int, error: str) -> CrmError | None:
    if error == "SQLITE_CONSTRAINT_TRIGGER" and values.get("parent_id"):
        return _circle(tx, kind, row_id)
    if error != "SQLITE_CONSTRAINT_UNIQUE":
        return None
    now = {**_row(tx, kind, row_id), **values}
    for name in UNIQUE.get(kind.name, ()):
        other = tx.run(
            f"SELECT id FROM {kind.table} WHERE {name} = ? COLLATE NOCASE AND id <> ?"
            f" ORDER BY {'active DESC, ' if kind.archives else ''}id",
            (now.get(name), row_id),
        ).fetchone()
        if other:
            what = f"{kind.a} with the {name.replace('_', ' ')} {now[name]}"
            owner = label(tx.conn, kind.name, other[0])
            return Refused(f"there is {what} already: {owner}", hint=f"crm {kind.command} show {other[0]}")
    return None


def _row(tx: Tx, kind: Noun, row_id: int) -> Row:
    row = tx.run(f"SELECT * FROM {kind.table} WHERE id = ?", (row_id,)).fetchone()
    return dict(row) if row else {}


def _users(conn: sqlite3.Connection, kind: Noun, row_id: int) -> Iterator[str]:
    """What refers to a thing and would not go with it, counted: ``3 cases``."""
    for other in NOUNS.values():
        links = conn.execute(f"PRAGMA foreign_key_list({other.table})").fetchall()
        places = [row["from"] for row in links if row["table"] == kind.table and row["on_delete"] == "NO ACTION"]
        if places:
            where = " OR ".join(f"{name} = :id" for name in places)
            (count,) = conn.execute(f"SELECT count(*) FROM {other.table} WHERE {where}", {"id": row_id}).fetchone()
            if count:
                yield f"{count} {other.title if count == 1 else other.plural}"


def _rules(conn: sqlite3.Connection, kind: Noun) -> dict[str, Rule]:
    """What the schema says of each column of a table; asked once, as it is the same in every database."""
    rules = RULES.setdefault(kind.table, {})
    if not rules:
        for row in conn.execute(f"PRAGMA table_info({kind.table})").fetchall():
            default = None if row["dflt_value"] is None else conn.execute(f"SELECT {row['dflt_value']}").fetchone()[0]
            rules[row["name"]] = Rule(bool(row["notnull"]), default)
    return rules


def _short(kind: Noun, name: str) -> str:
    field = kind.field(name)
    return field.short if field else name
