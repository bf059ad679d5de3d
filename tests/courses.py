"""Random command lines over everything that people keep, for tests of what holds after any course of them."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from crmcli.fields import NOUNS
from crmcli.model import LINK_KINDS, STATES


class One(NamedTuple):
    """The id of some thing of a noun; which one is settled when the command runs, as far as there are any."""

    noun: str
    number: int
    pattern: str = "{}"


FILE = "<a file>"
"""Stands for the name of some file."""


class Line(NamedTuple):
    """A command line: its words, some of them ids to be found, and what stands on standard input."""

    words: tuple[str | One, ...]
    stdin: bytes = b""


Words: TypeAlias = st.SearchStrategy[tuple[str | One, ...]]

TABLES = {**{name: noun.table for name, noun in NOUNS.items()}, "history": "case_history", "segment_line": "segment_lines"}


def argv(conn: sqlite3.Connection, line: Line, path: str) -> list[str] | None:
    """The words of a line with ids of what there is now; None where it speaks of things of which there are none."""
    found = []
    for word in line.words:
        if isinstance(word, One):
            ids = [row[0] for row in conn.execute(f"SELECT id FROM {TABLES[word.noun]} ORDER BY id")]
            if not ids:
                return None
            word = word.pattern.format(ids[word.number % len(ids)])
        found.append(path if word == FILE else word)
    return found


# Pieces -------------------------------------------------------------------------------------------------


def some(noun: str, pattern: str = "{}") -> st.SearchStrategy[One]:
    """Some thing of a noun."""
    return st.integers(0, 40).map(lambda number: One(noun, number, pattern))


def maybe(noun: str) -> st.SearchStrategy[str | One]:
    """Some thing of a noun, or nothing."""
    return st.one_of(some(noun), some(noun), st.just(""))


def line(*parts: str | tuple[()] | st.SearchStrategy[str | One] | Words) -> st.SearchStrategy[Line]:
    """A line of literal words, drawn words, and drawn tuples of words."""
    drawn = st.tuples(*(st.just(part) if isinstance(part, str | tuple) else part for part in parts))
    return drawn.map(lambda found: Line(tuple(word for part in found for word in _words(part))))


def _words(part: str | One | tuple[str | One, ...]) -> tuple[str | One, ...]:
    return part if isinstance(part, tuple) and not isinstance(part, One) else (part,)


def options(**known: st.SearchStrategy[str | One]) -> Words:
    """One to four of these options with values."""
    pairs = [value.map(partial(_option, name)) for name, value in known.items()]
    chosen = st.lists(st.sampled_from(pairs), min_size=1, max_size=4, unique_by=id).flatmap(lambda found: st.tuples(*found))
    return chosen.map(lambda found: tuple(word for pair in found for word in pair))


def _option(name: str, value: str | One) -> tuple[str | One, ...]:
    return (f"--{name.replace('_', '-')}", value)


choice = st.sampled_from
TEXTS = choice([
    "pump", "Broken pump", "it's 'quoted'", '"; DROP TABLE cases; --', "déjà vu", "水泵坏了", "NULL", "12.50", "1e5",
    "[/red] {{ x }}", "zwei\nZeilen", "-- no option", "a\u202eb", "🔧 fix", "%(case_id)s",
])  # fmt: skip
NAMES = st.one_of(TEXTS, st.integers(0, 9).map("thing {}".format))
TITLES = NAMES.map(lambda name: name.lstrip("-"))
PRIORITIES = choice(["1", "2", "3", "highest", "low"])
TIMES = choice(["", "+2d", "-3d", "today", "2026-03-05", "eom", "2025-12-31 23:59"])
MONEY = choice(["", "0", "1200.50", "-3", "99999999.99"])
PERCENT = choice(["", "0", "12.5", "100"])
ADDRESSES = choice(["", "joe@acme.example", "Pat <pat@home.example>", "support@us.example", "new@x.example"])
FILTERS = choice([
    "+unclosed", "+late", "section:sale", "priority<=2", "pump", "+unassigned", "id<8", "state:draft", "partner:any",
    "created_at>=today", "-- no such", "+archived", "messages>0",
])  # fmt: skip
YES_NO = st.booleans()


def flag(name: str) -> Words:
    """``--name`` or ``--no-name``."""
    return YES_NO.map(lambda yes: (f"--{name}" if yes else f"--no-{name}",))


# Lines --------------------------------------------------------------------------------------------------

CASE = {
    "priority": PRIORITIES, "section": some("section"), "category": maybe("category"), "partner": maybe("partner"),
    "contact": maybe("contact"), "email_from": ADDRESSES, "email_cc": ADDRESSES, "user": maybe("user"), "deadline": TIMES,
    "planned_revenue": MONEY, "planned_cost": MONEY, "probability": PERCENT, "channel": maybe("channel"), "mood": maybe("mood"),
    "description": st.one_of(TEXTS, st.just("")), "ref": st.one_of(st.just(""), some("case", "case:{}")),
}  # fmt: skip
VERBS = choice(["open", "pending", "close", "cancel", "reset", "escalate"])
AWAY = choice(["archive", "unarchive", "archive", "unarchive", "delete"])
WHERE = FILTERS.map(lambda text: ("--where", text, "-y"))

CASES = st.one_of(
    line("case", "add", "--", NAMES),
    line("case", "add", TITLES, options(**CASE)),
    line("case", "edit", some("case"), options(name=NAMES, **CASE)),
    line("case", "edit", WHERE, options(**CASE)),
    line("case", VERBS, some("case")),
    line("case", VERBS, some("case"), some("case"), some("case")),
    line("case", VERBS, WHERE),
    line("case", "pending", some("case"), "--until", TIMES),
    line("case", AWAY, some("case")),
    line("case", AWAY, WHERE),
)
TALK = st.one_of(
    line("case", "note", some("case"), "--", TEXTS),
    line("case", "note", some("case"), "--", TEXTS),
    line("case", "reply", some("case"), "--state", choice(STATES), "--", TEXTS),
    line("case", "reply", some("case"), "--quote", "--", TEXTS),
    line("case", "quote", some("case")),
    line("case", "remind", some("case"), choice(["--user", "--partner"]), YES_NO.map(lambda yes: ("--attach",) * yes)),
)
TIES = st.one_of(
    line("case", "merge", some("case"), "--into", some("case")),
    line("case", "merge", some("case"), some("case"), some("case")),
    line("case", "link", some("case"), some("case"), "--kind", choice(LINK_KINDS[:-1])),
    line("case", "link", some("case"), some("case"), "--remove"),
    line("case", "split", some("case"), "--messages", some("history")),
    line("case", "duplicate", some("case"), some("case")),
    line("case", "attach", some("case"), FILE),
)


def kept(noun: str, **known: st.SearchStrategy[str | One]) -> st.SearchStrategy[Line]:
    """add, edit, archive, unarchive and delete of a noun."""
    words = NOUNS[noun].command.split()
    key = {NOUNS[noun].key: NAMES}
    ways = [
        line(*words, "add", TITLES, options(**known) if known else ()),
        line(*words, "edit", some(noun), options(**key, **known)),
        line(*words, "edit", some(noun), options(**key, **known)),
        line(*words, "delete", some(noun), "-y"),
    ]
    if NOUNS[noun].archives:
        ways += [line(*words, choice(["archive", "unarchive"]), some(noun))]
    return st.one_of(ways)


PEOPLE = st.one_of(
    kept("partner", ref=NAMES, parent=maybe("partner"), user=maybe("user"), comment=TEXTS, add_category=some("partner_category")),
    line("partner", "edit", some("partner"), "--remove-category", some("partner_category")),
    kept("contact", partner=maybe("partner"), email=ADDRESSES, city=TEXTS, birthdate=choice(["", "1970-02-28"])),
    kept("partner_category", parent=maybe("partner_category")),
    line("partner", "amount", "add", some("partner"), "--kind", choice(["sale", "purchase"]),
         "--amount", choice(["1", "-2.50", "5000"]), "--at", choice(["today", "2026-02-01"])),
    line("partner", "amount", "delete", some("amount"), "-y"),
    line("event", "add", TITLES, "--partner", some("partner"), "--mood", some("mood")),
    line("event", "delete", some("event"), "-y"),
)  # fmt: skip
SITE = st.one_of(
    kept("section", code=choice(["", "new", "sale"]), parent=maybe("section"), user=maybe("user"), reply_to=ADDRESSES),
    kept("category", probability=choice(["0", "40"]), section=maybe("section")),
    kept("user", name=NAMES, email=ADDRESSES, section=maybe("section")),
    kept("channel"),
    kept("mood", factor=choice(["0.5", "2"])),
    kept("view", filter=FILTERS, columns=choice(["", "id,name"]), sort=choice(["", "-priority"])),
    kept("canned_reply", text=TEXTS, section=maybe("section")),
    line("section", "views", some("section")),
    line("config", "set", choice(["stale_days", "reopen_days"]), choice(["", "3", "60"])),
    line("config", "set", "zone", choice(["", "Europe/Berlin", "Asia/Kolkata"])),
)
RULES = st.one_of(
    kept("rule", state_to=choice(["", "open", "done"]), date_type=choice(["none", "created", "deadline", "last_action"]),
         delay=choice(["0", "1d", "-2d", "4h"]), section=maybe("section"), min_priority=choice(["", "2"]), where=FILTERS,
         set_priority=PRIORITIES, set_user=maybe("user"), set_state=choice(["", "open", "done"]), add_cc=ADDRESSES,
         repeat=choice(["once", "every:1d"]), sequence=choice(["1", "2"])),
    line("rule", "add", TITLES, "--date-type", choice(["created", "deadline", "last_action"]),
         "--delay", choice(["0", "1h", "1d"]), "--set-priority", PRIORITIES),
    line("run-rules"),
    line("run-rules"),
)  # fmt: skip
SEGMENTS = st.one_of(
    kept("segment", category=some("partner_category"), where=choice(["", "cases>0", "name~a"]), default_mood=choice(["0", "0.5"]),
         period_days=choice(["", "30"])),
    line("segment", "line", "add", some("segment"), TITLES, "--variable", choice(["sale", "mood"]),
         "--operator", choice([">", "<"]), "--value", choice(["0.5", "100"])),
    line("segment", choice(["pin", "ban", "unpin"]), some("segment"), some("partner")),
    line("segment", "run", "--all"),
    line("segment", "run", some("segment")),
)  # fmt: skip

ROWS = {
    "partner": ("name,email,categories", "Zeta {0},z{0}@zeta.example,VIP"),
    "case": ("name,partner,state,deadline,description", "Pump {0},Acme,done,2026-05-01,it leaks"),
    "contact": ("name,partner,email", "Person {0},Acme,p{0}@acme.example"),
    "amount": ("partner,at,kind,amount", "Acme,2026-01-1{0},sale,{0}.10"),
}


def _file(drawn: tuple[str, int, int]) -> Line:
    kind, first, count = drawn
    header, row = ROWS[kind]
    text = "\n".join([header, *(row.format(number) for number in range(first, first + count))])
    return Line(("import", kind, "-"), text.encode())


IMPORTS = st.tuples(choice(list(ROWS)), st.integers(0, 5), st.integers(1, 4)).map(_file)


def _mail(drawn: tuple[int, str, str, str]) -> Line:
    number, subject, text, to = drawn
    return Line(
        ("ingest",),
        f"From: Joe <joe@acme.example>\nTo: {to}\nSubject: {subject}\nMessage-ID: <{number}@acme.example>\n"
        f"In-Reply-To: <{number - 1}@acme.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n--b\nContent-Type: text/plain\n"
        f"Content-Disposition: attachment; filename=x.txt\n\nx {number}\n--b--\n".encode(),
    )


MAILS = st.tuples(
    st.integers(1, 6), choice(["Pump", "Re: Pump", "[2] Pump"]), TEXTS, choice(["support@us.example", "nobody@us.example"])
).map(_mail)
