"""Full text: the index follows every change of a text, whoever makes it, and finds what plain Python finds."""

from __future__ import annotations

import re
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcli import db, filters
from crmcli.filters.words import LETTERS, phrase
from crmcli.model import Add, Origin
from tests.filters import oracle
from tests.filters.world import LETTERS as SIGNS
from tests.filters.world import WORDS, words

NOW = "2026-03-11T10:00:00Z"
CASE = "INSERT INTO cases (name, description, section_id, starts_at, created_at) VALUES (?, ?, 1, ?, ?)"


def add(conn: sqlite3.Connection, name: str, description: str | None = None) -> int:
    return int(conn.execute(CASE, (name, description, NOW, NOW)).lastrowid or 0)


def say(conn: sqlite3.Connection, case_id: int, text: str, message_id: int | None = None) -> int:
    log_id = conn.execute("INSERT INTO case_log (case_id, at, name) VALUES (?, ?, 'Send')", (case_id, NOW)).lastrowid
    sql = "INSERT INTO case_history (log_id, direction, description, message_id) VALUES (?, 'in', ?, ?)"
    conn.execute(sql, (log_id, text, message_id))
    return int(log_id or 0)


def attach(conn: sqlite3.Connection, name: str, case_id: int | None = None, message_id: int | None = None) -> None:
    conn.execute("INSERT INTO blobs VALUES ('x', 1, x'00') ON CONFLICT DO NOTHING")
    sql = "INSERT INTO attachments (case_id, message_id, name, type, size, sha256) VALUES (?, ?, ?, 'text/plain', 1, 'x')"
    conn.execute(sql, (case_id, message_id, name))


def message(conn: sqlite3.Connection) -> int:
    conn.execute("INSERT INTO raw_messages VALUES ('m', 1, x'00')")
    sql = "INSERT INTO messages (sha256, size, content_key, received_at, class) VALUES ('m', 1, 'k', ?, 'human')"
    return int(conn.execute(sql, (NOW,)).lastrowid or 0)


def found(conn: sqlite3.Connection, text: str) -> list[int]:
    condition = filters.compile(conn, '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', "case", filters.Context(NOW))
    return [row[0] for row in conn.execute(f"SELECT t.id FROM cases t WHERE {condition.sql} ORDER BY 1", condition.parameters)]


def postings(conn: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Everything in the index: word, text, place."""
    conn.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.places USING fts5vocab (main, texts, instance)")
    return sorted(tuple(row) for row in conn.execute('SELECT term, doc, "offset" FROM temp.places'))


def rebuilt(conn: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """What the index would be if it were made anew from the texts."""
    conn.execute("INSERT INTO texts (texts) VALUES ('delete-all')")
    conn.execute(
        """INSERT INTO text_entry (id, text)
           SELECT id * 4, name FROM cases UNION ALL SELECT id * 4 + 1, description FROM cases
           UNION ALL SELECT log_id * 4 + 2, description FROM case_history UNION ALL SELECT id * 4 + 3, name FROM attachments"""
    )
    return postings(conn)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Broken pump", "pump", True),
        ("Broken pump", "PUMP", True),
        ("Broken pump", "broken pump", True),
        ("Broken pump", "pump broken", False),
        ("Broken pump", "pum", False),
        ("Broken pump", "pum*", False),
        ("Café Zoë", "cafe zoe", True),
        ("Cafe\u0301", "café", True),
        ("cafe", "café", True),
        ("e-mail", "e mail", True),
        ("水泵坏了", "水泵", True),
        ("水泵坏了", "泵坏", True),
        ("水泵坏了", "水坏", False),
        ("ポンプが故障しました", "故障", True),
        ("iPhoneの修理", "iphone", True),
        ("iPhoneの修理", "修理", True),
        ("고장이 났어요", "고장", True),
        ("ปั๊มน้ำเสีย", "เสีย", True),
        ("𠮷野家", "野家", True),
        ("Größe", "GRÖSSE", False),
        ("fix 🔧 it", "fix it", True),
        ("pump2000", "pump2000", True),
        ("a b", "a AND b", False),
        ("a OR b", "a OR b", True),
        ("NEAR(a b)", "NEAR(a b)", True),
        ("name:x ^y {z} -w", "name:x ^y {z} -w", True),
        ('say "it"', 'say "it"', True),
    ],
)
def test_words_are_found_whole_without_accents_and_in_scripts_without_spaces(
    conn: sqlite3.Connection, text: str, query: str, expected: bool
) -> None:
    case_id = add(conn, text)
    assert found(conn, query) == ([case_id] if expected else [])


def test_a_case_is_found_by_every_text_of_it(conn: sqlite3.Connection) -> None:
    first, second = add(conn, "first", "described"), add(conn, "second")
    say(conn, second, "spoken")
    say(conn, second, "with a file", mail := message(conn))
    attach(conn, "invoice-2026.pdf", message_id=mail)
    attach(conn, "photo.png", case_id=first)
    assert [found(conn, word) for word in ("described", "spoken", "invoice", "invoice-2026.pdf", "photo", "png")] == [
        [first], [second], [second], [second], [first], [first]
    ]  # fmt: skip


def test_the_index_follows_changes_and_removals(conn: sqlite3.Connection) -> None:
    case_id = add(conn, "old name", "old text")
    log_id = say(conn, case_id, "old words")
    attach(conn, "old.txt", case_id=case_id)
    conn.execute("UPDATE cases SET name = 'new name', description = NULL, priority = 1")
    conn.execute("UPDATE case_history SET description = 'new words' WHERE log_id = ?", (log_id,))
    conn.execute("UPDATE attachments SET name = 'new.txt'")
    assert found(conn, "old") == []
    assert found(conn, "new") == [case_id]
    conn.execute("DELETE FROM cases WHERE id = ?", (case_id,))
    assert postings(conn) == rebuilt(conn) == []


def test_a_communication_that_moves_is_found_with_its_new_case(conn: sqlite3.Connection) -> None:
    one, other = add(conn, "one"), add(conn, "other")
    log_id = say(conn, one, "travelling")
    conn.execute("UPDATE case_log SET case_id = ? WHERE id = ?", (other, log_id))
    assert found(conn, "travelling") == [other]


def test_what_is_rolled_back_is_not_found(conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin(NOW, 1, "cli", dry_run=True)) as tx:
        add(tx.conn, "fleeting")
        assert found(conn, "fleeting")
    assert found(conn, "fleeting") == []


def test_undo_takes_words_out_and_redo_brings_them_back(conn: sqlite3.Connection) -> None:
    from crmcli import undo
    from crmcli.execute import execute

    with db.write(conn, Origin(NOW, 1, "cli", "crm case add")) as tx:
        execute(tx, Add({"name": "ephemeral pump", "section_id": 1}))
        step = tx.step
    with db.write(conn, Origin(NOW, 1, "undo")) as tx:
        undo.undo(tx, step)
    assert found(conn, "ephemeral") == []
    with db.write(conn, Origin(NOW, 1, "undo")) as tx:
        undo.redo(tx, undo.newest_undo(conn, 1))
    assert found(conn, "ephemeral") == [1]
    before = postings(conn)
    assert before
    assert before == rebuilt(conn)


def test_a_hand_in_another_tool_is_followed_too(conn: sqlite3.Connection, db_path: str) -> None:
    outside = sqlite3.connect(db_path)
    add(outside, "written outside 水泵")
    outside.commit()
    outside.close()
    assert found(conn, "outside") == found(conn, "泵") == [1]


def test_the_past_has_the_words_of_the_past(conn: sqlite3.Connection) -> None:
    from crmcli import past

    with db.write(conn, Origin("2026-03-01T10:00:00Z", 1, "cli")) as tx:
        add(tx.conn, "then")
    with db.write(conn, Origin(NOW, 1, "cli")) as tx:
        tx.run("UPDATE cases SET name = 'nów'")
    before = past.as_of(conn, "2026-03-05T00:00:00Z")
    assert (found(before, "then"), found(before, "now")) == ([1], [])
    assert (found(conn, "then"), found(conn, "now")) == ([], [1])


def test_the_same_letters_stand_alone_in_schema_and_search(conn: sqlite3.Connection) -> None:
    letters = re.compile(f"[{LETTERS}]")
    pattern = conn.execute("SELECT letter FROM unspaced").fetchone()[0]
    signs = [chr(code) for code in range(0x20, 0x31000) if not 0xD800 <= code < 0xE000]
    differing = [
        sign for sign in signs
        if conn.execute("SELECT ? GLOB ?", (sign, pattern)).fetchone()[0] != bool(letters.match(sign))
    ]  # fmt: skip
    assert differing == []


def test_a_long_text_in_chinese_is_taken_apart_in_order(conn: sqlite3.Connection) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(5000))
    case_id = add(conn, "long", text)
    assert found(conn, text[250:260]) == [case_id]
    assert found(conn, text[4990:5000]) == [case_id]
    assert found(conn, text[255] + text[257]) == []


def test_a_megabyte_in_chinese_is_indexed_in_bearable_steps(conn: sqlite3.Connection) -> None:
    case_id = add(conn, "long", "水泵坏了" * 80_000)
    assert found(conn, "了水") == [case_id]


def test_there_is_no_phrase_without_letters() -> None:
    assert [phrase(text) for text in ("🔧", "", "-- *", '"')] == [None] * 4
    assert phrase('a "b\x00') == '"a  b "'


texts_of_any_kind = st.lists(st.one_of(words, st.text(SIGNS, max_size=30)), min_size=1, max_size=6)


@given(texts=texts_of_any_kind, queries=st.lists(words, min_size=5, max_size=10))
@settings(max_examples=100)
def test_full_text_finds_what_plain_python_finds(conn: sqlite3.Connection, texts: list[str], queries: list[str]) -> None:
    conn.execute("BEGIN")
    try:
        stored = {add(conn, text or "x", text): text or "x" for text in texts}
        for query in [*queries, *(text[start : start + 4] for text in texts for start in (0, 3)), *WORDS]:
            if phrase(query):
                assert found(conn, query) == [case_id for case_id, text in stored.items() if oracle.has_phrase(text, query)]
    finally:
        conn.execute("ROLLBACK")


steps = st.lists(
    st.tuples(st.sampled_from(["add", "say", "attach", "name", "describe", "words", "file", "delete"]), st.integers(0, 9), words),
    max_size=25,
)


@given(steps)
@settings(max_examples=60)
def test_after_any_changes_the_index_is_what_it_would_be_if_made_anew(
    conn: sqlite3.Connection, changes: list[tuple[str, int, str]]
) -> None:
    conn.execute("BEGIN")
    try:
        for what, number, text in changes:
            _change(conn, what, number, text)
        index = postings(conn)
        assert index == rebuilt(conn)
    finally:
        conn.execute("ROLLBACK")


def _change(conn: sqlite3.Connection, what: str, number: int, text: str) -> None:
    ids = [row[0] for row in conn.execute("SELECT id FROM cases ORDER BY id")]
    if what == "add" or not ids:
        add(conn, text, text[::-1] if number % 2 else None)
        return
    case_id = ids[number % len(ids)]
    if what == "say":
        say(conn, case_id, text)
    elif what == "attach":
        attach(conn, text, case_id=case_id)
    elif what == "delete":
        conn.execute("DELETE FROM cases WHERE id = ?", (case_id,))
    else:
        table, column = {
            "name": ("cases", "name"), "describe": ("cases", "description"), "words": ("case_history", "description"),
            "file": ("attachments", "name"),
        }[what]  # fmt: skip
        conn.execute(f"UPDATE {table} SET {column} = ? WHERE id % 3 = ?", (text, number % 3))
