"""crm menu: every menu of the source document, each with a command that works (domain.md §3)."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.world import Crm

# As the source document has them.
PATHS = """
CRM & SRM
CRM & SRM/Configuration
CRM & SRM/Configuration/Cases
CRM & SRM/Configuration/Cases/Sections
CRM & SRM/Configuration/Cases/Categories
CRM & SRM/Configuration/Cases/Rules
CRM & SRM/All Cases
CRM & SRM/All Cases/Cases by section
CRM & SRM/All Cases/All Cases
CRM & SRM/All Cases/All Cases/Open Cases
CRM & SRM/All Cases/My cases
CRM & SRM/All Cases/My cases/My Open Cases
CRM & SRM/All Cases/Cases Histories
CRM & SRM/All Cases/Cases Histories/All Histories
CRM & SRM/All Cases/Cases Histories/My Histories
CRM & SRM/Configuration/Segmentations
CRM & SRM/Configuration/Segmentations/Segmentations
CRM & SRM/Configuration/Create menus for a case section
""".strip().splitlines()


def test_all_menus_are_there_and_each_command_works(crm: Crm, tmp_path: Path) -> None:
    db = str(tmp_path / "demo.db")
    assert crm("init", "--demo", db=db).exit == 0
    rows = crm("menu", "-o", "json", db=db).json()
    assert sorted(row["menu"] for row in rows) == sorted(PATHS)
    for row in rows:
        done = crm(*shlex.split(row["command"].replace("SECTION", "support"))[1:], db=db)
        assert done.exit == 0, row
        assert done.out, row


@pytest.mark.parametrize("form", ["table", "tsv", "csv", "json", "jsonl", "md", "html"])
def test_the_menus_are_told_without_a_database(crm: Crm, tmp_path: Path, form: str) -> None:
    done = crm("menu", "-o", form, db=str(tmp_path / "none.db"), user=None, now=None)
    assert (done.exit, done.err) == (0, "")
    assert "Open Cases" in done.out
