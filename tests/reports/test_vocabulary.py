"""The formulas of the reports."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.reports.vocabulary import Sums, added, measured, share, sums

PERCENTS = st.one_of(st.integers(0, 100).map(float), st.decimals(0, 100, places=2).map(float), st.floats(0, 100))


@pytest.mark.parametrize(
    ("cents", "percent", "expected"),
    [(50, 33.0, 16), (150, 33.0, 50), (250, 1.0, 2), (350, 1.0, 4), (-250, 1.0, -2), (-350, 1.0, -4), (500, 33.3, 166)],
)
def test_half_a_cent_goes_to_the_even_one(cents: int, percent: float, expected: int) -> None:
    """16.5 → 16, 49.5 → 50, 2.5 → 2, 3.5 → 4, the same below zero; 33.3 % of 5.00 is 166.5 as it is written."""
    assert share(cents, percent) == expected


@given(st.integers(-(10**15), 10**15), PERCENTS)
def test_a_share_is_the_decimal_product_rounded_half_even(cents: int, percent: float) -> None:
    """Any amount, any probability."""
    with_all_digits = Decimal(cents) * Decimal(repr(percent)) / 100 if cents else Decimal(0)
    assert share(cents, percent) == pytest.approx(float(with_all_digits), abs=0.5 + abs(cents) * 1e-15)
    exact = (Decimal(cents) * Decimal(repr(percent))).scaleb(-2)
    if len(exact.as_tuple().digits) < 28:
        assert share(cents, percent) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def test_what_is_missing_counts_zero() -> None:
    """No revenue, or no probability, is no expectation."""
    assert share(None, 50.0) == share(100, None) == 0


GROUPS = st.tuples(
    PERCENTS | st.none(), st.integers(1, 9), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9),
    st.integers(0, 10**9), st.integers(0, 9), st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
    st.sampled_from([None, "2026-03-01T00:00:00Z"]),
)  # fmt: skip


@given(st.lists(GROUPS, max_size=6), st.randoms())
def test_groups_add_up_the_same_in_any_order(rows: list[tuple[object, ...]], random: object) -> None:
    """Sums and means do not depend on how the cases are grouped."""
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    there, back = Sums(), Sums()
    for one, other in zip(rows, mixed, strict=True):
        there, back = added(there, sums(one)), added(sums(other), back)
    assert measured(there) == measured(back)
