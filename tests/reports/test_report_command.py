"""crm report at the command line: the same numbers in every format."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable

import pytest

from crmcli import db
from crmcli.execute import execute
from crmcli.model import Add, Origin
from tests.conftest import NOW, Run

Crm = Callable[..., Run]


@pytest.fixture(name="sales")
def _sales(crm: Crm, conn: sqlite3.Connection) -> Crm:
    """Three cases with money: 1, a pump; 2, a valve; 3, a pipe."""
    pump = {"name": "Pump", "planned_revenue": 1200_50, "planned_cost": 200_00, "probability": 40}
    valve = {"name": "Valve", "planned_revenue": 100_00, "deadline_at": "2026-04-30T23:59:59Z"}
    pipe = {"name": "Pipe", "probability": 10, "deadline_at": "2026-05-31T22:30:00Z"}
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        for values in (pump, valve, pipe):
            execute(tx, Add({"section_id": 1, **values}))
    return crm


def test_json_has_the_keys_of_the_contract_in_their_order(sales: Crm) -> None:
    """Key columns, then cases, planned, cost, benefit, expected, expected_benefit; total last."""
    rows = sales("report", "opportunities", "-o", "json").json()
    assert list(rows[0])[:7] == ["user", "cases", "planned", "cost", "benefit", "expected", "expected_benefit"]
    assert [list(row.values())[:7] for row in rows] == [
        ["ann", 3, 1300.5, 200, 1100.5, 480.2, 400.2],
        ["total", 3, 1300.5, 200, 1100.5, 480.2, 400.2],
    ]


def test_every_format_has_the_same_numbers(sales: Crm) -> None:
    """table, tsv and csv against json."""
    rows = sales("report", "opportunities", "--by", "month", "-o", "json").json()
    for form, dialect in (("tsv", "excel-tab"), ("csv", "excel")):
        found = list(
            csv.DictReader(io.StringIO(sales("report", "opportunities", "--by", "month", "-o", form).out), dialect=dialect)
        )
        assert [row["month"] for row in found] == [row["month"] for row in rows] == ["2026-04", "2026-05", "no date", "total"]
        for name in ("cases", "planned", "cost", "benefit", "expected", "expected_benefit"):
            assert [float(row[name]) for row in found] == [row[name] for row in rows]
    table = sales("report", "opportunities", "--by", "month", "-o", "table").out
    assert "1,300.50" in table
    assert "1 no probability" in table


def test_the_footer_goes_to_standard_error_where_output_is_data(sales: Crm) -> None:
    """Nothing is hidden, and nothing is in the way of a program; -q silences it."""
    told = sales("report", "opportunities", "name:pump", "-o", "tsv")
    assert told.err.splitlines()[0] == "filter: name:pump"
    assert len(told.out.splitlines()) == 3
    assert sales("report", "opportunities", "-o", "tsv", "-q").err == ""


def test_filter_and_ids_narrow_it(sales: Crm) -> None:
    """Together they must both hold."""
    assert sales("report", "opportunities", "--ids", "1-2", "-o", "json").json()[-1]["cases"] == 2
    assert sales("report", "opportunities", "name:pump", "or", "name:pipe", "--ids", "2-3", "-o", "json").json()[-1]["cases"] == 1
    assert sales("report", "opportunities", "--ids", "-", "-o", "json", stdin=b"1\n3\n").json()[-1]["cases"] == 2


def test_months_follow_the_site_unless_tz_is_given(sales: Crm) -> None:
    """22:30 on 31 May UTC is June in Berlin."""
    found = sales("report", "opportunities", "--by", "month", "--tz", "Europe/Berlin", "-o", "json").json()
    assert [row["month"] for row in found] == ["2026-05", "2026-06", "no date", "total"]


def test_two_keys_by_commas_or_twice(sales: Crm) -> None:
    """The same report."""
    one = sales("report", "opportunities", "--by", "user,state", "-o", "json")
    assert one == sales("report", "opportunities", "--by", "user", "--by", "state", "-o", "json")
    assert one.json()[-1]["state"] is None


def test_an_unknown_key_or_zone_is_a_usage_error(sales: Crm) -> None:
    """With what there is."""
    told = sales("report", "opportunities", "--by", "colour")
    assert (told.exit, "--by user, section" in told.err) == (2, True)
    assert sales("report", "opportunities", "--by", "month", "--tz", "Mars/Base").exit == 2


def test_a_bare_report_prints_its_help(crm: Crm) -> None:
    """With the reports there are."""
    assert "opportunities" in crm("report").out
