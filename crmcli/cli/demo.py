"""crm demo: the whole story in a database of its own, by the same commands that a person types."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from typing import Annotated, Any

import typer

from crmcli import resources
from crmcli.cli.session import session
from crmcli.errors import CrmError

app = typer.Typer()

MORNING = "2026-03-02T09:00:00Z"
NOON = "2026-03-02T12:20:00Z"
LATER = "2026-03-05"


@app.command()
def demo(
    ctx: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Only the mails, no reports.")] = False,
) -> None:
    """Show a mail becoming a thanked, routed case, its answer finding it, and the rules acting on what is late.

    Example: crm demo
    """
    s = session(ctx)
    with tempfile.TemporaryDirectory(prefix="crm-demo-") as folder:
        stage = Stage(folder, sys.stdout.isatty(), str(s.width))
        _mails(stage)
        _rules(stage)
        if not quick:
            _reports(stage)
    sys.stdout.write("\nYour own: crm init --email you@your.example   Then: crm --help, crm help mail\n")


class Stage:
    """Where the demo plays: a folder of its own, in which each command runs as a process and shows itself."""

    def __init__(self, folder: str, colored: bool, width: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
        where = {
            "CRM_DB": os.path.join(folder, "crm.db"),
            "CRM_USER": "ann",
            "CRM_OUTPUT": "table",
            "XDG_CONFIG_HOME": folder,
            "TZ": "UTC",
        }
        self.environ = {**kept, **where, "COLUMNS": width, "PYTHONPATH": os.path.dirname(resources.PACKAGE)}
        self.folder = folder
        self.bold, self.plain = ("\x1b[1m", "\x1b[0m") if colored else ("", "")
        if colored:
            self.environ["FORCE_COLOR"] = "1"

    def tell(self, text: str) -> None:
        """A line of the story."""
        sys.stdout.write(f"\n{self.bold}{text}{self.plain}\n")
        sys.stdout.flush()

    def show(self, *argv: str, stdin: bytes | None = None, file: str = "") -> None:
        """Run a command and show it with its output."""
        words = shlex.join(["crm", *argv])
        sys.stdout.write(f"$ {words}{' < ' + file if file else ''}\n")
        sys.stdout.write(self.run(*argv, stdin=stdin))
        sys.stdout.flush()

    def run(self, *argv: str, stdin: bytes | None = None) -> str:
        """Run a command → its output; a failure ends the demo."""
        command = [sys.executable, "-m", "crmcli", *argv]
        done = subprocess.run(command, input=stdin or b"", capture_output=True, env=self.environ, check=False)
        if done.returncode:
            raise CrmError(f"the demo stopped at: crm {shlex.join(argv)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def json(self, *argv: str) -> Any:
        """What a command gives as JSON."""
        return json.loads(self.run(*argv, "-o", "json"))


def _mails(stage: Stage) -> None:
    stage.run("--now", MORNING, "init", "--demo")
    stage.run("config", "set", "transport", f"maildir:{stage.folder}/sent")
    stage.tell("1. Maria writes to support@us.example. The mail server pipes her mail into crm.")
    sys.stdout.write("   From: Maria Ølsen   Subject: Pumpe 3 står stille – hva nå?   with a file\n")
    request = resources.read("demo", "request.eml").encode()
    stage.show("--now", MORNING, "ingest", stdin=request, file="request.eml")
    case = stage.json("case", "list", "state:draft", "email_from:maria.olsen@nordlys.example")[0]
    number = str(case["id"])
    stage.tell("2. A case is there, she is thanked, and the responsible has her mail.")
    stage.show("case", "list", f"id:{number}", "--columns", "id,name,state,section,user,email_from")
    stage.show("mail", "outbox", "list", "--columns", "id,kind,recipient,subject,state")
    thanks = next(mail for mail in stage.json("mail", "outbox", "list") if mail["kind"] == "thanks")
    filled = {"case_id": number, "message_id": thanks["message_id"], "reply_to": "support@us.example"}
    stage.tell("3. She answers the thank-you; then her absence notice comes. Both find the case.")
    for name in ("answer.eml", "vacation.eml"):
        mail = resources.read("demo", name)
        for word, value in filled.items():
            mail = mail.replace("{" + word + "}", value)
        stage.show("--now", NOON, "ingest", stdin=mail.encode(), file=name)
    stage.show("--now", NOON, "case", "show", number)


def _rules(stage: Stage) -> None:
    stage.tell("4. Three days later cron runs the rules: who waits too long gets to a desk.")
    stage.show("rule", "list", "--columns", "id,name,when,then")
    stage.show("--now", LATER, "run-rules", "-v")
    stage.show("--now", LATER, "mail", "outbox", "list", "--columns", "id,kind,recipient,subject,state")
    stage.show("--now", LATER, "case", "list", "+open")


def _reports(stage: Stage) -> None:
    stage.tell("5. The same run put partners into categories by what they buy and how they feel.")
    stage.show("--now", LATER, "segment", "list", "--columns", "id,name,category,exclusive,run_at")
    stage.show("--now", LATER, "segment", "members", "Gold")
    stage.tell("6. What the open opportunities are worth.")
    stage.show("--now", LATER, "report", "opportunities", "--by", "section")
    stage.tell("Nothing was written outside a temporary folder, and it is gone now.")
