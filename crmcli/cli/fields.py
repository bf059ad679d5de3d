"""Options of add and edit, made from the table of fields: Typer sees a real function with real types (cli.md §1)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from crmcli.cli.session import Session
from crmcli.fields import Field, Noun
from crmcli.model import PRIORITIES

METAVARS = {
    "lines": "TEXT", "int": "NUMBER", "number": "NUMBER", "percent": "PERCENT", "money": "AMOUNT", "time": "TIME", "day": "DAY",
    "priority": "PRIORITY", "addresses": "ADDRESSES", "delay": "DELAY",
}  # fmt: skip

Parameters = list[inspect.Parameter]


def options(kind: Noun, without: Iterable[str] = ()) -> Parameters:
    """An option for each field that add and edit take; not given is None, and an empty text clears."""
    return [_option(field) for field in kind.fields if field.edit and field.name not in without]


def _option(field: Field) -> inspect.Parameter:
    word = field.short.replace("_", "-")
    if field.kind == "bool":
        off = f"--{field.off}" if field.off else f"--no-{word}"
        return parameter(field.name, bool | None, None, typer.Option(f"--{word}/{off}", help=sentence(field), show_default=False))
    names = [f"--{word}"] if field.name != "email_cc" else ["--email-cc", "--cc"]
    shown = typer.Option(*names, metavar=_metavar(field), help=sentence(field), show_default=False)
    return parameter(field.name, list[str] | None if field.kind == "addresses" else str | None, None, shown)


def _metavar(field: Field) -> str:
    if field.link:
        return field.link.removeprefix("partner_").upper()
    return METAVARS.get(field.kind, "|".join(field.choices) if 0 < len(field.choices) < 4 else "TEXT")


def sentence(field: Field) -> str:
    """The field's words as a sentence, with its choices."""
    words = field.help or f"the {field.short.replace('_', ' ')}"
    choices = PRIORITIES if field.kind == "priority" else field.choices
    more = f" One of: {', '.join(choices)}." if field.kind == "choice" else ""
    return f"{words[0].upper()}{words[1:]}.{more}"


def parameter(name: str, kind: Any, default: Any, shown: Any) -> inspect.Parameter:
    """A parameter as Typer reads it; default inspect.Parameter.empty makes it required."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown])


def command(body: Callable[..., None], parameters: Parameters, doc: str) -> Callable[..., None]:
    """A function that Typer takes for one with these parameters; body is called with them by name, and ctx."""

    def run(**given: Any) -> None:
        body(**given)

    ctx = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    everything = [ctx, *parameters]
    run.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in everything}
    run.__doc__ = doc
    return run


def texts(s: Session, kind: Noun, given: dict[str, Any]) -> dict[str, str]:
    """The options that were given, as texts by field name; a ``-`` for a text of many lines is standard input."""
    found: dict[str, str] = {}
    for field in kind.fields:
        value = given.get(field.name)
        if value is None or value == []:
            continue
        if field.kind == "bool" and isinstance(value, bool):
            found[field.name] = "yes" if value else "no"
        elif field.kind == "lines" and value == "-":
            found[field.name] = s.read().decode("utf-8", "replace")
        else:
            found[field.name] = ",".join(value) if isinstance(value, list) else value
    return found
