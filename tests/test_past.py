"""What was printed at the end of a day is what --as-of that day prints later, byte for byte (issue 3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import courses
from tests.courses import Line
from tests.test_state_machine import World

DAYS = ("2026-01-29", "2026-01-30", "2026-01-31", "2026-02-01")
# What is asked at each day's end, and again of that day afterwards.
ASKED = (
    "case list -o tsv",
    "case list -o json",
    "case list -o csv --all",
    "case list -o table",
    "case list -o jsonl +unclosed --sort -priority,deadline --columns id,name,section,user,partner,next_action_at",
    "case list -o md +archived or +late",
    "case list -o html pump --sort name,id",
    "case list -o ids section:sale or partner.category:VIP",
    "case list +waiting or messages>1 --columns +email_last,+description",
    "case show {} -o json",
    "case show {} -o table",
    "report opportunities",
    "report opportunities --by user -o json",
    "history list -o json",
    "partner list -o json",
    "search pump -o tsv",
)
COURSES = st.lists(
    st.lists(
        st.one_of(courses.CASES, courses.TALK, courses.TIES, courses.PEOPLE, courses.SITE, courses.RULES, courses.MAILS),
        min_size=1,
        max_size=6,
    ),
    min_size=len(DAYS),
    max_size=len(DAYS),
)


def told(world: World, now: str, *words: str) -> list[str]:
    """What every question is answered with."""
    answers = []
    for line in ASKED:
        run = world.run(*line.format(2).split(), "--tz", "UTC", *words, now=now)
        answers.append(f"{line}\n{run.exit}\n{run.out}\n{run.err}")
    return answers


def hold(world: World, days: list[list[Line]]) -> None:
    """Do each day's commands, ask at its end, and in the end ask again of every day."""
    then = {}
    for day, lines in zip(DAYS, days, strict=True):
        for hour, line in enumerate(lines):
            argv = courses.argv(world.conn, line, str(world.file))
            if argv is not None:
                world.run(*argv, now=f"{day}T0{hour}:00:00Z", stdin=line.stdin)
        then[day] = told(world, f"{day}T23:59:59Z")
    for day, answers in then.items():
        for answer, again in zip(answers, told(world, "2026-02-09T10:00:00Z", "--as-of", day), strict=True):
            assert again == answer


@pytest.fixture(name="demo")
def _demo(crm: Callable[..., Any], tmp_path: Path) -> bytes:
    """The bytes of a database with something of everything, made before the first of the days."""
    path = tmp_path / "demo.db"
    crm("init", "--demo", db=str(path), now="2026-01-20T09:00:00Z", user="root")
    return path.read_bytes()


@given(days=COURSES)
@settings(max_examples=8)
def test_a_past_day_is_as_it_was_printed_at_its_end(
    crm: Callable[..., Any], demo: bytes, tmp_path: Path, days: list[list[Line]]
) -> None:
    """Lists in every format, filtered and sorted, a case, and the report."""
    hold(World(crm, tmp_path / "course.db", demo), days)


def test_who_acts_is_who_is_here_now(crm: Callable[..., Any]) -> None:
    """A login that was another on that day still says whose cases are mine."""
    crm("case", "add", "Pump", now="2026-03-03T09:00:00Z")
    crm("user", "edit", "ann", "--login", "anna", now="2026-03-05T09:00:00Z")
    done = crm("case", "list", "+mine", "--as-of", "2026-03-04", "--columns", "id,user", user="anna", now="2026-03-06T09:00:00Z")
    assert (done.exit, done.out) == (0, "id\tuser\n1\tann\n")


@pytest.mark.campaign
@given(days=COURSES)
@settings(max_examples=150, derandomize=False)
def test_a_past_day_is_as_it_was_printed_after_many_courses(
    crm: Callable[..., Any], demo: bytes, tmp_path: Path, days: list[list[Line]]
) -> None:
    """The same, more often, and otherwise each time."""
    hold(World(crm, tmp_path / "course.db", demo), days)
