"""crm run-rules, with or without Typer: what is due by the rules, done and told."""

from __future__ import annotations

import sys

from crmcli.cli.session import Session
from crmcli.model import Origin
from crmcli.rules.run import Limits, Report
from crmcli.rules.run import run as run_rules


def run(s: Session, limits: Limits = Limits()) -> int:
    """Do what is due; told where somebody looks, silent from cron. Raises what rules could not do."""
    origin = Origin(s.now, None, "rules", s.command, s.given.reason, s.step, s.given.dry_run)
    report = run_rules(s.conn, origin, limits)
    if s.settings["output"].value or s.given.verbose or sys.stdout.isatty():
        _tell(s, report)
    if report.stopped:
        s.say(report.stopped)
    trouble = report.trouble()
    if trouble:
        raise trouble
    return 0


def _tell(s: Session, report: Report) -> None:
    """A row for each active rule, in effective order."""
    from crmcli.model import Column, Result
    from crmcli.rules.rule import load

    kinds = ("examined", "due", "fired", "mails", "failed")
    rows = [
        {"rule": rule.name, **dict.fromkeys(kinds, 0), **report.counts.get(rule.id, {})} for rule in load(s.conn, "r.active = 1")
    ]
    s.show(Result((Column("rule"), *(Column(kind, "int") for kind in kinds)), rows))
