"""A site for real mail servers: the program where its user can run it, a database, and the set-up lines of the help."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import smtplib
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from crmcli import db

ROOT = Path(__file__).parents[2]
HELP = ROOT / "crmcli" / "help" / "mail.md"
USER = "daemon"
"""Who runs the pipe, in place of the help's crm: a user that every Debian has."""

PACKAGES = ("typer", "annotated_doc", "shellingham")
"""What the command line loads where its options are not plain."""

INTERPRETERS = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")


class Site(NamedTuple):
    """A folder that everybody can enter; in it the program, the database and room for the mail server."""

    folder: Path

    @property
    def db_path(self) -> Path:
        """The database; its folder belongs to the pipe's user."""
        return self.folder / "data" / "crm.db"

    def conn(self) -> sqlite3.Connection:
        """The database, to look at."""
        return db.connect(str(self.db_path))

    def lines(self, heading: str) -> str:
        """The set-up lines below a heading of `crm help mail`, with this site's paths and user."""
        return self.own(block(heading))

    def own(self, text: str) -> str:
        """Lines of the help with this site's paths and user."""
        text = text.replace("/usr/local/bin/crm-pipe", str(self.folder / "bin" / "crm-pipe"))
        text = text.replace("/var/lib/crm/crm.db", str(self.db_path))
        return re.sub(r"""(user ?=? ?|= ")crm\b""", rf"\1{USER}", text)

    def takes(self, wanted: list[tuple[str | None, str | None]]) -> None:
        """Wait until exactly these mails, as recipient and sender, are in the database."""
        eventually(lambda: len(self.deliveries()) >= len(wanted))
        assert sorted(self.deliveries(), key=str) == sorted(wanted, key=str)

    def deliveries(self) -> list[tuple[str | None, str | None]]:
        """The envelopes of the mails that came."""
        conn = self.conn()
        found = [tuple(row) for row in conn.execute("SELECT recipient, sender FROM deliveries WHERE state <> 'received'")]
        conn.close()
        return found

    def break_database(self) -> None:
        """Every mail ends with 75 from now on."""
        os.rename(self.db_path, f"{self.db_path}.away")

    def mend_database(self) -> None:
        """As it was."""
        os.rename(f"{self.db_path}.away", self.db_path)


def block(heading: str) -> str:
    """The indented lines of the help that follow the line that begins with these words."""
    lines = HELP.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading))
    first = next(number for number in range(start, len(lines)) if lines[number].startswith("  "))
    found: list[str] = []
    for line in lines[first:]:
        if line and not line.startswith("  "):
            break
        found.append(line[2:])
    return "\n".join(found).rstrip() + "\n"


def make(folder: Path, template: bytes) -> Site:
    """The site in a folder; the program is copied there, as the mail server's users may not enter the checkout."""
    os.chmod(folder, 0o755)
    lib, commands, data = folder / "lib", folder / "bin", folder / "data"
    shutil.copytree(ROOT / "crmcli", lib / "crmcli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "schema.sql", lib)
    shutil.copytree(ROOT / "templates", lib / "templates")
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        shutil.copytree(Path(spec.origin).parent, lib / name)
    commands.mkdir()
    shutil.copy(ROOT / "crmcli" / "scripts" / "crm-pipe", commands)
    crm = commands / "crm"
    crm.write_text(f"#!{interpreter()}\nimport sys\nsys.path.insert(0, {str(lib)!r})\nfrom crmcli.__main__ import main\nmain()\n")
    crm.chmod(0o755)
    data.mkdir()
    site = Site(folder)
    site.db_path.write_bytes(template)
    uid = pwd.getpwnam(USER).pw_uid
    for path in (data, site.db_path):
        os.chown(path, uid, -1)
    return site


def interpreter() -> str:
    """A Python that every user of this machine can run."""
    probe = "import sys, sqlite3; sys.exit(sys.version_info < (3, 11) or sqlite3.sqlite_version_info < (3, 38))"
    for path in INTERPRETERS:
        try:
            if subprocess.run([path, "-c", probe], user=USER, capture_output=True, check=False).returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip(f"no Python 3.11 that the user {USER} can run")


def need(*programs: str) -> None:
    """Skip where it cannot be tried."""
    if os.geteuid() != 0:
        pytest.skip("mail servers are started by root")
    missing = [name for name in programs if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*argv: str | Path, ok: bool = True) -> str:
    """What a command prints; it must end with 0."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 or not ok, (argv, done.stdout, done.stderr)
    return done.stdout + done.stderr


def apart(binds: dict[Path, str], *argv: str | Path) -> list[str]:
    """The words of a command that finds these files and folders of ours in the places of the system's, and nobody else does."""
    mounts = [f"mount --bind {ours} {theirs}" for ours, theirs in binds.items()]
    return ["unshare", "--mount", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh", *(str(word) for word in argv)]


def need_apart() -> None:
    """Skip where this machine does not let us do that."""
    need("unshare")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")


def eventually(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; what never comes is a failure."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether somebody answers at a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def letter(number: int = 1, to: str = "support@us.example") -> bytes:
    """A mail of joe's, another for each number."""
    return (
        f"From: Joe Roe <joe@acme.example>\r\nTo: {to}\r\nSubject: Pump {number}\r\nMessage-ID: <{number}@acme.example>\r\n"
        f"Date: Mon, 02 Mar 2026 08:59:00 +0000\r\n\r\nIt broke.\r\nFrom here on.\r\n.\r\nNumber {number}.\r\n"
    ).encode()


def submit(port: int, raw: bytes, *recipients: str, sender: str = "joe@acme.example") -> None:
    """Hand a mail to the mail server."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        assert client.sendmail(sender, recipients, raw) == {}


@contextlib.contextmanager
def lmtp(site: Site) -> Iterator[str]:
    """The resident intake while it runs → its host and port."""
    argv = [sys.executable, "-m", "crmcli", "--db", str(site.db_path), "lmtp", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stderr
        yield process.stderr.readline().removeprefix("listening on ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)
