"""Mail fetched from a mailbox elsewhere by fetchmail and getmail: what cannot be taken stays in the mailbox."""

from __future__ import annotations

import os
import pwd
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mail.post import count
from tests.mta.site import USER, Site, letter, need

pytestmark = pytest.mark.mta

TRACE = b"Return-Path: <joe@acme.example>\r\nDelivered-To: support+x7y@us.example\r\nReceived: by mail.us.example; today\r\n"


class Mailbox(socketserver.ThreadingTCPServer):
    """A POP3 server with one mailbox (RFC 1939); mails leave it by DELE and QUIT only."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Line)
        self.mails: list[bytes] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class Line(socketserver.StreamRequestHandler):
    """One visitor of the mailbox."""

    def handle(self) -> None:
        """Answer commands until they go."""
        box: Mailbox = self.server  # type: ignore[assignment]
        mails, gone = list(enumerate(box.mails, 1)), set()
        self.say("+OK hello")
        while words := self.rfile.readline().decode().split():
            command, number = words[0].upper(), int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
            if command in ("STAT", "LAST"):
                self.say(f"+OK {len(mails)} {sum(len(raw) for _, raw in mails)}" if command == "STAT" else "+OK 0")
            elif command in ("LIST", "UIDL"):
                told = [f"{place} {len(raw) if command == 'LIST' else f'uid{hash(raw)}'}" for place, raw in mails]
                self.say(f"+OK {told[number - 1]}" if number else "\r\n".join(["+OK", *told, "."]))
            elif command in ("RETR", "TOP"):
                raw = mails[number - 1][1]
                self.say("+OK\r\n" + raw.replace(b"\r\n.", b"\r\n..").decode() + ".")
            elif command == "DELE":
                gone.add(mails[number - 1][1])
                self.say("+OK")
            elif command == "QUIT":
                box.mails = [raw for raw in box.mails if raw not in gone]
                self.say("+OK bye")
                return
            else:
                self.say("+OK" if command in ("USER", "PASS", "NOOP", "RSET") else "-ERR no")

    def say(self, text: str) -> None:
        """One answer."""
        self.wfile.write(text.encode() + b"\r\n")


@pytest.fixture(name="mailbox")
def _mailbox() -> Iterator[Mailbox]:
    """A mailbox with two mails in it."""
    with Mailbox() as mailbox:
        mailbox.mails = [TRACE + letter(1), TRACE.replace(b"joe@acme.example", b"") + letter(2)]
        threading.Thread(target=mailbox.serve_forever, daemon=True).start()
        yield mailbox
        mailbox.shutdown()


def own_file(site: Site, name: str, text: str) -> Path:
    """A file that only the pipe's user reads."""
    path = site.folder / "data" / name
    path.write_text(text)
    path.chmod(0o600)
    os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
    return path


def as_user(site: Site, *argv: str) -> Callable[[], str]:
    """A command of the pipe's user; what it says."""
    home = site.folder / "data"

    def run() -> str:
        environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            argv,
            user=USER,
            group=USER,
            extra_groups=(),
            cwd=home,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        print(done.stdout, done.stderr)
        return done.stdout + done.stderr

    return run


def fetchmail(site: Site, mailbox: Mailbox) -> Callable[[], str]:
    """A run of fetchmail with the help's lines; without encryption, which this mailbox does not know."""
    need("fetchmail")
    lines = site.lines("fetchmail, in .fetchmailrc").replace("mail.us.example", f"127.0.0.1 service {mailbox.port}")
    path = own_file(site, "fetchmailrc", lines.replace(" ssl", " sslproto ''"))
    return as_user(site, "fetchmail", "-f", str(path), "--nodetach", "--nosyslog", "-v")


def getmail(site: Site, mailbox: Mailbox) -> Callable[[], str]:
    """A run of getmail with the help's lines; without encryption, which this mailbox does not know."""
    need("getmail")
    lines = site.lines("getmail, in ~/.config/getmail/getmailrc").replace("mail.us.example", f"127.0.0.1\nport = {mailbox.port}")
    path = own_file(site, "getmailrc", lines.replace("POP3SSL", "POP3"))
    return as_user(site, "getmail", "--getmaildir", str(path.parent), "--rcfile", str(path))


@pytest.mark.parametrize("program", [fetchmail, getmail])
def test_mail_is_fetched_once_and_stays_where_it_is_while_it_cannot_be_taken(
    site: Site, mailbox: Mailbox, program: Callable[[Site, Mailbox], Callable[[], str]]
) -> None:
    fetch = program(site, mailbox)
    site.break_database()
    fetch()
    assert len(mailbox.mails) == 2
    site.mend_database()
    fetch()
    assert len(mailbox.mails) == 0
    site.takes([("support+x7y@us.example", "joe@acme.example"), ("support+x7y@us.example", "")])
    mailbox.mails = [TRACE + letter(1)]
    fetch()
    assert mailbox.mails == []
    assert count(site.conn(), "messages") == 2
