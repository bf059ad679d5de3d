"""The one road: an action from its commands to the last thing that the rules make of it (architecture.md §1)."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import pytest

from crmcli import db
from crmcli.errors import NotFound, Refused
from crmcli.execute import execute
from crmcli.model import NEW, Act, Add, Attach, Command, Duplicate, Edit, Hear, Link, Merge, Note, Origin, Outcome, Reply, Split
from tests.cli.world import ANN, NOW, a_case, a_partner, dump, put, row, rows, set_
from tests.rules.world import rule

LOG = "SELECT name, user_id, rule_id FROM case_log WHERE case_id = ? ORDER BY id"


def do(conn: sqlite3.Connection, *commands: Command, user_id: int | None = ANN, quiet: bool = False) -> Outcome:
    """Commands as one action at NOW."""
    with db.write(conn, Origin(NOW, user_id, "cli", quiet=quiet)) as tx:
        return execute(tx, *commands)


def a_message(conn: sqlite3.Connection, sha256: str = "ab") -> int:
    """A stored mail from joe → its id."""
    with db.write(conn, Origin(NOW, None, "mail")) as tx:
        tx.run("INSERT INTO raw_messages (sha256, size, bytes) VALUES (?, 2, x'6162')", (sha256,))
        values = {"content_key": sha256, "message_id": f"<{sha256}@acme.example>", "from": "joe@acme.example", "received_at": NOW}
        return tx.insert("messages", {"sha256": sha256, "size": 2, "class": "human", **values})


def test_an_action_is_about_its_first_command(conn: sqlite3.Connection) -> None:
    """NEW in later ones is the case that the first made."""
    a_case(conn)
    made = do(conn, Add({"name": "new"}), Note(NEW, "at once"), Link(NEW, 1, "relates"), Act(1, "open"))
    assert made.case_id == 2
    assert rows(conn, "SELECT case_id, name FROM case_log ORDER BY id") == [(2, "Historize"), (1, "Open")]
    assert do(conn, Duplicate(1)).case_id == 3
    do(conn, Note(1, "words"))
    assert do(conn, Split(1, (2,))).case_id == 4


def test_an_action_that_is_refused_in_the_middle_writes_nothing(conn: sqlite3.Connection) -> None:
    """What came before it in the same action goes too."""
    a_case(conn, "done")
    before = dump(conn)
    with pytest.raises(Refused):
        do(conn, Note(1, "words"), Edit(1, {"priority": 1}), Act(1, "close"))
    with pytest.raises(NotFound):
        do(conn, Act(9, "open"))
    with pytest.raises(NotFound):
        do(conn, Merge(1, 9))
    assert dump(conn) == before


def test_what_a_rule_does_takes_the_same_path_as_a_person(conn: sqlite3.Connection) -> None:
    """State, log, event, span and journal carry the rule; nobody is made responsible by it."""
    rule_id = rule(conn, "Start", state_to="draft", set_state="open", set_priority=1)
    made = do(conn, Add({"name": "new", "user_id": None, "partner_id": a_partner(conn)}))
    case = row(conn, "cases", made.case_id)
    assert (case["state"], case["priority"], case["user_id"], case["created_by"]) == ("open", 1, None, "cli")
    assert rows(conn, LOG, made.case_id)[-1] == ("Open", None, rule_id)
    assert rows(conn, "SELECT name, user_id FROM events") == [("Case open: new", None)]
    assert rows(conn, "SELECT state, left_at FROM case_spans ORDER BY id") == [("draft", NOW), ("open", None)]
    by_rule = "SELECT DISTINCT table_name FROM changes WHERE rule_id = ? AND op <> 'delete' ORDER BY 1"
    assert [name for (name,) in rows(conn, by_rule, rule_id)] == ["case_log", "case_spans", "cases", "events"]


def test_a_rule_that_is_refused_fails_alone(conn: sqlite3.Connection) -> None:
    """What the person did stays, what the rule began is taken back, and it is told."""
    set_(conn, "sections", 1, reply_to=None)
    rule(conn, "Remind", state_to="open", set_priority=1, remind_user=1)
    a_case(conn, user_id=ANN)
    done = do(conn, Act(1, "open"))
    assert row(conn, "cases", 1)["state"] == "open"
    assert row(conn, "cases", 1)["priority"] == 3
    assert done.notes == ("section Support has no reply-to address",)
    assert rows(conn, "SELECT state, reason FROM rule_firings") == [("failed", "section Support has no reply-to address")]


def test_a_rules_verb_that_the_life_cycle_forbids_is_left_out_with_its_reason(conn: sqlite3.Connection) -> None:
    """The rest of the rule is done; the state already there is nothing."""
    rule(conn, "Draft", state_to="open", set_state="draft", set_priority=1)
    a_case(conn)
    done = do(conn, Act(1, "open"))
    assert (row(conn, "cases", 1)["state"], row(conn, "cases", 1)["priority"]) == ("open", 1)
    assert done.notes == ("cannot reset case 1: it is open",)
    rule(conn, "Same", state_to="pending", set_state="pending")
    assert do(conn, Act(1, "pending")).notes == ()


def test_mail_is_passed_on_to_whom_the_rules_made_responsible(conn: sqlite3.Connection) -> None:
    """The forward waits for them, and so does the thank-you."""
    bob = put(conn, "users", login="bob", email="bob@us.example")
    rule(conn, "To bob", state_to="draft", set_user_id=bob)
    values = {"name": "Help", "email_from": "joe@acme.example", "user_id": ANN}
    hear = Hear(NEW, a_message(conn), "it leaks", "joe@acme.example", thank=True)
    done = do(conn, Add(values), hear, user_id=None)
    assert rows(conn, "SELECT kind, recipient FROM outbox ORDER BY id") == [
        ("thanks", "joe@acme.example"),
        ("forward", "bob@us.example"),
    ]
    assert done.outbox_ids == (1, 2)


def test_history_that_is_brought_in_is_quiet(conn: sqlite3.Connection) -> None:
    """No rules, partner events and mails; the log and the history are written."""
    rule(conn, "Any", set_priority=1)
    partner = a_partner(conn)
    made = do(conn, Add({"name": "old", "partner_id": partner}), Act(NEW, "open"), Reply(NEW, "hello"), quiet=True)
    assert rows(
        conn, "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM outbox), (SELECT count(*) FROM rule_firings)"
    ) == [(0, 0, 0)]
    assert row(conn, "cases", made.case_id)["priority"] == 3
    assert [name for name, _, _ in rows(conn, LOG, made.case_id)] == ["Open", "Send", "Pending"]


def test_a_merge_takes_mails_deliveries_and_files_along(conn: sqlite3.Connection) -> None:
    """Log rows without words stay where they were done."""
    kept, gone = a_case(conn, user_id=ANN), a_case(conn, "open", email_from="joe@acme.example", user_id=ANN)
    message = a_message(conn)
    with db.write(conn, Origin(NOW, None, "mail")) as tx:
        delivered = {"sha256": "ab", "core_sha256": "ab", "route": "x", "received_at": NOW, "state": "done"}
        tx.insert("deliveries", {**delivered, "case_id": gone, "message_id": message})
        tx.run("INSERT INTO blobs (sha256, size, bytes) VALUES ('cd', 2, x'6162')")
    do(conn, Hear(gone, message, "it leaks", "joe@acme.example"), Attach(gone, "plan.txt", "text/plain", 2, "cd"))
    do(conn, Merge(gone, kept))
    for table in ("deliveries", "outbox", "attachments"):
        assert rows(conn, f"SELECT DISTINCT case_id FROM {table}") == [(kept,)], table
    assert [name for name, _, _ in rows(conn, LOG, kept)] == ["Receive", f"Merge of case {gone}"]
    assert [name for name, _, _ in rows(conn, LOG, gone)] == ["Open", "Merge"]
    assert row(conn, "cases", kept)["email_cc"] == "joe@acme.example"


def test_a_merge_makes_no_watcher_of_the_partner_that_the_case_has(conn: sqlite3.Connection) -> None:
    """Nor of ourselves."""
    kept = a_case(conn, email_from="joe@acme.example")
    gone = a_case(conn, email_from="JOE@acme.example", email_cc="sue@acme.example")
    do(conn, Merge(gone, kept))
    assert row(conn, "cases", kept)["email_cc"] == "sue@acme.example"


def test_a_split_takes_the_delivery_of_its_mail_along(conn: sqlite3.Connection) -> None:
    """So that the mail is found where it now is."""
    a_case(conn)
    message = a_message(conn)
    delivered = {"sha256": "ab", "core_sha256": "ab", "route": "x", "received_at": NOW, "state": "done"}
    put(conn, "deliveries", **delivered, case_id=1, message_id=message)
    do(conn, Note(1, "ours"), Hear(1, message, "it leaks", "joe@acme.example"))
    new = do(conn, Split(1, (2,))).case_id
    assert rows(conn, "SELECT case_id FROM deliveries") == [(new,)]
    assert rows(conn, "SELECT description FROM v_history WHERE case_id = 1") == [("ours",)]


def test_where_a_case_is_now_is_followed_through_all_merges(conn: sqlite3.Connection) -> None:
    """cases.current: itself where it was not merged."""
    from crmcli import cases

    for _ in range(4):
        a_case(conn)
    do(conn, Merge(1, 2)), do(conn, Merge(2, 3))
    assert [cases.current(conn, number) for number in (1, 2, 3, 4)] == [3, 3, 3, 4]


def test_a_span_never_ends_before_it_began(conn: sqlite3.Connection) -> None:
    """Also where the clock was set back meanwhile."""
    do(conn, Add({"name": "new"}))
    with db.write(conn, Origin("2026-03-01T00:00:00Z", ANN, "cli")) as tx:
        execute(tx, Act(1, "open"))
    assert rows(conn, "SELECT entered_at, left_at FROM case_spans") == [(NOW, NOW), (NOW, None)]


def test_a_part_of_a_write_may_fail_and_the_rest_is_kept(conn: sqlite3.Connection) -> None:
    """execute inside a savepoint, as ingest does it."""
    a_case(conn, "done")
    with db.write(conn, Origin(NOW, ANN, "cli")) as tx:
        execute(tx, Note(1, "kept"))
        with suppress(Refused), tx.savepoint():
            execute(tx, Note(1, "lost"), Act(1, "close"))
    assert rows(conn, "SELECT description FROM case_history") == [("kept",)]
