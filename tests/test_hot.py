"""The hot road says yes only to what Typer accepts with the same values; everything else goes to Typer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import __main__, hot
from crmcli.cli import cron, lists, pipe, root
from crmcli.errors import Usage

COMMANDS = list(hot.COMMANDS)
OPTIONS = sorted({*hot.GLOBALS, *(option for known in hot.COMMANDS.values() for option in known)})
OTHERS = [
    "--help", "-h", "--version", "--dry-run", "-n", "-y", "--verbose", "--quiet", "--no-color", "--reason", "--config", "--as-of",
    "--explain", "--max-cases", "--no-segments", "--all", "--after", "--db=x.db", "-ojson", "-qv", "--output=json", "--sec", "--",
    "-", "", "case", "list", "ingest", "run-rules", "show", "+late", "section:x", "7", "-7", "--limit", "x y", "é",
]  # fmt: skip
VALUES = ["a.db", "json", "tsv", "2026-03-02", "ann", "7", "0", "07", "id,name", "-priority", "support", "x@y.example", "é", ""]

GLOBAL = [name for name, (_, flag) in hot.GLOBALS.items() if not flag]


def flat(parts: list[Any]) -> list[str]:
    return [token for part in parts for token in part]


PAIRS = st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)).map(list)
FLAGS = st.sampled_from(["-q", "-v"]).map(lambda flag: [flag])
PLAIN = st.builds(
    lambda before, words, after: [*before, *words, *after],
    st.lists(st.tuples(st.sampled_from(GLOBAL), st.sampled_from(VALUES)), max_size=2).map(
        lambda pairs: [t for p in pairs for t in p]
    ),
    st.sampled_from(COMMANDS),
    st.lists(st.one_of(PAIRS, FLAGS), max_size=4).map(flat),
)
ANY = st.lists(st.sampled_from([*OPTIONS, *OTHERS, *VALUES]), max_size=7)

Call = tuple[Any, ...]


@pytest.fixture(name="called", scope="module")
def _called() -> Iterator[list[Call]]:
    """What the ends of both roads are called with, instead of doing it."""
    calls: list[Call] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipe, "run", lambda s, request: calls.append(("ingest", s.given, request)) or 0)
        patch.setattr(cron, "run", lambda s, *rest: calls.append(("run-rules", s.given, rest or _DEFAULTS)) or 0)
        patch.setattr(lists, "cases", lambda s, words=(), asked=lists.Asked(): calls.append(("list", s.given, words, asked)) or 0)
        patch.setenv("XDG_CONFIG_HOME", "/nowhere")
        yield calls


_DEFAULTS = (cron.Limits(), True)


def by(road: Callable[[list[str]], object], argv: list[str], calls: list[Call]) -> Call | None:
    """The one call that a road makes for a command line, None where it refuses or only tells."""
    calls.clear()
    try:
        road(argv)
    except Usage:
        return None
    assert len(calls) <= 1
    return calls[0] if calls else None


@given(argv=st.one_of(PLAIN, ANY))
def test_what_is_hot_is_accepted_by_typer_with_the_same_values(called: list[Call], argv: list[str]) -> None:
    found = hot.match(argv)
    if found is None:
        return
    hot_call = by(__main__._run, argv, called)
    assert hot_call is not None
    assert hot_call == by(root.run, argv, called)


@given(argv=ANY)
def test_what_is_not_hot_goes_to_typer(called: list[Call], argv: list[str]) -> None:
    seen: list[list[str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "run", lambda words: seen.append(words) or 0)
        called.clear()
        __main__._run(argv)
    assert bool(seen) == (hot.match(argv) is None)
    assert bool(called) != bool(seen)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_plain_commands_are_hot(words: tuple[str, ...]) -> None:
    assert hot.match([*words]) is not None
    assert hot.match(["--db", "x.db", *words, "-o", "json", "-q"]) is not None
    for other in ("--help", "-h", "--nonsense", "--db", "-n"):
        assert hot.match([*words, other]) is None


def test_every_option_of_a_hot_command_is_known_to_typer() -> None:
    """And every value goes where Typer's would: one of each at a time."""
    whole = root.root()
    for words, options in hot.COMMANDS.items():
        command: Any = whole
        for word in words:
            command = command.get_command(None, word)
        known = {option for param in command.params for option in param.opts}
        assert {*options, *hot.GLOBALS} <= known


def test_the_first_word_is_the_command() -> None:
    assert hot.first_word(["--db", "ingest", "case", "list"]) == "case"
    assert hot.first_word(["-q", "--reason", "ingest", "ingest"]) == "ingest"
    assert hot.first_word(["-q"]) == ""
