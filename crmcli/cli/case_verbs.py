"""crm case open, pending, close, cancel, reset, escalate, and what is said: note, reply, quote, remind (domain.md §2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from crmcli import canned, case_log, cases, settings
from crmcli.cli import case_files, case_options, editor, nouns
from crmcli.cli.case_options import Cases, Channel, Found, Mood, Text, Where, Which
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import Refused
from crmcli.execute import execute
from crmcli.fields import Field
from crmcli.model import STATES, Act, Edit, Note, Remind, Reply
from crmcli.text import shown
from crmcli.values import Moment, parse
from crmcli.workflow import VERBS

app = typer.Typer()

# The mails of a step.
WRITTEN = """
SELECT o.recipient, o.error, o.state
FROM change_sets g JOIN changes c ON c.change_set_id = g.id JOIN outbox o ON o.id = c.row_id
WHERE g.step = ? AND c.table_name = 'outbox' AND c.op = 'insert'
ORDER BY o.id
"""

# What a verb is called where its name is no verb.
VERB_WORDS = {"pending": "set to pending"}


@app.command("open")
def open_(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Open cases: they are worked on, by you where nobody was responsible.

    Example: crm case open 1
    """
    _act(session(ctx), which, where, "open")


@app.command()
def pending(
    ctx: typer.Context,
    which: Found = None,
    where: Where = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Open them again by itself then.", show_default=False)] = "",
) -> None:
    """Set cases to pending: they wait for somebody else.

    Example: crm case pending 1 --until +1w
    """
    s = session(ctx)
    _act(s, which, where, "pending", until=parse(Field("until", "time"), until, nouns.moment(s)))


@app.command()
def close(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Close cases: they are done.

    Example: crm case close --where "section:support +late" -y
    """
    _act(session(ctx), which, where, "close")


@app.command()
def cancel(
    ctx: typer.Context,
    which: Found = None,
    where: Where = "",
    lost_reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it came to nothing.", show_default=False)] = "",
) -> None:
    """Cancel cases: nothing comes of them.

    Example: crm case cancel 1 --lost-reason "too expensive"
    """
    s = session(ctx)
    _act(s, which, where, "cancel", lost_reason=parse(Field("lost_reason"), lost_reason, nouns.moment(s)))


@app.command()
def reset(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Take closed or cancelled cases back to draft.

    Example: crm case reset 1
    """
    _act(session(ctx), which, where, "reset")


@app.command()
def escalate(ctx: typer.Context, which: Found = None, where: Where = "") -> None:
    """Hand cases to the section above theirs and its responsible.

    Example: crm case escalate 15
    """
    _act(session(ctx), which, where, "escalate")


def _act(
    s: Session, which: list[str] | None, where: str, verb: str, until: str | None = None, lost_reason: str | None = None
) -> None:
    ids = case_options.chosen(s, VERB_WORDS.get(verb, verb), which, where)
    case_options.every(s, ids, lambda tx, case_id: (Act(case_id, verb, until, lost_reason),))


# What is said ------------------------------------------------------------------------------------------


@app.command()
def note(ctx: typer.Context, which: Which, text: Text = None, channel: Channel = "", mood: Mood = "") -> None:
    """Put a note in the history; without a text the pending description, or your editor on a terminal.

    Example: crm case note 1 "called back, needs a new seal" --channel phone --mood Happy
    """
    s = session(ctx)
    before = case_options.with_words(s, channel, mood)
    said = editor.text(s, text, _draft(s, which, "", quote=False))
    case_options.each(s, [which], lambda tx, case_id: (*before(case_id), Note(case_id, said)))


@app.command()
def reply(
    ctx: typer.Context,
    which: Which,
    text: Text = None,
    attach: Annotated[list[str] | None, typer.Option(metavar="FILE", help="A file to send along.", show_default=False)] = None,
    state: Annotated[str, typer.Option(metavar="STATE", help="The state after it; else the section's.", show_default=False)] = "",
    quote: Annotated[bool, typer.Option("--quote", help="With the newest communication quoted before it.")] = False,
    template: Annotated[str, typer.Option(metavar="NAME", help="Start from a canned reply.", show_default=False)] = "",
    channel: Channel = "",
    mood: Mood = "",
) -> None:
    """Answer the partner and the watchers by mail; without a text the pending description, or your editor on a terminal.

    Example: crm case reply 1 "It is on its way." --state close
    """
    s = session(ctx)
    sent = [case_files.read(path) for path in attach or ()]
    target = _state(state)
    before = case_options.with_words(s, channel, mood)
    start = canned.text(s.conn, template) if template else ""
    said = editor.text(s, text, _draft(s, which, start, quote))
    finished = text is None and s.on_terminal

    def act(tx: Tx, case_id: int) -> None:
        attachment_ids = case_files.put(tx, case_id, sent)
        words = said if finished else _worded(tx.conn, case_id, start, said, quote)
        case_options.tell(s, execute(tx, *before(case_id), Reply(case_id, words, target, attachment_ids)))

    with _mails_told(s):
        s.each(nouns.chosen(s, "case", [which]), act)


@contextmanager
def _mails_told(s: Session) -> Iterator[None]:
    """Tell of mails that were written meanwhile and do not leave by themselves: a person thinks that they are sent."""
    try:
        yield
    finally:
        written = s.conn.execute(WRITTEN, (s.step,)).fetchall()
        for recipient, error in (row[:2] for row in written if row["state"] == "held"):
            s.say(f"the mail to {shown(recipient)} is held: {shown(error or '')} (crm mail outbox list)")
        if s.on_terminal and any(row["state"] == "queued" for row in written) and not settings.get(s.conn, "transport"):
            s.say("the mail waits: no transport is set (crm help mail)")


def _state(word: str) -> str | None:
    """A state, also by the verb that leads there; None for the section's reply_state."""
    if not word:
        return None
    by_verb = {name: verb.to for name, verb in VERBS.items() if verb.to}
    found = str(parse(Field("state", "choice", choices=tuple(dict.fromkeys((*STATES, *by_verb)))), word, Moment("")))
    return by_verb.get(found, found)


def _draft(s: Session, which: str, start: str, quote: bool) -> str:
    """What the editor begins with: of one case what is pending, with the canned reply and the quote before it."""
    if not s.on_terminal:
        return ""
    ids = nouns.chosen(s, "case", [which])
    return (
        (_worded(s.conn, ids[0], start, None, quote) or cases.get(s.conn, ids[0]).description or "") if len(ids) == 1 else start
    )


def _worded(conn: sqlite3.Connection, case_id: int, start: str, said: str | None, quote: bool) -> str | None:
    """The words of a reply: quote, canned reply, and what was said, else what is pending; None where all is left to the case."""
    if not start and not quote:
        return said
    last = cases.get(conn, case_id).description if said is None else said
    return "\n\n".join(part for part in (_quotation(conn, case_id) if quote else "", start, last) if part)


def _quotation(conn: sqlite3.Connection, case_id: int) -> str:
    _, newest = case_log.newest_texts(conn, case_id)  # it is for the partner
    if newest is None:
        raise Refused(f"case {case_id} has no communication to quote", hint=f"crm case show {case_id}")
    return case_log.quoted(newest)


@app.command()
def quote(ctx: typer.Context, which: Cases) -> None:
    """Put the newest communication, quoted, before the pending description.

    Example: crm case quote 1
    """
    case_options.each(
        session(ctx), which, lambda tx, case_id: (Edit(case_id, {"description": _worded(tx.conn, case_id, "", None, True)}),)
    )


@app.command()
def remind(
    ctx: typer.Context,
    which: Cases,
    user: Annotated[bool, typer.Option("--user", help="The responsible.")] = False,
    partner: Annotated[bool, typer.Option("--partner", help="The partner.")] = False,
    attach: Annotated[bool, typer.Option("--attach", help="With all files of the case.")] = False,
) -> None:
    """Send the newest communication again as a reminder.

    Example: crm case remind 1 --user
    """
    s = session(ctx)
    with _mails_told(s):
        case_options.each(s, which, lambda tx, case_id: (Remind(case_id, user, partner, attach),))
