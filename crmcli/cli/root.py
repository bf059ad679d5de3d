"""The root of the command line: what commands there are, loaded one at a time, and the options of all of them."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable
from copy import copy
from functools import cache
from inspect import Parameter, Signature
from typing import Any

import typer
from typer import _click as click  # Typer carries its own Click from 0.26 on
from typer.core import TyperGroup

import crmcli
from crmcli.cli import synonyms
from crmcli.cli.commands import COMMANDS, HEADINGS
from crmcli.cli.session import FORMATS, Globals, Session
from crmcli.errors import Usage

GLOBALS = (
    ("db", ["--db"], "FILE", "The database."),
    ("user", ["--as"], "LOGIN", "Act as this user."),
    ("now", ["--now"], "TIME", "Take this for the present moment."),
    ("tz", ["--tz"], "ZONE", "Show and read times in this zone."),
    ("config", ["--config"], "FILE", "Your own settings."),
    ("output", ["-o", "--output"], "FORMAT", f"One of {', '.join(FORMATS)}."),
    ("reason", ["--reason"], "TEXT", "Why; kept in the journal."),
    ("as_of", ["--as-of"], "TIME", "Read everything as it was then; a day means its end."),
    ("dry_run", ["-n", "--dry-run"], "", "Do it, show it, write nothing."),
    ("yes", ["-y", "--yes"], "", "Do not ask."),
    ("quiet", ["-q", "--quiet"], "", "Say nothing but errors."),
    ("verbose", ["-v", "--verbose"], "", "Say more."),
    ("no_color", ["--no-color"], "", "No colours."),
)

# What Typer adds to a command that stands alone; crm completion is for all of them.
TYPERS_OWN = ("install_completion", "show_completion")

HELP = {"help_option_names": ["-h", "--help"]}
UNKNOWN = re.compile(r"No such command '([^']+)'\.?\Z")
UNKNOWN_OPTION = re.compile(r"No such option: (--[\w-]+)")
EPILOG = "Options of every command (--db, --as, -o, -n …) are shown by: crm --help"


class Given:
    """Collects the global options wherever they stand, and makes the session from them when a command asks."""

    def __init__(self, argv: list[str]) -> None:
        self.command = shlex.join(["crm", *argv])
        self.values: dict[str, Any] = {}

    def __call__(self) -> Session:
        return Session(Globals(**self.values), self.command)


def _collect(name: str) -> Callable[[typer.Context, Any], Any]:
    def collect(ctx: typer.Context, value: Any) -> Any:
        if value not in (None, False):
            ctx.obj.values[name] = value
        return value

    return collect


@cache
def _options() -> tuple[click.Parameter, ...]:
    """The options of every command and --version, made by Typer itself, as its own classes differ by version.

    Each has a name of its own, so that a command may have a `user` too.
    """

    def nothing(**given: Any) -> None: ...

    options = {
        f"given_{name}": typer.Option(
            None if metavar else False, *words, show_default=False, metavar=metavar or None, help=text,
            callback=_collect(name), expose_value=False,
        )
        for name, words, metavar, text in GLOBALS
    }  # fmt: skip
    options["version"] = typer.Option(
        False, "--version", show_default=False, is_eager=True, expose_value=False, callback=_version, help="Show the version."
    )
    nothing.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=option, annotation=bool if option.default is False else str)
            for name, option in options.items()
        ]
    )
    app = typer.Typer(add_completion=False)
    app.command()(nothing)
    return tuple(typer.main.get_command(app).params)


@cache
def _hidden() -> list[click.Parameter]:
    """The same as every command takes them, unseen in its help."""
    options = [copy(option) for option in _options() if option.name != "version"]
    for option in options:
        option.hidden = True  # type: ignore[attr-defined]
    return options


def _equip(command: click.Command) -> click.Command:
    """Give a command and all below it the global options, -h, and help without markup."""
    command.params = [param for param in command.params if param.name not in TYPERS_OWN]
    for param in command.params:
        if param.param_type_name == "argument":
            _plain(param)
    taken = {word for param in command.params for word in getattr(param, "opts", [])}
    command.params += [option for option in _hidden() if not taken & set(option.opts)]
    command.context_settings.update(HELP)
    if hasattr(command, "rich_markup_mode"):
        command.rich_markup_mode = None
    for below in getattr(command, "commands", {}).values():
        below.short_help = (below.help or "").strip().partition("\n")[0]  # whole: Click would cut it
        _equip(below)
    if isinstance(command, TyperGroup):
        command.no_args_is_help = True
    elif not command.epilog:
        command.epilog = EPILOG
    return command


def _plain(argument: Any) -> None:
    """Let usage lines say CASE or [CASE], where Typer says {CASE}."""
    dots = "..." if argument.nargs != 1 else ""
    argument.metavar = argument.metavar or f"{argument.name.upper()}{dots}"
    optional = not argument.required and not argument.metavar.startswith("[")
    shown = f"[{argument.metavar}]" if optional else argument.metavar
    argument.get_usage_pieces = lambda ctx: [] if argument.hidden else [shown]


class LazyGroup(TyperGroup):
    """The root group: it knows its commands by name and imports one only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            app: typer.Typer = getattr(importlib.import_module(f"crmcli.cli.{module}"), attribute or "app")
            single = len(app.registered_commands) == 1 and not app.registered_groups and app.registered_callback is None
            command = typer.main.get_command(app) if single else typer.main.get_group(app)
            command.name = cmd_name
            self.commands[cmd_name] = _equip(command)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        wide = max(map(len, COMMANDS))
        for heading, under in HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(wide), entry.text) for name, entry in under.items()])


def _version(ctx: typer.Context, value: bool) -> None:
    if value:
        sys.stdout.write(f"crm {crmcli.__version__}\n")
        ctx.exit()


def _bare() -> None:
    """Without a command: the status, or the help where there is no database yet."""
    ctx = click.globals.get_current_context()
    if ctx.invoked_subcommand is not None:
        return
    s: Session = ctx.obj()
    if not os.path.exists(s.path):
        sys.stdout.write(ctx.get_help() + "\n")
        return
    from crmcli.cli import status

    status.show(s)


def root() -> LazyGroup:
    """The whole command line."""
    return LazyGroup(
        name="crm",
        help="Customers, suppliers and their cases: by terminal, cron and mail.",
        epilog="First steps: crm demo, then crm init. Longer help: crm help; crm COMMAND -h.",
        params=[*_options()],
        context_settings=HELP,
        callback=_bare,
        invoke_without_command=True,
        rich_markup_mode=None,
    )


def run(argv: list[str]) -> int:
    """Run a command line → exit code; usage errors and refusals are raised."""
    try:
        done = root().main(args=argv, prog_name="crm", standalone_mode=False, obj=Given(argv))
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stdout.write(error.format_message().rstrip() + "\n")
        return 0
    except click.exceptions.ClickException as error:
        raise _usage(error) from None
    return done if isinstance(done, int) else 0


def _usage(error: click.exceptions.ClickException) -> Usage:
    """Click's complaint as one sentence of ours, with where to look."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "crm"
    message = " ".join(error.format_message().split()).rstrip(".")
    unknown, option = UNKNOWN.match(message), UNKNOWN_OPTION.match(message)
    meant = synonyms.instead(path, unknown[1]) if unknown else synonyms.option(path, option[1]) if option else ""
    if option and meant:
        message = option[0]  # without what merely looks like it
    return Usage(message[:1].lower() + message[1:], hint=f"meant? {meant}" if meant else f"see: {path} --help")
