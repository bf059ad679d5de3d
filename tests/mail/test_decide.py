"""What a mail leads to, as commands: the decision by itself, without a database (mail.md §4, §5)."""

from __future__ import annotations

from typing import Any

import pytest

from crmcli.mail.classify import Kind
from crmcli.mail.decide import Decision, Facts, decide
from crmcli.mail.parse import parse
from crmcli.mail.thread import Thread
from crmcli.model import NEW, Act, Add, Case, Edit, Hear, Link, Mail, Note, Reply, SetActive
from tests.conftest import NOW
from tests.mail.post import letter

HUMAN = Kind("human")


def case(**values: Any) -> Case:
    given = dict.fromkeys(Case._fields) | {"id": 7, "state": "open", "email_from": "joe@acme.example", "user_id": 1, "active": 1}
    return Case(**{**given, "starts_at": NOW, "created_at": NOW, **values})


def facts(**values: Any) -> Facts:
    found = Facts(5, ("Joe", "joe@acme.example"), None, None, 4, 1, True, Thread(), participant=True)
    return found._replace(**values)


def decided(kind: Kind = HUMAN, raw: bytes | None = None, **values: Any) -> Decision:
    return decide(parse(raw or letter("Words.\n")), kind, facts(**values))


@pytest.mark.parametrize("kind", ["own-loop", "bounce", "receipt", "feedback"])
def test_what_answers_nobody_leads_to_nothing(kind: str) -> None:
    assert decided(Kind(kind), case=case()) == Decision("triage", kind)


@pytest.mark.parametrize("kind", ["auto-reply", "bulk"])
@pytest.mark.parametrize("state", ["draft", "open", "pending", "done", "cancel"])
def test_a_robots_mail_is_appended_and_changes_no_state(kind: str, state: str) -> None:
    found = decided(Kind(kind), case=case(state=state))
    assert found.commands == (Hear(7, 5, "Words.", "joe@acme.example", human=False, forward="note"),)


@pytest.mark.parametrize(("user_id", "marks"), [(None, ("stranger",)), (1, ())])
def test_a_robot_that_nobody_let_in_takes_no_part(user_id: int | None, marks: tuple[str, ...]) -> None:
    assert decided(Kind("auto-reply"), case=case(), participant=False, user_id=user_id).marks == marks
    assert decided(Kind("auto-reply"), case=case(), participant=True, user_id=user_id).marks == ()


def test_a_robots_mail_without_a_case_waits_for_people() -> None:
    assert decided(Kind("bulk")) == Decision("triage", "quiet mail: bulk")


def test_a_robots_mail_of_the_staff_is_passed_on_to_nobody() -> None:
    found = decided(Kind("auto-reply"), case=case(), user_id=1)
    assert [command.forward for command in found.commands if isinstance(command, Hear)] == [""]


def test_a_new_case_takes_what_the_mail_tells() -> None:
    found = decided(raw=letter("Words.\n", subject="  Pump  "))
    add = found.commands[0]
    assert isinstance(add, Add)
    assert add.values == {
        "name": "Pump", "section_id": 1, "user_id": None, "contact_id": None, "email_from": "joe@acme.example", "channel_id": 4,
    }  # fmt: skip
    assert found.commands[1:] == (Hear(NEW, 5, "Words.", "joe@acme.example", thank=True),)
    assert (found.state, found.person) == ("done", ("Joe", "joe@acme.example"))


def test_a_mail_without_a_subject_has_a_name_all_the_same() -> None:
    add = decided(raw=letter(subject="")).commands[0]
    assert isinstance(add, Add)
    assert add.values["name"] == "(no subject)"


def test_a_mail_of_nobody_is_thanked_by_nobody() -> None:
    found = decided(writer=("", ""))
    assert [command.thank for command in found.commands if isinstance(command, Hear)] == [False]
    assert found.person is None


def test_whoever_forbids_thanks_is_not_thanked() -> None:
    found = decided(Kind("human", (), True))
    assert [command.thank for command in found.commands if isinstance(command, Hear)] == [False]


@pytest.mark.parametrize("known", [{"contact_id": 3}, {"user_id": 2}])
def test_a_known_writer_makes_no_new_contact(known: dict[str, int]) -> None:
    assert decided(**known).person is None


def test_without_a_section_the_case_is_for_triage() -> None:
    found = decided(routed=False)
    assert (found.state, found.reason, type(found.commands[0])) == ("triage", "no section for it", Add)


def test_a_new_case_is_linked_to_what_the_mail_pointed_to() -> None:
    found = decided(thread=Thread(None, "A", (3, 4), "it points to several cases"))
    assert found.commands[2:] == (Link(NEW, 3, "relates"), Link(NEW, 4, "relates"))
    assert found.reason == "it points to several cases"


@pytest.mark.parametrize(
    ("state", "reopens", "commands"),
    [
        ("draft", True, (Act(7, "open"),)),
        ("pending", True, (Act(7, "open"),)),
        ("open", True, ()),
        ("done", True, (Act(7, "open"),)),
        ("cancel", True, (Act(7, "open"),)),
    ],
)
def test_a_partners_answer_opens_the_case(state: str, reopens: bool, commands: tuple[Act, ...]) -> None:
    found = decided(case=case(state=state), reopens=reopens)
    assert found.commands == (Hear(7, 5, "Words.", "joe@acme.example"), *commands)


def test_a_case_closed_too_long_ago_is_continued() -> None:
    found = decided(case=case(state="done"), reopens=False)
    assert isinstance(found.commands[0], Add)
    assert found.commands[-1] == Link(NEW, 7, "continues")


def test_an_archived_open_case_comes_back() -> None:
    assert decided(case=case(active=0)).commands[-1] == SetActive(7, True)


def test_a_stranger_is_heard_by_the_staff_alone() -> None:
    found = decided(case=case(), participant=False)
    assert (found.commands[0], found.marks) == (Hear(7, 5, "Words.", "joe@acme.example", forward="note"), ("stranger",))


def test_a_proven_answer_goes_out_in_the_writers_name() -> None:
    found = decided(case=case(), user_id=1, proof=1, writer=("Ann", "ann@us.example"))
    assert found.commands == (Reply(7, "Words.", message_id=5, author="ann@us.example"),)
    assert found.user_id == 1


def test_a_proven_answer_takes_a_case_of_nobody_first() -> None:
    found = decided(case=case(user_id=None), user_id=1, proof=1)
    assert found.commands[0] == Edit(7, {"user_id": 1})


def test_people_whom_the_staff_writes_to_watch_after_the_answer_is_out() -> None:
    found = decided(case=case(email_cc="a@x.example"), user_id=1, proof=1, outsiders=("b@x.example",))
    assert [type(command) for command in found.commands] == [Reply, Edit]
    assert found.commands[1] == Edit(7, {"email_cc": "a@x.example, b@x.example"})


def test_a_proven_answer_without_words_is_a_note() -> None:
    found = decided(raw=letter("\n"), case=case(), user_id=1, proof=1)
    assert isinstance(found.commands[0], Note)


@pytest.mark.parametrize("proof", [None, 2])
def test_the_staff_without_their_own_proof_writes_a_note(proof: int | None) -> None:
    found = decided(case=case(), user_id=1, proof=proof, writer=("Ann", "ann@us.example"), participant=False)
    assert found.commands == (Note(7, "Words.", "ann@us.example", 5),)
    assert found.user_id is None


def test_a_staff_proof_from_elsewhere_is_held_and_the_person_asked() -> None:
    found = decided(case=case(), proof=1, proof_address="ann@us.example", participant=False, writer=("", "eve@evil.example"))
    note, mail = found.commands
    assert isinstance(note, Note)
    assert isinstance(mail, Mail)
    assert (mail.recipients, found.marks) == (("ann@us.example",), ("foreign-proof",))


def test_mail_about_a_deleted_case_waits_for_people() -> None:
    assert decided(gone=3) == Decision("triage", "case 3 was deleted")
