"""Results in every format."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from crmcli.errors import Usage
from crmcli.model import Column, Result
from crmcli.render import FORMATS, Look, render

NOW = "2026-03-02T09:00:00Z"
HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\u202eevil",
    "[/markup]",
    "[bold]",
    "a\tb\nc\\d",
    "\x9b2J",
    "\x7f",
    "=cmd()",
    "日本語",
]
COLUMNS = (
    Column("id", "int"),
    Column("name"),
    Column("user_id", "int"),
    Column("user"),
    Column("deadline_at", "time"),
    Column("planned_revenue", "money", "revenue", total=True),
    Column("active", "bool"),
)
ROWS = [
    {
        "id": 1,
        "name": "Pump",
        "user_id": 3,
        "user": "ann",
        "deadline_at": "2026-03-31T15:00:00Z",
        "planned_revenue": 120050,
        "active": 1,
    },
    {"id": 20, "name": "日本語", "user_id": None, "user": None, "deadline_at": None, "planned_revenue": None, "active": 0},
]
LIST = Result(COLUMNS, ROWS, shown=("id", "name", "user", "deadline_at", "planned_revenue"))


def shown(result: Result, form: str, **look: Any) -> str:
    return "".join(render(result, form, Look(**{"now": NOW, **look})))


def test_json_is_an_array_with_every_field_and_both_halves_of_a_link() -> None:
    first, second = json.loads(shown(LIST, "json"))
    assert list(first) == ["id", "name", "user_id", "user", "deadline_at", "planned_revenue", "active"]
    assert first == {
        "id": 1, "name": "Pump", "user_id": 3, "user": "ann", "deadline_at": "2026-03-31T15:00:00Z", "planned_revenue": 1200.5,
        "active": True,
    }  # fmt: skip
    assert second["user"] is second["user_id"] is second["deadline_at"] is second["planned_revenue"] is None
    assert second["active"] is False


def test_json_of_one_thing_is_an_object_and_of_nothing_an_empty_array() -> None:
    assert json.loads(shown(LIST._replace(one=True, rows=ROWS[:1]), "json"))["id"] == 1
    assert shown(LIST._replace(rows=[]), "json") == "[]\n"
    assert shown(LIST._replace(rows=[]), "jsonl") == ""


def test_jsonl_has_an_object_a_line() -> None:
    assert [json.loads(line)["id"] for line in shown(LIST, "jsonl").splitlines()] == [1, 20]


def test_json_nests_sections() -> None:
    section = Result((Column("id", "int"), Column("amount", "money")), [{"id": 5, "amount": 100}])
    whole = Result((Column("id", "int"), Column("amounts", "rows"), Column("log", "object")),
                   [{"id": 1, "amounts": section, "log": [{"at": NOW}]}], one=True)  # fmt: skip
    assert json.loads(shown(whole, "json")) == {"id": 1, "amounts": [{"id": 5, "amount": 1}], "log": [{"at": NOW}]}


def test_tsv_has_a_header_and_a_line_a_row_uncut() -> None:
    assert shown(LIST, "tsv", width=10) == (
        "id\tname\tuser\tdeadline_at\tplanned_revenue\n1\tPump\tann\t2026-03-31T15:00:00Z\t1200.50\n20\t日本語\t\t\t\n"
    )


def test_tsv_escapes_what_would_break_a_line() -> None:
    row = {"id": 1, "text": "a\tb\nc\\d"}
    assert shown(Result((Column("id", "int"), Column("text", "lines")), [row]), "tsv").splitlines()[1] == r"1	a\tb\nc\\d"


def test_tsv_of_one_thing_is_a_line_a_field_and_a_line_a_row_of_its_sections() -> None:
    section = Result((Column("id", "int"), Column("text", "lines")), [{"id": 5, "text": "hello\nthere"}])
    whole = Result((*COLUMNS[:2], Column("history", "rows")), [{"id": 1, "name": "Pump", "history": section}], one=True)
    assert shown(whole, "tsv") == "field\tvalue\nid\t1\nname\tPump\nhistory\t5\thello\\nthere\n"


def test_csv_reads_back_and_tames_formulas_unless_raw() -> None:
    result = Result(
        (Column("name"), Column("amount", "money")), [{"name": "=1+1", "amount": -500}, {"name": 'a,"b\nc', "amount": None}]
    )
    assert list(csv.reader(io.StringIO(shown(result, "csv")))) == [["name", "amount"], ["'=1+1", "-5.00"], ['a,"b\nc', ""]]
    assert "'=1+1" not in shown(result, "csv", raw=True)
    assert shown(result._replace(rows=[]), "csv") == "name,amount\n"


def test_ids_are_one_a_line() -> None:
    assert shown(LIST, "ids") == "1\n20\n"


def test_a_table_aligns_and_sums() -> None:
    assert shown(LIST, "table", zone="Europe/Berlin").splitlines() == [
        " id  name    user  deadline           revenue",
        "  1  Pump    ann   2026-03-31 17:00  1,200.50",
        " 20  日本語",
        "sum                                  1,200.50",
    ]


def test_a_table_says_what_it_leaves_out() -> None:
    assert shown(LIST._replace(more=7), "table").splitlines()[-1] == "and 7 more, not in the sums"
    assert shown(LIST._replace(more=7, shown=("id",), footer=("a note",)), "table").splitlines()[-2:] == ["and 7 more", "a note"]
    assert shown(LIST, "table", width=16).splitlines()[-1] == "no room for: deadline, revenue"


def test_a_list_of_nothing_is_no_table() -> None:
    assert shown(LIST._replace(rows=[]), "table") == ""


def test_marked_rows_are_red_and_never_by_colour_alone() -> None:
    rows = [{**row, "late": row["id"] == 20} for row in ROWS]
    result = LIST._replace(rows=rows, mark="late", shown=("id", "name"))
    assert shown(result, "table").splitlines() == ["   id  name", "    1  Pump", "!  20  日本語"]
    assert "\x1b[31m!  20  日本語\x1b[0m\n" in shown(result, "table", color=True)
    assert shown(result, "tsv") == "id\tname\n1\tPump\n20\t日本語\n"
    assert shown(result._replace(rows=rows[:1]), "table").splitlines() == ["id  name", " 1  Pump"]


def test_a_branch_of_a_tree_is_indented_in_a_table_and_whole_elsewhere() -> None:
    result = Result((Column("path", "path"),), [{"path": "Sales"}, {"path": "Sales / North"}])
    assert shown(result, "table") == "path\nSales\n  North\n"
    assert shown(result, "tsv") == "path\nSales\nSales / North\n"


def test_one_thing_is_names_and_values_with_its_sections_below() -> None:
    history = Result((Column("at", "time"), Column("text", "lines")), [{"at": NOW, "text": "hello\n\nthere"}], more=2)
    whole = Result(
        (*COLUMNS, Column("history", "rows"), Column("log", "rows")),
        [{**ROWS[0], "history": history, "log": LIST._replace(rows=[])}],
        title="Case 1",
        one=True,
    )
    assert shown(whole, "table") == (
        "Case 1\nid        1\nname      Pump\nuser      ann\ndeadline  2026-03-31 15:00\nrevenue   1,200.50\nactive    yes\n"
        "\nhistory\n2026-03-02 09:00\n  hello\n\n  there\nand 2 more\n"
    )


def test_long_texts_of_one_thing_are_wrapped_between_words() -> None:
    result = Result((Column("text", "lines"),), [{"text": "word " * 20 + "x" * 70}], one=True)
    lines = shown(result, "table", width=40).splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert lines[0] == "text  word word word word word word word"


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("one", [False, True])
def test_hostile_text_is_inert_in_every_format(form: str, one: bool) -> None:
    section = Result((Column("id", "int"), Column("text", "lines")), [{"id": 1, "text": text} for text in HOSTILE])
    rows = [{"id": 1, "name": text, "text": text, "part": section, "path": text} for text in HOSTILE]
    columns = (Column("id", "int"), Column("name"), Column("text", "lines"), Column("path", "path"))
    result = Result((*columns, Column("part", "rows")) if one else columns, rows, title=HOSTILE[0], one=one, footer=(HOSTILE[2],))
    text = shown(result, form, width=200)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    if form in ("json", "jsonl") and not one:
        assert [json.loads(line.rstrip(","))["name"] for line in text.splitlines() if line[0] == "{"] == HOSTILE
    if form == "table":
        assert "[/markup]" in text
        assert "[bold]" in text


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_the_numbers_are_the_same_in_every_format(form: str) -> None:
    text = shown(LIST._replace(rows=ROWS[:1]), form).replace(",", "")
    assert form == "ids" or "1200.5" in text


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(Usage):
        render(LIST, "svg", Look())


names = st.text(st.sampled_from("abcdefg 日本語éß👩\u0301\u200d[]/\\=\x1b\n\t\u202e"), max_size=60)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(1, 10**6),
            "name": names,
            "user_id": st.none(),
            "user": names | st.none(),
            "deadline_at": st.sampled_from([None, NOW, "2025-12-31T23:30:00Z"]),
            "planned_revenue": st.none() | st.integers(-(10**9), 10**9),
            "active": st.integers(0, 1),
        }
    ),
    max_size=6,
)


@given(rows, st.sampled_from([20, 40, 80, 200]))
def test_tables_fit_the_terminal_and_columns_stay_in_line(found: list[dict[str, Any]], width: int) -> None:
    lines = shown(LIST._replace(rows=found, shown=()), "table", width=width).splitlines()
    assert all(cell_len(line) <= width for line in lines if not line.startswith("no room"))
    if found:
        start = lines[0].index("id") + 2
        for line, row in zip(lines[1:], found, strict=False):
            assert line[:start].strip() == str(row["id"])


@given(rows)
def test_tsv_can_be_taken_apart_again(found: list[dict[str, Any]]) -> None:
    lines = shown(LIST._replace(rows=found), "tsv").split("\n")[:-1]
    assert [line.split("\t")[0] for line in lines] == ["id", *(str(row["id"]) for row in found)]
    assert {len(line.split("\t")) for line in lines} == {5}


@given(rows)
def test_json_loses_nothing(found: list[dict[str, Any]]) -> None:
    read = json.loads(shown(LIST._replace(rows=found), "json"))
    assert [row["name"] for row in read] == [row["name"] or None for row in found]


def test_tsv_and_ids_load_neither_rich_nor_json_nor_typer() -> None:
    program = (
        "import sys; from crmcli.render import render, Look; from crmcli.model import Column, Result\n"
        "result = Result((Column('id', 'int'),), [{'id': 1}])\n"
        "print(''.join([*render(result, 'tsv', Look()), *render(result, 'ids', Look())]))\n"
        "print(sorted({'rich', 'json', 'typer', 'csv', 'zoneinfo', 'dateutil', 'dataclasses'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_narrow_table_gives_way_step_by_step() -> None:
    columns = (Column("id", "int"), Column("name"), Column("ref"), Column("deadline_at", "time"), Column("state", "choice"))
    row = {
        "id": 1,
        "name": "A long name of a case that goes on",
        "ref": None,
        "deadline_at": "2026-03-31T15:00:00Z",
        "state": "open",
    }
    result = Result(columns, [row])
    assert [shown(result, "table", width=width).splitlines() for width in (80, 60, 40, 28, 14)] == [
        [
            "id  name                                ref  deadline          state",
            " 1  A long name of a case that goes on       2026-03-31 15:00  open",
        ],
        [
            "id  name                        ref  deadline          state",
            " 1  A long name of a case tha…       2026-03-31 15:00  open",
        ],
        ["id  name               deadline    state", " 1  A long name of a…  2026-03-31  open"],
        ["id name          due   state", " 1 A long name … 03-31 open"],
        ["id name", " 1 A long nam…", "no room for: deadline, state"],
    ]
