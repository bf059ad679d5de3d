"""The mail server's side (mail.md §1): the pipe's program, who may write, where mail would go, and a mail on trial."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sqlite3
import sys
from collections.abc import Iterator

from crmcli.doctor.line import BAD, OK, WARN, Line, Site
from crmcli.errors import CrmError
from crmcli.mail import envelope, ingest
from crmcli.model import Origin

SERVERS = ("postfix", "Debian-exim", "exim", "mail", "mailnull", "_smtpd", "vmail", "courier", "alias", "nobody", "daemon")
"""The users that mail servers run pipes as, by their packages."""

SECTIONS = "SELECT id, name, reply_to FROM sections WHERE active = 1 AND reply_to IS NOT NULL ORDER BY id"

TRIAL = (
    "From: A Stranger <stranger@trial.invalid>\r\n"
    "To: {}\r\n"
    "Subject: Trial of the pipe\r\n"
    "Message-ID: <trial@trial.invalid>\r\n"
    "\r\n"
    "This mail is rehearsed by crm doctor and rolled back.\r\n"
)


def program(site: Site) -> Iterator[Line]:
    """crm-pipe must be found by the mail server, and crm by it."""
    here = os.path.join(os.path.dirname(sys.executable), "crm-pipe")
    found = shutil.which("crm-pipe", path=site.environ.get("PATH", os.defpath))
    if found is None and not os.access(here, os.X_OK):
        yield Line("pipe", BAD, "crm-pipe is not installed", "install the package again, or see: crm help mail")
        return
    pipe = found or here
    beside = os.path.join(os.path.dirname(os.path.realpath(pipe)), "crm")
    if not os.access(beside, os.X_OK) and shutil.which("crm") is None:
        yield Line("pipe", BAD, f"{pipe} finds no crm", "install the package again")
    elif found is None:
        yield Line("pipe", WARN, f"crm-pipe is not on the PATH: give the mail server {pipe}", f"ln -s {pipe} /usr/local/bin/")
    else:
        yield Line("pipe", OK, pipe)


def writers(site: Site) -> Iterator[Line]:
    """Who can write the database, and whether a mail server's pipe can."""
    found = os.stat(site.path)
    owner = _user(found.st_uid)
    shared = bool(found.st_mode & 0o020)
    group = _group(found.st_gid)
    said = f"{owner}{f' and the group {group}' if shared else ''} can write the database"
    known = [entry for name in SERVERS if (entry := _known(name))]
    able = [entry.pw_name for entry in known if entry.pw_uid == found.st_uid or (shared and _is_in(entry, found.st_gid))]
    closed = _closed(site.folder) if shared else ""
    if closed:
        yield Line("writers", BAD, f"{said}, but the group cannot pass {closed}", f"chmod g+x {closed}, or o+x")
    elif able:
        yield Line("writers", OK, f"{said}: {', '.join(able)}")
    elif found.st_uid == 0 and not shared:
        todo = "chown the database and its folder, or share it with a group"
        yield Line("writers", BAD, f"{said}: mail servers run no pipe as root", todo)
    else:
        ways = ([f"as {owner}"] if found.st_uid else []) + ([f"as a member of {group}"] if shared else [])
        names = ", ".join(entry.pw_name for entry in known) or "the users of known mail servers"
        yield Line("writers", WARN, f"{said}; none of {names} is one", f"let the mail server run the pipe {' or '.join(ways)}")


def routes(site: Site) -> Iterator[Line]:
    """The addresses that mail can come to, and where each leads: tried, and rolled back."""
    sections = site.conn.execute(SECTIONS).fetchall()
    if not sections:
        yield Line("addresses", BAD, "no section has an address", "crm section edit SECTION --reply-to support@us.example")
    for number, name, address in sections:
        yield _trial(site, number, name, address)


def _trial(site: Site, number: int, name: str, address: str) -> Line:
    """A stranger's mail to an address, rehearsed in a transaction that is rolled back."""
    raw = TRIAL.format(address).encode()
    origin = Origin(site.now, None, "mail", "crm doctor --pipe", dry_run=True)
    try:
        taken = ingest.one(site.conn, raw, envelope.told("", (address,), "stranger@trial.invalid", {}), origin)
    except (CrmError, sqlite3.Error) as error:
        return Line("trial", BAD, f"a mail to {address} would be kept back: {error}", "crm verify")
    if taken.state != "done":
        return Line("trial", WARN, f"a mail to {address} would go to triage: {taken.reason}", "crm help mail")
    if (taken.decision or {}).get("section") != number:
        return Line("trial", WARN, f"a mail to {address} would go to another section than {name}", "crm mail test " + address)
    return Line("trial", OK, f"a mail to {address} opens a case in {name}")


def _known(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _is_in(entry: pwd.struct_passwd, gid: int) -> bool:
    try:
        return gid in os.getgrouplist(entry.pw_name, entry.pw_gid)
    except OSError:
        return entry.pw_gid == gid


def _closed(folder: str) -> str:
    """The first folder on the way that neither the group nor everybody can pass; '' where there is none."""
    while True:
        mode = os.stat(folder).st_mode
        if not mode & 0o011:
            return folder
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
