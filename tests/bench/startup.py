"""How much more the hot commands cost than the bare floor of what they need: CPU ratios, in one run.

Run: .venv/bin/python tests/bench/startup.py [RUNS]     (with crm installed beside this Python, as pip does)
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CRM = str(Path(sys.executable).with_name("crm"))
MAIL = """\
From: Joe Roe <joe{n}@acme.example>
To: support@us.example
Subject: Pumpe steht – Störung {n}
Date: Mon, 02 Mar 2026 09:00:00 +0000
Message-ID: <{n}@acme.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Guten Tag, die Pumpe in Halle {n} läuft nicht mehr an.
Bitte rufen Sie zurück.
"""
PARSE = (
    "import sys, sqlite3, email.parser, email.policy;"
    "email.parser.BytesParser(policy=email.policy.compat32).parse(sys.stdin.buffer)"
)
SQLITE = "import sqlite3"
ARGPARSE = "import argparse, sqlite3"


def cpu(argv: list[str], stdin: bytes, environ: dict[str, str]) -> float:
    """Milliseconds of CPU that one run of a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, input=stdin, check=True, stdout=subprocess.DEVNULL, env=environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main(runs: int) -> None:
    """Print one line a command: its median, the floor's median, and the ratio of the two."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ = {**kept, "CRM_DB": f"{folder}/crm.db", "TZ": "UTC", "XDG_CONFIG_HOME": folder}
        subprocess.run([CRM, "init", "--email", "support@us.example"], check=True, env=environ, stdout=subprocess.DEVNULL)
        for number in range(50):
            subprocess.run([CRM, "ingest"], input=MAIL.format(n=number).encode(), check=True, env=environ)
        numbers = iter(range(1000, 100_000))
        rows = (
            ("ingest, one thanked mail", [CRM, "ingest"], PARSE, True, 1.5),
            ("run-rules, nothing due", [CRM, "run-rules"], SQLITE, False, 1.6),
            ("case list -o tsv, 50 rows", [CRM, "case", "list", "-o", "tsv", "--limit", "50"], ARGPARSE, False, 3.5),
            ("case list -o tsv, all rows, hot", [CRM, "case", "list", "-o", "tsv"], ARGPARSE, False, 1.3),
        )
        for name, argv, floor, mailed, limit in rows:
            ours, floors = [], []
            for _ in range(runs):
                mail = MAIL.format(n=next(numbers)).encode() if mailed else b""
                floors.append(cpu([sys.executable, "-c", floor], mail, environ))
                ours.append(cpu(argv, mail, environ))
            a, b = statistics.median(ours), statistics.median(floors)
            print(f"{name:34} {a:6.1f} ms  floor {b:5.1f} ms  ratio {a / b:4.2f}  (aim {limit})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
