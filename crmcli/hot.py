"""The hot road: plain command lines of `ingest`, `run-rules` and `case list` skip Typer (architecture.md §3).

``match`` may only say yes: it knows a few plain ``--option value`` pairs and leaves everything else, every
mistake and every --help, to Typer, which accepts all that is accepted here with the same values.
"""

from __future__ import annotations

from crmcli.tuples import NamedTuple

# Option → the field of Globals that it sets; True where it takes no value.
GLOBALS = {
    "--db": ("db", False),
    "--as": ("user", False),
    "--now": ("now", False),
    "--tz": ("tz", False),
    "-o": ("output", False),
    "--output": ("output", False),
    "-q": ("quiet", True),
    "-v": ("verbose", True),
}

# Global options with a value that are not hot.
VALUED = ("--config", "--reason", "--as-of")

# Command words → its own options: field and whether the option repeats.
COMMANDS: dict[tuple[str, ...], dict[str, tuple[str, bool]]] = {
    ("ingest",): {"--section": ("section", False), "--recipient": ("recipient", True), "--sender": ("sender", False)},
    ("run-rules",): {},
    ("case", "list"): {"--columns": ("columns", False), "--sort": ("sort", False), "--limit": ("limit", False)},
}
NUMBERS = ("limit",)


class Hot(NamedTuple):
    """A command line that needs no Typer: its words, the global options and its own."""

    words: tuple[str, ...]
    given: dict[str, str | bool]
    options: dict[str, str | tuple[str, ...]]


def match(argv: list[str]) -> Hot | None:
    """The command line in parts where it is plain and hot, else None."""
    words: list[str] = []
    given: dict[str, str | bool] = {}
    rest: list[tuple[str, str]] = []
    position = 0
    while position < len(argv):
        token = argv[position]
        position += 1
        if not token.startswith("-"):
            words.append(token)
            if not any(known[: len(words)] == tuple(words) for known in COMMANDS):
                return None
            continue
        field, flag = GLOBALS.get(token, ("", False))
        if flag:
            given[field] = True
            continue
        if position == len(argv) or argv[position].startswith("-"):
            return None
        value = argv[position]
        position += 1
        if field:
            given[field] = value
        elif tuple(words) in COMMANDS:
            rest.append((token, value))
        else:
            return None
    return _with_options(tuple(words), given, rest)


def _with_options(words: tuple[str, ...], given: dict[str, str | bool], rest: list[tuple[str, str]]) -> Hot | None:
    known = COMMANDS.get(words)
    if known is None:
        return None
    options: dict[str, str | tuple[str, ...]] = {}
    for token, value in rest:
        field, repeats = known.get(token, ("", False))
        if not field or (field in NUMBERS and not (value.isascii() and value.isdecimal())):
            return None
        if repeats:
            before = options.get(field, ())
            options[field] = (*before, value) if isinstance(before, tuple) else (value,)
        else:
            options[field] = value
    return Hot(words, given, options)


def first_word(argv: list[str]) -> str:
    """The first word that is neither an option nor the value of a global one: the command."""
    position = 0
    while position < len(argv):
        token = argv[position]
        if not token.startswith("-"):
            return token
        takes_value = token in VALUED or (token in GLOBALS and not GLOBALS[token][1])
        position += 2 if takes_value else 1
    return ""
