"""From an older schema to the current one, with a second step made up for the purpose."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from crmcli import db, journal, migrations, replay, resources, undo
from crmcli.model import Origin
from tests.cli.world import dump

STEP = """\
-- a step may say more than one thing
ALTER TABLE moods ADD COLUMN colour TEXT;
CREATE TABLE hues (id INTEGER PRIMARY KEY, name TEXT) STRICT;
CREATE TRIGGER hues_named AFTER INSERT ON hues BEGIN
  UPDATE hues SET name = 'none; yet' WHERE id = NEW.id AND name IS NULL;
END;
INSERT INTO hues (id) VALUES (1)"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> str:
    """A folder of steps with step 2."""
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "0002.sql").write_text(STEP)
    return str(folder)


def schema(conn: sqlite3.Connection) -> dict[str, str]:
    """Every object of the schema by its name."""
    return {row["name"]: row["sql"] for row in conn.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")}


def version(conn: sqlite3.Connection) -> int:
    """The number of the schema."""
    return int(conn.execute("PRAGMA user_version").fetchone()[0])


def test_a_step_is_done_whole_and_the_journal_follows_the_columns(conn: sqlite3.Connection, db_path: str, folder: str) -> None:
    """What was there stays, also the last statement without its semicolon."""
    before = conn.execute("SELECT * FROM sections").fetchall()
    migrations.migrate(conn, db_path, folder, 2)
    assert version(conn) == 2
    assert conn.execute("SELECT name FROM hues").fetchone()[0] == "none; yet"
    assert conn.execute("SELECT * FROM sections").fetchall() == before
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        tx.update("moods", 1, {"colour": "red"})
    assert conn.execute("SELECT new FROM changes ORDER BY id DESC LIMIT 1").fetchone()[0] == """{"colour":"'red'"}"""
    assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_a_backup_of_the_file_as_it_was_is_made_first(conn: sqlite3.Connection, db_path: str, folder: str) -> None:
    """With what is still in the write-ahead log, and the rights of the file."""
    os.chmod(db_path, 0o640)
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        tx.insert("moods", {"name": "Calm", "factor": 5})
    before = dump(conn)
    migrations.migrate(conn, db_path, folder, 2)
    copy = db.connect(f"{db_path}.v1")
    assert (version(copy), dump(copy)) == (1, before)
    copy.close()
    assert os.stat(f"{db_path}.v1").st_mode & 0o777 == 0o640
    assert not os.path.exists(f"{db_path}.v1-half")


def test_the_journal_is_folded_from_the_rows_as_the_step_left_them(conn: sqlite3.Connection, db_path: str, folder: str) -> None:
    """What the step wrote, added or took away is no difference; a hand that goes round the journal afterwards is."""
    Path(folder, "0002.sql").write_text(
        "ALTER TABLE moods ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';\n"
        "UPDATE moods SET factor = factor + 0.1;\n"
        "DELETE FROM channels WHERE id = 2;\n"
        "INSERT INTO channels (name) VALUES ('fax');\n"
    )
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        tx.update("moods", 1, {"factor": 2.5})
    migrations.migrate(conn, db_path, folder, 2)
    assert list(replay.differences(conn)) == []
    with db.write(conn, Origin("2026-03-02T10:00:00Z", 1, "cli")) as tx:
        tx.update("moods", 2, {"colour": "red"})
        tx.insert("channels", {"name": "letter"})
        tx.run("DELETE FROM channels WHERE id = 1")
    assert list(replay.differences(conn)) == []
    undo_step = conn.execute("SELECT max(step) FROM change_sets").fetchone()[0]
    with db.write(conn, Origin("2026-03-02T11:00:00Z", 1, "undo")) as tx:
        undo.undo(tx, undo_step)
    assert list(replay.differences(conn)) == []
    journal.drop_triggers(conn)
    conn.execute("UPDATE moods SET colour = 'blue' WHERE id = 3")
    assert [tuple(found) for found in replay.differences(conn)] == [("moods", 3, "colour is 'blue', by the journal 'grey'")]


@pytest.mark.parametrize(
    "broken",
    [
        "CREATE TABLE hues (id INTEGER) STRICT; CREATE nonsense;",
        "UPDATE sections SET user_id = 99;",
        "CREATE TABLE hues (id",
    ],
)
def test_a_step_that_fails_leaves_the_old_version_and_all_its_triggers(
    broken: str, conn: sqlite3.Connection, db_path: str, folder: str
) -> None:
    """Also where only references would be broken; it can be tried again."""
    Path(folder, "0003.sql").write_text(broken)
    before, rows = schema(conn), dump(conn)
    with pytest.raises(sqlite3.Error):
        migrations.migrate(conn, db_path, folder, 3)
    assert (version(conn), schema(conn), dump(conn)) == (1, before, rows)
    assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    Path(folder, "0003.sql").write_text("CREATE TABLE tones (id INTEGER PRIMARY KEY) STRICT;")
    migrations.migrate(conn, db_path, folder, 3)
    assert version(conn) == 3


def test_a_step_that_is_missing_leaves_the_old_version(conn: sqlite3.Connection, db_path: str, folder: str) -> None:
    """All steps or none."""
    with pytest.raises(FileNotFoundError):
        migrations.migrate(conn, db_path, folder, 3)
    assert version(conn) == 1


MIGRATE = """
import sys
from crmcli import db, migrations
conn = db.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.read(1)
migrations.migrate(conn, sys.argv[1], sys.argv[2], 2)
print(conn.execute("SELECT count(*) FROM hues").fetchone()[0])
"""


def test_of_two_processes_at_once_the_second_finds_it_done(db_path: str, folder: str) -> None:
    """Neither fails, the step is done once, and the backup is of the old version."""
    running = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, db_path, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in "ab"
    ]
    for process in running:  # both have the file open before either goes on
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in running] == [b"1\n", b"1\n"]
    assert [process.returncode for process in running] == [0, 0]
    copy = sqlite3.connect(f"{db_path}.v1")
    assert version(copy) == 1
    copy.close()


def test_an_older_file_is_brought_up_to_date_when_it_is_opened(
    conn: sqlite3.Connection, db_path: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever command comes first."""
    conn.close()
    real = migrations.migrate
    monkeypatch.setattr(migrations, "VERSION", 2)
    monkeypatch.setattr(migrations, "migrate", lambda conn, path: real(conn, path, folder, 2))
    opened = db.connect(db_path)
    assert version(opened) == 2
    opened.close()


def test_the_schema_is_the_newest_version() -> None:
    """schema.sql and the number of the last step say the same."""
    assert f"PRAGMA user_version = {migrations.VERSION};" in resources.read("schema.sql")
    steps = sorted(name for name in os.listdir(migrations.FOLDER) if name.endswith(".sql"))
    assert steps == [f"{number:04}.sql" for number in range(2, migrations.VERSION + 1)]


def test_statements_are_split_where_they_end() -> None:
    """Not at a semicolon in a text, a comment or a trigger."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n DELETE FROM a;\nEND;"
    script = f"CREATE TABLE a (b); -- one; comment\nINSERT INTO a VALUES ('x;y');\n{trigger}"
    assert [part.strip().split("\n")[0][:12] for part in migrations.statements(script)] == [
        "CREATE TABLE",
        "INSERT INTO ",
        "CREATE TRIGG",
    ]
