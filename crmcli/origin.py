"""Who writes, when, from where and why: all that a quiet run of cron needs of the model."""

from __future__ import annotations

from crmcli.tuples import NamedTuple


class Origin(NamedTuple):
    """Who writes, when, from where and why: what the journal keeps of a change set.

    quiet is for history being brought in: it causes no rules, no partner events and no mails.
    """

    now: str
    user_id: int | None
    source: str
    command: str = ""
    reason: str | None = None
    step: int | None = None
    dry_run: bool = False
    quiet: bool = False
