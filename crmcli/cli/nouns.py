"""The verbs that all simple nouns share: add, list, show, edit, archive, unarchive, delete (cli.md §1)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import typer

from crmcli import find, record_list, records
from crmcli.cli import fields, form, list_options, lists
from crmcli.cli.fields import Parameters, command, parameter
from crmcli.cli.session import Session, session
from crmcli.db import Tx
from crmcli.errors import NotFound, Usage
from crmcli.fields import NOUNS, Noun
from crmcli.model import Result, Row
from crmcli.pages import Key, Page, statement
from crmcli.values import Moment

REQUIRED = inspect.Parameter.empty
VERBS = ("add", "list", "show", "edit", "archive", "unarchive", "delete")

# What names a new thing on the command line, where it is not the noun's key.
NAMED_BY = {"amount": "partner_id"}
# Nouns whose inactive ones are switched off, not put away: lists show them too.
SWITCHED = ("event_type",)
# Links that lists are narrowed by with an option of their own.
NARROWED = {"contact": "partner", "event": "partner", "amount": "partner"}


class Also(NamedTuple):
    """Further options of add and edit: their parameters, and what they do to the thing; act reads them before the write."""

    parameters: Parameters
    act: Callable[[Session, dict[str, Any]], Callable[[Tx, int], None] | None]


NOTHING = Also([], lambda s, given: None)
NO_MORE: Mapping[str, Also] = {}


class Keep(NamedTuple):
    """How things of a noun are saved, where more than the table of fields has a say."""

    add: Callable[[Tx, Row], int]
    edit: Callable[[Tx, int, Row], None]
    delete: Callable[[Tx, int], None]


def _plainly(noun: str) -> Keep:
    return Keep(
        lambda tx, values: records.add(tx, noun, values),
        lambda tx, number, values: records.edit(tx, noun, number, values),
        lambda tx, number: records.delete(tx, noun, number),
    )


def app(noun: str, examples: Mapping[str, str], also: Mapping[str, Also] = NO_MORE, keep: Keep | None = None) -> typer.Typer:
    """The commands of a noun: those verbs that have an example, which ends their help; also has more for add and edit."""
    kind, keep = NOUNS[noun], keep or _plainly(noun)
    made = typer.Typer(help=f"{kind.plural.capitalize()}.")
    builders: dict[str, Callable[[], Callable[..., None]]] = {
        "add": lambda: _add(kind, examples["add"], also.get("add", NOTHING), keep),
        "list": lambda: _list(kind, examples["list"]),
        "show": lambda: _show(kind, examples["show"]),
        "edit": lambda: _edit(kind, examples["edit"], also.get("edit", NOTHING), keep),
        "archive": lambda: _archive(kind, examples["archive"], keep, active=False),
        "unarchive": lambda: _archive(kind, examples["unarchive"], keep, active=True),
        "delete": lambda: _delete(kind, examples["delete"], keep),
    }
    for verb in VERBS:
        if verb in examples:
            made.command(verb)(builders[verb]())
    return made


def moment(s: Session) -> Moment:
    """What times on the command line are read against."""
    return Moment(s.now, s.zone)


def chosen(s: Session, noun: str, words: list[str]) -> list[int]:
    """The ids of the things that words name; ``-`` reads them from standard input, names a line each."""
    given = [part for word in words for part in (_lines(s.read()) if word == "-" else [word])]
    return find.many(s.conn, noun, given)


def _lines(text: bytes) -> Iterator[str]:
    """Names from standard input, a line each; a line of ids and ranges may hold several."""
    for line in text.decode("utf-8", "replace").splitlines():
        parts = line.split()
        yield from parts if all(find.RANGES.fullmatch(part) for part in parts) else [line]


# The verbs ----------------------------------------------------------------------------------------


def _add(kind: Noun, example: str, also: Also, keep: Keep) -> Callable[..., None]:
    key = NAMED_BY.get(kind.name, kind.key)
    field = next(field for field in kind.fields if field.name == key)
    argument = typer.Argument(metavar=field.short.upper(), help=fields.sentence(field), show_default=False)

    def body(ctx: typer.Context, **given: Any) -> None:
        s = session(ctx)
        values = records.parsed(s.conn, kind.name, fields.texts(s, kind, given), moment(s))
        further = also.act(s, given)
        with s.write() as tx:
            number = keep.add(tx, values)
            if further:
                further(tx, number)
            s.done(kind.name, [number])

    parameters = [parameter(key, str, REQUIRED, argument), *fields.options(kind, without=(key,)), *also.parameters]
    return command(body, parameters, f"Add {kind.a}.\n\nExample: {example}")


def _edit(kind: Noun, example: str, also: Also, keep: Keep) -> Callable[..., None]:
    def body(ctx: typer.Context, *, which: list[str], in_editor: bool, as_form: bool, **given: Any) -> None:
        s = session(ctx)
        values = records.parsed(s.conn, kind.name, fields.texts(s, kind, given), moment(s))
        further = also.act(s, given)

        def save(tx: Tx, number: int, wanted: Row) -> None:
            if wanted:
                keep.edit(tx, number, wanted)
            if further:
                further(tx, number)
            s.done(kind.name, [number])

        if form.meant(s, bool(values or further), in_editor, as_form):
            form.fill(s, kind.name, chosen(s, kind.name, which), as_form, save)
            return
        if not values and not further:
            raise Usage("nothing to change", hint=f"name a field: crm {kind.command} edit -h")
        s.each(chosen(s, kind.name, which), lambda tx, number: save(tx, number, values))

    parameters = [_which(kind), *fields.options(kind), *also.parameters, *form.OPTIONS]
    return command(body, parameters, f"Change {kind.a}; an empty value clears.\n\nExample: {example}")


def _archive(kind: Noun, example: str, keep: Keep, active: bool) -> Callable[..., None]:
    def body(ctx: typer.Context, *, which: list[str]) -> None:
        s = session(ctx)

        def act(tx: Tx, number: int) -> None:
            keep.edit(tx, number, {"active": int(active)})
            s.done(kind.name, [number])

        s.each(chosen(s, kind.name, which), act)

    what = f"Bring {kind.a} back from the archive." if active else f"Archive {kind.a}: kept, but out of the lists."
    return command(body, [_which(kind)], f"{what}\n\nExample: {example}")


def _delete(kind: Noun, example: str, keep: Keep) -> Callable[..., None]:
    def body(ctx: typer.Context, *, which: list[str]) -> None:
        s = session(ctx)
        ids = chosen(s, kind.name, which)
        if len(ids) > 1:
            s.confirm(f"delete {len(ids)} {kind.plural}?")

        def act(tx: Tx, number: int) -> None:
            s.done(kind.name, [number])
            keep.delete(tx, number)

        s.each(ids, act)

    return command(body, [_which(kind)], f"Delete {kind.a}; several ask first.\n\nExample: {example}")


def _show(kind: Noun, example: str) -> Callable[..., None]:
    def body(ctx: typer.Context, *, which: str) -> None:
        s = session(ctx)
        s.show(record_list.one(s.conn, kind.name, find.one(s.conn, kind.name, which)))

    argument = typer.Argument(metavar=kind.title.upper(), help="By id or name.", show_default=False)
    return command(body, [parameter("which", str, REQUIRED, argument)], f"Show {kind.a} whole.\n\nExample: {example}")


def _which(kind: Noun) -> inspect.Parameter:
    words = "By id or name: 3, 5-7, - for standard input."
    argument = typer.Argument(metavar=f"{kind.title.upper()}...", help=words, show_default=False)
    return parameter("which", list[str], REQUIRED, argument)


# Lists --------------------------------------------------------------------------------------------


def _list(kind: Noun, example: str) -> Callable[..., None]:
    narrowed = NARROWED.get(kind.name, "")

    def body(ctx: typer.Context, *, words: list[str] | None, counts: bool = False, **given: Any) -> None:
        s = session(ctx)
        link = given.pop(narrowed, None)
        asked = lists.Asked(**{"everything": kind.name in SWITCHED, **given})
        if counts:
            asked = asked._replace(columns=",".join(["id", "path", *record_list.COUNTS]))
        show(s, kind, words or [], asked, {narrowed: find.one(s.conn, narrowed, link)} if link else {})

    parameters = _list_parameters(kind)
    if narrowed:
        option = typer.Option(metavar=narrowed.upper(), help=f"Only those of this {narrowed}.", show_default=False)
        parameters.append(parameter(narrowed, str | None, None, option))
    if kind.name == "section":
        parameters.append(parameter("counts", bool, False, typer.Option("--counts", help="How many cases stand in each.")))
    return command(body, parameters, f"List {kind.plural}.\n\nExample: {example}")


def _list_parameters(kind: Noun) -> Parameters:
    """The options of lists (list_options.py) as parameters."""
    given: list[tuple[str, Any, Any]] = [
        ("words", list_options.Filter, None),
        ("columns", list_options.Columns, ""),
        ("sort", list_options.Sort, ""),
        ("limit", list_options.Limit, None),
        ("after", list_options.After, None),
    ]
    if kind.archives and kind.name not in SWITCHED:
        given += [("archived", list_options.Archived, False), ("everything", list_options.Everything, False)]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(name, keyword, default=default, annotation=annotation) for name, annotation, default in given]


def show(s: Session, kind: Noun, words: list[str], asked: lists.Asked, links: Mapping[str, int]) -> None:
    """The list of a noun that a filter finds, narrowed to what is linked to some thing."""
    what = _listing(kind)
    page = lists.page(s, what, words, asked)
    for name, number in links.items():
        where = f"{page.where} AND t.{name}_id = :list_{name}"
        page = page._replace(where=where, parameters={**page.parameters, f"list_{name}": number})
    names = lists.names(s, what, asked.columns)
    if kind.tree and not asked.sort:
        s.show(_tree(s, kind, page, names))
    else:
        s.show(lists.counted(s, record_list.result(s.conn, kind.name, page=page, names=names), what, page))


def _listing(kind: Noun) -> lists.Listing:
    """What a list of the noun may show and be sorted by."""
    columns = tuple(one.column for one in record_list.available(kind).values())
    stored = {field.name for field in kind.fields} | {"id"}
    return lists.Listing(kind, columns, stored, record_list.view(kind), _order(kind))


def _order(kind: Noun) -> tuple[Key, ...]:
    """The noun's usual order as keys, which end with the id; for a tree only that, as it is ordered by branches."""
    keys = []
    for part in () if kind.tree else kind.order.split(", "):
        column = part.removesuffix(" DESC")
        if " " in column:
            keys.append(Key(f"(t.{column})"))
        elif column != "id":
            keys.append(Key(f"t.{column}", part.endswith(" DESC"), empty=True))
    return (*keys, Key("t.id", down=kind.order.endswith("id DESC")))


def _tree(s: Session, kind: Noun, page: Page, names: tuple[str, ...]) -> Result:
    """A list in the order of its tree, the branches indented in a table."""
    sql, parameters = statement(s.conn, kind, page._replace(limit=None, after=None))
    ids = record_list.tree_order(s.conn, kind.name, [row[0] for row in s.conn.execute(sql, parameters)])
    if page.after is not None:
        if page.after not in ids:
            raise NotFound(f"no {kind.title} {page.after} to go on after", hint=f"crm {kind.command} list")
        ids = ids[ids.index(page.after) + 1 :]
    found = record_list.result(s.conn, kind.name, ids[: page.limit], names=names)
    columns = tuple(column._replace(kind="path") if column.name == "path" else column for column in found.columns)
    return found._replace(columns=columns, more=len(ids) - len(ids[: page.limit]))
