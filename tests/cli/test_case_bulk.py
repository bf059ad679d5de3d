"""Verbs on many cases at once: found by a filter, agreed to with their number, one step to take back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Run

Crm = Callable[..., Run]


@pytest.fixture(name="world")
def _world(crm: Crm) -> Crm:
    """Four cases: two late, one not, one late and closed already."""
    crm("section", "add", "Service", "--code", "service")
    for name, section, deadline in (
        ("A", "support", "-2d"),
        ("B", "support", "-1d"),
        ("C", "support", "+2d"),
        ("D", "service", "-1d"),
    ):
        crm("case", "add", name, "--section", section, "--deadline", deadline, "--user", "ann")
    return crm


def states(crm: Crm) -> dict[int, str]:
    return {row["id"]: row["state"] for row in crm("case", "list", "-o", "json").json()}


def test_all_late_cases_of_a_section_are_closed_and_taken_back(world: Crm) -> None:
    before = states(world)
    done = world("case", "close", "--where", "section:support +late", "-y")
    assert (done.exit, done.out.split()) == (0, ["1", "2"])
    assert states(world) == {**before, 1: "done", 2: "done"}
    assert world("undo").exit == 0
    assert states(world) == before


@pytest.mark.parametrize("verb", ["open", "pending", "close", "cancel", "escalate", "archive", "delete", "edit"])
def test_without_a_terminal_they_must_be_agreed_to(world: Crm, verb: str) -> None:
    options = ["--priority", "high"] if verb == "edit" else []
    done = world("case", verb, "--where", "+late", *options)
    assert (done.exit, done.out) == (2, "")
    assert "3 cases needs --yes without a terminal" in done.err
    assert set(states(world).values()) == {"draft"}


def test_a_rehearsal_needs_no_agreement_and_changes_nothing(world: Crm) -> None:
    done = world("case", "close", "--where", "+late", "-n")
    assert (done.exit, done.out.split()) == (0, ["1", "2", "4"])
    assert set(states(world).values()) == {"draft"}


def test_some_refused_are_listed_and_the_rest_is_done(world: Crm) -> None:
    world("case", "close", "1")
    done = world("case", "close", "--where", "id:1..4", "-y")
    assert (done.exit, done.out.split()) == (9, ["2", "3", "4"])
    assert "1 of 4 refused: cannot close case 1" in done.err


def test_the_archived_are_found_where_the_filter_speaks_of_them(world: Crm) -> None:
    world("case", "archive", "--where", "+late", "-y")
    assert list(states(world)) == [3]
    assert world("case", "unarchive", "--where", "+archived", "-y").out.split() == ["1", "2", "4"]


def test_ids_and_a_filter_do_not_go_together(world: Crm) -> None:
    assert world("case", "close", "1", "--where", "+late", "-y").exit == 2
    assert world("case", "close").err == "crm: which cases? (name them by id, or with --where FILTER)\n"
    nothing = world("case", "close", "--where", "name:nowhere")
    assert (nothing.exit, nothing.out, nothing.err) == (0, "", "no case is meant by this filter\n")
