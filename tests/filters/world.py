"""A small world for filters: who and where are fixed, cases are random, with many values missing."""

from __future__ import annotations

import sqlite3
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

times = st.sampled_from(
    [
        "2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-02-25T09:59:59Z", "2026-02-28T23:00:00Z", "2026-03-10T23:00:00Z",
        "2026-03-11T09:59:59Z", "2026-03-11T10:00:00Z", "2026-03-11T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z",
        "2026-03-31T21:59:59Z", "2026-03-31T22:00:00Z", "2026-06-30T21:59:59Z",
    ]
)  # fmt: skip


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


cases = st.fixed_dictionaries(
    {
        "name": sentences,
        "state": st.sampled_from(["draft", "open", "pending", "done", "cancel"]),
        "priority": st.integers(1, 5),
        "section_id": st.integers(1, 5),
        "category_id": maybe(st.integers(1, 2)),
        "partner_id": maybe(st.integers(1, 3)),
        "contact_id": maybe(st.integers(1, 3)),
        "email_cc": maybe(st.sampled_from(["ann@us.example", "Joe@Acme.example, x@y.example"])),
        "user_id": maybe(st.sampled_from([ANN, BOB])),
        "starts_at": times,
        "deadline_at": maybe(times),
        "created_at": times,
        "last_action_at": maybe(times),
        "planned_revenue": maybe(st.sampled_from([-100, 0, 99, 100, 100050, 2**40])),
        "probability": maybe(st.sampled_from([0.0, 12.5, 40.0, 100.0])),
        "description": maybe(sentences),
        "active": st.integers(0, 1),
    }
)
talks = st.tuples(cases, st.lists(st.tuples(st.sampled_from(["in", "out", "note"]), sentences), max_size=2), maybe(times))


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


# Random filters -----------------------------------------------------------------------------------------


def bare(*texts: str) -> st.SearchStrategy[Word]:
    return st.sampled_from([Word(text, " " in text, 0) for text in texts])


SPECIAL = bare("none", "any")
quoted = words.filter(lambda text: text.strip(" \u0301")).map(lambda text: Word(text, True, 0))
days = bare(
    "2026-03-11", "2026-03-11T11:00", "2026-03-29", "2025-12-31", "2026-03", "2026-Q1", "2026-02", "today", "eom", "2026-06-30",
)  # fmt: skip
IN_ORDER = ("2025-12-31", "2026-02-25", "2026-03-11", "2026-03-29", "2026-06-30")

# Fields → the values they are held against, and whether these have an order and are texts.
EQUAL: dict[str, st.SearchStrategy[Word]] = {
    "state": bare("draft", "open", "pending", "done", "cancel"),
    "active": bare("yes", "no"),
    "section": bare("Sales", "Sales/", "sale", "North", "Sales / North", "Far North", "Support/", "Help Desk", "3"),
    "user": bare("ann", "bob", "me"),
    "partner": bare("Bolt", "C3", "1"),
    "contact": bare("Joe", "pat@home.example"),
    "category": bare("Fault", "Wish"),
    "partner.category": bare("VIP", "VIP/", "Gold", "VIP / Gold", "Late payer"),
    "partner.user": bare("ann", "bob"),
    "section.parent": bare("Sales", "Support"),
}
ORDERED: dict[str, tuple[str, ...]] = {
    "priority": ("1", "high", "3", "low", "5"),
    "id": ("1", "2", "3", "5"),
    "messages": ("0", "1", "2"),
    "planned_revenue": ("-1", "0.00", "0.99", "1", "1000.50", "99999999"),
    "probability": ("0", "12.5", "40", "100"),
    "deadline_at": IN_ORDER,
    "created_at": IN_ORDER,
    "closed_at": IN_ORDER,
    "last_action_at": IN_ORDER,
    "next_action_at": IN_ORDER,
}
CONTAINING: dict[str, st.SearchStrategy[Word]] = {
    "name": quoted,
    "description": quoted,
    "email_last": quoted,
    "email_cc": bare("acme", "EXAMPLE", "ann@"),
    "partner.name": bare("acme", "o", "Cog"),
    "contact.email": bare("acme", "home"),
    "user.login": bare("an", "B"),
    "section.name": bare("north", "s"),
}
CALLED = {
    "section": bare("north", "sales /", "sup"),
    "partner": bare("acme", "C"),
    "user": bare("roe", "ann@us"),
    "state": bare("pen", "o"),
}


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


@st.composite
def _tests(draw: st.DrawFn) -> Test:
    kind = draw(st.sampled_from(["equal", "ordered", "containing", "called", "special"]))
    same = draw(st.sampled_from([":", "!="]))
    if kind == "equal":
        field = draw(st.sampled_from(sorted(EQUAL)))
        sub = draw(st.booleans()) and same == ":" and field in ("section", "partner.category")
        return Test(field, same, draw(lists(st.one_of(EQUAL[field], SPECIAL))), sub, 0)
    if kind == "containing":
        field = draw(st.sampled_from(sorted(CONTAINING)))
        return Test(field, draw(st.sampled_from([":", "~", "!="])), draw(lists(CONTAINING[field])), False, 0)
    if kind == "called":
        field = draw(st.sampled_from(sorted(CALLED)))
        return Test(field, "~", draw(lists(CALLED[field])), False, 0)
    field = draw(st.sampled_from(sorted(ORDERED)))
    if kind == "special":
        return Test(field, same, (draw(SPECIAL),), False, 0)
    op = draw(st.sampled_from([":", "!=", "<", "<=", ">", ">=", ".."]))
    choice = days if field.endswith("_at") else bare(*ORDERED[field])
    if op != "..":
        return Test(field, op, draw(lists(choice)) if op in (":", "!=") else (draw(choice),), False, 0)
    ends = draw(st.tuples(*[st.sampled_from(ORDERED[field])] * 2))
    low, high = sorted(ends, key=ORDERED[field].index)
    return Test(field, same, (Range(Word(low, False, 0), Word(high, False, 0)),), False, 0)


flags = st.sampled_from(
    [Flag(name, 0) for name in ("open", "unclosed", "closed", "late", "stale", "waiting", "mine", "unassigned", "archived")]
)
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
