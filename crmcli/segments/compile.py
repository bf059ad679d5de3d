"""A segment → one SQL statement that looks at every partner once and gives those that must enter or leave (segments.md).

The tested partner has the alias `t`. Sums are of whole tables by the index amounts_by_partner, in cents; the state
of mind is the aggregate `mood`, which the caller has defined for this segment (mood.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal

from crmcli import clock, filters, values
from crmcli.segments import mood
from crmcli.segments.segment import Line, Segment
from crmcli.tuples import Any, NamedTuple

DAY = 86400
OPERATORS = {"<": "<", "=": "=", ">": ">", "<=": "<=", ">=": ">="}

SUM = """(
    SELECT coalesce(sum(a.amount), 0)
    FROM amounts a
    WHERE a.partner_id = t.id
      AND a.kind = :{kind}{window})"""
WINDOW = """
      AND a.at BETWEEN :{since} AND :now"""

MOOD = """coalesce((
    SELECT mood(x.at, x.factor)
    FROM (
      SELECT e.at, m.factor
      FROM events e LEFT JOIN moods m ON m.id = e.mood_id
      WHERE e.partner_id = t.id AND e.at >= :first AND e.at < :now
      UNION ALL
      SELECT a.at, NULL
      FROM amounts a
      WHERE a.partner_id = t.id AND a.kind IN ('sale', 'purchase') AND a.at >= :first AND a.at < :now
    ) x), :idle)"""

OWN = """EXISTS (
  SELECT 1
  FROM partner_category_members m
  WHERE m.category_id = :category AND m.partner_id = j.id AND m.origin = :origin)"""
ANY = """EXISTS (
  SELECT 1
  FROM partner_category_members m
  WHERE m.category_id = :category AND m.partner_id = j.id)"""

DIFFERENCE = """
WITH looked AS MATERIALIZED (
  SELECT t.id, t.active, {fits} AS fits,
    (SELECT kind FROM segment_pins h WHERE h.segment_id = :segment AND h.partner_id = t.id) AS hand{measures}
  FROM partners t
), judged AS (
  SELECT *, CASE hand WHEN 'pin' THEN 1 WHEN 'ban' THEN 0 ELSE (active AND fits AND {holds}) IS TRUE END AS wanted
  FROM looked
)
SELECT j.id, j.wanted, CASE
  WHEN j.hand IS NOT NULL THEN CASE j.hand WHEN 'pin' THEN 'pinned' ELSE 'banned' END
  WHEN NOT j.active THEN 'archived'
  WHEN NOT j.fits THEN :misfit
  ELSE {words} END
FROM judged j
WHERE CASE WHEN j.wanted THEN NOT {own} ELSE {leaves} END
"""

MONEY = "printf('%s%d.%02d', iif({value} < 0, '-', ''), abs({value}) / 100, abs({value}) % 100)"
# A mood of 3.376 comes out of its sums a hair above; it equals what is written all the same.
DECIMAL = "round({value}, 9)"
NUMBER = "coalesce(printf('%.15g', {value}), 'none')"


class Statement(NamedTuple):
    """An SQL statement and its parameters."""

    sql: str
    parameters: dict[str, Any]


class Measure(NamedTuple):
    """What lines look at: a variable, and for sums the days back (None: all)."""

    variable: str
    window_days: int | None


def terms(segment: Segment, now: str) -> mood.Terms:
    """What the state of mind is computed by, for a run at this moment."""
    days, count = segment.period_days or 0, segment.periods
    edges = [clock.shift(now, -DAY * days * (count - number)) for number in range(count + 1)]
    return mood.Terms(edges, segment.decrease, segment.default_mood)


def difference(conn: sqlite3.Connection, segment: Segment, lines: Sequence[Line], now: str) -> Statement:
    """Every partner that must enter (wanted 1) or leave (0), as id, wanted and why; the lines are those that count."""
    where = segment.where or ""
    fits = filters.compile(conn, where, "partner", filters.context(conn, now), "where")
    measures = list(dict.fromkeys(_measure(line) for line in lines))
    criteria = [_Criterion(line, measures.index(_measure(line)), number) for number, line in enumerate(lines)]
    sql = DIFFERENCE.format(
        fits=fits.sql,
        measures="".join(f",\n    {_value(measure, number)} AS v{number}" for number, measure in enumerate(measures)),
        holds=_holds(criteria),
        words=" || '; ' || ".join(criterion.words for criterion in criteria) or ":fit",
        own=OWN,
        leaves=ANY if segment.exclusive else f"j.hand IS 'ban' AND {OWN}",
    )
    parameters = {"segment": segment.id, "category": segment.category_id, "origin": str(segment.id), "now": now}
    parameters |= {"fit": f"meets {where}" if where else "every active partner", "misfit": f"does not meet {where}"}
    for number, measure in enumerate(measures):
        parameters |= _asked(segment, measure, number, now)
    for criterion in criteria:
        parameters |= criterion.parameters
    return Statement(sql, parameters | fits.parameters)


def _measure(line: Line) -> Measure:
    return Measure(line.variable, None if line.variable == "mood" else line.window_days)


def _value(measure: Measure, number: int) -> str:
    """The SQL of what lines look at."""
    if measure.variable == "mood":
        return MOOD
    window = WINDOW.format(since=f"since{number}") if measure.window_days else ""
    return SUM.format(kind=f"kind{number}", window=window)


def _asked(segment: Segment, measure: Measure, number: int, now: str) -> dict[str, Any]:
    """The parameters of that SQL."""
    if measure.variable == "mood":
        asked = terms(segment, now)
        return {"first": asked.edges[0], "idle": [*mood.course({}, asked)][-1]}
    found: dict[str, Any] = {f"kind{number}": measure.variable}
    if measure.window_days:
        found[f"since{number}"] = clock.shift(now, -DAY * measure.window_days)
    return found


def _holds(criteria: Sequence[_Criterion]) -> str:
    """All mandatory ones and, where there are optional ones, at least one of them."""
    parts = [criterion.holds for criterion in criteria if criterion.line.mandatory]
    optional = [criterion.holds for criterion in criteria if not criterion.line.mandatory]
    if optional:
        parts.append(f"({' OR '.join(optional)})")
    return " AND ".join(parts) or "1"


class _Criterion(NamedTuple):
    """A line, the number of its measure, and its own number."""

    line: Line
    measure: int
    number: int

    @property
    def holds(self) -> str:
        value = f"v{self.measure}"
        found = DECIMAL.format(value=value) if self.line.variable == "mood" else value
        return f"{found} {OPERATORS[self.line.operator]} :value{self.number}"

    @property
    def words(self) -> str:
        """``big: sale 1200.50 > 1000``, or ``big: sale 800.00 not > 1000``, as SQL."""
        shown = (NUMBER if self.line.variable == "mood" else MONEY).format(value=f"v{self.measure}")
        return f":name{self.number} || {shown} || iif({self.holds}, ' ', ' not ') || :wanted{self.number}"

    @property
    def parameters(self) -> dict[str, Any]:
        line, number = self.line, self.number
        window = f" in {line.window_days} days" if _measure(line).window_days else ""
        return {
            f"value{number}": line.value if line.variable == "mood" else _cents(line.value),
            f"name{number}": f"{line.name}: {line.variable}{window} ",
            f"wanted{number}": f"{line.operator} {values.flat('number', line.value)}",
        }


def _cents(units: float) -> int | float:
    """Currency units in cents, exactly as they are written; a part of a cent stays one."""
    cents = Decimal(repr(units)) * 100
    return int(cents) if cents == int(cents) else float(cents)
