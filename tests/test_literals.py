"""What the journal keeps of values, read back."""

from __future__ import annotations

import math
import sqlite3

from hypothesis import example, given
from hypothesis import strategies as st

from crmcli import literals

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(st.one_of(st.none(), INTEGERS, st.floats(allow_nan=False), TEXT))
@example("it's ''quoted''")
@example("a\0b 'c'")
@example("X'61'")
@example("NULL")
@example("12.5")
@example(0.1 + 0.2)
@example(5e-324)
@example(1e300)
@example(-(2**63))
def test_every_value_comes_back_from_its_literal_as_it_was(value: object) -> None:
    """Through SQLite: the same value of the same type."""
    conn = sqlite3.connect(":memory:")
    back = literals.value(conn.execute(f"SELECT {literals.sql('?1')}", (value,)).fetchone()[0])
    conn.close()
    assert back == value
    assert type(back) is type(value) or (isinstance(value, float) and math.isinf(value))
