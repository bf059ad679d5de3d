"""A thing as a form to be filled in: its fields as TOML, each under what it means, and what a filled-in form changes.

The form is all that is compared: what it was when shown, what it is now, and what came back, field by field.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Mapping

from crmcli import find, records, zones
from crmcli.errors import CrmError, Usage
from crmcli.fields import NOUNS, Field
from crmcli.model import PRIORITIES, Row
from crmcli.rules import delay
from crmcli.text import addresses, shown
from crmcli.tuples import Any
from crmcli.values import money, plain, written

HEAD = """\
# {title}. Change what is to be changed, save, and leave the editor.
# A line left out stays as it is; "" clears. Unchanged or empty, the form does nothing.

"""
WIDE = 40
READ_ONLY = "\n# To be read only:\n"
ERROR = "#! "


def write(conn: sqlite3.Connection, noun: str, row_id: int, zone: str) -> str:
    """The form of a thing: links by name where that is enough to find them, times as they are in the zone."""
    kind = NOUNS[noun]
    label = shown(records.label(conn, noun, row_id))[:80]
    title = f"{kind.title} {row_id}" + (f": {label}" if label != str(row_id) else "")
    row = dict(conn.execute(f"SELECT * FROM {kind.table} WHERE id = ?", (row_id,)).fetchone())
    own = [field for field in kind.fields if field.edit]
    others = [field for field in kind.fields if not field.edit and row.get(field.name) is not None]
    parts = [_entry(field, _value(conn, field, row, zone)) for field in own]
    read = [f"# {field.short} = {_told(conn, field, row, zone)}\n" for field in others]
    return "".join([HEAD.format(title=title), *parts, *([READ_ONLY, *read] if read else [])])


def values(text: str) -> dict[str, Any]:
    """What is written in a form, by field; Usage with the line where it is no TOML."""
    import tomllib

    try:
        return tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise Usage(f"this is no TOML: {error}", hint='texts stand in "quotes"') from None


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """The fields whose values differ between two forms, with the later values as people write them."""
    return {name: _text(name, value) for name, value in after.items() if name not in before or before[name] != value}


def conflicts(base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> str:
    """What was changed meanwhile, and what would have been: base, theirs and mine of each field; empty where nothing was."""
    if theirs == base:
        return ""
    mine = {**base, **mine}
    names = [name for name in mine if not base.get(name) == theirs.get(name) == mine[name]]
    return "; ".join(
        f"{name}: base {_brief(base.get(name))}, theirs {_brief(theirs.get(name))}, mine {_brief(mine[name])}" for name in names
    )


def with_error(text: str, error: CrmError) -> str:
    """The form with what is wrong with it above; an earlier error goes."""
    hint = f" ({error.hint})" if error.hint else ""
    told = " ".join(f"{error.message}{hint}".split())
    return f"{ERROR}{shown(told)}\n{without_error(text)}"


def without_error(text: str) -> str:
    """The form without the error above it."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(ERROR))


# Out ----------------------------------------------------------------------------------------------


def _entry(field: Field, value: str) -> str:
    """The line of a field: its word, its value, and what it means."""
    choices = field.choices or (PRIORITIES if field.kind == "priority" else ())
    about = "; ".join(part for part in (field.help, f"one of: {', '.join(choices)}" if choices else "") if part)
    line = f"{field.short} = {value}"
    blanks = " " * (WIDE - 2 - len(line.rpartition("\n")[2]))
    return f"{line}{blanks}  # {about}\n" if about else f"{line}\n"


def _value(conn: sqlite3.Connection, field: Field, row: Row, zone: str) -> str:
    """A stored value as TOML."""
    value = row[field.name]
    if field.kind == "delay":
        return _quoted(delay.written(delay.Delay(value, row["delay_unit"])))
    if field.kind == "addresses":
        return f"[{', '.join(map(_quoted, addresses(value)))}]"
    if value is None:
        return '""'
    if field.kind == "link":
        return _link(conn, field, value)
    if field.kind == "bool":
        return "true" if value else "false"
    if field.kind == "money":
        return money(value)
    if field.kind in ("int", "number", "percent"):
        return str(plain(field.kind, value))
    if field.kind == "time":
        return _quoted(zones.local(value, zone).replace(tzinfo=None).isoformat(" ").removesuffix(":00"))
    text = written(field.kind, value)
    return _lines(text) if "\n" in text else _quoted(text)


def _link(conn: sqlite3.Connection, field: Field, number: int) -> str:
    """The name of what is linked; where another has the same name, or it has none, its number."""
    name = records.label(conn, field.link, number)
    try:
        return _quoted(name) if find.one(conn, field.link, name) == number and not name.isdecimal() else str(number)
    except CrmError:
        return str(number)


def _told(conn: sqlite3.Connection, field: Field, row: Row, zone: str) -> str:
    value = row[field.name]
    text = records.label(conn, field.link, value) if field.link else written(field.kind, value, zone)
    return shown(text)[:120]


def _quoted(text: str) -> str:
    """A TOML string on one line; what JSON escapes TOML escapes alike."""
    return shown(json.dumps(text, ensure_ascii=False), lines=True)


def _lines(text: str) -> str:
    """A TOML string of many lines, as they are."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    if escaped.endswith('"'):
        escaped = f'{escaped[:-1]}\\"'
    return f'"""\n{shown(escaped, lines=True)}"""'


# In ----------------------------------------------------------------------------------------------


def _text(name: str, value: Any) -> str:
    """A value of TOML as people write it on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(_text(name, part) for part in value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if not isinstance(value, (str, int)):
        raise Usage(f"{name} is no text, number, yes or no", hint=f'{name} = "…"')
    return str(value)


def _brief(value: Any) -> str:
    text = " ".join(_text("", "" if value is None else value).split())
    return (text if len(text) <= 60 else f"{text[:59]}…") or "empty"
