"""edit in the editor: the form goes out, comes back, and what was changed is written; a script plays the editor."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcli import db, records
from crmcli.model import Origin
from tests.conftest import Run

Crm = Callable[..., Run]


@pytest.fixture(name="edit")
def _edit(crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Edit a thing with an editor that replaces one text by another, and may run more Python."""

    def edit(what: str, old: str, new: str, more: str = "", *options: str) -> Run:
        script = tmp_path / "editor.py"
        script.write_text(
            "import pathlib, sys\n"
            f"form = pathlib.Path(sys.argv[1])\nassert {old!r} in form.read_text(), form.read_text()\n"
            f"form.write_text(form.read_text().replace({old!r}, {new!r}))\n{more}\n"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
        return crm(*what.split(), "--editor", *options)

    return edit


@pytest.fixture(name="case")
def _case(crm: Crm) -> str:
    return crm("case", "add", "Pump broken", "--section", "support", "--description", "first\nsecond").out.strip()


def shown(crm: Crm, case: str) -> dict[str, object]:
    found: dict[str, object] = crm("case", "show", case, "-o", "json").json()
    return found


def test_what_is_changed_in_the_editor_is_written_in_one_step(crm: Crm, case: str, edit: Callable[..., Run]) -> None:
    done = edit(f"case edit {case}", 'name = "Pump broken"', 'name = "Pumpe"\ndeadline = 2026-03-09\nuser = "ann"\nx')
    assert (done.exit, "has no x to set" in done.err or "TOML" in done.err) == (2, True)
    done = edit(f"case edit {case}", 'name = "Pump broken"', 'name = "Pumpe"')
    assert (done.exit, done.out, done.err) == (0, f"{case}\n", "")
    assert (shown(crm, case)["name"], shown(crm, case)["description"]) == ("Pumpe", "first\nsecond")
    steps = {row["step"] for row in crm("changes", "--case", case, "-o", "json").json()}
    assert len(steps) == 2
    crm("undo")
    assert shown(crm, case)["name"] == "Pump broken"


def test_the_object_is_shown_with_json(case: str, edit: Callable[..., Run]) -> None:
    done = edit(f"case edit {case}", 'priority = "normal"', 'priority = "high"', "", "-o", "json")
    assert done.json()["priority"] == 2


def test_a_text_of_many_lines_is_edited_as_it_is(crm: Crm, case: str, edit: Callable[..., Run]) -> None:
    assert edit(f"case edit {case}", "second", 'third "and"\nfourth').exit == 0
    assert shown(crm, case)["description"] == 'first\nthird "and"\nfourth'


@pytest.mark.parametrize(
    ("what", "old", "new", "column"),
    [
        ("user edit ann", 'phone = ""', 'phone = "+44 1"', "phone"),
        ("section edit support", "thanks = true", "thanks = false", "thanks"),
        ("mood edit Happy", "factor = 7", "factor = 7.5", "factor"),
        ("channel edit phone", 'name = "phone"', 'name = "telephone"', "name"),
    ],
)
def test_every_noun_is_edited_so(crm: Crm, edit: Callable[..., Run], what: str, old: str, new: str, column: str) -> None:
    before = json.loads(crm(*what.replace(" edit ", " show ").split(), "-o", "json").out)
    done = edit(what, old, new, "", "-o", "json")
    assert (done.exit, done.err) == (0, "")
    assert {name for name in before if name in done.json() and done.json()[name] != before[name]} == {column}


def test_an_unchanged_form_does_nothing_and_an_empty_one_stops(crm: Crm, case: str, edit: Callable[..., Run]) -> None:
    same = edit(f"case edit {case}", "name", "name")
    assert (same.exit, same.out, same.err) == (0, "", "nothing was changed\n")
    empty = edit(f"case edit {case}", "name", "name", "form.write_text('')")
    assert (empty.exit, empty.out) == (2, "")
    failed = edit(f"case edit {case}", "broken", "mended", "sys.exit(1)")
    assert (failed.exit, "nothing was done" in failed.err) == (2, True)
    assert shown(crm, case)["name"] == "Pump broken"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('section = "Support"', 'section = "Suport"', 3, "nearest: Support"),
        ('priority = "normal"', 'priority = "hihg"', 2, "did you mean high?"),
        ("priority", "priorty", 2, "nearest: priority"),
        ('user = "ann"', "state = 'open'", 2, "has no state to set"),
        ('name = "Pump broken"', "name = Pump", 2, "no TOML"),
    ],
)
def test_without_a_terminal_a_mistake_ends_it(
    case: str, edit: Callable[..., Run], old: str, new: str, code: int, words: str
) -> None:
    old = old if old != 'user = ""' else 'user = "ann"'
    done = edit(f"case edit {case}", old, new)
    assert (done.exit, done.out) == (code, "")
    assert words in done.err


def test_what_somebody_changed_meanwhile_is_not_overwritten(
    crm: Crm, case: str, edit: Callable[..., Run], db_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    meanwhile = (
        "import subprocess\n"
        f"subprocess.run([sys.executable, '-m', 'crmcli', '--db', {db_path!r}, '--as', 'ann', 'case', 'edit', '{case}',"
        " '--priority', 'low'], check=True, stdout=subprocess.DEVNULL)"
    )
    done = edit(f"case edit {case}", 'priority = "normal"', 'priority = "high"', meanwhile)
    assert (done.exit, done.out) == (4, "")
    assert f"case {case} was changed meanwhile: priority: base normal, theirs low, mine high" in done.err
    assert shown(crm, case)["priority"] == 4
    [kept] = tmp_path.glob("crm-*.toml")
    assert str(kept) in done.err
    assert 'priority = "high"' in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_what_changed_elsewhere_in_the_thing_does_not_matter(
    crm: Crm, case: str, edit: Callable[..., Run], conn: sqlite3.Connection
) -> None:
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        records.edit(tx, "section", 1, {"reply_to": "help@us.example"})
    assert edit(f"case edit {case}", "broken", "mended").exit == 0


def test_the_form_is_printed_for_one_thing(crm: Crm, case: str) -> None:
    assert 'name = "Pump broken"' in crm("case", "edit", case, "--form").out
    assert crm("mood", "edit", "1-2", "--form").exit == 2
    assert crm("case", "edit", case, "--form", "--priority", "high").exit == 2
    assert crm("case", "edit", case).err == "crm: nothing to change (name a field: crm case edit -h)\n"


def test_the_past_is_not_edited(case: str, edit: Callable[..., Run]) -> None:
    done = edit(f"case edit {case}", "broken", "mended", "", "--as-of", "2026-03-02")
    assert (done.exit, "the past cannot be changed" in done.err) == (2, True)


def test_a_rehearsal_shows_what_the_form_would_change(crm: Crm, case: str, edit: Callable[..., Run]) -> None:
    done = edit(f"case edit {case}", "broken", "mended", "", "-n")
    assert (done.exit, "nothing was written" in done.err) == (0, True)
    assert shown(crm, case)["name"] == "Pump broken"
