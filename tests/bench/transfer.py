"""What an import of rows costs, what taking it back costs, and their ratio: at most 2 is wanted (issue 3).

Run: python tests/bench/transfer.py [ROWS]     (10,000 by default)
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from crmcli import db, seeds, undo
from crmcli.model import Origin
from crmcli.transfer import lines, load, whole
from crmcli.transfer.encoding import Encoding
from crmcli.transfer.work import Options
from crmcli.values import Moment

NOW = "2026-03-02T09:00:00Z"
WHO = Origin(NOW, 1, "import", "bench")
DICE = random.Random(1)

# Noun → header, and the cells of the row of a number among so many.
FILES: dict[str, tuple[str, Callable[[int, int], str]]] = {
    "partner": ("name,ref,email,phone,zip", lambda n, of: f"Partner {n},R{n},p{n}@x.example,+49 30 {n},{n:05}"),
    "contact": ("name,partner,email", lambda n, of: f"Person {n},Partner {n},q{n}@x.example"),
    "case": (
        "name,partner,state,created_at,deadline,planned_revenue,description",
        lambda n, of: (
            f"Pump {n},Partner {DICE.randrange(of)},{DICE.choice(('draft', 'open', 'done'))},"
            f"2025-{n % 12 + 1:02}-01T10:00:{n % 60:02}Z,2026-05-01,{n}.50,Some text about pumps"
        ),
    ),
    "amount": ("partner,at,kind,amount", lambda n, of: f"Partner {DICE.randrange(of)},2026-01-{n % 28 + 1:02},sale,{n}.10"),
}


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(noun: str, count: int) -> Iterator[str]:
    """A csv of so many rows, line by line."""
    header, row = FILES[noun]
    yield f"{header}\n"
    for number in range(count):
        yield f"{row(number, count)}\n"


def main() -> None:
    """Import each kind, take it back, and import it again to go on with."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        conn = db.create(f"{folder}/crm.db")
        with db.write(conn, WHO) as tx:
            seeds.shipped(tx)
            seeds.first(tx, "ann", "ann@us.example", "Support")
        for noun in FILES:
            content = "".join(table(noun, count)).encode()

            def take(noun: str = noun, content: bytes = content) -> None:
                with db.write(conn, WHO) as tx:
                    read = lines.read(io.BytesIO(content), "x.csv", Encoding("utf-8"))
                    assert not load.load(tx, noun, read, {}, Options(), Moment(NOW)).refused

            def back() -> None:
                with db.write(conn, WHO._replace(source="undo")) as tx:
                    undo.undo(tx, undo.newest(conn, 1))

            taking, undoing = seconds(take), seconds(back)
            again, same = seconds(take), seconds(take)
            print(f"{noun:8} import {taking:6.2f} s   undo {undoing:6.2f} s   ratio {undoing / taking:4.2f}", end="   ")
            print(f"again {again:6.2f} s   the same once more {same:6.2f} s")
        print(f"everything out {seconds(lambda: sum(map(len, whole.document(conn)))):6.2f} s")


if __name__ == "__main__":
    main()
