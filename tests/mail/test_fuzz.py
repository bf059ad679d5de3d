"""No mail harms: 20,000 mutants and hostile ones in two seconds of CPU and 300 MB, none raises, none is lost (mail.md §6)."""

from __future__ import annotations

import signal
from itertools import repeat

import pytest

from tests.mail.fuzz import in_limits, in_time
from tests.mail.hostile import HOSTILE

MUTANTS = 20_000
READ_AT_ONCE = 1000
KEPT = 5000
KEPT_AT_ONCE = 500


def well(*argv: str) -> str:
    """What a run within the limits printed."""
    done = in_limits(*argv)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("first", range(0, MUTANTS, READ_AT_ONCE))
def test_a_thousand_mutants_are_read(first: int) -> None:
    """Of 20,000: read, classed, and searched for threads."""
    well("read", str(first), str(first + READ_AT_ONCE))


@pytest.mark.parametrize("first", range(0, KEPT, KEPT_AT_ONCE))
def test_five_hundred_mutants_are_kept(first: int) -> None:
    """Of 5,000 that go the whole way, five in a transaction: each is stored byte for byte and ends done or in triage."""
    assert well("keep", str(first), str(first + KEPT_AT_ONCE)) == f"{KEPT_AT_ONCE}\n"


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(KEPT, MUTANTS, KEPT_AT_ONCE))
def test_the_other_mutants_are_kept(first: int) -> None:
    """All 20,000."""
    assert well("keep", str(first), str(first + KEPT_AT_ONCE)) == f"{KEPT_AT_ONCE}\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_marked_and_kept(name: str) -> None:
    """Within the limits when it is read, and again when it is taken."""
    state, *marks = well("hostile", name).split()
    assert state in ("done", "triage")
    assert HOSTILE[name].mark in (None, *marks)
    assert "poison" not in marks


def test_what_hangs_or_gorges_is_a_failure() -> None:
    """The limits hold."""
    assert in_limits("hang").returncode == -signal.SIGPROF
    assert "MemoryError" in in_limits("gorge").stderr
    with pytest.raises(AssertionError, match="2 seconds"), in_time():
        sum(1 for _ in repeat(1))
