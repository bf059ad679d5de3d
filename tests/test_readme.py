"""The README's and the help pages' console blocks do what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import console

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "crmcli" / "help").glob("*.md"))]
BLOCKS = [
    pytest.param(steps, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, steps in enumerate(console.blocks(page.read_text()))
]


@pytest.mark.parametrize("steps", BLOCKS)
def test_a_console_block_prints_what_it_shows(steps: list[console.Step], tmp_path: Path) -> None:
    """Every command of a block, in order, in one empty folder."""
    for step in steps:
        printed = console.run(step.command, tmp_path)
        assert console.matches(step.expected, printed), f"$ {step.command}\n{printed}"


def test_the_readme_has_the_two_commands_that_do_everything() -> None:
    """From a fresh clone: the demo, and the tests; CI runs the second to the letter."""
    readme = (ROOT / "README.md").read_text()
    tests = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q"
    assert "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/crm demo" in readme
    assert tests in readme
    assert tests in (ROOT / ".ci" / "run").read_text()
