"""The outbox: what is due, who has it, how long it waits, and what people may do with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from crmcli import clock, db, outbox, settings
from crmcli.errors import NotFound, Refused
from crmcli.model import Origin, Row

NOW = "2026-03-02T09:00:00Z"
ORIGIN = Origin(NOW, None, "system")


def later(seconds: int) -> str:
    """So long after NOW."""
    return clock.shift(NOW, seconds)


def put(conn: sqlite3.Connection, held: str = "", now: str = NOW) -> int:
    """A mail in the outbox."""
    with db.write(conn, ORIGIN._replace(now=now)) as tx:
        number = outbox.next_id(conn)
        row = {
            "kind": "reply",
            "cause": "test",
            "recipient": "joe@acme.example",
            "envelope_from": "",
            "message_id": f"<{number}>",
            "subject": "x",
            "bytes": b"x",
        }
        assert outbox.add(tx, row, held) == number
        return number


def claim(conn: sqlite3.Connection, now: str = NOW, owner: str = "a", limit: int = 9) -> list[Row]:
    """What this sender gets."""
    with db.write(conn, ORIGIN._replace(now=now)) as tx:
        return outbox.claim(tx, owner, limit)


def act(conn: sqlite3.Connection, verb: Callable[..., Any], *arguments: Any, now: str = NOW) -> Any:
    """One function of the outbox in a write."""
    with db.write(conn, ORIGIN._replace(now=now)) as tx:
        return verb(tx, *arguments)


def states(conn: sqlite3.Connection) -> list[str]:
    """The states in order."""
    return [row["state"] for row in outbox.listed(conn)]


def test_a_mail_is_taken_once_while_its_lease_lasts(conn: sqlite3.Connection) -> None:
    """And again by another sender where the first one died."""
    put(conn)
    assert [row["attempts"] for row in claim(conn)] == [1]
    assert claim(conn, later(outbox.LEASE - 1), "b") == []
    assert [row["attempts"] for row in claim(conn, later(outbox.LEASE), "b")] == [2]
    assert claim(conn, later(outbox.LEASE), "c") == []


def test_the_oldest_mails_leave_first(conn: sqlite3.Connection) -> None:
    """As many as asked for."""
    ids = [put(conn, now=later(seconds)) for seconds in (5, 0, 9)]
    assert [row["id"] for row in claim(conn, later(9), limit=2)] == [ids[1], ids[0]]


def test_a_mail_that_was_sent_is_never_taken_again(conn: sqlite3.Connection) -> None:
    """Not in a thousand years."""
    number = put(conn)
    claim(conn)
    act(conn, outbox.sent, number)
    assert claim(conn, "3000-01-01T00:00:00Z") == []
    assert states(conn) == ["sent"]
    assert outbox.get(conn, number)["sent_at"] == NOW


def test_retries_back_off_from_a_minute_to_a_day_and_end_after_five_days(conn: sqlite3.Connection) -> None:
    """The pauses never shrink."""
    put(conn)
    now, pauses = NOW, []
    for _ in range(100):
        rows = claim(conn, now)
        if not rows:
            break
        act(conn, outbox.put_off, rows[0], "451 later", now=now)
        row = outbox.get(conn, rows[0]["id"])
        if row["state"] == "failed":
            break
        pauses.append(int((clock.moment(row["next_at"]) - clock.moment(now)).total_seconds()))
        assert claim(conn, clock.shift(row["next_at"], -1)) == []
        now = row["next_at"]
    assert states(conn) == ["failed"]
    assert pauses[0] == 60
    assert pauses[-1] == 86400
    assert pauses == sorted(pauses)
    assert 4.5 * 86400 < sum(pauses) <= 5 * 86400


def test_a_broken_transport_pauses_for_all_and_gives_nothing_up(conn: sqlite3.Connection) -> None:
    """Until the mail that met it is due again, within the hour, for as long as it takes."""
    first = put(conn)
    now = NOW
    for _ in range(200):
        rows = claim(conn, now)
        act(conn, outbox.pause, rows[0], "connection refused", now=now)
        until = outbox.get(conn, first)["next_at"]
        assert outbox.paused(conn, now) == (until, "connection refused")
        assert 60 <= (clock.moment(until) - clock.moment(now)).total_seconds() <= 3600
        now = until
    assert outbox.paused(conn, now) is None
    assert states(conn) == ["queued"]


def test_a_mail_that_no_server_takes_is_given_up_in_the_end(conn: sqlite3.Connection) -> None:
    """So that it stops nobody for ever: after 5 days."""
    put(conn)
    now = NOW
    while states(conn) == ["queued"]:
        row = claim(conn, now)[0]
        act(conn, outbox.pause, row, "554 no spam", True, now=now)
        now = outbox.get(conn, row["id"])["next_at"] or now
    assert states(conn) == ["failed"]
    assert 4.5 * 86400 < (clock.moment(now) - clock.moment(NOW)).total_seconds() < 5.5 * 86400


def test_something_is_due_only_with_a_transport_that_works(conn: sqlite3.Connection) -> None:
    """What ingest asks before it loads anything."""
    put(conn)
    assert not outbox.is_due(conn, NOW)
    act(conn, settings.put, "transport", "maildir:x")
    assert outbox.is_due(conn, NOW)
    assert not outbox.is_due(conn, later(-1))
    act(conn, outbox.pause, claim(conn)[0], "down")
    put(conn)
    assert not outbox.is_due(conn, NOW)
    assert outbox.is_due(conn, later(60))


def test_a_mail_given_back_is_as_if_never_taken(conn: sqlite3.Connection) -> None:
    """No attempt is counted."""
    put(conn)
    act(conn, outbox.give_back, claim(conn)[0])
    assert [row["attempts"] for row in claim(conn)] == [1]


def test_held_mail_waits_until_someone_says_retry(conn: sqlite3.Connection) -> None:
    """By us, by hand, or all of it at once."""
    first, second = put(conn, held="too many"), put(conn)
    act(conn, outbox.hold, second)
    assert claim(conn, later(10**8)) == []
    act(conn, outbox.retry, first)
    act(conn, outbox.retry, second)
    assert len(claim(conn)) == 2
    third = put(conn)
    assert act(conn, outbox.hold_all, "restored from a backup") == 3
    assert states(conn) == ["held"] * 3
    assert outbox.get(conn, third)["error"] == "restored from a backup"


def test_a_dropped_mail_stays_in_the_list_and_leaves_no_more(conn: sqlite3.Connection) -> None:
    """Unless someone thinks better of it."""
    number = put(conn)
    act(conn, outbox.drop, number)
    assert claim(conn) == []
    assert states(conn) == ["failed"]
    act(conn, outbox.retry, number)
    assert len(claim(conn)) == 1


def test_what_has_left_cannot_be_held_retried_or_dropped(conn: sqlite3.Connection) -> None:
    """Nor what is just leaving."""
    number = put(conn)
    claim(conn)
    for verb in (outbox.hold, outbox.retry, outbox.drop):
        with pytest.raises(Refused, match="it is sending"):
            act(conn, verb, number)
    act(conn, outbox.sent, number)
    for verb in (outbox.hold, outbox.retry, outbox.drop):
        with pytest.raises(Refused, match="it is sent"):
            act(conn, verb, number)
    with pytest.raises(NotFound):
        act(conn, outbox.drop, 99)


def test_a_mail_without_a_sender_is_not_released(conn: sqlite3.Connection) -> None:
    """Its bytes are finished and have no address to come from."""
    with pytest.raises(Refused, match="no address"):
        act(conn, outbox.retry, put(conn, held=outbox.NO_SENDER))


def test_ids_are_known_before_they_are_used(conn: sqlite3.Connection) -> None:
    """Also after a rollback and after rows have gone."""
    with db.write(conn, ORIGIN._replace(dry_run=True)) as tx:
        foreseen = outbox.next_id(tx.conn)
    assert put(conn) == foreseen == 1
    with db.write(conn, ORIGIN) as tx:
        tx.run("DELETE FROM outbox")
    assert put(conn) == 2


def test_what_has_left_slows_nothing_down(conn: sqlite3.Connection) -> None:
    """A thousand mails that were sent, about one case to one person: SQLite takes as many steps as with few."""
    with db.write(conn, ORIGIN) as tx:
        settings.put(tx, "transport", "maildir:sent")
        tx.insert("cases", {"name": "Pump", "section_id": 1, "starts_at": NOW, "created_at": NOW})

    def cost() -> list[int]:
        steps: list[int] = []
        for ask in (
            lambda: outbox.is_due(conn, later(3600)),
            lambda: outbox.paused(conn, later(3600)),
            lambda: act(conn, outbox.waiting, 1, "joe@acme.example", "c1", "message:1", now=later(3600)),
        ):
            steps.append(0)
            conn.set_progress_handler(lambda: steps.append(steps.pop() + 1), 1)
            ask()
            conn.set_progress_handler(None, 1)
        return steps

    def leave(many: int) -> None:
        for _ in range(many):
            act(conn, outbox.sent, put(conn))
        conn.execute("UPDATE outbox SET case_id = 1, kind = 'forward', user_id = 1, cause = 'message:1'")

    put(conn)
    leave(1)
    few = cost()
    leave(999)
    assert cost() == pytest.approx(few, rel=0.1)
