"""A million cases with three million communications beside a thousand: what each thing costs at both sizes, and the ratio.

Run: python tests/bench/million.py [CASES] [FOLDER]     (1,000,000 by default; FOLDER keeps the files for the next run)
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from crmcli import case_list, db, search, seeds
from crmcli.__main__ import main as crm
from crmcli.cli import lists
from crmcli.cli.session import Globals, Session
from crmcli.model import Origin

NOW = "2026-03-02T09:00:00Z"
SMALL = 1000
SECTIONS, USERS, PARTNERS, POOL = 24, 20, 10_000, 10_000
TASKWARRIOR_ELSEWHERE = 274
"""Milliseconds of `task list` at 10,000 tasks as measured on another machine, where Taskwarrior is not installed here."""

# All is made by SQL from a number, spread by parts of its product with a prime; the texts come from a pool where two words
# are rare.
NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
SPREAD = "(n * 2654435761 >> {})"
AT = "strftime('%Y-%m-%dT%H:%M:%SZ', 1672531200 + {n} * 99000000 / {of}, 'unixepoch')"
TEXT = f"(SELECT text FROM temp.pool WHERE id = {{n}} * 7919 % {POOL})"
FILLED = {
    "partners": f"SELECT n, 'Partner ' || n FROM numbers WHERE n <= {PARTNERS}",
    "cases": f"""
      SELECT n, {TEXT.format(n="n")} || ' ' || n, state, 1 + {SPREAD.format(7)} % 5, 2 + {SPREAD.format(9)} % {SECTIONS},
             1 + {SPREAD.format(5)} % {PARTNERS}, CASE WHEN {SPREAD.format(11)} % 10 THEN 1 + {SPREAD.format(6)} % {USERS} END,
             at, at, at,
             CASE WHEN {SPREAD.format(8)} % 2 THEN strftime('%Y-%m-%dT%H:%M:%SZ', at, ({SPREAD.format(10)} % 90) || ' days') END,
             CASE state WHEN 'done' THEN at END, CASE WHEN n % 3 THEN {SPREAD.format(4)} % 1000000 END,
             CASE WHEN n % 3 THEN {SPREAD.format(3)} % 101 END, 'joe' || {SPREAD.format(2)} % 50000 || '@acme.example'
      FROM (SELECT n, {AT.format(n="n", of=":count")} AS at,
                   CASE WHEN {SPREAD.format(12)} % 10 THEN CASE WHEN n % 3 THEN 'done' ELSE 'cancel' END
                        WHEN n % 4 THEN 'open' ELSE CASE WHEN n % 8 THEN 'pending' ELSE 'draft' END END AS state
            FROM numbers)""",
    "case_spans": "SELECT id, id, state, section_id, user_id, created_at FROM cases",
    "case_log": f"""
      SELECT n, 1 + (n - 1) % (:count / 3), {AT.format(n="n", of=":count")}, 'Historize', 1 + n % {USERS}
      FROM numbers""",
    "case_history": f"""
      SELECT n, n, CASE WHEN n % 2 THEN 'in' ELSE 'out' END, 'joe' || n % 50000 || '@acme.example',
             {TEXT.format(n="n")} || ' number ' || n
      FROM numbers""",
}
COLUMNS = {
    "partners": "id, name",
    "cases": "id, name, state, priority, section_id, partner_id, user_id, starts_at, created_at, last_action_at,"
    " deadline_at, closed_at, planned_revenue, probability, email_from",
    "case_spans": "id, case_id, state, section_id, user_id, entered_at",
    "case_log": "id, case_id, at, name, user_id",
    "case_history": "id, log_id, direction, email, description",
}
TIMES_THREE = ("case_log", "case_history")
TEXTS = (
    "SELECT id * 4, name FROM cases ORDER BY id",
    "SELECT log_id * 4 + 2, description FROM case_history ORDER BY log_id",
)
# The journal as the triggers would have written it: a change set for each case and one for each communication.
JOURNAL = (
    """INSERT INTO change_sets (id, step, at, true_at, user_id, source, command)
    SELECT 1000 + id, 1000 + id, created_at, created_at, user_id, 'cli', 'crm case add' FROM cases""",
    """INSERT INTO changes (change_set_id, table_name, row_id, op, new)
    SELECT 1000 + id, 'cases', id, 'insert', json_object('name', quote(name), 'state', quote(state), 'priority', quote(priority),
      'section_id', quote(section_id), 'partner_id', quote(partner_id), 'starts_at', quote(starts_at),
      'created_at', quote(created_at), 'active', '1') FROM cases""",
    """INSERT INTO changes (change_set_id, table_name, row_id, op, new)
    SELECT 1000 + id, 'case_spans', id, 'insert', json_object('case_id', quote(case_id), 'state', quote(state),
      'section_id', quote(section_id), 'entered_at', quote(entered_at)) FROM case_spans""",
    """INSERT INTO change_sets (id, step, at, true_at, user_id, source, command)
    SELECT 1000 + :cases + id, 1000 + :cases + id, at, at, user_id, 'cli', 'crm case note' FROM case_log""",
    """INSERT INTO changes (change_set_id, table_name, row_id, op, new)
    SELECT 1000 + :cases + id, 'case_log', id, 'insert', json_object('case_id', quote(case_id), 'at', quote(at),
      'name', quote(name), 'user_id', quote(user_id)) FROM case_log""",
    """INSERT INTO changes (change_set_id, table_name, row_id, op, new)
    SELECT 1000 + :cases + log_id, 'case_history', id, 'insert', json_object('log_id', quote(log_id),
      'direction', quote(direction), 'description', quote(description)) FROM case_history""",
)


# Filling ------------------------------------------------------------------------------------------------


def filled(path: str, cases: int) -> None:
    """A database with so many cases, three communications each, its index and its journal, as if it had grown so."""
    start = time.perf_counter()
    conn = db.create(path)
    conn.execute("PRAGMA synchronous = OFF")
    with db.write(conn, Origin("2023-01-01T00:00:00Z", None, "system", "bench")) as tx:
        seeds.shipped(tx)
        for number in range(1, USERS + 1):
            tx.insert("users", {"login": f"user{number}", "email": f"user{number}@us.example"})
        tx.insert("sections", {"name": "Sales", "code": "sales", "user_id": 1, "reply_to": "sales@us.example"})
        tx.insert("views", {"name": "Late", "filter": "+late section:Sales/"})
        for number in range(SECTIONS):
            tx.insert("sections", {"name": f"Section {number}", "code": f"s{number}", "parent_id": 1 if number % 3 else None})
    triggers = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        conn.execute(f'DROP TRIGGER "{name}"')
    conn.execute("CREATE TEMP TABLE pool (id INTEGER PRIMARY KEY, text TEXT)")
    conn.executemany("INSERT INTO temp.pool VALUES (?, ?)", enumerate(pool()))
    conn.execute("BEGIN")
    for table, rows in FILLED.items():
        count = max(PARTNERS, cases) if table == "partners" else cases * 3 if table in TIMES_THREE else cases
        start_rows = f"{NUMBERS} {rows}" if "numbers" in rows else rows
        conn.execute(f"INSERT INTO {table} ({COLUMNS[table]}) {start_rows}", {"count": count})
    for rows in TEXTS:
        conn.execute(f"INSERT INTO texts (rowid, text) {rows}")
    for statement in JOURNAL:
        conn.execute(statement, {"cases": cases})
    for _, sql in triggers:
        conn.execute(sql)
    conn.execute("COMMIT")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    took, size = time.perf_counter() - start, os.path.getsize(path) / 1e6
    print(f"{cases:9,} cases, {cases * 3:,} communications: made in {took:.0f} s, {size:,.0f} MB")


def pool() -> Iterator[str]:
    """Sentences of common words; in one of two hundred stands `broken`, in as many `pump`, in half of these both."""
    chance = Random(1)
    words = [f"word{number}" for number in range(3000)]
    for number in range(POOL):
        rare = [word for word, place in (("broken", (0, 100)), ("pump", (0, 200))) if number % 400 in place]
        yield " ".join([*chance.choices(words, k=8), *rare])


# Measuring ----------------------------------------------------------------------------------------------


def best(work: Callable[[], object], times: int = 5) -> float:
    """The least of some times, in milliseconds of this process's CPU, on which neighbours have less of a say."""
    took = []
    for _ in range(times):
        start = time.process_time()
        work()
        took.append((time.process_time() - start) * 1000)
    return min(took)


def compare(
    title: str, make: Callable[[str], Callable[[], object]], paths: tuple[str, str], aim: str = "", times: int = 5
) -> None:
    """Print what something costs at both sizes, and the ratio."""
    small, large = (best(make(path), times) for path in paths)
    print(f"  {title:52} {small:9.2f} ms {large:9.2f} ms  x {large / small:7.2f}", flush=True)


def command(words: str, path: str) -> Callable[[], None]:
    """A command line, run in this process with its output thrown away."""

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            code = crm(["--db", path, "--as", "user1", "--now", NOW, "--tz", "UTC", *words.split()])
        assert code == 0, (words, said.getvalue())

    return run


def page_of(sort: str, deep: bool, path: str) -> Callable[[], object]:
    """Read fifty cases in an order: the first, or those after the middle one by id."""
    s = Session(Globals(db=path, user="user1", now=NOW, tz="UTC", output="tsv"), "bench")
    middle = s.conn.execute("SELECT max(id) / 2 FROM cases").fetchone()[0] if deep else None
    asked = lists.Asked(sort=sort, limit=50, after=middle)

    def run() -> None:
        page = lists.page(s, lists.CASES, [], asked)
        assert len(list(case_list.result(s.conn, page=page, names=case_list.CASE.columns, now=NOW).rows)) > 5

    return run


def found_by(words: list[str], path: str) -> Callable[[], object]:
    """The newest fifty texts that have all the words."""
    conn = db.connect(path)
    wanted = search.Wanted(words, limit=50)
    return lambda: list(search.find(conn, wanted).rows)


INDEXED = ("", "id", "name", "created_at", "starts_at", "deadline_at", "last_action_at", "closed_at", "priority")
# What people and cron ask for, whole within the process; {n} is a number of its own in every run.
COMMANDS = (
    "case list --limit 50", "case list +late --limit 50", "case list +mine --limit 50", "case list +stale --limit 50",
    "case list +unassigned --limit 50", "case list +waiting --limit 50", "case list section:Sales/ +unclosed --limit 50",
    "case list partner:77 --limit 50", "case list pump +unclosed --limit 50", "case list email_from:joe77@acme.example",
    "status", "view Late", "report opportunities +unclosed", "search broken pump --limit 50", "history list --limit 50",
    "case show 500", "changes --case 500", "changes --limit 20", "next --limit 50",
    "case edit 500 --planned-revenue {n}", "case note 500 {n}", "case edit 501 --priority 1 -n", "undo", "redo",
    "case add New-{n} --section s1", "run-rules", "case show 500 --as-of 2026-02-28", "case show 500 --as-of 2026-02-12",
)  # fmt: skip
DUE = (0, 10, 100)


def lines(paths: tuple[str, str]) -> None:
    """Each command at both sizes."""
    numbers = iter(range(1, 1_000_000))
    for line in COMMANDS:
        once = "--as-of" in line or line.startswith("next")

        def make(path: str, line: str = line) -> Callable[[], object]:
            return lambda: command(line.format(n=next(numbers)), path)()

        compare(f"crm {line}", make, paths, times=1 if once else 4)


def mails(paths: tuple[str, str]) -> None:
    """One mail taken in, each time another."""
    numbers = iter(range(1, 1_000_000))

    def make(path: str) -> Callable[[], object]:
        def run() -> None:
            mail = MAIL.format(n=next(numbers)).encode()
            sys.stdin = io.TextIOWrapper(io.BytesIO(mail))
            command("ingest", path)()

        return run

    compare("crm ingest, one mail", make, paths)
    sys.stdin = sys.__stdin__


MAIL = """\
From: Joe <joe{n}@new.example>
To: sales@us.example
Subject: A new pump
Message-ID: <{n}@new.example>

It leaks.
"""


def due(paths: tuple[str, str]) -> None:
    """A run of the rules with so many cases due, each in a section of its own."""
    for count in DUE[1:]:
        for path in paths:
            command(f"section add Due{count} --code due{count}", path)()
            command(f"rule add Due{count} --date-type deadline --section due{count} --set-priority 1", path)()
            for number in range(count):
                command(f"case add Due-{number} --section due{count} --deadline 2026-03-0{3 if count == 10 else 5}", path)()
    for count, day in zip(DUE, (2, 4, 6), strict=True):
        compare(f"crm run-rules, {count} due", partial(command, f"run-rules --now 2026-03-0{day}T09:00:00Z"), paths, times=1)
    line = "rule add All --date-type deadline --state-from open --delay 1d --set-priority 1"
    compare("crm rule add, for all open cases with a deadline", partial(command, line), paths, times=1)


WRITERS = ("case list -o tsv", "case list -o csv", "case list -o jsonl", "case list -o json", "export case", "export all")


# A process between, since a new one starts with the peak of the one that began it.
MEASURE = """
import os, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def memory(paths: tuple[str, str]) -> None:
    """The peak of a process that writes all there is, in megabytes."""
    for words in WRITERS:
        for path in paths:
            start = time.perf_counter()
            argv = [sys.executable, "-m", "crmcli", "--db", path, "--now", NOW, *words.split()]
            done = subprocess.run([sys.executable, "-c", MEASURE, *argv], check=True, capture_output=True)
            took, size = time.perf_counter() - start, os.path.getsize(path) / 1e6
            print(f"  crm {words:20} of {size:8,.1f} MB: {took:7.1f} s, peak {int(done.stdout) / 1024:6.1f} MB", flush=True)


def beside_taskwarrior(path: str) -> None:
    """The whole command, process start and all, against `task list` at 10,000 tasks."""
    ours = min(_process([sys.executable, "-m", "crmcli", "--db", path, "case", "list", "--limit", "50"], {}) for _ in range(9))
    if shutil.which("task"):
        with tempfile.TemporaryDirectory() as folder:
            environ = {"TASKRC": f"{folder}/taskrc", "TASKDATA": folder}
            Path(folder, "taskrc").write_text("confirmation=off\nhooks=off\n")
            tasks = ",".join(f'{{"description": "Pump {n} broken", "project": "p{n % 50}", "priority": "{"HML"[n % 3]}"}}'
                             for n in range(10_000))  # fmt: skip
            subprocess.run(["task", "import", "-"], input=f"[{tasks}]".encode(), env={**os.environ, **environ}, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            theirs, where = min(_process(["task", "list"], environ) for _ in range(5)), "here"
    else:
        theirs, where = TASKWARRIOR_ELSEWHERE, "measured elsewhere: not installed here"
    print(f"whole command: crm case list {ours:.0f} ms, task list at 10,000 tasks {theirs:.0f} ms ({where}), "
          f"ratio {ours / theirs:.2f}  (aim 0.5)")  # fmt: skip


def _process(argv: list[str], environ: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env={**os.environ, **environ}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def main(cases: int, folder: str) -> None:
    """Make both files where they are not there yet, and print every measure."""
    paths = f"{folder}/small.db", f"{folder}/large.db"
    for path, count in zip(paths, (SMALL, cases), strict=True):
        if not os.path.exists(path):
            filled(path, count)
    print(f"{'':54} {SMALL:9,} cases {cases:9,} cases")
    print("pages of fifty, within the process (aim: x 1.2)")
    for sort in INDEXED:
        for sign in ("", "-") if sort else ("",):
            for deep in (False, True):
                title = f"{f'--sort {sign}{sort}' if sort else 'usual order'}{', after the middle one' if deep else ''}"
                compare(title, partial(page_of, f"{sign}{sort}", deep), paths, times=25)
    print("full text, within the process (aim: 50 ms)")
    for words in (["broken"], ["broken", "pump"]):
        conn = db.connect(paths[1])
        print(f"  {' '.join(words)} stands in {search.count(conn, search.Wanted(words)):,} texts")
        compare(f"search {' '.join(words)}, newest fifty", partial(found_by, words), paths)
    print("commands, within the process")
    lines(paths)
    mails(paths)
    due(paths)
    beside_taskwarrior(paths[1])
    print("memory, and a process of its own")
    memory(paths)


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as made:
        main(size, sys.argv[2] if len(sys.argv) > 2 else made)
