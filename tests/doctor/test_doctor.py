"""crm doctor: each thing that can be wrong with a site is told as bad or warned of, with what to do; --fix mends what is safe."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from crmcli import outbox, settings
from crmcli.doctor import place
from crmcli.doctor.place import mounted
from tests.cli.world import a_case, write
from tests.conftest import NOW, Run

Crm = Callable[..., Run]

MAIL = {"kind": "thanks", "cause": "t", "recipient": "joe@acme.example", "envelope_from": "", "subject": "s", "bytes": b"x"}
CAME = b"From: Joe <joe@acme.example>\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n\nIt broke.\n"
LATER = "2026-03-09T09:00:00Z"


class Told(NamedTuple):
    """What the doctor said: exit code, and the lines of each check as (state, what, todo)."""

    exit: int
    lines: dict[str, list[tuple[str, str, str]]]

    def state(self, check: str) -> str:
        """The worst that was said of a check."""
        return max((line[0] for line in self.lines[check]), key=("ok", "warn", "bad").index)

    def words(self, check: str) -> str:
        """All that was said of a check."""
        return "; ".join(" ".join(line) for line in self.lines[check])


@pytest.fixture(name="doctor")
def _doctor(crm: Crm, db_path: str) -> Callable[..., Told]:
    """Ask the doctor and read the lines; the folder is private, as crm init makes it."""
    os.chmod(db_path, 0o600)
    os.chmod(os.path.dirname(db_path), 0o700)

    def ask(*options: str, **world: Any) -> Told:
        done = crm("doctor", *options, "-o", "json", **world)
        assert done.out, done.err
        lines: dict[str, list[tuple[str, str, str]]] = {}
        for row in done.json():
            assert list(row) == ["check", "state", "what", "todo"]
            assert row["todo"] or row["state"] == "ok", row
            lines.setdefault(row["check"], []).append((row["state"], row["what"], row["todo"] or ""))
        bad = any(line[0] == "bad" for found in lines.values() for line in found)
        assert done.exit == int(bad)
        return Told(done.exit, lines)

    return ask


Doctor = Callable[..., Told]


def put(conn: sqlite3.Connection, **values: str) -> None:
    """Settings as they would be after some mishap: unchecked."""
    write(conn, lambda tx: [settings.put(tx, key, value) for key, value in values.items()])


def mail(conn: sqlite3.Connection, held: str = "", **values: Any) -> int:
    """A mail in the outbox of a week ago, changed afterwards."""
    number = write(
        conn, lambda tx: outbox.add(tx, {**MAIL, "message_id": f"<{os.urandom(4).hex()}@us>"}, held), now="2026-02-23T09:00:00Z"
    )
    for name, value in values.items():
        conn.execute(f"UPDATE outbox SET {name} = ? WHERE id = ?", (value, number))
    return int(number)


def test_a_sound_site_is_told_to_be_so(doctor: Doctor, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """Every line ok; a line for each thing."""
    put(conn, transport=f"maildir:{tmp_path}/out")
    told = doctor()
    assert told.exit == 0
    assert {state for found in told.lines.values() for state, _, _ in found} == {"ok"}
    assert list(told.lines) == [
        "rights", "folder", "file system", "space", "log", "database", "full text", "clock", "zone", "cron", "rules", "cases",
        "transport", "outbox", "custody",
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_terminal_gets_it_wrapped_and_not_cut(crm: Crm, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that says what to do is lost in 60 columns."""
    monkeypatch.setenv("COLUMNS", "60")
    out = crm("doctor", "-o", "table").out
    assert "…" not in out.replace("transport …, see", "")
    assert max(map(len, out.splitlines())) <= 60
    assert "→ crm config set transport" in out


# Where it stands --------------------------------------------------------------------------------------


def test_what_everybody_may_open_is_bad_and_mended(doctor: Doctor, conn: sqlite3.Connection, db_path: str) -> None:
    """The file, its log and its lock."""
    a_case(conn)
    for name in (db_path, f"{db_path}-wal", f"{db_path}-shm", f"{db_path}-lock"):
        os.chmod(name, 0o666)
    told = doctor()
    assert told.state("rights") == "bad" and f"chmod o-rwx {db_path}" in told.words("rights")
    assert doctor("--fix", "-n").state("rights") == "bad"
    mended = doctor("--fix")
    assert mended.state("rights") == "ok" and "files beside it" not in mended.lines
    assert {stat.S_IMODE(os.stat(db_path + end).st_mode) for end in ("", "-wal", "-shm", "-lock")} == {0o660}


def test_a_log_that_more_may_read_than_the_database_is_bad(doctor: Doctor, conn: sqlite3.Connection, db_path: str) -> None:
    """All that is in the database may be in its log."""
    a_case(conn)
    os.chmod(f"{db_path}-wal", 0o644)
    assert doctor().state("files beside it") == "bad"
    assert "files beside it" not in doctor("--fix").lines


def test_a_shared_database_needs_a_shared_folder(doctor: Doctor, conn: sqlite3.Connection, db_path: str) -> None:
    """With the group's right to make files there, of the same group."""
    os.chmod(db_path, 0o660)
    folder = os.path.dirname(db_path)
    os.chmod(folder, 0o750)
    assert doctor().state("folder") == "bad"
    os.chmod(folder, 0o770)
    assert (doctor().state("folder"), "chmod g+s" in doctor().words("folder")) == ("warn", True)
    os.chmod(folder, 0o2770)
    assert doctor().state("folder") == "ok"
    os.chmod(folder, 0o777)
    assert "everybody may replace" in doctor().words("folder")
    os.chmod(db_path, 0o640)
    assert doctor().state("rights") == "warn"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_may_not_be_written_is_bad(doctor: Doctor, db_path: str) -> None:
    """The folder, for one."""
    os.chmod(os.path.dirname(db_path), 0o500)
    assert doctor().state("folder") == "bad"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "ceph", "lustre"])
def test_a_network_file_system_is_bad_without_force(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """By the table of mounts."""
    table = tmp_path / "mounts"
    table.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(place, "MOUNTS", str(table))
    assert doctor().state("file system") == "bad"
    assert doctor("--force").state("file system") == "warn"
    monkeypatch.setattr(place, "MOUNTS", str(tmp_path / "none"))
    assert doctor().state("file system") == "warn"


def test_the_mount_that_holds_a_path_is_the_longest_and_the_last() -> None:
    """Names with blanks are escaped in the table; a name that only begins alike is none."""
    table = (
        "/dev/a / ext4 rw 0 0\n/dev/b /var ext4 rw 0 0\nserver:/crm /var/lib/my\\040crm nfs4 rw 0 0\n"
        "rubbish\n/dev/c /var/lib btrfs rw 0 0\n/dev/d /mnt ext4 rw 0 0\ntmp /mnt tmpfs rw 0 0\n"
    )
    for path, wanted in (
        ("/var/lib/my crm/x", ("nfs4", "/var/lib/my crm")),
        ("/var/lib/my crm2", ("btrfs", "/var/lib")),
        ("/variety", ("ext4", "/")),
        ("/mnt", ("tmpfs", "/mnt")),
        ("/", ("ext4", "/")),
    ):
        assert mounted(path, table) == wanted
    assert mounted("/x", "") == ("", "")


def test_little_space_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """None left is bad, no room for a backup is warned of."""
    for free, state in ((10 * 2**20, "bad"), (place.LITTLE_SPACE + 1000, "warn"), (2**34, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: shutil._ntuple_diskusage(2**40, 0, free))
        assert doctor().state("space") == state


def test_a_log_that_only_grows_is_told_and_emptied(
    doctor: Doctor, conn: sqlite3.Connection, db_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody reads for ever: then it says so."""
    monkeypatch.setattr(place, "LARGE_LOG", 1000)
    conn.execute("PRAGMA wal_autocheckpoint = 0")
    for number in range(400):
        conn.execute("INSERT INTO canned_replies (name, text) VALUES (?, ?)", (str(number), "x" * 900))
    assert doctor().state("log") == "warn"
    assert doctor("--fix").state("log") == "ok"


# The work ---------------------------------------------------------------------------------------------


def test_a_database_with_parts_missing_is_bad(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """The quick half of verify."""
    conn.execute("DROP TRIGGER journal_cases_update")
    assert (doctor().state("database"), "journal_cases_update is missing" in doctor().words("database")) == ("bad", True)


def test_an_index_of_full_text_that_lies_is_made_anew(crm: Crm, doctor: Doctor, conn: sqlite3.Connection) -> None:
    """Afterwards everything is found again, letters of scripts without blanks too."""
    a_case(conn, description="水泵坏了")
    conn.execute("INSERT INTO texts (texts) VALUES ('delete-all')")
    conn.execute("INSERT INTO texts (rowid, text) VALUES (4000, 'ghost')")
    assert doctor().state("full text") == "bad"
    assert doctor("--fix").state("full text") == "ok"
    assert crm("case", "list", "pump", "--columns", "id").out == "id\n1\n"
    assert crm("case", "list", "水泵", "--columns", "id").out == "id\n1\n"


def test_a_clock_that_was_set_back_is_bad(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """The newest change is of the future."""
    conn.execute("INSERT INTO change_sets (step, at, true_at, source) VALUES (1, ?, '2999-01-01T00:00:00Z', 'cli')", (NOW,))
    assert doctor().state("clock") == "bad"


def test_a_zone_that_is_unknown_here_is_bad(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """tzdata may be missing."""
    put(conn, zone="Mars/Base")
    assert doctor().state("zone") == "bad"


def test_cron_must_run_as_often_as_the_rules_count(crm: Crm, doctor: Doctor, conn: sqlite3.Connection) -> None:
    """Late is warned of, very late is bad; without rules nothing is needed."""
    assert doctor(now=LATER).state("cron") == "ok"
    assert crm("rule", "add", "Late", "--date-type", "deadline", "--delay", "15min", "--set-priority", "1").exit == 0
    assert doctor().state("cron") == "ok"
    assert doctor(now="2026-03-02T09:30:00Z").state("cron") == "warn"
    assert (doctor(now=LATER).state("cron"), "15 minutes" in doctor(now=LATER).words("cron")) == ("bad", True)
    assert crm("run-rules", now=LATER).exit == 0
    assert doctor(now=LATER).state("cron") == "ok"
    assert crm("rule", "archive", "Late").exit == 0
    assert doctor(now="2027-01-01T00:00:00Z").state("cron") == "ok"


def test_rules_that_are_overdue_or_failed_are_told(crm: Crm, doctor: Doctor, conn: sqlite3.Connection) -> None:
    """With the name of the rule and why."""
    assert crm("rule", "add", "Late", "--date-type", "deadline", "--set-priority", "1").exit == 0
    assert crm("case", "add", "Pump", "--section", "support", "--deadline", "2026-03-03").exit == 0
    assert doctor(now="2026-03-04T00:30:00Z").state("rules") == "ok"
    assert (doctor(now=LATER).state("rules"), "1 firing overdue" in doctor(now=LATER).words("rules")) == ("bad", True)
    assert crm("run-rules", now=LATER).exit == 0
    assert doctor(now=LATER).state("rules") == "ok"
    conn.execute("UPDATE rule_firings SET state = 'failed', reason = 'no address'")
    told = doctor(now=LATER)
    assert (told.state("rules"), "Late failed for 1 case: no address" in told.words("rules")) == ("warn", True)


def test_cases_on_nobodys_list_are_told(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """Of people who have left, and in archived sections."""
    a_case(conn, "open", user_id=1)
    a_case(conn, "done", user_id=1)
    assert doctor().state("cases") == "ok"
    write(conn, lambda tx: (tx.update("users", 1, {"active": 0}), tx.update("sections", 1, {"active": 0})))
    told = doctor(user=None)
    assert told.words("cases").count("1 unclosed case") == 2
    assert told.state("cases") == "warn"


# Mail -------------------------------------------------------------------------------------------------


def test_the_way_out_is_tried_without_a_mail(doctor: Doctor, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """Set, sensible and there, of every kind."""
    program, secret, open_secret = tmp_path / "sendmail", tmp_path / "secret", tmp_path / "open"
    for file, mode in ((program, 0o755), (secret, 0o600), (open_secret, 0o644)):
        file.write_text("word\n")
        file.chmod(mode)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        port, nobody = server.getsockname()[1], closed.getsockname()[1]
        closed.close()
        for spec, password, state in (
            ("", "", "warn"),
            (f"sendmail:{program}", "", "ok"),
            (f"sendmail:{secret}", "", "bad"),
            ("sendmail:/no/such", "", "bad"),
            (f"maildir:{tmp_path}/a/b", "", "ok"),
            (f"maildir:{program}", "", "bad"),
            (f"smtp://127.0.0.1:{port}", "", "ok"),
            (f"smtp://127.0.0.1:{nobody}", "", "bad"),
            (f"smtp://me@127.0.0.1:{port}", "", "bad"),
            (f"smtp://me@127.0.0.1:{port}", str(secret), "ok"),
            (f"smtp://me@127.0.0.1:{port}", str(open_secret), "bad"),
            (f"smtp://me:word@127.0.0.1:{port}", "", "bad"),
            ("smtp://", "", "bad"),
            ("pigeon:x", "", "bad"),
        ):
            put(conn, transport=spec, smtp_password_file=password)
            assert doctor().state("transport") == state, spec
    put(conn, transport="")
    mail(conn)
    assert doctor().state("transport") == "bad"


def test_mail_that_does_not_leave_is_told(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """Each in its own line, with the command for it."""
    assert doctor().state("outbox") == "ok"
    mail(conn, held="held by hand")
    mail(conn, state="failed", error="no such user", next_at=None)
    told = doctor()
    assert (told.state("outbox"), told.words("outbox").count("1 mail")) == ("warn", 2)
    mail(conn)
    assert "1 mail wait for more than a day, the first since 2026-02-23" in doctor().words("outbox")
    mail(conn, error="transport: no route", next_at="2026-03-02T10:00:00Z")
    told = doctor()
    assert (told.state("outbox"), "paused until 2026-03-02T10:00:00Z: no route" in told.words("outbox")) == ("bad", True)
    conn.execute("UPDATE mail_keys SET retired_at = ?", (NOW,))
    assert doctor().state("mail keys") == "bad"


def test_mail_that_a_dead_sender_had_is_let_go(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """Only where its lease has run out."""
    dead = mail(conn, state="sending", owner="us 1", lease_until="2026-03-01T00:00:00Z")
    alive = mail(conn, state="sending", owner="us 2", lease_until="2026-03-02T09:05:00Z")
    assert "1 mail left by a sender that died" in doctor().words("outbox")
    doctor("--fix")
    states = dict(conn.execute("SELECT id, state FROM outbox").fetchall())
    assert (states[dead], states[alive]) == ("queued", "sending")


def test_mail_that_was_taken_and_not_handled_is_handled(crm: Crm, doctor: Doctor, conn: sqlite3.Connection) -> None:
    """As the next ingest would."""
    assert crm("ingest", stdin=CAME, user=None).exit == 0
    conn.execute("DELETE FROM cases")
    conn.execute("DELETE FROM deliveries")
    conn.execute("DELETE FROM messages")
    sha256 = conn.execute("SELECT sha256 FROM raw_messages").fetchone()[0]
    conn.execute(
        "INSERT INTO deliveries (sha256, core_sha256, route, recipient, received_at, state, lease_until)"
        " VALUES (?, 'x', 'support@us.example', 'support@us.example', ?, 'received', '2026-03-01T00:00:00Z')",
        (sha256, NOW),
    )
    assert doctor().state("custody") == "bad"
    assert doctor("--fix").state("custody") == "ok"
    assert [row[0] for row in conn.execute("SELECT name FROM cases")] == ["Pump"]
    conn.execute("UPDATE deliveries SET state = 'triage'")
    assert doctor().state("custody") == "warn"


def test_fix_lets_sqlite_know_what_is_there(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """And says what was mended."""
    a_case(conn)
    doctor("--fix")
    assert conn.execute("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'cases'").fetchone()[0]
    assert doctor().state("database") == "ok"


# The pipe ---------------------------------------------------------------------------------------------


def test_the_mail_servers_side_is_looked_at_and_nothing_is_written(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """A mail to every address is rehearsed."""
    write(conn, lambda tx: tx.insert("sections", {"name": "Sales", "reply_to": "sales@us.example"}))
    before = list(conn.iterdump())
    told = doctor("--pipe")
    assert [line[:2] for line in told.lines["trial"]] == [
        ("ok", "a mail to support@us.example opens a case in Support"),
        ("ok", "a mail to sales@us.example opens a case in Sales"),
    ]
    assert "can write the database" in told.words("writers")
    assert list(conn.iterdump()) == before


def test_without_an_address_no_mail_can_come(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """It says how to give one."""
    write(conn, lambda tx: tx.update("sections", 1, {"reply_to": None}))
    told = doctor("--pipe")
    assert (told.state("addresses"), "--reply-to" in told.words("addresses")) == ("bad", True)


def test_a_mail_that_could_not_be_taken_is_told(doctor: Doctor, conn: sqlite3.Connection) -> None:
    """As the mail server would learn it, too late."""
    refuse = "CREATE TRIGGER {0} BEFORE INSERT ON {0} BEGIN SELECT RAISE(ABORT, 'no more of them'); END"
    conn.execute(refuse.format("cases"))
    told = doctor("--pipe")
    assert (told.state("trial"), "would go to triage: no more of them" in told.words("trial")) == ("warn", True)
    conn.execute(refuse.format("deliveries"))
    told = doctor("--pipe")
    assert (told.state("trial"), "would be kept back: no more of them" in told.words("trial")) == ("bad", True)


def test_the_program_of_the_pipe_must_be_found(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On the PATH that the mail server has; beside Python it is only warned of."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "elsewhere" / "python"))
    assert doctor("--pipe").state("pipe") == "bad"
    for name in ("crm-pipe", "crm"):
        file = tmp_path / "bin" / name
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    assert doctor("--pipe").state("pipe") == "ok"
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert doctor("--pipe").state("pipe") == "warn"
    (tmp_path / "bin" / "crm").unlink()
    assert doctor("--pipe").state("pipe") == "bad"


def test_a_group_that_cannot_reach_the_database_cannot_write_it(doctor: Doctor, db_path: str, tmp_path: Path) -> None:
    """Every folder on the way must let it pass."""
    os.chmod(db_path, 0o660)
    os.chmod(tmp_path, 0o2770)
    os.chmod(tmp_path.parent, 0o700)
    told = doctor("--pipe")
    assert (told.state("writers"), f"cannot pass {tmp_path.parent}" in told.words("writers")) == ("bad", True)
