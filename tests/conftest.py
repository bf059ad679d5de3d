"""Fixtures: a fresh seeded database, and the program run through its real entrance."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from crmcli import __main__, db
from crmcli.model import Origin

NOW = "2026-03-02T09:00:00Z"

hypothesis_settings.register_profile(
    "crm", derandomize=True, deadline=None, max_examples=100, suppress_health_check=list(HealthCheck)
)
hypothesis_settings.load_profile("crm")


class Run(NamedTuple):
    """What one run of the program came to."""

    exit: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output read as JSON."""
        return json.loads(self.out)


@pytest.fixture(scope="session", name="template")
def _template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a seeded database: ann (1), Support (1) with code, address and ann as responsible."""
    path = str(tmp_path_factory.mktemp("template") / "crm.db")
    conn = db.create(path)
    with db.write(conn, Origin(NOW, None, "system", "init")) as tx:
        seed(tx)
        tx.run("DELETE FROM home")  # each test's copy is a database of its own
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return Path(path).read_bytes()


def seed(tx: db.Tx) -> None:
    """What `crm init` ships, with ann and Support."""
    from crmcli import seeds

    seeds.shipped(tx)
    tx.insert("users", {"login": "ann", "name": "Ann Lee", "email": "ann@us.example"})
    tx.insert("sections", {"name": "Support", "code": "support", "reply_to": "support@us.example", "user_id": 1})


@pytest.fixture(name="db_path")
def _db_path(template: bytes, tmp_path: Path) -> str:
    """A fresh copy of the seeded database."""
    path = tmp_path / "crm.db"
    path.write_bytes(template)
    return str(path)


@pytest.fixture(name="conn")
def _conn(db_path: str) -> Iterator[sqlite3.Connection]:
    """A connection to the fresh database."""
    conn = db.connect(db_path)
    yield conn
    conn.close()


@pytest.fixture(name="crm")
def _crm(db_path: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the program: ``crm("case", "list", stdin=b"", now="2026-…", user="ann")`` → exit, out, err."""
    for name in [name for name in os.environ if name.startswith("CRM_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("XDG_CONFIG_HOME", os.path.dirname(db_path))

    def run(*argv: str, stdin: bytes = b"", now: str | None = NOW, user: str | None = "ann", db: str | None = db_path) -> Run:
        words = [*argv]
        for option, value in (("--db", db), ("--now", now), ("--as", user)):
            if value is not None and option not in words:
                words = [option, value, *words]
        return through_main(words, stdin, monkeypatch)

    return run


def through_main(argv: list[str], stdin: bytes, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call main(argv) with these bytes on standard input and catch what it says."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = __main__.main(argv)
    out.seek(0)
    return Run(code, out.buffer.getvalue().decode("utf-8"), err.getvalue())  # type: ignore[attr-defined]
