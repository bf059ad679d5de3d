"""What mail, cron and the whole team share: the settings in the database (cli.md §1)."""

from __future__ import annotations

import sqlite3

from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.text import is_address

# Every setting, its default and what it is for.
SETTINGS: dict[str, tuple[str, str]] = {
    "zone": ("UTC", "the site's time zone: rules, days and months follow it"),
    "currency": ("EUR", "the one currency of all money here"),
    "transport": ("", "how mail leaves: sendmail:PATH, smtp://user@host:port, smtps://… or maildir:PATH"),
    "smtp_password_file": ("", "the file with the password of the smtp transport, else CRM_SMTP_PASSWORD"),
    "mail_from": ("", "the address that mail comes from where a section has no reply-to"),
    "plus": ("on", "whether plus parts may stand in our addresses: on or off"),
    "null_sender": ("on", "whether automatic answers leave with an empty envelope sender: on or off"),
    "authserv_id": ("", "whose Authentication-Results are believed"),
    "our_hosts": ("", "names of our mail servers, comma separated"),
    "own_lists": ("", "addresses of lists that are ourselves, comma separated"),
    "forms": ("", "senders that are web forms, whose Reply-To is the writer"),
    "triage_section": ("", "the section that takes mail with no other home"),
    "reopen_days": ("30", "how many days after closing an answer opens a case again"),
    "stale_days": ("14", "days without an action after which an unclosed case is stale"),
    "limit_address_hour": ("3", "automatic mails to one outside address in an hour"),
    "limit_address_day": ("10", "automatic mails to one outside address in a day"),
    "limit_case_day": ("20", "automatic mails about one case in a day, and answers by mail to one person in it"),
    "limit_hour": ("200", "automatic mails to outsiders in an hour"),
}

PUT = "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"

TRANSPORTS = {
    "sendmail": "sendmail:PATH",
    "smtp": "smtp://user@host:port",
    "smtps": "smtps://user@host:port",
    "maildir": "maildir:PATH",
}


def get(conn: sqlite3.Connection, key: str) -> str:
    """The value of a setting, or its default."""
    row = conn.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else SETTINGS[key][0]


def get_list(conn: sqlite3.Connection, key: str) -> list[str]:
    """The value of a comma-separated setting, lower case."""
    return [part.strip().lower() for part in get(conn, key).split(",") if part.strip()]


def check(key: str, value: str) -> None:
    """Refuse a setting that does not exist, or a value that it cannot have."""
    if key not in SETTINGS:
        import difflib

        near = difflib.get_close_matches(key, SETTINGS)
        raise Usage(f"no setting {key}", hint=f"did you mean {near[0]}?" if near else "crm config list")
    default = SETTINGS[key][0]
    if not value:
        return
    if default in ("on", "off") and value not in ("on", "off"):
        raise Usage(f"{key} is on or off, not {value}")
    if default.isdecimal() and not value.isdecimal():
        raise Usage(f"{key} is a number, not {value}")
    if key == "currency" and not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
        raise Usage(f"{value} is no currency", hint="three capitals, such as EUR")
    if key == "mail_from" and not is_address(value):
        raise Usage(f"{value} is no mail address", hint="such as crm@us.example")
    if key == "transport" and value.partition(":")[0] not in TRANSPORTS:
        raise Usage(f"no transport {value}", hint=f"one of: {', '.join(TRANSPORTS.values())}")
    if key == "transport" and "@" in value and ":" in value.split("//", 1)[-1].split("@")[0]:
        raise Usage("a password does not belong into the transport", hint="CRM_SMTP_PASSWORD or setting smtp_password_file")
    if key == "zone":
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise Usage(f"no time zone {value}", hint="such as Europe/Berlin or UTC") from None


def put(tx: Tx, key: str, value: str) -> None:
    """Store a setting (see `check`); an empty value takes the default again."""
    if value == "":
        tx.run("DELETE FROM settings WHERE key = ?", (key,))
    else:
        tx.run(PUT, (key, value))
