"""crm web in a process of its own on a free port: pages, saved queries, and what may not be had."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

pytest.importorskip("datasette", reason="Datasette is not installed: pip install 'crmcli[web]'")

from crmcli import outbox
from crmcli.web import pages
from tests.cli.world import a_case, write
from tests.conftest import NOW, Run

Crm = Callable[..., Run]


@contextmanager
def served(path: str, *options: str) -> Iterator[str]:
    """The address of a server of this database, while it runs."""
    argv = [sys.executable, "-m", "crmcli", "web", "--port", "0", *options]
    environ = {**os.environ, "CRM_DB": path, "CRM_NOW": NOW, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True)
    try:
        assert process.stdout and process.stderr
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), process.stderr.read()
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    assert "Traceback" not in said
    assert process.returncode == 130


def get(url: str) -> tuple[int, str]:
    """Status and body of a page."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def rows(url: str) -> Any:
    """The rows of a page as JSON."""
    status, body = get(f"{url}{'&' if '?' in url else '?'}_shape=array")
    assert status == 200, body
    return json.loads(body)


@pytest.fixture(name="conn")
def _with_cases(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Three cases: late, unassigned with money, and one whose name is markup; a mail that waits."""
    a_case(conn, user_id=1, deadline_at="2026-03-01T10:00:00Z")
    a_case(conn, name="Valve order", planned_revenue=120050, planned_cost=20000, probability=40.0)
    a_case(conn, name="<script>alert(1)</script>", description="=HYPERLINK()")
    mail = {
        "kind": "thanks",
        "cause": "test",
        "recipient": "joe@acme.example",
        "envelope_from": "secret-envelope",
        "subject": "Hello",
    }
    write(conn, lambda tx: outbox.add(tx, {**mail, "message_id": "<secret-id@us>", "bytes": b"secret-bytes"}))
    return conn


@pytest.fixture(name="url")
def _url(db_path: str, conn: sqlite3.Connection) -> Iterator[str]:
    with served(db_path) as url:
        yield url


def test_pages_have_titles_facets_and_answers(url: str, conn: sqlite3.Connection) -> None:
    """The front page leads everywhere; lists can be narrowed; queries answer; it is live."""
    front = get(url)[1]
    for name, page in (pages.VIEWS | pages.QUERIES).items():
        assert f'href="/crm/{name}"' in front
        assert f">{page.title}</a>" in front  # type: ignore[attr-defined]
        status, body = get(f"{url}crm/{name}")
        assert status == 200
        assert f"<h1>{page.title}" in body.replace(' style="border-color: #ff0000"', "")  # type: ignore[attr-defined]
    cases = get(f"{url}crm/v_cases")[1]
    for facet in pages.VIEWS["v_cases"].facets:
        assert f'data-column="{facet}"' in cases or f"_facet={facet}" in cases or f">{facet}" in cases
    assert "Support" in get(f"{url}crm/v_cases?section=Support")[1]
    assert [row["case_id"] for row in rows(f"{url}crm/late.json")] == [1]
    assert [row["case_id"] for row in rows(f"{url}crm/unassigned.json")] == [2, 3]
    assert rows(f"{url}crm/workload.json") == [
        {"user": "nobody", "cases": 2, "urgent": 0, "late": 0}, {"user": "ann", "cases": 1, "urgent": 0, "late": 1},
    ]  # fmt: skip
    [money] = rows(f"{url}crm/opportunities_by_section.json")
    assert (money["section"], money["planned"], money["expected"]) == ("Support", 120050, 48020)
    assert ">480.20<" in get(f"{url}crm/opportunities_by_section")[1]
    assert '<a href="/crm/case?case_id=2">2</a>' in get(f"{url}crm/unassigned")[1]
    assert [row["case_id"] for row in rows(f"{url}crm/search.json?words=valve+order")] == [2]
    for words in ("%22", "*", "a+AND", "", "x'y", "a++b"):
        assert rows(f"{url}crm/search.json?words={words}") == []
    a_case(conn, name="Brand new")
    assert "Brand new" in get(f"{url}crm/v_cases")[1]


def test_names_are_no_markup_on_a_page(url: str) -> None:
    """Foreign text is inert."""
    for page in ("v_cases", "unassigned", "case?case_id=3"):
        assert "<script>alert" not in get(f"{url}crm/{page}")[1]


def test_keys_bytes_and_proofs_cannot_be_had(url: str, conn: sqlite3.Connection) -> None:
    """No page, no format, no parameter, no file."""
    tables = [row[0] for row in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in [*tables, "section_paths", "sqlite_master"]:
        for end in ("", ".json", ".csv", "/1", "/1.json", "?_size=max", "/1/key.blob"):
            assert get(f"{url}crm/{table}{end}")[0] in (403, 404), f"{table}{end}"
    sql = "select+hex(key)+from+mail_keys"
    for page in ("crm", "crm.json", "crm.csv", "-/crm", "_memory", "_memory.json", "_internal", "_internal.json"):
        assert get(f"{url}{page}?sql={sql}")[0] in (403, 404), page
    assert get(f"{url}crm.db")[0] in (403, 404)
    assert get(f"{url}crm/v_cases.json?_where=1+in+(select+key+from+mail_keys)")[0] == 403
    key = conn.execute("SELECT hex(key) FROM mail_keys").fetchone()[0]
    pages_ = ["", "crm", "-/databases.json", "-/metadata.json", "-/config.json", "-/versions.json", "-/threads", "-/actor.json"]
    for page in pages_ + [f"crm/{name}{end}" for name in pages.VIEWS for end in ("", ".json", ".csv")]:
        body = get(f"{url}{page}")[1]
        for secret in (key, key.lower(), "secret-id", "secret-envelope", "secret-bytes"):
            assert secret not in body, page


def test_a_page_elsewhere_cannot_read_it_under_a_name_of_its_own(url: str) -> None:
    """A name of the attacker's may lead the browser to this machine; it is not answered."""
    place = re.sub(r"http://|/", "", url)
    for host, status in (
        ("evil.example", 421),
        (place, 200),
        (place.replace("127.0.0.1", "localhost"), 200),
        ("[::1]:80", 200),
        ("", 421),
    ):
        line = HTTPConnection(place, timeout=20)
        line.putrequest("GET", "/", skip_host=True)
        line.putheader("Host", host)
        line.endheaders()
        assert line.getresponse().status == status
        line.close()


def test_with_login_only_the_link_lets_in(db_path: str, conn: sqlite3.Connection) -> None:
    """Once; others of this machine see nothing."""
    with served(db_path, "--login") as link:
        url = link.partition("-/")[0]
        assert [get(url + page)[0] for page in ("", "crm", "crm/v_cases.json", "crm/late.json")] == [403] * 4
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert b"Late cases" in browser.open(link).read()
        assert json.loads(browser.open(f"{url}crm/late.json?_shape=array").read())[0]["case_id"] == 1
        assert get(link)[0] == 403


def test_a_port_that_is_taken_is_said_to_be(crm: Crm, url: str) -> None:
    """In a sentence, with what to do."""
    port = url.rstrip("/").rpartition(":")[2]
    taken = crm("web", "--port", port)
    assert taken.exit == 75
    assert taken.err.startswith(f"crm: cannot listen on 127.0.0.1:{port}: Address already in use (")


def test_without_datasette_it_says_how_to_get_it(db_path: str) -> None:
    """It is an extra."""
    code = "import sys; sys.modules['datasette'] = None; from crmcli.__main__ import main; sys.exit(main(['web', '--port', '0']))"
    environ = {**os.environ, "CRM_DB": db_path}
    missing = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (missing.returncode, missing.stdout) == (78, "")
    assert "pip install 'crmcli[web]'" in missing.stderr
