"""What the mail server is told of a mail that was not taken: one neutral line, no path, no traceback (mail.md §1). Pure."""

from __future__ import annotations

from crmcli.errors import BadConfig, Busy, CrmError

NO_RECIPIENT = 67


def code(error: CrmError) -> int:
    """The exit code for the mail server: 67 for an unknown recipient, else 75, on which all of them keep the mail."""
    return NO_RECIPIENT if error.exit == NO_RECIPIENT else Busy.exit


def line(error: CrmError) -> str:
    """The line for the mail server, beginning with the status of RFC 3463."""
    if error.exit == NO_RECIPIENT:
        return f"5.1.1 {error.message}"
    message = error.message
    if "/" in message:
        message = "the configuration is wrong" if isinstance(error, BadConfig) else "the database or a file cannot be used"
    return f"4.3.0 {' '.join(message.split())}, please try again later"
