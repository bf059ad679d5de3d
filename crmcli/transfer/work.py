"""One import under way: what all its lines share, and how the texts of a line become values."""

from __future__ import annotations

from crmcli.db import Tx
from crmcli.errors import Refused, Usage
from crmcli.fields import NOUNS
from crmcli.model import Row
from crmcli.transfer import columns
from crmcli.transfer.entries import Entry
from crmcli.transfer.links import Links
from crmcli.transfer.match import Match
from crmcli.tuples import NamedTuple
from crmcli.values import Moment, parse

MODES = ("both", "create", "update")
DONE = ("made", "changed", "same", "left")
NOT_VALUES = ("words",)
LONG_SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = ?"
KEPT_TIMES = 5000


class Options(NamedTuple):
    """How an import is to be done: how rows are told (--match), which lines count (--mode), and what may be made."""

    match: str = ""
    mode: str = "both"
    make: bool = False
    run_rules: bool = False


class Work:
    """What the lines of one import share: the transaction, the links and matches found so far, and the times read."""

    def __init__(self, tx: Tx, noun: str, options: Options, moment: Moment) -> None:
        if options.mode not in MODES:
            raise Usage(f"no mode {options.mode}", hint=f"one of: {', '.join(MODES)}")
        self.tx, self.noun, self.options, self.moment = tx, NOUNS[noun], options, moment
        self.links = Links(tx, options.make)
        self.match = Match(tx, noun, options.match)
        self.contacts: set[int] = set()
        self.new_cases: list[int] = []
        row = tx.run(LONG_SEQUENCE, (self.noun.table,)).fetchone()
        self.used = row[0] if row else 0
        self._times: dict[tuple[str, str], object] = {}

    def values(self, entry: Entry) -> Row:
        """The stored values of an entry by column, None for what is empty; Usage or NotFound says what cannot be."""
        own = _parted(entry.own) if self.noun.tree else entry.own
        found: Row = {}
        for name, text in own.items():
            field = columns.importable(self.noun.name)[name]
            if field.kind == "link":
                owner_id = found.get("partner_id") if field.link == "contact" else None
                found[name] = self.links.one(field.link, text, entry.numbers.get(name, ""), owner_id)
            elif field.kind == "delay":
                found |= _delay(text, own.get("delay_unit", ""), self.moment)
            elif field.kind not in NOT_VALUES and name != "delay_unit":
                found[name] = self.parsed(self.noun.name, name, text)
        return found

    def parsed(self, noun: str, name: str, text: str) -> object:
        """The stored value of a field that is no link; times are read once."""
        field = columns.importable(noun)[name]
        if field.kind == "addresses":
            text = text.replace("\n", ",")
        if field.kind != "time":
            return parse(field, text, self.moment)
        if (name, text) not in self._times:
            if len(self._times) > KEPT_TIMES:
                self._times.clear()
            self._times[name, text] = parse(field, text, self.moment)
        return self._times[name, text]

    def own_id(self, values: Row) -> Row:
        """The id that a new row keeps from the file: one that no row here ever had; {} where there is none such."""
        number = values.get("id")
        if number is None or number <= self.used or number >= 2**53:
            return {}
        taken = self.tx.run(f"SELECT 1 FROM {self.noun.table} WHERE id = ?", (number,)).fetchone()
        return {} if taken else {"id": number}

    def takes(self, there: bool) -> bool:
        """Whether --mode lets a line count, by whether its row is here already."""
        return self.options.mode != ("create" if there else "update")


def _parted(own: dict[str, str]) -> dict[str, str]:
    """The name and the parent of something in a tree, from its path where the file gives no name."""
    if not own.get("path") or own.get("name"):
        return {name: text for name, text in own.items() if name != "path"}
    above, _, name = own["path"].rpartition("/")
    return {**{field: text for field, text in own.items() if field != "path"}, "name": name, "parent_id": above}


def _delay(text: str, unit: str, moment: Moment) -> Row:
    """A delay from one text, ``2d``, or from a number and a unit in two columns."""
    if not text.strip():
        return {}
    whole = f"{text.strip()}{unit.strip() or 'day'}" if text.strip().lstrip("+-").isdecimal() else text
    field = columns.importable("rule")["delay"]
    number, word = parse(field, whole, moment)
    if number >= 10**6:
        raise Refused(f"{text} is too long a delay")
    return {"delay": number, "delay_unit": word}
