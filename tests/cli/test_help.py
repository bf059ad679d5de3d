"""Help: of every command, ending with an example that works; of topics; all of it in 80 columns; and as manual pages."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import _click as click

from crmcli import resources
from crmcli.cli import help as pages
from crmcli.cli import root
from crmcli.cli.commands import COMMANDS as TOP
from tests.conftest import NOW, Run, through_main

Crm = Callable[..., Run]

MAIL = b"From: Joe Roe <joe@acme.example>\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n\nIt leaks.\n"

# Examples that are not run with the others: what they need or leave behind is tried in tests of their own.
ELSEWHERE = {
    ("mail", "triage", "accept"), ("mail", "triage", "reject"), ("ingest",), ("init",), ("demo",), ("web",), ("lmtp",),
    ("restore",), ("doctor",),
}  # fmt: skip


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words, groups left out, in the order of the help."""
    whole = root.root()
    ctx = click.Context(whole)

    def below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        if not hasattr(command, "commands"):
            yield words, command
            return
        for name in command.list_commands(ctx):
            yield from below(command.get_command(ctx, name), (*words, name))

    yield from below(whole, ())


COMMANDS = dict(commands())
GROUPS = sorted({words[:length] for words in COMMANDS for length in range(1, len(words))})


def example(words: tuple[str, ...]) -> str:
    """The example at the end of a command's help."""
    last: str = COMMANDS[words].help.strip().splitlines()[-1]
    assert last.startswith("Example: crm"), COMMANDS[words].help
    return last.removeprefix("Example: ")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_that_ends_with_an_example_of_it(crm: Crm, words: tuple[str, ...]) -> None:
    done = crm(*words, "--help", db=None, user=None, now=None)
    assert (done.exit, done.err) == (0, "")
    assert tuple(shlex.split(example(words))[1 : len(words) + 1]) == words
    sentence = COMMANDS[words].help.strip().splitlines()[0]
    assert sentence[0].isupper(), sentence
    assert sentence.endswith("."), sentence


def test_the_examples_work_one_after_the_other_on_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail first, then all in the order of the help, but what deletes or takes back last."""
    monkeypatch.chdir(tmp_path)
    for name, value in _world(tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "mail.eml").write_bytes(MAIL)
    (tmp_path / "plan.pdf").write_bytes(b"plan")
    (tmp_path / "people.csv").write_text("name,ref\nBeta Works,C9\n")
    assert _run(["init", "--demo"], monkeypatch).exit == 0
    assert _in_shell(example(("ingest",))).exit == 0
    assert _run(["config", "set", "transport", f"maildir:{tmp_path}/sent"], monkeypatch).exit == 0
    failed = {}
    for words in sorted(COMMANDS.keys() - ELSEWHERE, key=_turn):
        line = example(words)
        done = _in_shell(line) if set("<>|") & set(shlex.split(line)) else _run(shlex.split(line)[1:], monkeypatch)
        if done.exit:
            failed[line] = done.err
    assert failed == {}


def _turn(words: tuple[str, ...]) -> tuple[bool, int]:
    """What deletes, sends everything or takes back comes last."""
    late = words[-1] == "delete" or words in (("mail", "send"), ("undo",), ("redo",))
    return late, list(COMMANDS).index(words)


def _world(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    mine = {"PATH": path, "CRM_DB": str(folder / "crm.db"), "CRM_USER": "ann", "CRM_NOW": NOW, "TZ": "UTC"}
    return {**mine, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TMPDIR": str(folder)}


def _run(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return through_main(argv, b"", monkeypatch)


def _in_shell(line: str) -> Run:
    done = subprocess.run(["bash", "-c", line], timeout=60, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", [(), *GROUPS, *COMMANDS], ids=lambda words: " ".join(words) or "crm")
def test_help_is_the_same_by_every_road_and_fits_80_columns(
    crm: Crm, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = [crm(*argv, db=None, user=None, now=None) for argv in ((*words, "-h"), (*words, "--help"))]
    if words and words != ("help",):
        told.append(crm("help", *words, db=None, user=None, now=None) if words[0] not in pages.topics() else told[0])
    assert len({(run.exit, run.out, run.err) for run in told}) == 1
    assert told[0].exit == 0
    assert [line for line in told[0].out.splitlines() if len(line) > 80 and "Example: " not in line] == []
    assert "..." not in told[0].out.partition("\nCommands:\n")[2]


def test_the_list_of_topics_fits_80_columns(crm: Crm) -> None:
    listed = crm("help", db=None, user=None, now=None).out
    assert {"filter", "dates", "formats", "exit-codes", "mail", "rules", "segments", "cron", "moving-from-openerp", "sql"} <= set(
        pages.topics()
    )
    assert all(f"  {name} " in listed for name in pages.topics())
    assert max(map(len, listed.splitlines())) <= 80


@pytest.mark.parametrize("topic", pages.topics())
def test_a_page_fits_80_columns_and_shows_no_fences(crm: Crm, topic: str) -> None:
    done = crm("help", topic, db=None, user=None, now=None)
    assert (done.exit, done.err) == (0, "")
    assert done.out.startswith("# ")
    assert "```" not in done.out
    assert [line for line in done.out.splitlines() if len(line.expandtabs()) > 80] == []


@pytest.mark.parametrize(("words", "told"), [("fitler", "nearest: filter"), ("cse", "nearest: case"), ("case clse", "close")])
def test_a_topic_that_is_none_has_a_next_step(crm: Crm, words: str, told: str) -> None:
    done = crm("help", *words.split())
    assert (done.exit, done.out) == (3, "")
    assert told in done.err


# Manual pages --------------------------------------------------------------------------------------


@pytest.fixture(name="folder")
def _folder(crm: Crm, tmp_path: Path) -> Path:
    assert crm("man", "--all", str(tmp_path / "man"), db=None).exit == 0
    return tmp_path / "man"


def test_there_is_a_manual_page_of_every_command_and_topic(folder: Path) -> None:
    topics = [name for name in pages.topics() if name not in TOP]
    assert {path.name for path in folder.iterdir()} == {
        "crm.1", *(f"crm-{name}.1" for name in TOP), *(f"crm-{name}.7" for name in topics),
    }  # fmt: skip


def test_groff_has_nothing_to_complain_about(folder: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("there is no groff")
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z", *map(str, folder.iterdir())], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_manual_page_reads_as_the_help_does(crm: Crm) -> None:
    page = crm("man", "case", db=None).out
    assert page.isascii()
    assert '.SS "crm case close"' in page
    assert "crm case close \\-\\-where" in page
    assert ".B \\&\\-\\-where FILTER" in page
    whole = crm("man", db=None).out
    assert all(f".B \\&crm {name}\n".replace("-", "\\-").replace("\\\\-", "\\-") in whole for name in TOP)
    assert ".B \\&130" not in whole
    assert "interrupted" in whole
    assert crm("man", "nonsense").exit == 3
    assert crm("man", "case", "--all", "x").exit == 2


def test_every_line_of_a_page_is_in_its_manual_page(crm: Crm) -> None:
    for topic in pages.topics():
        words = resources.read("help", f"{topic}.md").partition("\n")[2].replace("```console", "").replace("```", "").split()
        page = crm("man", topic, db=None).out
        told = page.replace("\\&", "").replace("\\-", "-").replace("\\(aq", "'").replace("\\(ga", "`").replace("\\e", "\\")
        assert [word for word in words if word.isascii() and word.isalnum() and word not in told] == []
