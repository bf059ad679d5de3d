"""What all lists share: which columns, in which order, from where on and how many (cli.md §2).

Plain `crm case list` comes here without Typer; the options that Typer reads stand in list_options.py.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from crmcli import case_list, pages
from crmcli.errors import Usage
from crmcli.fields import Noun
from crmcli.model import Case, Column, Result
from crmcli.pages import Key, Page
from crmcli.tuples import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from crmcli.cli.session import Session

ON_A_TERMINAL = 50
COUNTED = 10_000
JSON = ("json", "jsonl")


class Asked(NamedTuple):
    """The options of a list as they were given; everything: what is archived and what is not."""

    columns: str = ""
    sort: str = ""
    limit: int | None = None
    after: int | None = None
    archived: bool = False
    everything: bool = False


class Listing(NamedTuple):
    """What can be listed: a noun, its columns, those stored in its table (a view has the rest), and the usual order."""

    noun: Noun
    columns: tuple[Column, ...]
    stored: Collection[str]
    view: str
    order: tuple[Key, ...]


CASES = Listing(case_list.CASE, case_list.columns(), Case._fields, "v_cases", case_list.ORDER)


def cases(session: Session, words: Sequence[str] = (), asked: Asked = Asked()) -> int:
    """`crm case list`: the cases that a filter finds → exit code."""
    found = page(session, CASES, words, asked)
    result = case_list.result(session.conn, page=found, names=names(session, CASES, asked.columns), now=session.now)
    session.show(counted(session, result, CASES, found))
    return 0


def page(session: Session, listing: Listing, words: Sequence[str], asked: Asked) -> Page:
    """The page of a list that is asked for; words are joined to one filter."""
    where, parameters = condition(session, listing.noun, " ".join(words), asked)
    wanted = [(resolved(listing, part.removeprefix("-")), part.startswith("-")) for part in _parts(asked.sort)]
    order = _keys(listing, wanted)
    stored = all(column.name in listing.stored for column, _ in wanted)
    return Page(where, parameters, order, asked.after, limit(session, asked), listing.noun.table if stored else listing.view)


def condition(session: Session, noun: Noun, text: str, asked: Asked = Asked()) -> tuple[str, dict[str, Any]]:
    """A filter on a noun as a condition on `t`; what is archived is left out unless an option or the filter speaks of it."""
    active = "1" if asked.everything or not noun.archives else f"t.active = {int(not asked.archived)}"
    if not text.strip():
        return active, {}
    from crmcli import filters

    context = filters.context(session.conn, session.now, session.user_id, session.zone)
    found = filters.compile(session.conn, text, noun.name, context)
    if found.archived and not asked.archived:
        active = "1"
    return f"{active} AND ({found.sql})", found.parameters


def names(session: Session, listing: Listing, text: str) -> tuple[str, ...]:
    """The columns named in ``id,name`` or added in ``+deadline_at``; by default the list's own, in JSON all (empty)."""
    parts = _parts(text)
    if not parts:
        return () if session.output in JSON else listing.noun.columns
    own = [part for part in parts if not part.startswith("+")] or list(listing.noun.columns)
    added = [part[1:] for part in parts if part.startswith("+")]
    return tuple(dict.fromkeys(resolved(listing, word).name for word in (*own, *added)))


def resolved(listing: Listing, word: str) -> Column:
    """The column with this name, or whose field has this short name (`deadline` for `deadline_at`)."""
    by_name = {column.name: column for column in listing.columns}
    field = listing.noun.field(word)
    found = by_name.get(word.replace("-", "_")) or (by_name.get(field.name) if field else None)
    if found is None:
        from crmcli.find import nearest

        near = nearest(word, iter(by_name))
        raise Usage(f"no column {word}", hint=f"nearest: {', '.join(near)}" if near else f"one of: {', '.join(by_name)}")
    return found


def limit(session: Session, asked: Asked) -> int | None:
    """How many rows: as asked (0 for all), 50 in a table on a terminal, else all."""
    if asked.limit is not None:
        return asked.limit or None
    return ON_A_TERMINAL if session.output == "table" and sys.stdout.isatty() else None


def counted(session: Session, result: Result, listing: Listing, page: Page) -> Result:
    """The result with the number of rows that the limit leaves out, for a table; very many are not counted to the end."""
    if page.limit is None or session.output != "table":
        return result
    more = pages.count(session.conn, listing.noun, page, page.limit + COUNTED + 1) - page.limit
    if more > COUNTED:
        return result._replace(footer=(f"and more than {COUNTED} more",))
    return result._replace(more=max(more, 0))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _keys(listing: Listing, wanted: list[tuple[Column, bool]]) -> tuple[Key, ...]:
    """Sort keys: words without regard to case, what is empty last, equal rows by id the same way as the last key.

    What the usual order begins with, or nothing, is the usual order.
    """
    if [(f"t.{column.name}", down) for column, down in wanted] == [key[:2] for key in listing.order[: len(wanted)]]:
        return listing.order
    keys = [
        Key(f"t.{column.name}" + " COLLATE NOCASE" * (column.kind == "text"), down, empty=column.name != "id")
        for column, down in wanted
    ]
    return tuple(keys) if wanted[-1][0].name == "id" else (*keys, Key("t.id", keys[-1].down))
