"""What may stand at a place of the command line: commands and options, found without the database, and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmcli.cli import root
from crmcli.cli.candidates import Candidate, Place, beginning, prefixed
from crmcli.cli.commands import COMMANDS


def candidates(words: list[str], begun: str) -> list[Candidate] | None:
    """What may follow these words and goes on as begun; None where the name of a file is wanted."""
    place = _place(words)
    if place.option is not None:
        return _values(place, place.option, begun)
    if begun.startswith("-"):
        word, equals, value = begun.partition("=")
        if not equals:
            return beginning(begun, _options(place.command))
        return prefixed(f"{word}=", _values(place, _option(place.command, word), value))
    if hasattr(place.command, "commands"):
        found = beginning(begun, _commands(place.command))
        return found if place.path != ("view",) else [*found, *(_values(_onward(place, ""), _view(place), begun) or [])]
    arguments = [param for param in place.command.params if param.param_type_name == "argument"]
    if not arguments or (place.arguments >= len(arguments) and arguments[-1].nargs != -1):
        return []
    return _values(place, arguments[min(place.arguments, len(arguments) - 1)], begun)


def _values(place: Place, param: Any, begun: str) -> list[Candidate] | None:
    from crmcli.cli import complete_values

    return complete_values.values(place, param, begun)


# Where one is ------------------------------------------------------------------------------------


def _place(words: list[str]) -> Place:
    place = Place(root.root(), (), 0, None, {})
    plain = False
    for word in words:
        if place.option is not None:
            place.given[place.option.name] = word
            place = place._replace(option=None)
        elif word == "--":
            plain = True
        elif word.startswith("-") and len(word) > 1 and not plain:
            place = _past_option(place, word)
        else:
            place = _onward(place, word)
    return place


def _past_option(place: Place, word: str) -> Place:
    name, equals, value = word.partition("=")
    option = _option(place.command, name)
    if equals:
        place.given[option.name] = value
    return place if equals or option.is_flag else place._replace(option=option)


def _onward(place: Place, word: str) -> Place:
    """One word further: into a command below, or past an argument."""
    if not hasattr(place.command, "commands"):
        return place._replace(arguments=place.arguments + 1)
    below = place.command.get_command(None, word)
    if below is None and place.path == ("view",):  # crm view NAME is crm view run NAME
        return Place(place.command.commands["run"], ("view", "run"), 1, None, place.given)
    if below is None:
        raise LookupError(word)
    return place._replace(command=below, path=(*place.path, word))


def _view(place: Place) -> Any:
    """The argument of crm view run: which view."""
    return next(param for param in place.command.commands["run"].params if param.param_type_name == "argument")


def _option(command: Any, word: str) -> Any:
    found = next((param for param in command.params if word in (*param.opts, *param.secondary_opts)), None)
    if found is None:
        raise LookupError(word)
    return found


def _options(command: Any) -> Iterator[Candidate]:
    for param in command.params:
        for word in (*param.opts, *param.secondary_opts) if param.param_type_name == "option" else ():
            if word.startswith("--"):
                yield Candidate(word, param.help or "")
    yield Candidate("--help", "Show what the command does, and its options.")


def _commands(command: Any) -> Iterator[Candidate]:
    if isinstance(command, root.LazyGroup):
        return (Candidate(name, text) for name, (_, text) in COMMANDS.items())
    return (Candidate(name, below.get_short_help_str(60)) for name, below in command.commands.items())
