"""A small world for filters: who and where are fixed, cases are random, with many values missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from crmcli.filters.tree import And, Flag, Not, Or, Range, Test, Text, Tree, Word

NOW = "2026-03-11T10:00:00Z"
ZONE = "Europe/Berlin"
ANN, BOB = 1, 2

FIXED = f"""
INSERT INTO users (id, login, name, email) VALUES (2, 'bob', 'Bob Roe', NULL);
INSERT INTO sections (id, name, code, parent_id) VALUES
  (2, 'Sales', 'sale', NULL), (3, 'North', 'north', 2), (4, 'Far North', NULL, 3), (5, 'Help Desk', NULL, 1);
INSERT INTO categories (id, name) VALUES (1, 'Fault'), (2, 'Wish');
INSERT INTO partners (id, name, ref, user_id) VALUES (1, 'Acmé', 'A1', 1), (2, 'Bolt', NULL, NULL), (3, 'Cog', 'C3', 2);
INSERT INTO partner_categories (id, name, parent_id) VALUES (1, 'VIP', NULL), (2, 'Gold', 1), (3, 'Late payer', NULL);
INSERT INTO partner_category_members (partner_id, category_id, origin, since) VALUES
  (1, 2, 'manual', '{NOW}'), (1, 2, '7', '{NOW}'), (3, 1, 'manual', '{NOW}'), (3, 3, 'manual', '{NOW}');
INSERT INTO contacts (id, partner_id, name, email) VALUES
  (1, 1, 'Joe', 'joe@acme.example'), (2, 2, 'Jöe', NULL), (3, NULL, 'Pat', 'pat@home.example');
INSERT INTO rules (id, name, effective_from) VALUES (1, 'Due', '{NOW}');
"""

LETTERS = "aAbeEs éÉßÖł1 -_\"'*^:.+水泵กั나가🔧\u0301"
WORDS = (
    "pump", "Pümp", "broken", "broken pump", "水泵坏了", "水", "泵坏", "ปั๊มเสีย", "고장이", "고장",
    "déjà vu", "e-mail", "🔧fix", "x*",
)  # fmt: skip
words = st.one_of(st.sampled_from(WORDS), st.text(LETTERS, min_size=1, max_size=6))
sentences = st.lists(words, min_size=1, max_size=4).map(" ".join).filter(str.strip)

TIMES_OF_CASES = (
    "2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-02-25T09:59:59Z", "2026-02-25T10:00:00Z",
    "2026-02-28T23:00:00Z", "2026-03-10T23:00:00Z",
    "2026-03-11T09:59:59Z", "2026-03-11T10:00:00Z", "2026-03-11T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z",
    "2026-03-31T21:59:59Z", "2026-03-31T22:00:00Z", "2026-06-30T21:59:59Z",
)  # fmt: skip
COLUMNS: dict[str, tuple[Any, ...]] = {
    "state": ("draft", "open", "pending", "done", "cancel"),
    "priority": (1, 2, 3, 4, 5),
    "section_id": (1, 2, 3, 4, 5),
    "category_id": (None, 1, 2),
    "partner_id": (None, 1, 2, 3),
    "contact_id": (None, 1, 2, 3),
    "email_cc": (None, "ann@us.example", "Joe@Acme.example, x@y.example"),
    "user_id": (None, ANN, BOB),
    "starts_at": (NOW,),
    "deadline_at": (None, *TIMES_OF_CASES),
    "created_at": TIMES_OF_CASES,
    "last_action_at": (None, *TIMES_OF_CASES),
    "planned_revenue": (None, -100, 0, 99, 100, 100050, 2**40),
    "probability": (None, 0.0, 12.5, 40.0, 100.0),
    "active": (0, 1),
}
DIRECTIONS = ("in", "out", "note")

columns = {name: st.sampled_from(values) for name, values in COLUMNS.items()}
cases = st.fixed_dictionaries({**columns, "name": sentences, "description": st.none() | sentences})
talks = st.tuples(cases, st.lists(st.tuples(st.sampled_from(DIRECTIONS), sentences), max_size=2), columns["deadline_at"])


def many_talks(chance: Random, count: int) -> list[tuple[dict[str, Any], list[tuple[str, str]], str | None]]:
    """So many cases with what was said and when a rule is due, as `talks` makes them, but evenly spread."""
    return [
        (
            {name: chance.choice(values) for name, values in COLUMNS.items()}
            | {"name": " ".join(chance.choices(WORDS, k=2)), "description": chance.choice([None, *WORDS])},
            [(chance.choice(DIRECTIONS), chance.choice(WORDS)) for _ in range(chance.randint(0, 2))],
            chance.choice(COLUMNS["deadline_at"]),
        )
        for _ in range(count)
    ]


def insert(conn: sqlite3.Connection, case: dict[str, Any], said: list[tuple[str, str]], due_at: str | None) -> int:
    """A case with its communications, and perhaps a rule due on it → its id."""
    case = {**case, "closed_at": case["last_action_at"] or case["created_at"]} if case.get("state") == "done" else case
    names = ", ".join(case)
    marks = ", ".join(f":{name}" for name in case)
    case_id = int(conn.execute(f"INSERT INTO cases ({names}) VALUES ({marks})", case).lastrowid or 0)
    for direction, text in said:
        log_id = conn.execute("INSERT INTO case_log (case_id, at, name) VALUES (?, ?, 'Send')", (case_id, NOW)).lastrowid
        sql = "INSERT INTO case_history (log_id, direction, description) VALUES (?, ?, ?)"
        conn.execute(sql, (log_id, direction, text))
    if due_at:
        sql = "INSERT INTO rule_due (rule_id, case_id, occasion, due_at) VALUES (1, ?, 'x', ?)"
        conn.execute(sql, (case_id, due_at))
    return case_id


# Filters ------------------------------------------------------------------------------------------------

# Field → values that it may be equal to, be ordered by, or contain.
EQUAL = {
    "state": ("draft", "open", "pending", "done", "cancel"),
    "active": ("yes", "no"),
    "section": ("Sales", "Sales/", "sale", "North", "Sales / North", "North/", "Far North", "Support/", "Help Desk", "3"),
    "user": ("ann", "bob", "me"),
    "partner": ("Bolt", "C3", "1"),
    "contact": ("Jöe", "pat@home.example"),
    "category": ("Fault", "Wish"),
    "partner.category": ("VIP", "VIP/", "Gold", "VIP / Gold", "Late payer"),
    "partner.contact": ("Jöe", "joe@acme.example"),
    "partner.user": ("ann", "bob"),
    "section.parent": ("Sales", "Sales/", "Support"),
}
DAYS = ("2025-12-31", "2026-02-25", "2026-03-11", "2026-03-29", "2026-06-30")
ORDERED = {
    "priority": ("1", "high", "3", "low", "5"),
    "id": ("1", "2", "3", "5"),
    "messages": ("0", "1", "2"),
    "planned_revenue": ("-1", "0.00", "0.99", "1", "1000.50", "99999999"),
    "probability": ("0", "12.5", "40", "100"),
    "deadline_at": DAYS,
    "created_at": DAYS,
    "closed_at": DAYS,
    "last_action_at": DAYS,
    "next_action_at": DAYS,
}
TIMES = ("2026-03-11T11:00", "2026-03", "2026-Q1", "2026-02", "today", "eom")
CONTAINING = {
    "name": ("pump", "PÜMP", "broken pump", "水", "가", "*", '"'),
    "description": ("e-mail", "s", "é"),
    "email_last": ("pump", "ß"),
    "email_cc": ("acme", "EXAMPLE", "ann@"),
    "partner.name": ("acme", "o", "Cog"),
    "partner.ref": ("a", "3"),
    "contact.email": ("acme", "home"),
    "user.name": ("lee", "o"),
    "user.email": ("ann",),
    "section.name": ("north", "s"),
    "section.code": ("sal", "o"),
}
CALLED = {"section": ("north", "sales /", "sup"), "partner": ("acme", "C"), "user": ("roe", "ann@us"), "state": ("pen", "o")}


OPERATORS = (":", "!=", "<", "<=", ">", ">=")


def word(text: str) -> Word:
    return Word(text, not text.replace("-", "").replace("/", "").isalnum() and ("." not in text or " " in text), 0)


def every_test() -> Iterator[Test]:
    """Each field with each operator and each value."""
    for field in [*EQUAL, *ORDERED, *CONTAINING]:
        yield from (Test(field, op, (Word(text, False, 0),), False, 0) for op in (":", "!=") for text in ("none", "any"))
    for field, values in [*EQUAL.items(), *CONTAINING.items()]:
        yield from (Test(field, op, (word(text),), False, 0) for op in (":", "!=") for text in values)
    for field in ("section", "partner.category"):
        yield from (Test(field, ":", (word(text),), True, 0) for text in EQUAL[field])
    for field, values in [*CONTAINING.items(), *CALLED.items()]:
        yield from (Test(field, "~", (word(text),), False, 0) for text in values)
    for field, values in ORDERED.items():
        wide = (*values, *TIMES) if values == DAYS else values
        yield from (Test(field, op, (Word(text, False, 0),), False, 0) for op in OPERATORS for text in wide)
        pairs = [Range(Word(low, False, 0), Word(high, False, 0)) for place, low in enumerate(values) for high in values[place:]]
        yield from (Test(field, op, (pair,), False, 0) for op in (":", "!=") for pair in pairs)


EVERY = list(every_test())
FLAGS = ("open", "unclosed", "closed", "late", "stale", "waiting", "mine", "unassigned", "archived")


@st.composite
def _tests(draw: st.DrawFn) -> Test:
    """A test of a random text, or one of every test, perhaps with more values of the kind."""
    if draw(st.booleans()):
        needle = draw(words.filter(lambda text: text.strip(" \u0301")))
        field = draw(st.sampled_from(["name", "description", "email_last"]))
        return Test(field, draw(st.sampled_from([":", "!=", "~"])), (Word(needle, True, 0),), False, 0)
    one = draw(st.sampled_from(EVERY))
    if one.op not in (":", "!=", "~"):
        return one
    others = [other for other in EVERY if (other.field, other.op, other.sub) == (one.field, one.op, one.sub)]
    more = draw(st.lists(st.sampled_from(others), max_size=2))
    return one._replace(values=one.values + tuple(value for other in more for value in other.values))


flags = st.sampled_from(FLAGS).map(lambda name: Flag(name, 0))
texts = words.filter(lambda text: any(sign.isalnum() for sign in text)).map(lambda text: Text(text, 0))


def _together(kind: type[And] | type[Or], parts: list[Tree]) -> Tree:
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat))


def _wider(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(
        several.map(lambda inner: _together(And, inner)),
        several.map(lambda inner: _together(Or, inner)),
        parts.map(lambda inner: inner.part if isinstance(inner, Not) else Not(inner)),
    )


trees: st.SearchStrategy[Tree] = st.recursive(st.one_of(_tests(), _tests(), flags, texts), _wider, max_leaves=6)
