"""What all lists share: which columns, in which order, from where on and how many (cli.md §2).

Plain `crm case list` comes here without Typer; the options that Typer reads stand in list_options.py.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from crmcli import case_list, pages
from crmcli.errors import NotFound, Usage
from crmcli.fields import Noun
from crmcli.model import Case, Column, Result
from crmcli.pages import Key, Page
from crmcli.render import NESTED
from crmcli.tuples import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from crmcli.cli.session import Session

ON_A_TERMINAL = 50
COUNTED = 10_000
JSON = ("json", "jsonl")
NOCASE = " COLLATE NOCASE"


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
    if not session.show(counted(session, result, CASES, found)) and words and sys.stdout.isatty():
        _mistaken(session, words)
    return 0


def _mistaken(session: Session, words: Sequence[str]) -> None:
    """Tell of words that were looked for in texts and are likely meant as flags or as the number of a case."""
    from crmcli.filters.fields import CASE_FLAGS, FLAG_WORDS

    for word in " ".join(words).split():
        flag = word if word in CASE_FLAGS else FLAG_WORDS.get(word)
        if word.isdecimal():
            session.say(f"{word} was looked for in texts; a case by its number: crm case show {word}")
        elif flag:
            session.say(f"{word} was looked for in texts; the flag is +{flag}")


def page(session: Session, listing: Listing, words: Sequence[str], asked: Asked) -> Page:
    """The page of a list that is asked for; words are joined to one filter."""
    where, parameters = condition(session, listing.noun, " ".join(words), asked)
    wanted = [(resolved(listing.columns, part.removeprefix("-")), part.startswith("-")) for part in _parts(asked.sort)]
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
    usual = () if session.output in JSON else listing.noun.columns
    return chosen(listing.columns, text, listing.noun.columns) if _parts(text) else tuple(usual)


def chosen(columns: tuple[Column, ...], text: str, usual: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns that a text like ``id,name`` names, or ``+name`` adds to the usual ones."""
    parts = _parts(text)
    own = [part for part in parts if not part.startswith("+")] or list(usual)
    added = [part[1:] for part in parts if part.startswith("+")]
    return tuple(dict.fromkeys(resolved(columns, word).name for word in (*own, *added)))


def resolved(columns: tuple[Column, ...], word: str) -> Column:
    """The column with this name, or this short name (`deadline` for `deadline_at`)."""
    by_name = {column.name: column for column in columns}
    name = word.replace("-", "_")
    found = next((by_name[name + end] for end in ("", "_at", "_id") if name + end in by_name), None)
    if found is None:
        from crmcli.find import nearest

        near = nearest(word, iter(by_name))
        raise Usage(f"no column {word}", hint=f"nearest: {', '.join(near)}" if near else f"one of: {', '.join(by_name)}")
    return found


def shaped(session: Session, result: Result, asked: Asked) -> Result:
    """A short list, by the options of all lists, in memory: sorted, gone on with, cut, and with the columns wanted."""
    most = limit(session, asked)
    if most is None and not any((asked.columns, asked.sort, asked.after)):
        return result
    rows = list(result.rows)
    for part in reversed(_parts(asked.sort)):
        name = resolved(result.columns, part.removeprefix("-")).name
        filled = [row for row in rows if row[name] is not None]
        filled.sort(key=lambda row: _sortable(row[name]), reverse=part.startswith("-"))
        rows = filled + [row for row in rows if row[name] is None]
    if asked.after is not None:
        place = next((place for place, row in enumerate(rows, 1) if row.get("id") == asked.after), None)
        if place is None:
            raise NotFound(f"nothing with the id {asked.after} to go on after", hint="leave --after out")
        rows = rows[place:]
    more = max(len(rows) - most, 0) if most and session.output == "table" else 0
    if not _parts(asked.columns):
        return result._replace(rows=rows[:most], more=more)
    by_name = {column.name: column for column in result.columns}
    usual = result.shown or tuple(column.name for column in result.columns if column.kind not in NESTED)
    wanted = chosen(result.columns, asked.columns, usual)
    return result._replace(columns=tuple(by_name[name] for name in wanted), rows=rows[:most], more=more, shown=())


def _sortable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


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

    What the usual order begins with, or nothing, is the usual order; the opposite of its beginning is all of it backwards.
    """
    for order in (listing.order, tuple(key._replace(down=not key.down) for key in listing.order)):
        if [(_sql(column), down) for column, down in wanted] == [key[:2] for key in order[: len(wanted)]]:
            return order
    keys = [Key(_sql(column) + NOCASE * (column.kind == "text"), down, empty=column.name != "id") for column, down in wanted]
    return tuple(keys) if wanted[-1][0].name == "id" else (*keys, Key("t.id", keys[-1].down))


def _sql(column: Column) -> str:
    """A column of the row t; what SQL would take for a word of its own is quoted."""
    return f't."{column.name}"' if column.name in ("from", "where") else f"t.{column.name}"
