"""crm calendar export: an iCalendar that the standard's readers take, the same each time, and inert."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest

from tests.cli.world import Crm, a_case, a_partner, rows

HOSTILE = 'a,b;c\\n"d"\r\nBEGIN:VEVENT\r\nX:1\x00\x1b[31m\u202e\n' + "漢" * 30


def exported(crm: Crm, *words: str, **given: str) -> Any:
    """The calendar, read back."""
    done = crm("calendar", "export", "-", *words, **given)
    assert (done.exit, done.err) == (0, "")
    return icalendar.Calendar.from_ical(done.out.encode())


def test_a_case_is_a_to_do_and_with_a_deadline_an_event(crm: Crm, conn: sqlite3.Connection) -> None:
    a_partner(conn)
    a_case(
        conn, "open", name="Pump", partner_id=1, user_id=1, priority=1, starts_at="2026-02-27T09:00:00Z",
        deadline_at="2026-03-05T16:00:00Z", description="Look at it",
    )  # fmt: skip
    a_case(conn, name="Some time", starts_at="2026-03-01T09:00:00Z")
    calendar = exported(crm)
    assert calendar.errors == []
    assert (calendar["VERSION"], calendar.calendar_name) == ("2.0", "crm")
    todo, event, other = calendar.subcomponents
    assert (todo.name, event.name, other.name) == ("VTODO", "VEVENT", "VTODO")
    begins, due = datetime(2026, 2, 27, 9, tzinfo=UTC), datetime(2026, 3, 5, 16, tzinfo=UTC)
    assert (todo["DTSTART"].dt, todo["DUE"].dt, todo["STATUS"], todo["PRIORITY"]) == (begins, due, "IN-PROCESS", 1)
    assert (event["DTSTART"].dt, event["DTEND"].dt, event["STATUS"]) == (begins, due, "CONFIRMED")
    assert todo["SUMMARY"] == event["SUMMARY"] == "Pump"
    assert todo["DESCRIPTION"] == "case 1, open\npartner: Acme\nresponsible: ann\n\nLook at it"
    assert "DUE" not in other
    assert (other["SUMMARY"], other["STATUS"]) == ("Some time", "NEEDS-ACTION")


def test_states_are_those_of_the_standard(crm: Crm, conn: sqlite3.Connection) -> None:
    for state in ("draft", "open", "pending", "done", "cancel"):
        a_case(conn, state, deadline_at="2026-03-05T16:00:00Z")
    parts = exported(crm).subcomponents
    todos, events = ([part for part in parts if part.name == name] for name in ("VTODO", "VEVENT"))
    assert [part["STATUS"] for part in todos] == ["NEEDS-ACTION", "IN-PROCESS", "IN-PROCESS", "COMPLETED", "CANCELLED"]
    assert [part["STATUS"] for part in events] == ["TENTATIVE", "CONFIRMED", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [number for number, part in enumerate(todos) if "COMPLETED" in part] == [3]


def test_times_keep_the_order_that_the_standard_asks_for(crm: Crm, conn: sqlite3.Connection) -> None:
    """DUE is after DTSTART, DTEND after DTSTART: where the deadline is not after the start, one of the two is left out."""
    for deadline in ("2026-02-01T09:00:00Z", "2026-02-27T09:00:00Z"):
        a_case(conn, starts_at="2026-02-27T09:00:00Z", deadline_at=deadline)
    for part in exported(crm).subcomponents:
        assert not {"DTSTART", "DUE"} <= set(part)
        assert "DTEND" not in part


def test_uids_are_stable_and_sequence_and_stamp_follow_the_changes(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn, name="Pump", deadline_at="2026-03-05T16:00:00Z")
    a_case(conn, name="Other", deadline_at="2026-03-05T16:00:00Z")
    one, event, *other = exported(crm).subcomponents
    crm("case", "edit", "1", "--name", "Pumps", now="2026-03-03T09:00:00Z")
    late = "2026-03-04T09:00:00Z"
    again, event_again, *other_again = exported(crm, now=late).subcomponents
    assert (again["UID"], event_again["UID"]) == (one["UID"], event["UID"])
    assert len({part["UID"] for part in exported(crm).subcomponents}) == 4
    assert (one["SEQUENCE"] + 1, event["SEQUENCE"] + 1) == (again["SEQUENCE"], event_again["SEQUENCE"])
    assert one["DTSTAMP"].dt < again["DTSTAMP"].dt == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert other == other_again
    assert crm("undo", now=late).exit == 0
    back = exported(crm, now=late).subcomponents[0]
    assert (back["SUMMARY"], back["SEQUENCE"], back["UID"]) == ("Pump", one["SEQUENCE"] + 2, one["UID"])
    past = exported(crm, "--as-of", "2026-03-02T12:00:00Z", now=late).subcomponents
    assert past == [one, event, *other]


def test_the_same_database_gives_the_same_bytes_at_any_time(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn, name="Pump", deadline_at="2026-03-05T16:00:00Z")
    first = crm("calendar", "export", "-").out
    assert crm("calendar", "export", "-").out == crm("calendar", "export", "-", now="2027-01-01T00:00:00Z").out == first


def test_another_database_has_other_uids(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    a_case(conn)
    crm("init", "--email", "ann@us.example", db=str(tmp_path / "other.db"))
    crm("case", "add", "Pump", db=str(tmp_path / "other.db"))
    mine = exported(crm).subcomponents[0]["UID"]
    assert exported(crm, db=str(tmp_path / "other.db")).subcomponents[0]["UID"] != mine
    key = rows(conn, "SELECT key FROM mail_keys")[0][0]
    assert key.hex()[:8] not in mine


@pytest.mark.parametrize(
    "name", [HOSTILE, "x" * 1_000_000, "BEGIN:VCALENDAR", "\u2028\u0085", "é" * 200], ids=lambda name: repr(name[:9])
)
def test_no_name_breaks_out_of_its_line(crm: Crm, conn: sqlite3.Connection, name: str) -> None:
    a_case(conn, name=name.replace("\x00", ""), deadline_at="2026-03-05T16:00:00Z", description=name.replace("\x00", ""))
    text = crm("calendar", "export", "-").out
    assert text.encode().count(b"\n") == text.encode().count(b"\r\n")
    assert max(len(line) for line in text.encode().split(b"\r\n")) <= 75
    assert not set("\x00\x1b\u202e") & set(text)
    calendar = icalendar.Calendar.from_ical(text)
    assert [part.name for part in calendar.subcomponents] == ["VTODO", "VEVENT"]
    assert [sorted(set(part) - set("X")) for part in calendar.subcomponents] == [
        ["CATEGORIES", "CREATED", "DESCRIPTION", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED", "PRIORITY", "SEQUENCE", "STATUS",
         "SUMMARY", "UID"],
        ["CATEGORIES", "CREATED", "DESCRIPTION", "DTEND", "DTSTAMP", "DTSTART", "LAST-MODIFIED", "PRIORITY", "SEQUENCE", "STATUS",
         "SUMMARY", "TRANSP", "UID"],
    ]  # fmt: skip
    if name.startswith(("x", "é", "BEGIN")):
        assert calendar.subcomponents[0]["SUMMARY"] == name


def test_parts_filters_and_files_are_as_asked_for(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    a_case(conn, user_id=1, deadline_at="2026-03-05T16:00:00Z")
    a_case(conn, deadline_at="2026-03-05T16:00:00Z")
    assert [part.name for part in exported(crm, "--only", "todos").subcomponents] == ["VTODO"] * 2
    assert [part.name for part in exported(crm, "--only", "events").subcomponents] == ["VEVENT"] * 2
    mine = exported(crm, "+mine")
    assert (len(mine.subcomponents), mine.calendar_name) == (2, "crm +mine")
    file = tmp_path / "cases.ics"
    assert crm("calendar", "export", str(file), "-n").err == f"{file}: 2 todos, 2 events, not written\n"
    assert not file.exists()
    done = crm("calendar", "export", str(file))
    assert (done.exit, done.out, done.err) == (0, "", "")
    assert crm("calendar", "export", str(file), "-v").err == f"{file}: 2 todos, 2 events\n"
    assert file.read_bytes().decode() == crm("calendar", "export", "-").out
    assert [path.name for path in tmp_path.iterdir() if "ics" in path.name] == ["cases.ics"]
    for words in ([], [str(tmp_path / "none" / "x.ics")], ["-", "--only", "tasks"], ["-", "+lat"]):
        refused = crm("calendar", "export", *words)
        assert refused.exit in (1, 2), words
        assert (refused.out, refused.err.count("\n")) == ("", 1), words


def test_summer_time_changes_nothing_that_is_written(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn, starts_at="2026-03-29T00:30:00Z", deadline_at="2026-10-25T00:30:00Z")
    text = crm("calendar", "export", "-", "--tz", "Europe/Berlin").out
    assert "DTSTART:20260329T003000Z" in text
    assert "DUE:20261025T003000Z" in text


def test_nothing_is_a_calendar_too(crm: Crm) -> None:
    assert exported(crm).subcomponents == []
