"""Values of fields, in and out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.errors import CrmError, Usage
from crmcli.fields import NOUNS, Field
from crmcli.model import PRIORITIES
from crmcli.values import Moment, flat, parse, plain, written

MOMENT = Moment("2026-03-02T09:00:00Z", "Europe/Berlin")
EVERY_FIELD = [field for noun in NOUNS.values() for field in noun.fields if field.kind != "link"]


def of(kind: str, text: str, name: str = "x") -> Any:
    return parse(Field(name, kind, choices=("draft", "open", ">=")), text, MOMENT)


@pytest.mark.parametrize(
    ("kind", "text", "stored"),
    [
        ("text", "  a \n b\x1b[31m ", "a b[31m"),
        ("lines", " a\r\nb\t\x07", " a\nb\t"),
        ("int", "-3", -3),
        ("number", "0.8", 0.8),
        ("number", "5", 5.0),
        ("percent", "40", 40.0),
        ("percent", "12.5 %", 12.5),
        ("money", "1200.50", 120050),
        ("money", "1,200.5", 120050),
        ("money", "-0.01", -1),
        ("money", "+7", 700),
        ("money", "9,999,999,999,999.99", 999999999999999),
        ("time", "2026-03-31 17:00", "2026-03-31T15:00:00Z"),
        ("time", "2026-03-31", "2026-03-30T22:00:00Z"),
        ("day", "2026-03-31", "2026-03-31"),
        ("bool", "Yes", 1),
        ("bool", "off", 0),
        ("choice", "OPEN", "open"),
        ("choice", ">=", ">="),
        ("priority", "High", 2),
        ("priority", "5", 5),
        ("addresses", "joe@a.example, Ann <ann@a.example>,JOE@a.example", "joe@a.example, ann@a.example"),
        ("delay", "-2d", (-2, "day")),
        ("delay", "15min", (15, "minutes")),
    ],
)
def test_a_value_is_read_by_its_kind(kind: str, text: str, stored: object) -> None:
    assert of(kind, text) == stored


@pytest.mark.parametrize("field", EVERY_FIELD, ids=lambda field: f"{field.kind}-{field.name}")
def test_an_empty_text_is_nothing_for_every_field(field: Field) -> None:
    assert parse(field, "", MOMENT) is None
    assert parse(field, "  ", MOMENT) is None


def test_a_deadline_given_as_a_day_is_its_end() -> None:
    assert of("time", "2026-03-31", "deadline_at") == "2026-03-31T21:59:59Z"


def test_fields_of_one_address_take_nothing_else() -> None:
    assert of("text", "Joe Roe <joe@a.example>", "email") == "joe@a.example"
    for text in ("joe", "a@b, c@d", "<a@b> c", "a@b\nc", "@"):
        with pytest.raises(Usage, match="a mail address"):
            of("text", text, "reply_to")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("int", "1.5", "x is a whole number, not 1.5"),
        ("int", "²", "x is a whole number, not ²"),
        ("number", "nan", "x is a number such as 0.8, not nan"),
        ("number", "1e9", "x is a number such as 0.8, not 1e9"),
        ("percent", "101", "x is a percentage from 0 to 100, not 101"),
        ("percent", "inf", "x is a percentage from 0 to 100, not inf"),
        ("money", "1200,50", "x is an amount such as 1200.50, not 1200,50"),
        ("money", "1.005", "x is an amount such as 1200.50, not 1.005"),
        ("money", "12 EUR", "x is an amount such as 1200.50, not 12 EUR"),
        ("money", "99999999999999", "x is an amount such as 1200.50, not 99999999999999"),
        ("bool", "maybe", "x is yes or no, not maybe"),
        ("choice", "opne", "no x opne"),
        ("priority", "6", "no x 6"),
        ("priority", "hihg", "no x hihg"),
        ("addresses", "joe@a.example, nobody", "x is a mail address such as joe@acme.example, not nobody"),
        ("delay", "2", "2 is no delay"),
    ],
)
def test_what_is_no_value_is_refused_in_words(kind: str, text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        of(kind, text)
    assert error.value.message == message


def test_a_mistyped_choice_suggests_the_nearest() -> None:
    with pytest.raises(Usage) as error:
        of("choice", "opne")
    assert error.value.hint == "did you mean open?"
    with pytest.raises(Usage) as error:
        of("priority", "zzz")
    assert error.value.hint == "one of: 1 to 5, highest, high, normal, low, lowest"


@pytest.mark.parametrize(
    ("kind", "value", "json", "cell", "people"),
    [
        ("money", 120050, 1200.5, "1200.50", "1,200.50"),
        ("money", -5, -0.05, "-0.05", "-0.05"),
        ("money", 0, 0, "0.00", "0.00"),
        ("percent", 40.0, 40, "40", "40"),
        ("percent", 12.5, 12.5, "12.5", "12.5"),
        ("number", 8.5, 8.5, "8.5", "8.5"),
        ("int", 7, 7, "7", "7"),
        ("bool", 1, True, "true", "yes"),
        ("bool", 0, False, "false", "no"),
        ("priority", 2, 2, "2", "high"),
        ("time", "2026-03-31T15:00:00Z", "2026-03-31T15:00:00Z", "2026-03-31T15:00:00Z", "2026-03-31 17:00"),
        ("words", ["VIP", "A / B"], ["VIP", "A / B"], "VIP, A / B", "VIP, A / B"),
        ("words", [], [], "", ""),
        ("text", "", None, "", ""),
        ("money", None, None, "", ""),
        ("time", None, None, "", ""),
    ],
)
def test_a_value_is_shown_to_programs_cells_and_people(kind: str, value: Any, json: Any, cell: str, people: str) -> None:
    shown = plain(kind, value)
    assert (shown, type(shown)) == (json, type(json))
    assert flat(kind, value) == cell
    assert written(kind, value, "Europe/Berlin") == people


# Everything that can be stored, by kind.
STORED = {
    "money": st.integers(-(10**15) + 1, 10**15 - 1),
    "int": st.integers(-(10**15) + 1, 10**15 - 1),
    "percent": st.integers(0, 10000).map(lambda number: number / 100),
    "number": st.integers(-(10**6), 10**6).map(lambda number: number / 1000),
    "bool": st.integers(0, 1),
    "priority": st.integers(1, 5),
    "time": st.datetimes(max_value=datetime(9998, 1, 1)).map(lambda at: f"{at.isoformat()[:17]}00Z"),
    "day": st.dates(max_value=date(9998, 1, 1)).map(str),
}


@given(st.sampled_from(sorted(STORED)).flatmap(lambda kind: st.tuples(st.just(kind), STORED[kind])))
def test_what_is_written_reads_back_to_what_is_stored(case: tuple[str, Any]) -> None:
    kind, value = case
    field = Field("x", kind)
    for text in (written(kind, value), flat(kind, value)):
        assert parse(field, text, Moment(MOMENT.now)) == value


@given(STORED["money"])
def test_money_is_exact(cents: int) -> None:
    assert Decimal(flat("money", cents)) * 100 == cents
    assert round(Decimal(repr(plain("money", cents))) * 100) == cents


@given(st.sampled_from(EVERY_FIELD), st.text(max_size=20))
def test_any_text_is_read_or_refused(field: Field, text: str) -> None:
    message = ""
    try:
        parse(field, text, MOMENT)
    except CrmError as error:
        message = error.message
    assert "\n" not in message


def test_every_priority_has_its_name() -> None:
    assert [written("priority", number) for number in range(1, 6)] == list(PRIORITIES)
