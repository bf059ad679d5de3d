"""The life cycle alone, without a database: what each command makes happen, and what is refused with which way out."""

from __future__ import annotations

from typing import Any

import pytest

from crmcli import workflow
from crmcli.errors import Refused
from crmcli.model import (
    STATES,
    Act,
    Arrive,
    Attach,
    Attached,
    Case,
    Changed,
    Command,
    Delete,
    Deleted,
    Due,
    Edit,
    Event,
    Hear,
    Link,
    Linked,
    Logged,
    Mail,
    Mailed,
    Merge,
    Moved,
    Note,
    Remind,
    Reply,
    Row,
    SetActive,
    Split,
    Spoken,
)
from crmcli.workflow import Facts, decide

NOW = "2026-03-02T09:00:00Z"
BLANK = dict.fromkeys(Case._fields)
ANN: Row = {"id": 1, "login": "ann", "email": "ann@us.example"}
SUPPORT: Row = {
    "id": 1,
    "name": "Support",
    "reply_to": "support@us.example",
    "reply_state": "pending",
    "thanks": 1,
    "allow_unlink": 1,
}
BOB: Row = {"id": 2, "login": "bob", "email": None}


def a_case(**values: Any) -> Case:
    """A draft of ours with what a test needs different."""
    usual = {"id": 7, "name": "Pump", "state": "draft", "priority": 3, "section_id": 1, "created_by": "cli", "active": 1}
    return Case(**{**BLANK, "starts_at": NOW, "created_at": NOW, **usual, **values})


def about(case: Case, **more: Any) -> Facts:
    """What a decision may look at, with an ordinary section and ann acting."""
    section = {**SUPPORT, **more.pop("section", {})}
    usual = {"parent": None, "responsible": ANN if case.user_id else None, "actor": ANN, "newest": None}
    usual["newest_outside"] = more.get("newest")
    return Facts(case, section, **{**usual, **more})


def done(command: Command, facts: Facts) -> list[Event]:
    """The events of a command at NOW."""
    return decide(command, facts, NOW)


def changed(events: list[Event]) -> Row:
    """All columns that the events change."""
    return {name: value for event in events if isinstance(event, Changed) for name, value in event.values.items()}


def refusal(command: Command, facts: Facts) -> Refused:
    """The refusal that a command meets."""
    with pytest.raises(Refused) as caught:
        done(command, facts)
    return caught.value


# Verbs -------------------------------------------------------------------------------------------------


def test_every_state_says_which_verbs_it_allows() -> None:
    """The table of domain.md §2, read by column."""
    assert {state: workflow.allowed(state) for state in STATES} == {
        "draft": ["open", "pending", "close", "cancel", "escalate"],
        "open": ["pending", "close", "cancel", "escalate"],
        "pending": ["open", "close", "cancel", "escalate"],
        "done": ["open", "reset"],
        "cancel": ["open", "reset"],
    }


@pytest.mark.parametrize("verb", ["open", "pending", "close", "cancel", "reset", "escalate"])
@pytest.mark.parametrize("state", STATES)
def test_a_verb_that_a_state_does_not_allow_names_those_it_does(state: str, verb: str) -> None:
    """The way out is in the hint."""
    if verb in workflow.allowed(state):
        return
    error = refusal(Act(7, verb), about(a_case(state=state)))
    deed = {"pending": "set case 7 to pending"}.get(verb, f"{verb} case 7")
    assert error.message == f"cannot {deed}: it is {'cancelled' if state == 'cancel' else state}"
    assert error.hint == f"allowed from {state}: {', '.join(workflow.allowed(state))}"


def test_open_takes_the_person_acting_where_nobody_is_responsible() -> None:
    """And nobody where mail or a rule acts."""
    assert changed(done(Act(7, "open"), about(a_case())))["user_id"] == 1
    assert changed(done(Act(7, "open"), about(a_case(user_id=2))))["user_id"] == 2
    assert changed(done(Act(7, "open"), about(a_case(), actor=None)))["user_id"] is None


def test_close_sets_when_it_was_closed_and_open_and_reset_clear_it() -> None:
    """closed_at follows the state in both directions."""
    assert changed(done(Act(7, "close"), about(a_case())))["closed_at"] == NOW
    closed = a_case(state="done", closed_at=NOW)
    assert changed(done(Act(7, "open"), about(closed)))["closed_at"] is None
    assert changed(done(Act(7, "reset"), about(closed)))["closed_at"] is None


def test_only_close_leaves_an_archived_case_where_it_is() -> None:
    """Every other verb brings it back."""
    verbs = {verb: "done" if verb == "reset" else "draft" for verb in workflow.VERBS}
    parent = {"id": 2, "user_id": 2}
    found = {
        verb: changed(done(Act(7, verb), about(a_case(state=state, active=0), parent=parent))).get("active")
        for verb, state in verbs.items()
    }
    assert found == {"open": 1, "pending": 1, "close": None, "cancel": 1, "reset": 1, "escalate": 1}


def test_each_verb_logs_its_word_and_tells_the_rules_where_it_led() -> None:
    """escalate leads to no state."""
    parent = {"id": 2, "user_id": None}
    logged = {}
    for verb in workflow.VERBS:
        events = done(Act(7, verb), about(a_case(state="done" if verb == "reset" else "draft"), parent=parent))
        logged[verb] = next(event for event in events if isinstance(event, Logged))
    assert logged == {
        "open": Logged("Open", "open"),
        "pending": Logged("Pending", "pending"),
        "close": Logged("Close", "done"),
        "cancel": Logged("Cancel", "cancel"),
        "reset": Logged("Reset", "draft"),
        "escalate": Logged("Escalate", "escalate"),
    }


def test_escalate_hands_the_case_to_the_parents_responsible_or_nobody() -> None:
    """The state stays."""
    values = changed(done(Act(7, "escalate"), about(a_case(state="open", user_id=1), parent={"id": 2, "user_id": 5})))
    assert (values["state"], values["section_id"], values["user_id"]) == ("open", 2, 5)
    assert changed(done(Act(7, "escalate"), about(a_case(user_id=1), parent={"id": 2, "user_id": None})))["user_id"] is None


def test_escalate_at_the_top_is_refused() -> None:
    """There is nobody above."""
    assert refusal(Act(7, "escalate"), about(a_case())).message == "case 7 is at the top: its section Support has no parent"


def test_pending_keeps_when_to_wake_and_cancel_why_it_was_lost() -> None:
    """Both are cleared by the verbs that follow."""
    assert changed(done(Act(7, "pending", until=NOW), about(a_case())))["wake_at"] == NOW
    assert changed(done(Act(7, "cancel", lost_reason="price"), about(a_case())))["lost_reason"] == "price"
    waiting = a_case(state="pending", wake_at=NOW)
    assert all(changed(done(Act(7, verb), about(waiting)))["wake_at"] is None for verb in ("open", "close", "cancel"))
    lost = a_case(state="cancel", lost_reason="price")
    assert all(changed(done(Act(7, verb), about(lost)))["lost_reason"] is None for verb in ("open", "reset"))


# Words ---------------------------------------------------------------------------------------------------


def test_a_note_without_a_text_takes_the_pending_one() -> None:
    """And clears what travels with it."""
    events = done(Note(7), about(a_case(description="call back", channel_id=2, mood_id=3)))
    assert events[:2] == [Logged("Historize"), Spoken("note", "ann@us.example", "call back")]
    assert changed(events) == {"description": None, "channel_id": None, "mood_id": None, "last_action_at": NOW}


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_a_note_without_any_text_is_just_a_log_row(text: str | None) -> None:
    """Nothing was said."""
    events = done(Note(7, text), about(a_case(), actor=None))
    assert [type(event) for event in events] == [Logged, Changed]


def test_a_note_that_came_by_mail_goes_on_to_the_staff() -> None:
    """With its writer."""
    events = done(Note(7, "for us", "bob@us.example", 4), about(a_case()))
    assert Mailed("note", "for us", message_id=4, author="bob@us.example") in events
    assert Spoken("note", "bob@us.example", "for us", 4) in events


def test_a_reply_asks_for_address_responsible_and_text_in_that_order() -> None:
    """Each has its own error."""
    errors = [
        refusal(Reply(7), about(a_case())).message,
        refusal(Reply(7), about(a_case(email_from="joe@acme.example"))).message,
        refusal(Reply(7, " \n"), about(a_case(email_from="joe@acme.example", user_id=1))).message,
    ]
    assert errors == ["case 7 has no partner e-mail", "case 7 has no responsible", "the reply to case 7 has no text"]


def test_a_reply_says_mails_clears_and_takes_the_sections_reply_state() -> None:
    """The whole of it, in order."""
    case = a_case(email_from="joe@acme.example", user_id=1, description="soon", state="open")
    events = done(Reply(7, None, None, (4,)), about(case))
    assert [type(event) for event in events] == [Logged, Spoken, Mailed, Changed, Changed, Logged]
    assert events[1:3] == [Spoken("out", "joe@acme.example", "soon"), Mailed("reply", "soon", (), (4,))]
    assert changed(events)["state"] == "pending"


@pytest.mark.parametrize(
    ("state", "reply_state", "wanted", "after"),
    [
        ("pending", "pending", None, None),
        ("done", "pending", None, None),
        ("open", None, None, None),
        ("draft", "open", None, "open"),
        ("open", "pending", "done", "done"),
        ("open", "pending", "open", None),
    ],
)
def test_after_a_reply_the_state_follows_where_the_life_cycle_lets_it(
    state: str, reply_state: str | None, wanted: str | None, after: str | None
) -> None:
    """Already there, or not allowed, is nothing; a state asked for goes before the section's."""
    closed = NOW if state == "done" else None
    case = a_case(email_from="joe@acme.example", user_id=1, state=state, closed_at=closed)
    events = done(Reply(7, "yes", wanted), about(case, section={"reply_state": reply_state}))
    assert changed(events).get("state") == after


def test_a_state_asked_for_with_a_reply_that_may_not_be_refuses_all_of_it() -> None:
    """Nothing is sent then."""
    case = a_case(email_from="joe@acme.example", user_id=1, state="open")
    assert refusal(Reply(7, "yes", "draft"), about(case)).message == "cannot reset case 7: it is open"


def test_hearing_a_person_thanks_and_passes_on_where_asked() -> None:
    """A robot's mail is no action."""
    events = done(Hear(7, 4, "help", "joe@acme.example", thank=True), about(a_case()))
    assert [event.kind for event in events if isinstance(event, Mailed)] == ["thanks", "forward"]
    assert changed(events) == {"last_action_at": NOW}
    silent = about(a_case(), section={"thanks": 0})
    quiet = done(Hear(7, 4, "away", "joe@acme.example", human=False, thank=True, forward=""), silent)
    assert quiet == [Logged("Receive"), Spoken("in", "joe@acme.example", "away", 4)]


def test_a_reminder_needs_somebody_an_address_to_answer_to_and_theirs() -> None:
    """What is missing is an error, never silence."""
    case = a_case(user_id=2)
    assert refusal(Remind(7), about(case)).message == "nobody to remind of case 7"
    silent = about(case, section={"reply_to": None})
    assert refusal(Remind(7, user=True), silent).message == "section Support has no reply-to address"
    assert refusal(Remind(7, user=True), about(case, responsible=BOB)).message == "case 7 has no responsible with an address"
    assert refusal(Remind(7, user=True), about(a_case())).message == "case 7 has no responsible with an address"
    assert refusal(Remind(7, partner=True), about(case)).message == "case 7 has no partner e-mail"


@pytest.mark.parametrize(
    ("newest", "description", "text"), [("last words", "draft", "last words"), (None, "draft", "draft"), (None, None, "Pump")]
)
def test_a_reminder_says_the_newest_words(newest: str | None, description: str | None, text: str) -> None:
    """Else the pending text, else the subject."""
    case = a_case(user_id=1, email_from="joe@acme.example", description=description)
    assert done(Remind(7, user=True, partner=True, attach=True), about(case, newest=newest)) == [
        Logged("Remind"),
        Mailed("remind_user", text, ("ann@us.example",), with_files=True),
        Mailed("remind_partner", text, ("joe@acme.example",), with_files=True),
    ]
    assert done(Remind(7, user=True), about(case, newest=newest))[1:] == [Mailed("remind_user", text, ("ann@us.example",))]


def test_a_rules_mail_goes_to_its_recipients() -> None:
    """Already found out by the rule."""
    assert done(Mail(7, ("a@b.example",), "late"), about(a_case())) == [Mailed("rule", "late", ("a@b.example",))]


# Cases and each other --------------------------------------------------------------------------------------


def test_a_merged_case_gives_all_away_and_sleeps() -> None:
    """It wakes no more."""
    events = done(Merge(7, 8), about(a_case(), other=a_case(id=8)))
    assert events[:3] == [Moved(8), Linked(8, "merged"), Logged("Merge")]
    assert changed(events) == {"active": 0, "wake_at": None, "last_action_at": NOW}


def test_a_case_is_merged_once_and_never_into_itself() -> None:
    """Also not by way of another."""
    assert refusal(Merge(7, 7), about(a_case(), other=a_case())).message == "case 7 cannot be merged into itself"
    assert refusal(Merge(7, 9), about(a_case(), other=a_case())).message == "case 9 was merged into 7 before"
    assert refusal(Merge(7, 8), about(a_case(), other=a_case(id=8), merged_into=5)).message == "case 7 was merged into 5 already"


def test_a_link_leads_to_another_case() -> None:
    """Or is taken away."""
    assert done(Link(7, 8, "blocks"), about(a_case())) == [Linked(8, "blocks")]
    assert done(Link(7, 8, "blocks", off=True), about(a_case())) == [Linked(8, "blocks", off=True)]
    assert refusal(Link(7, 7, "blocks"), about(a_case())).message == "case 7 cannot be linked to itself"


def test_a_split_needs_a_case_to_go_to() -> None:
    """execute makes it before."""
    assert done(Split(7, (3,)), about(a_case(), other=a_case(id=8))) == [Moved(8, (3,)), Linked(8, "relates"), Logged("Split")]
    assert refusal(Split(7, (3,)), about(a_case())).message == "there is no case to split into"


def test_the_rest_is_what_it_says() -> None:
    """Edit, attach, archive, time that passes, and arriving from elsewhere."""
    assert done(Edit(7, {"priority": 1}), about(a_case())) == [Changed({"priority": 1})]
    assert done(Attach(7, "a.txt", "text/plain", 3, "ab"), about(a_case())) == [Attached("a.txt", "text/plain", 3, "ab")]
    assert done(SetActive(7, active=False), about(a_case())) == [Changed({"active": 0})]
    assert done(Due(7), about(a_case())) == []
    assert done(Arrive(7), about(a_case(state="open"))) == [Logged("Import", "open")]


@pytest.mark.parametrize(
    ("state", "allow_unlink", "way"), [("draft", 0, None), ("open", 1, None), ("open", 0, "cancel"), ("done", 0, "archive")]
)
def test_a_section_may_keep_cases_from_being_deleted(state: str, allow_unlink: int, way: str | None) -> None:
    """Drafts go; of the others it says what can be done instead."""
    facts = about(a_case(state=state), section={"allow_unlink": allow_unlink})
    if way is None:
        assert done(Delete(7), facts) == [Deleted()]
    else:
        assert refusal(Delete(7), facts).hint == f"{way} it instead: crm case {way} 7"
