"""A word that is no command here leads to the one that is, and every command that is named so exists."""

from __future__ import annotations

import sqlite3

import pytest

from crmcli.cli import synonyms
from tests.cli.test_help import COMMANDS, GROUPS
from tests.cli.world import Crm

NAMED = {f"{path} {word}": target for path, words in synonyms.OF.items() for word, target in words.items()}
NOUN_GROUPS = [words for words in GROUPS if {(*words, verb) for verb in ("add", "show", "edit")} <= set(COMMANDS)]


@pytest.mark.parametrize("words", NAMED)
def test_every_word_leads_to_a_command_that_there_is(words: str) -> None:
    target = tuple(word for word in NAMED[words].split() if word.islower() and not word.startswith("-"))
    assert target in COMMANDS or target[:1] in COMMANDS, NAMED[words]
    assert tuple(words.split()[1:]) not in {*COMMANDS, *GROUPS}, "it is a command itself"


@pytest.mark.parametrize("noun", NOUN_GROUPS, ids=" ".join)
def test_the_usual_verbs_are_understood_of_any_noun(noun: tuple[str, ...]) -> None:
    for word, target in synonyms.VERBS.items():
        verb = target.format(noun=" ".join(noun)).split()[len(noun)]
        if (*noun, word) not in COMMANDS and (*noun, verb) in COMMANDS:
            assert synonyms.instead(" ".join(["crm", *noun]), word).startswith(f"crm {' '.join(noun)} {verb}")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("case assign 1 bob", "meant? crm case edit ID --user LOGIN"),
        ("case 14", "meant? crm case show 14"),
        ("case create X", "meant? crm case add"),
        ("partner contact rm joe", "meant? crm partner contact delete ID"),
        ("tickets", "meant? crm case list"),
        ("todo", "meant? crm next"),
        ("case frobnicate", "see: crm case --help"),
        ("case lst", "Did you mean 'list'?"),
    ],
)
def test_the_error_names_what_was_meant(crm: Crm, line: str, hint: str) -> None:
    refused = crm(*line.split())
    assert (refused.exit, refused.out) == (2, "")
    assert hint in refused.err
    assert refused.err.count("\n") == 1


def test_a_name_that_nothing_has_tells_how_to_make_it(crm: Crm, conn: sqlite3.Connection) -> None:
    assert crm("case", "add", "x", "--user", "bob").err == "crm: no user bob (crm user list; a new one: crm user add bob)\n"
    assert crm("case", "add", "x", "--partner", "A & B").err.endswith("a new one: crm partner add 'A & B')\n")
    assert "new one" not in crm("case", "add", "x", "--user", "7").err
    assert crm("case", "add", "x", "--user", "\x1b[31m").err.count("\x1b") == 0


@pytest.mark.parametrize("verb", ["add X", "edit 1"])
def test_an_option_by_another_word_is_named(crm: Crm, verb: str) -> None:
    for word in synonyms.OPTIONS:
        target = synonyms.option(f"crm case {verb.split()[0]}", word)
        refused = crm("case", *verb.split(), word, "x")
        assert (refused.exit, refused.err) == (2, f"crm: no such option: {word} (meant? {target})\n")
        options = {option for param in COMMANDS["case", verb.split()[0]].params for option in param.opts}
        assert target in {*options, synonyms.STATES, "crm case add SUBJECT"}
    assert "Possible options" in crm("case", "edit", "1", "--nam", "x").err


def test_a_flag_by_another_word_is_named(crm: Crm) -> None:
    assert crm("case", "list", "+overdue").err == "crm: filter, position 1: case has no flag +overdue (did you mean +late?)\n"
    assert crm("case", "list", "+my").err.endswith("(did you mean +mine?)\n")
    assert crm("partner", "list", "+overdue").err.endswith("(one of: +mine +unassigned +archived)\n")
