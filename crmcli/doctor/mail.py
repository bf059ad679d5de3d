"""Mail: whether it can leave, what waits in the outbox, what was taken and not handled. No mail is sent."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from crmcli import clock, outbox, settings
from crmcli.doctor.line import BAD, OK, WARN, Line, Site, count, many
from crmcli.errors import BadConfig
from crmcli.mail import smtp
from crmcli.mail import transport as transports

TIMEOUT = 5
PORTS = {"smtps": 465}

WAITING = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')"
OLD = "SELECT count(*), min(created_at) FROM outbox WHERE state = 'queued' AND created_at < ?"
STUCK = "SELECT count(*) FROM outbox WHERE state = 'sending' AND coalesce(lease_until, '') <= :now"
HELD = "SELECT count(*) FROM outbox WHERE state = 'held'"
FAILED = "SELECT count(*), max(error) FROM outbox WHERE state = 'failed' AND created_at > ?"
LAPSED = "SELECT count(*) FROM deliveries WHERE state = 'received' AND coalesce(lease_until, '') <= :now"
TRIAGE = "SELECT count(*) FROM deliveries WHERE state = 'triage'"
KEYS = "SELECT count(*) FROM mail_keys WHERE retired_at IS NULL"
MONTH = 30 * 86400


def transport(site: Site) -> Iterator[Line]:
    """Whether the way out is set, makes sense and can be reached."""
    spec, waiting = settings.get(site.conn, "transport"), count(site, WAITING)
    if not spec:
        what = f"none is set, and {many(waiting, 'mail')} wait" if waiting else "none is set: no mail leaves"
        yield Line("transport", BAD if waiting else WARN, what, "crm config set transport …, see: crm help mail")
        return
    password = settings.get(site.conn, "smtp_password_file")
    try:
        with transports.opened(spec, site.folder, site.environ, password):
            trouble = _unreachable(site, spec, password)
    except BadConfig as error:
        yield Line("transport", BAD, error.message, error.hint)
        return
    yield Line("transport", BAD, trouble, "crm config get transport") if trouble else Line("transport", OK, spec)


def _unreachable(site: Site, spec: str, password: str) -> str:
    """Why mail cannot be handed over; '' where it seems that it can."""
    scheme, _, rest = spec.partition(":")
    if scheme == "sendmail":
        path = os.path.join(site.folder, rest)
        return "" if os.path.isfile(path) and os.access(path, os.X_OK) else f"{path} is no program that can be run"
    if scheme == "maildir":
        path = os.path.join(site.folder, rest)
        while not os.path.lexists(path):
            path = os.path.dirname(path)
        return "" if os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK) else f"nothing can be put into {path}"
    url = urlsplit(spec)
    if url.username:
        smtp.secret(site.environ, password)
    port = url.port or PORTS.get(scheme) or (587 if url.username else 25)
    try:
        socket.create_connection((url.hostname, port), TIMEOUT).close()
    except OSError as error:
        return f"{url.hostname}:{port} does not answer: {error.strerror or error}"
    return ""


def waiting(site: Site) -> Iterator[Line]:
    """What waits to leave for too long, and what will not leave by itself."""
    found = [
        *_paused(site),
        *_old(site),
        *_counted(site, STUCK, BAD, "{} left by a sender that died", "crm doctor --fix; the next run sends them too", "leases"),
        *_counted(site, HELD, WARN, "{} held", "crm mail outbox list --state held; crm mail outbox retry ID"),
        *_failed(site),
    ]
    yield from found or [Line("outbox", OK, f"{many(count(site, WAITING), 'mail')} on the way")]
    if not count(site, KEYS):
        yield Line("mail keys", BAD, "there is no key to sign mails with", "crm restore FILE")


def _paused(site: Site) -> Iterator[Line]:
    paused = outbox.paused(site.conn, site.now)
    if paused:
        yield Line("outbox", BAD, f"paused until {paused[0]}: {paused[1]}", "when it works again: crm mail send --retry")


def _old(site: Site) -> Iterator[Line]:
    number, since = site.conn.execute(OLD, (clock.shift(site.now, -86400),)).fetchone()
    if number:
        yield Line("outbox", BAD, f"{many(number, 'mail')} wait for more than a day, the first since {since}", "crm mail send -v")


def _failed(site: Site) -> Iterator[Line]:
    number, error = site.conn.execute(FAILED, (clock.shift(site.now, -MONTH),)).fetchone()
    if number:
        yield Line(
            "outbox",
            WARN,
            f"{many(number, 'mail')} of this month failed, such as by: {error}",
            "crm mail outbox list --state failed",
        )


def _counted(site: Site, sql: str, state: str, what: str, todo: str, mend: str = "") -> Iterator[Line]:
    number = count(site, sql)
    if number:
        yield Line("outbox", state, what.format(many(number, "mail")), todo, mend)


def custody(site: Site) -> Iterator[Line]:
    """Mail that was taken from the mail server and has led to nothing yet."""
    lapsed, triage = count(site, LAPSED), count(site, TRIAGE)
    if lapsed:
        todo = "crm doctor --fix; the next crm ingest goes on with them too"
        yield Line("custody", BAD, f"{many(lapsed, 'mail')} taken, but not handled", todo, "custody")
    if triage:
        yield Line("custody", WARN, f"{many(triage, 'mail')} in triage for a person to look at", "crm mail list")
    if not lapsed and not triage:
        yield Line("custody", OK, "every mail that came was handled")
