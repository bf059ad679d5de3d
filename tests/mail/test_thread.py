"""The clues in a mail and the grade of the best of them (mail.md §5)."""

from __future__ import annotations

import pytest

from crmcli.mail import sign
from crmcli.mail.parse import parse
from crmcli.mail.thread import Clues, Pointed, Thread, clues, is_forward, thread
from tests.mail.post import letter

KEYS = (sign.Key(1, b"k" * 32),)
CASE = sign.sign(KEYS, sign.Proof(7, "case"))
OTHER = sign.sign(KEYS, sign.Proof(8, "case"))
ANN = sign.sign(KEYS, sign.Proof(7, "user", 3))
OUTLOOK = "Look.\n\nVon: Joe Roe\nGesendet: Montag\nAn: Support\nBetreff: Pumpe\n\nKaputt."


def found(raw: bytes, *recipients: str) -> Clues:
    return clues(parse(raw), recipients, KEYS)


@pytest.mark.parametrize("header", ["in_reply_to", "references", "to", "cc"])
def test_a_proof_counts_wherever_an_answer_carries_it(header: str) -> None:
    value = f"<x.{CASE}@us.example>" if header in ("in_reply_to", "references") else f"support+{CASE}@us.example"
    assert found(letter(**{header: value})).signed == (7,)


def test_a_proof_counts_in_the_envelope_and_in_the_marker_line() -> None:
    assert found(letter(), f"support+{CASE.upper()}@us.example").signed == (7,)
    assert found(letter(f"Yes.\n\n> == Reply above this line == {CASE} ==\n> old\n")).signed == (7,)


def test_of_several_marker_lines_the_first_is_that_of_the_mail_that_is_answered() -> None:
    line = "== Reply above this line =="
    assert found(letter(f"Yes.\n\n> {line} {OTHER[:-1]}x ==\n> {line} {CASE} ==\n>\n>> {line} {OTHER} ==\n")).signed == (7,)
    assert found(letter(f"Yes.\n\n> {line} {CASE} ==\n>\n>> {line} {OTHER} ==\n", to=f"s+{OTHER}@us.example")).signed == (8, 7)


def test_a_marker_line_that_a_mail_program_broke_is_whole_where_it_says_so() -> None:
    broken = letter(f"Yes.\n\n> == Reply above this line == \n> {CASE} ==\n")
    assert found(broken).signed == ()
    assert found(broken.replace(b"charset=utf-8", b"charset=utf-8; format=flowed")).signed == (7,)


def test_a_proof_in_plain_words_counts_for_nothing() -> None:
    assert found(letter(f"Use {CASE} please.\n", subject=CASE)).signed == ()


def test_only_ids_and_plus_parts_prove_a_person() -> None:
    assert found(letter(in_reply_to=f"<x.{ANN}@us.example>")).personal == ((7, 3),)
    assert found(letter(), f"support+{ANN}@us.example").personal == ((7, 3),)
    assert found(letter(f"== Reply above this line == {ANN} ==\n")) == Clues(signed=(7,))


def test_references_are_the_newest_first_and_each_once() -> None:
    raw = letter(references="<a@x> <b@x> <c@x>", in_reply_to="<c@x>")
    assert found(raw).references == ("c@x", "b@x", "a@x")


@pytest.mark.parametrize(
    ("subject", "tags"),
    [
        ("[12] Pump", (12,)), ("Re: [12] Pump", (12,)), ("Re[2]: Pump", ()), ("[1][2][3][4]", (1, 2, 3)), ("[ 12 ]", ()),
        ("[12x]", ()), ("=?utf-8?b?WzEyXSBQ?=", (12,)), ("[list] Re: [12]", (12,)), ("[9999999999999999999999]", ()), ("", ()),
    ],
)  # fmt: skip
def test_tags_stand_in_brackets_in_the_subject(subject: str, tags: tuple[int, ...]) -> None:
    assert found(letter(subject=subject)).tags == tags


@pytest.mark.parametrize("prefix", ["Fwd", "FW", "Fw", "WG", "TR", "RV", "ENC", "I", "VS", "[ext] fwd"])
def test_a_forward_says_so_and_shows_it(prefix: str) -> None:
    assert is_forward(parse(letter(OUTLOOK, subject=f"{prefix}: Pump")))
    assert not is_forward(parse(letter("Just words.\n", subject=f"{prefix}: Pump")))


@pytest.mark.parametrize(
    "line",
    [
        "---------- Forwarded message ---------", "-----Original Message-----", "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------", "-----Ursprüngliche Nachricht-----", "------ Message transféré ------",
        "> -----Message d'origine-----", "---------- Mensaje reenviado ----------", "---------- Messaggio inoltrato ---------",
        "*From:* Joe\n*Sent:* Monday\n*To:* Support\n*Subject:* Pump",
        "De : Joe\nEnvoyé : lundi\nÀ : Support\nObjet : Pompe",
    ],
)  # fmt: skip
def test_forwarded_blocks_of_many_programs_are_known(line: str) -> None:
    assert is_forward(parse(letter(f"Look.\n\n{line}\n\nIt broke.\n", subject="Fwd: Pump")))


@pytest.mark.parametrize("subject", ["Re: Fwd: Pump", "Re: Pump", "Pump: fwd", "Item: x", "Via: x"])
def test_an_answer_to_a_forward_is_none(subject: str) -> None:
    assert not is_forward(parse(letter(OUTLOOK, subject=subject)))


STRANGER = "its sender takes no part in that case"


def leads(**given: object) -> Pointed:
    people = {case: frozenset({f"p{case}@x"}) for case in range(1, 9)}
    return Pointed(people=people, names={case: f"case {case}" for case in range(1, 9)})._replace(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pointed", "address", "staff", "expected"),
    [
        (leads(), "p1@x", False, Thread()),
        (leads(signed=(1,)), "stranger@x", False, Thread(1, "A")),
        (leads(signed=(1, 2)), "p1@x", False, Thread(None, "A", (1, 2), "it points to several cases")),
        (leads(references=((2,), (1,))), "P1@X", False, Thread(1, "B")),
        (leads(references=((2,), (1,))), "u@x", True, Thread(2, "B")),
        (leads(tagged=(3,)), "p3@x", False, Thread(3, "C")),
        (leads(tagged=(3,)), "u@x", True, Thread(3, "C")),
        (leads(tagged=(3,)), "s@x", False, Thread(None, "", (3,), STRANGER)),
        (leads(references=((1,),), tagged=(1, 2)), "s@x", False, Thread(None, "", (1, 2), STRANGER)),
        (leads(signed=(1,), references=((2,),), tagged=(3,)), "p2@x", False, Thread(1, "A")),
        (leads(references=((2,),), tagged=(3,)), "p3@x", False, Thread(3, "C")),
    ],
)
def test_the_best_evidence_that_the_sender_may_use_decides(
    pointed: Pointed, address: str, staff: bool, expected: Thread
) -> None:  # fmt: skip
    assert thread(Clues(), pointed, address, staff) == expected


def test_a_forward_needs_a_proof_to_stay() -> None:
    forward = Clues(forward=True)
    assert thread(forward, leads(signed=(1,)), "p1@x", False) == Thread(1, "A")
    assert thread(forward, leads(references=((1,),)), "p1@x", False) == Thread(None, "B", (1,), "it passes another mail on")
    assert thread(forward, leads(tagged=(1,)), "p1@x", False).linked == (1,)
