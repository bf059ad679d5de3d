"""Mails a second read in bulk, each by itself, and by others on the same mails: in one run (mail.md §1).

Run: python tests/bench/bulk.py [MAILS] [--roundup FOLDER]

The mails are ten days old: history, which is read quietly; --live thanks for each and passes it on.

Against the bare compat32 parser at least 0.25 in bulk and 0.12 mail by mail are wanted; against roundup-mailgw in its
mailbox mode 10 and 4; of its pipe, one mail a process, at most 0.35 of the time. FOLDER is where roundup-mailgw and
roundup-admin are, this Python's own by default.
"""

from __future__ import annotations

import email
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from crmcli import db, seeds
from crmcli.model import Origin

NOW = "2026-03-02T09:00:00Z"
LATER = "2026-03-12T09:00:00Z"
ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("crm")
CRM = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "crmcli"]
DICE = random.Random(1)
WORDS = ("pump", "valve", "hall", "broken", "since", "Monday", "please", "call", "back", "order", "invoice", "again", "kindly")
RECEIVED = """\
Received: from mx{n}.relay.example (mx{n}.relay.example [192.0.2.{n}])
\tby in{n}.us.example (Postfix) with ESMTPS id {id:08X}
\tfor <support@us.example>; Mon, 02 Mar 2026 08:5{n}:00 +0000 (UTC)
"""
MAIL = """\
{received}DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.example; s=s1;
\th=from:to:subject:date:message-id:mime-version; bh={bh};
\tb={b}
From: {name} <person{who}@acme.example>
To: Support <support@us.example>
Subject: =?utf-8?q?St=C3=B6rung_{number}=3A?= {subject}
Date: Mon, 02 Mar 2026 08:59:00 +0000
Message-ID: <{number}.{id:x}@acme.example>
User-Agent: Mozilla Thunderbird
Content-Language: en-GB
MIME-Version: 1.0
Content-Type: multipart/{kind}; boundary="----=_b{number}"

------=_b{number}
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

{text}

--\x20
{name}
Acme Ltd, Hall {who}
------=_b{number}
{second}
------=_b{number}--
"""
HTML = """\
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style><!--
{style}--></style></head><body lang=EN-GB link="#0563C1" vlink="#954F72"><div class=WordSection1>
{body}
</div></body></html>"""
STYLE = """p.MsoNormal{n}, li.MsoNormal{n}, div.MsoNormal{n}
\t{{margin:0cm; font-size:11.0pt; font-family:"Calibri",sans-serif; mso-fareast-language:EN-US;}}
"""
LINE = """<p class=MsoNormal><span lang=EN-GB style='font-size:10.0pt;font-family:"Arial",sans-serif'>{}<o:p></o:p></span></p>"""
FILE = "Content-Type: application/pdf; name=plan.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n{}"


def words(count: int) -> str:
    """So many words, in lines."""
    found = [DICE.choice(WORDS) for _ in range(count)]
    return "\n".join(" ".join(found[at : at + 12]) for at in range(0, count, 12))


def code(count: int) -> str:
    """So many characters that say nothing, in lines."""
    found = "".join(DICE.choices("ABCDEFGHabcdefgh01234567", k=count))
    return "\n\t".join(found[at : at + 72] for at in range(0, count, 72))


def mail(number: int) -> bytes:
    """One mail of many, as office programs write them: a text as plain and as HTML, every fifth with a file instead."""
    who, text = number % 50, words(DICE.randint(60, 400))
    file = number % 5 == 0
    style = "".join(STYLE.format(n=n) for n in range(15))
    html = HTML.format(style=style, body="\n".join(LINE.format(line) for line in text.split("\n")))
    second = FILE.format(code(60_000).replace("\t", "")) if file else html
    received = "".join(RECEIVED.format(n=n, id=DICE.getrandbits(32)) for n in range(1, 9))
    return MAIL.format(
        received=received, bh=code(44), b=code(344), name=f"Jo Person {who}", who=who, number=number, subject=words(6),
        id=DICE.getrandbits(64), kind="mixed" if file else "alternative", text=text, second=second,
    ).encode()  # fmt: skip


def database(folder: str, name: str) -> str:
    """A fresh database with Support, as init makes it."""
    path = f"{folder}/{name}.db"
    conn = db.create(path)
    with db.write(conn, Origin(NOW, None, "system", "init")) as tx:
        seeds.shipped(tx)
        tx.insert("users", {"login": "ann", "name": "Ann Lee", "email": "ann@us.example"})
        tx.insert("sections", {"name": "Support", "code": "support", "reply_to": "support@us.example", "user_id": 1})
    conn.close()
    return path


class Rate(NamedTuple):
    """Mails a second by the clock on the wall, and by the CPU seconds of all processes: what a busy machine leaves alone."""

    wall: float
    cpu: float

    def of(self, other: Rate) -> str:
        """This rate as a share of the other, by wall and CPU."""
        return f"{self.wall / other.wall:.2f} of it by the clock, {self.cpu / other.cpu:.2f} by CPU"


def rate(count: int, work: Callable[[], object]) -> Rate:
    """The rate at which some work does so many mails, its processes included."""
    start, used = time.perf_counter(), sum(os.times()[:4])
    work()
    return Rate(count / (time.perf_counter() - start), count / (sum(os.times()[:4]) - used))


def best(rates: list[Rate]) -> Rate:
    """The best of each."""
    return Rate(max((each.wall for each in rates), default=0), max((each.cpu for each in rates), default=0))


def mailbox(folder: str, name: str, mails: Iterator[bytes] | list[bytes]) -> str:
    """A mailbox of these mails → its path."""
    path = f"{folder}/{name}.mbox"
    with open(path, "wb") as file:
        for raw in mails:
            file.write(b"From person@acme.example Mon Mar  2 09:00:00 2026\n" + raw + b"\n")
    return path


# A process's peak counts what it was forked from, which is large here: a small one asks for it.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def crm(path: str, *argv: str) -> None:
    """Run the program, its words thrown away."""
    subprocess.run([*CRM, "--db", path, "--now", LATER, *argv], check=True, stdout=subprocess.DEVNULL)


def peak(line: list[str]) -> float:
    """Run a command line → the peak memory of its processes in MB."""
    found = subprocess.run([sys.executable, "-c", PEAK, *line], check=True, stdout=subprocess.PIPE)
    return int(found.stdout) / 1024


def one_by_one(path: str, mails: list[bytes]) -> None:
    """Both commits for each mail, in one process."""
    import hashlib  # noqa: F401 - as the resident intake does: digest.py takes it where it is there

    from crmcli.mail import envelope, ingest

    conn = db.connect(path)
    told = envelope.told("", [], "person@acme.example", {})
    for raw in mails:
        ingest.one(conn, raw, told, Origin(LATER, None, "mail", "bench"), ingest.Terms(history=True))
    conn.close()


def by_pipe(ways: dict[str, list[str]]) -> dict[str, float]:
    """Seconds that a process for one mail takes by each way, in turns, the one in the middle of several."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(11):
        for way, argv in ways.items():
            start = time.perf_counter()
            subprocess.run(argv, input=mail(10_000_000 + number), check=True, stdout=subprocess.DEVNULL)
            taken[way].append(time.perf_counter() - start)
    return {way: sorted(each)[len(each) // 2] for way, each in taken.items()}


def tracker(folder: str, bin_: str) -> list[str]:
    """A fresh tracker of Roundup's, SQLite, that knows the senders → its gateway's command line; nothing without it."""
    gateway, admin, home = f"{bin_}/roundup-mailgw", f"{bin_}/roundup-admin", f"{folder}/tracker"
    if not os.path.exists(gateway):
        return []
    os.makedirs(home)
    run = partial(subprocess.run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, input=b"y\n")
    run([admin, "-i", home, "install", "classic", "sqlite"])
    config = Path(home, "config.ini")
    text = config.read_text()
    for name, value in (("web", "http://localhost/t/"), ("domain", "us.example"), ("host", "localhost")):
        text = text.replace(f"\n#{name} = NO DEFAULT", f"\n{name} = {value}", 1)
    config.write_text(text.replace("\ndebug = \n", f"\ndebug = {folder}/roundup.out\n", 1))
    run([admin, "-i", home, "initialise", "secret"])
    for who in range(50):
        person = [f"username=p{who}", f"address=person{who}@acme.example", "roles=User"]
        run([admin, "-i", home, "-u", "admin", "create", "user", *person])
    return [gateway, home]


def main(count: int, bin_: str) -> None:
    """Print every rate, the best of three, and what it is of the others'."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    os.environ.update({"TZ": "UTC", "XDG_CONFIG_HOME": "/nonexistent", "PYTHONPATH": str(ROOT)})
    mails = [mail(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        box = mailbox(folder, "box", mails)
        paths = [database(folder, str(number)) for number in range(7)]
        gateway = tracker(folder, bin_)
        rates: dict[str, list[Rate]] = {"parse": [], "single": [], "bulk": [], "other": []}
        for number in range(3):  # in turns, as a machine is faster at one time than at another
            rates["parse"].append(rate(count, lambda: [email.message_from_bytes(raw) for raw in mails]))
            rates["single"].append(rate(count, partial(one_by_one, paths[number], mails)))
            rates["bulk"].append(rate(count, partial(crm, paths[3 + number], "ingest", box)))
            if gateway:
                rates["other"].append(rate(len(mails[:200]), partial(in_mailbox, folder, gateway, mails[:200])))
        parse, single, bulk, other = (best(each) for each in rates.values())
        live = rate(count, lambda: crm(paths[6], "ingest", "--live", box))
        large = mailbox(folder, "large", map(mail, range(count, 11 * count)))
        memory = [peak([*CRM, "--db", database(folder, name), "ingest", each]) for name, each in (("s", box), ("l", large))]
        ways = {"ours": [*CRM, "--db", database(folder, "pipe"), "ingest"], **({"theirs": gateway} if gateway else {})}
        pipe = by_pipe(ways)
    print(f"{count} mails of {sum(map(len, mails)) // count} bytes on average")
    print(f"bare compat32 parser   {parse.wall:8.1f} a second")
    print(f"in bulk                {bulk.wall:8.1f} a second, {bulk.of(parse)} (aim: 0.25)")
    print(f"  thanked and passed on{live.wall:8.1f} a second, {live.of(parse)}")
    print(f"mail by mail           {single.wall:8.1f} a second, {single.of(parse)} (aim: 0.12)")
    print(f"peak memory            {memory[0]:8.1f} MB at {count}, {memory[1]:.1f} MB at {10 * count}")
    print(f"by the pipe            {pipe['ours'] * 1000:8.1f} ms a mail")
    if not gateway:
        print("roundup-mailgw         not here")
        return
    print(f"roundup-mailgw mailbox {other.wall:8.1f} a second")
    print(f"  in bulk              {bulk.of(other)} (aim: 10)")
    print(f"  mail by mail         {single.of(other)} (aim: 4)")
    ours = pipe["ours"] / pipe["theirs"]
    print(f"roundup-mailgw pipe    {pipe['theirs'] * 1000:8.1f} ms a mail: ours {ours:.2f} of it (aim: 0.35)")


def in_mailbox(folder: str, gateway: list[str], mails: list[bytes]) -> None:
    """Hand a mailbox to Roundup's gateway, which empties it."""
    box = mailbox(folder, "theirs", mails)
    subprocess.run([*gateway, "mailbox", box], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word.isdecimal()]
    where = sys.argv[sys.argv.index("--roundup") + 1] if "--roundup" in sys.argv else str(Path(sys.executable).parent)
    main(int(given[0]) if given else 1000, where)
