"""crm-pipe tells the mail server 0 only for a mail that is kept, whatever is broken about crm (mail.md §1)."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NOW
from tests.mail.post import count, letter, one

SCRIPT = Path(__file__).parents[2] / "crmcli" / "scripts" / "crm-pipe"
UNKNOWN = "4.3.0 the mail could not be taken, please try again later\n"

SHELLS = ("", "dash", "busybox sh")


@pytest.fixture(name="shell", params=SHELLS, ids=lambda name: name or "as it is")
def _shell(request: pytest.FixtureRequest) -> list[str]:
    """A shell to run the script with; none where the system is to find it."""
    if not request.param:
        return []
    first, *rest = request.param.split()
    found = shutil.which(first) or pytest.skip(f"{first} is not installed")
    return [found, *rest]


@pytest.fixture(name="home")
def _home() -> Iterator[Path]:
    """A folder with the script in it, that anybody can enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(SCRIPT, folder)
        yield Path(folder)


def put(folder: Path, script: str) -> None:
    """A program of this text in place of crm."""
    (folder / "crm").write_text(script)
    (folder / "crm").chmod(0o755)


def real(folder: Path) -> None:
    """The program itself in place of crm."""
    root = SCRIPT.parents[2]
    put(folder, f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\nfrom crmcli.__main__ import main\nmain()\n")


def pipe(
    shell: list[str], folder: Path, *argv: str, stdin: bytes = b"", path: str | None = None, **more: object
) -> tuple[int, str, str]:
    """Run the script as mail servers do, with nothing in the environment → its exit code and what it says."""
    done = subprocess.run(
        [*shell, str(folder / "crm-pipe"), *argv], input=stdin, capture_output=True, check=False, timeout=60,
        env={} if path is None else {"PATH": path}, cwd="/", **more,
    )  # type: ignore[call-overload]  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_mail_goes_through_it_with_its_envelope(shell: list[str], home: Path, db_path: str, conn: sqlite3.Connection) -> None:
    real(home)
    words = ("--db", db_path, "--now", NOW, "--recipient", "support+a b@us.example", "--sender", "", "--section", "Support")
    assert pipe(shell, home, *words, stdin=letter("One  two *\n")) == (0, "", "")
    assert pipe(shell, home, *words, stdin=letter("One  two *\n")) == (0, "", "")
    assert count(conn, "deliveries") == 1
    assert one(conn, "SELECT sender FROM deliveries") == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_mail_server_may_close_what_it_does_not_read(shell: list[str], home: Path, closed: str) -> None:
    """What crm answered counts, whether anybody hears it or not."""
    for code in (0, 75):
        put(home, f"#!/bin/sh\nexit {code}\n")
        line = [*shell, str(home / "crm-pipe")]
        done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *line], input=b"", capture_output=True, check=False)
        assert done.returncode == code


def test_what_crm_says_of_a_failure_is_passed_on(shell: list[str], home: Path, db_path: str) -> None:
    real(home)
    gone = pipe(shell, home, "--db", "/nowhere/crm.db", stdin=letter())
    assert gone == (75, "", "4.3.0 the database or a file cannot be used, please try again later\n")
    assert pipe(shell, home, "--db", db_path)[::2] == (75, "4.3.0 nothing came on standard input, please try again later\n")
    strict = ("--db", db_path, "--strict-recipient", "--recipient", "nobody@us.example")
    assert pipe(shell, home, *strict, stdin=letter()) == (67, "", "5.1.1 no such recipient here\n")


@pytest.mark.parametrize("option", ["--frobnicate", "--max-bytes=x", "--section", "--help-me"])
def test_a_line_that_is_wrong_keeps_the_mail_at_the_server(home: Path, db_path: str, option: str) -> None:
    real(home)
    code, out, err = pipe([], home, "--db", db_path, option, stdin=letter())
    assert (code, out, err[:6], err.count("\n")) == (75, "", "4.3.0 ", 1)


@pytest.mark.parametrize(
    "script",
    [
        "#!/nowhere/bin/python\nimport sys\n",  # the interpreter is gone
        "#!/bin/sh\nexit 1\n",
        "#!/bin/sh\nexit 2\n",
        "#!/bin/sh\nexit 70\n",
        "#!/bin/sh\nexit 75\n",
        "#!/bin/sh\nexit 100\n",
        "#!/bin/sh\nexit 127\n",
        "#!/bin/sh\nkill -9 $$\n",
        "#!/bin/sh\nkill -11 $$\n",
        f"#!{sys.executable}\nimport no_such_module\n",  # half an upgrade
        f"#!{sys.executable}\nimport os\nos.abort()\n",
        f"#!{sys.executable}\nprint('Warning: x')\nprint('4.3.0 y')\nraise SystemExit(75)\n",
        "",  # the disk was full when it was written
    ],
)
def test_whatever_is_broken_keeps_the_mail_at_the_server(shell: list[str], home: Path, script: str) -> None:
    put(home, script)
    assert pipe(shell, home, stdin=letter()) == (75, "", UNKNOWN)


def test_a_missing_crm_keeps_the_mail_at_the_server(shell: list[str], home: Path) -> None:
    assert pipe(shell, home, stdin=letter(), path="/nowhere") == (75, "", UNKNOWN)
    put(home, "#!/bin/sh\nexit 0\n")
    (home / "crm").chmod(0o644)
    assert pipe(shell, home, stdin=letter(), path="/nowhere") == (75, "", UNKNOWN)


def test_one_line_at_most_is_said(shell: list[str], home: Path) -> None:
    put(home, "#!/bin/sh\necho out; echo err >&2\n")
    assert pipe(shell, home, stdin=letter()) == (0, "", "")
    put(home, "#!/bin/sh\necho '4.3.0 the disk is full'; echo more; exit 75\n")
    assert pipe(shell, home, stdin=letter()) == (75, "", "4.3.0 the disk is full\n")
    put(home, "#!/bin/sh\nexit 67\n")
    assert pipe(shell, home, stdin=letter()) == (67, "", "5.1.1 no such recipient here\n")


def test_crm_is_looked_for_beside_it_then_on_the_path(home: Path, tmp_path: Path) -> None:
    put(tmp_path, "#!/bin/sh\nexit 0\n")
    assert pipe([], home, path=f"/usr/bin:/bin:{tmp_path}")[0] == 0
    put(home, "#!/bin/sh\nexit 67\n")
    assert pipe([], home, path=f"/usr/bin:/bin:{tmp_path}")[0] == 67


def test_a_link_to_it_finds_the_crm_beside_the_real_one(home: Path, tmp_path: Path) -> None:
    put(home, "#!/bin/sh\nexit 0\n")
    (tmp_path / "crm-pipe").symlink_to(home / "crm-pipe")
    assert pipe([], tmp_path)[0] == 0


def test_words_reach_crm_as_they_are(shell: list[str], home: Path) -> None:
    put(home, '#!/bin/sh\nprintf "4.0.0 "; printf "%s|" "$@"\nexit 75\n')
    words = ["", "a b", "*", "$(touch x)", "'", '"', "\\n", "--", "-n", "ä"]
    assert pipe(shell, home, *words)[2] == "4.0.0 " + "".join(f"{word}|" for word in ["ingest", *words]) + "\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_stopped_alone_it_waits_for_what_crm_says(shell: list[str], home: Path, number: int) -> None:
    put(home, "#!/bin/sh\nread -r _; exit 0\n")
    with started(shell, home) as process:
        process.send_signal(number)
        told = process.communicate(b"go\n", timeout=60)
    assert (process.returncode, told) == (0, (b"", b""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_stopped_together_with_crm_it_keeps_the_mail_at_the_server(
    shell: list[str], home: Path, db_path: str, conn: sqlite3.Connection, number: int
) -> None:
    real(home)
    with started(shell, home, "--db", db_path) as process:
        assert process.stdin
        process.stdin.write(b"X: y\n" * 40_000)  # more than a pipe holds: crm is reading
        process.stdin.flush()
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err[:6], err.count(b"\n")) == (75, b"", b"4.3.0 ", 1)
    assert count(conn, "deliveries") == 0


def test_a_crm_that_is_killed_keeps_the_mail_at_the_server(shell: list[str], home: Path) -> None:
    put(home, "#!/bin/sh\nread -r _; kill -9 $$\n")
    assert pipe(shell, home, stdin=b"go\n") == (75, "", UNKNOWN)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming a user without processes takes root")
def test_where_no_process_can_be_had_the_mail_stays_at_the_server(shell: list[str], home: Path) -> None:
    put(home, "#!/bin/sh\nexit 0\n")

    def poor() -> None:
        os.setgid(65534)
        os.setuid(65534)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

    assert pipe(shell, home, preexec_fn=poor)[:2] == (75, "")


def started(shell: list[str], folder: Path, *argv: str) -> subprocess.Popen[bytes]:
    """The script under way, in a group of its own, its traps set and crm running."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process: subprocess.Popen[bytes] = subprocess.Popen(
        [*shell, str(folder / "crm-pipe"), *argv], env={}, cwd="/", start_new_session=True, **pipes
    )  # type: ignore[call-overload]
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 30
    while not children.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    return process
