"""The program: a command line in, an exit code out. The only place that catches everything and knows sys.exit."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from itertools import pairwise

from crmcli import hot
from crmcli.errors import Busy, CrmError
from crmcli.tuples import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

INTERRUPTED = 130
BUG = 70


def main(argv: list[str] | None = None) -> int:
    """Run one command line → its exit code (cli.md §2); errors are told on standard error, once."""
    if argv is None:
        _process(sys.argv[1:])
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_output()
        return 0
    except KeyboardInterrupt:
        return _deferred(Busy("interrupted")) if hot.first_word(argv) == "ingest" else INTERRUPTED
    except Exception as error:
        return _told(error, argv)


def _process(argv: list[str]) -> NoReturn:
    """The command line of a process of its own, which ends here: the interpreter's tidying would cost 2 ms a run.

    Nearly all runs are over before there is garbage worth looking for.
    """
    gc.set_threshold(100_000)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started it closed that one, as some mail servers do
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    code = main(argv)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(code)


def _run(argv: list[str]) -> int:
    found = hot.match(argv)
    if found is None:
        from crmcli.cli import root

        return root.run(argv)
    from crmcli.cli.session import Globals, Session

    session = Session(Globals(**found.given), " ".join(["crm", *argv]))  # type: ignore[arg-type]
    if found.words == ("ingest",):
        from crmcli.cli import pipe

        return pipe.run(session, pipe.Request(**found.options))  # type: ignore[arg-type]
    if found.words == ("run-rules",):
        from crmcli.cli import cron

        return cron.run(session)
    from crmcli.cli import lists

    limit = found.options.pop("limit", None)
    return lists.cases(session, (), lists.Asked(**found.options, limit=None if limit is None else int(limit)))  # type: ignore[arg-type]


def _told(error: Exception, argv: list[str]) -> int:
    """Say what went wrong, as a sentence or as JSON → the exit code."""
    known = error if isinstance(error, CrmError) else _explained(error)
    piped = hot.first_word(argv) == "ingest"
    if os.environ.get("CRM_DEBUG") or not (known or piped):
        import traceback

        traceback.print_exc()
    if piped:
        return _deferred(known or CrmError("a bug in crm"))
    if known is None:
        sys.stderr.write("crm: this is a bug; please report it with the lines above\n")
        return BUG
    from crmcli.text import shown

    message, hint = shown(known.message), shown(known.hint)  # they may repeat what somebody else has written
    if _wants_json(argv):
        import json

        told = {"kind": known.kind, "message": message, "hint": hint, "exit": known.exit}
        sys.stderr.write(json.dumps({"error": told}, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"crm: {message}{f' ({hint})' if hint else ''}\n")
    return known.exit


def _deferred(error: CrmError) -> int:
    """Tell the mail server that the mail was not taken → the exit code."""
    from crmcli.mail import answer

    sys.stderr.write(answer.line(error) + "\n")
    return answer.code(error)


def _explained(error: Exception) -> CrmError | None:
    """What an error of the system means to the user; None where it is a bug."""
    from crmcli import trouble

    return trouble.explained(error)


def _wants_json(argv: list[str]) -> bool:
    given = [value for option, value in pairwise(argv) if option in ("-o", "--output")]
    given += [token.partition("=")[2] for token in argv if token.startswith("--output=")]
    return bool(given) and given[-1] in ("json", "jsonl")


def _drop_output() -> None:
    """Whoever read us has gone: let the interpreter's last flush go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
