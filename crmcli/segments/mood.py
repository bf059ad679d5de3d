"""The state of mind of a partner: ratings of the last periods folded into one number (segments.md). Pure.

Time is cut into half-open periods. Starting from the default, a period with ratings pulls the value towards
their mean, a period with neither event nor amount shrinks it, any other leaves it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from crmcli.tuples import NamedTuple

IDLE = (0, 0.0)


class Terms(NamedTuple):
    """What the computation is done by: the edges of the periods, oldest first, the decrease, the default (0: none)."""

    edges: Sequence[str]
    decrease: float
    default: float


def course(periods: Mapping[int, Sequence[float]], terms: Terms) -> Iterator[float | None]:
    """The value after each period, oldest first.

    periods holds [number of ratings, sum of their factors] by number from 0, and nothing for those without event and
    amount. Without a default there is no value (None) until the first rated period, which starts from 0.
    """
    kept, decrease = 1 - terms.decrease, terms.decrease
    value = terms.default or None
    for number in range(len(terms.edges) - 1):
        ratings, factors = periods.get(number, IDLE)
        if ratings:
            value = (value or 0.0) * kept + factors / ratings * decrease
        elif number not in periods and value is not None:
            value *= decrease
        yield value


class Mood:
    """The state of mind as an SQL aggregate over the (time, factor or NULL) of one partner's events and amounts.

    Times are UTC text; those outside the periods do not count. Rows may come in any order.
    """

    __slots__ = ("periods", "terms")

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.periods: dict[int, list[float]] = {}

    def step(self, at: str, factor: float | None) -> None:
        """Take one event or amount."""
        period = self.periods.setdefault(bisect_right(self.terms.edges, at) - 1, [0, 0.0])
        if factor is not None:
            period[0] += 1
            period[1] += factor

    def finalize(self) -> float | None:
        """The value after the last period."""
        return [*course(self.periods, self.terms)][-1]
