"""crm config: what mail, cron and the team share, and what is one's own, each with where it comes from (cli.md §1)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from crmcli import settings
from tests.cli.world import Crm, dump


def test_every_setting_is_listed_with_its_default_and_what_it_is_for(crm: Crm) -> None:
    rows = {row["name"]: row for row in crm("config", "list", "--origin", "-o", "json").json()}
    for name, (default, text) in settings.SETTINGS.items():
        if name not in ("zone", "currency"):
            assert (rows[name]["value"] or "", rows[name]["origin"], rows[name]["help"]) == (default, "default", text)
    assert rows["user"]["origin"] == "option"


@pytest.mark.parametrize(
    ("name", "value"),
    [("zone", "Europe/Berlin"), ("currency", "CHF"), ("stale_days", "3"), ("plus", "off"), ("mail_from", "crm@us.example"),
     ("triage_section", "support"), ("our_hosts", "mx1.us.example, mx2.us.example")],
)  # fmt: skip
def test_a_setting_is_set_shown_and_taken_back(crm: Crm, conn: sqlite3.Connection, name: str, value: str) -> None:
    before = settings.get(conn, name)
    assert crm("config", "set", name, value).exit == 0
    assert crm("config", "get", name, "-o", "json").json() == {"name": name, "value": value, "origin": "database"}
    assert crm("undo").exit == 0
    assert settings.get(conn, name) == before
    assert crm("config", "set", name, value).exit == 0
    assert crm("config", "set", name, "").exit == 0
    assert settings.get(conn, name) == settings.SETTINGS[name][0]


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("zone", "Mars/North", 2, "no time zone Mars/North (such as Europe/Berlin or UTC)"),
        ("currency", "EURO", 2, "EURO is no currency (three capitals, such as EUR)"),
        ("currency", "eur", 2, "eur is no currency"),
        ("stale_days", "-1", 2, "stale_days is a number, not -1"),
        ("plus", "yes", 2, "plus is on or off, not yes"),
        ("mail_from", "nobody", 2, "nobody is no mail address"),
        ("triage_section", "suport", 3, "no section suport (nearest: Support"),
        ("transport", "pigeon:x", 2, "no transport pigeon:x (one of: sendmail:PATH"),
        ("zon", "UTC", 2, "no setting zon (did you mean zone?)"),
        ("user", "bob", 2, "user is your own setting, not the team's"),
        ("tz", "UTC", 2, "tz is your own setting, not the team's"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_refused(
    crm: Crm, conn: sqlite3.Connection, name: str, value: str, code: int, words: str
) -> None:
    before = dump(conn)
    refused = crm("config", "set", "--", name, value)
    assert (refused.exit, refused.out) == (code, "")
    assert refused.err.startswith(f"crm: {words}")
    assert dump(conn) == before


def test_init_takes_the_same_currencies(crm: Crm, tmp_path: Path) -> None:
    path = str(tmp_path / "new.db")
    assert crm("init", "--currency", "EURO", db=path).exit == 2
    assert not Path(path).exists()
    assert crm("init", "--currency", "CHF", db=path).exit == 0
    assert crm("config", "get", "currency", "-o", "json", db=path).json()["value"] == "CHF"
