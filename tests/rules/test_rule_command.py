"""crm rule: adding, listing, changing and refusing rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from shlex import split

import pytest

from crmcli.fields import NOUNS
from tests.conftest import Run
from tests.rules.world import case, cron, later, sql

Crm = Callable[..., Run]


def added(crm: Crm, *argv: str) -> dict:
    """The rule that `crm rule add` makes."""
    return crm("rule", "add", *argv, "-o", "json").json()


def test_every_field_of_a_rule_can_be_given(crm: Crm) -> None:
    crm("section", "add", "Sales")
    crm("category", "add", "Repair")
    crm("partner", "add", "Acme")
    crm("partner", "category", "add", "VIP")
    made = added(
        crm,
        *split(
            "All --sequence 10 --state-to open --date-type deadline --delay -2d --state-from pending --section support"
            " --section-sub --category Repair --user ann --partner Acme --partner-category VIP --partner-category-sub"
            " --min-priority low"
            " --max-priority 2 --min-messages 3 --where +late --set-state escalate --set-section Sales --set-user ann"
            " --set-priority highest --add-cc a@x.example --add-cc b@x.example --remind-user --remind-partner --remind-attach"
            " --mail-user --mail-partner --mail-watchers --mail-to c@x.example,d@x.example --mail-body 'Case %(case_id)s'"
            " --go-on --repeat every:1d"
        ),
    )
    expected = {
        "name": "All", "sequence": 10, "active": True, "state_to": "open", "date_type": "deadline", "delay": -2,
        "delay_unit": "day", "state_from": "pending", "section": "Support", "section_sub": True, "category": "Repair",
        "user": "ann", "partner": "Acme", "partner_category": "VIP", "partner_category_sub": True, "min_priority": 4,
        "max_priority": 2, "min_messages": 3, "where": "+late", "set_state": "escalate", "set_section": "Sales",
        "set_user": "ann", "set_priority": 1, "add_cc": "a@x.example, b@x.example", "remind_user": True, "remind_partner": True,
        "remind_attach": True, "mail_user": True, "mail_partner": True, "mail_watchers": True,
        "mail_to": "c@x.example, d@x.example", "mail_body": "Case %(case_id)s", "go_on": True, "repeat": "every:1d",
        "effective_from": later(),
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected
    assert {field.name for field in NOUNS["rule"].fields} <= set(made)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--delay", "2d"], "a delay needs something to count from"),
        (["--state-to", "open", "--delay", "-2d"], "a delay before needs a date"),
        (["--delay", "soon", "--date-type", "created"], "no delay"),
        (["--repeat", "every:1d"], "only a rule with a date or a delay can repeat"),
        (["--date-type", "created", "--repeat", "daily"], "no way to repeat"),
        (["--mail-body", "100%"], "no %(key)s"),
        (["--mail-body", "%(case_nr)s"], "case_nr"),
        (["--where", "+latte"], "+latte"),
        (["--where", "section:Nowhere"], "Nowhere"),
        (["--method", "launch"], "no method launch"),
        (["--date-type", "sla"], "service levels"),
        (["--state-to", "opened"], "opened"),
        (["--min-priority", "7"], "7"),
        (["--mail-to", "nobody"], "nobody"),
    ],
)
def test_what_can_never_work_is_refused(conn: sqlite3.Connection, crm: Crm, argv: list[str], words: str) -> None:
    run = crm("rule", "add", "Wrong", *argv)
    assert run.exit in (2, 3)
    assert words in run.err
    assert sql(conn, "SELECT * FROM rules") == []


def test_a_change_that_can_never_work_is_refused_too(crm: Crm) -> None:
    added(crm, "Late", "--date-type", "deadline", "--delay", "-1d")
    assert crm("rule", "edit", "Late", "--date-type", "none").exit == 2
    assert crm("rule", "edit", "Late", "--date-type", "", "--delay", "").exit == 0
    assert crm("rule", "edit", "Late", "--mail-body", "%s").exit == 2
    shown = crm("rule", "show", "Late", "-o", "json").json()
    assert (shown["date_type"], shown["delay"], shown["when"]) == ("none", 0, "on every event")


def test_the_name_is_taken_once(crm: Crm) -> None:
    added(crm, "Late")
    run = crm("rule", "add", "LATE")
    assert run.exit == 1
    assert "there is a rule with the name LATE already" in run.err


def test_the_list_is_in_effective_order_and_in_words(conn: sqlite3.Connection, crm: Crm) -> None:
    crm("rule", "add", "Without", "--state-to", "done", "--delay", "1month")
    crm(
        *split(
            "rule add Second --sequence 20 --date-type created --delay 1d --repeat every:2d --mail-to a@x.example --mail-body Hm."
        )
    )
    crm(
        *split("rule add First --sequence 10 --state-to draft --section support --section-sub --min-priority high --set-user ann")
    )
    case(conn)
    case(conn, priority=2)
    cron(conn, later(1))
    rows = crm("rule", "list", "-o", "json").json()
    assert [tuple(row[name] for name in ("name", "when", "if", "then", "fired", "last_fired_at")) for row in rows] == [
        (
            "First",
            "when created or reset",
            "in section Support and below, priority high or more urgent",
            "give it to ann",
            1,
            later(),
        ),
        ("Second", "1 day after creation, then every 2 days", None, "mail a@x.example", 2, later(1)),
        ("Without", "1 month after being closed", None, "nothing", 0, None),
    ]
    header = crm("rule", "list").out.splitlines()[0]
    assert header.split("\t") == ["id", "sequence", "name", "when", "if", "then", "last_fired_at", "fired"]
    assert crm("rule", "list", "--columns", "name,then", "--limit", "1").out == "name\tthen\nFirst\tgive it to ann\n"


def test_show_says_it_in_a_sentence(crm: Crm) -> None:
    crm(*split("rule add Late --date-type deadline --delay -2d --state-from open --set-priority 1"))
    crm(*split("rule edit Late --mail-user --mail-watchers --mail-body Hm. --go-on"))
    assert crm("rule", "show", "late", "-o", "json").json()["sentence"] == (
        "2 days before the deadline, if it is open: make its priority highest, mail the responsible and the watchers;"
        " later rules may fire too."
    )


def test_archiving_takes_it_out_of_the_list_and_unarchiving_brings_it_back(crm: Crm) -> None:
    added(crm, "Late")
    assert crm("rule", "archive", "Late").out == "1\n"
    assert crm("rule", "list", "-o", "ids").out == ""
    assert crm("rule", "list", "--archived", "-o", "ids").out == "1\n"
    crm("rule", "unarchive", "1", now=later(3))
    assert crm("rule", "show", "Late", "-o", "json").json()["effective_from"] == later(3)


def test_a_deleted_rule_is_gone_and_comes_back_by_undo_without_firing_again(conn: sqlite3.Connection, crm: Crm) -> None:
    added(crm, "Created", "--date-type", "created", "--delay", "1d", "--set-priority", "1")
    case(conn)
    crm("run-rules", now=later(1))
    assert crm("rule", "delete", "Created").exit == 0
    assert crm("rule", "list", "-o", "ids").out == ""
    crm("undo", now=later(2))
    assert crm("run-rules", "-o", "json", now=later(2)).json()[0]["fired"] == 0
    assert crm("rule", "show", "Created", "-o", "json").json()["fired"] == 1


def test_a_rehearsed_rule_is_not_kept(crm: Crm) -> None:
    assert crm("rule", "add", "Late", "-n").exit == 0
    assert crm("rule", "list", "-o", "ids").out == ""
