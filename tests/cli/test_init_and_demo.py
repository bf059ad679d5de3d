"""crm init makes what domain.md §1 ships; crm demo tells the whole story by real processes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run

Crm = Callable[..., Run]


def test_init_makes_the_first_user_and_section_with_one_address(crm: Crm, tmp_path: Path) -> None:
    """The acting login is the user; the section has the address as reply-to and the user as responsible; mode 0600."""
    path = str(tmp_path / "new" / "crm.db")
    assert crm("init", "--email", "me@us.example", "--section", "Desk", "--zone", "Europe/Oslo", db=path).exit == 0
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    [user] = crm("user", "list", "-o", "json", "--columns", "login,email,section", db=path).json()
    section = crm("section", "show", "Desk", "-o", "json", db=path).json()
    assert user == {"login": "ann", "email": "me@us.example", "section": "Desk"}
    assert (section["reply_to"], section["user"]) == ("me@us.example", "ann")
    assert crm("config", "get", "zone", "-o", "json", db=path).json()["value"] == "Europe/Oslo"
    assert [row["name"] for row in crm("mood", "list", "-o", "json", db=path).json()] == [
        "Fury", "Unhappy", "Normal", "Happy", "Very Happy",
    ]  # fmt: skip


def test_init_never_touches_what_is_there(crm: Crm, db_path: str) -> None:
    """A second init is refused and changes no byte."""
    before = Path(db_path).read_bytes()
    done = crm("init")
    assert (done.exit, "already" in done.err) == (1, True)
    assert Path(db_path).read_bytes() == before


def test_init_is_tried_without_making_anything(crm: Crm, tmp_path: Path) -> None:
    """The same answer and the same refusals, and no file and no folder."""
    path = str(tmp_path / "new" / "crm.db")
    tried = crm("init", "-n", "--section", "Desk", db=path)
    assert (tried.exit, tried.err) == (0, "nothing was written; this would be made\n")
    assert not os.path.exists(os.path.dirname(path))
    assert crm("init", "-n", "--group", "no such group", db=path).exit == 2
    done = crm("init", "--section", "Desk", db=path)
    assert done.out == tried.out
    assert crm("init", "-n", db=path).exit == 1


def test_init_refuses_a_wrong_zone_address_and_group(crm: Crm, tmp_path: Path) -> None:
    """Nothing is made then."""
    path = str(tmp_path / "new.db")
    for option in (("--zone", "Mars/North"), ("--email", "no address"), ("--group", "no such group")):
        assert crm("init", *option, db=path).exit == 2
        assert not os.path.exists(path)


def test_the_demo_data_show_every_state_and_kind(crm: Crm, tmp_path: Path) -> None:
    """Three sections with a child each, cases in every state, rules, two segments, and a journal that is whole."""
    path = str(tmp_path / "demo.db")
    assert crm("init", "--demo", "--email", "ann@us.example", db=path).exit == 0
    cases = crm("case", "list", "-o", "json", db=path).json()
    assert len(cases) == 18
    assert {case["state"] for case in cases} == {"draft", "open", "pending", "done", "cancel"}
    sections = crm("section", "list", "-o", "json", db=path).json()
    assert {"support", "sale", "purchase"} <= {section["code"] for section in sections}
    assert len([section for section in sections if section["parent_id"]]) == 3
    assert len(crm("segment", "list", "-o", "json", db=path).json()) == 2
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT count(*) FROM change_sets WHERE source = 'outside'").fetchone() == (0,)
    assert conn.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_demo_tells_the_story(tmp_path: Path) -> None:
    """A mail, a thanked case, an answer and an absence on it, the rules, a segment, the opportunities."""
    environ = {**os.environ, "HOME": str(tmp_path), "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-m", "crmcli", "demo"], capture_output=True, text=True, env=environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("Pumpe 3 står", "thanks   maria.olsen@nordlys.example", "Nå lekker den også", "I am on leave",
                  "Nobody answered for two days", "Acme", "Business Opportunities", "$ crm "):  # fmt: skip
        assert words in done.stdout
    assert done.stdout.count("thanks ") == done.stdout.count("thanks   maria")  # the robot was not thanked
