"""The values of fields: as people write them, as they are stored, and as they are shown, by the kind of field.

Three ways out of the database: `plain` for JSON (numbers, true and false, UTC text), `flat` for tsv and csv (the
same as text), `written` for people (their zone, 1,200.50, names of priorities).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from crmcli.errors import Usage
from crmcli.fields import Field
from crmcli.model import PRIORITIES
from crmcli.text import addresses, clean, is_address, joined
from crmcli.tuples import Any, NamedTuple

YES = ("yes", "true", "on", "1", "y")
NO = ("no", "false", "off", "0", "n")

# Text fields that hold one mail address.
ONE_ADDRESS = frozenset({"email", "email_from", "reply_to"})

MONEY = re.compile(r"([+-]?)(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d{1,2}))?")
NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,25})?|\.\d{1,25})")
INTEGER = re.compile(r"[+-]?\d{1,15}")
BRACKETED = re.compile(r"[^<>]*<([^<>]+)>")


class Moment(NamedTuple):
    """What times are read against: now (UTC text) and the zone of the one who writes them."""

    now: str
    zone: str = "UTC"


# In: text → what is stored ---------------------------------------------------------------------------


def parse(field: Field, text: str, moment: Moment) -> Any:
    """The stored value of a field of any kind but link; None for an empty text; Usage where it means nothing.

    Money is cents, times UTC text, booleans 0 and 1; a delay is (count, unit).
    """
    if not text.strip():
        return None
    return PARSERS[field.kind](field, text if field.kind == "lines" else text.strip(), moment)


def _wrong(field: Field, text: str, wanted: str) -> Usage:
    return Usage(f"{field.short.replace('_', ' ')} is {wanted}, not {clean(text, lines=False)[:60]}")


def _text(field: Field, text: str, _: Moment) -> str | None:
    return _address(field, text) if field.name in ONE_ADDRESS else clean(text, lines=False) or None


def _lines(_field: Field, text: str, _: Moment) -> str | None:
    return clean(text) or None


def _address(field: Field, text: str) -> str:
    """One bare address, also out of ``Joe <joe@acme.example>``."""
    found = BRACKETED.fullmatch(text)
    bare = (found[1] if found else text).strip()
    if not is_address(bare):
        raise _wrong(field, text, "a mail address such as joe@acme.example")
    return bare


def _addresses(field: Field, text: str, _: Moment) -> str | None:
    return joined([_address(field, part) for part in addresses(text)])


def _integer(field: Field, text: str, _: Moment) -> int:
    if not INTEGER.fullmatch(text):
        raise _wrong(field, text, "a whole number")
    return int(text)


def _number(field: Field, text: str, _: Moment) -> float:
    if not NUMBER.fullmatch(text):
        raise _wrong(field, text, "a number such as 0.8")
    return float(text)


def _percent(field: Field, text: str, _: Moment) -> float:
    bare = text.removesuffix("%").strip()
    if not NUMBER.fullmatch(bare) or not 0 <= float(bare) <= 100:
        raise _wrong(field, text, "a percentage from 0 to 100")
    return float(bare)


def _money(field: Field, text: str, _: Moment) -> int:
    found = MONEY.fullmatch(text)
    if not found:
        raise _wrong(field, text, "an amount such as 1200.50")
    cents = int(found[2].replace(",", "")) * 100 + int((found[3] or "").ljust(2, "0"))
    return -cents if found[1] == "-" else cents


def _time(field: Field, text: str, moment: Moment) -> str:
    from crmcli import dates

    read = dates.last_moment if field.name == "deadline_at" else dates.moment
    return read(text, *moment)


def _day(_field: Field, text: str, moment: Moment) -> str:
    from crmcli import dates

    return dates.day(text, *moment)


def _bool(field: Field, text: str, _: Moment) -> int:
    if text.lower() not in YES + NO:
        raise _wrong(field, text, "yes or no")
    return int(text.lower() in YES)


def _choice(field: Field, text: str, _: Moment) -> str:
    found = next((choice for choice in field.choices if choice.lower() == text.lower()), None)
    if found is None:
        raise _no_choice(field.short, text, field.choices)
    return found


def _priority(field: Field, text: str, _: Moment) -> int:
    if text.lower() in PRIORITIES:
        return PRIORITIES.index(text.lower()) + 1
    if text in ("1", "2", "3", "4", "5"):
        return int(text)
    raise _no_choice(field.short, text, ("1 to 5", *PRIORITIES))


def _no_choice(name: str, text: str, choices: tuple[str, ...]) -> Usage:
    import difflib

    near = difflib.get_close_matches(text.lower(), choices, 1)
    hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(choices)}"
    return Usage(f"no {name.replace('_', ' ')} {clean(text, lines=False)[:60]}", hint=hint)


def _delay(_field: Field, text: str, _: Moment) -> tuple[int, str]:
    from crmcli.rules import delay

    return delay.parse(text)


PARSERS: dict[str, Callable[[Field, str, Moment], Any]] = {
    "text": _text,
    "lines": _lines,
    "int": _integer,
    "number": _number,
    "percent": _percent,
    "money": _money,
    "time": _time,
    "day": _day,
    "bool": _bool,
    "choice": _choice,
    "priority": _priority,
    "addresses": _addresses,
    "delay": _delay,
}


# Out: what is stored → what is shown -------------------------------------------------------------------


def plain(kind: str, value: Any) -> Any:
    """The value for JSON: money a decimal number, booleans true and false, whole numbers without a point."""
    if value is None or value == "":
        return None
    if kind == "bool":
        return bool(value)
    if kind == "money":
        return _whole(value / 100)
    return _whole(value) if isinstance(value, float) else value


def _whole(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def flat(kind: str, value: Any) -> str:
    """The value for a cell of tsv or csv: as in JSON, with both decimals of money; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if kind == "money":
        return money(value)
    if kind == "bool":
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(plain(kind, value))


def written(kind: str, value: Any, zone: str = "UTC") -> str:
    """The value as people read it: times in their zone, money 1,200.50, priorities by name, booleans yes or no."""
    if value is None:
        return ""
    if kind == "time":
        from crmcli import zones

        return zones.written(value, zone)
    if kind == "money":
        return money(value, ",")
    if kind == "priority":
        return PRIORITIES[value - 1]
    if kind == "bool":
        return "yes" if value else "no"
    return flat(kind, value)


def money(cents: int, separator: str = "") -> str:
    """Cents as units with two decimals, with this between thousands."""
    whole, part = divmod(abs(cents), 100)
    digits = f"{whole:,}".replace(",", separator)
    return f"{'-' if cents < 0 else ''}{digits}.{part:02}"
