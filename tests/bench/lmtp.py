"""Mails a second from eight senders at once: by crm lmtp, and by the pipe, a process a mail; in one run.

Run: .venv/bin/python tests/bench/lmtp.py [MAILS]     (with crm and crm-pipe installed beside this Python, as pip does)
"""

from __future__ import annotations

import os
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CRM = str(Path(sys.executable).with_name("crm"))
SENDERS = 8
MAIL = """\
From: Joe Roe <joe{sender}@acme.example>
To: support@us.example
Subject: Pumpe steht – Störung {n}
Date: Mon, 02 Mar 2026 09:00:00 +0000
Message-ID: <{way}.{sender}.{n}@acme.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Guten Tag, die Pumpe in Halle {n} läuft nicht mehr an.
Bitte rufen Sie zurück.
"""


def rate(way: str, mails: int, send: Callable[[list[bytes]], None]) -> float:
    """Mails a second of eight senders, each with its own mails."""
    own = [
        [MAIL.format(way=way, sender=sender, n=n).encode() for n in range(mails // SENDERS)] for sender in range(SENDERS)
    ]  # fmt: skip
    begun = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, own))
    return mails // SENDERS * SENDERS / (time.monotonic() - begun)


def by_pipe(mails: list[bytes]) -> None:
    """A process a mail, as the mail server's pipe."""
    for raw in mails:
        subprocess.run(
            [f"{CRM}-pipe", "--sender", "joe@acme.example", "--recipient", "support@us.example"], input=raw, check=True
        )


def main(mails: int) -> None:
    """Print both rates and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({"CRM_DB": f"{folder}/crm.db", "TZ": "UTC", "XDG_CONFIG_HOME": folder})
        subprocess.run([CRM, "init", "--email", "support@us.example", "-q"], check=True)
        service = subprocess.Popen([CRM, "lmtp", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        assert service.stderr
        port = int(service.stderr.readline().rpartition(":")[2])

        def by_lmtp(own: list[bytes]) -> None:
            with smtplib.LMTP("127.0.0.1", port) as client:
                for raw in own:
                    client.sendmail("joe@acme.example", ["support@us.example"], raw)

        resident = rate("lmtp", mails, by_lmtp)
        service.terminate()
        service.wait()
        pipe = rate("pipe", mails // 5, by_pipe)
        print(f"crm lmtp  {resident:7.1f} mails a second")
        print(f"crm-pipe  {pipe:7.1f} mails a second")
        print(f"ratio     {resident / pipe:7.1f}   (aim: at least 5)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 800)
