"""crm sql: reading only, within a time, keys and bytes apart; and the views that scripts rely on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import readonly, resources
from tests.cli.world import a_case
from tests.conftest import NOW, Run

Crm = Callable[..., Run]

FOREVER = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def test_a_query_is_answered_in_every_format(crm: Crm, conn: sqlite3.Connection) -> None:
    """The names of columns are those of the query, numbers stay numbers."""
    a_case(conn, planned_revenue=-500)
    query = "SELECT id, name, planned_revenue AS cents, NULL AS none, probability FROM v_cases"
    assert crm("sql", query).out == "id\tname\tcents\tnone\tprobability\n1\tPump broken\t-500\t\t\n"
    assert crm("sql", query, "-o", "json").json() == [
        {"id": 1, "name": "Pump broken", "cents": -500, "none": None, "probability": None}
    ]
    assert crm("sql", query, "-o", "csv").out.splitlines()[1] == "1,Pump broken,-500,,"
    assert crm("sql", "SELECT 1 AS deadline_at", "-o", "table").out.split() == ["deadline_at", "1"]
    assert crm("sql", "SELECT id FROM v_cases", "-o", "ids").out == "1\n"


def test_a_query_comes_from_standard_input_and_its_values_from_options(crm: Crm, conn: sqlite3.Connection) -> None:
    """No quoting of values by the caller."""
    a_case(conn, name="Joe's '; DROP TABLE cases; --")
    query = b"SELECT count(*) AS n FROM v_cases WHERE name = :name AND id = :id"
    assert crm("sql", "-", "-p", "name=Joe's '; DROP TABLE cases; --", "-p", "id=1", stdin=query).out == "n\n1\n"
    assert crm("sql", "SELECT :a", "-p", "a").exit == 2
    assert "did not supply a value" in crm("sql", "SELECT :a").err


def test_columns_of_one_name_are_all_there(crm: Crm) -> None:
    """JSON has no two keys of one name."""
    assert crm("sql", "SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a", "-o", "json").json() == [{"a": 1, "a:2": 2, "b": 3, "a:3": 4}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM mail_keys",
        "SELECT count(*) FROM mail_keys",
        "SELECT (SELECT hex(key) FROM mail_keys)",
        "WITH v_cases AS (SELECT key FROM mail_keys) SELECT * FROM v_cases",
        "SELECT id FROM cases ORDER BY (SELECT key FROM mail_keys)",
        "SELECT id FROM cases WHERE EXISTS (SELECT 1 FROM Mail_Keys WHERE KEY > x'00')",
        "SELECT * FROM outbox",
        "SELECT length(bytes) FROM outbox",
        "SELECT bytes FROM raw_messages",
        "SELECT bytes FROM blobs",
        "DELETE FROM cases",
        "UPDATE cases SET name = 'x'",
        "INSERT INTO cases (name) VALUES ('x')",
        "DROP TABLE cases",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE TEMP VIEW v AS SELECT key FROM mail_keys",
        "ATTACH '/tmp/other.db' AS other",
        "ATTACH ':memory:' AS other",
        "VACUUM",
        "VACUUM INTO '/tmp/copy.db'",
        "BEGIN",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA user_version = 9",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT load_extension('x')",
        "REINDEX",
        "ANALYZE",
    ],
)
def test_what_is_no_reading_or_reads_secrets_is_refused(crm: Crm, query: str) -> None:
    """Whichever way it is written; in words, and by name."""
    refused = crm("sql", query)
    assert (refused.exit, refused.out) == (1, "")
    assert refused.err.startswith("crm: ") and "crm help sql" in refused.err


def test_nothing_of_the_file_changes_by_a_query(crm: Crm, db_path: str) -> None:
    """Not even a page."""
    before = Path(db_path).read_bytes()
    crm("sql", "DELETE FROM cases")
    crm("sql", "SELECT * FROM v_cases")
    assert Path(db_path).read_bytes() == before


@pytest.mark.parametrize(
    "query", ["", "  ", "/* nothing */", "selct 1", "SELECT 1; SELECT 2", "SELECT * FROM nope", "SELECT nope FROM cases"]
)
def test_what_makes_no_sense_is_a_mistake_of_usage(crm: Crm, query: str) -> None:
    """With what SQLite says of it."""
    wrong = crm("sql", query)
    assert (wrong.exit, wrong.out) == (2, "")
    assert "crm help sql" in wrong.err


def test_what_describes_the_database_can_be_asked(crm: Crm) -> None:
    """Tables, columns and plans, full text too."""
    assert "v_cases" in crm("sql", "SELECT name FROM pragma_table_list").out
    assert "deadline_at" in crm("sql", "PRAGMA table_info(cases)").out
    assert crm("sql", "EXPLAIN QUERY PLAN SELECT * FROM v_cases").exit == 0
    assert crm("sql", "SELECT rowid FROM texts WHERE texts MATCH 'pump'").exit == 0
    assert crm("sql", "SELECT value FROM json_each('[7]')").out == "value\n7\n"


def test_a_query_that_takes_too_long_is_stopped(crm: Crm) -> None:
    """The time is the database's; the message says how to give it more."""
    stopped = crm("sql", FOREVER, "--timeout", "0.1")
    assert stopped.exit == 1
    assert "takes longer than 0.1 s" in stopped.err and "--timeout" in stopped.err


def test_a_value_cannot_be_made_to_fill_the_memory(crm: Crm) -> None:
    """Fifty megabytes are the most."""
    assert crm("sql", "SELECT zeroblob(900000000)").exit == 2


def test_an_interrupt_ends_a_query_at_once(db_path: str) -> None:
    """SIGINT comes while SQLite works, and means 130."""
    code = f"import sys; sys.stderr.write('ready\\n'); from crmcli.__main__ import main; sys.exit(main(['sql', {FOREVER!r}]))"
    environ = {**os.environ, "CRM_DB": db_path}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env=environ) as process:
        assert process.stderr and process.stderr.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_control_characters_of_values_and_names_do_not_reach_the_terminal(crm: Crm) -> None:
    """Also where a view names its columns with them."""
    out = crm("sql", 'SELECT char(27) || "[31m" AS "a\x1b[32m\u202e"').out
    assert "\x1b" not in out and "\u202e" not in out


def test_bytes_and_endless_numbers_can_be_shown(crm: Crm) -> None:
    """Bytes in hexadecimal; JSON knows no infinity."""
    assert crm("sql", "SELECT x'00ff' AS b, 9e999 AS i", "-o", "json").json() == [{"b": "00ff", "i": "inf"}]


def test_text_that_is_no_utf8_can_be_shown(crm: Crm) -> None:
    """It came round our program."""
    assert crm("sql", "SELECT CAST(x'61ff62' AS TEXT) AS t").out == "t\na\ufffdb\n"


def test_csv_is_no_way_to_run_formulas(crm: Crm) -> None:
    """Neither in cells, also below a number, nor in headers; raw on request."""
    query = """SELECT column1 AS "=x" FROM (VALUES (1), ('=1+1'), (-2))"""
    assert crm("sql", query, "-o", "csv").out == "'=x\n1\n'=1+1\n-2\n"
    assert crm("sql", query, "-o", "csv", "--raw").out == "=x\n1\n=1+1\n-2\n"


def test_the_past_can_be_asked_too(crm: Crm, conn: sqlite3.Connection) -> None:
    """And keeps its secrets."""
    a_case(conn)
    assert crm("sql", "SELECT count(*) AS n FROM v_cases", "--as-of", "2026-02-01").out == "n\n0\n"
    assert crm("sql", "SELECT key FROM mail_keys", "--as-of", "2026-02-01").exit == 1
    assert crm("sql", "DELETE FROM cases", "--as-of", "2026-02-01").exit == 1


def _text_file(path: Path) -> None:
    path.write_text("Dear Sir or Madam,\n" * 100)


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE cases (id)")


def _newer(path: Path) -> None:
    path.write_bytes(Path(str(path) + ".template").read_bytes())
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 999")


HOSTILE: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": Path.mkdir,
    "empty": Path.touch,
    "text": _text_file,
    "other": _other_database,
    "newer": _newer,
    "head only": lambda path: path.write_bytes(Path(str(path) + ".template").read_bytes()[:100]),
    "half": lambda path: path.write_bytes(Path(str(path) + ".template").read_bytes()[:40_000]),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("command", [["sql", "SELECT * FROM v_cases"], ["verify"], ["doctor"], ["web", "--port", "0"]])
def test_what_is_no_sound_database_of_ours_is_said_to_be_none(
    crm: Crm, kind: str, command: list[str], template: bytes, tmp_path: Path
) -> None:
    """One sentence, and never a traceback; 75, or 1 where verify could look into it and found it broken."""
    path = tmp_path / "other file?.db"
    Path(f"{path}.template").write_bytes(template)
    HOSTILE[kind](path)
    found = crm(*command, db=str(path))
    assert found.exit in ((75, 1) if command[0] in ("verify", "doctor") else (75,))
    assert found.err.startswith("crm: ") or "\ncrm: " in found.err
    assert "Traceback" not in found.err


def test_a_file_name_with_signs_of_addresses_is_just_a_name(crm: Crm, template: bytes, tmp_path: Path) -> None:
    """``?mode=rw`` in it opens nothing for writing."""
    path = tmp_path / "a b?mode=rw#c%41.db"
    path.write_bytes(template)
    assert crm("sql", "SELECT 1 AS one", db=str(path)).out == "one\n1\n"


def test_every_documented_view_is_told_in_the_help(db_path: str) -> None:
    """And can be read whole."""
    conn = readonly.connect(db_path)
    views = [row[0] for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'view' AND name GLOB 'v_*'")]
    page = resources.read("help", "sql.md")
    assert len(views) >= 9
    for view in views:
        assert f"\n  {view} " in page
        conn.execute(f"SELECT * FROM {view}").fetchall()


# Opportunities ----------------------------------------------------------------------------------------

ODD = st.floats(0, 100, allow_nan=False).map(lambda percent: round(percent, 6))
PERCENTS = st.one_of(st.none(), st.sampled_from([0.0, 0.000001, 12.5, 33.333333, 50.0, 99.999999, 100.0]), ODD)
CENTS = st.one_of(st.none(), st.integers(-(10**15), 10**15), st.integers(-200, 200))


def half_even(cents: int | None, percent: float | None) -> int:
    """So many percent of an amount, as reports.md §1 rounds it."""
    return 0 if cents is None or percent is None else round(cents * Fraction(repr(percent)) / 100)


@given(rows=st.lists(st.tuples(CENTS, CENTS, PERCENTS, PERCENTS), min_size=1, max_size=8))
def test_the_view_of_opportunities_reckons_to_the_cent(
    rows: list[tuple[int | None, int | None, float | None, float | None]],
) -> None:
    """Against exact fractions: whatever the amount, its sign and the probability, the case's or its category's."""
    conn = sqlite3.connect(":memory:")
    conn.executescript("PRAGMA foreign_keys = OFF;" + resources.read("schema.sql"))
    for number, (revenue, cost, own, of_category) in enumerate(rows, 1):
        conn.execute("INSERT INTO categories (id, name, probability) VALUES (?, 'c', ?)", (number, of_category or 0))
        conn.execute(
            "INSERT INTO cases"
            " (id, name, section_id, starts_at, created_at, planned_revenue, planned_cost, probability, category_id)"
            " VALUES (?, 'c', 1, ?, ?, ?, ?, ?, ?)",
            (number, NOW, NOW, revenue, cost, own, None if of_category is None else number),
        )
    found = {
        row[0]: row[1:] for row in conn.execute("SELECT id, q, expected, expected_cost, expected_benefit FROM v_opportunities")
    }
    for number, (revenue, cost, own, of_category) in enumerate(rows, 1):
        if revenue is None and own is None:
            assert number not in found
            continue
        q = own if own is not None else of_category
        expected, expected_cost = half_even(revenue, q), half_even(cost, q)
        assert found[number] == (q, expected, expected_cost, expected - expected_cost)
    conn.close()


def test_the_view_of_opportunities_is_what_the_report_counts(crm: Crm, tmp_path: Path) -> None:
    """On the demo's data, by section."""
    demo = str(tmp_path / "demo.db")
    crm("init", "--demo", db=demo)
    report = crm("report", "opportunities", "--by", "section", "-o", "json", db=demo).json()
    query = (
        "SELECT section, count(*) AS cases, sum(planned_revenue) AS planned, sum(expected) AS expected,"
        " sum(expected_benefit) AS benefit FROM v_opportunities GROUP BY 1 ORDER BY 1"
    )
    rows = crm("sql", query, "-o", "json", db=demo).json()
    wanted = [
        (row["section"], row["cases"], row["planned"] * 100, row["expected"] * 100, row["expected_benefit"] * 100)
        for row in report[:-1]
    ]
    assert [(row["section"], row["cases"], row["planned"] or 0, row["expected"], row["benefit"]) for row in rows] == sorted(
        wanted
    )
