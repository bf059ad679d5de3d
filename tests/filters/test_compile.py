"""What filters mean, example by example, and what they refuse."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli import filters
from crmcli.errors import Usage
from crmcli.fields import NOUNS
from crmcli.filters import fields
from crmcli.filters.grammar import DEEPEST
from tests.filters.world import ANN, FIXED, NOW

CASES = """
INSERT INTO cases (id, name, state, priority, section_id, user_id, partner_id, starts_at, created_at, deadline_at,
                   planned_revenue, probability, active, email_from, closed_at, last_action_at)
VALUES
  (1, 'Broken pump', 'open', 1, 3, 1, 1, :now, '2026-01-05T08:00:00Z', '2026-03-11T22:59:59Z',
   100050, 40, 1, 'joe@acme.example', NULL, :now),
  (2, 'Café closed', 'pending', 3, 2, NULL, NULL, :now, :now, NULL, NULL, NULL, 1, NULL, NULL, NULL),
  (3, 'none', 'done', 5, 1, 2, 3, :now, :now, '2026-03-01T00:00:00Z', 0, 0, 1, 'Me@us.example', :now, '2026-02-20T00:00:00Z'),
  (4, 'Archived a..b, c', 'draft', 3, 1, 1, 2, :now, :now, '2026-03-01T00:00:00Z', 50, 100, 0, NULL, NULL, NULL)
"""


@pytest.fixture(name="world")
def _world(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Four cases in the fixed world."""
    conn.execute("BEGIN")
    for statement in FIXED.split(";\n"):
        conn.execute(statement)
    conn.execute(CASES, {"now": NOW})
    conn.execute("INSERT INTO users (id, login) VALUES (3, 'nameless')")
    conn.execute("COMMIT")
    return conn


def ids(conn: sqlite3.Connection, text: str, noun: str = "case", zone: str = "UTC", user_id: int | None = ANN) -> list[int]:
    condition = filters.compile(conn, text, noun, filters.Context(NOW, zone, user_id))
    sql = f"SELECT t.id FROM {fields.noun_of(noun).table} t WHERE {condition.sql} ORDER BY t.id"
    return [row["id"] for row in conn.execute(sql, condition.parameters)]


def refused(conn: sqlite3.Connection, text: str, noun: str = "case", user_id: int | None = ANN) -> tuple[str, str]:
    with pytest.raises(Usage) as caught:
        ids(conn, text, noun, user_id=user_id)
    return caught.value.message.removeprefix("filter, "), caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4]),
        ("state:open,pending", [1, 2]),
        ("state!=open", [2, 3, 4]),
        ("priority<=2", [1]),
        ("priority<=normal", [1, 2, 4]),
        ("priority:high..low", [2, 4]),
        ("user:ann", [1, 4]),
        ("user:me", [1, 4]),
        ("user!=ann", [2, 3]),
        ("user:none", [2]),
        ("user:any", [1, 3, 4]),
        ("user:none,bob", [2, 3]),
        ("user!=none,bob", [1, 4]),
        ("section:Sales", [2]),
        ("section:Sales/", [1, 2]),
        ("section.sub:Sales", [1, 2]),
        ("section!=Sales/", [3, 4]),
        ('section:"Sales / North"', [1]),
        ("section:sale,Support", [2, 3, 4]),
        ("section~nor", [1]),
        ("partner.category:VIP", [3]),
        ("partner.category:VIP/", [1, 3]),
        ("partner.category:none", [2, 4]),
        ("partner.category!=VIP/", [2, 4]),
        ("partner.name~acme", [1]),
        ("partner.user:me", [1]),
        ("partner.contact.email:any", [1]),
        ("partner.cases>0", [1, 3, 4]),
        ("planned_revenue>1000.50", []),
        ("planned_revenue>=1000.50", [1]),
        ("planned_revenue<1", [3, 4]),
        ("planned-revenue:none", [2]),
        ("probability:10..50", [1]),
        ("probability:40%", [1]),
        ("messages:0", [1, 2, 3, 4]),
        ("id:2..3", [2, 3]),
        ("id:4,1", [1, 4]),
        ("name:CAFE", [2]),
        ("name:café,PUMP", [1, 2]),
        ('name:"none"', [3]),
        ("name:none", []),
        ('name:"a..b"', [4]),
        ('name:"b, c"', [4]),
        ("email_from:ME@", [3]),
        ("deadline:today", [1]),
        ("deadline_at:2026-03", [1, 3, 4]),
        ("deadline.before:2026-03-11", [3, 4]),
        ("deadline<=today", [1, 3, 4]),
        ("deadline>today", []),
        ("deadline>=2026-03-11", [1]),
        ("deadline:2026-03-01..eom", [1, 3, 4]),
        ("created:2026-Q1", [1, 2, 3, 4]),
        ("created:2026-01", [1]),
        ("closed:any", [3]),
        ("active:no", [4]),
        ("+open", [1, 4]),
        ("+unclosed", [1, 2, 4]),
        ("+closed", [3]),
        ("+late", [4]),
        ("+mine", [1, 4]),
        ("+unassigned", [2]),
        ("+stale", []),
        ("+archived", [4]),
        ("not +archived", [1, 2, 3]),
        ("pump", [1]),
        ("broken PUMP", [1]),
        ('"pump broken"', []),
        ("cafe", [2]),
        ('"or" or pump', [1]),
    ],
)
def test_a_filter_finds(world: sqlite3.Connection, text: str, expected: list[int]) -> None:
    assert ids(world, text) == expected


def test_a_day_is_a_day_of_the_zone(world: sqlite3.Connection) -> None:
    assert ids(world, "deadline:2026-03-11") == [1]
    assert ids(world, "deadline:2026-03-11", zone="Asia/Tokyo") == []
    assert ids(world, "deadline:2026-03-12", zone="Asia/Tokyo") == [1]
    assert ids(world, "deadline<=2026-03-11", zone="Europe/Berlin") == [1, 3, 4]


@pytest.mark.parametrize("noun", [*NOUNS, "history"])
def test_every_field_and_flag_of_every_noun_can_be_asked_for(world: sqlite3.Connection, noun: str) -> None:
    for name, one in fields.readable(fields.noun_of(noun)).items():
        everything = sorted(ids(world, f"{name}:any", noun) + ids(world, f"{name}:none", noun))
        assert everything == ids(world, "", noun), name
        assert fields.lookup(fields.noun_of(noun), one.field.short) is not None
    for flag in fields.flags(fields.noun_of(noun)):
        assert sorted(ids(world, f"+{flag}", noun) + ids(world, f"not +{flag}", noun)) == ids(world, "", noun), flag
    ids(world, "acme", noun)


@pytest.mark.parametrize("noun", [*NOUNS, "history"])
def test_the_examples_of_every_field_are_filters(world: sqlite3.Connection, noun: str) -> None:
    for row in fields.described(noun):
        try:
            ids(world, row["example"], noun)
        except Usage as error:
            if ": no " not in error.message:  # what an example names need not be there
                raise


@pytest.mark.parametrize(
    ("text", "noun", "expected"),
    [
        ("category:VIP/", "partner", [1, 3]),
        ("acme", "partner", [1]),
        ("+mine", "partner", [1]),
        ("contact.email:acme", "partner", [1]),
        ("cases:0", "partner", []),
        ("segment:none", "partner", [1, 2, 3]),
        ("contact:none", "partner", [3]),
        ("contact!=pat@home.example", "partner", [1, 2, 3]),
        ("contact.email!=acme", "partner", [2, 3]),
        ("name:none", "contact", []),
        ("name:none", "user", [3]),
        ("partner:none", "contact", [3]),
        ("joe", "contact", [1, 2]),
        ("parent:Sales", "section", [3]),
        ("parent:Sales/", "section", [3, 4]),
        ('delay:"0 day"', "rule", [1]),
        ("name:due", "rule", [1]),
        ("login:b", "user", [2]),
    ],
)
def test_other_nouns_are_filtered_too(world: sqlite3.Connection, text: str, noun: str, expected: list[int]) -> None:
    assert ids(world, text, noun) == expected


def test_history_is_found_by_its_words_and_by_its_case(world: sqlite3.Connection) -> None:
    log = "INSERT INTO case_log (id, case_id, at, name, user_id) VALUES (?, ?, ?, 'Send', ?)"
    world.executemany(log, [(9, 1, NOW, 1), (10, 2, NOW, None)])
    words = "INSERT INTO case_history (id, log_id, direction, description) VALUES (?, ?, ?, ?)"
    world.executemany(words, [(5, 9, "in", "Déjà vu"), (6, 10, "out", "no")])
    assert ids(world, "deja", "history") == [5]
    assert ids(world, "case.state:open", "history") == [5]
    assert ids(world, "direction:out", "history") == [6]
    assert ids(world, "+mine", "history") == [5]
    assert ids(world, "+waiting") == [1]
    assert ids(world, "messages>0") == [1, 2]
    assert ids(world, "email_last~DEJA") == [1]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("+mine prioritty:1", "position 7: case has no field prioritty", "nearest: priority"),
        ("partner.nam:x", "position 1: partner has no field nam", "nearest: name"),
        ("name.x:y", "position 1: name has no fields of its own", "crm help filter"),
        ("priority:hgh", "position 10: no priority hgh", "did you mean high?"),
        ("state:opne", "position 7: no state opne", "did you mean open?"),
        ("user:ann,anm", "position 10: no user anm", "nearest: ann"),
        ("section:Saels/", "position 9: no section Saels", "Sales"),
        ("+laet", "position 1: case has no flag +laet", "nearest: +late"),
        ("planned_revenue>much", "position 17: planned revenue is an amount", ""),
        ("messages>x", "position 10: messages is a whole number", ""),
        ("active:maybe", "position 8: active is yes or no", ""),
        ("deadline:sometime", "position 10: ", "such as"),
        ("deadline:2026-02-30", "position 10: there is no day 2026-02-30", ""),
        ("name<b", "position 1: name has no order", "use name:… or name!=…"),
        ("state>open", "position 1: state has no order", ""),
        ("name:a..b", "position 6: name has no order, so no range", ""),
        ("user:a..b", "position 6: user has no order, so no range", ""),
        ("priority<1,2", "position 1: < takes one value", "priority:LOW..HIGH is a range"),
        ("priority:5..1", "position 10: the range 5..1 runs backwards", ""),
        ("priority~1", "position 1: priority is no text", ""),
        ('name:""', "position 6: the value is empty", "name:none"),
        ('priority:""', "position 10: the value is empty", "priority:none"),
        ("partner.sub:Acmé", "position 1: partner has nothing below it", ""),
        ("🔧", "position 1: there is no letter or digit", ""),
        ('""', "position 1: there is no letter or digit", ""),
        ("+breached", "position 1: +breached needs service levels", ""),
        ("contact:joe,Joe,J", "position 17: no contact J", ""),
    ],
)
def test_what_means_nothing_is_refused_with_position_and_the_next_step(
    world: sqlite3.Connection, text: str, message: str, hint: str
) -> None:
    said, next_step = refused(world, text)
    assert said.startswith(message)
    assert next_step
    assert hint in next_step


def test_a_name_of_several_things_lists_them(world: sqlite3.Connection) -> None:
    world.execute("INSERT INTO contacts (name) VALUES ('Joe')")
    said, hint = refused(world, "contact:Joe")
    assert said == "position 9: Joe is the name of 2 contacts"
    assert "1 Joe" in hint
    assert "4 Joe" in hint


def test_me_needs_somebody(world: sqlite3.Connection) -> None:
    for text in ("+mine", "user:me"):
        said, hint = refused(world, text, user_id=None)
        assert "who is me?" in said
        assert "--as" in hint


def test_an_unknown_noun_is_refused(world: sqlite3.Connection) -> None:
    assert refused(world, "x", "invoice")[0] == "no noun invoice to filter"


@pytest.mark.parametrize(
    ("text", "timed"),
    [
        ("state:open", False), ("deadline:2026-03-11", False), ("deadline<2026-03-11T10:00", False), ("deadline:today", True),
        ("deadline<+2d", True), ("deadline<=eom", True), ("deadline:friday", True), ("deadline<now", True), ("+late", True),
        ("+stale", True), ("+mine", False), ("deadline:2026-01-01..today", True), ("not (a or +late)", True),
    ],
)  # fmt: skip
def test_a_condition_tells_whether_it_changes_as_time_goes_by(world: sqlite3.Connection, text: str, timed: bool) -> None:
    assert filters.compile(world, text, "case", filters.Context(NOW, "UTC", ANN)).timed is timed


@pytest.mark.parametrize(
    ("text", "wants"),
    [("", False), ("+archived", True), ("pump or not +archived", True), ("active:no", True), ("active.not:no", True),
     ('"+archived"', False), ("partner.active:no", False)],
)  # fmt: skip
def test_a_filter_that_speaks_of_archived_ones_is_known(world: sqlite3.Connection, text: str, wants: bool) -> None:
    assert filters.wants_archived(filters.parse(text)) is wants
    assert filters.compile(world, text, "case", filters.Context(NOW, "UTC", ANN)).archived is wants


def test_two_conditions_with_their_own_prefixes_go_together(world: sqlite3.Connection) -> None:
    context = filters.Context(NOW, "UTC", ANN)
    one = filters.compile(world, "user:ann", "case", context, "a")
    other = filters.compile(world, "priority:1", "case", context, "b")
    sql = f"SELECT t.id FROM cases t WHERE {one.sql} AND {other.sql}"
    assert [row[0] for row in world.execute(sql, {**one.parameters, **other.parameters})] == [1]


def test_the_context_takes_zone_and_stale_days_from_the_settings(world: sqlite3.Connection) -> None:
    world.execute("INSERT INTO settings (key, value) VALUES ('stale_days', '3'), ('zone', 'Asia/Tokyo')")
    assert filters.context(world, NOW, ANN) == filters.Context(NOW, "Asia/Tokyo", ANN, 3)
    assert filters.context(world, NOW, ANN, "UTC").zone == "UTC"


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE cases; --", "x') OR 1=1 --", "%", "_", "{t}", "{0}", ":f0", "%(case_id)s", 'a" OR "b', "NEAR(a b)", "name:x"],
)
def test_what_looks_like_sql_or_fts_is_plain_text(world: sqlite3.Connection, value: str) -> None:
    sql = "INSERT INTO cases (id, name, section_id, starts_at, created_at) VALUES (7, ?, 1, ?, ?)"
    world.execute(sql, (f"z {value} z", NOW, NOW))
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert ids(world, f"name:{quoted}") == [7]
    if any(sign.isalnum() for sign in value):
        assert ids(world, quoted) == [7]


def test_parameters_carry_every_value_and_sql_none(world: sqlite3.Connection) -> None:
    condition = filters.compile(world, 'name:"x\' y" user:ann "z z" deadline:2026-03-11', "case", filters.Context(NOW))
    assert "x'" not in condition.sql
    assert "z z" not in condition.sql
    assert "2026" not in condition.sql
    assert all(f":{name}" in condition.sql for name in condition.parameters)


def test_ten_thousand_values_are_one_list_and_far_more_are_refused(world: sqlite3.Connection) -> None:
    assert ids(world, "id:" + ",".join(map(str, range(1, 10_001)))) == [1, 2, 3, 4]
    assert "values" in refused(world, "id:" + ",".join(map(str, range(1, 40_001))))[0]


def test_long_and_deep_filters_stay_within_what_sqlite_takes(world: sqlite3.Connection) -> None:
    assert ids(world, " or ".join(f"id:{number}" for number in range(2, 3000))) == [2, 3, 4]
    assert ids(world, "name:" + ",".join(f"pump{number}" for number in range(2000)) + ",pump") == [1]
    wide = " or ".join(f"(partner.category:{'VIP,none,Gold/'} +late pump not (id:{number} user:me))" for number in range(300))
    assert ids(world, wide) == []


def test_what_is_too_deep_for_sqlite_is_refused_in_words(world: sqlite3.Connection) -> None:
    deep = "id:1"
    for _ in range(DEEPEST // 2):
        deep = f'not (partner.user.section.parent:none,Sales/ and (user:any {deep} or section:5/ or "x y"))'
        try:
            ids(world, deep)
        except Usage as error:
            if error.message != "the filter is too deeply nested":
                raise
    assert refused(world, "partner." + "parent." * 60 + "name:x")[0] == "the filter is too deeply nested"
    assert ids(world, "partner.parent.parent.parent.user.section.parent.name:x") == []


def test_a_huge_number_is_refused(world: sqlite3.Connection) -> None:
    assert "whole number" in refused(world, "id:" + "9" * 30)[0]
    assert "amount" in refused(world, "planned_revenue>" + "9" * 30)[0]
