"""A Postfix of our own: its alias pipe, its pipe(8) transport and its LMTP client, set up by the lines of the help."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from crmcli import db
from crmcli.model import Origin
from tests.conftest import NOW
from tests.mail.post import count
from tests.mta.site import USER, Site, eventually, free_port, is_listening, letter, lmtp, need, run, submit

pytestmark = pytest.mark.mta

ORIGIN = Origin(NOW, None, "system", "test")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/postfix-data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.us.example
myorigin = us.example
mydestination = us.example
default_transport = discard
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps =
recipient_delimiter = +
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 3600s
alias_database =
alias_maps = {maps}
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 3600 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


PROGRAMS = ("postfix", "postalias", "postmap", "postqueue")


class Postfix(NamedTuple):
    """An instance of Postfix under way."""

    folder: Path
    port: int

    def control(self, *words: str) -> str:
        """What postfix, postqueue and the like say."""
        return run(words[0], "-c", self.folder / "etc", *words[1:])

    def queue(self) -> list[str]:
        """The mails that it still has."""
        return [line for line in self.control("postqueue", "-j").splitlines() if line]

    def log(self) -> str:
        """Its log."""
        path = self.folder / "mail.log"
        return path.read_text() if path.exists() else ""

    def flush(self) -> None:
        """Try what waits again, now."""
        time.sleep(1.1)  # a mail that has just been deferred is not looked at within the second
        self.control("postqueue", "-f")


def started(site: Site, main: str = "", master: str = "", aliases: str = "", transport: str = "") -> Postfix:
    """Postfix with these lines in its files; aliases stand in a file of the pipe's user, as the help says."""
    folder, port = site.folder, free_port()
    etc = folder / "etc"
    etc.mkdir()
    for name in ("spool", "postfix-data", "inbox"):
        (folder / name).mkdir()
    (folder / "inbox").chmod(0o777)
    os.chown(folder / "postfix-data", pwd.getpwnam("postfix").pw_uid, -1)
    (etc / "others").write_text(f"joe: {folder}/inbox/joe\npostmaster: {folder}/inbox/joe\n")
    own = folder / "data" / "aliases"
    own.write_text(aliases)
    (etc / "transport").write_text(transport)
    maps = f"hash:{etc}/others, hash:{own}"
    (etc / "main.cf").write_text(MAIN.format(folder=folder, maps=maps) + main.replace("/etc/postfix", str(etc)))
    (etc / "master.cf").write_text(MASTER.format(port=port) + master)
    postfix = Postfix(folder, port)
    postfix.control("postalias", f"hash:{etc}/others", f"hash:{own}")
    postfix.control("postmap", f"hash:{etc}/transport")
    for path in own.parent.glob("aliases*"):
        os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
    postfix.control("postfix", "start")
    eventually(lambda: is_listening(port))
    return postfix


def stopped(postfix: Postfix) -> None:
    """It and all its processes are gone; its log is shown where the test failed."""
    print(postfix.log())
    pid = int((postfix.folder / "spool" / "pid" / "master.pid").read_text())
    run("postfix", "-c", postfix.folder / "etc", "stop", ok=False)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@pytest.fixture(name="postfix", params=["alias", "transport", "procmail", "maildrop"])
def _postfix(request: pytest.FixtureRequest, site: Site) -> Iterator[Postfix]:
    """Postfix, delivering to us by an alias, by a transport, or by a user's filter."""
    need(*PROGRAMS)
    ways = {"alias": by_alias, "transport": by_transport, "procmail": by_procmail, "maildrop": by_maildrop}
    postfix = ways[request.param](site)
    try:
        yield postfix
    finally:
        stopped(postfix)


def by_alias(site: Site) -> Postfix:
    """With the help's alias."""
    return started(site, aliases=site.lines("Postfix, in an alias file"))


def by_transport(site: Site, *words: str) -> Postfix:
    """With the help's transport; words go behind the pipe's command."""
    main, transport = site.lines("Postfix, by a transport, in main.cf"), site.lines("in /etc/postfix/transport")
    master = site.lines("and in master.cf").rstrip() + "".join(f" {word}" for word in words) + "\n"
    return started(site, main, master, transport=transport + transport.replace("support@", "nobody@"))


def by_procmail(site: Site) -> Postfix:
    """With the help's .procmailrc of the user who runs the pipe."""
    return by_filter(site, "procmail", site.lines("procmail, in .procmailrc"))


def by_maildrop(site: Site) -> Postfix:
    """With the help's .mailfilter of the user who runs the pipe."""
    return by_filter(site, "maildrop", site.lines("maildrop, in .mailfilter"))


def by_filter(site: Site, program: str, lines: str) -> Postfix:
    """With a filter that a user's mail goes through, its file in a place that is told."""
    need(program)
    rules = site.folder / "data" / "rules"
    rules.write_text(lines)
    rules.chmod(0o600)
    os.chown(rules, pwd.getpwnam(USER).pw_uid, -1)
    return started(site, f"mailbox_command = {program} {rules}\n", aliases=f"support: {USER}\n")


def test_mail_comes_in_with_its_envelope(site: Site, postfix: Postfix) -> None:
    submit(postfix.port, letter(1), "support@us.example")
    submit(postfix.port, letter(2), "support+x7y@us.example")
    submit(postfix.port, letter(3), "Support@us.example", sender="")
    site.takes(
        [("support@us.example", "joe@acme.example"), ("support+x7y@us.example", "joe@acme.example"), ("Support@us.example", "")]
    )
    assert postfix.queue() == []
    assert count(site.conn(), "cases") == 2


def test_what_cannot_be_taken_is_deferred_and_comes_once(site: Site, postfix: Postfix) -> None:
    site.break_database()
    submit(postfix.port, letter(), "support@us.example")
    eventually(lambda: "status=deferred" in postfix.log())
    assert "dsn=4.3.0, status=deferred (the database or a file cannot be used, please try again later" in postfix.log()
    site.mend_database()
    postfix.flush()
    site.takes([("support@us.example", "joe@acme.example")])
    eventually(lambda: not postfix.queue())
    assert count(site.conn(), "cases") == 1
    assert "status=bounced" not in postfix.log()


@pytest.mark.parametrize("postfix", ["alias", "transport"], indirect=True)
@pytest.mark.parametrize("pipe", ["#!/nowhere/sh\n", "#!/bin/sh\nkill -9 $$\n", None])
def test_a_broken_pipe_defers(site: Site, postfix: Postfix, pipe: str | None) -> None:
    path = site.folder / "bin" / "crm-pipe"
    if pipe is None:
        path.unlink()
    else:
        path.write_text(pipe)
    submit(postfix.port, letter(), "support@us.example")
    eventually(lambda: "status=" in postfix.log())
    assert "status=deferred" in postfix.log()


@pytest.mark.parametrize("postfix", ["alias", "transport"], indirect=True)
def test_a_locked_database_is_waited_for(site: Site, postfix: Postfix) -> None:
    conn = site.conn()
    conn.execute("BEGIN IMMEDIATE")
    submit(postfix.port, letter(), "support@us.example")
    time.sleep(2)
    conn.execute("ROLLBACK")
    site.takes([("support@us.example", "joe@acme.example")])
    assert "status=deferred" not in postfix.log()


@pytest.mark.parametrize("postfix", ["alias", "transport"], indirect=True)
def test_one_mail_to_two_sections_is_one_message(site: Site, postfix: Postfix) -> None:
    with db.write(site.conn(), ORIGIN) as tx:
        tx.insert("sections", {"name": "Sales", "code": "sales", "reply_to": "support+sales@us.example"})
    submit(postfix.port, letter(), "support@us.example", "support+sales@us.example")
    site.takes([("support@us.example", "joe@acme.example"), ("support+sales@us.example", "joe@acme.example")])
    assert (count(site.conn(), "messages"), count(site.conn(), "cases")) == (1, 1)


def test_an_unknown_recipient_bounces_where_that_is_asked_for(site: Site) -> None:
    need(*PROGRAMS)
    postfix = by_transport(site, "--strict-recipient")
    try:
        submit(postfix.port, letter(), "nobody@us.example", sender="joe@us.example")
        inbox = site.folder / "inbox" / "joe"
        eventually(lambda: inbox.exists() and "5.1.1" in inbox.read_text())
        assert site.deliveries() == []
        assert postfix.queue() == []
    finally:
        stopped(postfix)


def test_the_resident_intake_takes_mail_from_its_lmtp_client(site: Site) -> None:
    need(*PROGRAMS)
    with lmtp(site) as where:
        line = site.lines("Postfix, in /etc/postfix/transport").replace("127.0.0.1:2424", where)
        postfix = started(site, site.lines("Postfix, by a transport, in main.cf"), transport=line)
        try:
            submit(postfix.port, letter(1), "support@us.example", "support+x7y@us.example")
            submit(postfix.port, letter(2), "support@us.example", sender="")
            site.takes(
                [
                    ("support@us.example", "joe@acme.example"),
                    ("support+x7y@us.example", "joe@acme.example"),
                    ("support@us.example", ""),
                ]
            )
            site.break_database()
            submit(postfix.port, letter(3), "support@us.example")
            eventually(lambda: "status=deferred" in postfix.log())
            site.mend_database()
            postfix.flush()
            eventually(lambda: not postfix.queue())
            assert (len(site.deliveries()), count(site.conn(), "messages")) == (4, 3)
        finally:
            stopped(postfix)
