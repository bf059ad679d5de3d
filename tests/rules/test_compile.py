"""Each condition of a rule, as SQL, against a plain-Python reading of it."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import db
from crmcli.model import Origin
from crmcli.rules import save
from crmcli.rules.compile import CONDITIONS, WITH_BELOW, base, conditions, waiting
from crmcli.rules.rule import Rule, load
from tests.rules.world import MONDAY, fresh, later

# A small world. Sections: 1 Support, 2 below 1, 3 below 2, 4 beside. Partner categories: 1, 2 below 1, 3 beside.
SECTION_PARENTS = {1: None, 2: 1, 3: 2, 4: None}
CATEGORY_PARENTS = {1: None, 2: 1, 3: None}
MEMBERS = {1: {1}, 2: {2}, 3: {3, 1}, 4: set()}

VERBS = {"Open": "open", "Pending": "pending", "Close": "done", "Cancel": "cancel", "Reset": "draft"}
STATES = tuple(VERBS.values())


class Told(NamedTuple):
    """A case and what happened to it: (log name, seconds after Monday) in order."""

    values: dict[str, Any]
    verbs: list[tuple[str, int]]
    messages: int
    states: list[str]

    @property
    def state(self) -> str:
        """Where it stands."""
        return self.states[-1]


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.none(), strategy)


TIMES = st.integers(0, 10_000).map(lambda seconds: later(seconds=seconds))

RULES = st.fixed_dictionaries(
    {
        "state_to": maybe(st.sampled_from([*STATES, "escalate"])),
        "state_from": maybe(st.sampled_from(STATES)),
        "date_type": st.sampled_from(["created", "last_action", "deadline", "starts", "none"]),
        "section_id": maybe(st.integers(1, 4)),
        "section_sub": st.integers(0, 1),
        "category_id": maybe(st.integers(1, 2)),
        "user_id": maybe(st.integers(1, 2)),
        "partner_id": maybe(st.integers(1, 4)),
        "partner_category_id": maybe(st.integers(1, 3)),
        "partner_category_sub": st.integers(0, 1),
        "min_priority": maybe(st.integers(1, 5)),
        "max_priority": maybe(st.integers(1, 5)),
        "min_messages": maybe(st.integers(0, 3)),
    }
)

FEW = st.sets(st.sampled_from(["section_id", "category_id", "user_id", "partner_id", "partner_category_id", "min_priority",
                               "max_priority", "min_messages", "state_from", "state_to"]), max_size=3)  # fmt: skip


@st.composite
def told(draw: st.DrawFn) -> Told:
    verbs, states, at = [], ["draft"], 0
    for name in draw(st.lists(st.sampled_from([*VERBS, "Escalate"]), max_size=4)):
        at += draw(st.integers(0, 1000))
        verbs.append((name, at))
        if name != "Escalate" and VERBS[name] != states[-1]:
            states.append(VERBS[name])
    values = {
        "priority": draw(st.integers(1, 5)),
        "section_id": draw(st.integers(1, 4)),
        "category_id": draw(maybe(st.integers(1, 2))),
        "user_id": draw(maybe(st.integers(1, 2))),
        "partner_id": draw(maybe(st.integers(1, 4))),
        "starts_at": draw(TIMES),
        "created_at": draw(TIMES),
        "deadline_at": draw(maybe(TIMES)),
        "last_action_at": draw(maybe(TIMES)),
        "active": draw(st.sampled_from([1, 1, 1, 0])),
    }
    return Told(values, verbs, draw(st.integers(0, 3)), states)


# The plain reading ------------------------------------------------------------------------------------


def above(number: int | None, parents: dict[int, int | None]) -> set[int]:
    found: set[int] = set()
    while number is not None:
        found.add(number)
        number = parents[number]
    return found


def conditions_hold(rule: dict[str, Any], case: Told) -> bool:
    values = case.values
    if rule["section_id"] is not None:
        places = above(values["section_id"], SECTION_PARENTS) if rule["section_sub"] else {values["section_id"]}
        if rule["section_id"] not in places:
            return False
    for name in ("category_id", "user_id", "partner_id"):
        if rule[name] is not None and values[name] != rule[name]:
            return False
    if rule["partner_category_id"] is not None:
        members = MEMBERS.get(values["partner_id"], set())
        if rule["partner_category_sub"]:
            members = {number for member in members for number in above(member, CATEGORY_PARENTS)}
        if rule["partner_category_id"] not in members:
            return False
    if rule["min_priority"] is not None and values["priority"] > rule["min_priority"]:
        return False
    if rule["max_priority"] is not None and values["priority"] < rule["max_priority"]:
        return False
    return rule["min_messages"] is None or case.messages >= rule["min_messages"]


def base_of(rule: dict[str, Any], case: Told) -> str | None:
    """The time from which the delay counts where the rule waits for the case, else None."""
    if not case.values["active"] or not conditions_hold(rule, case):
        return None
    if rule["state_to"] is None:
        if rule["state_from"] != case.state if rule["state_from"] else case.state not in ("draft", "open", "pending"):
            return None
        verb_at = None
    else:
        counted = [(name, at) for name, at in case.verbs if name != "Escalate" or rule["state_to"] == "escalate"]
        name, at = counted[-1] if counted else ("Create", None)
        led_to = "draft" if name == "Create" else "escalate" if name == "Escalate" else VERBS[name]
        if led_to != rule["state_to"]:
            return None
        came_from = case.state if led_to == "escalate" else case.states[-2] if len(case.states) > 1 else "draft"
        if rule["state_from"] not in (None, came_from):
            return None
        verb_at = case.values["created_at"] if at is None else later(seconds=at)
    values = case.values
    return {
        "none": verb_at,
        "created": values["created_at"],
        "deadline": values["deadline_at"],
        "starts": values["starts_at"],
        "last_action": values["last_action_at"] or values["created_at"],
    }[rule["date_type"]]


# The world in rows --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="world")
def _world(template: bytes, tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    conn = fresh(template, tmp_path_factory)
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        tx.insert("users", {"login": "bob", "name": "Bob"})
        for number in (2, 3, 4):
            tx.insert("sections", {"name": f"Section {number}", "parent_id": SECTION_PARENTS[number]})
        for number in (1, 2):
            tx.insert("categories", {"name": f"Category {number}"})
        for number in (1, 2, 3):
            tx.insert("partner_categories", {"name": f"Partners {number}", "parent_id": CATEGORY_PARENTS[number]})
        for number, members in MEMBERS.items():
            tx.insert("partners", {"name": f"Partner {number}"})
            for member in members:
                tx.insert("partner_category_members", {"partner_id": number, "category_id": member, "since": MONDAY})
    return conn


def put(tx: db.Tx, number: int, case: Told) -> int:
    """The case as rows, without the road: any mixture, also such as the life cycle never makes."""
    closed = {"closed_at": MONDAY} if case.state == "done" else {}
    case_id = tx.insert("cases", {"name": f"Case {number}", "state": case.state, **closed, **case.values})
    for place, state in enumerate(case.states, start=1):
        left_at = None if place == len(case.states) else MONDAY
        tx.insert("case_spans", {"case_id": case_id, "state": state, "entered_at": MONDAY, "left_at": left_at})
    for name, at in case.verbs:
        tx.insert("case_log", {"case_id": case_id, "at": later(seconds=at), "name": name})
    for _ in range(case.messages):
        log_id = tx.insert("case_log", {"case_id": case_id, "at": MONDAY, "name": "Historize"})
        tx.insert("case_history", {"log_id": log_id, "direction": "note", "description": "Said."})
    return case_id


@given(RULES, FEW, st.lists(told(), min_size=1, max_size=8))
def test_random_rules_wait_for_the_cases_that_a_plain_reading_says(
    world: sqlite3.Connection, given_rule: dict, kept: set, cases: list[Told]
) -> None:
    asked = {name: value if name in kept or name not in FEW_NAMES else None for name, value in given_rule.items()}
    if asked["date_type"] == "none" and asked["state_to"] is None:
        asked["date_type"] = "created"
    with db.write(world, Origin(MONDAY, 1, "cli", dry_run=True)) as tx:
        save.add(tx, {"name": "Random", "delay": 1, "set_priority": 1, **asked})
        rule = load(tx.conn)[0]
        ids = [put(tx, number, case) for number, case in enumerate(cases)]
        assert found(tx.conn, rule, conditions(rule)) == {
            case_id for case_id, case in zip(ids, cases, strict=True) if conditions_hold(asked, case)
        }
        rows = tx.run(
            f"SELECT t.id, {base(rule)} AS base FROM cases t WHERE {waiting(rule)} AND base IS NOT NULL", rule._asdict()
        )
        expected = {case_id: base_of(asked, case) for case_id, case in zip(ids, cases, strict=True)}
        assert dict(rows.fetchall()) == {case_id: at for case_id, at in expected.items() if at is not None}


FEW_NAMES = {"section_id", "category_id", "user_id", "partner_id", "partner_category_id", "min_priority", "max_priority",
             "min_messages", "state_from", "state_to"}  # fmt: skip


def found(conn: sqlite3.Connection, rule: Rule, condition: str) -> set[int]:
    return {row[0] for row in conn.execute(f"SELECT t.id FROM cases t WHERE {condition}", rule._asdict())}


@pytest.mark.parametrize(("asked", "accepted"), [({"min_priority": 3}, [1, 2, 3]), ({"max_priority": 2}, [2, 3, 4, 5]),
                                                 ({"min_priority": 4, "max_priority": 2}, [2, 3, 4])])  # fmt: skip
def test_one_is_the_most_urgent(conn: sqlite3.Connection, asked: dict[str, int], accepted: list[int]) -> None:
    with db.write(conn, Origin(MONDAY, 1, "cli")) as tx:
        for priority in (1, 2, 3, 4, 5):
            values = {"name": "Case", "section_id": 1, "priority": priority, "starts_at": MONDAY, "created_at": MONDAY}
            tx.insert("cases", values)
        save.add(tx, {"name": "Urgent", **asked})
    rule = load(conn)[0]
    assert sorted(found(conn, rule, conditions(rule))) == accepted


def test_every_condition_of_a_rule_has_its_sql() -> None:
    asking = set(Rule._fields[Rule._fields.index("section_id") : Rule._fields.index("set_state")])
    assert set(CONDITIONS) | set(WITH_BELOW) | {"where"} == asking
