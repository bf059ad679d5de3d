"""Everything out and in: what the document holds, what it does not, and that nothing of it is lost on the way."""

from __future__ import annotations

import io
import json
import sqlite3
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import db
from crmcli.errors import Refused
from crmcli.model import Origin
from crmcli.transfer import pieces, whole
from tests.transfer.world import NOW, Crm, Seeded, rows

MAIL = (
    b"From: Joe <joe@acme.example>\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n"
    b"References: <0@acme.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    b"--b\nContent-Type: text/plain\n\nIt broke.\n--b\nContent-Type: application/octet-stream; name=x.bin\n"
    b"Content-Disposition: attachment; filename=x.bin\nContent-Transfer-Encoding: base64\n\nAAECAwQ=\n--b--\n"
)


@pytest.fixture(name="demo")
def _demo(crm: Crm, tmp_path: Path) -> str:
    """A database with something of everything, a mail with a file included → its path."""
    path = str(tmp_path / "demo.db")
    crm("init", "--demo", "--db", path)
    crm("ingest", "--db", path, "--section", "support", stdin=MAIL, user=None)
    crm("segment", "run", "--all", "--db", path)
    crm("mail", "address", "suspend", "gone@x.example", "--db", path)
    return path


def document(crm: Crm, path: str) -> str:
    """Everything of a database."""
    done = crm("export", "all", "--db", path)
    assert done.exit == 0
    return str(done.out)


def test_everything_comes_back_byte_for_byte(crm: Crm, demo: str, template: bytes, tmp_path: Path) -> None:
    """Into a database that has only what is shipped; a second time nothing happens; nothing fires afterwards."""
    told = document(crm, demo)
    other = Seeded(template).at(tmp_path / "other.db")
    done = crm("import", "all", "-", "--db", other, stdin=told.encode())
    assert (done.exit, done.out) == (0, "")
    assert document(crm, other) == told
    again = crm("import", "all", "-", "--db", other, stdin=told.encode())
    assert again.err == "import all: everything is here already\n"
    later = json.dumps(json.loads(told), indent=1)
    assert crm("import", "all", "-", "--db", other, stdin=later.encode()).err == again.err
    crm("run-rules", "--no-segments", "--db", other)
    assert document(crm, other) == told
    conn = db.connect(other)
    assert rows(conn, "SELECT count(*) FROM outbox") == [(0,)]
    assert bytes(conn.execute("SELECT bytes FROM blobs").fetchone()[0]) == b"\0\1\2\3\4"
    listed = [crm("case", "list", "pump", "--db", path, "-o", "ids").out for path in (other, demo)]
    assert listed[0] == listed[1] != ""


def test_a_mail_that_was_taken_is_known_in_the_new_database(crm: Crm, demo: str, template: bytes, tmp_path: Path) -> None:
    """And makes no second case."""
    other = Seeded(template).at(tmp_path / "other.db")
    crm("import", "all", "-", "--db", other, stdin=document(crm, demo).encode())
    before = document(crm, other)
    assert crm("ingest", "--db", other, "--section", "support", stdin=MAIL, user=None).exit == 0
    assert document(crm, other) == before


def test_importing_everything_is_a_step_that_undo_takes_back(crm: Crm, db_path: str, demo: str) -> None:
    """The tables that people keep are as before; a dry run has not even begun."""
    before = json.loads(document(crm, db_path))
    told = document(crm, demo).encode()
    crm("import", "all", "-", "-n", stdin=told)
    assert json.loads(document(crm, db_path)) == before
    assert crm("import", "all", "-", stdin=told).exit == 0
    assert crm("undo").exit == 0
    after = json.loads(document(crm, db_path))
    kept = [name for name in whole.TABLES if name not in whole.KEPT]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_what_a_machine_keeps_for_itself_is_apart(crm: Crm, demo: str) -> None:
    """Journal, firings, keys, queues, full text, leases and counters; all else is in it."""
    told = json.loads(document(crm, demo))
    conn = db.connect(demo)
    tables = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    journal = {"change_sets", "changes", "journal_context", "baselines", "baseline_rows"}
    apart = journal | {"rule_firings", "rule_due", "rule_stale", "runs", "mail_keys", "home", "outbox"}
    missing = {name for name in tables - set(told) if not name.startswith(("texts", "sqlite_"))}
    assert missing == apart
    assert "lease_until" not in told["deliveries"][0]
    assert "run_at" not in told["segments"][0]


def test_the_document_is_a_row_a_line_and_inert(crm: Crm, conn: sqlite3.Connection, db_path: str) -> None:
    """What a terminal should not get is escaped, so that nothing is lost."""
    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        tx.insert("partners", {"name": "A\u202eB 北京\u0085"})
    told = document(crm, db_path)
    [line] = [line for line in told.splitlines() if "北京" in line]
    assert "\\u202e" in line
    assert json.loads(told)["partners"][0]["name"] == "A\u202eB 北京\u0085"


def test_import_edit_rules_and_three_undos_leave_nothing(crm: Crm, demo: str, tmp_path: Path) -> None:
    """The same bytes as before."""
    people = tmp_path / "people.csv"
    people.write_text("name,email,categories\nZeta,z@zeta.example,VIP\nAcme Pumps,joe@acme.example,\nOmega,,Suppliers\n")
    later = {"now": "2026-03-09T08:00:00Z"}
    before = document(crm, demo)
    for words in (("import", "partner", str(people)), ("case", "edit", "--where", "section:sale", "--priority", "1", "-y"),
                  ("run-rules",)):  # fmt: skip
        assert crm(*words, "--db", demo, **later).exit == 0
        assert document(crm, demo) != before
    for words in (("undo", "run"), ("undo",), ("undo",)):
        assert crm(*words, "--db", demo, **later).exit == 0
    assert document(crm, demo) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: {**told, "format": "other"}, "is not what crm export all writes"),
        (lambda told: {"moods": told["moods"], **told}, "is not what crm export all writes"),
        (lambda told: {**told, "version": 2}, "written by a newer crm"),
        (lambda told: {**told, "spells": [{"id": 1}]}, "no place for spells"),
        (lambda told: {**told, "moods": [{"id": 1, "name": "x", "wand": 1}]}, "no place for moods"),
        (lambda told: {**told, "moods": [1]}, "no place for moods 1"),
        (lambda told: {**told, "moods": [{"id": 1, "name": {"a": 1}, "factor": 1}]}, "holds what no column takes"),
        (lambda told: {**told, "blobs": [{"sha256": "a", "size": 1, "bytes": "?"}]}, "no base64"),
        (lambda told: {**told, "moods": [{"id": 1, "name": "x", "factor": -1}]}, "factor is 0 or more"),
        (lambda told: {**told, "amounts": [{"id": 1, "partner_id": 99, "at": NOW, "kind": "sale", "amount": 1}]}, "is gone"),
        (lambda told: [told], "{ should stand where"),
        (lambda told: {}, "is not what crm export all writes"),
    ],
)
def test_a_document_that_is_wrong_changes_nothing(change: Callable[[Any], Any], said: str, crm: Crm, db_path: str) -> None:
    """One sentence, and all is as it was."""
    before = document(crm, db_path)
    told = {**json.loads(before), "sections": [], "users": [], "settings": []}
    done = crm("import", "all", "-", stdin=json.dumps(change(told)).encode())
    assert (done.exit, done.err.count("\n")) == (1, 1)
    assert said in done.err
    assert document(crm, db_path) == before


def test_nothing_is_mixed(crm: Crm, demo: str, db_path: str) -> None:
    """A database with things of its own takes no other's."""
    crm("case", "add", "Mine")
    done = crm("import", "all", "-", stdin=document(crm, demo).encode())
    assert (done.exit, done.err.partition(" (")[0]) == (1, "crm: this database has other things in it already")
    cut = document(crm, demo)[:-20].encode()
    assert crm("import", "all", "-", "--db", demo, stdin=cut).exit == 1


def test_everything_takes_no_filter_and_is_json(crm: Crm) -> None:
    """Anything else is a usage error."""
    assert crm("export", "all", "name:x").exit == 2
    assert crm("export", "all", "-o", "csv").exit == 2
    assert crm("export", "all", "-o", "json").exit == 0


def test_memory_does_not_grow_with_the_document(conn: sqlite3.Connection) -> None:
    """Ten times the rows take no more of it, out or in."""

    def most() -> int:
        tracemalloc.start()
        told = io.BytesIO()
        for piece in whole.document(conn):
            told.write(piece.encode())
        told_size = len(told.getvalue())
        told.seek(0)
        for _ in pieces.Pieces(told).members():
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak - told_size

    def add(count: int) -> None:
        with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
            for number in range(count):
                tx.insert("amounts", {"partner_id": 1, "at": NOW, "kind": "sale", "amount": number, "note": "x" * 50})

    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        tx.insert("partners", {"name": "Acme"})
    add(1000)
    small = most()
    add(9000)
    assert most() < small + 2_500_000  # the buffer of the test itself doubles as it grows


# Pieces ---------------------------------------------------------------------------------------------------


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.sampled_from([None, 1, 8]), st.booleans())
def test_pieces_are_what_json_says(value: dict[str, Any], indent: int | None, plain: bool) -> None:
    """Whatever the layout, however small the parts in which it is read."""
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    wanted = [(name, inner) for name, one in value.items() for inner in (one if isinstance(one, list) else [one])]
    for size in (1, 7, 1 << 16):
        whole_size, pieces.CHUNK = pieces.CHUNK, size
        try:
            assert list(pieces.Pieces(io.BytesIO(text.encode("utf-8", "surrogatepass"))).members()) == wanted
        finally:
            pieces.CHUNK = whole_size


@pytest.mark.parametrize(
    "text",
    ["", "[", "{", '{"a"', '{"a":}', '{"a": [1,]}', '{"a": 1,}', '{"a": 1} x', '{"a": [1 2]}', "\xff", '{"a": tru}', '{"a": 1e}'],
)
def test_pieces_that_are_no_json_are_refused(text: str) -> None:
    """With what should stand there."""
    with pytest.raises(Refused):
        list(pieces.Pieces(io.BytesIO(text.encode("latin-1"))).members())
