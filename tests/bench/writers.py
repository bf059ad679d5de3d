"""Thirty-two writers at once against one: mails a second, and the longest that one of them waited for its turn.

Run: python tests/bench/writers.py [SECONDS]     (5 by default)

No error, at least 0.5 of one writer's rate, and no wait over 0.3 s are wanted (issue 4). Each writer is a process that
takes mails with both commits, started by itself as a mail server starts it, not forked: a fork copies each page of memory
that it touches, which no pipe does. Each begins with another one of the same twenty mails. A wait is the time from
wanting to write to being the one who writes.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from crmcli import clock, db
from crmcli.mail import envelope, ingest
from crmcli.model import Origin
from tests.bench.bulk import NOW, database, mail

WRITERS = 32
PROCESSES = multiprocessing.get_context("spawn")
TOLD = envelope.told("", ["support@us.example"], "person@acme.example", {})


def writer(path: str, number: int, seconds: float, start: Barrier, results: Any) -> None:
    """Take mails for so long, and tell how many, the longest wait, and the first error; end with all others.

    An interpreter that ends by itself tidies up, which the program does not wait for, and others would wait for the CPU.
    """
    gc.set_threshold(100_000)  # as the program does
    waits = [0.0]
    turn = db.turn

    @contextmanager
    def timed(conn: Any) -> Iterator[None]:
        begun = time.perf_counter()
        with turn(conn):
            waits.append(time.perf_counter() - begun)
            yield

    db.turn = timed
    some = [mail(each) for each in range(20)]
    conn = db.connect(path)
    start.wait()
    end = time.perf_counter() + seconds
    done = 0
    try:
        while time.perf_counter() < end:
            raw = some[(number + done) % 20].replace(b"Message-ID: <", b"Message-ID: <%d.%d." % (number, done))
            ingest.one(conn, raw, TOLD, Origin(clock.shift(NOW, done * 20), None, "mail", "bench"))
            done += 1
        results.put((done, max(waits), ""))
    except Exception as error:
        results.put((done, max(waits), repr(error)))
    start.wait()


def run(folder: str, writers: int, seconds: float) -> tuple[float, float, list[str]]:
    """Mails a second of so many writers, the longest wait, and the errors."""
    path = database(folder, str(writers))
    start, results = PROCESSES.Barrier(writers + 1), PROCESSES.Queue()
    each = [PROCESSES.Process(target=writer, args=(path, number, seconds, start, results)) for number in range(writers)]
    for process in each:
        process.start()
    start.wait()
    begun = time.perf_counter()
    told = [results.get() for _ in each]
    took = time.perf_counter() - begun
    start.wait()
    for process in each:
        process.join()
    return sum(done for done, _, _ in told) / took, max(wait for _, wait, _ in told), [error for _, _, error in told if error]


def main(seconds: float) -> None:
    """Print both rates, their ratio, and the longest wait."""
    with tempfile.TemporaryDirectory() as folder:
        alone, _, _ = run(folder, 1, seconds)
        together, wait, errors = run(folder, WRITERS, seconds)
    print(f"one writer   {alone:7.1f} mails a second")
    print(f"{WRITERS} writers   {together:7.1f} mails a second, {together / alone:.2f} of it (aim: 0.5)")
    print(f"longest wait {wait:7.3f} s (aim: 0.3)")
    print(f"errors       {len(errors):7} {errors[:1]}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
