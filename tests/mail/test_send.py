"""Sending for real: a Maildir, a program, an SMTP server that says all that servers say."""

from __future__ import annotations

import contextlib
import email
import mailbox
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from crmcli import addresses, clock, db, outbox, settings
from crmcli.errors import Busy
from crmcli.mail import send, smtp, transport
from crmcli.mail.parcel import Parcel
from crmcli.model import Origin
from tests.conftest import Run, through_main
from tests.mail.post import letter

NOW = "2026-03-02T09:00:00Z"
ORIGIN = Origin(NOW, None, "system")
BYTES = b"From: support@us.example\nTo: joe@acme.example\nSubject: x\n\nHello\n.\n..\n\nFrom me\n"


def put(conn: sqlite3.Connection, recipient: str = "joe@acme.example", sender: str = "support+b@us.example") -> int:
    """A mail in the outbox."""
    with db.write(conn, ORIGIN) as tx:
        number = outbox.next_id(conn)
        row = {
            "kind": "reply",
            "cause": "test",
            "recipient": recipient,
            "envelope_from": sender,
            "message_id": f"<{number}@us.example>",
            "subject": "x",
            "bytes": b"Message-ID: <%d@us.example>\n" % number + BYTES,
        }
        return outbox.add(tx, row)


def use(conn: sqlite3.Connection, **values: str) -> None:
    """Settings."""
    with db.write(conn, ORIGIN) as tx:
        for key, value in values.items():
            settings.put(tx, key, value)


def states(conn: sqlite3.Connection) -> list[str]:
    """The states in order."""
    return [row["state"] for row in outbox.listed(conn)]


# Maildir ------------------------------------------------------------------------------------------------


def test_mail_is_delivered_into_a_maildir(conn: sqlite3.Connection, tmp_path: Path) -> None:
    """Made where it is missing, readable by the standard library, byte for byte below its Return-Path."""
    put(conn)
    put(conn, sender="")
    use(conn, transport="maildir:sent")
    assert send.due(conn, NOW) == send.Sent(sent=2)
    assert states(conn) == ["sent", "sent"]
    names = sorted(os.listdir(tmp_path / "sent" / "new"))
    assert [(tmp_path / "sent" / "new" / name).read_bytes() for name in names] == [
        b"Return-Path: <support+b@us.example>\nMessage-ID: <1@us.example>\n" + BYTES,
        b"Return-Path: <>\nMessage-ID: <2@us.example>\n" + BYTES,
    ]
    assert len(mailbox.Maildir(tmp_path / "sent", create=False)) == 2
    assert os.listdir(tmp_path / "sent" / "tmp") == []
    assert send.due(conn, NOW) == send.Sent()


def test_without_a_transport_mail_waits(conn: sqlite3.Connection) -> None:
    """And says nothing."""
    put(conn)
    assert send.due(conn, NOW) == send.Sent()
    assert states(conn) == ["queued"]
    with pytest.raises(Busy):
        send.one(conn, ORIGIN, 1)


def test_a_maildir_that_cannot_be_written_pauses_the_transport(conn: sqlite3.Connection, tmp_path: Path) -> None:
    """The mail stays, the reason is told, the next try is in a minute."""
    (tmp_path / "file").write_text("")
    put(conn)
    put(conn)
    use(conn, transport=f"maildir:{tmp_path}/file")
    report = send.due(conn, NOW)
    assert report.put_off == 1
    assert "file" in report.paused
    assert [(row["state"], row["attempts"]) for row in outbox.listed(conn)] == [("queued", 1), ("queued", 0)]
    assert send.due(conn, NOW).paused == report.paused
    use(conn, transport=f"maildir:{tmp_path}/sent")
    assert send.due(conn, clock.shift(NOW, 60)).sent == 2


def test_one_mail_can_be_sent_at_once_whatever_it_waits_for(conn: sqlite3.Connection, tmp_path: Path) -> None:
    """Held, failed or put off: someone wants it to go now."""
    first, second = put(conn), put(conn)
    with db.write(conn, ORIGIN) as tx:
        outbox.hold(tx, second)
    use(conn, transport="maildir:sent")
    assert send.one(conn, ORIGIN, second) == send.Sent(sent=1)
    assert states(conn) == ["queued", "sent"]
    assert outbox.get(conn, first)["attempts"] == 0


def test_a_transport_that_makes_no_sense_is_told_and_loses_nothing(conn: sqlite3.Connection) -> None:
    """Also one with a password in it, which does not belong there."""
    put(conn)
    for spec in ("pigeon:coop", "smtp:", "smtp://x:y", "smtps://[x", "maildir:", "smtp://ann:secret@mail.us.example"):
        use(conn, transport=spec)
        report = send.due(conn, NOW)
        assert report.paused
        assert "secret" not in report.paused
    assert [(row["state"], row["attempts"]) for row in outbox.listed(conn)] == [("queued", 0)]


# A program ----------------------------------------------------------------------------------------------


def program(path: Path, script: str) -> str:
    """An executable in place of sendmail."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"sendmail:{path}"


def test_a_sendmail_program_gets_envelope_and_bytes(conn: sqlite3.Connection, tmp_path: Path) -> None:
    """No shell reads them, and an address that looks like an option is an address."""
    put(conn, recipient="-oQ/tmp;touch$IFS`x`@acme.example")
    put(conn, sender="")
    spec = program(tmp_path / "sendmail", f'printf "%s|" "$@" >> {tmp_path}/args; echo >> {tmp_path}/args; cat > {tmp_path}/mail')
    use(conn, transport=spec)
    assert send.due(conn, NOW).sent == 2
    assert (tmp_path / "args").read_text().splitlines() == [
        "-i|-f|support+b@us.example|--|-oQ/tmp;touch$IFS`x`@acme.example|",
        "-i|-f|<>|--|joe@acme.example|",
    ]
    assert (tmp_path / "mail").read_bytes() == b"Message-ID: <2@us.example>\n" + BYTES


@pytest.mark.parametrize(
    ("code", "state", "suspended", "paused"),
    [
        (67, "failed", True, False),
        (68, "failed", True, False),
        (75, "queued", False, True),
        (65, "queued", False, True),
        (1, "queued", False, True),
        (78, "queued", False, True),
    ],
)
def test_the_exit_of_the_program_tells_whose_fault_it_is(
    conn: sqlite3.Connection, tmp_path: Path, code: int, state: str, suspended: bool, paused: bool
) -> None:
    """Only an unknown recipient suspends the address (sysexits.h)."""
    put(conn)
    use(conn, transport=program(tmp_path / "sendmail", f"echo no such luck; exit {code}"))
    report = send.due(conn, NOW)
    assert states(conn) == [state]
    assert bool(report.paused) == paused
    assert addresses.is_suspended(conn, "joe@acme.example") == suspended
    assert "no such luck" in outbox.get(conn, 1)["error"]


def test_a_program_that_is_missing_pauses(conn: sqlite3.Connection) -> None:
    """Nothing is lost."""
    put(conn)
    use(conn, transport="sendmail:/nowhere/sendmail")
    assert "/nowhere/sendmail" in send.due(conn, NOW).paused
    assert states(conn) == ["queued"]


# SMTP ---------------------------------------------------------------------------------------------------


class Handler:
    """A mail server's behaviour: replies by step, and what it took."""

    def __init__(self) -> None:
        self.took: list[tuple[str, list[str], bytes]] = []
        self.replies: dict[str, str] = {}
        self.drop_after = 10**9

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if len(self.took) >= self.drop_after:
            server.transport.abort()
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.replies:
            return self.replies["DATA"]
        self.took.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


def free_port() -> int:
    """A port that nobody has; binding to it first, as 0 tells the server nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(handler: Handler, **options: Any) -> Iterator[int]:
    """The server, running → its port."""
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture(name="handler")
def _handler(conn: sqlite3.Connection) -> Iterator[Handler]:
    """A server that our transport points to."""
    handler = Handler()
    with server(handler) as port:
        use(conn, transport=f"smtp://127.0.0.1:{port}")
        yield handler


def test_mail_goes_by_smtp_with_its_envelope(conn: sqlite3.Connection, handler: Handler) -> None:
    """Lines with dots arrive as they were; the empty sender is empty."""
    put(conn)
    put(conn, sender="")
    assert send.due(conn, NOW) == send.Sent(sent=2)
    assert [(sender, to) for sender, to, _ in handler.took] == [
        ("support+b@us.example", ["joe@acme.example"]),
        ("<>", ["joe@acme.example"]),
    ]
    assert handler.took[0][2] == (b"Message-ID: <1@us.example>\n" + BYTES).replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("step", "reply", "state", "suspended", "paused"),
    [
        ("joe@acme.example", "550 5.1.1 unknown", "failed", True, False),
        ("joe@acme.example", "451 4.7.1 greylisted", "queued", False, False),
        ("joe@acme.example", "554 5.7.1 relay access denied", "queued", False, True),
        ("MAIL", "553 5.1.8 sender refused", "queued", False, True),
        ("MAIL", "451 later", "queued", False, True),
        ("DATA", "554 5.6.0 we do not like it", "queued", False, True),
        ("DATA", "452 4.3.1 disk full", "queued", False, True),
    ],
)
def test_only_a_refused_recipient_suspends_an_address(
    conn: sqlite3.Connection, handler: Handler, step: str, reply: str, state: str, suspended: bool, paused: bool
) -> None:
    """All else pauses the transport, and the second mail is not tried in vain."""
    put(conn)
    put(conn, recipient="eve@acme.example")
    handler.replies = {step: reply}
    report = send.due(conn, NOW)
    assert states(conn) == [state, "queued" if paused else "sent"]
    assert addresses.is_suspended(conn, "joe@acme.example") == suspended
    assert bool(report.paused) == paused
    assert bool(outbox.paused(conn, NOW)) == paused
    assert reply[4:] in outbox.get(conn, 1)["error"]
    handler.replies = {}
    send.due(conn, clock.shift(NOW, 60))
    assert states(conn) == ["failed" if suspended else "sent", "sent"]


def test_a_line_that_was_cut_between_two_mails_is_made_anew(conn: sqlite3.Connection, handler: Handler) -> None:
    """Servers end idle lines and long ones."""
    put(conn)
    put(conn)
    with transport.opened(settings.get(conn, "transport"), "", {}) as deliver:
        for outbox_id in (1, 2):
            row = outbox.get(conn, outbox_id)
            deliver(Parcel(row["id"], row["envelope_from"], row["recipient"], row["message_id"], NOW, row["bytes"]))
            cut = [cell.cell_contents for cell in deliver.__closure__ or () if hasattr(cell.cell_contents, "sock")]
            cut[0].sock.shutdown(socket.SHUT_RDWR)
    assert len(handler.took) == 2


def test_a_line_that_drops_in_the_middle_leaves_the_mail_queued(conn: sqlite3.Connection, handler: Handler) -> None:
    """What was taken before is sent, what was not is tried again."""
    put(conn)
    put(conn)
    handler.drop_after = 1
    report = send.due(conn, NOW)
    assert (report.sent, report.put_off) == (1, 1)
    assert report.paused
    assert states(conn) == ["sent", "queued"]
    handler.drop_after = 10
    send.due(conn, clock.shift(NOW, 60))
    assert states(conn) == ["sent", "sent"]
    assert len(handler.took) == 2


def test_no_server_pauses_the_transport(conn: sqlite3.Connection) -> None:
    """Connection refused."""
    put(conn)
    use(conn, transport=f"smtp://127.0.0.1:{free_port()}")
    assert "refused" in send.due(conn, NOW).paused.lower()
    assert states(conn) == ["queued"]


def test_a_server_that_will_not_encrypt_gets_nothing_unless_it_is_this_machine(
    conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STARTTLS or nothing."""
    handler = Handler()
    with server(handler) as port:
        monkeypatch.setattr(smtp, "HERE", re.compile("nowhere"))
        put(conn)
        use(conn, transport=f"smtp://127.0.0.1:{port}")
        assert "STARTTLS" in send.due(conn, NOW).paused
    monkeypatch.undo()
    hosts = ("localhost", "127.0.0.1", "127.255.1.2", "::1", "127.evil.example", "localhost.evil.example", "mail.us.example")
    assert [smtp._is_here(host) for host in hosts] == [True] * 4 + [False] * 3
    assert handler.took == []
    assert states(conn) == ["queued"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_the_password_comes_from_a_file_that_only_we_read_or_the_environment(
    conn: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong one pauses the transport; a file that everybody reads is refused."""
    monkeypatch.delenv("CRM_SMTP_PASSWORD", raising=False)
    secret = tmp_path / "secret"

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"ann@us", b"tiger"), handled=False)

    put(conn)
    handler = Handler()
    with server(handler, auth_require_tls=False, authenticator=check, auth_required=True) as port:
        use(conn, transport=f"smtp://ann%40us@127.0.0.1:{port}")
        assert "password" in send.due(conn, NOW).paused
        use(conn, smtp_password_file=str(secret))
        assert "secret" in send.due(conn, NOW).paused
        secret.write_text("tiger\n")
        secret.chmod(0o644)
        assert "everybody" in send.due(conn, NOW).paused
        assert "tiger" not in send.due(conn, NOW).paused
        secret.chmod(0o640)
        monkeypatch.setenv("CRM_SMTP_PASSWORD", "wrong")
        assert "535" in send.due(conn, NOW).paused
        monkeypatch.delenv("CRM_SMTP_PASSWORD")
        assert send.due(conn, clock.shift(NOW, 60)).sent == 1
    assert len(handler.took) == 1


def test_foreign_domains_are_written_as_servers_read_them(conn: sqlite3.Connection, handler: Handler) -> None:
    """IDNA for the domain; a local part in other letters takes SMTPUTF8, which not every server has."""
    put(conn, recipient="joe@müller.example")
    put(conn, recipient="jörg@acme.example")
    assert send.due(conn, NOW).sent == 2
    assert [to for _, to, _ in handler.took] == [["joe@xn--mller-kva.example"], ["jörg@acme.example"]]
    put(conn, recipient="jörg@acme.example")
    with server(Handler(), enable_SMTPUTF8=False) as port:
        use(conn, transport=f"smtp://127.0.0.1:{port}")
        assert send.due(conn, NOW).failed == 1


# Once -------------------------------------------------------------------------------------------------------

SENDER = """
import sys
from crmcli import db, outbox
from crmcli.mail import send
conn = db.connect(sys.argv[1])
if sys.argv[3] == "die":
    outbox.sent = lambda tx, outbox_id: (print("here", flush=True), sys.stdin.read())
print(send.due(conn, sys.argv[2]).sent, flush=True)
"""


def sender(db_path: str, now: str, how: str = "live") -> subprocess.Popen[str]:
    """Another process that sends."""
    argv = [sys.executable, "-c", SENDER, db_path, now, how]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(send.__file__).parents[2])


def test_a_sender_killed_between_sending_and_marking_sends_the_same_mail_again(
    conn: sqlite3.Connection, db_path: str, handler: Handler
) -> None:
    """Under the same Message-ID, once its lease has run out: at least once."""
    put(conn)
    process = sender(db_path, NOW, "die")
    assert process.stdout
    assert process.stdout.readline() == "here\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(handler.took) == 1
    assert states(conn) == ["sending"]
    assert send.due(conn, clock.shift(NOW, outbox.LEASE - 1)) == send.Sent()
    assert send.due(conn, clock.shift(NOW, outbox.LEASE)).sent == 1
    assert len(handler.took) == 2
    assert len({email.message_from_bytes(content)["Message-ID"] for _, _, content in handler.took}) == 1


def test_into_a_maildir_the_same_mail_again_is_the_same_file(conn: sqlite3.Connection, db_path: str, tmp_path: Path) -> None:
    """There even a killed sender delivers once."""
    put(conn)
    use(conn, transport="maildir:sent")
    process = sender(db_path, NOW, "die")
    assert process.stdout
    assert process.stdout.readline() == "here\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert send.due(conn, clock.shift(NOW, outbox.LEASE)).sent == 1
    assert len(os.listdir(tmp_path / "sent" / "new")) == 1


def test_many_senders_at_once_send_each_mail_once(conn: sqlite3.Connection, db_path: str, handler: Handler) -> None:
    """Processes by the lock, and by leases where the lock cannot be."""
    for _ in range(30):
        put(conn)
    processes = [sender(db_path, NOW) for _ in range(3)]
    counts = [int(process.communicate()[0]) for process in processes]
    assert sum(counts) + send.due(conn, NOW).sent == 30
    assert len({email.message_from_bytes(content)["Message-ID"] for _, _, content in handler.took}) == len(handler.took) == 30


def test_without_the_lock_leases_alone_keep_senders_apart(
    conn: sqlite3.Connection, db_path: str, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads with a connection each, on a file system without locks."""
    monkeypatch.setattr(send, "_alone", lambda path: contextlib.nullcontext(True))
    for _ in range(30):
        put(conn)
    threads = [threading.Thread(target=_send_from, args=(db_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(conn) == ["sent"] * 30
    assert len(handler.took) == 30


def _send_from(db_path: str) -> None:
    mine = db.connect(db_path)
    send.due(mine, NOW)
    mine.close()


def test_who_finds_another_sender_at_work_does_not_wait(conn: sqlite3.Connection, db_path: str) -> None:
    """The lock is not waited for."""
    put(conn)
    use(conn, transport="maildir:sent")
    with send._alone(db_path) as alone:
        assert alone
        assert send.due(conn, NOW) == send.Sent()
        assert states(conn) == ["queued"]
    assert send.due(conn, NOW).sent == 1


def test_time_that_is_up_gives_back_what_was_not_tried(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run has it at once."""
    for _ in range(3):
        put(conn)
    use(conn, transport="maildir:sent")
    beats = iter([0.0, 0.0, 0.0, 11.0, 11.0, 11.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(beats))
    with _no_waiting(monkeypatch):
        assert send.due(conn, NOW).sent == 1
    assert [(row["state"], row["attempts"]) for row in outbox.listed(conn)] == [("sent", 1), ("queued", 0), ("queued", 0)]


@contextlib.contextmanager
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The write lock asks the clock too; here it need not."""
    with monkeypatch.context() as patch:
        patch.setattr(db, "turn", lambda conn: contextlib.nullcontext())
        yield


def test_secret_files_of_the_lock_are_no_wider_than_needed(conn: sqlite3.Connection, db_path: str) -> None:
    """Others cannot hold our sending up."""
    put(conn)
    use(conn, transport="maildir:sent")
    send.due(conn, NOW)
    assert not stat.S_IMODE(os.stat(f"{db_path}-send-lock").st_mode) & 0o007


def test_a_copy_holds_what_the_original_will_send(db_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever tool it was made; what comes to it afterwards leaves (mail.md §7)."""

    def crm(path: Path, *argv: str, stdin: bytes = b"") -> Run:
        return through_main(["--db", str(path), "--now", NOW, *argv], stdin, monkeypatch)

    def left(path: Path) -> list[str]:
        return crm(path, "mail", "outbox", "list", "--columns", "state,error").out.split("\n")[1:-1]

    original, copy = tmp_path / "here" / "crm.db", tmp_path / "there" / "crm.db"
    for path in (original, copy):
        path.parent.mkdir()
    assert crm(original, "init", "--email", "support@us.example", "--section", "Support", "-q").exit == 0
    assert crm(original, "ingest", stdin=letter()).exit == 0
    with contextlib.closing(sqlite3.connect(original)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(original, copy)
    moved = original.rename(original.with_name("moved.db"))
    for path in (moved, copy):
        assert crm(path, "config", "set", "transport", "maildir:sent").exit == 0
        assert crm(path, "mail", "send").exit == 0
    assert left(moved) == ["sent\t", "sent\t"]
    assert left(copy) == [f"held\t{outbox.COPIED}"] * 2
    assert not (copy.parent / "sent").exists() or not list((copy.parent / "sent" / "new").iterdir())
    assert crm(copy, "ingest", stdin=letter("Another.\n", message_id="<2@acme.example>")).exit == 0
    assert sorted(left(copy)) == [f"held\t{outbox.COPIED}"] * 2 + ["sent\t"] * 2
    assert crm(copy, "mail", "outbox", "retry", "1-2").exit == 0
    assert crm(copy, "mail", "send").exit == 0
    assert left(copy) == ["sent\t"] * 4
