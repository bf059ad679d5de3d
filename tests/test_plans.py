"""How SQLite finds what lists ask for: by an index in the order of the list, so that a page costs the same at any size.

The times stand in tests/bench/million.py; what makes them is the plan, which is the same in an empty database.
"""

from __future__ import annotations

import sqlite3

import pytest

from crmcli import changes, pages, past
from crmcli.cli import lists
from crmcli.cli.session import Globals, Session
from tests.cli.world import NOW, Crm, a_case


def plan(path: str, text: str = "", sort: str = "", after: int | None = None) -> list[str]:
    """The steps in which SQLite reads a page of cases."""
    s = Session(Globals(db=path, user="ann", now=NOW, tz="UTC", output="tsv"), "test")
    page = lists.page(s, lists.CASES, [text], lists.Asked(sort=sort, limit=50, after=after))
    sql, parameters = pages.statement(s.conn, lists.CASES.noun, page)
    return [row["detail"] for row in s.conn.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("column", ["id", "name", "created", "starts", "deadline", "last_action", "closed", "priority"])
@pytest.mark.parametrize("after", [None, 1])
def test_a_page_by_an_indexed_column_sorts_nothing(
    column: str, sign: str, after: int | None, conn: sqlite3.Connection, db_path: str
) -> None:
    """Up and down, the first page and one deep in; a few rows of equal values apart."""
    a_case(conn, "done", deadline_at=NOW)
    if after and column in ("deadline", "closed"):
        assert f"SEARCH t USING INDEX cases_by_{column} ({column}_at=?" in " ".join(
            plan(db_path, sort=sign + column, after=after)
        )
    for step in plan(db_path, sort=sign + column, after=after):
        assert "TEMP B-TREE" not in step or "LAST TERM" in step or "RIGHT PART" in step, step
    if column == "priority":
        assert not [step for step in plan(db_path, sort=sign + column, after=after) if "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("", "SCAN t USING INDEX cases_in_order"),
        ("+unclosed", "SCAN t USING INDEX cases_unclosed"),
        ("+late", "SCAN t USING INDEX cases_unclosed"),
        ("+stale", "SCAN t USING INDEX cases_unclosed"),
        ("+waiting", "SCAN t USING INDEX cases_unclosed"),
        ("+unclosed name~pump", "SCAN t USING INDEX cases_unclosed"),
        ("+unclosed section:support", "SEARCH t USING INDEX cases_unclosed_by_section (section_id=?)"),
        ("+mine +unclosed", "SEARCH t USING INDEX cases_unclosed_by_user (user_id=?)"),
        ("+unassigned +late", "SEARCH t USING INDEX cases_unclosed_by_user (user_id=?)"),
        ("state:open", "SEARCH t USING INDEX cases_by_state (state=?)"),
    ],
)
def test_a_list_of_what_is_worked_on_is_read_in_its_order(text: str, index: str, conn: sqlite3.Connection, db_path: str) -> None:
    """And ends when it is full, however many are closed."""
    found = plan(db_path, text)
    assert found[0] == index
    assert not [step for step in found[:2] if "TEMP B-TREE FOR ORDER" in step and "waiting" not in text]


def test_a_list_of_a_tree_of_sections_reads_only_what_is_worked_on(db_path: str) -> None:
    """By section; then they are sorted."""
    assert "SEARCH t USING INDEX cases_unclosed_by_section (section_id=?)" in plan(db_path, "section:Support/ +unclosed")


def test_the_journal_is_read_from_a_moment_on(conn: sqlite3.Connection) -> None:
    """Not from its beginning: for the past and for crm changes --since."""
    since = f"{changes.SELECT}WHERE {changes.CONDITIONS['since']}\nORDER BY c.id DESC LIMIT 50"
    for sql, parameters in ((past.LATER, (NOW,)), (since, {"since": NOW})):
        found = [row["detail"] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        assert [step for step in found if "change_sets_by_at" in step]
        assert [step for step in found if "SEARCH c USING INDEX changes_by_change_set (change_set_id=?)" in step]


def test_least_urgent_first_is_the_usual_order_backwards(crm: Crm, conn: sqlite3.Connection) -> None:
    """All of it, also where nothing tells two cases apart but their ids."""
    for priority, deadline in ((1, None), (3, "2026-04-01T00:00:00Z"), (3, None), (3, "2026-05-01T00:00:00Z"), (3, None)):
        a_case(conn, priority=priority, deadline_at=deadline)
    usual = crm("case", "list", "-o", "ids").out.split()
    assert crm("case", "list", "--sort", "-priority", "-o", "ids").out.split() == usual[::-1]
    assert crm("case", "list", "--sort", "-priority", "--after", usual[3], "-o", "ids").out.split() == usual[2::-1]
