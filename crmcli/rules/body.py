"""The texts of rule mail: ``%(key)s`` put in by pattern (rules.md §5). Pure.

Not Python's ``%``, which takes widths that fill the memory, and not a template, which can run methods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from crmcli.errors import Usage

KEYS = (
    "case_id", "case_subject", "case_date", "case_description", "case_user", "case_user_email", "case_user_phone",
    "email_from", "partner", "partner_email", "section", "category", "state", "priority", "deadline", "last_message",
)  # fmt: skip

# A percent sign and what it may begin; what matches neither is a mistake.
PART = re.compile(r"%(?:(?P<percent>%)|\((?P<key>[^()%\n]*)\)(?P<form>s)?)?")


def check(body: str) -> None:
    """Refuse a body with a percent sign that is neither ``%%`` nor ``%(key)s`` of a key that exists."""
    for found in PART.finditer(body):
        if found["percent"]:
            continue
        written = body[found.start() : found.start() + 20].split("\n")[0]
        if found["key"] is None or not found["form"]:
            raise Usage(f"{written!r} in the mail body is no %(key)s", hint="write %% for a percent sign")
        if found["key"] not in KEYS:
            raise Usage(f"the mail body knows no {found['key']!r}", hint=f"one of: {', '.join(KEYS)}")


def fill(body: str, values: Mapping[str, object]) -> str:
    """A checked body with the values of its keys; None prints as nothing, and what is put in is not read again."""
    return PART.sub(lambda found: "%" if found["percent"] else _text(values[found["key"]]), body)


def _text(value: object) -> str:
    return "" if value is None else str(value)
