"""Pages of a list against a plain sort, for any rows, keys and sizes."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import case_list
from crmcli.errors import NotFound
from crmcli.fields import Noun
from crmcli.pages import Key, Page, count, statement
from tests.cli.world import a_case

THINGS = Noun("thing", "things", "id", (), ())
SMALL = st.one_of(st.none(), st.integers(0, 3))
ROWS = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 2)), max_size=30)
KEYS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=3, unique_by=lambda key: key[0])


def made(rows: list[tuple[Any, ...]]) -> sqlite3.Connection:
    """A table of these rows, their ids from 1."""
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER NOT NULL)")
    conn.executemany("INSERT INTO things (a, b, c) VALUES (?, ?, ?)", rows)
    return conn


def ids(conn: sqlite3.Connection, page: Page) -> list[int]:
    """The ids of a page."""
    return [row[0] for row in conn.execute(*statement(conn, THINGS, page))]


@given(ROWS, KEYS, st.booleans(), st.integers(1, 7))
def test_pages_are_the_stretches_of_a_plain_sort(
    rows: list[tuple[Any, ...]], keys: list[tuple[str, bool]], last_down: bool, size: int
) -> None:
    """What is empty comes last, up or down; each row stands on one page, and the rest is counted."""
    conn = made(rows)
    order = (*(Key(f"t.{name}", down, empty=name != "c") for name, down in keys), Key("t.id", last_down))
    page = Page("t.c < :most", {"most": 2}, order)

    def place(one: tuple[int, tuple[Any, ...]]) -> list[tuple[bool, int]]:
        values = [(one[1]["abc".index(name)], down) for name, down in keys] + [(one[0], last_down)]
        return [(value is None, (-value if down else value) if value is not None else 0) for value, down in values]

    expected = [number for number, _ in sorted(((n, row) for n, row in enumerate(rows, 1) if row[2] < 2), key=place)]
    assert ids(conn, page) == expected
    for start in range(0, len(expected), size):
        part = page._replace(after=expected[start - 1] if start else None)
        assert ids(conn, part._replace(limit=size)) == expected[start : start + size]
        assert count(conn, THINGS, part, 1000) == len(expected) - start
    if expected:
        assert ids(conn, page._replace(after=expected[-1])) == []
    conn.close()


def test_a_page_after_a_row_that_is_not_there_is_refused() -> None:
    """Rather than be empty."""
    conn = made([(1, 2, 0)])
    with pytest.raises(NotFound, match="no thing 9 to go on after"):
        statement(conn, THINGS, Page("1", {}, (Key("t.id"),), after=9))
    assert ids(conn, Page("1", {}, (Key("t.a", empty=True), Key("t.id")), after=1)) == []
    conn.close()


def test_a_deep_page_of_cases_seeks_in_the_index_and_sorts_nothing(conn: sqlite3.Connection) -> None:
    """The plan of each stretch: a search, never a scan of the table or a sort."""
    a_case(conn, deadline_at="2026-03-02T09:00:00Z")
    page = Page("t.active = 1", {}, case_list.ORDER, after=1, limit=50)
    sql, parameters = statement(conn, case_list.CASE, page)
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert [step for step in plan if "SCAN t" in step or "TEMP B-TREE" in step] == []
    assert sum("SEARCH t USING INDEX cases_in_order" in step or "COVERING INDEX cases_in_order" in step for step in plan) == 5
