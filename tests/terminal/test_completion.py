"""Completion in real shells: keys are typed, Tab is pressed, and the shell tells which words it then has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from crmcli import db, records
from crmcli.execute import execute
from crmcli.model import Add, Origin
from tests.conftest import Run

Crm = Callable[..., Run]

WORDS = [
    ("crm hist", "crm history"),
    ("crm case unarc", "crm case unarchive"),
    ("crm case edit 1 --sec", "crm case edit 1 --section"),
    ("crm case edit 1 --section sup", "crm case edit 1 --section support"),
    ("crm case edit 1 --section=sup", "crm case edit 1 --section=support"),
    ("crm case edit 1 --priority lowe", "crm case edit 1 --priority lowest"),
    ("crm case list section:sup", "crm case list section:support"),
    ("crm case list +la", "crm case list +late"),
    ("crm case list partner:Del", 'crm case list partner:"Delta Water"'),
    ("crm partner show Del", "crm partner show Delta Water"),
    ("crm --as an", "crm --as ann"),
    ("crm help exit", "crm help exit-codes"),
]
SOME = [WORDS[0], WORDS[3], WORDS[6], WORDS[9]]
ZSH = """
PS1='$ '; unsetopt zle_bracketed_paste; bindkey -e; autoload -U compinit; compinit -u -D; eval "$(crm completion zsh)"
"""


@pytest.fixture(name="world")
def _world(db_path: str) -> str:
    conn = db.connect(db_path)
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        for name in ("Acme", "Delta Water", "Hostile\u202e"):
            records.add(tx, "partner", {"name": name})
        execute(tx, Add({"name": "Pump", "section_id": 1}))
    conn.close()
    return db_path


@pytest.fixture(name="bash")
def _bash(world: str, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Types a line and Tab into bash → the words that bash makes of it."""
    yield from _shell("bash", ["--norc", "--noprofile"], "PS1='$ '; eval \"$(crm completion bash)\"", world, tmp_path)


def _shell(name: str, options: list[str], begin: str, db_path: str, home: Path) -> Iterator[Callable[[str], str]]:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name}")
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "CRM_DB": db_path, "HOME": str(home),
        "TERM": "dumb", "LANG": "C.UTF-8", "TZ": "UTC",
    }  # fmt: skip
    child = pexpect.spawn(path, options, env=environ, encoding="utf-8", timeout=30, dimensions=(40, 200))
    child.sendline(f"{begin}; echo rea''dy")
    child.expect("ready\r\n")

    def complete(line: str) -> str:
        child.send(f"{line}\t")
        child.expect_exact(line)
        child.send("\x01printf '<%s>' \x05; echo '<e''nd>'\r")
        child.expect("(<[^\r\n]*)<end>")
        words: str = child.match[1]
        return words.removeprefix("<").removesuffix(">").replace("><", " ").strip()

    yield complete
    child.close(force=True)


@pytest.mark.parametrize(("line", "completed"), WORDS, ids=[line for line, _ in WORDS])
def test_bash_completes(bash: Callable[[str], str], line: str, completed: str) -> None:
    assert bash(line) == completed


def test_bash_completes_within_quotes(bash: Callable[[str], str]) -> None:
    assert bash("crm case list '+late section:sup") == "crm case list +late section:support"
    assert bash('crm case list "partner:Del') == 'crm case list partner:"Delta Water"'


def test_bash_offers_files_where_a_file_is_wanted(bash: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "request.eml").write_text("")
    assert bash(f"crm ingest {tmp_path}/req") == f"crm ingest {tmp_path}/request.eml"


def test_nothing_happens_where_nothing_can_be_known(bash: Callable[[str], str]) -> None:
    assert bash("crm nonsense x") == "crm nonsense x"
    assert bash("crm --db /nowhere case list section:sup") == "crm --db /nowhere case list section:sup"


@pytest.mark.parametrize(
    ("line", "completed"), [WORDS[0], WORDS[3], WORDS[6], WORDS[9]], ids=["command", "value", "filter", "blank"]
)
def test_zsh_completes(world: str, tmp_path: Path, line: str, completed: str) -> None:
    begin = (
        "PS1='$ '; unsetopt zle_bracketed_paste; bindkey -e; autoload -U compinit; compinit -u -D; eval \"$(crm completion zsh)\""
    )
    shell = _shell("zsh", ["-f", "-i"], begin, world, tmp_path)
    assert next(shell)(line) == completed
    shell.close()


@pytest.mark.parametrize(
    ("line", "completed"), [WORDS[0], WORDS[3], WORDS[6], WORDS[9]], ids=["command", "value", "filter", "blank"]
)
def test_fish_completes(world: str, tmp_path: Path, line: str, completed: str) -> None:
    """Fish tells by itself what it would complete."""
    path = shutil.which("fish")
    if path is None:
        pytest.skip("there is no fish")
    environ = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "CRM_DB": world, "HOME": str(tmp_path)}
    ask = 'crm completion fish | source; complete -C "$line"'
    done = subprocess.run(
        [path, "-c", ask], env={**environ, "line": line}, capture_output=True, text=True, check=False, timeout=60
    )
    last = completed.rpartition(" ")[2] if "Delta" not in completed else "Delta Water"
    assert [row.split("\t")[0] for row in done.stdout.splitlines()] == [last]
