"""What completion speaks of: words that may stand at a place of a command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A word that may stand there, and what it means."""

    value: str
    help: str = ""


class Place(NamedTuple):
    """Where in a command line one is: in which command, by which words, how many arguments stand there, an option that
    waits for its value, and the options given so far, by the names of their parameters."""

    command: Any
    path: tuple[str, ...]
    arguments: int
    option: Any
    given: dict[str, str]


def beginning(begun: str, found: Iterable[Candidate]) -> list[Candidate]:
    """Those that go on as begun, in any case of letters."""
    return [one for one in found if one.value.casefold().startswith(begun.casefold())]


def prefixed(head: str, found: list[Candidate] | None) -> list[Candidate] | None:
    """The candidates for the end of a word as candidates for the whole word."""
    return found and [one._replace(value=head + one.value) for one in found]
