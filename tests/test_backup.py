"""crm backup and crm restore: while others write and read, over damaged files, and of files that are no backups."""

from __future__ import annotations

import gc
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crmcli import backup, db, outbox, readonly, turns, verify
from crmcli.model import Row
from tests.cli.world import a_case, write
from tests.conftest import NOW, Run

Crm = Callable[..., Run]

STAMP = "20260302T090000Z"
MAIL: Row = {
    "kind": "thanks",
    "cause": "test",
    "recipient": "joe@acme.example",
    "envelope_from": "",
    "subject": "Hello",
    "bytes": b"x",
}


def names(path: str) -> list[str]:
    """The cases of a database."""
    conn = sqlite3.connect(path)
    try:
        return [row[0] for row in conn.execute("SELECT name FROM cases ORDER BY id")]
    finally:
        conn.close()


def folder(path: str | Path) -> set[str]:
    """The files in a folder, those of SQLite's own left out."""
    return {name for name in os.listdir(path) if not name.endswith(("-wal", "-shm", "-lock"))}


def alone(conn: sqlite3.Connection) -> None:
    """Nobody has the database open: neither this connection nor those that runs of this process have left."""
    conn.close()
    gc.collect()


# Backup -----------------------------------------------------------------------------------------------


def test_a_backup_stands_beside_the_database_with_the_time_in_its_name(crm: Crm, conn: sqlite3.Connection, db_path: str) -> None:
    """One file, sound, readable by its owner only; its name is printed."""
    a_case(conn)
    made = crm("backup")
    assert made == (0, f"{db_path}.backup-{STAMP}\n", "")
    file = made.out.strip()
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert names(file) == ["Pump broken"]
    assert list(verify.verify(readonly.connect(file), NOW)) == []
    assert folder(os.path.dirname(db_path)) == {"crm.db", f"crm.db.backup-{STAMP}"}


def test_a_backup_goes_where_it_is_told(crm: Crm, db_path: str, tmp_path: Path) -> None:
    """To a file, or into a folder; JSON tells what was made, -q nothing, -n makes nothing."""
    (tmp_path / "safe").mkdir()
    assert crm("backup", str(tmp_path / "safe"), "-n").out == ""
    assert folder(tmp_path / "safe") == set()
    told = crm("backup", str(tmp_path / "safe" / "one.db"), "-o", "json").json()
    assert told == {
        "file": f"{tmp_path}/safe/one.db",
        "size": os.path.getsize(tmp_path / "safe" / "one.db"),
        "cases": 0,
        "removed": [],
    }
    assert crm("backup", str(tmp_path / "safe"), "-q") == (0, "", "")
    assert folder(tmp_path / "safe") == {"one.db", f"crm.db.backup-{STAMP}"}


def test_only_so_many_backups_of_ours_are_kept(crm: Crm, tmp_path: Path) -> None:
    """Nothing else in the folder is touched, whatever its name."""
    safe = tmp_path / "safe"
    others = [
        "crm.db.backup-old",
        "crm.db.backup-20250101T000000Z.txt",
        "other.db.backup-20250101T000000Z",
        "xcrm.db.backup-20250101T000000Z",
    ]
    safe.mkdir()
    for name in others:
        (safe / name).touch()
    (safe / "crm.db.backup-20240101T000000Z").mkdir()
    (safe / "crm.db.backup-20240102T000000Z").symlink_to(tmp_path / "crm.db")
    kept = {*others, "crm.db.backup-20240101T000000Z", "crm.db.backup-20240102T000000Z"}
    for day in range(1, 6):
        assert crm("backup", str(safe), "--keep", "3", now=f"2026-03-0{day}T00:00:00Z").exit == 0
    assert folder(safe) == {*kept, *(f"crm.db.backup-2026030{day}T000000Z" for day in (3, 4, 5))}
    assert crm("backup", str(safe), "--keep", "1", now="2020-01-01T00:00:00Z").exit == 0
    assert folder(safe) == {*kept, "crm.db.backup-20200101T000000Z"}
    assert crm("backup", str(safe / "x.db"), "--keep", "1").exit == 2


def test_nothing_is_overwritten_without_a_word(crm: Crm, db_path: str, tmp_path: Path) -> None:
    """And never the database itself, by any name."""
    other = tmp_path / "letter.txt"
    other.write_text("Dear Joe")
    refused = crm("backup", str(other))
    assert refused.exit == 2
    assert "--yes" in refused.err
    assert other.read_text() == "Dear Joe"
    assert crm("backup", str(other), "-y").exit == 0
    (tmp_path / "link.db").symlink_to(db_path)
    for name in ("crm.db", "link.db", "crm.db-wal", "crm.db-lock"):
        assert crm("backup", str(tmp_path / name), "-y").exit == 2
    assert crm("backup", str(tmp_path / "no" / "folder" / "x.db")).exit == 75
    assert folder(tmp_path) == {"crm.db", "letter.txt", "link.db"}


def test_a_backup_of_a_damaged_database_is_none(crm: Crm, conn: sqlite3.Connection, db_path: str) -> None:
    """Good backups are not pruned for it, and nothing is left of it."""
    a_case(conn)
    assert crm("backup", now="2026-03-01T00:00:00Z").exit == 0
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute("UPDATE cases SET partner_id = 99")
    refused = crm("backup", "--keep", "1")
    assert refused.exit == 1
    assert "cases 1 refers to one of partners that is not there" in refused.err
    assert folder(os.path.dirname(db_path)) == {"crm.db", "crm.db.backup-20260301T000000Z"}


WRITER = """
import sys
from crmcli import db
from crmcli.execute import execute
from crmcli.model import Add, Origin
conn = db.connect(sys.argv[1])
print("ready", flush=True)
for number in range(100000):
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli", "test")) as tx:
        execute(tx, Add({"name": f"case {number}"}))
"""


def test_a_backup_is_of_one_moment_while_another_process_writes(crm: Crm, db_path: str) -> None:
    """The writer goes on, and every copy is sound and whole: cases, their spans, their journal."""
    with subprocess.Popen([sys.executable, "-c", WRITER, db_path], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout and writer.stdout.readline() == b"ready\n"
            counts = []
            for second in range(5):
                made = crm("backup", now=f"2026-03-02T09:00:0{second}Z")
                assert made.exit == 0, made.err
                assert list(verify.verify(readonly.connect(made.out.strip()), NOW)) == []
                counts.append(len(names(made.out.strip())))
            assert writer.poll() is None
        finally:
            writer.kill()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


# Restore ----------------------------------------------------------------------------------------------


@pytest.fixture(name="saved")
def _saved(crm: Crm, conn: sqlite3.Connection) -> str:
    """A backup of a database with one case and a mail that waits; since then a second case was added and the first renamed."""
    a_case(conn)
    write(conn, lambda tx: outbox.add(tx, {**MAIL, "message_id": "<1@us>"}))
    file = crm("backup").out.strip()
    a_case(conn, name="Since then")
    assert crm("case", "edit", "1", "--name", "Renamed").exit == 0
    return file


def test_a_restore_brings_back_what_was_and_keeps_what_stood_there(crm: Crm, saved: str, db_path: str) -> None:
    """Mail that waits is held; the file kept is a sound database itself."""
    done = crm("restore", saved, "-y")
    assert (done.exit, done.out) == (0, "")
    assert f"what stood there is {db_path}.before-restore" in done.err
    assert "1 mails are held" in done.err
    assert names(db_path) == ["Pump broken"]
    assert names(f"{db_path}.before-restore") == ["Renamed", "Since then"]
    assert stat.S_IMODE(os.stat(f"{db_path}.before-restore").st_mode) == 0o600
    rows = crm("mail", "outbox", "list", "-o", "json").json()
    assert [(row["state"], row["next_at"], row["error"]) for row in rows] == [
        ("held", None, "held after a restore: it may have been sent already")
    ]
    for path in (db_path, f"{db_path}.before-restore"):
        assert list(verify.verify(readonly.connect(path), NOW)) == []
    assert crm("case", "edit", "1", "--name", "Works").exit == 0
    assert crm("restore", f"{db_path}.before-restore", "-y", "-o", "json").json() == {
        "db": db_path, "file": f"{db_path}.before-restore", "kept": f"{db_path}.before-restore-2", "held": 1, "faults": 0,
    }  # fmt: skip
    assert names(db_path) == ["Renamed", "Since then"]
    assert folder(os.path.dirname(db_path)) == {
        "crm.db",
        os.path.basename(saved),
        "crm.db.before-restore",
        "crm.db.before-restore-2",
    }


def test_no_number_is_given_twice_after_a_restore(crm: Crm, saved: str) -> None:
    """A mail about the lost case 2 must not be answered into another case 2."""
    assert crm("restore", saved, "-y").exit == 0
    assert crm("case", "add", "New", "--section", "support").out == "3\n"
    steps = [row["step"] for row in crm("changes", "-o", "json").json()]
    assert len(set(steps)) == len(dict.fromkeys(steps))
    assert crm("verify").exit == 0


def test_a_restore_asks_and_can_be_tried(crm: Crm, saved: str, db_path: str) -> None:
    """Without a terminal it takes --yes; -n changes nothing and leaves nothing."""
    before = folder(os.path.dirname(db_path))
    assert crm("restore", saved).exit == 2
    tried = crm("restore", saved, "-n")
    assert (tried.exit, tried.out) == (0, "")
    assert "is sound, and 1 mails would be held" in tried.err
    assert names(db_path) == ["Renamed", "Since then"]
    assert folder(os.path.dirname(db_path)) == before


def test_whoever_has_it_open_sees_one_or_the_other(crm: Crm, saved: str, db_path: str) -> None:
    """A reader keeps its moment, then reads and writes what was restored; nobody's log is played into the wrong file."""
    reader, writer = db.connect(db_path), db.connect(db_path)
    reader.execute("BEGIN")
    assert [row[0] for row in reader.execute("SELECT name FROM cases ORDER BY id")] == ["Renamed", "Since then"]
    assert crm("restore", saved, "-y").exit == 0
    assert [row[0] for row in reader.execute("SELECT name FROM cases ORDER BY id")] == ["Renamed", "Since then"]
    reader.execute("COMMIT")
    assert [row[0] for row in reader.execute("SELECT name FROM cases ORDER BY id")] == ["Pump broken"]
    a_case(writer, name="After")
    assert [row[0] for row in reader.execute("SELECT name FROM cases ORDER BY id")] == ["Pump broken", "After"]
    assert reader.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    reader.close()
    writer.close()
    assert crm("verify").exit == 0


def test_a_restore_waits_its_turn(crm: Crm, saved: str, db_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another tool holds the database for too long, nothing is changed."""
    monkeypatch.setattr(turns, "WAIT", 0.5)
    other = sqlite3.connect(db_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    busy = crm("restore", saved, "-y")
    assert busy.exit == 75
    assert "busy" in busy.err
    other.execute("ROLLBACK")
    assert names(db_path) == ["Renamed", "Since then"]


@pytest.mark.parametrize("kind", ["text", "empty", "head", "half", "missing", "missing with a log"])
def test_a_database_that_cannot_be_read_is_replaced_and_put_aside(
    crm: Crm, conn: sqlite3.Connection, saved: str, db_path: str, kind: str
) -> None:
    """That is when a restore is needed; the log that belonged to it does not get into the new one."""
    alone(conn)
    path, log = Path(db_path), Path(f"{db_path}-wal")
    writer = sqlite3.connect(db_path)
    writer.execute("UPDATE cases SET name = 'only in the log'")
    writer.commit()
    left = log.read_bytes()
    assert left
    writer.close()
    whole = path.read_bytes()
    damaged = {"text": b"Dear Sir or Madam\n" * 99, "empty": b"", "head": whole[:100], "half": whole[: len(whole) // 8192 * 4096]}
    if kind.startswith("missing"):
        path.unlink()
    else:
        path.write_bytes(damaged[kind])
    if kind in ("text", "missing with a log"):
        log.write_bytes(left)
    assert crm("restore", saved, "-y").exit == 0
    assert names(db_path) == ["Pump broken"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 or kind in damaged
    assert crm("verify").exit == 0
    kept = Path(f"{db_path}.before-restore")
    assert kept.exists() == (kind in damaged)
    if kind in ("text", "head", "half"):
        assert kept.read_bytes() == damaged[kind]


def _evil(path: Path) -> None:
    """A backup with a trigger that would run at the first case."""
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TRIGGER evil AFTER UPDATE ON outbox BEGIN DELETE FROM cases; END")


def _changed_view(path: Path) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute("DROP VIEW v_cases")
        conn.execute("CREATE VIEW v_cases AS SELECT hex(key) AS name FROM mail_keys")


def _broken_reference(path: Path) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE cases SET partner_id = 99")


def _other(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE cases (id)")


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA user_version = 999")


SPOILERS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("Dear Sir or Madam\n" * 99),
    "head": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "half": lambda path: path.write_bytes(path.read_bytes()[:200_000]),
    "rubbish inside": lambda path: path.write_bytes(
        path.read_bytes()[:81_920] + b"\xde\xad" * 40_000 + path.read_bytes()[161_920:]
    ),
    "other": _other,
    "newer": _newer,
    "evil trigger": _evil,
    "changed view": _changed_view,
    "broken reference": _broken_reference,
}


@pytest.mark.parametrize("kind", SPOILERS)
def test_what_is_no_sound_backup_is_refused_and_nothing_changes(crm: Crm, saved: str, db_path: str, kind: str) -> None:
    """Before anything is written; one sentence, and nothing left lying about."""
    SPOILERS[kind](Path(saved))
    before = folder(os.path.dirname(db_path))
    refused = crm("restore", saved, "-y")
    assert refused.exit in (1, 75)
    assert refused.err.startswith("crm: ") and "Traceback" not in refused.err
    assert names(db_path) == ["Renamed", "Since then"]
    assert folder(os.path.dirname(db_path)) == before


def test_what_is_no_backup_at_all_is_refused(crm: Crm, saved: str, db_path: str, tmp_path: Path) -> None:
    """No file, a folder, the database itself; and another program's database is not overwritten."""
    assert crm("restore", str(tmp_path / "no"), "-y").exit == 3
    assert crm("restore", str(tmp_path), "-y").exit == 3
    assert crm("restore", db_path, "-y").exit == 2
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as conn:
        conn.execute("CREATE TABLE precious (id)")
    refused = crm("restore", saved, "-y", db=str(other))
    assert (refused.exit, "another program" in refused.err) == (1, True)


def test_a_backup_with_small_faults_is_restored_and_told_of(crm: Crm, saved: str, db_path: str) -> None:
    """It may be the only one."""
    with sqlite3.connect(saved) as conn:
        conn.execute("DROP TRIGGER journal_cases_update")
        conn.execute("UPDATE cases SET name = 'by hand'")
        sql = sqlite3.connect(db_path).execute("SELECT sql FROM sqlite_schema WHERE name = 'journal_cases_update'").fetchone()[0]
        conn.execute(sql)
    done = crm("restore", saved, "-y")
    assert done.exit == 0
    assert "other things are wrong in it: crm verify" in done.err
    assert names(db_path) == ["by hand"]


def test_a_database_of_another_page_size_is_restored_too(crm: Crm, conn: sqlite3.Connection, saved: str, db_path: str) -> None:
    """Somebody vacuumed it."""
    alone(conn)
    conn = sqlite3.connect(db_path, isolation_level=None)
    for pragma in ("journal_mode = DELETE", "page_size = 1024"):
        conn.execute(f"PRAGMA {pragma}")
    conn.execute("VACUUM")
    conn.execute("PRAGMA journal_mode = WAL")
    conn.close()
    assert crm("restore", saved, "-y").exit == 0
    assert names(db_path) == ["Pump broken"]
    assert crm("verify").exit == 0


def test_a_backup_that_is_shared_stays_its_owners(crm: Crm, saved: str, db_path: str) -> None:
    """The database keeps its own rights through a restore."""
    os.chmod(db_path, 0o660)
    assert crm("restore", saved, "-y").exit == 0
    assert stat.S_IMODE(os.stat(db_path).st_mode) == 0o660


def test_a_killed_backup_leaves_no_file_under_its_name(db_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is given last."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "settle", stopped)
    with pytest.raises(KeyboardInterrupt):
        backup.make(db_path, str(tmp_path / "one.db"))
    assert folder(tmp_path) == {"crm.db"}
