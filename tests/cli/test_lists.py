"""All lists alike: the same options, every format, in the order and from the place asked for (cli.md §2)."""

from __future__ import annotations

import json
import shlex
import sqlite3

import pytest

from crmcli.cli.session import FORMATS
from crmcli.model import Link
from tests.cli.test_help import COMMANDS
from tests.cli.world import Crm, a_case, a_partner, do, put

LISTS = [words for words in COMMANDS if words[-1] == "list"]
ALSO = [("case", "log", "1"), ("case", "files", "1"), ("segment", "members", "1"), ("next",), ("history", "list")]
WITHOUT_IDS = [("mail", "address", "list"), ("config", "list")]
MAILS = [
    f"From: {name}@acme.example\nTo: support@us.example\nSubject: {subject}\nMessage-ID: <{number}@x>\n\nHello.\n".encode()
    for number, (name, subject) in enumerate([("bo", "Pump"), ("al", "valve"), ("cy", "Motor")], 1)
]


@pytest.fixture(name="full")
def _full(crm: Crm, conn: sqlite3.Connection) -> Crm:
    """The program on a database with two rows or more in most lists."""
    a_partner(conn)
    for mail in MAILS:
        assert crm("ingest", stdin=mail).exit == 0
    put(conn, "partner_categories", name="VIP")
    put(conn, "segments", name="Gold", category_id=1)
    for name in ("small", "Big", "medium"):
        put(conn, "segment_lines", segment_id=1, name=name, variable="sale", operator=">", value=len(name))
    put(conn, "segment_members", segment_id=1, partner_id=1, entered_at="2026-03-01T08:00:00Z")
    crm("mail", "address", "suspend", "zoe@acme.example")
    crm("mail", "address", "suspend", "Al@acme.example", "--why", "asked for it")
    return crm


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_every_list_takes_the_options_of_lists(words: tuple[str, ...]) -> None:
    options = {option for param in COMMANDS[words].params for option in param.opts}
    wanted = {"--columns", "--sort", "--limit"} | (set() if words in WITHOUT_IDS else {"--after"})
    assert wanted <= options


@pytest.mark.parametrize("words", [*LISTS, *ALSO], ids=" ".join)
def test_every_list_has_every_format(full: Crm, words: tuple[str, ...]) -> None:
    said = {form: full(*words, "-o", form) for form in FORMATS}
    if words in WITHOUT_IDS:
        refused = said.pop("ids")
        assert (refused.exit, refused.out) == (2, "")
        assert refused.err.startswith("crm: this has no ids (")
    assert {form: (done.exit, done.err) for form, done in said.items()} == dict.fromkeys(said, (0, ""))
    rows, lines = said["json"].json(), [json.loads(line) for line in said["jsonl"].out.split("\n")[:-1]]
    assert [row for row in rows if row.get("name") != "output"] == [row for row in lines if row.get("name") != "output"]
    header, *lines = said["tsv"].out.splitlines()
    assert len(lines) == len(rows)
    assert {line.count("\t") for line in lines} <= {header.count("\t")}
    assert len(said["md"].out.splitlines()) == len(rows) + 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("mail list", ["3", "2", "1"]),
        ("mail list --sort from", ["2", "1", "3"]),
        ("mail list --sort -subject", ["2", "1", "3"]),
        ("mail list --sort case", ["1", "2", "3"]),
        ("mail list --sort -deliveries,id", ["1", "2", "3"]),
        ("mail list --after 2", ["1"]),
        ("mail list --limit 1 --after 3", ["2"]),
        ("segment line list", ["1", "2", "3"]),
        ("segment line list --sort name", ["2", "3", "1"]),
        ("segment line list Gold --sort -value --limit 2", ["3", "1"]),
        ("segment line list --sort -value --after 3", ["1", "2"]),
        ("rule list --sort where", []),
        ("case log 1 --sort id --limit 1", ["1"]),
    ],
)
def test_rows_come_in_the_order_and_from_the_place_asked_for(full: Crm, line: str, found: list[str]) -> None:
    assert full(*shlex.split(line), "-o", "ids").out.split() == found


def test_a_short_list_has_the_columns_asked_for_and_counts_what_is_left_out(full: Crm) -> None:
    assert full("mail", "list", "--columns", "id,from,case", "--limit", "1").out == "id\tfrom\tcase_id\n3\tcy@acme.example\t3\n"
    shown = full("mail", "address", "list", "--columns", "address,why", "--sort", "address", "-o", "csv").out
    assert shown == "address,why\nAl@acme.example,asked for it\nzoe@acme.example,suspended by hand\n"
    assert full("mail", "address", "list", "--limit", "1", "-o", "table").out.splitlines()[-1] == "and 1 more"
    assert full("search", "hello", "--columns", "where,id", "--limit", "1").out == "where\tid\ncommunication\t3\n"
    assert full("segment", "members", "Gold", "--columns", "partner").out == "partner\nAcme\n"
    assert full("config", "list", "--columns", "name", "--sort", "-name", "--limit", "1").out == "name\nzone\n"
    assert full("case", "log", "1", "--columns", "+id", "-o", "json").json()[0].keys() == {
        "at", "name", "user", "section", "channel", "mood", "rule", "id"
    }  # fmt: skip


def test_what_a_list_does_not_have_is_refused(full: Crm) -> None:
    for line, code, hint in (
        ("mail list --columns form", 2, "no column form (nearest: from"),
        ("segment line list --sort nam", 2, "no column nam (nearest: name"),
        ("segment line list --after 9", 3, "nothing with the id 9 to go on after"),
        ("mail list --after 9", 3, "no mail 9 to go on after (crm mail list)"),
        ("mail address list --sort stat", 2, "no column stat (nearest: state"),
    ):
        refused = full(*line.split())
        assert (refused.exit, refused.out) == (code, ""), line
        assert refused.err.startswith(f"crm: {hint}"), line


def test_what_is_empty_comes_last_either_way(crm: Crm, conn: sqlite3.Connection) -> None:
    a_case(conn), a_case(conn)
    do(conn, Link(1, 2, "relates"))
    put(conn, "case_log", case_id=1, at="2026-03-01T08:00:00Z", name="x", channel_id=2)
    for order in ("channel", "-channel"):
        assert crm("case", "log", "1", "--sort", order, "--columns", "channel").out.splitlines()[1] == "phone"
