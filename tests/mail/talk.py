"""Conversations for tests: steps as values, and a player that hands them in and tells what became of each."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.message import Message
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from crmcli.mail import sign
from crmcli.mail.effects import Taken
from tests.mail.post import do, later, letter, one, out, post, said, store

PEOPLE = {
    "joe": "Joe Roe <joe@acme.example>",
    "JOE": "Joe Roe <Joe@ACME.example>",
    "home": "Joe Roe <joe@home.example>",
    "joe+": "Joe Roe <joe+crm@acme.example>",
    "sue": "Sue Poe <sue@acme.example>",
    "max": "Max Doe <max@acme.example>",
    "eve": "Eve <eve@evil.example>",
    "ann": "Ann Lee <ann@us.example>",
    "ann2": "Ann Lee <ann@home.example>",
    "bob": "Bob <bob@us.example>",
    "ex": "Ex <ex@us.example>",
}


STEP = 120 / 86400
"""Days from one step to the next: no two of them are within a minute."""


class Mail(NamedTuple):
    """One mail comes in: who wrote it, what it answers, and what must have become of it.

    answers names mails by their label (`joe1`) or, of ours, by kind, case and person (`thanks 1`, `forward 1 ann`) or as
    `out` with its number; `case 1` or `case out 1` is but the signed id that the References of such a mail begin with.
    plus says that it is sent to the Reply-To of that mail instead of naming it, recipient that the envelope is. quote names
    the mail of ours whose token stands for TOKEN, and whose marker line for MARKER, wherever the mail has these words; forge
    spoils the token first, bend the finished bytes. drop leaves a header out.
    case is where it must land (None: nowhere), goes what it sends out; again tells that it was here before. days is when,
    counted from the first step; each step is a little later than the one before it.
    """

    who: str
    case: int | None
    state: str = ""
    how: str = ""
    answers: str = ""
    plus: str = ""
    label: str = ""
    subject: str = "Pump"
    text: str = ""
    to: str = ""
    cc: str = ""
    recipient: str = ""
    sender: str | None = None
    section: str = ""
    links: str = ""
    goes: str = ""
    days: float = 0
    headers: Mapping[str, str] = MappingProxyType({})
    spoof: str = ""
    quote: str = ""
    forge: Callable[[str], str] = str
    bend: Callable[[bytes], bytes] = bytes
    drop: str = ""
    again: bool = False


class Do(NamedTuple):
    """Somebody does something at the terminal."""

    what: Any
    days: float = 0


class Have(NamedTuple):
    """Somebody arranged something before: a function of the database."""

    what: Callable[[sqlite3.Connection], object]


Step: TypeAlias = Mail | Do | Have


class Landed(NamedTuple):
    """What became of a mail: new are the cases that there were not before, went what it sent out ('kind who')."""

    mail: Mail
    taken: Taken
    new: set[int]
    went: list[str]


def people(conn: sqlite3.Connection) -> None:
    """The staff beside ann: bob, a second address of ann's, and one who has left."""
    store(conn, "users", login="bob", name="Bob", email="bob@us.example")
    store(conn, "users", login="ex", name="Ex", email="ex@us.example", active=0)
    store(conn, "addresses", address="ann@home.example", user_id=1)


def play(conn: sqlite3.Connection, steps: Iterable[Step]) -> Iterator[Landed]:
    """Do the steps one after another → what became of each mail, before what it sends leaves and the next step comes."""
    conn.execute("PRAGMA synchronous = OFF")  # nothing is cut off here, and waiting for the disk is most of the time
    people(conn)
    labels: dict[str, str] = {}
    for number, step in enumerate(steps):
        if isinstance(step, Do):
            do(conn, step.what, now=later(step.days + number * STEP))
        elif isinstance(step, Have):
            step.what(conn)
        else:
            yield _hand_in(conn, step, number, labels)
            conn.execute("UPDATE outbox SET state = 'sent' WHERE state = 'queued'")


def check(conn: sqlite3.Connection, landed: Landed) -> None:
    """Whether a mail led to what it must have led to, in its case and out of the house."""
    mail, taken = landed.mail, landed.taken
    assert (taken.case_id, taken.repeat) == (mail.case, mail.again), taken
    if mail.case is None:
        assert taken.state == "triage"
    else:
        assert one(conn, "SELECT state FROM cases WHERE id = ?", mail.case) == mail.state
        assert said(conn, mail.case)[-1][0] == mail.how
        found = conn.execute("SELECT kind, other_id FROM case_links WHERE case_id = ? ORDER BY other_id", (mail.case,)).fetchall()
        assert ", ".join(f"{kind} {other}" for kind, other in found) == mail.links
    if mail.goes or mail.how in ("note", "out"):
        assert landed.went == sorted(filter(None, mail.goes.split(", ")))


def _hand_in(conn: sqlite3.Connection, mail: Mail, number: int, labels: dict[str, str]) -> Landed:
    before, cases = one(conn, "SELECT coalesce(max(id), 0) FROM outbox"), _cases(conn)
    token, marker = _proof(conn, mail, labels)
    message_id = f"<m{number}@{mail.who.strip('+')}.example>"
    answered = [_id(conn, name, labels) for name in mail.answers.split(", ") if name]
    if mail.spoof == "cut":
        answered = [name.replace(".c1-1-", ".c1-1-a") for name in answered]
    given = {
        "from_": PEOPLE[mail.who], "subject": mail.subject, "cc": mail.cc, "message_id": message_id,
        "references": " ".join(answered), "in_reply_to": answered[-1] if answered else "",
        "to": mail.to or (_reply_to(conn, mail.plus) if mail.plus else "support@us.example"),
        **{name: _named(conn, value, labels) for name, value in mail.headers.items()},
        **dict.fromkeys(mail.drop.split(), ""),
    }  # fmt: skip
    labels[mail.label or str(number)] = given["message_id"]
    filled = {name: value.replace("TOKEN", token) for name, value in given.items()}
    text = (mail.text or f"Words number {number}.").replace("MARKER", marker).replace("TOKEN", token)
    recipients = [_reply_to(conn, mail.recipient)] if mail.recipient in _kinds(conn) else [mail.recipient][: bool(mail.recipient)]
    taken = post(
        conn, mail.bend(letter(f"{text}\n", **filled)).replace(b"TOKEN", token.encode()), *recipients,
        sender=_bare(mail.spoof if mail.spoof in PEOPLE else mail.who) if mail.sender is None else mail.sender,
        section=mail.section, now=later(mail.days + number * STEP),
    )  # fmt: skip
    rows = conn.execute("SELECT kind, recipient FROM outbox WHERE id > ? AND state <> 'held'", (before,)).fetchall()
    return Landed(mail, taken, _cases(conn) - cases, sorted(f"{kind} {address.split('@')[0]}" for kind, address in rows))


def _cases(conn: sqlite3.Connection) -> set[int]:
    return {case_id for (case_id,) in conn.execute("SELECT id FROM cases")}


def _bare(who: str) -> str:
    found = re.search(r"[^<\s]+@[^>\s]+", PEOPLE[who])
    assert found
    return found[0]


def _kinds(conn: sqlite3.Connection) -> set[str]:
    """The names by which mails of ours are called: `thanks 1`, `forward 1`, `forward 1 ann`."""
    rows = conn.execute("SELECT kind, case_id, recipient FROM outbox").fetchall()
    return {name for kind, case, to in rows for name in (f"{kind} {case}", f"{kind} {case} {to.partition('@')[0]}")}


def _where(name: str) -> tuple[str, int, str | None]:
    kind, case_id, *who = name.split(" ")
    return kind, int(case_id), _bare(who[0]) if who else None


def _reply_to(conn: sqlite3.Connection, name: str) -> str:
    """Where an answer to this mail of ours goes; with `bounce ` before its name, where its bounce goes."""
    if name.startswith("bounce "):
        kind, case_id, _ = _where(name.removeprefix("bounce "))
        return str(one(conn, "SELECT envelope_from FROM outbox WHERE kind = ? AND case_id = ? ORDER BY id DESC", kind, case_id))
    return str(_ours(conn, name)["Reply-To"])


def _proof(conn: sqlite3.Connection, mail: Mail, labels: dict[str, str]) -> tuple[str, str]:
    """The token of the mail that is quoted, and its marker line, spoilt where they are forged."""
    if not mail.quote:
        return "", ""
    token = mail.forge(_id(conn, mail.quote, labels).partition(".")[2].partition("@")[0])
    return token, f"== Please reply above this line == {token} =="


def _named(conn: sqlite3.Connection, value: str, labels: dict[str, str]) -> str:
    return _id(conn, value, labels) if value in labels or value in _kinds(conn) else value


def _id(conn: sqlite3.Connection, name: str, labels: dict[str, str]) -> str:
    """The Message-ID of a mail by its label, or of one of ours."""
    if name in labels:
        return labels[name]
    if name.startswith("<"):
        return name
    if name.startswith("case "):
        which = name.removeprefix("case ")
        return str(_ours(conn, f"thanks {which}" if which.isdigit() else which)["References"].split()[0])
    return str(_ours(conn, name)["Message-ID"])


def _ours(conn: sqlite3.Connection, name: str) -> Message:
    """The mail of ours of this name, the newest where there are several."""
    return out(conn)[int(name[4:]) - 1] if name.startswith("out ") else out(conn, *_where(name))[-1]


def foreign(token: str) -> str:
    """The token that another database with keys of its own would give for the same."""
    found = sign.TOKENS.fullmatch(token)
    assert found
    purpose = "user" if found[3] else "case"
    return sign.sign(
        (sign.Key(1, b"another database, another key...."),), sign.Proof(int(found[2]), purpose, int(found[3] or 0) or None)
    )
