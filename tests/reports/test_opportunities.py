"""Business Opportunities against a plain reading of reports.md."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import db
from crmcli.errors import Usage
from crmcli.model import Origin, Result
from crmcli.reports.opportunities import BY, opportunities
from crmcli.reports.vocabulary import Scope
from tests.conftest import NOW

MONEY = ("planned", "cost", "benefit", "expected", "expected_benefit")


def case(tx: db.Tx, **values: Any) -> int:
    """A case with the fewest values a row needs."""
    needed = {"name": "Pump", "section_id": 1, "state": "open", "starts_at": NOW, "created_at": NOW}
    if values.get("state") == "done":
        needed["closed_at"] = NOW
    return tx.insert("cases", {**needed, **values})


def report(conn: sqlite3.Connection, *by: str, where: str = "t.active = 1", zone: str = "UTC") -> Result:
    """The report at NOW."""
    return opportunities(conn, Scope(where, {}, "", NOW, zone), by)


def table(result: Result, *names: str) -> list[tuple[Any, ...]]:
    """These columns of all rows."""
    return [tuple(row[name] for name in names) for row in result.rows]


@pytest.fixture(name="sales")
def _sales(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Cases of every kind that matters: ann's, nobody's, late, without deadline, without probability, closed, archived."""
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        tx.insert("categories", {"name": "Hot", "probability": 80})
        deadline = "2026-04-30T22:30:00Z"
        case(tx, user_id=1, planned_revenue=100_00, planned_cost=40_00, probability=50, deadline_at=deadline, category_id=1)
        case(tx, user_id=1, planned_revenue=50_01, planned_cost=1, category_id=1, deadline_at="2026-03-01T00:00:00Z")
        case(tx, planned_revenue=10_00, state="draft")
        case(tx, probability=20, state="pending", created_at="2026-01-01T00:00:00Z")
        case(tx, planned_revenue=999_00, probability=50, state="done")
        case(tx, planned_revenue=999_00, probability=50, state="cancel")
        case(tx, planned_revenue=999_00, probability=50, active=0)
        case(tx, category_id=1)
        tx.insert("rules", {"name": "Late", "effective_from": NOW})
        due = {"rule_id": 1, "case_id": 1, "occasion": "x", "due_at": "2026-04-01T00:00:00Z"}
        tx.run("INSERT INTO rule_due (rule_id, case_id, occasion, due_at) VALUES (:rule_id, :case_id, :occasion, :due_at)", due)
    return conn


def test_unclosed_cases_with_revenue_or_probability_by_their_responsible(sales: sqlite3.Connection) -> None:
    """Its own probability, else the category's (80 %); without one the case counts where it is, with expected 0."""
    assert table(report(sales, "user"), "user", "cases", *MONEY) == [
        ("ann", 2, 150_01, 40_01, 110_00, 90_01, 70_00),
        ("nobody", 2, 10_00, 0, 10_00, 0, 0),
        ("total", 4, 160_01, 40_01, 120_00, 90_01, 70_00),
    ]


def test_means_of_probability_plain_and_weighted_by_revenue(sales: sqlite3.Connection) -> None:
    """(50 + 80) / 2; (100·50 + 50.01·80) / 150.01; a case without one has no part in them."""
    names = ("user", "mean_probability", "weighted_probability")
    assert table(report(sales, "user"), *names) == [("ann", 65.0, 60.0), ("nobody", 20.0, None), ("total", 50.0, 60.0)]


def test_the_oldest_case_and_the_next_action_of_each_group(sales: sqlite3.Connection) -> None:
    """The earliest creation, the earliest due time of a rule."""
    assert table(report(sales, "user"), "user", "oldest", "next_action") == [
        ("ann", NOW, "2026-04-01T00:00:00Z"),
        ("nobody", "2026-01-01T00:00:00Z", None),
        ("total", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("user", ["ann", "nobody"]),
        ("section", ["Support"]),
        ("category", ["Hot", "no category"]),
        ("month", ["overdue", "2026-04", "no date"]),
        ("state", ["draft", "open", "pending"]),
        ("probability", ["20", "50", "80", "no probability"]),
    ],
)
def test_groups_have_their_words_and_their_order(sales: sqlite3.Connection, by: str, labels: list[str]) -> None:
    """overdue first, what lacks a key last, the total at the end."""
    assert table(report(sales, by), by) == [(label,) for label in [*labels, "total"]]


def test_months_begin_where_the_zone_says(sales: sqlite3.Connection) -> None:
    """22:30 on 30 April UTC is May in Berlin."""
    assert ("2026-05",) in table(report(sales, "month", zone="Europe/Berlin"), "month")


def test_two_keys_make_a_row_for_each_pair(sales: sqlite3.Connection) -> None:
    """Total has its word in the first."""
    assert table(report(sales, "user", "month"), "user", "month", "cases") == [
        ("ann", "overdue", 1),
        ("ann", "2026-04", 1),
        ("nobody", "no date", 2),
        ("total", None, 4),
    ]


def test_the_footer_says_what_the_numbers_stand_on(sales: sqlite3.Connection) -> None:
    """Filter, T, Z, currency, rows, and what is missing."""
    assert report(sales, "user", zone="Europe/Berlin").footer == (
        "filter: none",
        "at 2026-03-02 10:00 Europe/Berlin, in EUR",
        "2 rows, 4 cases",
        "1 without planned revenue",
        "1 no probability",
    )


def test_nothing_found_is_a_total_of_nothing(conn: sqlite3.Connection) -> None:
    """One row of zeros."""
    assert table(report(conn, "user"), "user", "cases", *MONEY, "mean_probability") == [("total", 0, 0, 0, 0, 0, 0, None)]


@pytest.mark.parametrize("by", [("nonsense",), ("user", "user"), ("user", "month", "state"), ()])
def test_a_way_to_group_that_is_none_is_refused(conn: sqlite3.Connection, by: tuple[str, ...]) -> None:
    """Unknown, twice the same, three, none."""
    with pytest.raises(Usage):
        report(conn, *by)


CASES = st.lists(
    st.tuples(
        st.sampled_from([None, 1]),
        st.sampled_from(["draft", "open", "pending", "done", "cancel"]),
        st.none() | st.integers(0, 100_000),
        st.none() | st.integers(0, 100_000),
        st.none() | st.sampled_from([0.0, 12.5, 33.3, 50.0, 99.9, 100.0]),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([None, "2026-02-01T00:00:00Z", NOW, "2026-03-31T22:30:00Z", "2026-12-31T23:59:59Z"]),
    ),
    max_size=10,
)


def oracle(rows: list[tuple[Any, ...]], by: str) -> dict[str, list[int]]:
    """reports.md read aloud: label → cases and the five sums, in cents."""
    found: dict[str, list[int]] = {}
    for user, state, revenue, cost, own, category, deadline in rows:
        if state in ("done", "cancel") or (revenue is None and own is None):
            continue
        q = own if own is not None else {None: None, 1: 80.0, 2: 0.5}[category]
        part = Decimal(0) if q is None else Decimal(str(q)) / 100
        r, c = ((Decimal(cents or 0) * part).quantize(Decimal(1), ROUND_HALF_EVEN) for cents in (revenue, cost))
        numbers = (1, revenue or 0, cost or 0, (revenue or 0) - (cost or 0), int(r), int(r) - int(c))
        labels = {"user": "ann" if user else "nobody", "state": state, "month": _month(deadline)}
        for label in (labels[by], "total"):
            found[label] = [a + b for a, b in zip(found.get(label, [0] * 6), numbers, strict=True)]
    return found or {"total": [0] * 6}


def _month(deadline: str | None) -> str:
    if deadline is None:
        return "no date"
    return (
        "overdue" if deadline < NOW else datetime.fromisoformat(deadline).astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m")
    )


@settings(max_examples=60)
@given(CASES)
def test_every_grouping_agrees_with_a_plain_reading_to_the_cent(
    template: bytes, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]
) -> None:
    """Random cases by user, state and month: all sums equal, and the same total."""
    path = tmp_path_factory.mktemp("cases") / "crm.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    names = ("user_id", "state", "planned_revenue", "planned_cost", "probability", "category_id", "deadline_at")
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        for name, probability in (("Hot", 80.0), ("Cold", 0.5)):
            tx.insert("categories", {"name": name, "probability": probability})
        for row in rows:
            case(tx, **dict(zip(names, row, strict=True)))
    totals = set()
    for by in ("user", "state", "month"):
        found = {label: list(rest) for label, *rest in table(report(conn, by, zone="Europe/Berlin"), by, "cases", *MONEY)}
        assert found == oracle(rows, by)
    for by in BY:
        totals.add(str({**list(report(conn, by).rows)[-1], by: ""}.values()))
    assert len({total.replace("''", "") for total in totals}) == 1
    conn.close()
