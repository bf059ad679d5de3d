"""Personal settings: option, environment, user's file, /etc/crm/config.toml, default, in this order (cli.md §1).

What mail, cron and the team share is in the database (settings.py), not here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from crmcli.tuples import Any, NamedTuple

SYSTEM_FILE = "/etc/crm/config.toml"

# Personal setting → its environment variable.
VARIABLES = {"db": "CRM_DB", "user": "CRM_USER", "now": "CRM_NOW", "tz": "TZ", "output": "CRM_OUTPUT"}


class Value(NamedTuple):
    """A personal setting and where it comes from."""

    value: str
    origin: str


def home(environ: Mapping[str, str]) -> str:
    """The user's home folder, also where HOME is unset or empty."""
    if environ.get("HOME"):
        return environ["HOME"]
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def folder(environ: Mapping[str, str]) -> str:
    """The user's configuration folder, ``$XDG_CONFIG_HOME/crm``."""
    return os.path.join(environ.get("XDG_CONFIG_HOME") or os.path.join(home(environ), ".config"), "crm")


def read(environ: Mapping[str, str], options: Mapping[str, str | None]) -> dict[str, Value]:
    """Every personal setting with its origin; options are those given on the command line."""
    found = {name: Value(value, "default") for name, value in _defaults(environ).items()}
    user_file = options.get("config") or environ.get("CRM_CONFIG")
    for path in (SYSTEM_FILE, user_file or os.path.join(folder(environ), "config.toml")):
        found.update({name: Value(value, path) for name, value in _file(path, path == user_file).items()})
    for name, variable in VARIABLES.items():
        if environ.get(variable):
            found[name] = Value(environ[variable], f"environment {variable}")
    for name, option in options.items():
        if option and name in found:
            found[name] = Value(option, "option")
    return found


def _defaults(environ: Mapping[str, str]) -> dict[str, str]:
    data = environ.get("XDG_DATA_HOME") or os.path.join(home(environ), ".local", "share")
    return {"db": os.path.join(data, "crm", "crm.db"), "user": "", "now": "", "tz": "", "output": ""}


def _file(path: str, required: bool) -> dict[str, str]:
    from crmcli.errors import BadConfig

    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        if required:
            raise BadConfig(f"cannot read {path}: {error.strerror}", hint="name another with --config") from None
        return {}
    import tomllib

    try:
        values: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path} is not TOML: {error}") from None
    unknown = [name for name in values if name not in VARIABLES]
    if unknown:
        raise BadConfig(f"{path} has an unknown setting {unknown[0]}", hint=f"known: {', '.join(VARIABLES)}")
    return {name: str(value) for name, value in values.items()}
