"""The kinds of error and the exit code of each (cli.md §2).

A message is one sentence without a capital or a full stop: what, and which. The hint is the next step.
"""

from __future__ import annotations


class CrmError(Exception):
    """An error that the user can act on; everything else is a bug."""

    kind = "refused"
    exit = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Refused(CrmError):
    """The model says no: a transition, a guard, a constraint."""


class Usage(CrmError):
    """The command line is wrong."""

    kind = "usage"
    exit = 2


class NotFound(CrmError):
    """A named thing does not exist, or its name fits several."""

    kind = "not_found"
    exit = 3


class Conflict(CrmError):
    """The thing was changed meanwhile."""

    kind = "conflict"
    exit = 4


class Partly(CrmError):
    """Some of the work was done, some refused; the message lists what was refused."""

    kind = "partly"
    exit = 9


class Busy(CrmError):
    """The database is locked, full, missing, read-only or not ours: trying again later may help."""

    kind = "busy"
    exit = 75


class BadConfig(CrmError):
    """A setting is wrong."""

    kind = "configuration"
    exit = 78
