"""The resident intake: a real LMTP client against the real program, killed, locked, crowded and stopped (mail.md §2)."""

from __future__ import annotations

import contextlib
import os
import signal
import smtplib
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from crmcli import db, deliveries, trouble
from crmcli.mail import group, ingest, lmtp
from crmcli.mail.envelope import Envelope
from crmcli.mail.intake import Intake
from crmcli.model import Origin
from tests.conftest import NOW, Run
from tests.mail.post import count, later, letter, one, out, setting, store
from tests.test_turns import waiting

Crm: TypeAlias = Callable[..., Run]

ROOT = Path(__file__).parents[2]
ORIGIN = Origin(NOW, None, "mail", "crm lmtp")
KEPT = (250, b"2.0.0 kept")
LATER = b", please try again later"

# The program, killed when it has done this part of its work.
KILLED = """
import os, signal, sys
from crmcli import __main__
from crmcli.mail import group
def killing(*given):
    found = work(*given)
    os.kill(os.getpid(), signal.SIGKILL)
work = group.{0}
group.{0} = killing
sys.exit(__main__.main(sys.argv[1:]))
"""


class Service(NamedTuple):
    """The program under way."""

    process: subprocess.Popen[str]
    where: str

    def client(self) -> smtplib.LMTP:
        """A mail server that has greeted."""
        if self.where.startswith("unix:"):
            client = smtplib.LMTP(self.where.removeprefix("unix:"))
        else:
            client = smtplib.LMTP("127.0.0.1", int(self.where.rpartition(":")[2]), timeout=60)
        client.ehlo()
        return client

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit code and what it said, after a signal."""
        self.process.send_signal(number)
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


@contextlib.contextmanager
def service(db_path: str, *argv: str, code: str = "", listen: str = "127.0.0.1:0") -> Iterator[Service]:
    """The program, listening; killed at the end where it still runs."""
    start = ["-c", code] if code else ["-m", "crmcli"]
    process = subprocess.Popen(
        [sys.executable, *start, "--db", db_path, "--now", NOW, "lmtp", "--listen", listen, *argv],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent"},
    )  # fmt: skip
    try:
        assert process.stderr
        said = process.stderr.readline()
        assert said.startswith("listening on "), said + process.stderr.read()
        yield Service(process, said.removeprefix("listening on ").strip())
    finally:
        process.kill()
        process.wait()
        assert process.stderr
        process.stderr.close()


@pytest.fixture(name="running")
def _running(db_path: str) -> Iterator[Service]:
    """The program, listening."""
    with service(db_path) as running:
        yield running


def hand_in(
    client: smtplib.LMTP, raw: bytes, *recipients: str, sender: str = "joe@acme.example", options: tuple[str, ...] = ()
) -> list[tuple[int, bytes]]:
    """One mail in one transaction → the answer for each recipient."""
    recipients = recipients or ("support@us.example",)
    assert client.mail(sender, options)[0] == 250
    for recipient in recipients:
        assert client.rcpt(recipient)[0] == 250
    return [client.data(raw), *(client.getreply() for _ in recipients[1:])]


def wire(raw: bytes) -> bytes:
    """The bytes as they come over the line."""
    return raw.replace(b"\n", b"\r\n")


def row(conn: sqlite3.Connection, columns: str) -> tuple[Any, ...]:
    """These columns of the only delivery."""
    return tuple(conn.execute(f"SELECT {columns} FROM deliveries").fetchone())


def done(conn: sqlite3.Connection) -> int:
    """How many deliveries have led to something."""
    return int(one(conn, "SELECT count(*) FROM deliveries WHERE state = 'done'"))


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is so; what never comes is a failure."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What is kept ------------------------------------------------------------------------------------------


def test_a_mail_is_kept_byte_for_byte_with_its_envelope(running: Service, conn: sqlite3.Connection) -> None:
    raw = wire(letter("One\n.\n..two\n" + "x" * 300_000 + "\n\rA\x07bäÿ\n")) + b"\xff\xfe no UTF-8\r\n"
    with running.client() as client:
        assert hand_in(client, raw, "support+abc@us.example", sender="", options=("BODY=8BITMIME",)) == [KEPT]
        assert client.noop()[0] == 250
    assert deliveries.raw(conn, one(conn, "SELECT sha256 FROM messages")) == raw
    assert row(conn, "recipient, sender") == ("support+abc@us.example", "")


def test_it_does_what_the_pipe_does(running: Service, db_path: str, conn: sqlite3.Connection) -> None:
    with running.client() as client:
        assert hand_in(client, wire(letter())) == [KEPT]
    assert (count(conn, "cases"), count(conn, "case_history")) == (1, 1)
    assert (len(out(conn, "thanks")), len(out(conn, "forward"))) == (1, 1)
    commands = {row[0] for row in conn.execute("SELECT command FROM change_sets WHERE source = 'mail'")}
    assert commands == {f"crm --db {db_path} --now {NOW} lmtp --listen 127.0.0.1:0"}


def test_two_recipients_of_two_sections_are_answered_each(running: Service, conn: sqlite3.Connection) -> None:
    store(conn, "sections", name="Sales", code="sales", reply_to="sales@us.example")
    with running.client() as client:
        assert hand_in(client, wire(letter()), "support@us.example", "sales@us.example") == [KEPT, KEPT]
        assert hand_in(client, wire(letter("Again.\n")), "support@us.example", "sales@us.example") == [KEPT, KEPT]
    assert (count(conn, "messages"), count(conn, "deliveries"), count(conn, "cases"), len(out(conn, "thanks"))) == (2, 4, 2, 2)


def test_the_same_mail_again_is_answered_and_adds_nothing(running: Service, conn: sqlite3.Connection) -> None:
    with running.client() as client:
        for _ in range(3):
            assert hand_in(client, wire(letter())) == [KEPT]
    assert (count(conn, "deliveries"), count(conn, "cases")) == (1, 1)


def test_only_unknown_recipients_are_refused_and_only_if_asked_for(db_path: str, conn: sqlite3.Connection) -> None:
    with service(db_path, "--strict-recipient") as running:
        client = running.client()
        told = hand_in(client, wire(letter()), "nobody@us.example", "support@us.example", "none@us.example")
        assert told == [(550, b"5.1.1 no such recipient here"), KEPT, (550, b"5.1.1 no such recipient here")]
        client.quit()
        assert running.stop() == (0, "")
    assert one(conn, "SELECT recipient FROM deliveries") == "support@us.example"
    with service(db_path) as running, running.client() as client:
        assert hand_in(client, wire(letter()), "nobody@us.example") == [KEPT]


def test_a_section_that_is_told_takes_a_mail_once_for_all_recipients(db_path: str, conn: sqlite3.Connection) -> None:
    store(conn, "sections", name="Sales", code="sales", reply_to="sales@us.example")
    with service(db_path, "--section", "sales") as running, running.client() as client:
        assert hand_in(client, wire(letter()), "a@us.example", "b@us.example") == [KEPT, KEPT]
    assert row(conn, "route, recipient") == ("section sales", "a@us.example, b@us.example")
    assert one(conn, "SELECT section_id FROM cases") == 2


def test_addresses_in_other_letters_are_taken(running: Service, conn: sqlite3.Connection) -> None:
    with running.client() as client:
        client.command_encoding = "utf-8"
        told = hand_in(client, wire(letter()), "sűpport@us.example", sender="jörg@acme.example", options=("SMTPUTF8",))
    assert told == [KEPT]
    assert row(conn, "recipient, sender") == ("sűpport@us.example", "jörg@acme.example")


def test_a_large_mail_goes_to_triage_and_one_beyond_the_limit_is_refused(db_path: str, conn: sqlite3.Connection) -> None:
    with service(db_path, "--max-bytes", "5000") as running, running.client() as client:
        assert client.esmtp_features["size"] == str(lmtp.LARGEST)
        assert hand_in(client, wire(letter("x\n" * 5000))) == [KEPT]
        assert client.mail("joe@acme.example", [f"SIZE={lmtp.LARGEST + 1}"])[0] == 552
        assert hand_in(client, wire(letter("Small.\n"))) == [KEPT]
    assert [row[0] for row in conn.execute("SELECT state FROM deliveries ORDER BY id")] == ["triage", "done"]


def test_a_mail_that_grows_beyond_the_limit_is_refused_to_each_recipient(db_path: str, conn: sqlite3.Connection) -> None:
    small = "from crmcli.mail import lmtp; lmtp.LARGEST = lmtp.Line.line_length_limit = 4000\n"
    with service(db_path, code=small + "import sys; from crmcli.__main__ import main; sys.exit(main(sys.argv[1:]))") as running:
        client = running.client()
        for raw in (b"x\r\n" * 2000, b"x" * 9000 + b"\r\n"):
            told = hand_in(client, raw, "a@us.example", "b@us.example")
            assert [code for code, _ in told] in ([552, 552], [500, 500])
        assert hand_in(client, wire(letter())) == [KEPT]
    assert count(conn, "deliveries") == 1


def test_an_empty_mail_stays_at_the_server(running: Service, conn: sqlite3.Connection) -> None:
    with running.client() as client:
        assert client.docmd("MAIL", "FROM:<>")[0] == client.docmd("RCPT", "TO:<a@us.example>")[0] == 250
        assert client.docmd("RCPT", "TO:<b@us.example>")[0] == 250
        assert client.docmd("DATA")[0] == 354
        told = [client.docmd("."), client.getreply()]
    assert told == [(451, b"4.3.0 nothing came" + LATER)] * 2
    assert count(conn, "deliveries") == 0


def test_a_mail_that_is_cut_off_is_not_taken(running: Service, conn: sqlite3.Connection) -> None:
    client = running.client()
    client.mail("joe@acme.example")
    client.rcpt("support@us.example")
    assert client.docmd("DATA")[0] == 354
    client.send(wire(letter()))
    client.close()
    with running.client() as client:
        assert hand_in(client, wire(letter("Whole.\n"))) == [KEPT]
    assert count(conn, "deliveries") == 1


def test_commands_that_come_all_at_once_are_read_one_by_one(running: Service, conn: sqlite3.Connection) -> None:
    with running.client() as client:
        assert client.has_extn("pipelining")
        client.send(b"MAIL FROM:<>\r\nRCPT TO:<a@us.example>\r\nRCPT TO:<b@us.example>\r\nDATA\r\n")
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 250, 354]
        client.send(wire(letter()) + b".\r\nMAIL FROM:<>\r\nRSET\r\n")
        assert [client.getreply()[0] for _ in range(4)] == [250] * 4
    assert count(conn, "deliveries") == 2


def test_a_client_of_smtp_is_told_that_this_is_lmtp(running: Service) -> None:
    with smtplib.SMTP("127.0.0.1", int(running.where.rpartition(":")[2])) as client:
        assert client.ehlo()[0] == client.helo()[0] == 500


# Many --------------------------------------------------------------------------------------------------


def test_two_hundred_mails_over_eight_lines_are_two_hundred_messages(running: Service, conn: sqlite3.Connection) -> None:
    told: list[tuple[int, bytes]] = []

    def bring(number: int) -> None:
        with running.client() as client:
            for mail in range(25):
                raw = wire(letter(f"Mail {mail} of {number}.\n", from_=f"joe{number}@acme.example"))
                told.extend(hand_in(client, raw, sender=f"joe{number}@acme.example"))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [KEPT] * 200
    assert (count(conn, "messages"), count(conn, "cases"), one(conn, "SELECT count(*) FROM deliveries WHERE state = 'done'")) == (
        200,
    ) * 3
    assert running.stop() == (0, "")


def test_eight_copies_at_once_are_one_case(running: Service, conn: sqlite3.Connection) -> None:
    told: list[tuple[int, bytes]] = []

    def bring() -> None:
        with running.client() as client:
            told.extend(hand_in(client, wire(letter())))

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [KEPT] * 8
    assert (count(conn, "deliveries"), count(conn, "cases"), len(out(conn, "thanks"))) == (1, 1, 1)


# Trouble ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["_custody", "_led"])
def test_killed_before_the_answer_and_tried_again_it_happens_once(db_path: str, conn: sqlite3.Connection, part: str) -> None:
    with service(db_path, code=KILLED.format(part)) as running:
        client = running.client()
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            hand_in(client, wire(letter()))
        assert running.process.wait() == -signal.SIGKILL
    assert one(conn, "SELECT state FROM deliveries") == ("received" if part == "_custody" else "done")
    with service(db_path) as running, running.client() as client:
        assert hand_in(client, wire(letter())) == [KEPT]
    assert (count(conn, "messages"), count(conn, "cases"), len(out(conn, "thanks"))) == (1, 1, 1)
    assert done(conn) == 1


def test_while_the_database_is_locked_nobody_hears_that_a_mail_is_kept(db_path: str, conn: sqlite3.Connection) -> None:
    with service(db_path, "--timeout", "1") as running, running.client() as client:
        conn.execute("BEGIN IMMEDIATE")
        told = hand_in(client, wire(letter()), "support@us.example", "b@us.example")
        assert told == [(451, b"4.3.0 it takes too long" + LATER)] * 2
        conn.execute("ROLLBACK")
        assert hand_in(client, wire(letter()), "support@us.example", "b@us.example") == [KEPT, KEPT]
    assert (count(conn, "messages"), count(conn, "deliveries"), count(conn, "cases")) == (1, 2, 1)


def test_a_database_that_is_gone_keeps_mail_at_the_server_until_it_is_back(
    running: Service, db_path: str, conn: sqlite3.Connection
) -> None:
    conn.close()
    os.rename(db_path, f"{db_path}.away")
    with running.client() as client:
        assert hand_in(client, wire(letter())) == [(451, b"4.3.0 the database or a file cannot be used" + LATER)]
        os.rename(f"{db_path}.away", db_path)
        assert hand_in(client, wire(letter())) == [KEPT]
    assert count(db.connect(db_path), "cases") == 1
    code, said = running.stop()
    assert (code, f"crm: there is no database at {db_path} (make one with: crm init)\n" in said) == (0, True)


def test_a_replaced_database_is_opened_anew(running: Service, db_path: str, conn: sqlite3.Connection, template: bytes) -> None:
    conn.close()
    with running.client() as client:
        assert hand_in(client, wire(letter("Before.\n"))) == [KEPT]
        Path(f"{db_path}.new").write_bytes(template)
        for name in ("-wal", "-shm"):
            Path(db_path + name).unlink(missing_ok=True)
        os.replace(f"{db_path}.new", db_path)
        assert hand_in(client, wire(letter("After.\n"))) == [KEPT]
    assert running.stop() == (0, "")
    conn = db.connect(db_path)
    assert [row[0].strip() for row in conn.execute("SELECT description FROM v_history")] == ["After."]
    assert one(conn, "PRAGMA integrity_check") == "ok"


def test_a_database_of_a_newer_program_keeps_mail_at_the_server(running: Service, conn: sqlite3.Connection) -> None:
    version = one(conn, "PRAGMA user_version")
    with running.client() as client:
        conn.execute("PRAGMA user_version = 999")
        assert hand_in(client, wire(letter()))[0][0] == 451
        conn.execute(f"PRAGMA user_version = {version}")
        assert hand_in(client, wire(letter())) == [KEPT]


def test_mail_left_behind_is_finished_and_mail_due_is_sent(db_path: str, conn: sqlite3.Connection) -> None:
    setting(conn, "transport", "maildir:sent")
    raw = letter("Left.\n")
    with db.write(conn, ORIGIN._replace(now=later(-1))) as tx:
        deliveries.take(tx, raw, ingest.arrived(raw, Envelope()).core, Envelope(), "elsewhere 1")
    with service(db_path) as running:
        eventually(lambda: count(conn, "cases") == 1)
        with running.client() as client:
            assert hand_in(client, wire(letter("Now.\n"))) == [KEPT]
        eventually(lambda: one(conn, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 4)


# Stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
def test_stopped_it_answers_what_it_has_accepted_and_takes_no_more(
    db_path: str, conn: sqlite3.Connection, number: int, code: int
) -> None:
    with service(db_path) as running:
        idle, half, busy = running.client(), running.client(), running.client()
        half.mail("joe@acme.example")
        half.rcpt("support@us.example")
        assert half.docmd("DATA")[0] == 354
        half.send(b"X: y\r\n")
        conn.execute("BEGIN IMMEDIATE")
        told: list[tuple[int, bytes]] = []
        thread = threading.Thread(target=lambda: told.extend(hand_in(busy, wire(letter()))))
        thread.start()
        eventually(lambda: waiting(db_path) == 1)
        running.process.send_signal(number)
        assert idle.getreply() == (421, b"4.3.2 going down" + LATER)
        assert half.getreply() == (421, b"4.3.2 going down" + LATER)
        with pytest.raises(OSError, match="refused"):
            running.client()
        assert running.process.poll() is None
        conn.execute("ROLLBACK")
        thread.join()
        assert told == [KEPT]
        assert busy.getreply()[0] == 421
        assert running.process.wait(timeout=60) == code
    assert (count(conn, "deliveries"), count(conn, "cases")) == (1, 1)


# Where it listens ----------------------------------------------------------------------------------------


def test_a_socket_file_is_made_taken_over_and_removed(db_path: str, tmp_path: Path, conn: sqlite3.Connection) -> None:
    path = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with service(db_path, listen=f"unix:{path}") as running:
        with running.client() as client:
            assert hand_in(client, wire(letter())) == [KEPT]
        assert path.stat().st_mode & 0o777 == 0o666
        second = subprocess.run(
            [sys.executable, "-m", "crmcli", "--db", db_path, "lmtp", "--listen", f"unix:{path}"],
            capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        )  # fmt: skip
        assert (second.returncode, second.stderr) == (75, f"crm: somebody listens at {path} already\n")
        with running.client() as client:
            assert hand_in(client, wire(letter("Still there.\n"))) == [KEPT]
        assert running.stop()[0] == 0
    assert not path.exists()
    assert count(conn, "cases") == 2


def test_a_port_that_is_taken_is_told(running: Service, crm: Crm) -> None:
    done = crm("lmtp", "--listen", running.where)
    assert done.exit == 75
    assert "in use" in done.err


@pytest.mark.parametrize(
    "place",
    ["0.0.0.0:24", "192.0.2.1:24", "[::]:24", "mail.us.example:24", "24", ":24", "127.0.0.1", "unix:", "127.0.0.1:x",
     "127.0.0.1:99999", "tcp:127.0.0.1:24x", ""],
)  # fmt: skip
def test_only_this_machine_can_be_listened_on(crm: Crm, place: str) -> None:
    done = crm("lmtp", "--listen", place)
    assert (done.exit, done.out) == (2, "")
    assert "127.0.0.1:2424 or unix:PATH" in done.err


def test_places_are_read() -> None:
    assert lmtp.place("[::1]:24") == lmtp.Place(host="::1", port=24)
    assert lmtp.place("localhost:0") == lmtp.Place(host="localhost", port=0)
    assert lmtp.place("unix:/run/crm:x") == lmtp.Place(path="/run/crm:x")


def test_what_cannot_work_is_told_at_once(crm: Crm) -> None:
    assert crm("lmtp", db="/nowhere/crm.db").exit == 75
    assert crm("lmtp", "--section", "nowhere").exit == 3
    assert crm("-n", "lmtp").exit == 2


def test_without_aiosmtpd_it_says_what_it_needs(db_path: str) -> None:
    code = "import sys; sys.modules['aiosmtpd'] = None; from crmcli.__main__ import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", code, "--db", db_path, "lmtp"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (78, "crm: this needs aiosmtpd (pip install 'crmcli[lmtp]')\n")


# The thread behind it ------------------------------------------------------------------------------------


@contextlib.contextmanager
def threads(db_path: str, **terms: Any) -> Iterator[tuple[Intake, list[Exception]]]:
    """The intake without a network, and what it reports."""
    reported: list[Exception] = []
    taking = Intake(db_path, ingest.Terms(**terms), lambda: ORIGIN, reported.append)
    taking.start()
    try:
        yield taking, reported
    finally:
        taking.close()


def test_mails_that_wait_together_are_kept_by_one_commit(db_path: str, conn: sqlite3.Connection) -> None:
    with threads(db_path) as (taking, reported):
        conn.execute("BEGIN IMMEDIATE")
        first = taking.put(letter("First.\n"), Envelope())
        eventually(first.running)
        rest = [taking.put(letter(f"Mail {number}.\n"), Envelope()) for number in range(7)]
        assert not any(answer.done() for answer in (first, *rest))
        conn.execute("ROLLBACK")
        assert [answer.result(60).state for answer in (first, *rest)] == ["done"] * 8
    kept = "SELECT DISTINCT change_set_id FROM changes WHERE table_name = 'deliveries' AND op = 'insert'"
    assert (len(conn.execute(kept).fetchall()), count(conn, "cases"), reported) == (2, 8, [])


def test_one_that_cannot_be_kept_does_not_harm_those_that_wait_with_it(
    db_path: str, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ingest.keep

    def keep(tx: db.Tx, mail: ingest.Mail, *terms: Any, **more: Any) -> Any:
        found = whole(tx, mail, *terms, **more)
        return found if b"Bad." not in mail.raw else 1 / 0

    with threads(db_path) as (taking, reported):
        monkeypatch.setattr(ingest, "keep", keep)
        conn.execute("BEGIN IMMEDIATE")
        first = taking.put(letter("First.\n"), Envelope())
        eventually(first.running)
        bad, good = (taking.put(letter(text), Envelope()) for text in ("Bad.\n", "Good.\n"))
        conn.execute("ROLLBACK")
        assert good.result(60).state == "done"
        assert isinstance(bad.exception(60), ZeroDivisionError)
    assert (count(conn, "deliveries"), count(conn, "cases"), len(reported)) == (2, 2, 1)


def test_what_fails_after_it_was_kept_is_tried_again_at_once(
    db_path: str, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threads(db_path) as (taking, reported):
        with monkeypatch.context() as patch:
            patch.setattr("crmcli.mail.effects.decide", lambda *given: 1 / 0)
            assert isinstance(taking.put(letter(), Envelope()).exception(60), ZeroDivisionError)
        assert (one(conn, "SELECT state FROM deliveries"), count(conn, "cases")) == ("received", 0)
        again = taking.put(letter(), Envelope()).result(60)
        assert (again.state, again.repeat, one(conn, "SELECT attempts FROM deliveries")) == ("done", False, 2)
    assert (count(conn, "cases"), len(reported)) == (1, 1)


def test_a_full_disk_keeps_all_that_wait_at_the_server(
    db_path: str, conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(tx: db.Tx, *given: Any, **more: Any) -> None:
        pages = one(tx.conn, "PRAGMA page_count")
        tx.conn.execute(f"PRAGMA max_page_count = {pages}")
        tx.run("INSERT INTO raw_messages (sha256, size, bytes) VALUES ('x', 1, zeroblob(1000000))")

    with threads(db_path) as (taking, _):
        with monkeypatch.context() as patch:
            patch.setattr(ingest, "keep", full)
            answers = [taking.put(letter(f"{number}\n"), Envelope()) for number in range(3)]
            found = [trouble.explained(answer.exception(60) or Exception()) for answer in answers]
        assert [error.message for error in found if error] == ["the disk is full"] * 3
        assert count(conn, "deliveries") == 0
        assert taking.put(letter("0\n"), Envelope()).result(60).state == "done"


def test_whoever_stopped_waiting_before_its_turn_has_not_handed_it_in(db_path: str, conn: sqlite3.Connection) -> None:
    with threads(db_path) as (taking, _):
        conn.execute("BEGIN IMMEDIATE")
        first = taking.put(letter("First.\n"), Envelope())
        eventually(first.running)
        assert taking.put(letter("Given up.\n"), Envelope()).cancel()
        conn.execute("ROLLBACK")
        assert first.result(60).state == "done"
    assert count(conn, "deliveries") == 1


def test_large_mails_do_not_hold_the_file_together(db_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "BYTES", 1000)
    taking = Intake(db_path, ingest.Terms(), lambda: ORIGIN, print)
    answers: list[Future[Any]] = [taking.put(letter(str(number) * 400), Envelope()) for number in range(4)]
    assert [len(taking._next()[0]) for _ in range(2)] == [2, 2]
    assert all(answer.running() for answer in answers)
