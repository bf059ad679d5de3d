"""How long a search takes inside the process where each of its words stands in some 15,000 texts.

Run: .venv/bin/python tests/bench/search.py [CASES]     (50,000 by default, with three communications each)
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from itertools import islice

from crmcli import db, search, seeds
from crmcli.model import Origin

NOW = "2026-03-02T09:00:00Z"
WORDS = [f"word{number}" for number in range(3000)]
RARE = {"broken": 0.075, "pump": 0.075}
LOOKED_FOR = (["broken"], ["broken", "pump"], ["pump broken"], ["pump", "word7"])


def filled(path: str, cases: int) -> sqlite3.Connection:
    """A database with so many cases; written without the journal, which a search does not read."""
    conn = db.create(path)
    with db.write(conn, Origin(NOW, None, "system")) as tx:
        seeds.shipped(tx)
        tx.insert("sections", {"name": "Support", "code": "support"})
    for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name NOT GLOB 'text*'").fetchall():
        conn.execute(f'DROP TRIGGER "{name}"')
    chance = random.Random(1)
    conn.execute("BEGIN")
    for number in range(1, cases + 1):
        at = f"2026-{1 + number * 11 // cases:02}-{1 + number % 28:02}T{number % 24:02}:00:00Z"
        case = (number, _text(chance, 6), at, at)
        conn.execute("INSERT INTO cases (id, name, section_id, starts_at, created_at) VALUES (?, ?, 1, ?, ?)", case)
        for _ in range(3):
            log = conn.execute(
                "INSERT INTO case_log (case_id, at, name) VALUES (?, ?, 'Historize')", (chance.randint(1, number), at)
            )
            said = (log.lastrowid, _text(chance, 40))
            conn.execute("INSERT INTO case_history (log_id, direction, description) VALUES (?, 'in', ?)", said)
    conn.execute("COMMIT")
    return conn


def _text(chance: random.Random, length: int) -> str:
    words = chance.choices(WORDS, k=length)
    for word, often in RARE.items():
        if chance.random() < often:
            words.insert(chance.randrange(length), word)
    return " ".join(words)


def best(conn: sqlite3.Connection, wanted: search.Wanted) -> tuple[float, int]:
    """The least of nine times in milliseconds, and how many were found."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        found = len(list(islice(search.find(conn, wanted).rows, 10**9)))
        times.append((time.perf_counter() - start) * 1000)
    return min(times), found


def main(cases: int) -> None:
    """Print a line for each search: newest 50, the same with a filter that holds for one case in a hundred, ranked."""
    with tempfile.TemporaryDirectory() as folder:
        conn = filled(f"{folder}/crm.db", cases)
        for words in LOOKED_FOR:
            hits = [search.count(conn, search.Wanted([part])) for part in words]
            print(" ".join(f"{word!r} in {count}" for word, count in zip(words, hits, strict=True)))
            for name, wanted in (
                ("newest 50", search.Wanted(words, limit=50)),
                ("filtered", search.Wanted(words, "t.id % 100 = 7", limit=50)),
                ("ranked", search.Wanted(words, limit=50, ranked=True)),
                ("all", search.Wanted(words)),
            ):
                took, found = best(conn, wanted)
                print(f"  {name:10} {took:7.1f} ms  {found} finds")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
