"""What a run of a segment costs a partner, at two sizes: seconds, the ratio to a bare scan of the same rows, and memory.

Run: python tests/bench/segments.py [PARTNERS]     (100,000 by default, with five amounts and events each)
"""

from __future__ import annotations

import random
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from crmcli import clock, db, journal, seeds
from crmcli.model import Origin
from crmcli.segments import run, save

NOW = "2026-03-02T09:00:00Z"
WHO = Origin(NOW, None, "system", "bench")
SCAN = """
SELECT (SELECT sum(amount) FROM amounts INDEXED BY amounts_by_partner),
       (SELECT sum(m.factor) FROM events e INDEXED BY events_by_partner LEFT JOIN moods m ON m.id = e.mood_id)
"""
RUNS: dict[str, dict[str, int]] = {
    "first run, 3 periods": {},
    "again, nothing changes": {},
    "52 periods of a week": {"period_days": 7, "periods": 52},
    "everybody enters": {"sales_purchase_active": 0},
}
LINES = (("big", "sale", ">", 500.0, 1), ("glad", "mood", ">", 2.0, 1), ("buys", "purchase", ">", 100.0, 0))


def fill(path: str, partners: int) -> sqlite3.Connection:
    """A database with so many partners and five times as many amounts and events, in the last half year."""
    dice = random.Random(1)
    times = [clock.shift(NOW, -dice.randrange(180 * 86400)) for _ in range(20_000)]

    def visit() -> tuple[object, ...]:
        return "Visit", dice.randint(1, partners), dice.choice(times), dice.choice((None, 1, 2, 3, 4, 5))

    def amount() -> tuple[object, ...]:
        return dice.randint(1, partners), dice.choice(times), dice.choice(("sale", "purchase")), dice.randint(-50, 1000) * 100

    conn = db.create(path)
    journal.drop_triggers(conn)  # what is measured is the run, not the filling
    with db.write(conn, WHO) as tx:
        seeds.shipped(tx)
        some = range(partners * 5 // 2)
        conn.executemany("INSERT INTO partners (name) VALUES (?)", ((f"Partner {number}",) for number in range(partners)))
        conn.executemany("INSERT INTO events (name, partner_id, at, mood_id) VALUES (?, ?, ?, ?)", (visit() for _ in some))
        conn.executemany("INSERT INTO amounts (partner_id, at, kind, amount) VALUES (?, ?, ?, ?)", (amount() for _ in some))
        category_id = tx.insert("partner_categories", {"name": "VIP"})
        values = {"name": "Gold", "category_id": category_id, "exclusive": 1, "sales_purchase_active": 1, "period_days": 30}
        segment_id = save.add(tx, values)
        for name, variable, operator, value, mandatory in LINES:
            line = {"segment_id": segment_id, "name": name, "variable": variable, "operator": operator}
            save.add_line(tx, {**line, "value": value, "mandatory": mandatory})
    journal.make_triggers(conn)
    return conn


def measure(conn: sqlite3.Connection, size: int) -> None:
    """Print a line for each kind of run."""
    start = time.perf_counter()
    conn.execute(SCAN).fetchone()
    floor = time.perf_counter() - start
    print(f"{size} partners, {size * 5} amounts and events; a bare scan of them takes {floor:.3f} s")
    for what, terms in RUNS.items():
        with db.write(conn, WHO) as tx:
            save.edit(tx, 1, terms)
        start = time.perf_counter()
        report = run.run(conn, WHO, 1)
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"  {what:24} {seconds:7.2f} s  {seconds / size * 1e6:5.1f} us a partner  {seconds / floor:5.1f} scans"
            f"  {report.entered:7} in {report.left:7} out  peak {memory} MB"
        )


def main(partners: int) -> None:
    """Measure at a tenth of the size and at the full size: what a partner costs should stay the same."""
    for size in (partners // 10, partners):
        with tempfile.TemporaryDirectory() as folder:
            conn = fill(f"{folder}/crm.db", size)
            measure(conn, size)
            conn.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
