"""The conventions of cli.md §6, each by its number; those that need a terminal are held in tests/terminal too."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from crmcli import __main__, config, db, errors, records, resources
from crmcli.execute import execute
from crmcli.model import Add, Note, Origin
from tests.cli.test_help import COMMANDS, ELSEWHERE, GROUPS, MAIL, example
from tests.cli.test_help import _turn as turn
from tests.conftest import NOW, Run, through_main

Crm = Callable[..., Run]

CRM = str(Path(sys.executable).with_name("crm"))
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")
OURS = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "[/foo] [red]x \x1b[31mred\x1b]0;title\x07 \x9b31m \u202egnp.exe\u2066 \r\nFrom: x %s {0} {{x}} $(id) `id`"

# What reads, one of each view, with a word of the database where one is wanted.
READS = (
    "", "status", "case list", "case show 1", "case log 1", "case files 1", "section list", "section list --counts",
    "section show 1", "category list", "rule list", "rule show 1", "segment list", "segment show 1",
    "segment members 1", "segment line list", "mail list", "mail show 1", "mail explain 1", "mail outbox list",
    "mail outbox show 1", "mail template list", "mail address list", "report opportunities", "partner list",
    "partner show 1", "partner contact list", "partner contact show 1", "partner category list", "partner amount list",
    "partner amount show 1", "user list", "user show 1", "event list", "event show 1", "event type list",
    "channel list", "mood list", "history list", "history show 1", "search pump", "view list", "changes",
    "filter explain pump", "filter fields", "config list", "config get zone", "menu", "case list +late",
    "export partner", "next", "calendar", "calendar agenda",
)  # fmt: skip

# What answers with text or bytes of its own, in whatever format is asked for.
TEXTUAL = {("mail", "raw"), ("completion",), ("man",), ("help",)}


def process(*argv: str, db_path: str, stdin: bytes = b"", environ: dict[str, str] | None = None, **more: Any) -> Run:
    """The program in a process of its own, in an environment of its own."""
    mine = {"CRM_USER": "ann", "TZ": "UTC", "CRM_NOW": NOW, "XDG_CONFIG_HOME": "/nowhere"}
    used = mine if environ is None else environ
    done = subprocess.run(
        [CRM, "--db", db_path, *argv], input=stdin, env=used, capture_output=True, timeout=60, check=False, **more
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(name="demo", scope="module")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of the demo's database, with a mail in it and things whose names are hostile."""
    path = str(tmp_path_factory.mktemp("demo") / "crm.db")
    assert process("init", "--demo", db_path=path).exit == 0
    assert process("ingest", "--section", "support", stdin=MAIL, db_path=path).exit == 0
    conn = db.connect(path)
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        bad = {"name": HOSTILE}
        partner = tx.insert("partners", bad)
        contact = tx.insert("contacts", {**bad, "partner_id": partner, "email": "x@acme.example"})
        tx.insert("sections", {**bad, "code": "x\x1b[1m"})
        tx.insert("views", {**bad, "filter": ""})
        tx.insert("rules", {**bad, "effective_from": NOW})
        records.add(tx, "event", {**bad, "partner_id": partner, "description": HOSTILE})
        tx.insert("amounts", {"partner_id": partner, "at": NOW, "kind": "sale", "amount": 100, "note": HOSTILE})
        case = {**bad, "partner_id": partner, "contact_id": contact, "section_id": 2, "description": f"pump {HOSTILE}"}
        number = execute(tx, Add(case)).case_id
        execute(tx, Note(number, f"the pump\n{HOSTILE}"))
        execute(tx, Note(1, f"the pump\n{HOSTILE}"))
        tx.update("cases", 1, {"name": f"pump {HOSTILE}", "partner_id": partner, "contact_id": contact})
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    head = f"From: {HOSTILE} <a@b.example>\nTo: support@us.example\nSubject: {HOSTILE}\nMessage-ID: <2@acme.example>"
    mail = f"{head}\n\npump {HOSTILE}\n"
    assert process("ingest", stdin=mail.replace("\r\n", " ").encode(), db_path=path).exit == 0
    return Path(path).read_bytes()


@pytest.fixture(name="world")
def _world(demo: bytes, tmp_path: Path) -> str:
    """A database with everything in it."""
    path = tmp_path / "world.db"
    path.write_bytes(demo)
    return str(path)


def numbered() -> dict[int, list[str]]:
    """The conventions that the tests of this file name."""
    found: dict[int, list[str]] = {}
    for name, test in globals().items():
        if name.startswith("test_") and (number := re.match(r"(\d+)\b", inspect.getdoc(test) or "")):
            found.setdefault(int(number[1]), []).append(name)
    return found


def test_every_convention_has_a_test() -> None:
    assert sorted(numbered()) == list(range(1, 26))


# Output ------------------------------------------------------------------------------------------


def test_standard_output_carries_data_only(world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 and 7: with -o json every example prints one value of JSON and nothing else, or what it is for."""
    monkeypatch.chdir(tmp_path)
    for name, value in (("CRM_DB", world), ("CRM_USER", "ann"), ("CRM_NOW", NOW), ("TZ", "UTC"), ("TMPDIR", str(tmp_path))):
        monkeypatch.setenv(name, value)
    (tmp_path / "plan.pdf").write_bytes(b"plan")
    (tmp_path / "people.csv").write_text("name,ref\nBeta Works,C9\n")
    assert through_main(["config", "set", "transport", f"maildir:{tmp_path}/sent"], b"", monkeypatch).exit == 0
    wrong = {}
    for words in sorted(COMMANDS.keys() - ELSEWHERE - TEXTUAL, key=turn):
        argv = shlex.split(example(words).partition(" > ")[0])[1:]
        done = through_main([*argv, *([] if "-o" in argv else ["-o", "json"])], b"", monkeypatch)
        if done.exit or ("-o" not in argv and not is_json(done.out)):
            wrong[" ".join(argv)] = done
    assert wrong == {}


def is_json(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return isinstance(json.loads(text), (dict, list))
    return False


@pytest.mark.parametrize("line", READS)
def test_every_read_has_json_whose_keys_are_stable(crm: Crm, world: str, line: str) -> None:
    """7: the keys of a list are the same for all rows, and the same whatever is shown in other formats."""
    done = crm(*shlex.split(line), "-o", "json", db=world)
    assert (done.exit, is_json(done.out)) == (0, True)
    rows = done.json()
    if line == "config list":
        return  # which shows the format itself
    if isinstance(rows, list) and rows:
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
    lines = crm(*shlex.split(line), "-o", "jsonl", db=world).out.splitlines()
    assert [json.loads(one) for one in lines] == (rows if isinstance(rows, list) else [rows])


@pytest.mark.parametrize("form", ["tsv", "csv", "md", "html", "table"])
def test_every_read_has_every_format(crm: Crm, world: str, form: str) -> None:
    """7: and none of them fails on anything that may stand in a database."""
    failed = {line: done.err for line in READS if (done := crm(*shlex.split(line), "-o", form, db=world)).exit}
    assert failed == {}


@pytest.mark.parametrize("line", [line for line in READS if "show" not in line and "explain" not in line and "get" not in line])
def test_without_a_terminal_a_record_is_one_line_uncut_and_without_colour(world: str, line: str) -> None:
    """8: tsv with a header, no colour, no box, no cut, no pager."""
    done = process(
        *shlex.split(line), db_path=world, environ={"COLUMNS": "40", "CRM_USER": "ann", "CRM_NOW": NOW, "PAGER": "false"}
    )
    assert done.exit == 0
    header, *rows = done.out.splitlines()
    assert {row.count("\t") for row in rows} <= {header.count("\t")}
    assert "\x1b" not in done.out
    assert "…" not in done.out.replace("smtps://…", "").replace("1 highest … 5 lowest", "")


def test_colour_is_decided_for_the_stream_by_option_and_environment(world: str) -> None:
    """9: FORCE_COLOR puts it on in a pipe; --no-color, NO_COLOR that is not empty and TERM=dumb switch it off."""
    environ = {"CRM_USER": "ann", "CRM_NOW": NOW}

    def colored(*argv: str, **more: str) -> bool:
        return "\x1b[" in process("case", "list", "-o", "table", *argv, db_path=world, environ={**environ, **more}).out

    assert not colored()
    assert colored(FORCE_COLOR="1")
    assert colored(FORCE_COLOR="1", NO_COLOR="")
    assert not colored(FORCE_COLOR="1", NO_COLOR="1")
    assert not colored(FORCE_COLOR="1", TERM="dumb")
    assert not colored("--no-color", FORCE_COLOR="1")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit_the_terminal_and_wide_characters_align(
    crm: Crm, world: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10: no line of a list is wider than COLUMNS, and its columns stand below each other."""
    crm("case", "add", "東京都のポンプが壊れた" * 9, "--section", "support", db=world)
    monkeypatch.setenv("COLUMNS", str(width))
    for line in READS:
        done = crm(*shlex.split(line), "-o", "table", db=world)
        free = [text for text in done.out.splitlines() if not text.startswith("no room for")]
        assert [text for text in free if cell_len(text) > width and "show" not in line and "explain" not in line] == [], line
    rows = crm("case", "list", "-o", "table", "--columns", "name,state", "--sort", "id", db=world).out.splitlines()
    states = {
        cell_len(row[: found.start()]) for row in rows if (found := re.search(r"(state|draft|open|done|cancel|pending)$", row))
    }
    assert len(states) == 1


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("color", [False, True])
def test_foreign_text_is_inert_in_every_view(
    crm: Crm, world: str, width: int, color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """11: no control character of a name, a subject or a text reaches the output, in whatever format and width."""
    monkeypatch.setenv("COLUMNS", str(width))
    if color:
        monkeypatch.setenv("FORCE_COLOR", "1")
    for line in READS:
        for form in ("table", "tsv", "csv", "json", "md", "html") if (width, color) == (80, False) else ("table",):
            done = crm(*shlex.split(line), "-o", form, db=world)
            text = OURS.sub("", done.out) if color and form == "table" else done.out
            assert CONTROL.findall(text) == [], (line, form)
            assert CONTROL.findall(done.err) == [], (line, form)


@pytest.mark.parametrize(
    "line", ["case show {}", "section show {}", "case list {}", "case list name:{}", "view {}", "{}", "case {}"]
)
def test_foreign_text_is_inert_in_errors(crm: Crm, line: str) -> None:
    """11: what a script passed on and nobody knows comes back without its controls."""
    done = crm(*(word.format("x\x1b[31m\u202ey") for word in line.split()))
    assert done.exit in (2, 3)
    assert CONTROL.findall(done.err) == []


def test_foreign_text_is_inert_in_what_is_said_of_a_command(crm: Crm) -> None:
    """11: another's command line is repeated by undo, redo and dry runs; it is kept as it was typed, and shown without."""
    assert crm("partner", "add", "x\x1b[31m\u202ey").exit == 0
    for line in ("undo -n", "undo", "redo -n", "redo", "partner edit 1 --comment x\x1b[2J -n", "partner merge 1 1"):
        done = crm(*line.split(" "))
        assert CONTROL.findall(done.out + done.err) == [], line
    assert "x[31m" in crm("undo").err


# Errors and help ----------------------------------------------------------------------------------


def test_the_exit_codes_are_a_topic_of_the_help(crm: Crm) -> None:
    """2: every kind of error's code stands in the page, and nothing else does."""
    told = {int(code) for code in re.findall(r"^  (\d+)  ", crm("help", "exit-codes").out, re.MULTILINE)}
    kinds = {kind.exit for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.CrmError)}
    assert told == kinds | {0, __main__.BUG, __main__.INTERRUPTED}


@pytest.mark.parametrize(
    "line",
    [
        "ingest --nonsense", "ingest --section", "ingest --timeout x", "ingest --db /nowhere/crm.db",
        "ingest --config /nowhere", "--nonsense ingest", "ingest --section nowhere", "ingest -o nonsense",
        "ingest --now nonsense", "ingest --as nobody", "ingest /nowhere.eml", "ingest --explain", "ingest -n",
        "--tz Nowhere/Land ingest", "ingest --recipient x --max-bytes 0", "ingest --help --nonsense",
    ],
)  # fmt: skip
def test_ingest_ends_with_0_or_75_and_one_neutral_line(world: str, line: str) -> None:
    """3: also for usage errors; no path and no traceback in what the mail server hears."""
    done = process(*line.split(), db_path=world, stdin=MAIL.replace(b"<1@", b"<9@"))
    assert done.exit in (0, 75)
    assert len(done.err.splitlines()) == bool(done.exit)
    assert "/nowhere" not in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", [(), *GROUPS], ids=lambda words: " ".join(words) or "crm")
def test_a_bare_noun_prints_its_help(crm: Crm, tmp_path: Path, words: tuple[str, ...]) -> None:
    """4: and so does crm itself where there is no database yet; -h and --help are everywhere (tests/cli/test_help.py)."""
    bare = crm(*words, db=str(tmp_path / "none.db"))
    assert (bare.exit, bare.err) == (0, "")
    assert bare.out.strip() == crm(*words, "--help").out.strip()


def test_the_version_touches_no_file(tmp_path: Path) -> None:
    """5: nothing but the program's own files is opened, and no database."""
    code = (
        "import sys; seen = []; watched = ('open', 'sqlite3.connect')\n"
        "sys.addaudithook(lambda name, args: seen.append((name, str(args[0]))) if name in watched else None)\n"
        "from crmcli.__main__ import main; code = main(['--version'])\n"
        "print([one for one in seen if not one[1].endswith(('.py', '.pyc')) and 'site-packages' not in one[1]], code)"
    )
    environ = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, cwd="/", check=False)
    assert done.stdout.splitlines()[1:] == ["[] 0"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("cse list", "case"), ("case lst", "list"), ("partner contct list", "contact"),
        ("case list --colums id", "--columns"), ("case edit 1 --sectoin x", "--section"),
        ("case list state:opne", "open"), ("case list sectoin:x", "section"), ("case list section:suport", "Support"),
        ("case list +lat", "+late"), ("case list +mine --as anne", "ann"), ("user show anne", "ann"),
        ("case add X --section suport", "Support"), ("case add X --priority hihg", "high"),
        ("case list --columns nam", "name"), ("case reply 1 x --state clsoe", "close"),
        ("section edit support --reply-state opne", "open"), ("view Ht", "Hot"), ("config set curency EUR", "currency"),
        ("config get curency", "currency"), ("case list -o jsn", "json"), ("help fitler", "filter"),
        ("case link 1 2 --kind block", "blocks"), ("completion bsh", "bash"), ("man cse", "case"),
        ("report opportunites", "opportunities"), ("report opportunities --by usr", "user"),
        ("mail outbox list --state qeued", "queued"),
    ],
)  # fmt: skip
def test_what_is_unknown_suggests_the_nearest(crm: Crm, line: str, near: str) -> None:
    """6: commands, options, states, sections, users, fields, flags and formats."""
    crm("view", "add", "Hot", "--filter", "+late")
    crm("case", "add", "A", "--section", "support")
    crm("case", "add", "B", "--section", "support")
    done = crm(*shlex.split(line), user=None if "--as" in line else "ann")
    assert done.exit in (2, 3)
    assert near in done.err, done.err


@pytest.mark.parametrize(
    "line",
    [
        "case show 99", "case add X --section nowhere", "case close 1 --nonsense", "case close", "case list (",
        "case list deadline:nonsense", "nonsense", "case edit 1", "mood delete 1-5", "config set nonsense 1", "undo 99",
        "case list --db /nowhere/crm.db", "case list --config /nowhere", "user add ann",
        "section edit support --parent support", "case list --tz Nowhere/Land", "case list --now nonsense",
        "import partner /nowhere.csv", "mail show 99", "rule add X --delay nonsense", "segment show nowhere",
        "search ---", "history show 99", "case list --limit x",
    ],
)  # fmt: skip
def test_an_error_is_one_sentence_with_the_next_step(crm: Crm, line: str) -> None:
    """12: on standard error, lower case, without a traceback; with -o json an object with the same words."""
    words = shlex.split(line)
    given = {"db": None} if "--db" in words else {}
    done = crm(*words, **given)
    assert (done.exit not in (0, 70), done.out) == (True, "")
    assert re.fullmatch(r"crm: [^A-Z\n][^\n]* \([^\n]+\)\n", done.err), done.err
    told = json.loads(crm(*words, "-o", "json", **given).err)["error"]
    assert (told["exit"], bool(told["kind"])) == (done.exit, True)
    assert done.err == f"crm: {told['message']} ({told['hint']})\n"


def test_a_traceback_is_for_bugs_and_for_who_asks(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """12: exit 70 asks for a report; CRM_DEBUG shows where any error comes from."""
    with monkeypatch.context() as patch:
        patch.setattr("crmcli.cli.lists.cases", lambda *given: 1 // 0)
        done = crm("case", "list")
    assert (done.exit, "ZeroDivisionError" in done.err, "please report it" in done.err) == (70, True, True)
    monkeypatch.setenv("CRM_DEBUG", "1")
    done = crm("case", "show", "99")
    assert (done.exit, "Traceback" in done.err) == (3, True)


# Safety -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["case delete 1-3", "case close --where id>0", "mood delete 1-2", "partner delete 1-2", "rule delete 1-2"]
)
def test_nothing_asks_without_a_terminal(world: str, line: str) -> None:
    """13 and 14: exit 2 names the flag and the number of things, and nothing was done."""
    before = Path(world).read_bytes()
    done = process(*line.split(), db_path=world)
    assert (done.exit, done.out) == (2, "")
    assert "--yes" in done.err
    assert re.search(r"\d+", done.err)
    assert Path(world).read_bytes() == before


@pytest.mark.parametrize("line", ["case close --where +unclosed", "case delete 1-3", "case edit --where +late --priority low"])
def test_what_is_wide_is_rehearsed_and_taken_back(crm: Crm, world: str, line: str) -> None:
    """14: --dry-run shows it and writes nothing; done, it is one step that undo takes back."""
    before = crm("case", "list", "--all", "-o", "json", db=world).out
    assert crm(*line.split(), "-n", db=world).exit == 0
    assert crm("case", "list", "--all", "-o", "json", db=world).out == before
    assert crm(*line.split(), "-y", db=world).exit in (0, 9)
    assert crm("case", "list", "--all", "-o", "json", db=world).out != before
    assert crm("undo", db=world).exit == 0
    assert crm("case", "list", "--all", "-o", "json", db=world).out == before


def test_cron_is_quiet_until_a_person_must_act(crm: Crm, world: str, tmp_path: Path) -> None:
    """15: run-rules, segment run and mail send say nothing on success without a terminal."""
    crm("config", "set", "transport", f"maildir:{tmp_path}/sent", db=world)
    for line in ("run-rules", "segment run --all", "mail send", "run-rules", "mail send"):
        done = crm(*line.split(), now="2026-03-05T09:00:00Z", db=world)
        assert done == (0, "", ""), line
    conn = db.connect(world)
    with db.write(conn, Origin(NOW, None, "cli")) as tx:
        tx.insert(
            "rules",
            {
                "name": "Broken",
                "date_type": "created",
                "delay": 1,
                "state_from": "draft",
                "mail_body": "%(nonsense)s",
                "mail_user": 1,
                "effective_from": "2026-01-01T00:00:00Z",
            },
        )
    crm("case", "add", "New", "--section", "support", db=world)
    done = crm("run-rules", now="2026-03-09T09:00:00Z", db=world)
    assert (done.exit, done.out, "failed" in done.err) == (1, "", True)


def test_what_is_done_again_changes_nothing(crm: Crm, world: str, tmp_path: Path) -> None:
    """16: the same mail, the same run and the same import twice."""
    people = tmp_path / "people.csv"
    people.write_text("name,ref\nBeta Works,C9\n")
    for line in ("ingest --section support", "run-rules", f"import partner {people}", "segment run --all"):
        assert crm(*line.split(), stdin=MAIL, db=world).exit == 0
        once = counts(world)
        assert crm(*line.split(), stdin=MAIL, db=world).exit == 0
        assert counts(world) == once, line


def counts(path: str) -> dict[str, int]:
    """How many rows each table of things has."""
    conn = sqlite3.connect(path)
    tables = (
        "cases",
        "case_log",
        "case_history",
        "messages",
        "outbox",
        "partners",
        "rule_firings",
        "segment_members",
        "events",
        "changes",
    )
    return {table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_settings_come_from_option_environment_user_system_default_in_this_order(
    crm: Crm, db_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """17: and config list --origin tells where from."""

    def origin(*argv: str) -> tuple[str, str]:
        rows = crm("config", "list", "--origin", "-o", "json", *argv).json()
        return next((row["value"], row["origin"]) for row in rows if row["name"] == "tz")

    monkeypatch.delenv("TZ")
    assert origin()[1] == "default"
    system = tmp_path / "system.toml"
    system.write_text('tz = "Europe/Paris"\n')
    monkeypatch.setattr(config, "SYSTEM_FILE", str(system))
    assert origin() == ("Europe/Paris", str(system))
    mine = tmp_path / "crm" / "config.toml"
    mine.parent.mkdir()
    mine.write_text('tz = "Europe/Rome"\n')
    assert origin() == ("Europe/Rome", str(mine))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert origin() == ("Asia/Tokyo", "environment TZ")
    assert origin("--tz", "UTC") == ("UTC", "option")


def test_a_relative_moment_counts_from_the_one_of_the_environment(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """17: so that a rehearsal in another time may go on from there."""
    monkeypatch.setenv("CRM_NOW", NOW)
    crm("case", "add", "Pump", "--section", "support", now="+2d")
    crm("case", "add", "Valve", "--section", "support", now=None)
    created = [row["created_at"] for row in crm("case", "list", "--sort", "id", "-o", "json").json()]
    assert created == ["2026-03-04T09:00:00Z", NOW]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": ""},
        {"HOME": "/nowhere"},
        {"LANG": "C"},
        {"LC_ALL": "C"},
        {"LANG": "POSIX", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "nonsense"},
    ],
    ids=str,
)
def test_it_works_in_a_poor_environment(world: str, environ: dict[str, str]) -> None:
    """18: env -i, HOME unset or empty, LANG=C: texts come in and go out as UTF-8."""
    added = process("--as", "ann", "case", "add", "Störung 日本", "--section", "support", db_path=world, environ=environ)
    assert (added.exit, added.err) == (0, "")
    shown = process("--as", "ann", "case", "show", added.out.strip(), "-o", "json", db_path=world, environ=environ)
    assert shown.json()["name"] == "Störung 日本"
    assert "Störung 日本" in process("case", "list", "-o", "table", db_path=world, environ={**environ, "COLUMNS": "80"}).out
    assert process("ingest", db_path=world, stdin=MAIL.replace(b"<1@", b"<8@"), environ=environ).exit == 0


def test_it_works_in_a_folder_that_is_gone_or_cannot_be_read(world: str, demo: bytes) -> None:
    """18: the working folder is needed for nothing."""
    gone = tempfile.mkdtemp()
    crm = f"{CRM} --db {world} --as ann"
    line = f"cd {gone} && rmdir {gone} && {crm} case list -o ids | head -1 && {crm} case add X --section support"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env={}, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if os.geteuid() != 0 or not _others_may_run_python():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "crm.db")
        path.write_bytes(demo)
        os.chmod(folder, 0o777)
        os.chmod(path, 0o666)
        closed = tempfile.mkdtemp()
        argv = [
            sys.executable,
            "-c",
            "import os; os.chdir(os.environ['CLOSED']); os.setuid(65534); from crmcli.__main__ import main; main()",
        ]
        os.chmod(closed, 0o700)
        environ = {"CLOSED": closed, "PYTHONPATH": os.path.dirname(resources.PACKAGE)}
        done = subprocess.run(
            [*argv, "--db", str(path), "case", "list", "-o", "ids"], capture_output=True, text=True, env=environ, check=False
        )
        os.rmdir(closed)
        assert (done.returncode, done.stderr) == (0, "")


def _others_may_run_python() -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in Path(os.__file__).parents)


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words not in {("init",), ("demo",), ("web",), ("lmtp",)}], ids=" ".join
)
def test_only_init_makes_a_database(crm: Crm, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """19: every other command on a missing one ends with 75 and says how to make one (or needs none)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("name\nBeta\n")
    (tmp_path / "plan.pdf").write_text("x")
    monkeypatch.setenv("CRM_DB", str(tmp_path / "none.db"))
    argv = shlex.split(re.split(" [<>|] ", example(words))[0])[1:]
    done = crm(*argv, db=None, stdin=MAIL)
    assert not (tmp_path / "none.db").exists()
    if words in {("completion",), ("man",), ("help",), ("menu",), ("filter", "fields")}:
        assert done.exit == 0
    elif words == ("doctor",):
        assert done.exit != 0
    else:
        assert done.exit in (75, 3 if words == ("restore",) else 75), done


def test_a_newer_database_is_refused_and_an_older_one_migrated_with_a_backup(crm: Crm, conn: sqlite3.Connection) -> None:
    """19: how older ones are migrated is held in tests/test_migrations.py."""
    conn.execute("PRAGMA user_version = 999")
    done = crm("case", "list")
    assert (done.exit, "newer crm" in done.err) == (75, True)


def test_secrets_are_in_no_argument_no_setting_and_no_file_that_everybody_reads(
    crm: Crm, world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20: a password in the transport is refused, and so is a file of it that others can read."""
    refused = crm("config", "set", "transport", "smtp://ann:secret@mail.example:25", db=world)
    assert refused.exit in (1, 2, 78)
    assert "secret" not in crm("changes", "-o", "json", db=world).out
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    secret.chmod(0o644)
    crm("config", "set", "transport", "smtp://ann@127.0.0.1:9", db=world)
    crm("config", "set", "smtp_password_file", str(secret), db=world)
    done = crm("mail", "send", "-v", now="2026-03-09T09:00:00Z", db=world)
    assert (done.exit, "everybody can read" in done.err) == (78, True)
    for option in [word for command in COMMANDS.values() for param in command.params for word in param.opts]:
        assert not re.search("passw|secret|token", option)


# Words and streams ---------------------------------------------------------------------------------


def test_options_stand_anywhere_and_double_dash_ends_them(crm: Crm, db_path: str) -> None:
    """21: options after arguments and before commands; what stands behind -- is taken as it is."""
    assert crm("case", "add", "--section", "support", "--", "-q --help").exit == 0
    assert crm("case", "show", "1", "-o", "json").json()["name"] == "-q --help"
    for argv in (
        ["-o", "ids", "case", "list"],
        ["case", "-o", "ids", "list"],
        ["case", "list", "-o", "ids"],
        ["case", "list", "name:help", "-oids"],
    ):
        assert crm(*argv).out == "1\n", argv
    assert crm("case", "edit", "1", "--priority=high", "-o", "json").json()["priority"] == 2


def test_a_dash_is_standard_input(crm: Crm) -> None:
    """21: for ids, texts, files and queries."""
    crm("case", "add", "A", "--section", "support")
    crm("case", "add", "B", "--section", "support")
    assert crm("case", "open", "-", stdin=b"1\n2\n").out == "1\n2\n"
    assert crm("case", "note", "1", "-", stdin="Störung\n".encode()).exit == 0
    assert crm("history", "show", "1", "-o", "json").json()["description"] == "Störung"
    assert crm("import", "partner", "-", stdin=b"name\nBeta\n").exit == 0
    assert crm("sql", "-", "-o", "json", stdin=b"SELECT 1 AS n").json() == [{"n": 1}]


def test_nothing_is_told_when_the_reader_goes(world: str) -> None:
    """22: | head is quiet, and ends the program without an error."""
    conn = db.connect(world)
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        for number in range(3000):
            records.add(tx, "partner", {"name": f"{number} {'x' * 100}"})
    for line in ("partner list", "partner list -o json", "partner list -o csv", "export partner", "changes"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{CRM} --db {world} {line} | head -1"],
            capture_output=True,
            text=True,
            env={"TZ": "UTC"},
            check=False,
        )
        assert (done.stderr, len(done.stdout.splitlines())) == ("", 1), line


def test_an_interrupt_ends_it_at_once_and_rolls_back(world: str, tmp_path: Path) -> None:
    """22: SIGINT gives 130 within half a second, in the middle of an import, and nothing of it stays."""
    people = tmp_path / "people.csv"
    people.write_text("name\n" + "".join(f"Partner {number}\n" for number in range(200_000)))
    before = counts(world)
    child = subprocess.Popen(
        [CRM, "--db", world, "import", "partner", str(people)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"TZ": "UTC"}
    )
    time.sleep(2)
    assert child.poll() is None
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 130
    assert time.monotonic() - start < 2  # half a second on a machine that has nothing else to do
    assert b"Traceback" not in told
    assert counts(world) == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 75), (signal.SIGHUP, 75)])
def test_a_signal_keeps_the_mail_at_the_server(world: str, number: signal.Signals, code: int) -> None:
    """22: SIGTERM and SIGINT are 75 in ingest."""
    child = subprocess.Popen([CRM, "--db", world, "ingest"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={})
    time.sleep(1)
    child.send_signal(number)
    _, told = child.communicate(timeout=30)
    assert child.returncode == code
    assert len(told.splitlines()) <= 1


def test_what_was_done_is_told_before_what_was_refused(world: str) -> None:
    """1: also in a process whose output is a file: nothing of it is lost when an error ends it."""
    done = process("case", "close", "14", "2", db_path=world)
    assert (done.exit, done.out) == (9, "14\n")


def test_many_at_once_and_killed_anywhere_leave_a_whole_database(world: str) -> None:
    """23: twelve writers get through; killed writers leave nothing half."""
    many = [
        subprocess.Popen(
            [CRM, "--db", world, "--as", "ann", "case", "add", f"Case {number}", "--section", "support"],
            stdout=subprocess.PIPE,
            env={},
        )
        for number in range(12)
    ]
    ids = {child.communicate(timeout=60)[0] for child in many}
    assert len(ids) == 12
    assert b"" not in ids
    for number in range(6):
        child = subprocess.Popen(
            [CRM, "--db", world, "--as", "ann", "case", "edit", "--where", "id>0", "--priority", "low", "-y"],
            stdout=subprocess.DEVNULL,
            env={},
        )
        time.sleep(0.25 + number * 0.05)
        child.kill()
        child.wait()
        assert process("verify", db_path=world).exit == 0


def test_plain_commands_start_without_what_they_do_not_need(db_path: str) -> None:
    """24: the hot commands are held in tests/test_architecture.py; help and version load no database."""
    for argv, heavy in (
        (["--version"], ("rich", "jinja2", "crmcli.cli.case")),
        (["case", "-h"], ("sqlite3.dbapi2x", "jinja2", "rich")),
    ):
        code = (
            f"import sys; from crmcli.__main__ import main; main({argv!r});"
            f"sys.exit(' '.join(name for name in {heavy!r} if name in sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == ""


def test_completion_manual_and_readme_are_there() -> None:
    """25: each is tried in a file of its own."""
    for page in ("tests/terminal/test_completion.py", "tests/cli/test_help.py", "tests/test_readme.py"):
        assert (Path(__file__).parents[1] / page).exists()
    assert {("completion",), ("man",), ("help",)} <= set(COMMANDS)
