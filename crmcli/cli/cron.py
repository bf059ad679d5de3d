"""crm run-rules, with or without Typer: what is due by rules and segments, done and told."""

from __future__ import annotations

import sys

from crmcli.cli.session import Session
from crmcli.errors import CrmError, Refused
from crmcli.origin import Origin
from crmcli.rules.run import Limits, Report
from crmcli.rules.run import run as run_rules

SEGMENTS = "SELECT 1 FROM segments WHERE active = 1 LIMIT 1"
LEFT = "SELECT 1 FROM deliveries WHERE state = 'received' AND lease_until <= ? LIMIT 1"
SENDING = 10.0


def run(s: Session, limits: Limits = Limits(), segments: bool = True) -> int:
    """Do what is due → 0; told where somebody looks, silent from cron. Raises what could not be done, as a list."""
    origin = Origin(s.now, None, "rules", s.command, s.given.reason, s.step, s.given.dry_run)
    report = run_rules(s.conn, origin, limits)
    refused = _segments(s, origin._replace(step=report.step)) if segments and s.conn.execute(SEGMENTS).fetchone() else []
    if s.settings["output"].value or s.given.verbose or s.given.dry_run or sys.stdout.isatty():
        _tell(s, report)
    drained = 0 if origin.dry_run or s.conn.execute(LEFT, (s.now,)).fetchone() is None else _drain(s)
    if (report.total("mails") or drained) and not origin.dry_run:
        _send(s, origin.now)
    if report.stopped:
        s.say(report.stopped)
    failed = [*report.failures_told(), *(error.message for error in refused)]
    if failed:
        raise Refused(f"{len(failed)} failed: {'; '.join(failed)}", hint="it is tried again in a while")
    return 0


def _segments(s: Session, origin: Origin) -> list[CrmError]:
    """Run the segments that are due, in the step of the rules → what was refused."""
    from crmcli.segments.due import due

    found = due(s.conn, origin.now)
    if not found:
        return []
    from crmcli.segments.run import run_each

    return run_each(s.conn, origin, found)[1]


def _drain(s: Session) -> int:
    """Finish the mails that were left behind in custody, where no later mail has come to do it (mail.md §2)."""
    from crmcli.mail import ingest

    return ingest.drain(s.conn, Origin(s.now, None, "mail", s.command, s.given.reason))


def _send(s: Session, now: str) -> None:
    """Send the mails that the rules have written, for a short while; what is left waits for `crm mail send`."""
    from crmcli.mail import send

    send.due(s.conn, now, SENDING)


def _tell(s: Session, report: Report) -> None:
    """A row for each active rule, in effective order."""
    from crmcli.model import Column, Result
    from crmcli.rules.rule import load

    kinds = ("examined", "due", "fired", "mails", "failed")
    rows = [
        {"rule": rule.name, **dict.fromkeys(kinds, 0), **report.counts.get(rule.id, {})} for rule in load(s.conn, "r.active = 1")
    ]
    s.show(Result((Column("rule"), *(Column(kind, "int") for kind in kinds)), rows))
