"""crm filter explain and crm filter fields, through the real entrance."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from crmcli import filters, resources
from crmcli.fields import NOUNS
from crmcli.filters.tree import FIELD, FLAG
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def _cases(conn: sqlite3.Connection) -> None:
    sql = "INSERT INTO cases (name, section_id, user_id, active, starts_at, created_at) VALUES ('Broken pump', 1, 1, ?, ?, ?)"
    conn.executemany(sql, [(1, NOW, NOW), (1, NOW, NOW), (0, NOW, NOW)])


def test_explain_shows_the_tree_the_sql_its_values_and_the_count(crm: Callable[..., Any]) -> None:
    explained = crm("filter", "explain", 'section:support and  (+mine or deadline<=eom) "broken pump"', "-o", "json").json()
    assert explained["filter"] == 'section:support (+mine or deadline<=eom) "broken pump"'
    assert explained["tree"].splitlines() == [
        "all of", "  section:support", "  any of", "    +mine", "    deadline<=eom", '  "broken pump"',
    ]  # fmt: skip
    assert explained["count"] == 2
    assert "t.section_id IS :f0" in explained["sql"]
    assert [one["value"] for one in explained["parameters"]] == [1, 1, "2026-03-31T23:59:59Z", '"broken pump"']


def test_explain_counts_archived_ones_only_where_the_filter_speaks_of_them(crm: Callable[..., Any]) -> None:
    explained = [crm("filter", "explain", text, "-o", "json").json() for text in ("pump", "+archived", "pump active:yes,no")]
    assert [one["count"] for one in explained] == [2, 1, 3]


def test_explain_as_text_has_every_part(crm: Callable[..., Any]) -> None:
    for form in ("table", "tsv"):
        out = crm("filter", "explain", "+mine", "-o", form).out
        for word in ("filter", "tree", "sql", "count", "parameters", "f0"):
            assert word in out


def test_explain_takes_other_nouns(crm: Callable[..., Any]) -> None:
    assert crm("filter", "explain", "ann", "--noun", "user", "-o", "json").json()["count"] == 1


def test_a_wrong_filter_exits_2_with_position_and_nearest_names(crm: Callable[..., Any]) -> None:
    run = crm("filter", "explain", "+mine prioritty:1")
    assert (run.exit, run.out) == (2, "")
    assert "position 7" in run.err
    assert "nearest: priority" in run.err


def test_the_argument_is_text_and_never_terminal_codes(crm: Callable[..., Any]) -> None:
    run = crm("filter", "explain", "\x1b]0;x\x07")
    assert run.exit == 2
    assert "\x1b" not in run.err


@pytest.mark.parametrize("noun", [*NOUNS, "history", "partner-category"])
def test_fields_lists_every_noun(crm: Callable[..., Any], noun: str) -> None:
    rows = crm("filter", "fields", noun, "-o", "json").json()
    assert rows[0]["field"] == "id"
    assert all(row["kind"] and row["example"] for row in rows)


def test_fields_of_a_case_has_fields_links_and_flags(crm: Callable[..., Any]) -> None:
    rows = {row["field"]: row for row in crm("filter", "fields", "-o", "json").json()}
    assert {"deadline", "messages", "section", "planned_revenue", "+late", "+waiting"} <= set(rows)
    assert rows["state"]["values"] == "draft, open, pending, done, cancel"
    assert rows["+late"]["help"] == "unclosed and past its deadline"


def test_fields_of_an_unknown_noun_exits_2(crm: Callable[..., Any]) -> None:
    assert crm("filter", "fields", "invoice").exit == 2


def test_the_page_on_filters_has_only_true_examples(crm: Callable[..., Any], conn: sqlite3.Connection) -> None:
    conn.execute("INSERT INTO sections (name) VALUES ('Sales'), ('Help Desk')")
    conn.execute("INSERT INTO partner_categories (name) VALUES ('VIP')")
    lines = [line[2:] for line in resources.read("help", "filter.md").splitlines() if line.startswith("  ")]
    examples = [part for line in lines if not line.startswith("crm filter") for part in _examples(line)]
    assert len(examples) > 25
    for example in examples:
        condition = filters.compile(conn, example, "case", filters.Context(NOW, "UTC", 1))
        conn.execute(f"SELECT t.id FROM cases t WHERE {condition.sql}", condition.parameters)


def _examples(line: str) -> list[str]:
    """What stands in the first column, and tests and flags in the words beside it."""
    if line.startswith("crm case list"):
        return [line.partition("'")[2].rstrip("'")]
    column, _, words = line.partition("   ")
    beside = [word.rstrip(".,;:") for word in words.split() if FIELD.match(word) or FLAG.match(word)]
    return [*(part for part in column.split("  ") if part.strip()), *(word for word in beside if word[-1] not in ":;")]
