"""The words of our mails: `templates/mail/NAME.txt.j2`, the site's own before the shipped ones (mail.md §7).

A template of plain ``{{ name }}`` is filled here; only one with more in it loads Jinja2, in its sandbox. Values
are texts and are never read as templates themselves.
"""

from __future__ import annotations

import os
import re

from crmcli import config, resources
from crmcli.errors import BadConfig

PLAIN = re.compile(r"\{\{ *([a-z_]+) *\}\}")
MORE = ("{{", "{%", "{#")
LONGEST = 1_000_000


def render(name: str, language: str | None, values: dict[str, str]) -> str:
    """The template filled with the values, in the language where there is such a one, cut at a million characters.

    BadConfig where the template fails.
    """
    path = find(name, language)
    with open(path, encoding="utf-8") as file:
        source = file.read()
    rest = PLAIN.sub("", source)
    plain = not any(sign in rest for sign in MORE)
    return (_filled(path, source, values) if plain else _by_jinja(path, source, values))[:LONGEST]


def find(name: str, language: str | None) -> str:
    """The file of a template: the site's in the language, the site's, the shipped one in the language, the shipped one."""
    names = [f"{name}.{language.lower()}.txt.j2"] if language and language.isalnum() else []
    names.append(f"{name}.txt.j2")
    own = [os.path.join(folder, file) for folder in folders() for file in names]
    shipped = [resources.path("templates", "mail", file) for file in names]
    return next((path for path in own + shipped if os.path.isfile(path)), shipped[-1])


def folders() -> list[str]:
    """Where a site's own mail templates stand: the config folder, then /etc/crm."""
    return [os.path.join(folder, "templates", "mail") for folder in (config.folder(os.environ), "/etc/crm")]


def _filled(path: str, source: str, values: dict[str, str]) -> str:
    try:
        return PLAIN.sub(lambda found: values[found[1]], source)
    except KeyError as error:
        raise BadConfig(f"the mail template {path} names {error.args[0]}, which does not exist", hint=_known(values)) from None


def _by_jinja(path: str, source: str, values: dict[str, str]) -> str:
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    room = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    parts, length = [], 0
    try:
        for part in room.from_string(source).generate(**values):
            parts.append(part)
            length += len(part)
            if length > LONGEST:
                break
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as error:
        raise BadConfig(f"the mail template {path} fails: {error}", hint=_known(values)) from None
    return "".join(parts)


def _known(values: dict[str, str]) -> str:
    return "known names: " + ", ".join(sorted(values))
