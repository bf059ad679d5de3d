"""The ways that a mail can leave: into a Maildir, to a sendmail program, to an SMTP server (mail.md §7).

``with opened(spec, …) as deliver: deliver(parcel)`` hands one mail over or raises: `Refused` where the recipient is
not wanted, `Down` where the transport does not work. Nothing is decided here about what that means.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from crmcli import clock
from crmcli.errors import BadConfig

if TYPE_CHECKING:
    import smtplib

TIMEOUT = 30
LOOPBACK = ("localhost", "127.", "::1")
# What sendmail's exit codes say of the recipient: no such user, no such host (sysexits.h).
NO_RECIPIENT = (67, 68)
BAD_MAIL = (65,)


class Parcel(NamedTuple):
    """A finished mail in its envelope; sender is '' for a mail that nobody may answer by a bounce."""

    id: int
    sender: str
    recipient: str
    message_id: str
    created_at: str
    content: bytes


class Refused(Exception):
    """The recipient was refused; lasting tells that trying again is of no use."""

    def __init__(self, words: str, lasting: bool) -> None:
        super().__init__(words)
        self.lasting = lasting


class Down(Exception):
    """The transport does not work, or (by_mail) does not take this mail."""

    def __init__(self, words: str, by_mail: bool = False) -> None:
        super().__init__(words)
        self.by_mail = by_mail


Deliver: TypeAlias = Callable[[Parcel], None]


@contextmanager
def opened(spec: str, folder: str, environ: Mapping[str, str], password_file: str = "") -> Iterator[Deliver]:
    """The transport of a setting such as ``maildir:PATH``; paths are taken from the folder of the database.

    Nothing is connected before the first mail. BadConfig where the setting makes no sense.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "maildir" and rest:
        yield lambda parcel: _into_maildir(os.path.join(folder, rest), parcel)
    elif scheme == "sendmail" and rest:
        yield lambda parcel: _by_sendmail(os.path.join(folder, rest), parcel)
    elif scheme in ("smtp", "smtps") and urlsplit(spec).hostname:
        with _by_smtp(urlsplit(spec), environ, password_file) as deliver:
            yield deliver
    else:
        raise BadConfig(
            f"no transport {scheme}", hint="maildir:PATH, sendmail:PATH, smtp://user@host:port or smtps://user@host:port"
        )


# Maildir ------------------------------------------------------------------------------------------------


def _into_maildir(path: str, parcel: Parcel) -> None:
    """Deliver as Maildir asks: whole and on the disk before it is in `new`. The same mail again is the same file."""
    digest = hashlib.sha256(parcel.message_id.encode()).hexdigest()[:16]
    name = f"{clock.moment(parcel.created_at).timestamp():.0f}.{parcel.id:08}_{digest}.crm"
    try:
        for part in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(path, part), mode=0o700, exist_ok=True)
        written = os.path.join(path, "tmp", name)
        with open(written, "wb") as file:
            file.write(b"Return-Path: <%b>\n" % parcel.sender.encode() + parcel.content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, os.path.join(path, "new", name))
        _sync(os.path.join(path, "new"))
    except OSError as error:
        raise Down(f"{path}: {error.strerror}") from None


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# sendmail -----------------------------------------------------------------------------------------------


def _by_sendmail(path: str, parcel: Parcel) -> None:
    """Pipe to a program with sendmail's options; no shell, the recipient only after ``--``."""
    import subprocess

    try:
        done = subprocess.run(
            [path, "-i", "-f", parcel.sender or "<>", "--", parcel.recipient],
            input=parcel.content,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT * 2,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Down(f"{path}: {getattr(error, 'strerror', None) or 'it does not answer'}") from None
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[:200] or f"exit {done.returncode}"
        if done.returncode in NO_RECIPIENT:
            raise Refused(said, lasting=True)
        raise Down(f"{path}: {said}", by_mail=done.returncode in BAD_MAIL)


# SMTP ---------------------------------------------------------------------------------------------------


@contextmanager
def _by_smtp(url: SplitResult, environ: Mapping[str, str], password_file: str) -> Iterator[Deliver]:
    """One line to the server for all mails, made when the first one goes, and anew where it was cut between two."""
    import smtplib

    if url.password is not None:
        raise BadConfig("a password does not belong into the transport", hint="CRM_SMTP_PASSWORD or setting smtp_password_file")
    secret = _secret(environ, password_file) if url.username else ""
    line: smtplib.SMTP | None = None

    def deliver(parcel: Parcel) -> None:
        nonlocal line
        try:
            if line is None or not _is_alive(line):
                line = _connected(url, secret)
            _hand_over(line, parcel)
        except smtplib.SMTPException as error:
            raise Down(_reply(error)) from None
        except OSError as error:
            line = None
            raise Down(f"{url.hostname}: {error.strerror or error}") from None

    try:
        yield deliver
    finally:
        if line is not None and _is_alive(line):
            line.quit()


def _connected(url: SplitResult, secret: str) -> smtplib.SMTP:
    """A greeted, encrypted (but on this machine itself) and authenticated line."""
    import smtplib
    import ssl

    host, name = url.hostname or "", _own_name()
    if url.scheme == "smtps":
        line: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, name, timeout=TIMEOUT, context=ssl.create_default_context())
    else:
        line = smtplib.SMTP(host, url.port or (587 if url.username else 25), name, timeout=TIMEOUT)
        if not _is_here(host):
            line.starttls(context=ssl.create_default_context())
    if url.username:
        line.login(unquote(url.username), secret)
    return line


def _hand_over(line: smtplib.SMTP, parcel: Parcel) -> None:
    """One mail over a line that stands: which step is refused tells what is wrong."""
    import smtplib

    line.ehlo_or_helo_if_needed()
    recipient, options = _written(line, parcel.recipient)
    code, said = line.mail(parcel.sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, parcel.sender)
    code, said = line.rcpt(recipient)
    if code not in (250, 251):
        words = f"{code} {said.decode('utf-8', 'replace')}"
        if code in (421, 530) or said.startswith(b"5.7."):
            raise Down(words, by_mail=code != 421)
        raise Refused(words, lasting=code >= 500)
    try:
        code, said = line.data(b"\r\n".join(parcel.content.splitlines()) + b"\r\n")
    except smtplib.SMTPDataError as error:
        code, said = error.smtp_code, error.smtp_error  # type: ignore[assignment]
    if code != 250:
        raise Down(f"{code} {said.decode('utf-8', 'replace')}", by_mail=code != 421)


def _written(line: smtplib.SMTP, address: str) -> tuple[str, list[str]]:
    """The address as the server can read it, and the options that this takes (RFC 6531, IDNA)."""
    if address.isascii():
        return address, []
    local, _, domain = address.rpartition("@")
    if local.isascii():
        try:
            return f"{local}@{domain.encode('idna').decode('ascii')}", []
        except UnicodeError:
            raise Refused(f"no such domain {domain}", lasting=True) from None
    if not line.has_extn("smtputf8"):
        raise Refused("the mail server takes no addresses with such letters", lasting=True)
    line.command_encoding = "utf-8"
    return address, ["SMTPUTF8"]


def _is_alive(line: smtplib.SMTP) -> bool:
    """Whether the line still stands, ready for the next mail."""
    import smtplib

    try:
        return line.sock is not None and line.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _is_here(host: str) -> bool:
    return host.lower().startswith(LOOPBACK)


def _own_name() -> str:
    """The name to greet with; asking the resolver for a full one can take seconds."""
    import socket

    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _reply(error: Exception) -> str:
    """What the server said, in one line."""
    code = getattr(error, "smtp_code", None)
    said = getattr(error, "smtp_error", None)
    if code is None:
        return str(error) or type(error).__name__
    return f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"


def _secret(environ: Mapping[str, str], path: str) -> str:
    """The password: of the environment, else of a file that not everybody can read (cli.md §6, 20)."""
    if environ.get("CRM_SMTP_PASSWORD"):
        return environ["CRM_SMTP_PASSWORD"]
    if not path:
        raise BadConfig("the transport needs a password", hint="CRM_SMTP_PASSWORD, or crm config set smtp_password_file FILE")
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o004:
                raise BadConfig(f"everybody can read {path}", hint=f"chmod o-rwx {path}")
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
