"""Mail servers in every mood, at every step: no mail is lost, and none sent twice but where nobody can know (mail.md §7)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from crmcli import addresses, clock, outbox
from crmcli.mail import send, smtp
from tests.mail.test_send import NOW, Handler, free_port, put, sender, server, states, use

LATER = clock.shift(NOW, 60)
TAKEN = "TAKEN"


class Moody(Handler):
    """A mail server that answers one step as told: a reply, or no line any more."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.mood = "", ""
        self.has_taken = threading.Event()

    async def handle_EHLO(self, line: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802
        await self._brood("EHLO")
        session.host_name = hostname
        return [answer] if (answer := self._answer(line, "EHLO")) else responses

    async def handle_HELO(self, line: SMTP, session: Any, envelope: Any, hostname: str) -> str:  # noqa: N802
        session.host_name = hostname
        return self._answer(line, "EHLO") or "250 mail.us.example"

    async def handle_MAIL(self, line: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        await self._brood("MAIL")
        return self._answer(line, "MAIL") or await super().handle_MAIL(line, session, envelope, address, options)

    async def handle_RCPT(self, line: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        await self._brood("RCPT")
        return self._answer(line, "RCPT") or await super().handle_RCPT(line, session, envelope, address, options)

    async def handle_DATA(self, line: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        await self._brood("DATA")
        if answer := self._answer(line, "DATA"):
            return answer
        took = await super().handle_DATA(line, session, envelope)
        self.has_taken.set()
        await self._brood(TAKEN)
        return self._answer(line, TAKEN) or took

    async def _brood(self, step: str) -> None:
        if (step, self.mood) == (self.step, "silent"):
            await asyncio.sleep(3600)

    async def handle_QUIT(self, line: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        await self._brood("QUIT")
        return self._answer(line, "QUIT") or "221 bye"

    def _answer(self, line: SMTP, step: str) -> str:
        if step != self.step:
            return ""
        if self.mood == "drop":
            assert isinstance(line.transport, asyncio.Transport)
            line.transport.abort()
            return "421 gone"
        return self.mood


@pytest.fixture(name="moody")
def _moody(conn: sqlite3.Connection) -> Iterator[Moody]:
    """Such a server, and our transport points to it."""
    handler = Moody()
    with server(handler) as port:
        use(conn, transport=f"smtp://127.0.0.1:{port}")
        yield handler


MOODS = ("451 4.3.0 later", "550 5.0.0 no", "421 4.3.2 going down", "drop")
STEPS = ("EHLO", "MAIL", "RCPT", "DATA", "QUIT")


@pytest.mark.parametrize(("step", "mood"), [*((step, mood) for step in STEPS for mood in MOODS), (TAKEN, "drop")])
def test_whatever_a_server_says_at_whatever_step_the_mail_leaves_once(
    conn: sqlite3.Connection, moody: Moody, step: str, mood: str
) -> None:
    """But where the line drops between the server's taking and its answer: then twice, under one Message-ID."""
    put(conn)
    moody.step, moody.mood = step, mood
    report = send.due(conn, NOW)
    refused, sent = (step, mood[:3]) == ("RCPT", "550"), step == "QUIT"
    assert states(conn) == ["sent" if sent else "failed" if refused else "queued"]
    assert addresses.is_suspended(conn, "joe@acme.example") == refused
    assert bool(report.paused) == (not sent and (step, mood[:3]) not in (("RCPT", "550"), ("RCPT", "451")))
    moody.step = ""
    send.due(conn, LATER)
    assert states(conn) == ["failed" if refused else "sent"]
    assert len(moody.took) == (2 if step == TAKEN else 0 if refused else 1)
    assert len({content for _, _, content in moody.took}) == (0 if refused else 1)


@pytest.mark.parametrize("step", [*STEPS, TAKEN])
def test_a_server_that_says_nothing_any_more_is_not_waited_for(
    conn: sqlite3.Connection, moody: Moody, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail waits, and leaves once; twice only where the server had taken it."""
    monkeypatch.setattr(smtp, "TIMEOUT", 0.2)
    put(conn)
    moody.step, moody.mood = step, "silent"
    report = send.due(conn, NOW)
    assert states(conn) == ["sent" if step == "QUIT" else "queued"]
    assert bool(report.paused) == (step != "QUIT")
    moody.step = ""
    send.due(conn, LATER)
    assert states(conn) == ["sent"]
    assert (len(moody.took), len({content for _, _, content in moody.took})) == (2 if step == TAKEN else 1, 1)


@pytest.mark.parametrize("mails", [40, pytest.param(1000, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])])
def test_whatever_moods_a_server_goes_through_each_mail_leaves_once(conn: sqlite3.Connection, moody: Moody, mails: int) -> None:
    """Twice only those whose answer was lost after they were taken, under one Message-ID."""
    chance, lost, now = random.Random(mails), 0, NOW
    for number in range(mails):
        put(conn, recipient=f"p{number}@acme.example")
    for _ in range(40 * mails):
        moody.step = chance.choice((*STEPS, TAKEN, *[""] * 6))
        moody.mood = chance.choice(("451 4.3.0 later", "421 4.3.2 going down", "554 5.7.1 not now", "drop"))
        if moody.step == TAKEN:
            moody.mood = "drop"
        before, now = len(moody.took), clock.shift(now, 3600)
        report = send.due(conn, now)
        lost += len(moody.took) - before - report.sent
        if set(states(conn)) == {"sent"}:
            break
    assert set(states(conn)) == {"sent"}
    each = Counter(content for _, _, content in moody.took)
    assert len(each) == mails
    assert len(moody.took) == mails + lost
    assert not any(addresses.is_suspended(conn, f"p{number}@acme.example") for number in range(mails))


@pytest.mark.parametrize(
    "banner", [b"421 4.3.2 too many lines\r\n", b"554 5.7.1 not you\r\n", b"SSH-2.0-OpenSSH_9\r\n", b"", b"2"]
)
def test_whatever_a_server_greets_with_the_mail_waits(conn: sqlite3.Connection, banner: bytes) -> None:
    put(conn)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        use(conn, transport=f"smtp://127.0.0.1:{listening.getsockname()[1]}")

        def greet() -> None:
            line, _ = listening.accept()
            line.sendall(banner)
            line.close()

        thread = threading.Thread(target=greet)
        thread.start()
        report = send.due(conn, NOW)
        thread.join()
    assert (report.sent, report.put_off, states(conn)) == (0, 1, ["queued"])
    assert report.paused


def test_a_sender_killed_before_the_answer_sends_the_same_mail_again(
    conn: sqlite3.Connection, db_path: str, moody: Moody
) -> None:
    """The one window: the server has it, and we were not told."""
    put(conn)
    moody.step, moody.mood = TAKEN, "silent"
    process = sender(db_path, NOW)
    assert moody.has_taken.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (states(conn), len(moody.took)) == (["sending"], 1)
    moody.step = ""
    assert send.due(conn, LATER) == send.Sent()
    assert send.due(conn, clock.shift(NOW, outbox.LEASE)).sent == 1
    assert (states(conn), len(moody.took), len({content for _, _, content in moody.took})) == (["sent"], 2, 1)


# Encrypted ------------------------------------------------------------------------------------------------


@pytest.fixture(name="certificate")
def _certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key in one file."""
    return certificate(tmp_path, "IP:127.0.0.1")


def certificate(folder: Path, name: str) -> Path:
    """A certificate of its own for this name."""
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed")
    path = folder / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    files = ["-addext", f"subjectAltName={name}", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([openssl, *made, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def context(path: Path) -> ssl.SSLContext:
    """What a server encrypts with."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


@pytest.fixture(name="elsewhere")
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loopback counts as another machine, and no certificate is trusted."""
    monkeypatch.setattr(smtp, "HERE", re.compile("nowhere"))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_goes_encrypted_to_a_server_that_is_trusted_and_to_no_other(
    conn: sqlite3.Connection, certificate: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(conn)
    handler = Secure()
    with encrypted(handler, scheme, context(certificate)) as port:
        use(conn, transport=f"{scheme}://127.0.0.1:{port}")
        assert "certificate verify failed" in send.due(conn, NOW).paused
        assert (states(conn), handler.took) == (["queued"], [])
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert send.due(conn, LATER) == send.Sent(sent=1)
    assert handler.ciphers == [True]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_for_another_name_is_not_trusted(
    conn: sqlite3.Connection, tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(conn)
    path, handler = certificate(tmp_path, "DNS:evil.example"), Secure()
    monkeypatch.setenv("SSL_CERT_FILE", f"{path}.crt")
    with encrypted(handler, scheme, context(path)) as port:
        use(conn, transport=f"{scheme}://127.0.0.1:{port}")
        assert "certificate verify failed" in send.due(conn, NOW).paused
    assert (states(conn), handler.took) == (["queued"], [])


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_told_to_a_trusted_server_alone(
    conn: sqlite3.Connection, certificate: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the line is encrypted, nor to whom nobody vouches for; a wrong one pauses the transport."""
    monkeypatch.setenv("CRM_SMTP_PASSWORD", "tiger")
    told: list[bytes] = []

    def check(line: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        told.append(data.password)
        return AuthResult(success=data.password == b"tiger", handled=False)

    put(conn)
    put(conn)
    handler = Secure()
    options: dict[str, Any] = {"authenticator": check, "auth_required": True, "auth_require_tls": scheme == "smtp"}
    with encrypted(handler, scheme, context(certificate), **options) as port:
        use(conn, transport=f"{scheme}://ann@127.0.0.1:{port}")
        assert "certificate verify failed" in send.due(conn, NOW).paused
        assert told == []
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        monkeypatch.setenv("CRM_SMTP_PASSWORD", "wrong")
        assert "535" in send.due(conn, LATER).paused
        assert (states(conn), set(told), handler.took) == (["queued"] * 2, {b"wrong"}, [])
        assert not addresses.is_suspended(conn, "joe@acme.example")
        monkeypatch.setenv("CRM_SMTP_PASSWORD", "tiger")
        assert send.due(conn, clock.shift(NOW, 3600)) == send.Sent(sent=2)
    assert handler.ciphers == [True, True]


@pytest.mark.usefixtures("elsewhere")
def test_a_server_that_takes_starttls_back_gets_nothing_in_clear(conn: sqlite3.Connection) -> None:
    put(conn)
    said = [b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n"]
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        use(conn, transport=f"smtp://127.0.0.1:{listening.getsockname()[1]}")

        def serve() -> None:
            line, _ = listening.accept()
            line.sendall(said[0])
            for answer in said[1:]:
                heard.append(line.recv(1000))
                line.sendall(answer)
            while more := line.recv(1000):
                heard.append(more)
                line.sendall(b"221 bye\r\n")
            line.close()

        thread = threading.Thread(target=serve)
        thread.start()
        report = send.due(conn, NOW)
        thread.join()
    assert (report.sent, report.put_off, states(conn)) == (0, 1, ["queued"])
    assert not any(word[:4].upper() in (b"MAIL", b"RCPT", b"AUTH", b"DATA") for word in heard)


def test_smtps_is_never_plain(conn: sqlite3.Connection, moody: Moody) -> None:
    """Also not to this machine itself."""
    put(conn)
    with server(moody) as port:
        use(conn, transport=f"smtps://127.0.0.1:{port}")
        assert send.due(conn, NOW).paused
    assert (states(conn), moody.took) == (["queued"], [])


class Secure(Handler):
    """A server that notes whether mail came encrypted."""

    def __init__(self) -> None:
        super().__init__()
        self.ciphers: list[bool] = []

    async def handle_DATA(self, line: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        assert isinstance(line.transport, asyncio.Transport)
        self.ciphers.append(line.transport.get_extra_info("cipher") is not None)
        return await super().handle_DATA(line, session, envelope)


class Quiet(Controller):
    """A controller that does not try its own port first, which would be a handshake that fails."""

    def _trigger_server(self) -> None:
        with socket.create_connection((self.hostname, self.port), timeout=10):
            pass


@contextlib.contextmanager
def encrypted(handler: Handler, scheme: str, made: ssl.SSLContext, **options: Any) -> Iterator[int]:
    """A server with STARTTLS, or encrypted from the first byte → its port."""
    if scheme == "smtp":
        with server(handler, tls_context=made, require_starttls=True, **options) as port:
            yield port
        return
    controller = Quiet(handler, hostname="127.0.0.1", port=free_port(), ssl_context=made, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
