"""What the completion offers at each place of a command line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from crmcli import db, records
from crmcli.cli.completion import split
from crmcli.execute import execute
from crmcli.model import Add, Origin
from tests.conftest import Run

Crm = Callable[..., Run]


@pytest.fixture(name="offered")
def _offered(crm: Crm, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, db_path: str) -> Callable[[str], list[str]]:
    """The words that are offered behind a line."""
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        for name in ("Acme", "Delta Water", "Evil\u202e"):
            records.add(tx, "partner", {"name": name})
        records.add(tx, "partner_category", {"name": "VIP"})
        records.add(tx, "view", {"name": "Hot", "filter": "+late"})
        execute(tx, Add({"name": "Pump", "section_id": 1}))
    monkeypatch.setenv("CRM_DB", db_path)

    def offered(line: str) -> list[str]:
        done = crm("completion", "fish", line, user=None, now=None, db=None)
        assert (done.exit, done.err) == (0, "")
        return [row.split("\t")[0] for row in done.out.splitlines()]

    return offered


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("crm cat", ["category"]),
        ("crm partner c", ["contact", "category"]),
        ("crm case list --arch", ["--archived"]),
        ("crm case list -o js", ["json", "jsonl"]),
        ("crm --output=js", ["--output=json", "--output=jsonl"]),
        ("crm -q --reason x sec", ["section"]),
        ("crm case add Pump --partner ", ["Acme", "Delta Water"]),
        ("crm case close ", ["1"]),
        ("crm case edit 1 --reply", []),
        ("crm section edit support --reply-state p", ["pending"]),
        ("crm section edit support --thanks", ["--thanks"]),
        ("crm rule add Late --date-type de", ["deadline"]),
        ("crm view H", ["Hot"]),
        ("crm view Hot +la", ["+late"]),
        ("crm view run H", ["Hot"]),
        ("crm calendar ag", ["agenda"]),
        ("crm calendar mar", ["march"]),
        ("crm calendar march +la", ["+late"]),
        ("crm next +mi", ["+mine"]),
        ("crm partner merge Ac", ["Acme"]),
        ("crm partner merge Acme De", ["Delta Water"]),
        ("crm event type enable case_o", ["case_open"]),
        ("crm partner edit Acme --add-category v", ["VIP"]),
        ("crm segment pin Gold del", ["Delta Water"]),
        ("crm case list --columns id,pri", ["id,priority"]),
        ("crm case list --sort -pri", ["-priority"]),
        ("crm case list user:", ["user:ann", "user:ann@us.example", "user:none", "user:any", "user:me"]),
        ("crm case list state:open,pen", ["state:open,pending"]),
        ("crm case list 'not (+lat", ["not (+late"]),
        ("crm case list partner.category:", ["partner.category:VIP", "partner.category:none", "partner.category:any"]),
        ("crm case list deadline.before:to", ["deadline.before:today", "deadline.before:tomorrow"]),
        ("crm case list nonsense:", []),
        ("crm partner list custom", ["customer:"]),
        ("crm history list direc", ["direction:"]),
        ("crm search pump pri", ["priority:"]),
        ("crm filter explain --noun user log", ["login:"]),
        ("crm config set curr", ["currency"]),
        ("crm help ex", ["exit-codes", "export"]),
        ("crm case edit -- ", ["1"]),
        ("crm ingest ", ["<files>"]),
        ("crm nonsense ", []),
        ("crm case nonsense ", []),
        ("crm case list --nonsense ", []),
    ],
)
def test_what_is_offered(offered: Callable[[str], list[str]], line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_foreign_text_is_inert_in_what_is_offered(offered: Callable[[str], list[str]], crm: Crm) -> None:
    assert not any("Evil" in word for word in offered("crm partner show "))
    assert "\u202e" not in crm("completion", "zsh", "crm partner show ").out


def test_only_values_need_the_database_and_a_busy_one_is_not_waited_for(
    offered: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch, conn: sqlite3.Connection
) -> None:
    conn.execute("PRAGMA journal_mode = DELETE")
    conn.execute("BEGIN EXCLUSIVE")
    start = time.monotonic()
    assert offered("crm case edit 1 --section ") == []
    assert time.monotonic() - start < 10
    conn.execute("ROLLBACK")
    monkeypatch.setenv("CRM_DB", "/nowhere/crm.db")
    assert offered("crm case edit 1 --section ") == []
    assert offered("crm case cl") == ["close"]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("crm ", "next"), ("crm ca", "case"), ("crm partner ", "add"), ("crm partner contact ", "add"), ("crm case cl", "close"),
        ("crm case list --ar", "--archived"), ("crm mail outbox ", "list"), ("crm --as ann help", "help"),
    ],
)  # fmt: skip
def test_commands_and_options_are_completed_without_the_database(line: str, first: str, db_path: str) -> None:
    """Though there is one: nothing of it is opened, nor is SQLite asked to."""
    code = (
        "import sys; seen = []\n"
        "sys.addaudithook(lambda name, args: name in ('open', 'sqlite3.connect') and seen.append(str(args[0])))\n"
        f"from crmcli.__main__ import main; main(['completion', 'bash', {line!r}])\n"
        f"sys.exit(', '.join(one for one in seen if one.startswith({db_path!r}) or one.startswith('file:') or one == ':memory:'))"
    )
    environ = {**os.environ, "CRM_DB": db_path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert done.stderr.strip() == ""
    assert done.stdout.split()[0] == first


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(crm: Crm, shell: str) -> None:
    done = crm("completion", shell, db=None)
    assert done.exit == 0
    assert f"completion {shell}" in done.out
    assert crm("completion", "tcsh").exit == 3


def test_a_line_is_split_as_the_shell_does_it() -> None:
    assert split("crm case list ") == (["crm", "case", "list"], "", "")
    assert split(r"crm show De\ W") == (["crm", "show"], "De W", "")
    assert split("crm list '+late sec") == (["crm", "list"], "+late sec", "'")
    assert split('crm list "a') == (["crm", "list"], "a", '"')
