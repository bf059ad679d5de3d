"""Rules to show: in effective order, each in words, with what it did last (rules.md §6)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crmcli.fields import NOUNS
from crmcli.model import Column, Result, Row
from crmcli.rules import delay, words
from crmcli.rules.rule import COLUMNS, ORDER

RULES = f"""
SELECT {COLUMNS},
  (SELECT path FROM section_paths WHERE id = r.section_id) AS section,
  (SELECT name FROM categories WHERE id = r.category_id) AS category,
  (SELECT login FROM users WHERE id = r.user_id) AS user,
  (SELECT name FROM partners WHERE id = r.partner_id) AS partner,
  (SELECT path FROM partner_category_paths WHERE id = r.partner_category_id) AS partner_category,
  (SELECT path FROM section_paths WHERE id = r.set_section_id) AS set_section,
  (SELECT login FROM users WHERE id = r.set_user_id) AS set_user,
  (SELECT max(at) FROM rule_firings f WHERE f.rule_id = r.id AND f.state = 'fired') AS last_fired_at,
  (SELECT count(*) FROM rule_firings f WHERE f.rule_id = r.id AND f.state = 'fired') AS fired,
  (SELECT count(*) FROM rule_firings f WHERE f.rule_id = r.id AND f.state = 'failed') AS failed
FROM rules r
WHERE {{condition}}
{ORDER}
"""

IN_WORDS = (Column("when"), Column("if"), Column("then"), Column("sentence"))
DONE = (Column("last_fired_at", "time"), Column("fired", "int"), Column("failed", "int"))
SHOWN = ("id", "sequence", "name", "when", "if", "then", "last_fired_at", "fired", "active")


def result(conn: sqlite3.Connection, ids: Sequence[int] | None = None, archived: bool = False) -> Result:
    """The rules with these ids, or all that are in use (archived: the others), in effective order."""
    condition = f"r.id IN ({', '.join('?' * len(ids))})" if ids is not None else f"r.active = {int(not archived)}"
    rows = [_told(dict(row)) for row in conn.execute(RULES.format(condition=condition), tuple(ids or ()))]
    return Result((*columns(), *IN_WORDS, *DONE), rows, shown=SHOWN)


def columns() -> tuple[Column, ...]:
    """A rule's own columns: a link as its id and its words, a delay as it is written."""
    found = [Column("id", "int")]
    for field in NOUNS["rule"].fields:
        found.append(Column(field.name, "int" if field.link else "text" if field.kind == "delay" else field.kind))
        if field.link:
            found.append(Column(field.short))
    return tuple(found)


def _told(row: Row) -> Row:
    """The row with the rule in words."""
    return {
        **row,
        "when": words.when(row),
        "if": words.conditions(row),
        "then": words.actions(row),
        "sentence": words.sentence(row),
        "delay": delay.written(delay.Delay(row["delay"], row["delay_unit"])),
    }
