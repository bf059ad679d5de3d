"""The conventions of cli.md §6 that a person at a terminal meets, each by its number."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from crmcli import db
from crmcli.execute import execute
from crmcli.model import Add, Note, Origin
from tests.conftest import NOW

CRM = str(Path(sys.executable).with_name("crm"))
HOSTILE = "[/foo] [red]pump \x1b[31mred\x1b]0;title\x07 \x9b31m \u202egnp.exe \x1b[2J %s"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OURS = re.compile(r"\x1b\[[0-9;]*m")
VIEWS = (
    "", "case list", "case show 1", "case log 1", "history list", "search pump", "partner list", "changes",
    "report opportunities", "next", "calendar", "calendar agenda",
)  # fmt: skip

Spawn = Callable[..., Any]


@pytest.fixture(name="spawn")
def _spawn(db_path: str, tmp_path: Path) -> Iterator[Spawn]:
    """Start the program on a terminal of its own: spawn("case list", columns=80, NO_COLOR="1")."""
    conn = db.connect(db_path)
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        partner = tx.insert("partners", {"name": HOSTILE})
        for name in (HOSTILE, "Second", "Third"):
            case = {"name": name, "section_id": 1, "deadline_at": "2026-03-01T09:00:00Z", "partner_id": partner}
            execute(tx, Note(execute(tx, Add(case)).case_id, f"the pump\n{HOSTILE}"))
    conn.close()
    children = []

    def spawn(line: str, columns: int = 80, **environ: str) -> Any:
        mine = {"CRM_DB": db_path, "CRM_USER": "ann", "CRM_NOW": NOW, "TZ": "UTC", "HOME": str(tmp_path), "TERM": "xterm"}
        child = pexpect.spawn(
            CRM, line.split(), env={**mine, **environ}, encoding="utf-8", timeout=30, dimensions=(24, columns), cwd=str(tmp_path)
        )
        children.append(child)
        return child

    yield spawn
    for child in children:
        child.close(force=True)


def told(child: Any) -> tuple[str, int]:
    """All that a program says until its end, and its exit code."""
    text = child.read()
    child.close()
    return text, child.exitstatus if child.exitstatus is not None else -child.signalstatus


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("color", [True, False])
def test_foreign_text_is_inert_in_every_view_of_a_terminal(spawn: Spawn, columns: int, color: bool) -> None:
    """11: at every width, with colour and without."""
    for line in VIEWS:
        text, code = told(spawn(line, columns, **({} if color else {"NO_COLOR": "1"})))
        assert code == 0
        assert CONTROL.findall(OURS.sub("", text).replace("\r\n", "\n")) == [], line
        assert color or "\x1b" not in text


def test_a_terminal_gets_a_table_in_colour_that_fits(spawn: Spawn) -> None:
    """9 and 10: late cases are red; --no-color, NO_COLOR and TERM=dumb switch it off."""
    text, _ = told(spawn("case list"))
    assert "\x1b[31m" in text
    assert max(len(line) for line in OURS.sub("", text).splitlines()) <= 80
    for options, environ in (("--no-color", {}), ("", {"NO_COLOR": "1"}), ("", {"TERM": "dumb"})):
        assert "\x1b" not in told(spawn(f"case list {options}", **environ))[0]
    assert "\x1b[31m" in told(spawn("case list", NO_COLOR=""))[0]


def test_what_is_wide_asks_with_the_number(spawn: Spawn) -> None:
    """14: and anything but yes does nothing."""
    child = spawn("case close --where +late")
    child.expect_exact("close 3 cases? [y/N] ")
    child.sendline("n")
    text, code = told(child)
    assert (code, "nothing was done" in text) == (2, True)
    child = spawn("case close --where +late")
    child.expect_exact("close 3 cases? [y/N] ")
    child.sendline("y")
    assert told(child)[1] == 0
    child = spawn("undo")
    child.expect_exact("crm case close --where +late?")
    child.expect_exact("[y/N] ")
    child.sendline("y")
    assert "undid step" in told(child)[0]


@pytest.mark.parametrize("line", ["ingest", "ingest --section support", "ingest -o json"])
def test_a_mail_is_not_waited_for_on_a_terminal(spawn: Spawn, line: str) -> None:
    """21: nothing hangs on a terminal's standard input that nobody would type a mail into."""
    text, code = told(spawn(line))
    assert (code, len(text.splitlines())) == (75, 1)


def test_a_question_is_interrupted_at_once(spawn: Spawn) -> None:
    """22: SIGINT is 130 within half a second, and nothing was done."""
    child = spawn("case delete 1-3")
    child.expect_exact("delete 3 cases? [y/N] ")
    start = time.monotonic()
    child.kill(signal.SIGINT)
    text, code = told(child)
    assert code == 130
    assert time.monotonic() - start < 2
    assert "Traceback" not in text
    assert "Second" in told(spawn("case list"))[0]


def test_a_long_list_is_cut_and_says_so(spawn: Spawn, db_path: str) -> None:
    """8: fifty rows on a terminal; a pager nobody asked for never comes."""
    conn = db.connect(db_path)
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        for number in range(60):
            execute(tx, Add({"name": f"Case {number}", "section_id": 1}))
    text, code = told(spawn("case list", PAGER="cat", COLUMNS="80"))
    assert (code, "and 13 more" in text) == (0, True)


def test_where_there_is_nothing_a_person_is_told_so(spawn: Spawn) -> None:
    """And what a word was taken for that looks like a flag; a program gets its header and no words."""
    assert told(spawn("case list +closed")) == ("nothing found\r\n", 0)
    assert told(spawn("case list overdue")) == ("nothing found\r\noverdue was looked for in texts; the flag is +late\r\n", 0)
    number = "9 was looked for in texts; a case by its number: crm case show 9\r\n"
    assert told(spawn("case list 9")) == (f"nothing found\r\n{number}", 0)
    assert told(spawn("case list nonsense -q")) == ("", 0)
    assert told(spawn("search nonsense")) == ("nothing found\r\n", 0)
    assert "nothing found" not in told(spawn("case list +closed -o tsv"))[0]


def test_without_options_edit_opens_a_form_and_a_mistake_opens_it_again(spawn: Spawn, tmp_path: Path) -> None:
    """12 and 21: the message stands above the form; a form left as it is ends with the same message."""
    script = tmp_path / "editor"
    first = 'sed -i "s/= \\"Support\\"/= \\"Nowhere\\"/; s/normal/high/" $1'
    again = 'sed -i "s/Nowhere/Support/" $1'
    script.write_text(f'#!/bin/sh\ncat $1 >> {tmp_path}/seen\nif grep -q "^#! " $1; then {again}; else {first}; fi\n')
    script.chmod(0o755)
    text, code = told(spawn("case edit 2", EDITOR=str(script), PATH=os.environ["PATH"]))
    assert (code, text.strip()) == (0, "2")
    assert "#! no section Nowhere" in (tmp_path / "seen").read_text()
    assert '"high"' in told(spawn("case edit 2 --form"))[0]


def test_words_are_written_in_the_editor(spawn: Spawn, tmp_path: Path) -> None:
    """21: without a text note opens the editor; an empty one does nothing."""
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\necho "called back" > $1\n')
    script.chmod(0o755)
    assert told(spawn("case note 2", EDITOR=str(script), PATH=os.environ["PATH"]))[1] == 0
    assert "called back" in told(spawn("case show 2"))[0]
    script.write_text("#!/bin/sh\n: > $1\n")
    assert told(spawn("case note 2", EDITOR=str(script), PATH=os.environ["PATH"]))[1] == 2
