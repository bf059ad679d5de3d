"""A rule as stored: its columns, and how rules are read in the order in which they take their turn."""

from __future__ import annotations

from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3


class Rule(NamedTuple):
    """One row of `rules`; the names are its columns (rules.md §1)."""

    id: int
    name: str
    sequence: int | None
    active: int
    state_to: str | None
    date_type: str
    delay: int
    delay_unit: str
    state_from: str | None
    section_id: int | None
    section_sub: int
    category_id: int | None
    user_id: int | None
    partner_id: int | None
    partner_category_id: int | None
    partner_category_sub: int
    min_priority: int | None
    max_priority: int | None
    min_messages: int | None
    where: str | None
    set_state: str | None
    set_section_id: int | None
    set_user_id: int | None
    set_priority: int | None
    add_cc: str | None
    remind_user: int
    remind_partner: int
    remind_attach: int
    mail_user: int
    mail_partner: int
    mail_watchers: int
    mail_to: str | None
    mail_body: str | None
    quiet: int
    method: str | None
    go_on: int
    repeat: str
    effective_from: str

    @property
    def dated(self) -> bool:
        """Whether it waits for a time; else it answers events at once."""
        return self.date_type != "none" or self.delay != 0


COLUMNS = ", ".join(f'r."{name}"' for name in Rule._fields)
SELECT = f"SELECT {COLUMNS} FROM rules r"
ORDER = "ORDER BY r.sequence IS NULL, r.sequence, r.id"
EVENT = "r.active = 1 AND r.date_type = 'none' AND r.delay = 0"
DATED = "r.active = 1 AND (r.date_type <> 'none' OR r.delay <> 0)"


def load(conn: sqlite3.Connection, condition: str = "1", parameters: tuple[object, ...] = ()) -> list[Rule]:
    """The rules for which a literal SQL condition on `rules r` holds, in effective order: by sequence, none last, then id."""
    return [Rule(*row) for row in conn.execute(f"{SELECT} WHERE {condition} {ORDER}", parameters)]
