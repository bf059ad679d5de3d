"""The import of a file: every line taken or refused with its reason, all in one transaction (cli.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from crmcli.db import Tx
from crmcli.errors import CrmError, NotFound, Usage
from crmcli.execute import execute
from crmcli.fields import COMMANDS, NOUNS
from crmcli.find import nearest
from crmcli.model import Arrive
from crmcli.transfer import cases, things
from crmcli.transfer.entries import Entry, entries
from crmcli.transfer.line import Line
from crmcli.transfer.settle import settle
from crmcli.transfer.work import DONE, Options, Work
from crmcli.tuples import NamedTuple
from crmcli.values import Moment

REFUSALS = (1, 2, 3, 4)
"""Exit codes of errors that are the line's own; any other ends the import."""

# Nouns that link to themselves: what a line needs may stand further down.
LINKED_TO_THEMSELVES = tuple(noun.name for noun in NOUNS.values() if any(field.link == noun.name for field in noun.fields))


class Refused(NamedTuple):
    """A line that was not taken, and why."""

    line: int
    reason: str


class Report(NamedTuple):
    """What an import came to: how many lines made, changed, found the same or were left out by the mode, and those refused."""

    counts: dict[str, int]
    refused: list[Refused]
    left: dict[str, None]

    @property
    def taken(self) -> int:
        """How many lines were not refused."""
        return sum(self.counts.values())


def kind(word: str) -> str:
    """The noun that a word of the command line means, also ``partner category``; Usage with the nearest."""
    spelled = {command: noun for noun, command in COMMANDS.items()}
    name = word.strip().lower().replace("-", " ")
    found = spelled.get(name, name.replace(" ", "_"))
    if found not in NOUNS:
        near = nearest(name, iter(NOUNS))
        hint = f"nearest: {', '.join(near)}" if near else f"one of: {', '.join(NOUNS)}"
        raise Usage(f"{word} cannot be imported or exported", hint=hint)
    return found


def load(tx: Tx, noun: str, lines: Iterable[Line], renamed: Mapping[str, str], options: Options, moment: Moment) -> Report:
    """Take the lines of a file for a noun; a line is taken whole or refused. Renamed is their column → our field."""
    work, report = Work(tx, noun, options, moment), Report(dict.fromkeys(DONE, 0), [], {})
    take = cases.take if noun == "case" else things.take
    waiting: list[Entry] = []
    for entry in entries(lines, noun, renamed, report.left):
        error = _try(work, take, entry, report)
        if isinstance(error, NotFound) and noun in LINKED_TO_THEMSELVES:
            waiting.append(entry)
        elif error:
            report.refused.append(Refused(entry.number, _reason(error)))
    _again(work, take, waiting, report)
    report.refused.sort()
    _after(work)
    return report


def _try(work: Work, take: Callable[[Work, Entry], str], entry: Entry, report: Report) -> CrmError | None:
    """Take one line, and count it; the error where it is refused."""
    if entry.fault:
        return CrmError(entry.fault)
    try:
        with work.tx.savepoint():
            done = take(work, entry)
    except CrmError as error:
        if error.exit not in REFUSALS:
            raise
        work.links.forget()
        return error
    work.links.settle()
    report.counts[done] += 1
    return None


def _again(work: Work, take: Callable[[Work, Entry], str], waiting: list[Entry], report: Report) -> None:
    """Try lines that named what was not there yet, as long as that helps."""
    while waiting:
        errors = [(entry, _try(work, take, entry, report)) for entry in waiting]
        left = [(entry, error) for entry, error in errors if error]
        if len(left) == len(waiting):
            report.refused.extend(Refused(entry.number, _reason(error)) for entry, error in left)
            return
        waiting = [entry for entry, _ in left]


def _reason(error: CrmError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _after(work: Work) -> None:
    """Let the rules answer to the new cases where that is wanted, else spare them what has fallen due."""
    if work.options.run_rules:
        for case_id in work.new_cases:
            execute(work.tx, Arrive(case_id))
    elif work.new_cases:
        settle(work.tx)
