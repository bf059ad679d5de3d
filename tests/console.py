"""Console blocks of README and help pages, run: ``$ command`` lines with the output that must follow.

``...`` alone on a line of expected output stands for any lines, inside a line for any text. A block runs in
bash, in an empty folder, with crm on PATH and a settled clock and user.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A command and what it must print."""

    command: str
    expected: str


def blocks(page: str) -> list[list[Step]]:
    """The console blocks of a page, each a list of steps."""
    return [steps(found) for found in BLOCK.findall(page)]


def steps(block: str) -> list[Step]:
    """The steps of one block; a command goes on while its lines end with a backslash or stand behind ``> ``."""
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], ""))
        elif line.startswith("> ") and not found[-1].expected:
            found[-1] = Step(found[-1].command + "\n" + line[2:], "")
        else:
            found[-1] = found[-1]._replace(expected=found[-1].expected + line.rstrip() + "\n")
    return found


def environment(folder: Path) -> dict[str, str]:
    """The settled world that blocks run in."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        "PATH": path, "HOME": str(folder), "CRM_DB": str(folder / "crm.db"), "CRM_USER": "ann",
        "CRM_NOW": "2026-03-02T09:00:00Z", "TZ": "UTC", "COLUMNS": "80", "LANG": "C.UTF-8",
    }  # fmt: skip


def run(command: str, folder: Path) -> str:
    """What a command prints, standard error after standard output."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=120
    )
    return "".join(line.rstrip() + "\n" for line in (done.stdout + done.stderr).splitlines())


def matches(expected: str, printed: str) -> bool:
    """Whether printed is what was expected, ``...`` standing for anything."""
    pattern = re.escape(expected).replace(re.escape("...\n"), r"(?:.*\n)*?").replace(re.escape("..."), ".*?")
    return re.fullmatch(pattern, printed) is not None
