"""Any course of commands, all of it undone, leads back to the first state; all redone, to the last (issue 3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from crmcli import clock, db, journal, migrations, resources
from tests import courses
from tests.courses import Line
from tests.test_journal import folded, present

Crm: TypeAlias = Callable[..., Any]
State: TypeAlias = dict[str, Any]

START = "2026-03-02T09:00:00Z"
SEARCHED = """
SELECT id * 4, name FROM cases
UNION ALL SELECT id * 4 + 1, description FROM cases
UNION ALL SELECT log_id * 4 + 2, description FROM case_history
UNION ALL SELECT id * 4 + 3, name FROM attachments
"""
STEPS = f"""
SELECT DISTINCT s.step
FROM change_sets s JOIN changes c ON c.change_set_id = s.id
WHERE c.table_name IN ({", ".join(f"'{table}'" for table in journal.UNDOABLE)})
   OR (c.table_name, c.op) IN (VALUES ('outbox', 'insert'), ('rule_firings', 'insert'))
ORDER BY s.step
"""
# How steps are named where they are the newest of their kind; others by their number.
HOW: dict[str, tuple[str, ...]] = {"cli": (), "import": (), "rules": ("run",), "segments": ("run",)}
# What another tool may write.
OUTSIDE = (
    "UPDATE cases SET name = name || char(0) || 'a pump' WHERE id = 1",
    "UPDATE case_history SET description = 'x' || char(0) || description WHERE id IN (SELECT max(id) FROM case_history)",
    "UPDATE cases SET probability = 100.0 / 3, planned_revenue = -9223372036854775807 - 1 WHERE id = 2",
    "DELETE FROM cases WHERE id IN (SELECT max(id) FROM cases)",
    "INSERT INTO channels (name) SELECT 'by hand ' || count(*) FROM channels",
)
INDEX = "SELECT term, doc, col, offset FROM temp.words ORDER BY term, doc, offset"


class Done(NamedTuple):
    """A command: its steps in the journal, and the state before and after it."""

    steps: list[int]
    before: State
    after: State


class World:
    """A database of its own, as it is now."""

    def __init__(self, crm: Crm, path: Path, content: bytes) -> None:
        for old in path.parent.glob(f"{path.name}*"):
            old.unlink()
        path.write_bytes(content)
        self.crm, self.path = crm, str(path)
        self.file = path.with_name("pump.txt")
        self.file.write_text("a pump")
        self.conn = db.connect(self.path)
        words(self.conn)

    def run(self, *argv: str, now: str, stdin: bytes = b"") -> Any:
        """A command line as the first user, whatever their login is by now."""
        login = self.conn.execute("SELECT login FROM users WHERE id = 1").fetchone()[0]
        return self.crm(f"--as={login}", *argv, db=self.path, user=None, now=now, stdin=stdin)

    def steps(self) -> list[int]:
        """All steps that changed something that can be taken back."""
        return [row[0] for row in self.conn.execute(STEPS)]

    def source(self, step: int) -> str:
        """Where a step came from."""
        return str(self.conn.execute("SELECT source FROM change_sets WHERE step = ?", (step,)).fetchone()[0])

    def state(self) -> State:
        """Every row of what people keep, but for leases and counters, and every word of the full text."""
        self.conn.execute("BEGIN")
        rows = {}
        for table in journal.UNDOABLE:
            columns = ", ".join(f'"{name}"' for name in ["id", *journal.watched(self.conn, table)])
            rows[table] = [tuple(row) for row in self.conn.execute(f"SELECT {columns} FROM {table} ORDER BY id")]
        rows["full text"] = [tuple(row) for row in self.conn.execute(INDEX)]
        self.conn.execute("ROLLBACK")
        return rows

    def export(self) -> str:
        """The document of everything, of which the tables that people keep are compared."""
        from crmcli.transfer import whole

        told = self.run("export", "all", now=START).out
        return "".join(part for part in told.split("\n],\n") if part.partition('": [')[0].strip('{"') not in whole.KEPT)


def words(conn: sqlite3.Connection) -> None:
    """Let every word of the full text be seen, one by one with its place."""
    conn.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, texts, instance)")


def indexed_afresh(conn: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The words of the full text as the texts themselves would give them now."""
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    for statement in migrations.statements(resources.read("schema.sql")):
        fresh.execute(statement)
    rows = [tuple(row) for row in conn.execute(SEARCHED)]
    fresh.executemany("INSERT INTO text_entry (id, text) VALUES (?, ?)", rows)
    words(fresh)
    found = [tuple(row) for row in fresh.execute(INDEX)]
    fresh.close()
    return found


def different(one: State, other: State) -> dict[str, Any]:
    """What two states have each without the other, by table."""
    return {
        name: ([row for row in one[name] if row not in other[name]], [row for row in other[name] if row not in one[name]])
        for name in one
        if one[name] != other[name]
    }


def machine(crm: Crm, path: Path, content: bytes) -> type[RuleBasedStateMachine]:
    """Courses of commands on copies of a database."""

    class Course(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = World(crm, path, content)
            self.now = START
            self.done: list[Done] = []
            self.undone: list[Done] = []
            self.first = self.last = self.world.state()
            self.document = self.world.export()

        def do(self, line: Line) -> None:
            argv = courses.argv(self.world.conn, line, str(self.world.file))
            if argv is None:
                return
            before = set(self.world.steps())
            run = self.world.run(*argv, now=self.now, stdin=line.stdin)
            assert run.exit in (0, 1, 2, 3, 9), (argv, run)
            self.note(before)

        def note(self, before: set[int]) -> None:
            """Keep what was done since there were these steps; without a step of what people keep all is as it was."""
            steps = [step for step in self.world.steps() if step not in before]
            state = self.world.state()
            if not steps:
                assert not different(self.last, state)
                return
            self.done.append(Done(steps, self.last, state))
            self.undone = []
            self.last = state

        def undo(self, done: Done) -> None:
            for step in reversed(done.steps):
                words = HOW.get(self.world.source(step), (str(step),))
                run = self.world.run("undo", *words, now=self.now)
                assert run.exit == 0, run
            self.last = self.world.state()
            assert not different(done.before, self.last)

        def redo(self, done: Done) -> None:
            for _ in done.steps:
                run = self.world.run("redo", now=self.now)
                assert run.exit == 0, run
            self.last = self.world.state()
            assert not different(done.after, self.last)

        @rule(line=courses.CASES)
        def a_case(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.TALK)
        def words(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.TIES)
        def a_tie(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.PEOPLE)
        def a_partner(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.SITE)
        def the_site(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.RULES)
        def a_rule(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.SEGMENTS)
        def a_segment(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.IMPORTS)
        def an_import(self, line: Line) -> None:
            self.do(line)

        @rule(line=courses.MAILS)
        def a_mail(self, line: Line) -> None:
            self.do(line)

        @rule(statement=st.sampled_from(OUTSIDE))
        def another_tool(self, statement: str) -> None:
            before = set(self.world.steps())
            self.world.conn.execute(statement)
            self.note(before)

        @rule(seconds=st.sampled_from([1, 3600, 3 * 86400, -60]))
        def time_passes(self, seconds: int) -> None:
            self.now = clock.shift(self.now, seconds)

        @precondition(lambda self: self.done)
        @rule()
        def undo_the_last(self) -> None:
            done = self.done.pop()
            self.undo(done)
            self.undone.append(done)

        @precondition(lambda self: self.undone)
        @rule()
        def redo_the_last(self) -> None:
            done = self.undone.pop()
            self.redo(done)
            self.done.append(done)

        @precondition(lambda self: self.done)
        @rule(number=st.integers(0, 40))
        def undo_any_and_redo_it(self, number: int) -> None:
            """Either it goes, and comes back; or what is in the way is listed, and nothing is touched."""
            done = self.done[number % len(self.done)]
            run = self.world.run("undo", str(done.steps[-1]), now=self.now)
            assert run.exit in (0, 1, 4), run
            if run.exit:
                assert "in the way" in run.err or "already" in run.err, run.err
            else:
                assert self.world.run("redo", now=self.now).exit == 0
            assert not different(self.last, self.world.state())

        @invariant()
        def the_journal_leads_to_the_present(self) -> None:
            assert folded(self.world.conn) == present(self.world.conn)

        @invariant()
        def searching_finds_what_is_there(self) -> None:
            assert self.last["full text"] == indexed_afresh(self.world.conn)

        def teardown(self) -> None:
            try:
                self.whole()
            finally:
                self.world.conn.close()

        def whole(self) -> None:
            last, document = self.last, self.world.export()
            self.well()
            for done in reversed(self.done):
                self.undo(done)
            assert not different(self.first, self.last)
            assert self.world.export() == self.document
            self.well()
            for done in self.done:
                self.redo(done)
            assert not different(last, self.last)
            assert self.world.export() == document
            self.well()

        def well(self) -> None:
            run = self.world.run("verify", now=self.now)
            assert run.exit == 0, run

    return Course


@pytest.fixture(name="demo")
def _demo(crm: Crm, tmp_path: Path) -> bytes:
    """The bytes of a database with something of everything."""
    path = tmp_path / "demo.db"
    crm("init", "--demo", db=str(path), now=START, user="root")
    conn = db.connect(str(path))
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    return path.read_bytes()


def test_all_undone_is_the_first_state_and_all_redone_the_last(crm: Crm, demo: bytes, tmp_path: Path) -> None:
    """Whatever was done on the way, also taken back and done again."""
    run_state_machine_as_test(
        lambda: machine(crm, tmp_path / "course.db", demo)(), settings=settings(max_examples=25, stateful_step_count=20)
    )


@pytest.mark.campaign
def test_all_undone_is_the_first_state_and_all_redone_the_last_in_long_courses(crm: Crm, demo: bytes, tmp_path: Path) -> None:
    """The same, longer and more often, and otherwise each time."""
    run_state_machine_as_test(
        lambda: machine(crm, tmp_path / "course.db", demo)(),
        settings=settings(max_examples=300, stateful_step_count=40, derandomize=False),
    )
