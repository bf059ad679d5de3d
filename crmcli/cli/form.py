"""Editing a thing in the editor: its form goes out, comes back, and what was changed in it is written (cli.md §1).

What came back is held against the thing as it is then: where somebody else has changed it, nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import typer

from crmcli import form, records
from crmcli.cli import editor
from crmcli.cli.fields import Parameters, parameter
from crmcli.cli.session import Session
from crmcli.db import Tx
from crmcli.errors import Conflict, CrmError, Usage
from crmcli.fields import NOUNS
from crmcli.model import Row
from crmcli.values import Moment

Save: TypeAlias = Callable[[Tx, int, Row], None]

OPTIONS: Parameters = [
    parameter(
        "in_editor",
        bool,
        False,
        typer.Option("--editor", help="As a form in your editor, also without a terminal."),
    ),
    parameter("as_form", bool, False, typer.Option("--form", help="Print that form only.")),
]


def meant(s: Session, given: bool, in_editor: bool, as_form: bool) -> bool:
    """Whether a form is meant: it is asked for, or no option is given and a person is there."""
    if given and (in_editor or as_form):
        raise Usage("a form and options for fields do not go together", hint="leave the one or the other out")
    return in_editor or as_form or (not given and s.on_terminal)


def fill(s: Session, noun: str, ids: list[int], as_form: bool, save: Save) -> None:
    """Let a person fill in the form of one thing, and save what was changed; with as_form it is only printed."""
    kind = NOUNS[noun]
    if len(ids) != 1:
        raise Usage(f"a form is for one {kind.title} at a time", hint=f"name the fields to change: crm {kind.command} edit -h")
    shown = form.write(s.conn, noun, ids[0], s.zone)
    if as_form:
        sys.stdout.write(shown)
        return
    s.origin()  # says no before the work, not after it, where the past is being read
    base, text = form.values(shown), shown
    while True:
        before, text = text, editor.edited(s, text, ".toml") + "\n"
        try:
            if not _save(s, noun, ids[0], base, form.without_error(text), save):
                s.say("nothing was changed")
            return
        except Conflict as error:
            raise Conflict(error.message, hint=f"what you wrote is kept in {editor.kept(text, '.toml')}") from None
        except CrmError as error:
            if not s.on_terminal or text == before:
                raise
            text = form.with_error(text, error)


def _save(s: Session, noun: str, number: int, base: dict[str, Any], text: str, save: Save) -> bool:
    """Write what the form changes, if the thing is still as it was shown → whether there was anything."""
    mine = form.values(text)
    texts = form.changed(base, mine)
    if not texts:
        return False
    values = records.parsed(s.conn, noun, texts, Moment(s.now, s.zone))
    with s.write() as tx:
        theirs = form.values(form.write(tx.conn, noun, number, s.zone))
        told = form.conflicts(base, theirs, mine)
        if told:
            raise Conflict(f"{NOUNS[noun].title} {number} was changed meanwhile: {told}")
        save(tx, number, values)
    return True
