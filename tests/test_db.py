"""Opening the database and the one write: what holds, what is rolled back, and what is said when it cannot be."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from crmcli import db, migrations, trouble, turns
from crmcli.errors import Busy, Refused
from crmcli.model import Origin
from tests.cli.world import Crm, dump

NOW = "2026-03-02T09:00:00Z"
ORIGIN = Origin(NOW, 1, "cli", "test")


def refused(path: object) -> str:
    """What is said of a file that cannot be opened as a database."""
    with pytest.raises((Busy, sqlite3.Error)) as caught:
        db.connect(str(path))
    if isinstance(caught.value, sqlite3.Error):
        known = trouble.explained(caught.value)
        assert known is not None
        return known.message
    return caught.value.message  # type: ignore[no-any-return]


# Opening ---------------------------------------------------------------------------------------------------


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    """It says how to make one."""
    path = tmp_path / "no.db"
    assert refused(path) == f"there is no database at {path}"
    assert not path.exists()


def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Another program's database, an empty file, and none at all."""
    other, empty, text = tmp_path / "other.db", tmp_path / "empty.db", tmp_path / "notes.txt"
    foreign = sqlite3.connect(other)
    foreign.execute("CREATE TABLE t (a)")
    foreign.close()
    empty.touch()
    text.write_text("not a database at all" * 100)
    before = other.read_bytes()
    assert refused(other) == f"{other} is not a crm database"
    assert refused(empty) == f"{empty} is not a crm database"
    assert refused(text) == "the file is not a crm database"
    assert other.read_bytes() == before
    assert empty.read_bytes() == b""


def test_a_newer_schema_is_refused(db_path: str) -> None:
    """By what this program knows; nothing is touched."""
    conn = db.connect(db_path)
    conn.execute(f"PRAGMA user_version = {migrations.VERSION + 1}")
    conn.close()
    assert refused(db_path) == f"{db_path} was made by a newer crm (schema {migrations.VERSION + 1})"


@pytest.mark.parametrize("words", [("case", "list"), ("case", "list", "-o", "json"), ("case", "add", "x"), ("run-rules",)])
def test_a_database_that_cannot_be_opened_is_exit_75(words: tuple[str, ...], crm: Crm, tmp_path: Path) -> None:
    """With one line on standard error, on the hot road and on the other."""
    path = tmp_path / "no.db"
    run = crm(*words, db=str(path))
    assert (run.exit, run.out) == (75, "")
    assert len(run.err.splitlines()) == 1
    assert "crm init" in run.err


def test_paths_may_have_any_characters(tmp_path: Path) -> None:
    """Also those that mean something in a URI."""
    path = str(tmp_path / "odd ?mode=memory&x=#1 50%.db")
    db.create(path).close()
    conn = db.connect(path)
    with db.write(conn, ORIGIN) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
    conn.close()
    assert sorted(os.listdir(tmp_path)) == sorted([os.path.basename(path), os.path.basename(path) + "-lock"])


def test_a_new_database_is_private_and_never_over_another(tmp_path: Path) -> None:
    """Whatever the umask; with a group's mode where asked. The lock beside it has the same mode."""
    path = tmp_path / "new.db"
    before = os.umask(0)
    try:
        conn = db.create(str(path), 0o660)
        with db.write(conn, ORIGIN) as tx:
            tx.insert("moods", {"name": "Calm", "factor": 5})
        conn.close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(os.stat(f"{path}{end}").st_mode) for end in ("", "-lock")] == [0o660, 0o660]
    with pytest.raises(FileExistsError):
        db.create(str(path))


def test_a_database_that_cannot_be_made_whole_is_not_left_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema that fails leaves no file."""
    monkeypatch.setattr(db.resources, "read", lambda name: "CREATE TABLE a (b);\nCREATE nonsense;\n")
    with pytest.raises(sqlite3.OperationalError):
        db.create(str(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()


# Writing ---------------------------------------------------------------------------------------------------


def test_a_write_is_kept_with_who_when_and_why(conn: sqlite3.Connection) -> None:
    """One change set, its own step, the wall's time beside the clock of the run."""
    origin = Origin(NOW, 1, "cli", "crm mood add Calm", "asked for")
    with db.write(conn, origin) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
        assert (tx.now, tx.user_id, tx.step) == (NOW, 1, tx.change_set_id)
    row = conn.execute("SELECT * FROM change_sets ORDER BY id DESC LIMIT 1").fetchone()
    kept = {name: row[name] for name in ("at", "user_id", "source", "command", "reason")}
    assert kept == {"at": NOW, "user_id": 1, "source": "cli", "command": "crm mood add Calm", "reason": "asked for"}
    assert row["step"] == row["id"]
    assert row["true_at"] not in ("", NOW)


class Unforeseen(Exception):
    """Something that goes wrong in the middle."""


@pytest.mark.parametrize("error", [Unforeseen, KeyboardInterrupt, SystemExit, Refused("no"), sqlite3.OperationalError("disk")])
def test_any_exception_rolls_a_write_back(error: type[BaseException] | Exception, conn: sqlite3.Connection) -> None:
    """And goes on; the next write is not hindered."""
    before = dump(conn)

    def work() -> None:
        with db.write(conn, ORIGIN) as tx:
            tx.insert("moods", {"name": "Calm", "factor": 5})
            raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        work()
    assert dump(conn) == before
    with db.write(conn, ORIGIN) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})


def test_a_dry_run_does_all_and_keeps_nothing(conn: sqlite3.Connection) -> None:
    """The same code, rolled back."""
    before = dump(conn)
    with db.write(conn, ORIGIN._replace(dry_run=True)) as tx:
        row_id = tx.insert("moods", {"name": "Calm", "factor": 5})
        assert tx.run("SELECT name FROM moods WHERE id = ?", (row_id,)).fetchone()[0] == "Calm"
    assert dump(conn) == before


def test_a_write_that_changes_nothing_leaves_no_change_set(conn: sqlite3.Connection) -> None:
    """Nor a step."""
    before = conn.execute("SELECT count(*) FROM change_sets").fetchone()[0]
    with db.write(conn, ORIGIN) as tx:
        tx.update("moods", 1, {})
        tx.run("UPDATE moods SET name = name")
    assert conn.execute("SELECT count(*) FROM change_sets").fetchone()[0] == before


def test_a_part_fails_alone(conn: sqlite3.Connection) -> None:
    """What came before it and comes after stays."""
    with db.write(conn, ORIGIN) as tx:
        tx.insert("moods", {"name": "One", "factor": 1})
        with suppress(Refused), tx.savepoint():
            tx.insert("moods", {"name": "Two", "factor": 2})
            tx.insert("moods", {"name": "One", "factor": 3})
        tx.insert("moods", {"name": "Three", "factor": 3})
    assert [row[0] for row in conn.execute("SELECT name FROM moods WHERE id > 5")] == ["One", "Three"]


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        ("moods", {"name": "fury", "factor": 1}, "there is one with this name already"),
        ("moods", {"name": None, "factor": 1}, "name is required"),
        ("cases", {"name": "x", "section_id": None}, "section is required"),
        ("moods", {"name": "x", "factor": -1}, "factor is 0 or more"),
        ("users", {"login": "bob", "section_id": 99}, "something else still refers to it, or what it refers to is gone"),
        ("case_links", {"case_id": 1, "other_id": 1, "kind": "blocks"}, "circle of links"),
    ],
)
def test_what_the_schema_refuses_is_a_sentence(
    table: str, values: dict[str, object], words: str, conn: sqlite3.Connection
) -> None:
    """Refused, exit 1."""
    with pytest.raises(Refused) as caught, db.write(conn, ORIGIN) as tx:
        tx.insert(table, values)
    assert caught.value.message == words


def test_who_acts_may_be_found_out_on_the_way(conn: sqlite3.Connection) -> None:
    """Such as the member of staff whose mail it is."""
    with db.write(conn, ORIGIN._replace(user_id=None)) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
        tx.act_as(1)
        assert tx.user_id == 1
    assert conn.execute("SELECT user_id FROM change_sets ORDER BY id DESC LIMIT 1").fetchone()[0] == 1


# Waiting ---------------------------------------------------------------------------------------------------


@pytest.fixture(name="impatient")
def _impatient(db_path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A connection that waits a twentieth of a second."""
    monkeypatch.setattr(turns, "WAIT", 0.05)
    conn = db.connect(db_path, wait=0.05)
    yield conn
    conn.close()


def test_writers_queue_and_give_up_in_the_end(impatient: sqlite3.Connection, db_path: str) -> None:
    """By the lock beside the file."""
    with open(f"{db_path}-lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="the database is busy"), db.write(impatient, ORIGIN):
            pass
        fcntl.flock(other, fcntl.LOCK_UN)
        with db.write(impatient, ORIGIN) as tx:
            tx.insert("moods", {"name": "Calm", "factor": 5})


def test_a_writer_that_does_not_queue_is_waited_for_too(impatient: sqlite3.Connection, db_path: str) -> None:
    """By SQLite itself; where the lock file cannot be made that is all there is."""
    other = sqlite3.connect(db_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    os.mkdir(f"{db_path}-lock")
    with pytest.raises(sqlite3.OperationalError) as caught, db.write(impatient, ORIGIN):
        pass
    assert trouble.explained(caught.value).message == "the database is busy"  # type: ignore[union-attr]
    other.execute("ROLLBACK")
    other.close()
    with db.write(impatient, ORIGIN) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})


def test_readers_never_wait(impatient: sqlite3.Connection, db_path: str) -> None:
    """They see what was before."""
    with db.write(impatient, ORIGIN) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
        reader = db.connect(db_path, wait=0.05)
        assert reader.execute("SELECT count(*) FROM moods").fetchone()[0] == 5
        reader.close()


def test_a_read_only_database_is_read_and_not_written(conn: sqlite3.Connection) -> None:
    """It says so."""
    conn.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError) as caught, db.write(conn, ORIGIN) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
    assert trouble.explained(caught.value).message == "the database is read-only"  # type: ignore[union-attr]
    assert not conn.in_transaction


ADDER = """
import sys
from crmcli import db
from crmcli.model import Origin
conn = db.connect(sys.argv[1])
for number in range(20):
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        tx.insert("moods", {"name": f"{sys.argv[2]} {number}", "factor": 1})
"""


def test_many_writers_at_once_all_get_through(db_path: str) -> None:
    """Each of their changes in a set of its own."""
    running = [subprocess.Popen([sys.executable, "-c", ADDER, db_path, name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    conn = db.connect(db_path)
    assert conn.execute("SELECT count(*) FROM moods").fetchone()[0] == 65
    assert conn.execute("SELECT count(*), max(id) FROM change_sets WHERE source = 'cli'").fetchone()[0] == 60
    assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    conn.close()
