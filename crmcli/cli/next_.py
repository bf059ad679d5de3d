"""crm next: what to do now."""

from __future__ import annotations

import typer

from crmcli import clock, dates
from crmcli.cli import lists
from crmcli.cli.list_options import Asked, Columns, Filter, Limit
from crmcli.cli.session import session
from crmcli.filters import context
from crmcli.reports import urgency

app = typer.Typer()

LISTING = lists.CASES._replace(noun=lists.CASES.noun._replace(columns=urgency.SHOWN), columns=urgency.COLUMNS)


@app.command("next")
def next_(ctx: typer.Context, words: Filter = None, columns: Columns = "", limit: Limit = None) -> None:
    """List what to do now, the most urgent first, each case with its reasons.

    A case stands where the first of these holds of it, and says all that hold: it is late; it is due today; its
    priority is high or highest; the partner waits for an answer; nobody is responsible; it had no action for
    14 days (stale_days); it is due within a week; it is open or draft. Where the same holds: by priority, then
    the earliest deadline, then what has lain longest. What is pending is here only if it is late, due today, stale,
    or the partner has answered. Of everybody, unless the filter says whose: +mine.

    Example: crm next +mine
    """
    s = session(ctx)
    asked = Asked(columns, limit=limit)
    where, parameters = lists.condition(s, LISTING.noun, " ".join(words or []), asked)
    tonight = clock.shift(dates.days("today", s.now, s.zone)[1], -1)
    stale = clock.shift(s.now, -urgency.DAY * context(s.conn, s.now).stale_days)
    wanted = urgency.Wanted(where, parameters, s.now, tonight, stale, s.zone, lists.limit(s, asked))
    found = urgency.urgent(s.conn, wanted, lists.names(s, LISTING, columns))
    if wanted.limit is not None and s.output == "table":
        found = found._replace(more=max(urgency.count(s.conn, wanted) - wanted.limit, 0))
    s.show(found)
