"""Robots that answer robots: whatever they make of our mail, it stays within the limits, and we are told once (mail.md §7)."""

from __future__ import annotations

import email
import re
import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from crmcli import clock, db, mail_limits
from crmcli.model import Edit, Reply
from tests.conftest import NOW
from tests.mail.post import count, do, letter, one, post, store

SPAN = 50_000
"""Seconds that a loop goes on for: most of a day, so that the limits of an hour and of a day are met."""

SHORT = 300


class Out(NamedTuple):
    """A mail of ours on its way: in this envelope."""

    sender: str
    recipient: str
    content: bytes

    @property
    def mail(self) -> Message:
        """As a mail program reads it."""
        return email.message_from_bytes(self.content)


class In(NamedTuple):
    """A mail for us, in this envelope."""

    sender: str | None
    recipient: str
    content: bytes


class Robot(NamedTuple):
    """Someone whom we write to: begin writes by itself (with the number of the step), answer what it is sent."""

    begin: Callable[[int], In]
    answer: Callable[[Out, int], Iterable[In]]


def loop(conn: sqlite3.Connection, robot: Robot, steps: int, span: int = SPAN) -> int:
    """Let so many mails come in within that time; what goes out is answered → how many came by themselves."""
    waiting: deque[In] = deque()
    begun = 0
    for step in range(steps):
        if not waiting:
            begun += 1
            waiting.append(robot.begin(step))
        mail = waiting.popleft()
        seen = one(conn, "SELECT coalesce(max(id), 0) FROM outbox")
        recipients = [mail.recipient] if mail.recipient else []
        post(conn, mail.content, *recipients, sender=mail.sender, now=clock.shift(NOW, step * span // steps))
        waiting.extend(answer for sent in gone(conn, seen) for answer in robot.answer(sent, step))
    return begun


def gone(conn: sqlite3.Connection, seen: int) -> list[Out]:
    """What went out since the mail of this number."""
    sql = "SELECT envelope_from, recipient, bytes FROM outbox WHERE id > ? AND state <> 'held' ORDER BY id"
    return [Out(*row) for row in conn.execute(sql, (seen,))]


def assert_within_limits(conn: sqlite3.Connection) -> None:
    """No window of an hour or a day has more automatic mail to outsiders than mail.md §7 allows."""
    sql = """
    SELECT recipient, case_id, unixepoch(created_at) FROM outbox
    WHERE user_id IS NULL AND kind IN ('thanks', 'forward', 'rule', 'remind') AND state <> 'held' ORDER BY id
    """
    each: dict[tuple[str, object], list[int]] = defaultdict(list)
    for recipient, case_id, at in conn.execute(sql):
        for name, what in (("address", recipient), ("case", case_id), ("all", None)):
            each[name, what].append(at)
    for name, most, seconds in (("address", 3, 3600), ("address", 10, 86400), ("case", 20, 86400), ("all", 200, 3600)):
        for (kind, what), times in each.items():
            if kind == name:
                assert all(later - first >= seconds for first, later in zip(times, times[most:], strict=False)), (name, what)


def alerts(conn: sqlite3.Connection) -> list[str]:
    """Whom we told that mail is held."""
    return [row[0] for row in conn.execute("SELECT recipient FROM outbox WHERE kind = 'alert' ORDER BY id")]


def held(conn: sqlite3.Connection) -> int:
    """How many mails wait for a person."""
    return int(one(conn, "SELECT count(*) FROM outbox WHERE state = 'held'"))


def written(number: int, who: str, **headers: str) -> bytes:
    """A mail of this address that nobody sent before."""
    return letter(f"Number {number}.\n", from_=who, message_id=f"<n{number}@{who.rpartition('@')[2]}>", **headers)


def answer(out: Out, number: int, who: str, **headers: str) -> bytes:
    """An answer as mail programs write it: to Reply-To, with In-Reply-To and References."""
    given = {
        "to": out.mail["Reply-To"], "subject": f"Re: {out.mail['Subject']}", "in_reply_to": out.mail["Message-ID"],
        "references": f"{out.mail['References']} {out.mail['Message-ID']}".replace("\n", ""),
    }  # fmt: skip
    return written(number, who, **{**given, **headers})


STEPS = pytest.mark.parametrize("steps", [SHORT, pytest.param(10_000, marks=[pytest.mark.campaign, pytest.mark.timeout(3600)])])


@pytest.fixture(name="conn")
def _conn(db_path: str) -> Iterator[sqlite3.Connection]:
    """The database, without a wait for the disk after each mail."""
    conn = db.connect(db_path)
    conn.execute("PRAGMA synchronous = OFF")
    yield conn
    conn.close()


# A vacation responder ----------------------------------------------------------------------------------------

ALONE = {"in_reply_to": "", "references": "", "to": "support@us.example"}
AWAY = "I am away"

# How answering machines answer, from the best to the worst.
VACATIONS: tuple[dict[str, str], ...] = (
    {"auto_submitted": "auto-replied"},
    {"precedence": "bulk"},
    {"x_autoreply": "yes", "subject": AWAY, **ALONE},
    {},
    {"subject": AWAY},
    {"in_reply_to": "", "references": "", "to": "support@us.example"},
    {"subject": AWAY, **ALONE},
)  # fmt: skip


def vacation(shapes: tuple[dict[str, str], ...]) -> Robot:
    """Answers all that it is sent, also what came with an empty sender; its owner writes a mail whenever it is quiet."""

    def begin(step: int) -> In:
        return In("joe@acme.example", "support@us.example", written(step, "joe@acme.example"))

    def respond(out: Out, step: int) -> Iterable[In]:
        if out.recipient == "joe@acme.example":
            shape = shapes[step % len(shapes)]
            yield In("joe@acme.example", "", answer(out, 100_000 + step, "joe@acme.example", **shape))

    return Robot(begin, respond)


@STEPS
def test_a_vacation_responder(conn: sqlite3.Connection, steps: int) -> None:
    loop(conn, vacation(VACATIONS), steps)
    assert_within_limits(conn)
    assert held(conn) > 0
    assert alerts(conn) == ["ann@us.example"]


def test_a_vacation_responder_that_says_what_it_is_makes_no_cases(conn: sqlite3.Connection) -> None:
    begun = loop(conn, vacation(VACATIONS[:3]), SHORT)
    assert_within_limits(conn)
    assert count(conn, "cases") == begun


def test_a_vacation_responder_that_keeps_the_thread_stays_in_its_case(conn: sqlite3.Connection) -> None:
    begun = loop(conn, vacation(VACATIONS[:5]), SHORT)
    assert count(conn, "cases") == begun


# A server that bounces everything ------------------------------------------------------------------------------

REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.acme.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <d{number}@mx.acme.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Number {number}: {who} cannot be reached.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: rfc822; {who}
Action: {action}
Status: {status}

--b
Content-Type: text/rfc822-headers

Message-ID: {id}

--b--
"""


def report(action: str, status: str) -> Callable[[Out, int, str], In]:
    """A bounce by RFC 3464, to the envelope sender, or where that is empty to whoever can be found."""

    def bounced(out: Out, number: int, who: str) -> In:
        to = out.sender or out.mail["Reply-To"]
        text = REPORT.format(to=to, number=number, who=who, action=action, status=status, id=out.mail["Message-ID"])
        return In("", to, text.encode())

    return bounced


def rude(sender: str = "system@mx.acme.example", **headers: str) -> Callable[[Out, int, str], In]:
    """A bounce in words, by a server that thinks little of standards."""

    def bounced(out: Out, number: int, who: str) -> In:
        return In(sender, "", answer(out, 200_000 + number, sender, **{"subject": "failure notice", **headers}))

    return bounced


# What each of the addresses' servers answers.
BOUNCES: dict[str, Callable[[Out, int, str], In]] = {
    "gone@acme.example": report("failed", "5.1.1"),
    "full@acme.example": report("delayed", "4.2.2"),
    "filter@acme.example": report("failed", "5.7.1"),
    "exim@acme.example": rude(x_failed_recipients="exim@acme.example"),
    "qmail@acme.example": rude("MAILER-DAEMON@acme.example"),
    "words@acme.example": rude(),
    "lost@acme.example": rude(**ALONE),
}


def bouncing(step: int) -> In:
    who = list(BOUNCES)[step % len(BOUNCES)]
    return In(who, "support@us.example", written(step, who))


def bounce(out: Out, step: int) -> Iterable[In]:
    if out.recipient in BOUNCES:
        yield BOUNCES[out.recipient](out, step, out.recipient)
    elif not out.recipient.endswith("@us.example"):
        yield rude(**ALONE)(out, step, out.recipient)


@STEPS
def test_a_server_that_bounces_everything(conn: sqlite3.Connection, steps: int) -> None:
    begun = loop(conn, Robot(bouncing, bounce), steps)
    assert_within_limits(conn)
    assert held(conn) > 0
    assert alerts(conn) == ["ann@us.example"]
    told = one(conn, "SELECT count(*) FROM messages WHERE class = 'human'")
    assert count(conn, "cases") <= told
    assert begun <= told
    assert one(conn, "SELECT count(*) FROM addresses WHERE state = 'hard'") >= 1


def test_proper_bounces_make_no_cases_and_end_at_once(conn: sqlite3.Connection) -> None:
    def respond(out: Out, step: int) -> Iterable[In]:
        if out.recipient in BOUNCES:
            yield report("failed", "5.1.1")(out, step, out.recipient)

    begun = loop(conn, Robot(bouncing, respond), SHORT)
    assert count(conn, "cases") == begun
    assert one(conn, "SELECT count(*) FROM outbox WHERE kind = 'thanks'") == len(BOUNCES)


# Robots that do not say what they are --------------------------------------------------------------------------


def robot(who: str) -> Robot:
    """Writes and answers without any header that tells."""

    def begin(step: int) -> In:
        return In(who, "support@us.example", written(step, who))

    def respond(out: Out, step: int) -> Iterable[In]:
        if out.recipient == who:
            yield In(who, "", written(300_000 + step, who, subject=f"Re: {out.mail['Subject']}", to=out.mail["From"]))
            yield In(who, "", written(400_000 + step, who, **ALONE))

    return Robot(begin, respond)


@STEPS
def test_a_no_reply_robot_without_headers(conn: sqlite3.Connection, steps: int) -> None:
    assert loop(conn, robot("no-reply@shop.example"), steps) == steps
    assert (count(conn, "cases"), count(conn, "outbox"), count(conn, "messages")) == (0, 0, steps)


@STEPS
def test_a_robot_that_looks_like_a_person(conn: sqlite3.Connection, steps: int) -> None:
    loop(conn, robot("shop@shop.example"), steps)
    assert_within_limits(conn)
    assert alerts(conn) == ["ann@us.example"]
    to_it = "SELECT count(*) FROM outbox WHERE recipient = 'shop@shop.example' AND state <> 'held'"
    assert one(conn, to_it) <= 10


@STEPS
def test_a_crowd_of_forged_senders(conn: sqlite3.Connection, steps: int) -> None:
    """A mail in the name of each of thousands: thanks for the first 200 in an hour."""

    def begin(step: int) -> In:
        return In(f"p{step}@a{step}.example", "support@us.example", written(step, f"p{step}@a{step}.example"))

    loop(conn, Robot(begin, lambda out, step: ()), steps, span=5 * steps)
    assert_within_limits(conn)
    assert alerts(conn) == ["ann@us.example"]
    assert count(conn, "cases") == steps


# A second copy of ourselves ------------------------------------------------------------------------------------

Relay: TypeAlias = Callable[[bytes, int], bytes]

TELLING = rb"(?mi)^(auto-submitted|x-auto-response-suppress): .*\n"


def honest(content: bytes, number: int) -> bytes:
    """As it is."""
    return content


def stripping(content: bytes, number: int) -> bytes:
    """Without what tells a robot."""
    return re.sub(TELLING, b"", content)


def rewriting(content: bytes, number: int) -> bytes:
    """Without what tells a robot, and with a Message-ID of the relay's own."""
    return re.sub(rb"(?mi)^message-id: .*$", b"Message-ID: <r%d@relay.example>" % number, stripping(content, number))


def forgetting(content: bytes, number: int) -> bytes:
    """Without references and tags besides."""
    content = re.sub(rb"(?mi)^(in-reply-to|references): .*\n( .*\n)*", b"", rewriting(content, number))
    return re.sub(rb"(?m)^== .*==$", b"", re.sub(rb"(?mi)^(subject: )(\[\d+\] )*", rb"\1", content))


def them(template: bytes, folder: Path) -> sqlite3.Connection:
    """A second database with a key, a user and an address of its own."""
    path = folder / "them.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    conn.execute("PRAGMA synchronous = OFF")
    with conn:
        conn.execute("UPDATE mail_keys SET key = randomblob(32)")
        conn.execute("UPDATE sections SET reply_to = 'help@them.example'")
        conn.execute("UPDATE users SET email = 'bea@them.example'")
    return conn


@STEPS
@pytest.mark.parametrize("relay", [honest, stripping, rewriting, forgetting])
def test_a_second_copy_of_ourselves(conn: sqlite3.Connection, template: bytes, tmp_path: Path, relay: Relay, steps: int) -> None:
    """Each thanks the other, watches the other's cases, and takes the other for its partner."""
    other = them(template, tmp_path)
    houses = {"us.example": conn, "them.example": other}
    opposite = {"us.example": "help@them.example", "them.example": "support@us.example"}
    waiting: deque[In] = deque()
    human = 0
    for step in range(steps):
        now = clock.shift(NOW, step * SPAN // steps)
        if not waiting:
            human += 1
            waiting.append(In("joe@acme.example", "support@us.example", written(step, "joe@acme.example")))
        mail = waiting.popleft()
        home = mail.recipient.rpartition("@")[2]
        house, seen = houses[home], one(houses[home], "SELECT coalesce(max(id), 0) FROM outbox")
        taken = post(house, relay(mail.content, step), mail.recipient, sender=mail.sender, now=now)
        if taken.case_id and step < 50:
            do(house, Edit(taken.case_id, {"email_cc": opposite[home]}), now=now)
            if step % 5 == 0 and one(house, "SELECT email_from FROM cases WHERE id = ?", taken.case_id):
                do(house, Reply(taken.case_id, f"An answer, number {step}."), now=now)
        waiting += [In(*out) for out in gone(house, seen) if out.recipient in opposite.values()]
    for house in houses.values():
        assert_within_limits(house)
        assert len(alerts(house)) <= 1
        assert bool(held(house)) == bool(alerts(house))
    assert count(conn, "messages") + count(other, "messages") == steps
    assert alerts(conn) == ["ann@us.example"]
    other.close()


@STEPS
def test_a_robot_of_the_staff_and_one_of_the_partner_answer_each_other_through_us(conn: sqlite3.Connection, steps: int) -> None:
    """Neither says what it is, and the staff's has the proof: what passes as an answer of hers ends at the limit of the case."""

    def begin(step: int) -> In:
        return In("joe@acme.example", "support@us.example", written(step, "joe@acme.example"))

    def respond(out: Out, step: int) -> Iterable[In]:
        if out.mail["Auto-Submitted"] != "auto-replied" and out.recipient in ("ann@us.example", "joe@acme.example"):
            yield In(out.recipient, "", answer(out, 600_000 + step, out.recipient))

    loop(conn, Robot(begin, respond), steps)
    assert_within_limits(conn)
    sql = "SELECT case_id, unixepoch(created_at) FROM outbox WHERE kind = 'reply' AND state <> 'held' ORDER BY id"
    each: dict[int, list[int]] = defaultdict(list)
    for case_id, at in conn.execute(sql):
        each[case_id].append(at)
    assert all(later - first >= 86400 for times in each.values() for first, later in zip(times, times[20:], strict=False))
    assert alerts(conn) == ["ann@us.example"]


# What it costs --------------------------------------------------------------------------------------------------


def test_what_is_held_does_not_slow_down_what_comes(conn: sqlite3.Connection) -> None:
    """A thousand held mails to an address, about a case: SQLite takes as many steps to count what left as before."""
    store(conn, "cases", name="Pump", section_id=1, starts_at=NOW, created_at=NOW)
    since = clock.shift(NOW, -60)
    counts = {sql: {"address": "joe@acme.example", "case": 1, "since": since} for sql in mail_limits.COUNTS.values()}

    def cost() -> list[int]:
        steps: list[int] = []
        for sql, values in (*counts.items(), (mail_limits.TOLD, ("joe@acme.example", since))):
            steps.append(0)
            conn.set_progress_handler(lambda: steps.append(steps.pop() + 1), 1)
            conn.execute(sql, values).fetchall()
            conn.set_progress_handler(None, 1)
        return steps

    def keep(number: int) -> None:
        row = {"kind": "thanks", "case_id": 1, "cause": "x", "recipient": "joe@acme.example", "envelope_from": "", "subject": "x"}
        store(conn, "outbox", **row, message_id=f"<{number}@us.example>", bytes=b"x", state="held", created_at=NOW)

    keep(0)
    few = cost()
    for number in range(1, 1000):
        keep(number)
    assert cost() == few


# The staff's own mailboxes -------------------------------------------------------------------------------------


@STEPS
@pytest.mark.parametrize("relay", [honest, stripping, rewriting])
def test_a_member_of_the_staff_whose_mail_is_sent_on_to_us(conn: sqlite3.Connection, relay: Relay, steps: int) -> None:
    """Her notices come back to the section's address, and no further notice is made of them."""
    letters = 0

    def begin(step: int) -> In:
        return In(f"p{step}@acme.example", "support@us.example", written(step, f"p{step}@acme.example"))

    def respond(out: Out, step: int) -> Iterable[In]:
        nonlocal letters
        if out.recipient == "ann@us.example":
            letters += 1
            traced = b"Received: from mx.us.example by us.example; Mon, 02 Mar 2026 09:00:00 +0000\n" + out.content
            yield In(out.sender, "support@us.example", relay(traced, letters))

    begun = loop(conn, Robot(begin, respond), steps)
    assert_within_limits(conn)
    assert begun >= steps // 2 - 2
    assert count(conn, "cases") == begun


@STEPS
def test_a_vacation_responder_of_the_staff(conn: sqlite3.Connection, steps: int) -> None:
    """It answers each notice, and its words reach nobody outside: it says that it is a robot, and its notice is none of hers."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")

    def begin(step: int) -> In:
        return In(f"p{step}@acme.example", "support@us.example", written(step, f"p{step}@acme.example"))

    def respond(out: Out, step: int) -> Iterable[In]:
        if out.recipient == "ann@us.example":
            yield In("", "", answer(out, 500_000 + step, "ann@us.example", **VACATIONS[step % 3]))

    begun = loop(conn, Robot(begin, respond), steps)
    assert_within_limits(conn)
    assert count(conn, "cases") == begun
    assert one(conn, "SELECT count(*) FROM outbox WHERE kind = 'reply'") == 0
