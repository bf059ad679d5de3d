"""The lines of a file as entries of a noun: texts by field, whatever the file calls its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from crmcli.transfer import columns, foreign
from crmcli.transfer.columns import EITHER, Columns, Place
from crmcli.transfer.line import Line
from crmcli.tuples import Any, NamedTuple

# Where the name that another program has for a thing is kept, so that further files find it by that.
CODES = {"partner": "ref", "section": "code"}


class Entry(NamedTuple):
    """One thing that a file tells of: the number of its line, texts by field, and the lines of its parts.

    numbers holds what a file says of a link beside its words; fault is why the line cannot be taken.
    """

    number: int
    own: dict[str, str]
    numbers: dict[str, str]
    parts: dict[str, list[dict[str, str]]]
    fault: str = ""


def entries(lines: Iterable[Line], noun: str, renamed: Mapping[str, str], left: dict[str, None]) -> Iterator[Entry]:
    """The entries of a file; the columns that are left out go into left. A line with parts alone goes on with the one before."""
    known: dict[tuple[str, ...], Columns] = {}
    waiting: Entry | None = None
    for line in lines:
        nested = {name: value for name, value in line.cells.items() if isinstance(value, list) and _is_part(noun, name)}
        cells = {name: value for name, value in line.cells.items() if name not in nested}
        if not line.fault and not nested and not any(value not in (None, "") and str(value).strip() for value in cells.values()):
            continue
        if line.fault:
            entry = Entry(line.number, {}, {}, {}, line.fault)
        else:
            headers = tuple(cells)
            if headers not in known:
                known[headers] = columns.mapped(noun, headers, renamed)
                left.update(dict.fromkeys(known[headers].left))
            entry = _entry(noun, line.number, cells, nested, known[headers])
        if waiting and _goes_on(entry):
            for part, found in entry.parts.items():
                waiting.parts.setdefault(part, []).extend(found)
            continue
        if waiting:
            yield waiting
        waiting = entry
    if waiting:
        yield waiting


def _is_part(noun: str, name: str) -> bool:
    return name in columns.PARTS.get(noun, {})


def _goes_on(entry: Entry) -> bool:
    """Whether there is nothing in a line but parts, though it has columns for more."""
    return not entry.fault and bool(entry.own) and not any(entry.own.values()) and any(entry.parts.values())


def _entry(noun: str, number: int, cells: Mapping[str, Any], nested: Mapping[str, list[Any]], found: Columns) -> Entry:
    own: dict[str, str] = {}
    numbers: dict[str, str] = {}
    inner: dict[str, dict[str, str]] = {}
    try:
        for header, place in found.taken:
            text = _read(noun, place, _text(cells[header]))
            if place.part:
                texts = inner.setdefault(place.part, {})
                texts[place.field] = texts.get(place.field) or text
            else:
                if place.rank >= EITHER and own.get(place.field):
                    numbers.setdefault(place.field, text)
                own[place.field] = own.get(place.field) or text
        parts = {part: [values] for part, values in inner.items() if any(values.values())}
        for part, rows in nested.items():
            parts.setdefault(part, []).extend(_inner(noun, part, rows))
    except ValueError as error:
        return Entry(number, {}, {}, {}, str(error))
    return Entry(number, _coded(noun, own), numbers, parts)


def _inner(noun: str, part: str, rows: list[Any]) -> Iterator[dict[str, str]]:
    """The rows of a part that json holds, as texts by field."""
    inner = columns.PARTS[noun][part]
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{part} holds what is no object")
        texts: dict[str, str] = {}
        for header, place in columns.mapped(inner, row, {}).taken if row else ():
            texts[place.field] = texts.get(place.field) or _read(inner, place, _text(row[header]))
        yield texts


def _coded(noun: str, own: dict[str, str]) -> dict[str, str]:
    """Another program's own name for a thing, such as ``base.main_partner``, is no id here: it becomes the thing's code."""
    if own.get("id") and not own["id"].strip().isdecimal():
        code = own.pop("id")
        if noun in CODES and not own.get(CODES[noun]):
            own[CODES[noun]] = code
    return own


def _read(noun: str, place: Place, text: str) -> str:
    """A text in our words."""
    word = text.strip().casefold()
    if not word:
        return text
    if place.reader == "rank":
        return "no" if word in ("0", "0.0", "false", "no") else "yes"
    inner = columns.PARTS.get(noun, {}).get(place.part, noun)
    found = foreign.VALUES.get((inner, place.field), {}).get(word, text)
    if place.reader == "stage":
        return found if found != text or word in ("draft", "open", "pending", "done", "cancel") else "open"
    return found


def _text(value: Any) -> str:
    """A cell as text: json's numbers as they are written out, lists a line an item; ValueError for an object."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return "".join(f"{one}\n" for one in value)
    raise ValueError("a value is an object, where a text or a number should be")
