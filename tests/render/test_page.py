"""Markdown and HTML: every value is there to be read, and none of it is taken for markup."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from crmcli.model import Column, Result
from crmcli.render import Look, render
from crmcli.text import shown

HOSTILE = st.text(st.sampled_from("ab <>&\"'|`*_[]()#!\\\n\t\x1b\u202e~é日-"), max_size=30)
COLUMNS = (Column("id", "int"), Column("name"), Column("deadline_at", "time"), Column("cost", "money"))


def row(name: str) -> dict[str, object]:
    return {"id": 1, "name": name, "deadline_at": "2026-03-01T09:00:00Z", "cost": 120050, "late": 1}


def text(result: Result, form: str) -> str:
    return "".join(render(result, form, Look()))


def test_a_list_is_a_table() -> None:
    result = Result(COLUMNS, [row("Pump")], title="Late", more=2, footer=("at noon",), mark="late")
    assert text(result, "md") == (
        "## Late\n\n| id | name | deadline | cost |\n| ---: | --- | --- | ---: |\n"
        "| ! 1 | Pump | 2026-03-01 09:00 | 1,200.50 |\n\nand 2 more\n\nat noon\n"
    )
    page = LexborHTMLParser(text(result, "html"))
    assert [cell.text() for cell in page.css("td")] == ["1", "Pump", "2026-03-01 09:00", "1,200.50"]
    assert [cell.text() for cell in page.css("p")] == ["and 2 more", "at noon"]
    assert page.css_first("tr.late") is not None


def test_a_thing_has_names_and_values_and_its_sections_below() -> None:
    parts = Result((Column("name"), Column("size", "int")), [{"name": "plan.pdf", "size": 4}])
    columns = (Column("id", "int"), Column("user_id", "int"), Column("user"), Column("ref"), Column("files", "rows"))
    whole = {"id": 7, "user_id": 1, "user": "ann", "ref": None, "files": parts}
    result = Result(columns, [whole], one=True)
    assert text(result, "md") == (
        "| field | value |\n| --- | --- |\n| id | 7 |\n| user | ann |\n\n### files\n\n"
        "| name | size |\n| --- | ---: |\n| plan.pdf | 4 |\n"
    )
    assert [cell.text() for cell in LexborHTMLParser(text(result, "html")).css("td")] == [
        "id",
        "7",
        "user",
        "ann",
        "plan.pdf",
        "4",
    ]


@given(HOSTILE)
def test_foreign_text_is_never_markup(name: str) -> None:
    result = Result(COLUMNS, [row(name)], title=name, footer=(name,))
    page = LexborHTMLParser(text(result, "html"))
    assert len(page.css("td")) == 4
    assert page.css("td")[1].text() == shown(name, lines=True)
    assert {node.tag for node in page.css("body *")} <= {"h1", "table", "tbody", "tr", "th", "td", "p"}
    line = text(Result(COLUMNS, [row(name)]), "md").splitlines()[2]
    assert len(re.findall(r"(?<!\\)\|", re.sub(r"\\\\", "", line))) == 5
    assert "\x1b" not in line
    assert not re.search(r"<(?!br>)", line)
