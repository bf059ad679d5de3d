"""The line that a search shows: the words in brackets, whatever the text holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.filters.excerpt import LONGEST, excerpt, parts

TEXTS = st.text(st.sampled_from("ab éß 日本 -.\n[]\"'\u0301x1"), max_size=400)


@pytest.mark.parametrize(
    ("text", "wanted", "line"),
    [
        ("Pump broken", ["pump"], "[Pump] broken"),
        ("Hello,\nthe pump broke.\nJoe", ["pump"], "the [pump] broke."),
        ("pumps and pump", ["pump"], "pumps and [pump]"),
        ("the broken pump, pump", ["broken pump"], "the [broken pump], pump"),
        ("broken\npump", ["broken pump"], "[broken pump]"),
        ("Störung", ["storung"], "[Störung]"),
        ("Sto\u0308rung", ["störung"], "[Sto\u0308rung]"),
        ("東京都の天気", ["天気"], "東京都の[天気]"),
        ("pump-station", ["pump station"], "[pump-station]"),
        ("nothing of it\nhere", ["pump"], "nothing of it"),
        ("", ["pump"], ""),
    ],
)
def test_the_words_are_marked_in_their_line(text: str, wanted: list[str], line: str) -> None:
    assert excerpt(text, wanted) == line


def test_a_long_line_is_shown_from_a_little_before_the_find() -> None:
    line = excerpt("far " * 200 + "the pump leaks " + "away " * 200, ["pump"])
    assert line.startswith("…far far")
    assert line.index("[pump]") < 40
    assert line.endswith("away…")


@given(TEXTS, TEXTS)
def test_any_text_gives_one_short_line(text: str, wanted: str) -> None:
    line = excerpt(text, [wanted])
    assert "\n" not in line
    assert len(line) <= LONGEST + 2 * len(text)
    assert all(sign in text + "[]… " for sign in line)


def test_words_in_quotes_stand_side_by_side() -> None:
    assert parts('broken "the pump" now "open') == ["broken", "the pump", "now", "open"]
