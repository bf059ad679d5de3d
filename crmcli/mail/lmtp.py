"""Mail by LMTP (RFC 2033): the resident intake for busy sites. One answer a recipient, never 250 before the mail is kept."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import stat
from collections.abc import Callable

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope as Received
from aiosmtpd.smtp import Session

from crmcli import trouble
from crmcli.errors import Busy, CrmError, Usage
from crmcli.mail import answer, envelope
from crmcli.mail.intake import Intake
from crmcli.tuples import Any, NamedTuple

LARGEST = 500_000_000
"""Bytes of the largest mail, which is also the longest line: the database keeps nothing over 1,000,000,000."""

IDLE = 300.0
"""Seconds that a line may be silent, or a mail take to come in."""

KEPT = "250 2.0.0 kept"
LEAVING = "421 4.3.2 going down, please try again later"


class Place(NamedTuple):
    """Where to listen: a socket file, else a host and port of this machine."""

    path: str = ""
    host: str = ""
    port: int = 0


def place(text: str) -> Place:
    """The place of ``127.0.0.1:2424`` or ``unix:PATH``; Usage where it is none, or others than this machine could reach it."""
    kind, _, path = text.partition(":")
    if kind == "unix" and path:
        return Place(path=path)
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not (host and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise Usage(f"cannot listen on {text}", hint="127.0.0.1:2424 or unix:PATH")
    if host != "localhost" and not _is_loopback(host):
        raise Usage(f"{host} is not this machine alone", hint="LMTP knows no passwords: 127.0.0.1:2424 or unix:PATH")
    return Place(host=host, port=int(port))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Line(LMTP):
    """One connection of a mail server."""

    line_length_limit = LARGEST

    def __init__(self, desk: Desk, timeout: float) -> None:
        super().__init__(
            desk, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname=socket.gethostname(), ident="crm LMTP",
            timeout=timeout, loop=asyncio.get_running_loop(),
        )  # fmt: skip
        self.desk = desk
        self.is_working = False
        self.owed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came."""
        super().connection_made(transport)
        self.desk.lines.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """They went."""
        super().connection_lost(error)
        self.desk.left(self)

    async def push(self, status: Any) -> None:
        """Answer; what follows the bytes of a mail is said once for each recipient (RFC 2033 §4.2)."""
        if self.owed:
            lines = status.split("\r\n")
            status = status if len(lines) == self.owed else "\r\n".join(lines[:1] * self.owed)
            self.owed, self.is_working = 0, False
        elif status.startswith("354"):
            self.owed = len(self.envelope.rcpt_tos) if self.envelope else 0
        await super().push(status)
        if self.desk.is_leaving:
            self.leave()

    def leave(self) -> None:
        """End the line, unless a mail that came in whole is being handled: then after its answers."""
        transport = self.transport
        if not self.is_working and isinstance(transport, asyncio.Transport) and not transport.is_closing():
            transport.write(f"{LEAVING}\r\n".encode("ascii"))
            transport.close()


class Desk:
    """What is done with mails that come in by the lines; aiosmtpd calls its handle_… by their names."""

    def __init__(self, intake: Intake, section: str, timeout: float) -> None:
        self.intake, self.section, self.timeout = intake, section, timeout
        self.lines: set[Line] = set()
        self.is_leaving = False
        self.is_empty = asyncio.Event()

    async def handle_EHLO(  # noqa: N802
        self, line: Line, session: Session, received: Received, hostname: str, responses: list[str]
    ) -> list[str]:
        """What we can beside what aiosmtpd tells of itself; it reads one command after the other whenever they came."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_DATA(self, line: Line, session: Session, received: Received) -> str:  # noqa: N802
        """Take the mail for each recipient; a section that is given takes it once for all."""
        line.is_working = True
        raw, sender, to = received.content, received.mail_from or "", received.rcpt_tos
        assert isinstance(raw, bytes)
        if not raw:
            return await self.handle_exception(Busy("nothing came"))
        if self.section:
            return "\r\n".join([await self._answer(raw, envelope.told(self.section, to, sender, {}))] * len(to))
        mails = [envelope.told("", [address], sender, {}) for address in to]
        return "\r\n".join(await asyncio.gather(*(self._answer(raw, told) for told in mails)))

    async def handle_exception(self, error: Exception) -> str:
        """The one line for a mail that was not taken."""
        known = error if isinstance(error, CrmError) else trouble.explained(error) or CrmError("a bug in crm")
        return f"{550 if answer.code(known) == answer.NO_RECIPIENT else 451} {answer.line(known)}"

    async def _answer(self, raw: bytes, told: envelope.Envelope) -> str:
        try:
            await asyncio.wait_for(asyncio.wrap_future(self.intake.put(raw, told)), self.timeout)
        except TimeoutError:
            return await self.handle_exception(Busy("it takes too long"))
        except Exception as error:
            return await self.handle_exception(error)
        return KEPT

    def left(self, line: Line) -> None:
        """A line is gone."""
        self.lines.discard(line)
        if not self.lines:
            self.is_empty.set()

    async def leave(self) -> None:
        """End all lines: mails that came in whole are answered first."""
        self.is_leaving = True
        self.is_empty.clear()
        for line in [*self.lines]:
            line.leave()
        if self.lines:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.is_empty.wait(), self.timeout)


async def serve(at: Place, intake: Intake, section: str, timeout: float, ready: Callable[[str], None]) -> int:
    """Listen until a signal comes → its number; ready is told where we listen. Nothing that was accepted is dropped."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, _stop, stopped, number)
    desk = Desk(intake, section, timeout)
    server, where = await _listening(at, lambda: Line(desk, timeout + IDLE))
    ready(where)
    try:
        return await stopped
    finally:
        server.close()
        await desk.leave()
        if at.path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(at.path)


def _stop(stopped: asyncio.Future[int], number: int) -> None:
    if not stopped.done():
        stopped.set_result(number)


async def _listening(at: Place, line: Callable[[], Any]) -> tuple[asyncio.Server, str]:
    """The server and where it is; a socket file that nobody listens at is taken over.

    Whoever may enter the folder of a socket file may hand in mail.
    """
    loop = asyncio.get_running_loop()
    if not at.path:
        server = await loop.create_server(line, at.host, at.port)
        return server, f"{at.host}:{server.sockets[0].getsockname()[1]}"
    if os.path.exists(at.path) and stat.S_ISSOCK(os.stat(at.path).st_mode) and _answers(at.path):
        raise Busy(f"somebody listens at {at.path} already")
    server = await loop.create_unix_server(line, at.path)
    os.chmod(at.path, 0o666)
    return server, f"unix:{at.path}"


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
