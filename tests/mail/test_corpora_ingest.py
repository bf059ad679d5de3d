"""Every mail of the corpora is kept byte for byte, by pipe and in bulk, and a second time nothing is added (mail.md §1, §3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import pytest

from crmcli import deliveries
from crmcli.mail import bulk
from tests.conftest import Run
from tests.mail.post import count, one
from tests.mail.test_corpus import MAILS
from tests.mail.test_parse_corpora import PUBLIC, needs_corpora

Crm: TypeAlias = Callable[..., Run]

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def public() -> list[Path]:
    """Every file of the public samples but the empty one, which is no mail: JSON and pictures too, as anything may come."""
    return sorted(path for path in PUBLIC.rglob("*") if path.is_file() and path.stat().st_size)


def counts(conn: sqlite3.Connection) -> dict[str, int]:
    """How much is stored, in every table."""
    return {table: count(conn, table) for (table,) in conn.execute(TABLES).fetchall()}


def by_pipe(crm: Crm, paths: list[Path]) -> None:
    """Hand each to the program as a mail server would."""
    for path in paths:
        assert crm("ingest", "--recipient", "support@us.example", stdin=path.read_bytes()) == (0, "", ""), path


def kept(conn: sqlite3.Connection, raws: list[bytes]) -> None:
    """All these bytes are there, each mail came to an end, and nothing half is left."""
    for raw in raws:
        assert deliveries.raw(conn, sha256(raw).hexdigest()) == raw
    assert one(conn, "SELECT group_concat(DISTINCT state) FROM deliveries WHERE state NOT IN ('done', 'triage')") is None
    assert one(conn, "SELECT count(*) FROM deliveries WHERE message_id IS NULL") == 0
    assert count(conn, "raw_messages") == len(set(raws))
    assert one(conn, "PRAGMA integrity_check") == "ok"
    assert conn.execute("PRAGMA foreign_key_check").fetchall() == []


def pass_by_pipe_twice(crm: Crm, conn: sqlite3.Connection, paths: list[Path]) -> None:
    """Twice by the pipe: the second time nothing is added."""
    by_pipe(crm, paths)
    kept(conn, [path.read_bytes() for path in paths])
    before = counts(conn)
    by_pipe(crm, paths)
    assert counts(conn) == before


def pass_in_bulk_twice(crm: Crm, conn: sqlite3.Connection, paths: list[Path]) -> None:
    """Twice as files: mailboxes among them give the mails in them."""
    names = [str(path) for path in paths]
    assert crm("ingest", *names).exit == 0
    kept(conn, [found.raw for found in bulk.mails(names)])
    before = counts(conn)
    assert crm("ingest", *names).exit == 0
    assert counts(conn) == before


def test_our_own_mails_are_kept_once_by_the_pipe(crm: Crm, conn: sqlite3.Connection) -> None:
    pass_by_pipe_twice(crm, conn, MAILS)
    assert 90 <= count(conn, "cases") <= count(conn, "messages") <= len(MAILS)


def test_our_own_mails_are_kept_once_in_bulk(crm: Crm, conn: sqlite3.Connection) -> None:
    pass_in_bulk_twice(crm, conn, MAILS)


@needs_corpora
def test_some_public_mails_are_kept_once(crm: Crm, conn: sqlite3.Connection) -> None:
    """One of twelve by the pipe, others in bulk."""
    pass_by_pipe_twice(crm, conn, public()[::12])


@needs_corpora
def test_other_public_mails_are_kept_once_in_bulk(crm: Crm, conn: sqlite3.Connection) -> None:
    pass_in_bulk_twice(crm, conn, public()[6::12])


@needs_corpora
@pytest.mark.campaign
def test_every_public_mail_is_kept_once_by_the_pipe(crm: Crm, conn: sqlite3.Connection) -> None:
    assert len(public()) > 550
    pass_by_pipe_twice(crm, conn, public())


@needs_corpora
@pytest.mark.campaign
def test_every_public_mail_is_kept_once_in_bulk(crm: Crm, conn: sqlite3.Connection) -> None:
    pass_in_bulk_twice(crm, conn, public())
