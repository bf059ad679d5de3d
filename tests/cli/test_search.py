"""crm search: what is found, how it is narrowed, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

Crm = Callable[..., Run]


@pytest.fixture(name="world")
def _world(crm: Crm, tmp_path: Path) -> Crm:
    """Three cases: a pump in a name, in what was said, and in the name of a file."""
    plan = tmp_path / "pump plan.pdf"
    plan.write_bytes(b"plan")
    crm("case", "add", "Pump broken", "--section", "support", "--priority", "high", now="2026-03-01T08:00:00Z")
    crm("case", "add", "Invoice", "--section", "support", now="2026-03-01T09:00:00Z")
    crm("case", "add", "Letter", "--section", "support", "--description", "the broken pump again", now="2026-03-01T10:00:00Z")
    crm("case", "note", "2", "Hello,\nyour pump was never paid.", now="2026-03-01T11:00:00Z")
    crm("case", "attach", "3", str(plan), now="2026-03-01T12:00:00Z")
    return crm


def found(run: Run) -> list[tuple[int, str, str]]:
    return [(row["id"], row["where"], row["line"]) for row in run.json()]


def test_every_kind_of_text_is_found_newest_first(world: Crm) -> None:
    assert found(world("search", "pump", "-o", "json")) == [
        (2, "communication", "your [pump] was never paid."),
        (3, "description", "the broken [pump] again"),
        (3, "file", "[pump] plan.pdf"),
        (1, "name", "[Pump] broken"),
    ]


def test_words_stand_in_one_text_and_quoted_ones_side_by_side(world: Crm) -> None:
    assert [row[0] for row in found(world("search", "pump broken", "-o", "json"))] == [3, 1]
    assert [row[0] for row in found(world("search", "pump", "broken", "-o", "json"))] == [3, 1]
    assert [row[0] for row in found(world("search", '"broken pump"', "-o", "json"))] == [3]
    assert world("search", "nowhere").out == "id\tcase\twhere\tline\n"


def test_a_filter_narrows_the_cases(world: Crm) -> None:
    assert world("search", "pump", "priority:high", "-o", "ids").out == "1\n"
    assert world("search", "pump", "not", "priority:high", "broken", "-o", "ids").out == "3\n"
    assert world("search", "pump", "(priority:high or name:invoice)", "-o", "ids").out == "2\n1\n"


def test_archived_cases_are_left_out_unless_asked_for(world: Crm) -> None:
    world("case", "archive", "1")
    assert "1" not in world("search", "pump", "-o", "ids").out.split()
    assert world("search", "pump", "--archived", "-o", "ids").out == "1\n"
    assert "1" in world("search", "pump", "--all", "-o", "ids").out.split()


def test_the_best_come_first_when_asked_for(world: Crm) -> None:
    ranked = [row[0] for row in found(world("search", "pump", "--rank", "-o", "json"))]
    assert ranked[0] == 1
    assert sorted(ranked) == [1, 2, 3, 3]


def test_the_limit_is_kept_and_the_rest_counted(world: Crm) -> None:
    assert world("search", "pump", "--limit", "1", "-o", "table").out.splitlines()[-1] == "and 3 more"
    assert world("search", "pump", "--limit", "1", "-o", "ids").out == "2\n"


def test_the_ids_are_those_of_cases(world: Crm) -> None:
    ids = world("search", "pump", "-o", "ids").out
    assert world("case", "close", "-", stdin=ids.encode()).out.split() == ["2", "3", "1"]


def test_the_past_is_searched_too(world: Crm) -> None:
    assert world("search", "pump", "-o", "ids", "--as-of", "2026-03-01T08:30:00Z").out == "1\n"


def test_a_mails_file_is_found_with_the_mails_case(world: Crm) -> None:
    mail = (
        b"From: joe@acme.example\nTo: support@us.example\nSubject: Plan\nMessage-ID: <1@acme.example>\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee there\n--b\n"
        b"Content-Type: application/pdf\nContent-Disposition: attachment; filename=zeppelin.pdf\n\nx\n--b--\n"
    )
    assert world("ingest", stdin=mail, user=None).exit == 0
    assert found(world("search", "zeppelin", "-o", "json")) == [(4, "file", "[zeppelin].pdf")]


def test_nothing_to_look_for_is_a_mistake(world: Crm) -> None:
    done = world("search", "--", "---")
    assert (done.exit, done.out) == (2, "")
    assert "no letter or digit" in done.err
    assert world("search", "pump", "sectoin:x").exit == 2
