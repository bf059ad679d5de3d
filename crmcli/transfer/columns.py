"""Which column of a file is which of our fields: by our own names, by those of OpenERP and Odoo, or by --map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from crmcli.errors import Usage
from crmcli.fields import NOUNS, Field
from crmcli.find import nearest
from crmcli.transfer import foreign
from crmcli.tuples import NamedTuple

# Read-only fields that import sets all the same.
ALSO = {
    "case": ("state", "created_at", "closed_at", "last_action_at", "wake_at", "lost_reason", "created_by", "active"),
}
# What is reckoned from the rest: left out without a word.
RECKONED = frozenset({
    "next_action_at", "email_last", "effective_from", "last_partner_id", "run_at", "when", "if", "then",
    "date_action_next", "Next Action", "Latest E-Mail",
})  # fmt: skip

# The lines that belong to a line: part → the noun whose fields it has.
PARTS = {"partner": {"contacts": "contact"}, "case": {"history": "history", "log": "history"}}
HISTORY = (
    Field("id", "int"), Field("log_id", "int"), Field("at", "time"), Field("name"), Field("direction"), Field("email"),
    Field("description", "lines"), *(Field(f"{noun}_id", "link", link=noun) for noun in ("user", "section", "channel", "mood")),
)  # fmt: skip

ID = Field("id", "int")
MORE = {
    "partner": (Field("categories", "words"),),
    "contact": (Field("further", "words"),),
    "rule": (Field("delay_unit"),),
}


class Place(NamedTuple):
    """Where the cells of a column go: a field, in a part of the line such as contacts, and how it is read.

    rank tells how sure the column is of a field that several speak of: the words of a link before its number.
    """

    field: str
    part: str = ""
    rank: int = 0
    reader: str = ""

    @property
    def link(self) -> str:
        """The field without its rank."""
        return f"{self.part}/{self.field}" if self.part else self.field


class Columns(NamedTuple):
    """The columns of a file that are taken, surest first, and those that are left out."""

    taken: tuple[tuple[str, Place], ...]
    left: tuple[str, ...]


WORD, OTHER_WORD, EITHER, CODE, UNSURE = range(5)
READERS = {"stage": "state", "customer rank": "customer", "supplier rank": "supplier"}


@cache
def importable(noun: str) -> dict[str, Field]:
    """The fields that import takes, by name."""
    if noun == "history":
        return {field.name: field for field in HISTORY}
    fields = [field for field in NOUNS[noun].fields if field.edit or field.name in ALSO.get(noun, ())]
    tree = (Field("path"),) if NOUNS[noun].tree else ()
    return {field.name: field for field in (ID, *fields, *tree, *MORE.get(noun, ()))}


@cache
def _own(noun: str) -> dict[str, Place]:
    """Our own names of columns: a field's name, its short name, a link's words as ``x_id/name``, parts as ``contacts/x``."""
    found: dict[str, Place] = {}
    for field in importable(noun).values():
        found[field.name] = Place(field.name, rank=EITHER if field.kind == "link" else WORD)
        found.setdefault(field.short, Place(field.name))
    if noun == "case":
        found["cc"] = found["email_cc"]
    for part, inner in PARTS.get(noun, {}).items():
        for name, place in _own(inner).items():
            found[f"{part}/{name}"] = place._replace(part=part)
            if part == "contacts" and place.field not in ("id", "partner_id", "active"):
                found.setdefault(name, place._replace(part=part))
    return found


def mapped(noun: str, headers: Iterable[str], renamed: Mapping[str, str]) -> Columns:
    """What the columns of a file are; Usage where two are the same, where one is nearly ours, or where none is known."""
    names = list(headers)
    _all_there(renamed, names)
    open_ones, sure, left = [], {}, []
    for header in names:
        places = _told(noun, renamed[header]) if header in renamed else _places(noun, header)
        if len(places) > 1:
            open_ones.append((header, places))
        elif places:
            sure[header] = places[0]
        elif header not in renamed and not _quiet(noun, header):
            left.append(header)
    for header, places in open_ones:
        free = [place for place in places if place.link not in {other.link for other in sure.values()}]
        if free:
            sure[header] = free[0]
    _different(sure)
    if not sure:
        raise Usage(f"no column is a field of {NOUNS[noun].a}: {', '.join(names)[:200]}", hint=f"--map THEIRS={NOUNS[noun].key}")
    return Columns(tuple(sorted(sure.items(), key=lambda one: one[1].rank)), tuple(left))


def _all_there(renamed: Mapping[str, str], names: list[str]) -> None:
    for theirs in renamed:
        if theirs not in names:
            near = nearest(theirs, iter(names))
            raise Usage(f"the file has no column {theirs}", hint=f"its columns: {', '.join(near or names)}")


def _told(noun: str, ours: str) -> tuple[Place, ...]:
    """The field that --map names; an empty one leaves the column out."""
    if not ours:
        return ()
    found = _own(noun).get(ours.replace("-", "_"))
    if found is None:
        near = nearest(ours, iter(_own(noun)))
        raise Usage(f"{NOUNS[noun].a} has no {ours}", hint=f"nearest: {', '.join(near)}" if near else "--map THEIRS=OURS")
    return (found._replace(rank=WORD),)


def _places(noun: str, header: str) -> tuple[Place, ...]:
    """What a header may stand for; () for what is left out; Usage for one that looks like a slip of the pen."""
    if (noun, header) in foreign.OPEN:
        return tuple(_own(noun)[name] for name in foreign.OPEN[noun, header])
    found = place(noun, header)
    if found is None and not _quiet(noun, header):
        near = nearest(header.replace(" ", "_"), (name for name in _own(noun) if "/" not in name))
        if near and _alike(header, near[0]):
            raise Usage(f"no column {header}", hint=f"--map '{header}={near[0]}', or --map '{header}=' to leave it out")
    return (found,) if found and found.field else ()


def place(noun: str, header: str) -> Place | None:
    """What a header alone stands for; a Place without a field where it is left out; None where it is unknown."""
    own, low = _own(noun), header.casefold()
    name = low.replace(" ", "_")
    if header in own:
        return own[header]
    if low in foreign.NAMES.get(noun, {}):
        return _foreign(noun, foreign.NAMES[noun][low])
    if name in own:
        return own[name]
    head, _, tail = low.rpartition("/")
    if not head:
        return _of_contact(low) if noun == "partner" else None
    part = foreign.PARTS.get(head, head)
    if part in PARTS.get(noun, {}):
        inner = place(PARTS[noun][part], header.rpartition("/")[2])
        return inner and inner._replace(part=part)
    link = place(noun, head)
    if link is None or not link.field or tail not in foreign.WORDS + foreign.CODES:
        return None
    if tail in foreign.WORDS:
        return link._replace(rank=max(link.rank, OTHER_WORD))
    return link._replace(rank=CODE) if importable(noun)[link.field].kind in ("link", "words") else Place("")
    return None


def _of_contact(low: str) -> Place | None:
    """The field of a partner's contact that another program's name stands for."""
    name = foreign.NAMES["contact"].get(low)
    return _own("partner").get(f"contacts/{name}") if name else None


def _foreign(noun: str, name: str) -> Place:
    if not name:
        return Place("")
    if name in READERS:
        return Place(READERS[name], reader=name.rpartition(" ")[2])
    place = _own(noun)[name.removesuffix("?")]
    return place._replace(rank=UNSURE) if name.endswith("?") else place


def _quiet(noun: str, header: str) -> bool:
    return header in RECKONED or (noun == "segment" and header == "state")


def _alike(header: str, name: str) -> bool:
    import difflib

    return difflib.SequenceMatcher(None, header.casefold(), name).ratio() >= 0.8


def _different(sure: Mapping[str, Place]) -> None:
    """Refuse two columns that say the same with the same right."""
    seen: dict[tuple[str, int], str] = {}
    for header, place in sure.items():
        other = seen.setdefault((place.link, place.rank), header)
        if other != header:
            what = place.link.removesuffix("_id")
            raise Usage(f"{other} and {header} are both the {what}", hint=f"--map '{header}=' leaves one out")


def names(noun: str) -> Iterator[str]:
    """The names of columns that import knows, for help."""
    return (name for name in _own(noun) if "/" not in name)
