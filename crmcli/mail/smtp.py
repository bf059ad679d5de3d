"""Mail by SMTP: plain on this machine, encrypted anywhere else (mail.md §7, RFC 5321, 3207, 4954, 6531)."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult, unquote, urlsplit

from crmcli.errors import BadConfig
from crmcli.mail.parcel import Deliver, Down, Parcel, Refused

TIMEOUT = 30
HERE = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)


@contextmanager
def opened(spec: str, environ: Mapping[str, str], password_file: str) -> Iterator[Deliver]:
    """One line to the server for all mails, made when the first one goes, and anew where it was cut between two."""
    url = _url(spec)
    if url.password is not None:
        raise BadConfig("a password does not belong into the transport", hint="CRM_SMTP_PASSWORD or setting smtp_password_file")
    password = secret(environ, password_file) if url.username else ""
    line: smtplib.SMTP | None = None

    def deliver(parcel: Parcel) -> None:
        nonlocal line
        try:
            if line is None or not _is_alive(line):
                line = _connected(url, password)
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
            with suppress(smtplib.SMTPException, OSError):  # all mails are answered by now
                line.quit()


def _url(spec: str) -> SplitResult:
    """The parts of ``smtp://user@host:port``."""
    try:
        url = urlsplit(spec)
        if url.hostname and (url.port is None or url.port > 0):
            return url
    except ValueError:
        pass  # no number for a port, or half an IPv6 address
    raise BadConfig("the transport names no mail server", hint="smtp://user@host:port or smtps://user@host:port")


def _connected(url: SplitResult, password: str) -> smtplib.SMTP:
    """A greeted, encrypted (but on this machine itself) and authenticated line."""
    host, name = url.hostname or "", _own_name()
    if url.scheme == "smtps":
        line: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, name, timeout=TIMEOUT, context=ssl.create_default_context())
    else:
        line = smtplib.SMTP(host, url.port or (587 if url.username else 25), name, timeout=TIMEOUT)
    try:
        if url.scheme != "smtps" and not _is_here(host):
            line.starttls(context=ssl.create_default_context())
        if url.username:
            line.login(unquote(url.username), password)
    except (smtplib.SMTPException, OSError):
        line.close()
        raise
    return line


def _hand_over(line: smtplib.SMTP, parcel: Parcel) -> None:
    """One mail over a line that stands: which step is refused tells what is wrong."""
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
    try:
        return line.sock is not None and line.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _is_here(host: str) -> bool:
    """Whether the server is this machine, by the loopback's names."""
    return HERE.fullmatch(host) is not None


def _own_name() -> str:
    """The name to greet with; asking the resolver for a full one can take seconds."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _reply(error: Exception) -> str:
    """What the server said, in one line."""
    code = getattr(error, "smtp_code", None)
    said = getattr(error, "smtp_error", None)
    if code is None:
        return str(error) or type(error).__name__
    return f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"


def secret(environ: Mapping[str, str], path: str) -> str:
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
