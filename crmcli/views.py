"""Saved views, and the wizard of the source document that makes them for a section (domain.md §3)."""

from __future__ import annotations

from crmcli.db import Tx
from crmcli.errors import Usage
from crmcli.model import Row
from crmcli.tuples import NamedTuple

LAYOUTS = ("none", "list", "calendar", "new")


class Kind(NamedTuple):
    """One of the wizard's views: what it lists, and its layout where nothing else is said."""

    filter: str
    layout: str


KINDS = {
    "My": Kind("+mine", "list"),
    "My Unclosed": Kind("+mine +unclosed", "list"),
    "My Open": Kind("+mine state:open", "list"),
    "My Pending": Kind("+mine state:pending", "list"),
    "My Draft": Kind("+mine state:draft", "list"),
    "My Late": Kind("+mine +late", "list"),
    "My Canceled": Kind("+mine state:cancel", "none"),
    "All": Kind("", "list"),
    "All Unassigned": Kind("+unassigned", "none"),
    "All Late": Kind("+late", "none"),
    "All Canceled": Kind("state:cancel", "none"),
    "All Unclosed": Kind("+unclosed", "list"),
    "All Open": Kind("state:open", "list"),
    "All Pending": Kind("state:pending", "list"),
    "All Draft": Kind("state:draft", "list"),
    "All Unclosed and Unassigned": Kind("+unclosed +unassigned", "none"),
    "New": Kind("", "new"),
}

PUT = """
INSERT INTO views (name, filter, layout, section_id) VALUES (:name, :filter, :layout, :section_id)
ON CONFLICT (name) DO UPDATE SET filter = excluded.filter, layout = excluded.layout, section_id = excluded.section_id
RETURNING id
"""


def make_for_section(tx: Tx, section_id: int, only: list[str], layouts: dict[str, str], prefix: str) -> list[int]:
    """The wizard: a saved view for each kind that is not laid out as none → their ids; made again they stay one.

    only names kinds, all with their own layout by default; layouts gives some kinds another.
    """
    name = tx.run("SELECT name FROM sections WHERE id = ?", (section_id,)).fetchone()[0]
    chosen = [_kind(word) for word in only] or list(KINDS)
    asked = {_kind(word): _layout(layout) for word, layout in layouts.items()}
    found = []
    for kind in chosen:
        layout = asked.get(kind, KINDS[kind].layout if not only or KINDS[kind].layout != "none" else "list")
        if layout != "none":
            values = {"name": f"{prefix}{kind} {name}", "filter": KINDS[kind].filter, "layout": layout, "section_id": section_id}
            found.append(int(tx.run(PUT, values).fetchone()[0]))
    return found


def _kind(word: str) -> str:
    for kind in KINDS:
        if kind.lower() == word.strip().lower():
            return kind
    raise Usage(f"no view {word}", hint=f"one of: {', '.join(KINDS)}")


def _layout(word: str) -> str:
    if word not in LAYOUTS:
        raise Usage(f"no layout {word}", hint=f"one of: {', '.join(LAYOUTS)}")
    return word


def expression(view: Row) -> str:
    """The filter of a view with its section."""
    parts = [f"section:{view['section_id']}" if view["section_id"] else "", f"({view['filter']})" if view["filter"] else ""]
    return " ".join(part for part in parts if part)
