"""One run of the program: its options, its database opened when first needed, its moment, and who acts."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crmcli import clock, config, db
from crmcli.cli import surroundings
from crmcli.errors import CrmError, Partly, Usage
from crmcli.origin import Origin
from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import typer

    from crmcli.model import Result

FORMATS = ("table", "tsv", "csv", "json", "jsonl", "md", "html", "ids")
PLAIN = ("", "table", "tsv", "ids")
"""The formats in which a command that writes prints ids."""


class Globals(NamedTuple):
    """The options that every command takes (cli.md §1)."""

    db: str | None = None
    user: str | None = None
    now: str | None = None
    tz: str | None = None
    config: str | None = None
    output: str | None = None
    reason: str | None = None
    as_of: str | None = None
    dry_run: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False


class Session:
    """What a command needs of the world around it; made once, from the global options and the environment."""

    def __init__(self, given: Globals, command: str) -> None:
        self.given = given
        self.command = command
        self.environ = os.environ
        self.step: int | None = None
        self.settings = config.read(self.environ, given._asdict() | {"output": given.output})
        self._conn: sqlite3.Connection | None = None
        self._present: sqlite3.Connection | None = None  # beside --as-of: who acts is who is here now
        self._now = ""
        self._waiting: list[str] = []  # what to print after the commit
        self._told: list[Result] | None = None  # the things done, of several, to be shown as one list

    @property
    def path(self) -> str:
        """Where the database is, as an absolute path where the folder we are in can be told."""
        given = self.settings["db"].value
        try:
            return os.path.abspath(given)
        except OSError:
            return given

    @property
    def conn(self) -> sqlite3.Connection:
        """The database, opened when first asked for."""
        if self._conn is None:
            self._conn = db.connect(self.path)
            if self.given.as_of:
                self._conn = self._past(self._conn, self.given.as_of)
        return self._conn

    def _past(self, conn: sqlite3.Connection, given: str) -> sqlite3.Connection:
        """The database as it was at --as-of (a day: its end), which is then the present of this run."""
        from crmcli import dates, past

        self._present = conn
        self._now = dates.last_moment(given, self.now, self.zone)
        return past.as_of(conn, self._now)

    @property
    def now(self) -> str:
        """The moment of this run, UTC text: the clock's, or what --now says; +2d counts from CRM_NOW where that is set.

        With --as-of it is that moment, whichever is asked for first, the time or the database.
        """
        if self.given.as_of and self._conn is None:
            self._conn = self.conn
        if not self._now:
            self._now = clock.now()
            for given in dict.fromkeys((self.environ.get("CRM_NOW"), self.settings["now"].value)):
                if given:
                    from crmcli import dates

                    self._now = dates.moment(given, self._now, self.zone)
        return self._now

    @property
    def zone(self) -> str:
        """The zone in which times are shown and read: --tz, TZ, else the site's."""
        from crmcli import settings

        given = self.settings["tz"].value.lstrip(":")
        return given or settings.get(self.conn, "zone")

    @property
    def output(self) -> str:
        """The format of results: as asked for, else a table on a terminal and tsv in a pipe."""
        given = self.settings["output"].value
        if given and given not in FORMATS:
            raise Usage(f"no output format {given}", hint=f"one of: {', '.join(FORMATS)}")
        return given or ("table" if sys.stdout.isatty() else "tsv")

    @property
    def color(self) -> bool:
        """Whether standard output gets colour; --no-color switches it off."""
        return not self.given.no_color and surroundings.colored(self.environ)

    @property
    def width(self) -> int:
        """The columns of the terminal, or COLUMNS."""
        return surroundings.width(self.environ)

    @property
    def login(self) -> str:
        """The login to act under: --as, CRM_USER, else the system's."""
        return self.settings["user"].value or surroundings.login()

    @property
    def user_id(self) -> int | None:
        """The acting user's id; None where the system's login is no user here, NotFound where one was named."""
        opened = self.conn
        conn = self._present or opened
        if self.settings["user"].value:
            from crmcli import find

            return find.one(conn, "user", self.login)
        row = conn.execute("SELECT id FROM users WHERE login = ? AND active = 1", (self.login,)).fetchone()
        return row[0] if row else None

    def origin(self, source: str = "cli") -> Origin:
        """What a write of this command is kept under in the journal; Usage where the past is being read."""
        given = self.given
        if given.as_of:
            raise Usage("the past cannot be changed", hint="leave --as-of out")
        return Origin(self.now, self.user_id, source, self.command, given.reason, self.step, given.dry_run)

    @contextmanager
    def write(self, source: str = "cli") -> Iterator[db.Tx]:
        """The one write, in this command's step of the journal; what `done` was told is shown after the commit."""
        from crmcli.rules import due

        origin = self.origin(source)
        self._waiting = []
        rehearsed: list[str] = []
        with db.write(self.conn, origin) as tx:
            yield tx
            due.refresh(tx)
            if origin.dry_run:
                rehearsed = self._rehearsed(tx)
        if not origin.dry_run:
            self.step = self.step or tx.step
        for text in self._waiting:
            sys.stdout.write(text)
        for text in rehearsed:
            self.say(text)

    def _rehearsed(self, tx: db.Tx) -> list[str]:
        """What a dry run would change, a line a row, in the order it would happen."""
        from crmcli import changes

        found = list(changes.read(tx.conn, changes.Wanted(change_set_id=tx.change_set_id)))
        lines = [f"  {text}" for text in changes.sentences(reversed(found))]
        return ["nothing was written; these would be the changes:", *lines] if lines else ["nothing would change"]

    def each(self, ids: list[int], act: Callable[[db.Tx, int], None]) -> None:
        """Do something to each of several things, each in a transaction of its own, all in one step.

        One alone raises its own error; of several, those refused are listed and the rest is done (exit 9).
        """
        self.each_made_ready(ids, lambda one: lambda tx: act(tx, one))

    def each_made_ready(self, ids: list[int], ready: Callable[[int], Callable[[db.Tx], None]]) -> None:
        """The same, where there is work to do before the transaction begins, which gives what is to be done in it."""
        if len(ids) == 1:
            act = ready(ids[0])
            with self.write() as tx:
                act(tx)
            return
        refused: list[str] = []
        told: list[Result] = []
        for one in ids:
            self._told = []
            try:
                act = ready(one)
                with self.write() as tx:
                    act(tx)
                told += self._told
            except CrmError as error:
                if error.exit not in (1, 3):
                    raise
                refused.append(f"{error.message} ({error.hint})" if error.hint else error.message)
        self._told = None
        if told:
            self.show(told[0]._replace(one=False, rows=[row for result in told for row in result.rows]))
        if refused:
            kind = Partly if len(refused) < len(ids) else CrmError
            raise kind(f"{len(refused)} of {len(ids)} refused: " + "; ".join(refused))

    def show(self, result: Result, raw: bool = False, zone: str = "") -> bool:
        """Write a result to standard output in the format asked for; the zone is the reader's unless one is given.

        False where that is nothing at all: a table without rows, of which a person at a terminal is told.
        """
        from crmcli import render

        look = render.Look(self.width, self.color, zone or self.zone, self.now, raw)
        anything = False
        for piece in render.render(result, self.output, look):
            self._print(piece)
            anything = True
        if not anything and self.output == "table" and sys.stdout.isatty():
            self.say("nothing found")
        return anything

    def done(self, noun: str, ids: list[int]) -> None:
        """Tell what was made or changed, after the commit: the ids, or with -o json (csv, …) the things themselves."""
        if self.given.quiet:
            return
        if not self.wants_object:
            self._print("".join(f"{number}\n" for number in ids))
            return
        from crmcli import case_list, record_list

        result = case_list.result(self.conn, ids) if noun == "case" else record_list.result(self.conn, noun, ids)
        self.tell(result._replace(one=len(ids) == 1))

    def tell(self, result: Result) -> None:
        """Show a thing that was made or changed, after the commit; of several all are shown in the end, as one list."""
        if self._told is None:
            self.show(result)
        else:
            self._told.append(result._replace(rows=list(result.rows)))

    def _print(self, text: str) -> None:
        """Write to standard output, after the commit of what is being written to the database."""
        if self._conn is not None and self._conn.in_transaction:
            self._waiting.append(text)
        else:
            sys.stdout.write(text)

    def write_bytes(self, content: bytes) -> None:
        """Bytes to standard output, as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(content)

    @property
    def wants_object(self) -> bool:
        """Whether a command that writes shows the thing itself, not only its id."""
        return self.settings["output"].value not in PLAIN and not self.given.quiet

    @property
    def on_terminal(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Tell the person something that is no data: on standard error, not with -q; what it repeats of others is inert."""
        from crmcli.text import shown  # loads re, which a quiet run of cron does without

        if not self.given.quiet:
            sys.stderr.write(shown(text, lines=True) + "\n")

    def confirm(self, question: str) -> None:
        """Ask before something wide; without a terminal it takes --yes."""
        if self.given.yes or self.given.dry_run:
            return
        if not self.on_terminal:
            raise Usage(f"{question.rstrip('?')} needs --yes without a terminal", hint="add -y, or try it with -n")
        from crmcli.text import shown

        sys.stderr.write(f"{shown(question)} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Usage("nothing was done")

    def read(self) -> bytes:
        """Standard input to its end."""
        return sys.stdin.buffer.read()


def session(ctx: typer.Context) -> Session:
    """The session of the command being run."""
    made: Session = ctx.obj()
    return made
