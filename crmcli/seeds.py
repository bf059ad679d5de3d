"""What every new database has: moods, channels, kinds of partner events."""

from __future__ import annotations

from crmcli.db import Tx

MOODS = (("Fury", 1.0), ("Unhappy", 3.0), ("Normal", 5.0), ("Happy", 7.0), ("Very Happy", 8.5))
CHANNELS = ("website", "phone", "direct", "e-mail")
EVENT_TYPES = (
    ("case_draft", "Case back to draft", 0),
    ("case_open", "Case opened", 1),
    ("case_pending", "Case pending", 0),
    ("case_done", "Case closed", 1),
    ("case_cancel", "Case cancelled", 0),
)


def shipped(tx: Tx) -> None:
    """The rows of domain.md §1 that ship: five moods, four channels, five kinds of events (open and close on)."""
    for name, factor in MOODS:
        tx.insert("moods", {"name": name, "factor": factor})
    for name in CHANNELS:
        tx.insert("channels", {"name": name})
    for key, name, active in EVENT_TYPES:
        tx.insert("event_types", {"key": key, "name": name, "active": active})


def first(tx: Tx, login: str, email: str | None, section: str) -> None:
    """The first user with an address, and the first section with the same as its reply-to."""
    user_id = tx.insert("users", {"login": login, "name": login.capitalize(), "email": email})
    section_id = tx.insert("sections", {"name": section, "reply_to": email, "user_id": user_id})
    tx.update("users", user_id, {"section_id": section_id})
