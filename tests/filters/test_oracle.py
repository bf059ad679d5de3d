"""Filters by SQL and by plain Python agree, on random filters and cases and on many cases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import filters
from crmcli.filters.tree import Flag, Tree
from tests.filters import oracle
from tests.filters.world import ANN, EVERY, FIXED, FLAGS, NOW, ZONE, insert, many_talks, talks, trees

CONTEXT = filters.Context(NOW, ZONE, ANN)


@pytest.fixture(name="peopled")
def _peopled(conn: sqlite3.Connection) -> sqlite3.Connection:
    """A database with the fixed part of the world."""
    conn.execute("BEGIN")
    for statement in FIXED.split(";\n"):
        conn.execute(statement)
    conn.execute("COMMIT")
    return conn


def found(conn: sqlite3.Connection, text: str) -> list[int]:
    condition = filters.compile(conn, text, "case", CONTEXT)
    rows = conn.execute(f"SELECT t.id, {condition.sql} AS holds FROM cases t ORDER BY t.id", condition.parameters).fetchall()
    assert {row["holds"] for row in rows} <= {0, 1}, "a condition is never NULL"
    by_where = conn.execute(f"SELECT t.id FROM cases t WHERE {condition.sql} ORDER BY t.id", condition.parameters).fetchall()
    assert [row["id"] for row in rows if row["holds"]] == [row["id"] for row in by_where]
    return [row["id"] for row in by_where]


def agree(conn: sqlite3.Connection, people: list, asked: Iterable[Tree]) -> None:
    """Put the people's cases in and hold every filter's finds against what plain Python finds."""
    conn.execute("BEGIN")
    try:
        for case, said, due_at in people:
            insert(conn, case, said, due_at)
        world = oracle.world(conn, NOW, ZONE, ANN)
        for tree in asked:
            expected = [case["id"] for case in world.tables["cases"] if oracle.holds(tree, case, world)]
            assert found(conn, filters.write(tree)) == expected, filters.write(tree)
    finally:
        conn.execute("ROLLBACK")


@given(people=st.lists(talks, min_size=1, max_size=8), asked=st.lists(trees, min_size=8, max_size=12))
@settings(max_examples=100)
def test_random_filters_find_what_plain_python_finds(peopled: sqlite3.Connection, people: list, asked: list[Tree]) -> None:
    agree(peopled, people, asked)


def test_every_field_operator_and_flag_finds_what_plain_python_finds(peopled: sqlite3.Connection) -> None:
    agree(peopled, many_talks(Random(1), 80), [*EVERY, *(Flag(name, 0) for name in FLAGS)])


def test_ten_thousand_cases_answer_one_long_filter_as_plain_python_does(
    peopled: sqlite3.Connection, crm: Callable[..., Any]
) -> None:
    """Cases of every kind, with those fields spread that the filter asks for; the list and what explains it say the same."""
    chance = Random(3)
    peopled.execute("BEGIN")
    for case, said, due_at in many_talks(chance, 10_000):
        case |= {
            "name": chance.choice(["Broken pump", "pump broken", "a BROKEN-PUMP again", "Wish", case["name"]]),
            "user_id": chance.choice([None, ANN, ANN, 2]),
            "deadline_at": chance.choice([None, "2026-03-31T21:59:59Z", "2026-03-31T22:00:00Z", case["deadline_at"]]),
        }
        insert(peopled, case, [*said, ("in", "the broken pump")] if chance.random() < 0.2 else said, due_at)
    peopled.execute("COMMIT")
    text = 'section:Sales/ deadline_at<=eom +mine (priority<=2 or partner.category:VIP) "broken pump"'
    tree = filters.parse(text)
    world = oracle.world(peopled, NOW, ZONE, ANN)
    wanted = [case for case in world.tables["cases"] if case["section_id"] in (2, 3, 4) and case["user_id"] == ANN]
    expected = [case["id"] for case in wanted if oracle.holds(tree, case, world)]
    assert len(expected) > 50
    assert found(peopled, text) == expected

    active = [case["id"] for case in wanted if case["id"] in expected and case["active"]]
    listed = crm("case", "list", text, "--sort", "id", "-o", "ids", "--tz", ZONE, now=NOW)
    assert [int(line) for line in listed.out.split()] == active
    explained = crm("filter", "explain", text, "-o", "json", "--tz", ZONE, now=NOW).json()
    assert (explained["filter"], explained["count"]) == (text, len(active))
    assert [line.strip() for line in explained["tree"].splitlines()] == [
        "all of", "section:Sales/", "deadline_at<=eom", "+mine", "any of", "priority<=2", "partner.category:VIP", '"broken pump"',
    ]  # fmt: skip
