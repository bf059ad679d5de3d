"""The house in code: which room may import which (architecture.md §1), and what the hot road loads (§3)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import crmcli

ROOT = Path(crmcli.__file__).parent

# Floor → its rooms; a name with a dot at the end covers all modules of that folder. The longest match counts.
FLOORS = {
    7: ("__main__", "hot", "cli."),
    6: (
        "mail.ingest", "mail.effects", "mail.facts", "mail.returned", "mail.bulk", "mail.send", "mail.smtp", "mail.transport",
        "rules.run", "segments.run", "reports.", "transfer.", "demo_data", "partner_merge", "past", "undo",
        "mail.lmtp", "mail.intake", "mail.group", "mail.ahead", "mail.triage", "mail.again", "mail.obey", "mail.trial", "web.", "backup", "restore", "replay", "verify", "doctor.", "sql",
    ),
    5: ("execute",),
    4: ("rules.react", "rules.due", "notify"),
    3: (
        "addresses", "case_list", "case_log", "case_values", "cases", "changes", "deliveries", "events", "files", "find", "mail_list",
        "mail_limits", "messages", "outbox", "pages", "menu", "partners", "recipients", "record_list", "records", "seeds", "status", "views",
        "canned", "form", "search", "history_list", "outbox_list", "settings", "rules.", "segments.", "filters.",
    ),
    2: ("db", "readonly", "journal", "migrations.", "workflow", "mail.", "render."),
    1: ("checks", "clock", "config", "dates", "digest", "errors", "fields", "literals", "origin", "model", "resources", "rules.delay", "text", "tuples",
        "trouble", "turns", "values", "zones"),
    0: ("",),
}  # fmt: skip

# Rooms that know nothing of databases, clocks, files and environments.
PURE = ("checks", "model", "errors", "text", "fields", "values", "workflow", "render.",
        "filters.grammar", "filters.tree", "filters.sql", "filters.words", "mail.incoming", "mail.parse", "mail.address", "mail.body",
        "mail.bounce", "mail.decode", "mail.html", "mail.marks", "mail.mime", "mail.phrases", "mail.tags", "mail.words",
        "mail.decide", "mail.envelope", "mail.classify", "mail.thread", "mail.compose", "mail.sign", "segments.mood", "rules.body",
        "mail.senders", "mail.undelivered", "mail.commands", "filters.excerpt")  # fmt: skip
IMPURE = (
    "sqlite3",
    "time",
    "os",
    "subprocess",
    "socket",
    "pathlib",
    "tempfile",
    "fcntl",
    "crmcli.db",
    "crmcli.clock",
    "crmcli.config",
)

HEAVY = ("typer", "rich", "click", "pydantic", "sqlite_utils", "jinja2", "dateutil.parser", "json", "argparse", "dataclasses",
         "selectolax", "chardet", "smtplib", "subprocess", "email.header", "email.parser", "email.utils", "socket", "urllib.parse")  # fmt: skip


def modules() -> dict[str, Path]:
    """Every module of the program by its name below crmcli."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix("__init__").rstrip(".")] = path
    return found


def floor(module: str) -> int:
    """The floor of a module by the longest name in the table that covers it."""
    best = (-1, -1)
    for number, rooms in FLOORS.items():
        for room in rooms:
            covers = module == room or (room.endswith(".") and (module + ".").startswith(room))
            if covers and len(room) > best[0]:
                best = (len(room), number)
    assert best[0] >= 0, f"{module} stands on no floor: give it one in this table"
    return best[1]


def imported(path: Path, module: str, top_only: bool = False) -> set[str]:
    """The modules that a file imports, anywhere in it but under TYPE_CHECKING."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    nodes = tree.body if top_only else list(ast.walk(tree))
    skipped = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
               for inner in ast.walk(node)}  # fmt: skip
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def ours(names: set[str]) -> set[str]:
    """Of imported names those that are modules of the program; a folder that imports nothing itself is only a name."""
    known = {module: path for module, path in modules().items() if path.name != "__init__.py" or imported(path, module)}
    return {
        name.removeprefix("crmcli.") for name in names if name.startswith("crmcli.") and name.removeprefix("crmcli.") in known
    }


def test_imports_only_run_downwards() -> None:
    """A room imports from its own floor or below, never from above."""
    upwards = [
        f"{module} ({floor(module)}) imports {other} ({floor(other)})"
        for module, path in modules().items()
        if module
        for other in ours(imported(path, module))
        if floor(other) > floor(module)
    ]
    assert upwards == []


def test_there_are_no_circles_of_imports() -> None:
    """No module reaches itself again through its imports."""
    graph = {module: ours(imported(path, module)) - {module} for module, path in modules().items() if module}
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join([*way, module])
        if module not in done:
            for other in graph[module]:
                if not module.startswith(other + "."):
                    walk(other, (*way, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_pure_rooms_import_nothing_that_has_effects() -> None:
    """The rooms that decide know no database, clock, file or environment."""
    found = [
        f"{module} imports {name}"
        for module, path in modules().items()
        if any(module == room or (room.endswith(".") and (module + ".").startswith(room)) for room in PURE)
        for name in imported(path, module)
        if name in IMPURE
    ]
    assert found == []


def test_only_the_journal_undo_and_transfer_write_beside_the_road() -> None:
    """Rows of cases are written by cases.py and case_log.py alone, and those are called by execute alone."""
    allowed = {"cases", "case_log", "journal", "undo", "migrations"}
    writers = []
    for module, path in modules().items():
        text = " ".join(path.read_text().split()).lower()
        for table in ("cases", "case_log", "case_history", "case_spans", "case_links"):
            if any(
                f"{verb} {table}{end}" in text for verb in ("insert into", "update", "delete from") for end in (" ", "(", '"')
            ):
                writers.append(module)
    assert set(writers) <= allowed


def test_what_writes_cases_is_called_by_execute_and_import_alone() -> None:
    """The functions that take a transaction; what only reads takes a connection, and is anybody's."""
    rooms = ("cases", "case_log")
    writing = {
        f"{room}.{node.name}"
        for room in rooms
        for node in ast.parse(modules()[room].read_text()).body
        if isinstance(node, ast.FunctionDef) and node.args.args[0].arg == "tx"
    }
    assert {"cases.insert", "cases.change", "case_log.log", "case_log.reword"} <= writing
    callers = {
        (module, f"{call.value.id}.{call.attr}")
        for module, path in modules().items()
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and f"{call.value.id}.{call.attr}" in writing
    }
    assert {module for module, _ in callers} == {"execute", "transfer.cases"}


def test_the_visible_top_level_is_the_one_agreed() -> None:
    """Six names are visible at the top of a checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT.parent, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed.stdout.split()}
    assert {name for name in top if not name.startswith(".")} == {
        "crmcli", "templates", "schema.sql", "tests", "pyproject.toml", "README.md",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("road", "more"), [("ingest", ("crmcli.fields",)), ("run-rules", ("re", "enum")), ("case list", ())]
)  # fmt: skip
def test_the_hot_road_loads_nothing_heavy(road: str, more: tuple[str, ...], db_path: str) -> None:
    """A plain hot command runs to its end without what costs start-up time: heavy packages, and more of its own."""
    mail = b"From: joe@acme.example\nTo: support@us.example\nSubject: Pump\nMessage-ID: <1@acme.example>\n\nIt broke.\n"
    code = (
        "import sys; from crmcli.__main__ import main; code = main(sys.argv[1:]);"
        f"loaded = sorted(set({HEAVY + more!r}) & set(sys.modules)); sys.exit(f'{{code}} {{loaded}}' if code or loaded else 0)"
    )
    argv = [sys.executable, "-c", code, *road.split(), "--db", db_path, "--as", "ann"]
    done = subprocess.run(argv, input=mail, capture_output=True, cwd=ROOT.parent, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
