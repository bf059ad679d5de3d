"""Forms: what goes out comes back the same, and only what was changed is taken."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import db, form, records
from crmcli.errors import Usage
from crmcli.execute import execute
from crmcli.model import Add, Origin
from crmcli.text import clean

HOSTILE = st.text(st.sampled_from("ab \"'\\\n\t#=[]\u202eé日\U000e0041"), max_size=40)


@given(HOSTILE)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    text = clean(text)
    for written in (form._quoted(text), form._lines(text)):
        assert form.values(f"x = {written}") == {"x": text}
        assert "\u202e" not in written


def test_the_form_of_a_case_has_every_field_once(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        case_id = execute(tx, Add({"name": "Pump", "section_id": 1, "deadline_at": "2026-03-02T23:59:59Z"})).case_id
    shown = form.write(conn, "case", case_id, "Europe/Berlin")
    values = form.values(shown)
    assert list(values)[:3] == ["name", "priority", "section"]
    assert (values["section"], values["user"], values["deadline"]) == ("Support", "ann", "2026-03-03 00:59:59")
    assert "# state = draft" in shown
    assert "state" not in values
    assert form.changed(values, form.values(shown)) == {}


def test_what_has_no_name_of_its_own_is_shown_by_its_number(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        for _ in range(2):
            twin = records.add(tx, "contact", {"name": "Joe"})
        case_id = execute(tx, Add({"name": "Pump", "section_id": 1, "contact_id": twin})).case_id
    assert form.values(form.write(conn, "case", case_id, "UTC"))["contact"] == twin


def test_only_what_differs_is_changed_in_whatever_way_toml_says_it() -> None:
    before = form.values('a = ""\nb = 1200.50\nc = true\nd = ["x"]\ne = "same"')
    after = form.values('a = 2026-03-02\nb = 1200.60\nc = false\nd = ["x", "y"]\ne = "same"')
    assert form.changed(before, after) == {"a": "2026-03-02", "b": "1200.60", "c": "no", "d": "x,y"}
    assert form.changed(before, form.values("c = true")) == {}
    assert form.changed(before, form.values('nonsense = "x"')) == {"nonsense": "x"}


@pytest.mark.parametrize(
    ("text", "words"), [("name = Pump", "line 1"), ("[name]", "no text"), ("a = 1\na = 2", "Cannot overwrite")]
)
def test_what_is_no_form_is_refused(text: str, words: str) -> None:
    with pytest.raises(Usage, match=words):
        form.changed({}, form.values(text))


def test_conflicts_tell_base_theirs_and_mine() -> None:
    base, theirs, mine = {"name": "a", "user": "ann", "ref": ""}, {"name": "b", "user": "ann", "ref": ""}, {"user": "bob"}
    assert form.conflicts(base, base, mine) == ""
    assert form.conflicts(base, theirs, mine) == "name: base a, theirs b, mine a; user: base ann, theirs ann, mine bob"
    assert "ref: base empty, theirs x, mine empty" in form.conflicts(base, {**base, "ref": "x"}, base)


def test_an_error_stands_above_the_form_once() -> None:
    once = form.with_error('a = ""\n', Usage("no user anne", hint="nearest: ann"))
    assert once == '#! no user anne (nearest: ann)\na = ""\n'
    assert form.with_error(once, Usage("other")) == '#! other\na = ""\n'
    assert form.without_error(once) == 'a = ""\n'
