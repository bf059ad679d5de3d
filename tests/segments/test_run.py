"""A run of a segment against a plain reading of segments.md: who matches, who enters, who leaves, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import db
from crmcli.errors import CrmError, Refused
from crmcli.model import Origin
from crmcli.segments import due, run, save, segment
from tests.conftest import NOW
from tests.segments.test_mood import ago, oracle

HOLDS = {
    "<": lambda value, wanted: value < wanted,
    "=": lambda value, wanted: value == wanted,
    ">": lambda value, wanted: value > wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">=": lambda value, wanted: value >= wanted,
}


@contextmanager
def writing(conn: sqlite3.Connection) -> Iterator[db.Tx]:
    """A write of the person at the terminal."""
    with db.write(conn, Origin(NOW, 1, "cli", "crm test")) as tx:
        yield tx


def partner(tx: db.Tx, name: str, active: int = 1, **amounts: int) -> int:
    """A partner with one amount in cents of each kind named."""
    partner_id = tx.insert("partners", {"name": name, "active": active})
    for kind, cents in amounts.items():
        tx.insert("amounts", {"partner_id": partner_id, "at": ago(days=10), "kind": kind, "amount": cents})
    return partner_id


def gold(tx: db.Tx, *lines: tuple[str, str, float, int], **values: Any) -> int:
    """The segment Gold on the category VIP, with lines of (variable, operator, value, mandatory)."""
    row = tx.run("SELECT id FROM partner_categories WHERE name = 'VIP'").fetchone()
    category_id = row["id"] if row else tx.insert("partner_categories", {"name": "VIP"})
    given = {"name": "Gold", "category_id": category_id, "sales_purchase_active": int(bool(lines)), "period_days": 30, **values}
    segment_id = save.add(tx, given)
    for number, (variable, operator, value, mandatory) in enumerate(lines):
        line = {"segment_id": segment_id, "name": f"line {number}", "variable": variable, "operator": operator}
        save.add_line(tx, {**line, "value": value, "mandatory": mandatory})
    return segment_id


def go(conn: sqlite3.Connection, segment_id: int = 1, now: str = NOW, dry_run: bool = False) -> run.Report:
    """One run by a person."""
    return run.run(conn, Origin(now, 1, "cli", "crm segment run", dry_run=dry_run), segment_id)


def vips(conn: sqlite3.Connection) -> dict[str, set[str]]:
    """Partner → the origins by which it has the category."""
    found: dict[str, set[str]] = {}
    for row in conn.execute("SELECT p.name, m.origin FROM partner_category_members m JOIN partners p ON p.id = m.partner_id"):
        found.setdefault(row["name"], set()).add(row["origin"])
    return found


def dump(conn: sqlite3.Connection) -> list[str]:
    """The whole database as SQL."""
    return list(conn.iterdump())


# The match ------------------------------------------------------------------------------------------------

TRUE, FALSE = (">", 0.0), ("<", 0.0)


@pytest.mark.parametrize(
    ("mandatory", "optional", "matches"),
    [
        ([TRUE], [], True),
        ([FALSE], [], False),
        ([TRUE, TRUE], [], True),
        ([TRUE, FALSE], [], False),
        ([], [TRUE], True),
        ([], [FALSE], False),
        ([], [TRUE, FALSE], True),
        ([], [FALSE, FALSE], False),
        ([TRUE], [TRUE], True),
        ([TRUE], [FALSE], False),
        ([TRUE], [FALSE, TRUE], True),
        ([FALSE], [TRUE], False),
        ([FALSE], [FALSE], False),
    ],
)
def test_all_mandatory_lines_hold_and_one_of_the_optional(
    conn: sqlite3.Connection, mandatory: list[tuple[str, float]], optional: list[tuple[str, float]], matches: bool
) -> None:
    """The truth table, on a partner with sales of 12.50."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=1250)
        gold(tx, *(("sale", *line, 1) for line in mandatory), *(("sale", *line, 0) for line in optional))
    assert go(conn).entered == int(matches)
    assert vips(conn) == ({"Acme": {"1"}} if matches else {})


class Story(NamedTuple):
    """A random partner: active, amounts of (kind, cents, days ago), ratings of (factor, days ago), pinned or banned."""

    active: bool
    amounts: list[tuple[str, int, int]]
    events: list[tuple[float | None, int]]
    hand: str | None


STORIES = st.builds(
    Story,
    st.sampled_from([True, True, True, False]),
    st.lists(st.tuples(st.sampled_from(["sale", "purchase"]), st.integers(-30, 90), st.integers(1, 120)), max_size=4),
    st.lists(st.tuples(st.sampled_from([None, 1.0, 3.0, 5.0, 7.0, 8.5]), st.integers(1, 120)), max_size=3),
    st.sampled_from([None, None, None, None, "pin", "ban"]),
)
CRITERIA = st.tuples(
    st.sampled_from(["sale", "purchase", "mood"]),
    st.sampled_from(list(HOLDS)),
    st.sampled_from([-0.1, 0.0, 0.29, 0.5, 0.6, 3.0]),
    st.sampled_from([1, 0]),
    st.sampled_from([None, None, 30]),
)


def holds(story: Story, line: tuple[str, str, float, int, int | None], default: float) -> bool:
    """Whether a line holds of a partner, by the words of segments.md."""
    variable, operator, wanted, _, window = line
    if variable != "mood":
        cents = sum(cents for kind, cents, days in story.amounts if kind == variable and (window is None or days <= window))
        return HOLDS[operator](cents, round(wanted * 100))
    happened = [(ago(days=days), factor) for factor, days in story.events] + [
        (ago(days=days), None) for _, _, days in story.amounts
    ]
    value = oracle(happened, 30, 3, 0.8, default)
    return value is not None and HOLDS[operator](round(value, 9), wanted)


@settings(max_examples=60)
@given(st.lists(STORIES, min_size=1, max_size=8), st.lists(CRITERIA, min_size=1, max_size=4), st.sampled_from([0.0, 0.5]))
def test_a_run_agrees_with_a_plain_reading(
    template: bytes, tmp_path_factory: pytest.TempPathFactory, stories: list[Story], lines: list[Any], default: float
) -> None:
    """Random partners, amounts, ratings, pins and criteria: the same members."""
    path = tmp_path_factory.mktemp("story") / "crm.db"
    path.write_bytes(template)
    conn = db.connect(str(path))
    with writing(conn) as tx:
        gold(tx, default_mood=default)
        for number, (variable, operator, value, mandatory, window) in enumerate(lines):
            line = {"segment_id": 1, "name": str(number), "variable": variable, "operator": operator, "value": value}
            save.add_line(tx, {**line, "mandatory": mandatory, "window_days": None if variable == "mood" else window})
        save.edit(tx, 1, {"sales_purchase_active": 1})
        for number, story in enumerate(stories):
            _tell(tx, str(number), story)
    go(conn)
    wanted = {str(number) for number, story in enumerate(stories) if _wanted(story, lines, default)}
    assert set(vips(conn)) == wanted
    conn.close()


def _tell(tx: db.Tx, name: str, story: Story) -> None:
    partner_id = partner(tx, name, int(story.active))
    for kind, cents, days in story.amounts:
        tx.insert("amounts", {"partner_id": partner_id, "at": ago(days=days), "kind": kind, "amount": cents})
    for factor, days in story.events:
        row = tx.run("SELECT id FROM moods WHERE factor = ?", (factor,)).fetchone()
        values = {"name": "Visit", "partner_id": partner_id, "at": ago(days=days), "mood_id": row["id"] if row else None}
        tx.insert("events", values)
    if story.hand:
        {"pin": save.pin, "ban": save.ban}[story.hand](tx, 1, partner_id)


def _wanted(story: Story, lines: list[Any], default: float) -> bool:
    if story.hand:
        return story.hand == "pin"
    mandatory = [holds(story, line, default) for line in lines if line[3]]
    optional = [holds(story, line, default) for line in lines if not line[3]]
    return story.active and all(mandatory) and (any(optional) or not optional)


def test_sums_are_compared_in_cents(conn: sqlite3.Connection) -> None:
    """0.29 in binary is not 29/100; as money it is 29 cents. Part of a cent is between two cents."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=29)
        gold(tx, ("sale", "=", 0.29, 1), ("sale", ">", 0.285, 1), ("sale", "<", 0.295, 1))
    assert go(conn).changes == (("Acme", 1, "line 0: sale 0.29 = 0.29; line 1: sale 0.29 > 0.285; line 2: sale 0.29 < 0.295"),)


def test_a_refund_counts_against_and_nobody_has_zero(conn: sqlite3.Connection) -> None:
    """Sums are signed; a partner without amounts has 0."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=1000)
        tx.insert("amounts", {"partner_id": acme, "at": NOW, "kind": "sale", "amount": -1500})
        partner(tx, "Zero")
        gold(tx, ("sale", "<=", 0.0, 1))
    assert [change[2] for change in go(conn).changes] == ["line 0: sale -5.00 <= 0", "line 0: sale 0.00 <= 0"]


def test_without_the_sales_rules_every_active_partner_matches_and_the_run_says_so(conn: sqlite3.Connection) -> None:
    """The lines are ignored, the archived stay out."""
    with writing(conn) as tx:
        partner(tx, "Acme")
        partner(tx, "Gone", active=0)
        gold(tx, ("sale", ">", 1000.0, 1), sales_purchase_active=0)
    report = go(conn)
    assert set(vips(conn)) == {"Acme"}
    assert report.note == "the lines do not count: every active partner matches"


def test_the_filter_must_hold_too(conn: sqlite3.Connection) -> None:
    """where narrows what the lines allow."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=1000)
        partner(tx, "Beta", sale=1000)
        gold(tx, ("sale", ">", 1.0, 1), where="name:acme")
    assert go(conn).changes == (("Acme", 1, "line 0: sale 10.00 > 1"),)


# What a run does ---------------------------------------------------------------------------------------------


def test_an_exclusive_run_takes_the_category_away_whoever_gave_it(conn: sqlite3.Connection) -> None:
    """By hand, by another segment, by itself; those that match and those that are pinned keep all they have."""
    with writing(conn) as tx:
        names = {name: partner(tx, name, sale=cents) for name, cents in (("Rich", 5000), ("Poor", 5), ("Pinned", 5), ("Was", 5))}
        segment_id = gold(tx, ("sale", ">", 10.0, 1), exclusive=1)
        save.add(tx, {"name": "Other", "category_id": 1})
        for name, origin in (("Rich", "manual"), ("Poor", "manual"), ("Pinned", "manual"), ("Was", "2"), ("Was", "1")):
            given = {"partner_id": names[name], "category_id": 1, "origin": origin, "since": ago(days=20)}
            tx.insert("partner_category_members", given)
        for segment in (1, 2):
            tx.insert("segment_members", {"segment_id": segment, "partner_id": names["Was"], "entered_at": ago(days=20)})
        save.pin(tx, segment_id, names["Pinned"])
    report = go(conn)
    assert vips(conn) == {"Rich": {"manual", "1"}, "Pinned": {"manual", "1"}}
    assert (report.members, report.entered, report.left) == (2, 2, 2)
    story = conn.execute(
        "SELECT m.segment_id, p.name, m.entered_why, m.left_at, m.left_why FROM segment_members m"
        " JOIN partners p ON p.id = m.partner_id ORDER BY p.name, m.segment_id"
    ).fetchall()
    assert [tuple(row) for row in story] == [
        (1, "Pinned", "pinned", None, None),
        (1, "Poor", "by hand", NOW, "line 0: sale 0.05 not > 10"),
        (1, "Rich", "line 0: sale 50.00 > 10", None, None),
        (1, "Was", None, NOW, "line 0: sale 0.05 not > 10"),
        (2, "Was", None, NOW, "Gold: line 0: sale 0.05 not > 10"),
    ]


def test_a_run_that_is_not_exclusive_only_adds(conn: sqlite3.Connection) -> None:
    """Who no longer matches stays, and so does what others gave."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=5000)
        poor = partner(tx, "Poor")
        gold(tx, ("sale", ">", 10.0, 1))
        tx.insert("partner_category_members", {"partner_id": poor, "category_id": 1, "since": NOW})
    go(conn)
    with writing(conn) as tx:
        tx.insert("amounts", {"partner_id": acme, "at": NOW, "kind": "sale", "amount": -5000})
    assert (go(conn).left, vips(conn)) == (0, {"Acme": {"1"}, "Poor": {"manual"}})


def test_a_ban_wins_over_the_criteria_and_over_adding_only(conn: sqlite3.Connection) -> None:
    """The banned leave at the next run; what a hand gave stays where the segment is not exclusive."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1))
        tx.insert("partner_category_members", {"partner_id": acme, "category_id": 1, "since": NOW})
    go(conn)
    with writing(conn) as tx:
        save.ban(tx, 1, acme)
    assert go(conn).changes == (("Acme", 0, "banned"),)
    assert vips(conn) == {"Acme": {"manual"}}
    with writing(conn) as tx:
        save.unpin(tx, 1, acme)
    assert go(conn).entered == 1


def test_a_pin_wins_over_the_criteria_and_a_later_word_over_the_earlier(conn: sqlite3.Connection) -> None:
    """Pinned though poor; then banned; then neither."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", active=0)
        gold(tx, ("sale", ">", 10.0, 1), exclusive=1)
        save.pin(tx, 1, acme)
    assert go(conn).changes == (("Acme", 1, "pinned"),)
    with writing(conn) as tx:
        save.ban(tx, 1, acme)
    assert go(conn).changes == (("Acme", 0, "banned"),)


def test_an_archived_partner_leaves_an_exclusive_segment(conn: sqlite3.Connection) -> None:
    """Only active partners match."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1), exclusive=1)
    go(conn)
    with writing(conn) as tx:
        tx.update("partners", acme, {"active": 0})
    assert go(conn).changes == (("Acme", 0, "archived"),)


def test_a_second_run_changes_nothing_and_leaves_no_step(conn: sqlite3.Connection) -> None:
    """Only the time of the run moves on, which the journal does not keep."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1), exclusive=1)
    go(conn)
    steps = conn.execute("SELECT count(*) FROM change_sets").fetchone()[0]
    report = go(conn, now="2026-03-03T09:00:00Z")
    assert (report.entered, report.left, report.members) == (0, 0, 1)
    assert conn.execute("SELECT count(*) FROM change_sets").fetchone()[0] == steps
    assert conn.execute("SELECT run_at FROM segments").fetchone()[0] == "2026-03-03T09:00:00Z"


def test_a_dry_run_tells_the_same_and_changes_nothing(conn: sqlite3.Connection) -> None:
    """The same report; the database byte for byte as it was."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=5000)
        beta = partner(tx, "Beta")
        gold(tx, ("sale", ">", 10.0, 1), exclusive=1)
        tx.insert("partner_category_members", {"partner_id": beta, "category_id": 1, "since": NOW})
    before = dump(conn)
    dry = go(conn, dry_run=True)
    assert dump(conn) == before
    assert dry._replace(step=0) == go(conn)._replace(step=0)
    assert (dry.entered, dry.left) == (1, 1)


def test_a_membership_taken_away_by_hand_ends_in_the_history(conn: sqlite3.Connection) -> None:
    """The next run sees it, and lets the partner enter anew while it matches."""
    with writing(conn) as tx:
        partner(tx, "Acme", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1))
    go(conn)
    with writing(conn) as tx:
        tx.run("DELETE FROM partner_category_members")
    assert go(conn).entered == 1
    rows = conn.execute("SELECT left_why FROM segment_members ORDER BY id").fetchall()
    assert [row[0] for row in rows] == ["taken out by hand", None]


def test_members_are_those_of_the_newest_run_with_their_reason(conn: sqlite3.Connection) -> None:
    """Partner, since when, and why."""
    with writing(conn) as tx:
        partner(tx, "beta", sale=5000)
        partner(tx, "Acme", sale=6000)
        gold(tx, ("sale", ">", 10.0, 1))
    go(conn)
    rows = [(row["partner"], row["entered_at"], row["entered_why"]) for row in segment.members(conn, 1)]
    assert rows == [("Acme", NOW, "line 0: sale 60.00 > 10"), ("beta", NOW, "line 0: sale 50.00 > 10")]


# What is refused, and what is due -----------------------------------------------------------------------------


def test_the_sales_rules_without_a_line_are_refused(conn: sqlite3.Connection) -> None:
    """Criteria are required."""
    with writing(conn) as tx:
        gold(tx, sales_purchase_active=1)
    with pytest.raises(Refused, match="criteria are required"):
        go(conn)


def test_an_archived_segment_is_not_run(conn: sqlite3.Connection) -> None:
    """It may stand in the way of another one for the same category."""
    with writing(conn) as tx:
        gold(tx, active=0)
    with pytest.raises(Refused, match="archived"):
        go(conn)


@pytest.mark.parametrize("way", ["add", "edit", "unarchive"])
def test_a_category_belongs_to_one_exclusive_segment(conn: sqlite3.Connection, way: str) -> None:
    """A second one is refused in words, however it would come about."""
    with writing(conn) as tx:
        gold(tx, exclusive=1)
        values = {"exclusive": int(way == "unarchive"), "active": int(way == "edit")}
        other = save.add(tx, {"name": "Silver", "category_id": 1, **values})
    ways = {
        "add": lambda tx: save.add(tx, {"name": "Bronze", "category_id": 1, "exclusive": 1}),
        "edit": lambda tx: save.edit(tx, other, {"exclusive": 1}),
        "unarchive": lambda tx: save.edit(tx, other, {"active": 1}),
    }
    with pytest.raises(Refused, match="category VIP belongs to the exclusive segment Gold"), writing(conn) as tx:
        ways[way](tx)


@pytest.mark.parametrize(("operator", "matches"), [("=", 1), ("<=", 1), (">=", 1), ("<", 0), (">", 0)])
def test_a_mood_equals_the_decimal_that_it_comes_to(conn: sqlite3.Connection, operator: str, matches: int) -> None:
    """The worked example: ratings of 7 and 5, then of 3, come to 3.376, which sums of floats miss by a hair."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme")
        for factor, days in ((7.0, 50), (5.0, 48), (3.0, 17)):
            mood_id = tx.insert("moods", {"name": f"as {factor}", "factor": factor})
            tx.insert("events", {"name": "Visit", "partner_id": acme, "mood_id": mood_id, "at": ago(days=days)})
        gold(tx, ("mood", operator, 3.376, 1))
    assert go(conn).entered == matches


def test_a_line_on_mood_needs_the_days_of_a_period(conn: sqlite3.Connection) -> None:
    """When the line is added, and when the days are taken away."""
    with writing(conn) as tx:
        gold(tx, period_days=None)
    line = {"segment_id": 1, "name": "glad", "variable": "mood", "operator": ">", "value": 1.0}
    with pytest.raises(Refused, match="days of a period"), writing(conn) as tx:
        save.add_line(tx, line)
    with writing(conn) as tx:
        save.edit(tx, 1, {"period_days": 30})
        save.add_line(tx, line)
    with pytest.raises(Refused, match="line glad on mood"), writing(conn) as tx:
        save.edit(tx, 1, {"period_days": None})


@pytest.mark.parametrize("values", [{"every": "soon"}, {"every": "0"}, {"where": "nonsense:1"}, {"category_id": None}])
def test_a_segment_that_cannot_be_is_refused_when_it_is_saved(conn: sqlite3.Connection, values: dict[str, Any]) -> None:
    """A rhythm, a filter, a category that mean nothing."""
    with pytest.raises(CrmError), writing(conn) as tx:
        gold(tx, **values)


def test_members_go_with_their_segment_to_another_category(conn: sqlite3.Connection) -> None:
    """Another category_id moves what the segment gave, and nothing else."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1))
        tx.insert("partner_category_members", {"partner_id": acme, "category_id": 1, "since": NOW})
        tx.insert("partner_categories", {"name": "Key"})
    go(conn)
    with writing(conn) as tx:
        save.edit(tx, 1, {"category_id": 2})
    rows = conn.execute("SELECT category_id, origin FROM partner_category_members ORDER BY 1").fetchall()
    assert [tuple(row) for row in rows] == [(1, "manual"), (2, "1")]
    assert go(conn).entered == 0


def test_members_of_a_deleted_segment_keep_the_category(conn: sqlite3.Connection) -> None:
    """As if given by hand; who had it by hand too has it once."""
    with writing(conn) as tx:
        acme = partner(tx, "Acme", sale=5000)
        partner(tx, "Beta", sale=5000)
        gold(tx, ("sale", ">", 10.0, 1))
        tx.insert("partner_category_members", {"partner_id": acme, "category_id": 1, "since": NOW})
    go(conn)
    with writing(conn) as tx:
        save.delete(tx, 1)
    assert vips(conn) == {"Acme": {"manual"}, "Beta": {"manual"}}


def test_a_segment_is_due_when_its_time_has_passed(conn: sqlite3.Connection) -> None:
    """Never run: at once; then every so often by the calendar of the site; archived ones never."""
    with writing(conn) as tx:
        tx.insert("settings", {"key": "zone", "value": "Europe/Berlin"})
        gold(tx, every="1d")
        save.add(tx, {"name": "Old", "category_id": 1, "active": 0})
    assert due.due(conn, NOW) == [1]
    go(conn, now="2026-03-28T02:00:00Z")
    assert due.due(conn, "2026-03-29T00:59:59Z") == []
    assert due.due(conn, "2026-03-29T01:00:00Z") == [1]  # summer time began: 3 o'clock is 23 hours later
