"""crm segment at the command line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from tests.conftest import Run

Crm = Callable[..., Run]


@pytest.fixture(name="gold")
def _gold(crm: Crm) -> Crm:
    """The examples of the contract, literally, and two partners: Acme is rich, Beta is in VIP by hand."""
    for words in (
        ["partner", "category", "add", "VIP"],
        ["segment", "add", "Gold", "--category", "VIP", "--exclusive", "--sales-purchase-active", "--period-days", "30",
         "--periods", "3", "--decrease", "0.8", "--default-mood", "0.5"],
        ["segment", "line", "add", "Gold", "big", "--variable", "sale", "--operator", ">", "--value", "1000", "--mandatory"],
        ["partner", "add", "Acme"],
        ["partner", "add", "Beta", "--add-category", "VIP"],
        ["partner", "amount", "add", "Acme", "--kind", "sale", "--amount", "1200.50", "--at", "2026-03-01", "--ref", "INV1"],
    ):  # fmt: skip
        done = crm(*words)
        assert (done.exit, done.err) == (0, ""), words
    return crm


def names(run: Run) -> list[str]:
    """The partners of a list."""
    return [row["partner"] for row in run.json()]


def test_a_run_puts_in_who_matches_and_takes_out_who_does_not(gold: Crm) -> None:
    """Told in json by segment, and by partner on standard error."""
    run = gold("segment", "run", "Gold", "-o", "json")
    row = {"segment_id": 1, "segment": "Gold", "members": 1, "entered": 1, "left": 1, "note": None}
    assert (run.exit, run.json()) == (0, [row])
    assert run.err == "Acme enters Gold: big: sale 1200.50 > 1000\nBeta leaves Gold: big: sale 0.00 not > 1000\n"
    assert gold("segment", "members", "Gold", "-o", "json").json() == [
        {"partner_id": 1, "partner": "Acme", "entered_at": "2026-03-02T09:00:00Z", "entered_why": "big: sale 1200.50 > 1000"}
    ]
    assert gold("partner", "list", "category:VIP", "-o", "ids").out == "1\n"


def test_a_dry_run_says_the_same_and_does_nothing(gold: Crm) -> None:
    """The same words; nobody moved."""
    dry = gold("segment", "run", "Gold", "-n", "-o", "json")
    assert gold("segment", "members", "Gold", "-o", "json").json() == []
    real = gold("segment", "run", "Gold", "-o", "json")
    assert (dry.exit, dry.out, dry.err) == (real.exit, real.out, real.err)


def test_from_cron_a_run_is_silent(gold: Crm) -> None:
    """No terminal, no -v, no -o: no word; and again."""
    assert gold("segment", "run", "--all") == gold("segment", "run", "--all") == Run(0, "", "")
    assert gold("segment", "run", "--all", "-v").out.startswith("segment_id\tsegment\t")


def test_a_run_is_one_step_that_can_be_taken_back(gold: Crm) -> None:
    """`crm undo run` brings Beta back and takes Acme out."""
    gold("segment", "run", "Gold")
    assert gold("undo", "run", "-y").exit == 0
    assert gold("partner", "list", "category:VIP", "-o", "ids").out == "2\n"
    assert gold("segment", "members", "Gold", "-o", "json").json() == []


def test_a_run_of_all_does_what_it_can_and_lists_what_it_cannot(gold: Crm) -> None:
    """Exit 9; one alone that is refused is 1."""
    gold("segment", "add", "Empty", "--category", "VIP", "--sales-purchase-active")
    run = gold("segment", "run", "--all")
    assert run.exit == 9
    assert "segment Empty has no lines: criteria are required" in run.err
    assert names(gold("segment", "members", "Gold", "-o", "json")) == ["Acme"]
    assert gold("segment", "run", "Empty").exit == 1
    assert gold("segment", "run").exit == gold("segment", "run", "Gold", "--all").exit == 2


def test_pins_and_bans_win(gold: Crm) -> None:
    """Beta is pinned, Acme banned; unpinned, the lines decide again."""
    gold("segment", "pin", "Gold", "Beta")
    gold("segment", "ban", "Gold", "Acme")
    shown = gold("segment", "show", "Gold", "-o", "json").json()
    assert [(row["partner"], row["kind"]) for row in shown["pins"]] == [("Acme", "ban"), ("Beta", "pin")]
    gold("segment", "run", "Gold")
    assert names(gold("segment", "members", "Gold", "-o", "json")) == ["Beta"]
    gold("segment", "unpin", "Gold", "Acme", "Beta")
    gold("segment", "run", "Gold")
    assert names(gold("segment", "members", "Gold", "-o", "json")) == ["Acme"]
    refused = gold("segment", "unpin", "Gold", "Acme")
    assert (refused.exit, "Acme is neither pinned nor banned" in refused.err) == (3, True)


def test_lines_are_named_by_segment_and_name_or_by_id(gold: Crm) -> None:
    """edit, show, list, delete."""
    assert gold("segment", "line", "edit", "Gold", "big", "--value", "2000", "--optional").out == "1\n"
    line = gold("segment", "line", "show", "1", "-o", "json").json()
    assert (line["value"], line["mandatory"], line["segment"]) == (2000, False, "Gold")
    assert [row["name"] for row in gold("segment", "line", "list", "Gold", "-o", "json").json()] == ["big"]
    assert gold("segment", "line", "show", "Gold", "small").exit == 3
    assert gold("segment", "line", "edit", "Gold", "big").exit == 2
    assert gold("segment", "line", "delete", "Gold", "big").exit == 0
    assert gold("segment", "show", "Gold", "-o", "json").json()["lines"] == []


def test_what_a_segment_needs_is_asked_for(gold: Crm) -> None:
    """A category; a line its variable, operator and value; an unknown word its nearest."""
    assert gold("segment", "add", "Silver").exit == 2
    assert gold("segment", "line", "add", "Gold", "x", "--variable", "sale").exit == 2
    assert gold("segment", "line", "add", "Gold", "x", "--variable", "sales", "--operator", ">", "--value", "1").exit == 2
    assert gold("segment", "edit", "Gold", "--decrease", "1.5").exit == 1
    assert "nearest: Gold" in gold("segment", "run", "Glod").err


def test_a_second_exclusive_segment_for_a_category_is_refused(gold: Crm) -> None:
    """In words, with exit 1."""
    refused = gold("segment", "add", "Silver", "--category", "VIP", "--exclusive")
    assert refused.exit == 1
    assert "category VIP belongs to the exclusive segment Gold already" in refused.err


def test_archived_segments_rest(gold: Crm) -> None:
    """Out of lists and runs, and back."""
    gold("segment", "archive", "Gold")
    assert gold("segment", "list", "-o", "json").json() == []
    assert gold("segment", "run", "--all", "-o", "json").json() == []
    assert gold("segment", "run", "Gold").exit == 1
    assert gold("segment", "unarchive", "Gold").exit == 0
    assert gold("segment", "run", "Gold", "-o", "json").json()[0]["entered"] == 1


def test_run_rules_runs_what_is_due(gold: Crm, conn: sqlite3.Connection) -> None:
    """By `every`, silently; not with --no-segments."""
    gold("run-rules", "--no-segments")
    assert conn.execute("SELECT run_at FROM segments").fetchone()[0] is None
    assert gold("run-rules").exit == 0
    assert names(gold("segment", "members", "Gold", "-o", "json")) == ["Acme"]
    gold("run-rules", now="2026-03-03T08:59:59Z")
    assert conn.execute("SELECT run_at FROM segments").fetchone()[0] == "2026-03-02T09:00:00Z"


def test_the_past_is_not_run(gold: Crm) -> None:
    """--as-of is for reading."""
    assert gold("segment", "run", "Gold", "--as-of", "2026-03-02").exit == 2
