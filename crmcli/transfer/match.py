"""Which row here a line of a file speaks of: by what identifies its noun, or by being equal in all that the line says."""

from __future__ import annotations

from collections.abc import Iterator

from crmcli.db import Tx
from crmcli.errors import Refused, Usage
from crmcli.fields import NOUNS
from crmcli.model import Row
from crmcli.tuples import Any, NamedTuple

# Noun → word of --match → alternatives of columns that tell things apart; the first word is the usual one.
IDENTITY: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "user": {"name": (("login",),), "email": (("email",),)},
    "section": {"name": (("code",), ("name", "parent_id")), "ref": (("code",),), "email": (("reply_to",),)},
    "category": {"name": (("name", "section_id"),)},
    "partner": {"name": (("name",),), "ref": (("ref",),), "email": ()},
    "contact": {"name": (("email", "name"), ("name", "partner_id")), "email": (("email",),)},
    "partner_category": {"name": (("name", "parent_id"),)},
    "event_type": {"name": (("key",),)},
    "segment_line": {"name": (("name", "segment_id"),)},
    "amount": {"": (), "ref": (("ref", "partner_id", "kind"),)},
    "event": {"": ()},
    "case": {"": (), "ref": (("ref",),)},
}
BY_NAME = {"name": (("name",),)}

# For what nothing identifies: the columns to look it up by, as there is an index; the rest is compared.
INDEXED = {"case": ("name",), "amount": ("partner_id", "kind", "at", "amount"), "event": ("partner_id", "at")}
NAMES = frozenset({"name", "login", "code", "reply_to", "email", "key", "ref"})
"""Columns that are the same in any case of letters."""

BY_EMAIL = "SELECT DISTINCT partner_id FROM contacts WHERE email = ? AND partner_id IS NOT NULL ORDER BY partner_id"


class Found(NamedTuple):
    """A row, and the columns that it was found by."""

    id: int
    columns: tuple[str, ...]


class Match:
    """How the lines of one import find their rows; told keeps what the lines so far have said of each."""

    def __init__(self, tx: Tx, noun: str, by: str) -> None:
        known = IDENTITY.get(noun, BY_NAME)
        words = (*(word for word in known if word), "id")
        if by and by not in words:
            raise Usage(f"{NOUNS[noun].plural} cannot be told by {by}", hint=f"--match {' or '.join(words)}")
        self.tx, self.noun, self.by = tx, NOUNS[noun], by
        self.ways = (("id",),) if by == "id" else known[by or next(iter(known))]
        self.told: dict[int, Row] = {}
        self.claimed: dict[tuple[Any, ...], int] = {}
        self.equal: set[int] = set()

    @property
    def by_equality(self) -> bool:
        """Whether nothing but its values tells a thing from another."""
        return not self.ways and not self.by

    def find(self, values: Row, emails: list[str]) -> Found | None:
        """The row that a line with these values is about, if it is here; Refused where it may be several."""
        if self.by_equality:
            return self._equal(values)
        if self.by == "email" and self.noun.name == "partner":
            ids = [row[0] for email in emails for row in self.tx.run(BY_EMAIL, (email,))]
            return self._chosen(list(dict.fromkeys(ids)), values, ())
        for columns in self.ways:
            if values.get(columns[0]) is None:
                continue
            given = tuple(name for name in columns if name in values and (values[name] is not None or name not in NAMES))
            found = self._chosen(self._ids(given, values), values, given)
            if found:
                return found
        return None

    def tell(self, row_id: int, values: Row) -> None:
        """Keep what a line said of a row; Refused where an earlier one said otherwise."""
        if self.by_equality:
            self.equal.add(row_id)
            return
        before = self.told.setdefault(row_id, {})
        for name, value in values.items():
            if value is not None and not _same(name, before.setdefault(name, value), value) and name != "id":
                what = name.removesuffix("_id").removesuffix("_at").replace("_", " ")
                raise Refused(f"an earlier line gives this {self.noun.title} another {what}", hint="--match may tell them apart")

    def _ids(self, columns: tuple[str, ...], values: Row) -> list[int]:
        """The ids of rows with these values: active or archived as the line says, else rather active ones.

        A row that an earlier line was about is not archived or taken back by a later one: that is another one.
        """
        where = " AND ".join(f'"{name}" = ? COLLATE NOCASE' if name in NAMES else f'"{name}" IS ?' for name in columns)
        parameters = tuple(values[name] for name in columns)
        if not self.noun.archives:
            return [one for one in self._run(where, parameters) if not self._is_another(one, values)]
        wanted = values.get("active")
        for active in (0, 1) if wanted == 0 else (1, 0):
            ids = self._run(f"{where} AND active = {active}", parameters)
            ids = [one for one in ids if wanted in (None, active) or one not in self.told]
            ids = [one for one in ids if not self._is_another(one, values)]
            if ids:
                return ids
        return []

    def _is_another(self, row_id: int, values: Row) -> bool:
        """Whether an earlier line was about the row under another id, or a contact's other address: there are two of a name."""
        told = self.told.get(row_id, {})
        marks = ("id", "email") if self.noun.name == "contact" and self.by != "email" else ("id",)
        return any(told.get(name) and values.get(name) and not _same(name, told[name], values[name]) for name in marks)

    def _run(self, where: str, parameters: tuple[Any, ...]) -> list[int]:
        return [row[0] for row in self.tx.run(f"SELECT id FROM {self.noun.table} WHERE {where} ORDER BY id", parameters)]

    def _chosen(self, ids: list[int], values: Row, columns: tuple[str, ...]) -> Found | None:
        """The one of several that has the line's id, else its address; Refused where that does not tell."""
        if len(ids) > 1 and values.get("id") in ids:
            ids = [values["id"]]
        if len(ids) > 1 and values.get("email"):
            ids = [one for one in ids if one in self._ids(("email",), values)] or ids
        if len(ids) > 1:
            raise Refused(f"it may be several {self.noun.plural}: {', '.join(map(str, ids[:5]))}", hint="--match id")
        return Found(ids[0], columns) if ids else None

    def _equal(self, values: Row) -> Found | None:
        """A row that is equal in all that the line says, and that no earlier line was about."""
        given = {name: value for name, value in values.items() if value is not None and name != "id"}
        key = tuple(given.items())
        for row_id in self._equals(given, self.claimed.get(key, 0)):
            if row_id not in self.equal:
                self.claimed[key] = row_id
                return Found(row_id, tuple(given))
        return None

    def _equals(self, given: Row, after: int) -> Iterator[int]:
        indexed = [name for name in INDEXED[self.noun.name] if name in given]
        tests = [f'"{name}" = :{name}' + " COLLATE NOCASE" * (name in NAMES) for name in indexed]
        tests += [f'+"{name}" = :{name}' for name in given]
        sql = f"SELECT id FROM {self.noun.table} WHERE {' AND '.join(tests)} AND id > :after ORDER BY id"
        return (row[0] for row in self.tx.run(sql, {**given, "after": after}))


def _same(name: str, one: Any, other: Any) -> bool:
    return bool(one == other or (name in NAMES and str(one).casefold() == str(other).casefold()))
