"""Out and in again: random rows of every kind, written, read into an empty database, and written again, are equal."""

from __future__ import annotations

import io
import itertools
import sqlite3
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crmcli import db, record_list, render
from crmcli.fields import NOUNS
from crmcli.model import Origin
from crmcli.pages import Key, Page
from crmcli.text import clean, shown
from crmcli.transfer import lines, load, restore, whole
from crmcli.transfer.encoding import Encoding
from crmcli.transfer.work import Options
from crmcli.values import Moment
from tests.transfer.world import NOW, Crm, Seeded

ORDER = ("user", "section", "category", "partner_category", "channel", "mood", "partner", "contact", "case", "amount", "event",
         "canned_reply", "view", "segment", "segment_line")  # fmt: skip

PHASES = (Phase.explicit, Phase.generate)
"""Without shrinking: an example makes two databases."""

# What import sets itself, or what hangs on tables that a noun alone does not bring.
APART = {"case": ("next_action_at", "email_last"), "segment": ("state", "last_partner_id", "run_at")}


def inert(text: str) -> str:
    """Text as it is stored by every road, without what csv and tsv show escaped."""
    return " ".join(shown(text).replace("\\u", "").replace("\\U", "").split())


NASTY = st.sampled_from(
    ["=1+1", "'=x", "''-2", "+49 30", "a\tb", 'say "x"', '"', "a, b; c|d", "\\n", "\\", "01234", "yes", "None", "北京 é", "-"]
)
WORD = st.one_of(NASTY, st.text(st.characters(codec="utf-8"), max_size=12), st.text(string.printable, max_size=9))
TEXT = WORD.map(inert)
LINES = st.lists(WORD, max_size=3).map(lambda parts: clean("\n".join(inert(part) for part in parts)))
MAYBE = st.one_of(st.none(), TEXT.map(lambda text: text or None))
MAYBE_LINES = st.one_of(st.none(), LINES.map(lambda text: text if text.strip() else None))
TIME = st.datetimes().filter(lambda at: 1980 < at.year < 2200).map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"))
MAYBE_TIME = st.one_of(st.none(), TIME)
MONEY = st.one_of(st.none(), st.integers(-(10**12), 10**12))
PERCENT = st.one_of(st.none(), st.sampled_from([0.0, 100.0, 33.3, 12.5, 99.99]), st.floats(0.001, 100))
FLAG = st.integers(0, 1)


class World:
    """Rows being drawn for an empty database: unique names, and ids that are there to link to."""

    def __init__(self, conn: sqlite3.Connection, draw: Callable[[Any], Any]) -> None:
        self.conn, self.draw = conn, draw
        self.numbers = itertools.count(1)

    def name(self) -> str:
        """A name that nothing else has, of which a part is nasty."""
        return f"{self.draw(WORD.map(inert))} n{next(self.numbers)}".strip()

    def link(self, table: str, where: str = "1") -> int | None:
        """The id of something in a table, or nothing."""
        ids = [row[0] for row in self.conn.execute(f"SELECT id FROM {table} WHERE {where}")]
        return self.draw(st.sampled_from([None, *ids]))

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """A few rows of every table, what is linked to before what links."""
        draw, link, name = self.draw, self.link, self.name

        def some(most: int = 2) -> range:
            return range(draw(st.integers(0, most)))

        for _ in some():
            number = next(self.numbers)
            yield "users", {
                "login": f"user{number}", "name": draw(TEXT), "email": f"u{number}@us.example", "phone": draw(MAYBE),
                "signature": draw(MAYBE_LINES), "section_id": link("sections"), "away_from": draw(MAYBE_TIME),
            }  # fmt: skip
        for _ in some():
            yield "sections", {"name": name().replace("/", ""), "parent_id": link("sections"), "user_id": link("users"),
                               "sequence": draw(st.one_of(st.none(), st.integers(-9, 9))), "thanks": draw(FLAG),
                               "reply_state": draw(st.sampled_from([None, "done", "pending"]))}  # fmt: skip
        for _ in some():
            yield "categories", {"name": name(), "probability": draw(PERCENT) or 0.0, "section_id": link("sections")}
            plain = name().replace("/", "").replace(",", "")
            yield "partner_categories", {"name": plain, "parent_id": link("partner_categories")}
            yield "channels", {"name": name(), "active": draw(FLAG)}
            yield "moods", {"name": name(), "factor": draw(st.floats(0.001, 100))}
        for _ in some(3):
            yield "partners", {
                "name": name(), "ref": draw(MAYBE), "parent_id": link("partners"), "user_id": link("users"),
                "comment": draw(MAYBE_LINES), "website": draw(MAYBE), "supplier": draw(FLAG), "active": draw(FLAG),
            }  # fmt: skip
        for _ in some():
            number = next(self.numbers)
            yield "contacts", {
                "name": draw(TEXT), "partner_id": link("partners"), "email": f"c{number}@x.example", "phone": draw(MAYBE),
                "zip": draw(MAYBE), "type": draw(st.sampled_from(["default", "invoice", "other"])), "active": draw(FLAG),
                "birthdate": draw(st.sampled_from([None, "1980-02-29"])),
            }  # fmt: skip
        for _ in some(3):
            yield "cases", self.case()
        if self.conn.execute("SELECT 1 FROM partners").fetchone():
            partner_id = self.conn.execute("SELECT max(id) FROM partners").fetchone()[0]
            for _ in some():
                yield "amounts", {"partner_id": partner_id, "at": draw(TIME), "kind": "sale", "amount": draw(MONEY) or 0,
                                  "ref": draw(MAYBE), "note": draw(MAYBE)}  # fmt: skip
                yield "events", {"name": name(), "partner_id": partner_id, "case_id": link("cases"), "at": draw(TIME),
                                 "user_id": draw(st.just(1)), "mood_id": link("moods"), "description": draw(MAYBE_LINES),
                                 "planned_cost": draw(MONEY), "probability": draw(PERCENT)}  # fmt: skip
        for _ in some(1):
            yield "canned_replies", {"name": name(), "text": f"x{draw(LINES)}", "section_id": link("sections")}
            yield "views", {"name": name(), "filter": "+late", "columns": draw(MAYBE), "section_id": link("sections")}
        category_id = link("partner_categories")
        if category_id:
            yield "segments", {"name": name(), "category_id": category_id, "description": draw(MAYBE_LINES), "period_days": 30,
                               "decrease": draw(st.floats(0.01, 0.99)), "exclusive": draw(FLAG)}  # fmt: skip
            segment_id = self.conn.execute("SELECT max(id) FROM segments").fetchone()[0]
            yield "segment_lines", {"segment_id": segment_id, "name": name(), "variable": "sale", "operator": ">=", "value": -2.5}

    def case(self) -> dict[str, Any]:
        """A case in any state, of any time."""
        draw, link = self.draw, self.link
        state = draw(st.sampled_from(["draft", "open", "pending", "done", "cancel"]))
        return {
            "name": self.name(), "state": state, "priority": draw(st.integers(1, 5)), "section_id": link("sections") or 1,
            "category_id": link("categories"), "partner_id": link("partners", "active = 1"), "contact_id": link("contacts"),
            "email_from": draw(st.sampled_from([None, "joe@acme.example"])), "user_id": link("users"),
            "email_cc": draw(st.sampled_from([None, "a@x.example, b@x.example"])), "starts_at": draw(TIME),
            "deadline_at": draw(MAYBE_TIME), "created_at": draw(TIME),
            "closed_at": draw(TIME) if state == "done" else None, "last_action_at": draw(MAYBE_TIME),
            "wake_at": draw(MAYBE_TIME) if state == "pending" else None,
            "lost_reason": draw(MAYBE) if state == "cancel" else None, "planned_revenue": draw(MONEY),
            "planned_cost": draw(MONEY), "probability": draw(PERCENT), "channel_id": link("channels"),
            "mood_id": link("moods"), "ref": draw(st.sampled_from([None, "section:1", "https://x.example/1"])),
            "description": draw(MAYBE_LINES), "active": draw(FLAG),
            "created_by": draw(st.sampled_from(["cli", "mail", "import", "rule"])),
        }  # fmt: skip


@pytest.fixture(name="seeded", scope="session")
def _seeded(template: bytes) -> Seeded:
    """New databases."""
    return Seeded(template)


def filled(path: str, draw: Callable[[Any], Any]) -> sqlite3.Connection:
    """A database with random rows."""
    conn = db.connect(path)
    with db.write(conn, Origin(NOW, 1, "cli", "test")) as tx:
        for table, values in World(conn, draw).rows():
            tx.insert(table, values)
    return conn


def written(conn: sqlite3.Connection, noun: str, form: str) -> str:
    """A noun as `crm export` writes it, what is reckoned left out."""
    known = record_list.available(NOUNS[noun])
    names = [name for name, one in known.items() if not one.extra and name not in APART.get(noun, ())]
    page = Page("1", {}, (Key("t.id"),))
    found = record_list.result(conn, noun, page=page, names=names)
    return "".join(render.render(found._replace(shown=()), form, render.Look()))


def taken(conn: sqlite3.Connection, noun: str, form: str, content: str) -> load.Report:
    """A noun as `crm import` reads it."""
    with db.write(conn, Origin(NOW, 1, "import", "test")) as tx:
        read = lines.read(io.BytesIO(content.encode()), f"x.{form}", Encoding("utf-8"))
        return load.load(tx, noun, read, {}, Options(), Moment(NOW))


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl"])
@settings(max_examples=15, phases=PHASES)
@given(data=st.data())
def test_every_kind_comes_back_as_it_went(
    form: str, data: st.DataObject, seeded: Seeded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With its ids and links, into a database that has only what is shipped; a second time nothing changes."""
    folder = tmp_path_factory.mktemp("trip")
    here = filled(seeded.at(folder / "here.db"), data.draw)
    there = db.connect(seeded.at(folder / "there.db"))
    for again in (False, True):
        for noun in ("user", *ORDER):  # users and sections name each other: users come first without, then with theirs
            report = taken(there, noun, form, written(here, noun, form))
            if noun != "user":
                assert report.refused == [], noun
            assert not again or report.counts["made"] + report.counts["changed"] == 0, noun
        for noun in ORDER:
            assert written(there, noun, form) == written(here, noun, form)


@settings(max_examples=15, phases=PHASES)
@given(data=st.data())
def test_everything_comes_back_as_it_went(data: st.DataObject, seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The whole document, byte for byte."""
    folder = tmp_path_factory.mktemp("whole")
    here = filled(seeded.at(folder / "here.db"), data.draw)
    document = "".join(whole.document(here))
    there = db.connect(seeded.at(folder / "there.db"))
    with db.write(there, Origin(NOW, 1, "import", "test")) as tx:
        restore.restore(tx, io.BytesIO(document.encode()))
    assert "".join(whole.document(there)) == document
    with db.write(there, Origin(NOW, 1, "import", "test")) as tx:
        assert restore.restore(tx, io.BytesIO(document.encode())) == 0


def test_cases_of_json_come_back_with_their_words(crm: Crm, seeded: Seeded, tmp_path: Path) -> None:
    """History and log included, through the commands themselves."""
    crm("case", "add", "Pump", "--email-from", "joe@acme.example")
    crm("case", "note", "1", "It leaks\nbadly", now="2026-03-02T10:00:00Z")
    crm("case", "open", "1", now="2026-03-02T11:00:00Z")
    crm("case", "close", "1", now="2026-03-02T12:00:00Z")
    content = crm("export", "case", "-o", "json").out
    other = seeded.at(tmp_path / "other.db")
    assert crm("import", "case", "-", "--db", other, stdin=content.encode()).exit == 0
    assert crm("export", "case", "-o", "json", "--db", other).out == content
