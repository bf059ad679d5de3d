"""Rows of partners, contacts and the rest: what is new, known, refused, made, left out, and taken back."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.world import NOW, Crm, file, put, rows

PARTNERS = "SELECT name, ref, website FROM partners ORDER BY id"


def everything(crm: Crm) -> str:
    """The whole database as one text."""
    return str(crm("export", "all").out)


# What is here already ---------------------------------------------------------------------------------


@pytest.fixture(name="acme")
def _acme(conn: sqlite3.Connection) -> int:
    """Acme, with a code, a website and a contact → its id."""
    number = put(conn, "partners", name="Acme", ref="A1", website="http://old.example")
    put(conn, "contacts", partner_id=number, name="Joe Roe", email="joe@acme.example")
    return number


@pytest.mark.parametrize(
    ("match", "line", "after"),
    [
        ("name", "acme,A2,", ("Acme", "A2", "http://old.example")),
        ("name", "ACME,,http://new.example", ("Acme", "A1", "http://new.example")),
        ("ref", "Acme Ltd,a1,", ("Acme Ltd", "A1", "http://old.example")),
        ("email", "Acme Inc,,", ("Acme Inc", "A1", "http://old.example")),
    ],
)
def test_what_matches_is_changed_and_empty_cells_leave_what_is_there(
    match: str, line: str, after: tuple[str, ...], acme: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """By name, code or a contact's address; what it was found by keeps its spelling."""
    done = crm("import", "partner", "-", "--match", match, stdin=f"name,ref,website,email\n{line},JOE@acme.example\n".encode())
    assert (done.exit, done.err) == (0, "import partner: 1 changed\n")
    assert rows(conn, PARTNERS) == [after]


@pytest.mark.parametrize(
    ("mode", "said", "after"),
    [
        ("both", "1 made, 1 changed", [("Acme", "A2", "http://old.example"), ("Beta", "B1", None)]),
        ("create", "1 made, 1 left", [("Acme", "A1", "http://old.example"), ("Beta", "B1", None)]),
        ("update", "1 changed, 1 left", [("Acme", "A2", "http://old.example")]),
    ],
)
def test_the_mode_says_which_lines_count(
    mode: str, said: str, after: list[Any], acme: int, crm: Crm, conn: sqlite3.Connection
) -> None:
    """New ones, known ones, or both."""
    done = crm("import", "partner", "-", "--mode", mode, stdin=b"name,ref\nAcme,A2\nBeta,B1\n")
    assert (done.exit, done.err) == (0, f"import partner: {said}\n")
    assert rows(conn, PARTNERS) == after


def test_words_of_match_and_mode_that_mean_nothing(crm: Crm) -> None:
    """Are usage errors that name those that do."""
    assert "one of: both, create, update" in crm("import", "partner", "-", "--mode", "merge", stdin=b"name\nA\n").err
    assert "--match name or email or id" in crm("import", "user", "-", "--match", "ref", stdin=b"login\nbob\n").err


def test_the_same_file_twice_changes_nothing(crm: Crm, tmp_path: Path) -> None:
    """Not a row, nor a change in the journal, whatever the noun."""
    given = {
        "partner": "name,email,phone,categories\nAcme,joe@acme.example,1,VIP\nBeta,,2,\n",
        "contact": "name,partner,email\nJoe,Acme,j@acme.example\nJim,Acme,j2@acme.example\n,Beta,info@beta.example\nLone,,\n",
        "amount": "partner,at,kind,amount,ref\nAcme,2026-01-02,sale,10.50,R1\nAcme,2026-01-02,sale,10.50,R1\nBeta,,sale,1,\n",
        "event": "name,partner,at,mood\nVisit,Acme,2026-01-02,Happy\nVisit,Acme,2026-01-02,Happy\n",
        "case": "name,section,partner,deadline\nPump,support,Acme,2026-04-01\nPump,support,Acme,2026-04-01\nPump,,,\n",
        "section": "name,code,parent\nSales,sale,\nNorth,,Sales\nNorth,,support\n",
        "category": "name,probability,section\nFault,10,support\n",
        "user": "login,name,email\nbob,Bob,bob@us.example\n",
        "rule": "name,date_type,delay,set_priority\nLate,deadline,-2d,1\n",
        "segment": "name,category,period_days\nGold,VIP,30\n",
        "segment_line": "segment,name,variable,operator,value\nGold,big,sale,>,100\n",
        "mood": "name,factor\nGrumpy,2.5\n",
        "view": "name,filter\nHot,+late\n",
    }
    for noun, content in given.items():
        path = file(tmp_path, f"{noun}.csv", content)
        first = crm("import", noun, path, "--create-missing")
        assert first.exit == 0, (noun, first.err)
        assert "made" in first.err
        before, steps = everything(crm), crm("changes", "-o", "json").json()
        again = crm("import", noun, path, "--create-missing", now="2026-03-09T09:00:00Z")
        assert (again.exit, "made" in again.err, "changed" in again.err) == (0, False, False), (noun, again.err)
        assert everything(crm) == before
        assert crm("changes", "-o", "json").json() == steps


def test_equal_lines_are_as_many_things(crm: Crm, conn: sqlite3.Connection) -> None:
    """Two payments of the same sum on the same day are two; a third line makes a third."""
    put(conn, "partners", name="Acme")
    line = "Acme,2026-01-02,sale,10\n"
    crm("import", "amount", "-", stdin=f"partner,at,kind,amount\n{line}{line}".encode())
    assert rows(conn, "SELECT count(*) FROM amounts") == [(2,)]
    done = crm("import", "amount", "-", stdin=f"partner,at,kind,amount\n{line}{line}{line}".encode())
    assert done.err == "import amount: 1 made, 2 same\n"


def test_lines_that_contradict_each_other_are_refused(crm: Crm, conn: sqlite3.Connection) -> None:
    """Else the file would change something each time that it is imported."""
    done = crm("import", "partner", "-", stdin=b"name,website\nAcme,http://a.example\nACME,http://b.example\nAcme,\n")
    assert done.exit == 9
    assert "line 3: an earlier line gives this partner another website" in done.err
    assert rows(conn, PARTNERS) == [("Acme", None, "http://a.example")]


def test_an_archived_partner_of_the_same_name_is_another(crm: Crm, conn: sqlite3.Connection) -> None:
    """Unless nothing else has the name."""
    crm("import", "partner", "-", stdin=b"name,ref,active\nAcme,A1,yes\nAcme,A0,no\n")
    assert rows(conn, "SELECT ref, active FROM partners ORDER BY id") == [("A1", 1), ("A0", 0)]
    done = crm("import", "partner", "-", stdin=b"name,active\nAcme,no\n")
    assert done.err == "import partner: 1 same\n"
    put(conn, "partners", name="Beta")
    assert crm("import", "partner", "-", stdin=b"name,active\nBeta,no\n").err == "import partner: 1 changed\n"


def test_two_things_that_a_line_may_mean_refuse_it(crm: Crm, conn: sqlite3.Connection) -> None:
    """And --match id tells them apart."""
    for _ in range(2):
        put(conn, "contacts", name="Joe")
    done = crm("import", "contact", "-", stdin=b"name,phone\nJoe,1\n")
    assert done.exit == 1
    assert "it may be several contacts: 1, 2 (--match id)" in done.err
    done = crm("import", "contact", "-", "--match", "id", stdin=b"id,phone\n2,1\n")
    assert done.err == "import contact: 1 changed\n"
    assert rows(conn, "SELECT phone FROM contacts ORDER BY id") == [(None,), ("1",)]


# Links ------------------------------------------------------------------------------------------------


def test_links_go_by_name_code_login_path_and_address(crm: Crm, conn: sqlite3.Connection) -> None:
    """And by an id beside the words only where both agree."""
    put(conn, "sections", name="North", parent_id=1)
    put(conn, "partners", name="Acme", ref="A1")
    put(conn, "partners", name="Beta")
    content = (
        "name,section,partner,partner_id,user\n"
        "One,support,A1,,ANN\nTwo,Support/North,acme,2,Ann Lee\nThree,1,Beta,2,ann@us.example\nFour,North,2,,\n"
    )
    done = crm("import", "case", "-", stdin=content.encode())
    assert (done.exit, done.err) == (0, "import case: 4 made\n")
    assert rows(conn, "SELECT section_id, partner_id, user_id FROM cases ORDER BY id") == [
        (1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, None),
    ]  # fmt: skip


def test_a_link_to_nothing_refuses_its_line_with_the_nearest(crm: Crm, conn: sqlite3.Connection) -> None:
    """The other lines are taken."""
    put(conn, "partners", name="Acme Pumps")
    done = crm("import", "contact", "-", stdin=b"name,partner\nJoe,Acme Pump\nAnn,Acme Pumps\n")
    assert done.exit == 9
    assert "line 2: no partner Acme Pump (nearest: Acme Pumps)" in done.err
    assert "1 of 2 lines refused" in done.err
    assert rows(conn, "SELECT name FROM contacts") == [("Ann",)]


def test_create_missing_makes_what_is_named(crm: Crm, conn: sqlite3.Connection) -> None:
    """Once, whole paths too; never users or moods, and nothing for a line that is refused."""
    content = (
        "name,section,partner,category,contact,channel,mood\n"
        "One,Sales / North,Zeta,New,Zoe,fax,Happy\nTwo,Sales / North,Zeta,New,Zoe,fax,\nBad,Other,Omega,Old,Max,,Nowhere\n"
    )
    done = crm("import", "case", "-", "--create-missing", stdin=content.encode())
    assert done.exit == 9
    assert "line 4: no mood Nowhere" in done.err
    assert rows(conn, "SELECT path FROM section_paths ORDER BY id") == [("Support",), ("Sales",), ("Sales / North",)]
    assert rows(conn, "SELECT name FROM partners") == [("Zeta",)]
    assert rows(conn, "SELECT name, partner_id FROM contacts") == [("Zoe", 1)]
    assert rows(conn, "SELECT name FROM categories") == [("New",)]
    assert rows(conn, "SELECT partner_id, contact_id FROM cases") == [(1, 1), (1, 1)]


def test_what_a_refused_line_had_made_is_made_again_by_the_next(crm: Crm, conn: sqlite3.Connection) -> None:
    """The refusal takes it back, and later lines know that."""
    content = b"name,partner,probability\nBad,Zeta,200\nGood,Zeta,20\n"
    assert crm("import", "case", "-", "--create-missing", stdin=content).exit == 9
    assert rows(conn, "SELECT c.name, p.name FROM cases c JOIN partners p ON p.id = c.partner_id") == [("Good", "Zeta")]


def test_a_parent_may_stand_further_down(crm: Crm, conn: sqlite3.Connection) -> None:
    """Lines are tried again as long as that helps; a parent that never comes is told."""
    content = b"name,parent\nC,B\nB,A\nLost,Nowhere\nA,\n"
    done = crm("import", "partner", "-", stdin=content)
    assert done.exit == 9
    assert "line 4: no partner Nowhere" in done.err
    found = rows(conn, "SELECT p.name, o.name FROM partners p JOIN partners o ON o.id = p.parent_id ORDER BY 1")
    assert found == [("B", "A"), ("C", "B")]


def test_a_path_stands_for_name_and_parent(crm: Crm, conn: sqlite3.Connection) -> None:
    """In trees."""
    done = crm("import", "partner_category", "-", stdin=b"path\nA\nA / B\nA / B / C\n")
    assert done.err == "import partner_category: 3 made\n"
    assert rows(conn, "SELECT path FROM partner_category_paths ORDER BY id") == [("A",), ("A / B",), ("A / B / C",)]


def test_a_circle_of_parents_is_refused(crm: Crm, conn: sqlite3.Connection) -> None:
    """As by hand."""
    put(conn, "partners", name="A")
    put(conn, "partners", name="B", parent_id=1)
    done = crm("import", "partner", "-", stdin=b"name,parent\nA,B\n")
    assert done.exit == 1
    assert "would stand above itself" in done.err


# Partners with their contacts ---------------------------------------------------------------------------


def test_a_partner_comes_with_contacts(crm: Crm, conn: sqlite3.Connection) -> None:
    """On its own line, on lines that have nothing else, and on lines that repeat it."""
    content = (
        "name,ref,contact,email,phone\n"
        "Acme,A1,,info@acme.example,1\n,,Joe,joe@acme.example,2\nAcme,,Ann,,3\nBeta,,,,\n,,Bo,bo@beta.example,\n"
    )
    done = crm("import", "partner", "-", stdin=content.encode())
    assert done.exit == 0, done.err
    sql = "SELECT p.name, c.name, c.type, c.email, c.phone FROM contacts c JOIN partners p ON p.id = c.partner_id ORDER BY c.id"
    assert rows(conn, sql) == [
        ("Acme", "", "default", "info@acme.example", "1"),
        ("Acme", "Joe", "contact", "joe@acme.example", "2"),
        ("Acme", "Ann", "contact", None, "3"),
        ("Beta", "Bo", "contact", "bo@beta.example", None),
    ]  # fmt: skip
    assert "same" in crm("import", "partner", "-", stdin=content.encode()).err


def test_categories_are_added_and_never_taken_away(crm: Crm, conn: sqlite3.Connection) -> None:
    """By name or path, several between commas."""
    put(conn, "partners", name="Acme")
    for name in ("VIP", "Gold", "Paris, Texas"):
        put(conn, "partner_categories", name=name)
    put(conn, "partner_category_members", partner_id=1, category_id=2, since=NOW)
    done = crm("import", "partner", "-", stdin=b'name,categories\nAcme,"VIP, Paris, Texas"\n')
    assert done.err == "import partner: 1 changed\n"
    assert rows(conn, "SELECT category_id FROM partner_category_members ORDER BY category_id") == [(1,), (2,), (3,)]
    assert "no partner category Silver" in crm("import", "partner", "-", stdin=b"name,categories\nAcme,Silver\n").err


# What is refused, tried and taken back --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noun", "line", "reason"),
    [
        ("partner", "website\nhttp://a.example", "a partner needs its name"),
        ("contact", "name,email\nJoe,nowhere", "email is a mail address"),
        ("contact", "name,type\nJoe,boss", "no type boss"),
        ("case", "name,deadline\nPump,someday", "no date or time: someday"),
        ("case", "name,planned_revenue\nPump,much", "planned revenue is an amount"),
        ("case", "name,priority\nPump,9", "no priority 9"),
        ("case", "name,ref\nPump,thing:1", "thing:1 is no reference"),
        ("case", "name,state\nPump,sleeping", "no state sleeping"),
        ("user", "login,email\nbob,ann@us.example", "there is a user with the email ann@us.example already"),
        ("mood", "name\nGrumpy", "a mood needs its factor"),
        ("amount", "kind,amount\nsale,1", "an amount needs its partner"),
        ("rule", "name,delay\nR,2d", "a delay needs something to count from"),
        ("segment", "name\nS", "a segment needs its category"),
        ("view", "name,filter\nV,colour:red", "filter, position 1: case has no field colour"),
    ],
)
def test_a_line_that_cannot_be_taken_says_why(noun: str, line: str, reason: str, crm: Crm) -> None:
    """As the same mistake by hand would; all refused is 1."""
    done = crm("import", noun, "-", stdin=f"{line}\n".encode())
    assert done.exit == 1
    assert f"line 2: {reason}" in done.err
    assert done.err.endswith("crm: 1 of 1 lines refused (mend those lines and import again)\n")


def test_refused_lines_are_objects_in_json(crm: Crm) -> None:
    """What was done is one object on standard output, the error one on standard error."""
    done = crm("import", "partner", "-", "-o", "json", stdin=b"name,ref\nAcme,1\n,2\n,3\n")
    assert done.exit == 9
    assert done.json() == {
        "kind": "partner", "made": 1, "changed": 0, "same": 0, "left": 0, "refused": 2,
        "lines": [{"line": line, "reason": "a partner needs its name (crm partner add -h)"} for line in (3, 4)],
    }  # fmt: skip
    error = json.loads(done.err)["error"]
    assert (error["kind"], error["exit"]) == ("partly", 9)


def test_columns_that_are_not_known_are_named(crm: Crm, conn: sqlite3.Connection) -> None:
    """--map takes them in or drops them without a word."""
    done = crm("import", "partner", "-", stdin=b"name,Firm No,Fax\nAcme,7,8\n")
    assert "columns left out: Firm No, Fax" in done.err
    done = crm("import", "partner", "-", "--map", "Firm No=ref", "--map", "Fax=", stdin=b"name,Firm No,Fax\nAcme,7,8\n")
    assert done.err == "import partner: 1 changed\n"
    assert rows(conn, PARTNERS) == [("Acme", "7", None)]
    mistakes = {"Firm=ref": "the file has no column Firm", "Fax=fax": "a partner has no fax", "Fax": "names no column"}
    for wrong, said in mistakes.items():
        done = crm("import", "partner", "-", "--map", wrong, stdin=b"name,Fax\nAcme,8\n")
        assert (done.exit, said in done.err) == (2, True)


def test_a_dry_run_writes_nothing(crm: Crm, conn: sqlite3.Connection) -> None:
    """And says what it would have written."""
    before = everything(crm)
    done = crm("import", "partner", "-", "-n", "--create-missing", stdin=b"name,categories\nAcme,VIP\n")
    assert done.exit == 0
    assert "nothing was written" in done.err
    assert everything(crm) == before
    assert rows(conn, "SELECT count(*) FROM change_sets WHERE source = 'import'") == [(0,)]


def test_an_import_is_one_step_that_undo_takes_back(crm: Crm, conn: sqlite3.Connection) -> None:
    """With all that was made on the way; redo brings it again."""
    put(conn, "partners", name="Beta", website="http://old.example")
    before = everything(crm)
    content = b"name,website,email,categories\nAcme,,joe@acme.example,VIP\nBeta,http://new.example,,VIP\n,,,\n"
    crm("import", "partner", "-", "--create-missing", "--reason", "moving", stdin=content)
    after = everything(crm)
    [(source, user_id, reason)] = rows(conn, "SELECT source, user_id, reason FROM change_sets ORDER BY id DESC LIMIT 1")
    assert (source, user_id, reason) == ("import", 1, "moving")
    assert crm("undo").exit == 0
    assert everything(crm) == before
    assert crm("redo").exit == 0
    assert everything(crm) == after


def test_an_import_that_is_killed_leaves_nothing(crm: Crm, db_path: str, tmp_path: Path) -> None:
    """Whenever that is; the next one does all of it."""
    path = file(tmp_path, "p.csv", "name,email\n" + "".join(f"Partner {n},p{n}@x.example\n" for n in range(4000)))
    before = everything(crm)
    for delay in (0.3, 0.6, 0.9):
        argv = [sys.executable, "-m", "crmcli", "--db", db_path, "--as", "ann", "import", "partner", path]
        child = subprocess.Popen(argv, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        if child.wait() == 0:
            break
        assert everything(crm) == before
    assert crm("import", "partner", path).exit == 0
    assert crm("partner", "list", "--columns", "id").out.count("\n") == 4001


def test_nothing_is_read_from_a_terminal_or_of_an_unknown_kind(crm: Crm) -> None:
    """Nouns go by their words on the command line too."""
    assert crm("import", "partner category", "-", stdin=b"name\nVIP\n").exit == 0
    assert crm("import", "partner-category", "-", stdin=b"name\nVIP\n").err == "import partner_category: 1 same\n"
    assert crm("import", "invoice", "-", stdin=b"name\nx\n").exit == 2


def test_mails_go_the_road_of_ingest(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """From a mailbox, by name or through standard input."""
    mail = (
        "From joe@acme.example Mon Feb  2 09:00:00 2026\nFrom: joe@acme.example\nTo: support@us.example\n"
        "Date: Mon, 2 Feb 2026 09:00:00 +0000\nSubject: Pump\n\nIt broke.\n\n"
    )
    done = crm("import", "mail", file(tmp_path, "box.mbox", mail))
    assert done.exit == 0, done.err
    assert rows(conn, "SELECT name, created_by FROM cases") == [("Pump", "mail")]
    assert crm("import", "mail", "-", stdin=mail.encode()).exit == 0
    assert rows(conn, "SELECT count(*) FROM cases") == [(1,)]
    assert rows(conn, "SELECT count(*) FROM outbox") == [(0,)]
