"""The state of mind: the formula of segments.md against a plain reading of it, and the worked examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import clock
from crmcli.segments.mood import Mood, Terms

NOW = "2026-03-02T09:00:00Z"
Happened = list[tuple[str, float | None]]
FACTORS = (None, 0.0, 1.0, 3.0, 5.0, 7.0, 8.5)


def ago(**span: float) -> str:
    """A moment so long before NOW."""
    return clock.text(clock.moment(NOW) - timedelta(**span))


def edges(days: int, count: int) -> list[str]:
    """The borders of the periods, oldest first."""
    return [ago(days=days * (count - number)) for number in range(count + 1)]


def mood(happened: Happened, days: int = 30, count: int = 3, f: float = 0.8, s: float = 0.5) -> float | None:
    """The state of mind by our aggregate."""
    made = Mood(Terms(edges(days, count), f, s))
    for at, factor in happened:
        made.step(at, factor)
    return made.finalize()


def oracle(happened: Happened, days: int, count: int, f: float, s: float) -> float | None:
    """segments.md read aloud: S := S·(1−f) + mean·f, or S·f, or S."""
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    value = s if s else None
    for i in range(1, count + 1):
        begin, end = now - timedelta(days=days * (count - i + 1)), now - timedelta(days=days * (count - i))
        within = [factor for at, factor in happened if begin <= datetime.fromisoformat(at) < end]
        rated = [factor for factor in within if factor is not None]
        if rated:
            value = (0.0 if value is None else value) * (1 - f) + sum(rated) / len(rated) * f
        elif not within:
            value = None if value is None else value * f
    return value


def test_idle_then_seven_and_five_then_three_comes_to_3_376() -> None:
    """The first example of segments.md, step by step in IEEE arithmetic."""
    expected = 0.5 * 0.8
    expected = expected * (1 - 0.8) + (7.0 + 5.0) / 2 * 0.8
    expected = expected * (1 - 0.8) + 3.0 * 0.8
    assert mood([(ago(days=45), 7.0), (ago(days=40), 5.0), (ago(days=3), 3.0)]) == expected
    assert expected == pytest.approx(3.376, abs=1e-12)


def test_one_rating_in_the_first_period_comes_to_4_416() -> None:
    """The second example: idle periods shrink it."""
    assert mood([(ago(days=80), 8.5)]) == 4.416


def test_an_unrated_event_or_an_amount_keeps_the_value() -> None:
    """What is not idle and not rated leaves the value as it is."""
    assert mood([(ago(days=80), None), (ago(days=50), None), (ago(days=10), None)]) == 0.5


def test_periods_hold_their_first_second_and_not_their_last() -> None:
    """[T − 30 d, T): the border belongs to the later period, and T to none."""
    assert mood([(NOW, 7.0)]) == mood([]) == 0.5 * 0.8 * 0.8 * 0.8
    assert mood([(ago(days=30), 7.0)]) == mood([(ago(seconds=1), 7.0)])
    assert mood([(ago(days=30, seconds=1), 7.0)]) == mood([(ago(days=60), 7.0)])
    assert mood([(ago(days=90, seconds=1), 7.0)]) == mood([])


def test_without_a_default_there_is_no_value_until_the_first_rating() -> None:
    """default 0 means none, not zero."""
    assert mood([], s=0) is None
    assert mood([(ago(days=10), None)], s=0) is None
    assert mood([(ago(days=80), 5.0)], s=0) == 5.0 * 0.8 * 0.8 * 0.8


def test_a_rating_of_zero_is_a_rating() -> None:
    """A factor of 0 makes a value, also without a default."""
    assert mood([(ago(days=10), 0.0)], s=0) == 0.0


@given(
    st.lists(st.tuples(st.integers(-86400, 60 * 86400), st.sampled_from(FACTORS)), max_size=12),
    st.integers(1, 20),
    st.integers(1, 9),
    st.floats(0.01, 0.99),
    st.sampled_from([0.0, 0.5, 4.0]),
)
def test_the_aggregate_agrees_with_a_plain_reading(
    happened: list[tuple[int, float | None]], days: int, count: int, f: float, s: float
) -> None:
    """Any events and amounts, at any second, in any order, with any terms: the same float."""
    story = [(ago(seconds=second), factor) for second, factor in happened]
    assert mood(story, days, count, f, s) == oracle(story, days, count, f, s)
