"""The ways that a mail can leave: into a Maildir, to a sendmail program, to an SMTP server (mail.md §7).

``with opened(spec, …) as deliver: deliver(parcel)`` hands one mail over or raises `Refused` or `Down` (parcel.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from crmcli import clock, digest
from crmcli.errors import BadConfig
from crmcli.mail.parcel import Deliver, Down, Parcel, Refused

TIMEOUT = 60
# What sendmail's exit codes say of the recipient: no such user, no such host (sysexits.h).
NO_RECIPIENT = (67, 68)
BAD_MAIL = (65,)


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
    elif scheme in ("smtp", "smtps"):
        from crmcli.mail import smtp

        with smtp.opened(spec, environ, password_file) as deliver:
            yield deliver
    else:
        raise BadConfig(
            f"no transport {scheme}", hint="maildir:PATH, sendmail:PATH, smtp://user@host:port or smtps://user@host:port"
        )


# Maildir ------------------------------------------------------------------------------------------------


def _into_maildir(path: str, parcel: Parcel) -> None:
    """Deliver as Maildir asks: whole and on the disk before it is in `new`. The same mail again is the same file."""
    mark = digest.hexdigest(parcel.message_id.encode())[:16]
    name = f"{clock.moment(parcel.created_at).timestamp():.0f}.{parcel.id:08}_{mark}.crm"
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
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Down(f"{path}: {getattr(error, 'strerror', None) or 'it does not answer'}") from None
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[:200] or f"exit {done.returncode}"
        if done.returncode in NO_RECIPIENT:
            raise Refused(said, lasting=True)
        raise Down(f"{path}: {said}", by_mail=done.returncode in BAD_MAIL)
