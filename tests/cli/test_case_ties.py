"""Cases and each other, and their files, from the command line: duplicate, delete, merge, split, link, archive, attach."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from crmcli.model import Attach, Note
from tests.cli.world import ANN, BEFORE, NOW, Crm, a_case, a_partner, do, dump, put, row, rows, set_, write

SAID = "SELECT l.case_id, h.description FROM case_history h JOIN case_log l ON l.id = h.log_id ORDER BY h.id"


def links(crm: Crm, case_id: int) -> list[tuple[str, int]]:
    """Kind and other id of the links that a case shows."""
    return [(one["kind"], one["other_id"]) for one in crm("case", "show", str(case_id), "-o", "json").json()["links"]]


# duplicate -------------------------------------------------------------------------------------------------


def test_a_duplicate_is_a_draft_with_the_same_fields_to_which_nothing_has_happened(crm: Crm, conn: sqlite3.Connection) -> None:
    """Without history, log, and dates of action or closing; nothing is defaulted anew."""
    category = put(conn, "categories", name="Bug", probability=30)
    values = {
        "partner_id": a_partner(conn),
        "category_id": category,
        "priority": 2,
        "deadline_at": "2026-04-01T00:00:00Z",
        "ref": "https://x.example",
    }
    case_id = a_case(conn, "done", archived=True, **values)
    set_(conn, "cases", case_id, probability=None, contact_id=None, email_from=None, starts_at=BEFORE)
    do(conn, Note(case_id, "words"))
    run = crm("case", "duplicate", str(case_id))
    copy, original = row(conn, "cases", int(run.out)), row(conn, "cases", case_id)
    fresh = {"id": 2, "state": "draft", "created_at": NOW, "closed_at": None, "last_action_at": None, "active": 1}
    assert copy == {**original, **fresh}
    assert rows(conn, "SELECT count(*) FROM case_log WHERE case_id = 2") == [(0,)]
    assert rows(conn, "SELECT state, entered_at, left_at FROM case_spans WHERE case_id = 2") == [("draft", NOW, None)]


# delete, archive -------------------------------------------------------------------------------------------


def test_a_section_can_keep_all_but_drafts_from_being_deleted(crm: Crm, conn: sqlite3.Connection) -> None:
    """It says what to do instead."""
    set_(conn, "sections", 1, allow_unlink=0)
    a_case(conn, "open"), a_case(conn)
    before = dump(conn)
    run = crm("case", "delete", "1")
    assert (run.exit, run.err) == (
        1,
        "crm: case 1 is open and section Support does not let such cases be deleted (cancel it instead: crm case cancel 1)\n",
    )
    assert dump(conn) == before
    assert crm("case", "delete", "2").exit == 0
    assert rows(conn, "SELECT id FROM cases") == [(1,)]


def test_a_deleted_case_goes_with_all_that_hangs_on_it_but_its_mail(crm: Crm, conn: sqlite3.Connection) -> None:
    """Deliveries go to triage, events of the partner stay; its number is never used again."""
    case_id = a_case(conn, "open", partner_id=a_partner(conn))
    a_case(conn)
    do(conn, Note(case_id, "words"))
    crm("case", "link", "1", "2")
    write(conn, lambda tx: tx.run("INSERT INTO raw_messages VALUES ('ab', 2, x'6162')"))
    delivered = {"sha256": "ab", "core_sha256": "ab", "route": "x", "received_at": NOW, "state": "done", "case_id": 1}
    put(conn, "deliveries", **delivered)
    shown = crm("case", "delete", "1", "-o", "json").json()
    assert (shown["id"], shown["name"]) == (1, "Pump broken")
    for table in ("case_log", "case_links", "case_spans"):
        assert rows(conn, f"SELECT count(*) FROM {table} WHERE case_id = 1") == [(0,)]
    assert rows(conn, "SELECT state, reason, case_id FROM deliveries") == [("triage", "the case was deleted", None)]
    assert rows(conn, "SELECT name, case_id FROM events") == [("Case open: Pump broken", None)]
    assert crm("case", "add", "next").out == "3\n"


def test_deleting_several_asks_first(crm: Crm, conn: sqlite3.Connection) -> None:
    """Without a terminal it takes --yes."""
    a_case(conn), a_case(conn), a_case(conn)
    run = crm("case", "delete", "1-2")
    assert (run.exit, run.err) == (2, "crm: delete 2 cases needs --yes without a terminal (add -y, or try it with -n)\n")
    assert crm("case", "delete", "1-2", "-n").exit == 0
    assert rows(conn, "SELECT count(*) FROM cases") == [(3,)]
    assert crm("case", "delete", "1-2", "-y").out == "1\n2\n"
    assert rows(conn, "SELECT id FROM cases") == [(3,)]


def test_an_archived_case_is_hidden_until_it_comes_back(crm: Crm, conn: sqlite3.Connection) -> None:
    """Nothing else of it changes."""
    case_id = a_case(conn, "open")
    before = row(conn, "cases", case_id)
    assert crm("case", "archive", "1").out == "1\n"
    assert row(conn, "cases", case_id) == {**before, "active": 0}
    assert [crm("case", "list", *words, "-o", "ids").out for words in ((), ("--archived",), ("--all",))] == ["", "1\n", "1\n"]
    assert crm("case", "archive", "1").exit == 0
    assert crm("case", "unarchive", "1").exit == 0
    assert row(conn, "cases", case_id) == before


# merge, split ----------------------------------------------------------------------------------------------


def test_a_merged_case_gives_its_words_and_files_away(crm: Crm, conn: sqlite3.Connection) -> None:
    """Its partner watches on; it is archived, wakes no more, and leads to where it went."""
    kept, gone = (
        a_case(conn, email_from="joe@acme.example"),
        a_case(conn, email_from="sue@acme.example", email_cc="boss@acme.example"),
    )
    do(conn, Note(gone, "it leaks"))
    do(conn, Note(kept, "it drips"))
    write(conn, lambda tx: tx.run("INSERT INTO blobs VALUES ('ab', 2, x'6162')"))
    do(conn, Attach(gone, "plan.txt", "text/plain", 2, "ab"))
    crm("case", "pending", str(gone), "--until", "+1w")
    assert crm("case", "merge", str(gone), "--into", str(kept)).out == f"{gone}\n"
    assert rows(conn, SAID) == [(kept, "it leaks"), (kept, "it drips")]
    assert rows(conn, "SELECT case_id FROM attachments") == [(kept,)]
    old, new = row(conn, "cases", gone), row(conn, "cases", kept)
    assert (old["active"], old["wake_at"], new["last_action_at"]) == (0, None, NOW)
    assert new["email_cc"] == "boss@acme.example, sue@acme.example"
    assert (links(crm, gone), links(crm, kept)) == ([("merged", kept)], [("merged from", gone)])
    names = "SELECT case_id, name FROM case_log WHERE at = ? ORDER BY id"
    assert rows(conn, names, NOW)[1:] == [(kept, f"Merge of case {gone}"), (gone, "Merge")]


def test_the_last_case_named_is_the_one_that_stays(crm: Crm, conn: sqlite3.Connection) -> None:
    """merge FROM… INTO."""
    a_case(conn), a_case(conn), a_case(conn)
    assert crm("case", "merge", "2", "3", "1").out == "2\n3\n"
    assert rows(conn, "SELECT case_id, other_id FROM case_links") == [(2, 1), (3, 1)]
    run = crm("case", "merge", "1")
    assert (run.exit, run.err) == (2, "crm: into which case is 1 to be merged? (crm case merge 1 --into CASE)\n")


def test_merges_follow_each_other_and_never_in_a_circle(crm: Crm, conn: sqlite3.Connection) -> None:
    """Into a merged case means into where it went."""
    a_case(conn), a_case(conn), a_case(conn)
    assert crm("case", "merge", "1", "--into", "2").exit == 0
    assert crm("case", "merge", "2", "--into", "3").exit == 0
    before = dump(conn)
    said = [crm("case", "merge", *words) for words in (("3", "1"), ("3", "2"), ("1", "3"), ("3", "3"))]
    assert [run.err.split(" (")[0] for run in said] == [
        "crm: case 1 was merged into 3 before",
        "crm: case 2 was merged into 3 before",
        "crm: case 1 was merged into 3 already",
        "crm: case 3 cannot be merged into itself",
    ]
    assert dump(conn) == before
    a_case(conn)
    assert crm("case", "merge", "4", "--into", "1").exit == 0
    assert rows(conn, "SELECT other_id FROM case_links WHERE case_id = 4") == [(3,)]


def test_a_split_takes_communications_into_a_case_of_their_own(crm: Crm, conn: sqlite3.Connection) -> None:
    """With the people of the old one; both are linked."""
    partner = a_partner(conn)
    case_id = a_case(conn, partner_id=partner, priority=1)
    for words in ("one", "two", "three"):
        do(conn, Note(case_id, words))
    run = crm("case", "split", str(case_id), "--messages", "2-3", "--name", "Second leak")
    new = int(run.out)
    assert rows(conn, SAID) == [(case_id, "one"), (new, "two"), (new, "three")]
    split = row(conn, "cases", new)
    assert [split[name] for name in ("name", "state", "partner_id", "email_from", "priority", "user_id")] == [
        "Second leak", "draft", partner, "joe@acme.example", 1, None,
    ]  # fmt: skip
    assert (links(crm, case_id), links(crm, new)) == ([("relates", new)], [("relates", case_id)])
    assert rows(conn, "SELECT name FROM case_log WHERE case_id = ? ORDER BY id DESC LIMIT 1", case_id) == [("Split",)]
    assert int(crm("case", "split", str(case_id), "--messages", "1").out) == new + 1
    assert row(conn, "cases", new + 1)["name"] == "Pump broken"


@pytest.mark.parametrize(("messages", "code"), [("9", 3), ("1,9", 3), ("x", 2), ("", 2), ("1-", 2)])
def test_a_split_of_words_that_are_not_there_changes_nothing(
    messages: str, code: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """Neither case nor link is made."""
    do(conn, Note(a_case(conn), "one"))
    do(conn, Note(a_case(conn), "another's"))
    before = dump(conn)
    assert crm("case", "split", "1", "--messages", messages).exit == code
    assert crm("case", "split", "1", "--messages", "2").exit == 3
    assert dump(conn) == before


# link ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "back"),
    [("relates", "relates"), ("blocks", "blocked by"), ("duplicates", "duplicated by"), ("continues", "continued by")],
)
def test_a_link_is_seen_from_both_sides_and_made_once(kind: str, back: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """And can be taken away."""
    a_case(conn), a_case(conn)
    for _ in range(2):
        assert crm("case", "link", "2", "1", "--kind", kind).out == "2\n"
    assert (links(crm, 2), links(crm, 1)) == ([(kind, 1)], [(back, 2)])
    assert crm("case", "link", "2", "1", "--kind", kind, "--remove").exit == 0
    assert links(crm, 2) == []
    run = crm("case", "link", "2", "1", "--kind", kind, "--remove")
    assert (run.exit, run.err) == (3, f"crm: case 2 has no link {kind} to case 1 (crm case show 2)\n")


def test_related_cases_are_so_both_ways(crm: Crm, conn: sqlite3.Connection) -> None:
    """The other way round is the same link, and goes with it."""
    a_case(conn), a_case(conn)
    crm("case", "link", "1", "2")
    crm("case", "link", "2", "1")
    assert rows(conn, "SELECT count(*) FROM case_links") == [(1,)]
    assert crm("case", "link", "2", "1", "--remove").exit == 0
    assert rows(conn, "SELECT count(*) FROM case_links") == [(0,)]


@pytest.mark.parametrize("kind", ["blocks", "duplicates", "continues"])
def test_links_with_a_direction_never_go_in_a_circle(kind: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """The schema refuses it, of whatever length; each kind is on its own."""
    a_case(conn), a_case(conn), a_case(conn)
    crm("case", "link", "1", "2", "--kind", kind)
    crm("case", "link", "2", "3", "--kind", kind)
    before = dump(conn)
    for ends in (("2", "1"), ("3", "1"), ("3", "2")):
        run = crm("case", "link", *ends, "--kind", kind)
        assert (run.exit, run.err) == (1, "crm: circle of links\n")
    assert crm("case", "link", "1", "1", "--kind", kind).err == "crm: case 1 cannot be linked to itself\n"
    assert dump(conn) == before
    other = "blocks" if kind == "continues" else "continues"
    assert crm("case", "link", "3", "1", "--kind", other).exit == 0


def test_a_link_of_an_unknown_kind_or_to_nothing_is_refused(crm: Crm, conn: sqlite3.Connection) -> None:
    """merged is made by merge alone."""
    a_case(conn), a_case(conn)
    assert crm("case", "link", "1", "2", "--kind", "merged").exit == 2
    assert "blocks" in crm("case", "link", "1", "2", "--kind", "block").err
    assert crm("case", "link", "1", "9").exit == 3
    assert rows(conn, "SELECT count(*) FROM case_links") == [(0,)]


# files -----------------------------------------------------------------------------------------------------


def test_files_are_kept_listed_and_saved_under_safe_names_never_over_others(
    crm: Crm, conn: sqlite3.Connection, tmp_path: Path
) -> None:
    """Numbered where a name is taken; a name is never a path."""
    a_case(conn)
    (tmp_path / "plan.txt").write_text("the plan")
    (tmp_path / "data").write_bytes(b"\x00\xff")
    assert crm("case", "attach", "1", str(tmp_path / "plan.txt"), str(tmp_path / "data")).out == "1\n"
    crm("case", "attach", "1", str(tmp_path / "plan.txt"))
    set_(conn, "attachments", 2, name="../../evil\n.txt")
    listed = crm("case", "files", "1", "-o", "json").json()
    assert [(one["name"], one["size"], one["type"]) for one in listed][::2] == [("plan.txt", 8, "text/plain")] * 2
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "plan.txt").write_text("mine")
    saved = crm("case", "files", "1", "--save", str(folder), "-o", "json").json()
    assert [one["path"] for one in saved] == [str(folder / name) for name in ("plan-2.txt", "evil .txt", "plan-3.txt")]
    assert sorted(os.listdir(folder)) == ["evil .txt", "plan-2.txt", "plan-3.txt", "plan.txt"]
    assert (folder / "plan.txt").read_text() == "mine"
    assert (folder / "evil .txt").read_bytes() == b"\x00\xff"
    assert (folder / "plan-3.txt").read_text() == "the plan"


def test_a_saved_file_does_not_follow_a_link_that_lies_in_wait(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """It takes another name."""
    a_case(conn)
    (tmp_path / "plan.txt").write_text("the plan")
    crm("case", "attach", "1", str(tmp_path / "plan.txt"))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "plan.txt").symlink_to(tmp_path / "target")
    crm("case", "files", "1", "--save", str(folder))
    assert not (tmp_path / "target").exists()
    assert (folder / "plan-2.txt").read_text() == "the plan"


def test_a_dry_run_saves_no_files(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """They cannot be rolled back."""
    a_case(conn)
    run = crm("case", "files", "1", "--save", str(tmp_path / "out"), "-n")
    assert (run.exit, run.err) == (1, "crm: files cannot be saved in a dry run (leave -n out)\n")
    assert not (tmp_path / "out").exists()


def test_the_log_tells_what_was_done_newest_first(crm: Crm, conn: sqlite3.Connection) -> None:
    """By whom, where, how."""
    a_case(conn, channel_id=2)
    crm("case", "open", "1")
    crm("case", "note", "1", "words")
    log = crm("case", "log", "1", "-o", "json").json()
    assert [(one["name"], one["at"], one["user"], one["section"], one["channel"]) for one in log] == [
        ("Historize", NOW, "ann", "Support", "phone"),
        ("Open", NOW, "ann", "Support", "phone"),
    ]
    assert log[0]["user_id"] == ANN


# Dry runs --------------------------------------------------------------------------------------------------

TRIED = (
    ("duplicate", "1"), ("merge", "1", "--into", "2"), ("link", "1", "2"), ("split", "1", "--messages", "1"), ("delete", "2"),
    ("archive", "1"), ("note", "1", "more"), ("reply", "1", "yes"), ("quote", "1"), ("remind", "1", "--user"),
    ("edit", "1", "--priority", "high"), ("add", "New one"), ("attach", "1", __file__), ("pending", "1", "--until", "+1d"),
)  # fmt: skip


@pytest.mark.parametrize("words", TRIED, ids=[words[0] for words in TRIED])
def test_a_dry_run_writes_nothing_and_tells_what_it_would(words: tuple[str, ...], crm: Crm, conn: sqlite3.Connection) -> None:
    """The whole database is as it was; the id, or with json the object as it would be, is on standard output."""
    do(conn, Note(a_case(conn, email_from="joe@acme.example", user_id=ANN), "words"))
    a_case(conn)
    before = dump(conn)
    run = crm("case", *words, "--dry-run")
    assert run.exit == 0
    assert run.out.strip().isdecimal()
    assert run.err.startswith("nothing was written; these would be the changes:\n  ")
    assert crm("case", *words, "-n", "-o", "json").json()["id"] == int(run.out)
    assert dump(conn) == before
    assert crm("case", *words).out == run.out
    assert dump(conn) != before
