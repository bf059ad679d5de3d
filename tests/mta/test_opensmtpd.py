"""An OpenSMTPD of our own: its mda and lmtp actions, set up by the lines of the help."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mail.post import count
from tests.mta.site import Site, apart, eventually, free_port, is_listening, letter, lmtp, need, need_apart, run, submit

pytestmark = pytest.mark.mta

CONFIG = """
listen on 127.0.0.1 port {port} hostname mail.us.example
{lines}
action "joe" mda "cat >> {folder}/inbox/joe" user mail virtual {{ "@" = "mail" }}
action "elsewhere" mda "cat > /dev/null" user mail virtual {{ "@" = "mail" }}
match from any for rcpt-to "joe@us.example" action "joe"
match from any for any action "elsewhere"
"""


class OpenSmtpd(NamedTuple):
    """An instance of OpenSMTPD under way."""

    folder: Path
    port: int

    @property
    def binds(self) -> dict[Path, str]:
        """Our folders in the places that are built into it."""
        return {self.folder / "spool": "/var/spool", self.folder / "run": "/run"}

    def control(self, *words: str) -> str:
        """What smtpctl says."""
        return run(*apart(self.binds, "smtpctl", *words))

    def log(self) -> str:
        """Its log."""
        return (self.folder / "log").read_text()


@contextlib.contextmanager
def started(site: Site, lines: str) -> Iterator[OpenSmtpd]:
    """OpenSMTPD with these lines; gone at the end, with all its processes."""
    need("smtpd", "smtpctl")
    need_apart()
    smtpd = OpenSmtpd(site.folder, free_port())
    for name in ("spool", "run", "inbox"):
        (site.folder / name).mkdir()
    (site.folder / "inbox").chmod(0o777)
    (site.folder / "smtpd.conf").write_text(CONFIG.format(port=smtpd.port, folder=site.folder, lines=lines))
    with (site.folder / "log").open("w") as log:
        argv = apart(smtpd.binds, "smtpd", "-d", "-v", "-f", site.folder / "smtpd.conf")
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            eventually(lambda: is_listening(smtpd.port))
            yield smtpd
        finally:
            process.terminate()
            process.wait(timeout=60)
            print(smtpd.log())


@pytest.fixture(name="smtpd")
def _smtpd(site: Site) -> Iterator[OpenSmtpd]:
    """OpenSMTPD, delivering to us by the help's action."""
    with started(site, site.lines("OpenSMTPD, in smtpd.conf")) as smtpd:
        yield smtpd


def is_deferred(smtpd: OpenSmtpd) -> bool:
    """Whether a mail could not be delivered, and was kept."""
    return "TempFail" in smtpd.log()


def test_mail_comes_in_with_its_envelope(site: Site, smtpd: OpenSmtpd) -> None:
    submit(smtpd.port, letter(1), "support@us.example")
    submit(smtpd.port, letter(2), "support+x7y@us.example")
    submit(smtpd.port, letter(3), "Support@us.example", sender="")
    site.takes(
        [("support@us.example", "joe@acme.example"), ("support+x7y@us.example", "joe@acme.example"), ("Support@us.example", "")]
    )
    eventually(lambda: not smtpd.control("show", "queue"))
    assert count(site.conn(), "cases") == 2


def test_what_cannot_be_taken_is_deferred_and_comes_once(site: Site, smtpd: OpenSmtpd) -> None:
    site.break_database()
    submit(smtpd.port, letter(), "support@us.example")
    eventually(lambda: is_deferred(smtpd))
    site.mend_database()
    smtpd.control("schedule", "all")
    site.takes([("support@us.example", "joe@acme.example")])
    eventually(lambda: not smtpd.control("show", "queue"))
    assert (count(site.conn(), "cases"), "PermFail" in smtpd.log()) == (1, False)


@pytest.mark.parametrize("pipe", ["#!/nowhere/sh\n", "#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\nexit 75\n", None])
def test_a_broken_pipe_defers(site: Site, smtpd: OpenSmtpd, pipe: str | None) -> None:
    path = site.folder / "bin" / "crm-pipe"
    whole = path.read_text()
    if pipe is None:
        path.unlink()
    else:
        path.write_text(pipe)
    submit(smtpd.port, letter(), "support@us.example")
    eventually(lambda: is_deferred(smtpd))
    path.write_text(whole)
    path.chmod(0o755)
    smtpd.control("schedule", "all")
    site.takes([("support@us.example", "joe@acme.example")])
    assert "PermFail" not in smtpd.log()


def test_an_unknown_recipient_bounces_where_that_is_asked_for(site: Site) -> None:
    lines = site.lines("OpenSMTPD, in smtpd.conf").replace("crm.db || exit 75", "crm.db --strict-recipient")
    with started(site, lines.replace("^support", "^nobody").replace('"support"', '"nobody"')) as smtpd:
        submit(smtpd.port, letter(), "nobody@us.example", sender="joe@us.example")
        inbox = site.folder / "inbox" / "joe"
        eventually(lambda: inbox.exists() and "5.1.1 no such recipient here" in inbox.read_text())
        assert site.deliveries() == []
        eventually(lambda: not smtpd.control("show", "queue"))


def test_the_resident_intake_takes_mail_from_its_lmtp_client(site: Site) -> None:
    with lmtp(site) as where:
        lines = site.lines("OpenSMTPD, the action for crm lmtp").replace("127.0.0.1:2424", where)
        match = site.lines("OpenSMTPD, in smtpd.conf").splitlines()[-1]
        with started(site, lines + match) as smtpd:
            submit(smtpd.port, letter(1), "support@us.example", "support+x7y@us.example")
            submit(smtpd.port, letter(2), "support@us.example", sender="")
            site.takes(
                [
                    ("support@us.example", "joe@acme.example"),
                    ("support+x7y@us.example", "joe@acme.example"),
                    ("support@us.example", ""),
                ]
            )
            site.break_database()
            submit(smtpd.port, letter(3), "support@us.example")
            eventually(lambda: is_deferred(smtpd))
            site.mend_database()
            smtpd.control("schedule", "all")
            eventually(lambda: not smtpd.control("show", "queue"))
            assert (len(site.deliveries()), count(site.conn(), "messages")) == (4, 3)
