"""The verbs of the simple nouns, from the command line."""

from __future__ import annotations

import importlib
import json
import shlex
import sqlite3
from collections.abc import Callable

import pytest
import typer

from crmcli import db
from crmcli.execute import execute
from crmcli.model import Add, Origin
from tests.conftest import Run

Crm = Callable[..., Run]

# The examples of cli.md §1 that are about nouns, to the letter.
SPEC = """
crm user add joan --name "Joan Lee" --email joan@us.example
crm section add "Service" --code service
crm section add "Help" --code help --reply-to help@us.example --user ann --parent "Service"
crm partner add Acme
crm partner contact add "Joe Roe" --partner Acme --email joe@acme.example
crm partner category add VIP
crm partner edit Acme --add-category VIP
crm partner amount add Acme --kind sale --amount 120.50 --at 2026-03-01 --ref INV1
crm event add "Visit" --partner Acme --mood Happy --at 2026-03-01
""".strip().splitlines()
MORE = ['crm category add "Fault" --probability 5', "crm partner category add Customers"]
MODULES = ("user", "section", "category", "partner", "event", "channel", "mood")


@pytest.fixture(name="world")
def _world(crm: Crm) -> Crm:
    """The program on a database where the examples of cli.md have been typed in."""
    for line in SPEC + MORE:
        done = crm(*shlex.split(line)[1:])
        assert (done.exit, done.err) == (0, ""), line
    return crm


def examples(app: typer.Typer, words: tuple[str, ...]) -> dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]]:
    """The commands of an app and of those below it, each with the example at the end of its help."""
    found: dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]] = {words: []}
    for info in app.registered_commands:
        call = (*words, info.name or getattr(info.callback, "__name__", ""))
        found[words].append((call, (info.callback.__doc__ or "").rpartition("Example: ")[2].strip()))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found |= examples(group.typer_instance, (*words, group.name or ""))
    return found


NOUNS = {
    words: found
    for module in MODULES
    for words, found in examples(importlib.import_module(f"crmcli.cli.{module}").app, (module,)).items()
}


@pytest.mark.parametrize("noun", NOUNS, ids=" ".join)
def test_the_examples_at_the_end_of_the_helps_work_one_after_the_other(world: Crm, noun: tuple[str, ...]) -> None:
    for words, example in NOUNS[noun]:
        argv = shlex.split(example)
        assert tuple(argv[1 : 1 + len(words)]) == words
        assert world(*argv[1:])[::2] == (0, ""), example
        assert "Example: crm" in world(*words, "--help").out


def test_add_prints_the_id_or_the_object(crm: Crm) -> None:
    assert crm("user", "add", "bob").out == "2\n"
    added = crm("user", "add", "cleo", "--name", "Cléo", "--section", "support", "-o", "json").json()
    assert {name: added[name] for name in ("id", "login", "name", "section_id", "section", "active")} == {
        "id": 3, "login": "cleo", "name": "Cléo", "section_id": 1, "section": "Support", "active": True,
    }  # fmt: skip


def test_a_command_is_kept_so_that_it_can_be_typed_again(crm: Crm) -> None:
    argv = ["partner", "add", "Smith & Sons", "--comment", "it's", "--ref", ""]
    assert crm(*argv).exit == 0
    command = crm("changes", "-o", "json", "--limit", "1").json()[0]["command"]
    assert shlex.split(command)[-len(argv) :] == argv


def test_a_dry_run_shows_and_writes_nothing(crm: Crm) -> None:
    assert crm("partner", "add", "Acme", "-n", "-o", "json").json()["name"] == "Acme"
    assert crm("partner", "list", "-o", "json").json() == []


def test_edit_changes_what_is_named_and_an_empty_value_clears(crm: Crm) -> None:
    edited = crm("section", "edit", "support", "--no-thanks", "--reply-to", "", "--sequence", "5", "-o", "json").json()
    assert (edited["thanks"], edited["reply_to"], edited["sequence"], edited["code"]) == (False, None, 5, "support")
    assert crm("section", "edit", "support").exit == 2


def test_several_are_done_one_by_one_in_one_step_and_the_refused_are_listed(world: Crm) -> None:
    done = world("mood", "delete", "1-2", "Happy", "-y")
    assert (done.exit, done.out.split()) == (9, ["1", "2"])
    assert "1 of 3 refused: mood Happy is in use: 1 event" in done.err
    assert world("undo").exit == 0
    assert len(world("mood", "list", "-o", "ids").out.split()) == 5


def test_several_are_not_deleted_without_being_sure(crm: Crm) -> None:
    done = crm("mood", "delete", "1-2")
    assert done.exit == 2
    assert "delete 2 moods" in done.err
    assert len(crm("mood", "list", "-o", "ids").out.split()) == 5


def test_ids_and_names_come_from_standard_input(crm: Crm) -> None:
    assert crm("mood", "archive", "-", stdin=b"1 2\nVery Happy\n").out.split() == ["1", "2", "5"]
    assert crm("mood", "list", "-o", "ids").out.split() == ["3", "4"]
    assert crm("mood", "list", "--archived", "-o", "ids").out.split() == ["1", "2", "5"]
    assert len(crm("mood", "list", "--all", "-o", "ids").out.split()) == 5


def test_texts_of_many_lines_come_from_standard_input(crm: Crm) -> None:
    edited = crm("user", "edit", "ann", "--signature", "-", "-o", "json", stdin="Ann\nLöwe".encode()).json()
    assert edited["signature"] == "Ann\nLöwe"


def test_lists_take_columns_order_and_a_limit(world: Crm) -> None:
    assert world("mood", "list", "--columns", "name,+factor", "--sort", "-factor", "--limit", "2").out == (
        "name\tfactor\nVery Happy\t8.5\nHappy\t7\n"
    )
    assert [row["login"] for row in world("user", "list", "--sort", "section,-login", "-o", "json").json()] == ["joan", "ann"]
    unknown = world("mood", "list", "--columns", "factr")
    assert (unknown.exit, "factor" in unknown.err) == (2, True)


def test_lists_take_filters_and_a_partner(world: Crm) -> None:
    world("partner", "add", "Beta")
    assert world("partner", "list", "category:VIP", "-o", "ids").out == "1\n"
    assert world("event", "list", "--partner", "Beta", "-o", "ids").out == ""
    assert world("event", "list", "--partner", "Acme", "-o", "ids").out == "1\n"
    assert world("partner", "amount", "list", "amount>100", "--partner", "Acme", "-o", "ids").out == "1\n"


@pytest.mark.parametrize("noun", ["partner amount", "partner contact", "event"])
def test_what_a_partner_has_is_found_by_the_partners_name(world: Crm, noun: str) -> None:
    """As it was named when it was added."""
    assert world(*noun.split(), "list", "acme", "-o", "ids").out == "1\n"
    assert world(*noun.split(), "list", "beta", "-o", "ids").out == ""


def test_sections_are_listed_as_a_tree_with_counts(world: Crm, conn: sqlite3.Connection) -> None:
    with db.write(conn, Origin("2026-03-02T09:00:00Z", 1, "cli")) as tx:
        execute(tx, Add({"name": "Pump broken", "section_id": 3}))
    assert world("section", "list", "--columns", "path").out.splitlines() == ["path", "Service", "Service / Help", "Support"]
    assert world("section", "list", "--columns", "path", "-o", "table").out.splitlines() == [
        "path",
        "Service",
        "  Help",
        "Support",
    ]
    rows = world("section", "list", "--counts", "-o", "json").json()
    assert [(row["path"], row["cases"], row["draft"]) for row in rows] == [
        ("Service", 0, 0),
        ("Service / Help", 1, 1),
        ("Support", 0, 0),
    ]


def test_a_tree_is_read_page_by_page_too(world: Crm) -> None:
    first = world("section", "list", "--limit", "2", "-o", "ids").out.split()
    rest = world("section", "list", "--after", first[-1], "-o", "ids").out.split()
    assert [*first, *rest] == world("section", "list", "-o", "ids").out.split() == ["2", "3", "1"]
    assert world("section", "list", "--after", "99").exit == 3


def test_a_section_shows_its_children(world: Crm) -> None:
    assert [child["name"] for child in world("section", "show", "service", "-o", "json").json()["children"]] == ["Help"]


def test_categories_of_a_partner_come_and_go(world: Crm) -> None:
    edited = world("partner", "edit", "Acme", "--add-category", "Customers", "--remove-category", "VIP", "-o", "json").json()
    assert edited["categories"] == ["Customers"]
    refused = world("partner", "edit", "Acme", "--remove-category", "VIP")
    assert (refused.exit, "Acme is not in VIP" in refused.err) == (3, True)
    added = world("partner", "add", "Beta", "--add-category", "VIP,Customers", "-o", "json").json()
    assert added["categories"] == ["Customers", "VIP"]


def test_kinds_of_events_take_another_name_but_keep_their_key(crm: Crm) -> None:
    assert crm("event", "type", "edit", "case_open", "--name", "Work begun", "--no-active").exit == 0
    kind = crm("event", "type", "show", "Work begun", "-o", "json").json()
    assert (kind["key"], kind["name"], kind["active"]) == ("case_open", "Work begun", False)
    assert crm("event", "type", "edit", "case_open", "--key", "x").exit == 2


def test_kinds_of_events_are_switched_on_and_off(crm: Crm) -> None:
    on = {row["key"] for row in crm("event", "type", "list", "-o", "json").json() if row["active"]}
    assert on == {"case_open", "case_done"}
    crm("event", "type", "enable", "case_pending")
    crm("event", "type", "disable", "case_open", "case_done")
    assert [row["key"] for row in crm("event", "type", "list", "-o", "json").json() if row["active"]] == ["case_pending"]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("section add Support2 --parent suport", 3, "nearest: Support"),
        ("section add Support2 --reply-to nonsense", 2, "reply to is a mail address"),
        ("section edit support --parent support", 1, "would stand above itself"),
        ("section add X --reply-state opn", 2, "did you mean open?"),
        ("user add ANN", 1, "there is a user with the login ANN already: ann"),
        ("category add X --probability 120", 2, "a percentage from 0 to 100"),
        ("event add Visit", 2, "an event needs its partner"),
        ("partner amount add", 2, "PARTNER"),
        ("mood show nobody", 3, "no mood nobody"),
        ("user show ann --nonsense", 2, "--nonsense"),
        ("section list --sort nonsense", 2, "no column nonsense"),
    ],
)
def test_mistakes_are_told_with_the_next_step(crm: Crm, line: str, code: int, words: str) -> None:
    done = crm(*shlex.split(line))
    assert (done.exit, done.out) == (code, "")
    assert words in done.err
    told = json.loads(crm(*shlex.split(line), "-o", "json").err)["error"]
    assert (told["exit"], bool(told["message"])) == (code, True)


def test_every_noun_prints_its_help_alone(crm: Crm) -> None:
    for words in (*([module] for module in MODULES), ["partner", "contact"], ["event", "type"]):
        assert "Commands:" in crm(*words).out
