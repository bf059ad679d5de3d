"""What the schema refuses is said in words: each of its conditions, and those that a command line can meet."""

from __future__ import annotations

import re
import shlex
import sqlite3

import pytest

from crmcli import checks, resources
from tests.cli.world import Crm, a_case, a_partner, dump, put

SIGNS = re.compile(r"[<>=\"']|strftime|GLOB|NULL|\bIN\b|\bAND\b|_id\b|_at\b")


def conditions() -> set[str]:
    """The condition of every CHECK in schema.sql."""
    found = set()
    text = resources.read("schema.sql")
    for start in re.finditer(r"CHECK \(", text):
        end, depth = start.end(), 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.add(text[start.end() : end - 1])
    return found


def test_every_condition_of_the_schema_has_words() -> None:
    said = {condition: checks.words(condition) for condition in conditions()}
    assert len(said) > 100
    operators = {words for words in said.values() if words.startswith("operator is one of: <, =, >, <=, >=")}
    assert [words for words in said.values() if SIGNS.search(words) and words not in operators] == []
    assert set(checks.OTHERS) <= set(said), "words for a condition that the schema no longer has"


def test_a_condition_without_words_is_shown_as_it_is() -> None:
    assert checks.words("a % 2 = 0") == "a value is not allowed: a % 2 = 0"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("segment edit Gold --decrease 1", "decrease is more than 0 and less than 1"),
        ("segment edit Gold --periods 0", "periods is from 1 to 1000"),
        ("segment edit Gold --period-days 0", "period days is more than 0"),
        ("segment edit Gold --default-mood -1", "default mood is 0 or more"),
        ("segment line edit Gold big --window-days 0", "window days is more than 0"),
        ("mood edit Happy --factor -1", "factor is 0 or more"),
        ("mood add Calm --factor -1", "factor is 0 or more"),
        ("rule edit Late --min-messages -1", "min messages is 0 or more"),
        ("case link 1 1", ""),
    ],
)
def test_what_a_command_line_can_meet_is_refused_in_words(crm: Crm, conn: sqlite3.Connection, line: str, words: str) -> None:
    a_partner(conn)
    a_case(conn)
    put(conn, "partner_categories", name="VIP")
    put(conn, "segments", name="Gold", category_id=1)
    put(conn, "segment_lines", segment_id=1, name="big", variable="sale", operator=">", value=1)
    assert crm("rule", "add", "Late", "--date-type", "deadline").exit == 0
    before = dump(conn)
    refused = crm(*shlex.split(line))
    assert (refused.exit, refused.out) == (1, "")
    assert words in refused.err
    assert "not allowed" not in refused.err
    assert dump(conn) == before
