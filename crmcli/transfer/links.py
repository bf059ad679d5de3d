"""What the links of a file lead to: words to ids, each looked up once, and made where it is missing and may be."""

from __future__ import annotations

from crmcli import find, partners, records
from crmcli.db import Tx
from crmcli.errors import NotFound
from crmcli.fields import NOUNS

# What may be made of its name alone.
CREATABLE = ("partner", "contact", "category", "section", "partner_category", "channel")


class Links:
    """The ids behind the words of one import; make: what is missing is made."""

    def __init__(self, tx: Tx, make: bool) -> None:
        self.tx = tx
        self.make = make
        self.known: dict[tuple[str, str, str], int] = {}
        self.absent: set[tuple[str, str, str]] = set()
        self.made: list[tuple[str, str, str]] = []

    def settle(self) -> None:
        """What the line has made stays: it was taken."""
        self.made.clear()

    def forget(self) -> None:
        """What the line has made is gone with it: it was refused."""
        for key in self.made:
            self.known.pop(key, None)
        self.made.clear()

    def one(self, noun: str, word: str, number: str = "", owner_id: int | None = None) -> int | None:
        """The id of a thing by its words, and by the number that a file gives beside them where both agree.

        For contacts owner_id is the partner whose they should be. NotFound names the nearest.
        """
        word, number = word.strip(), number.strip()
        if not word:
            return self._by_number(noun, "", number)
        key = (noun, word, number if owner_id is None else f"{number} {owner_id}")
        found = self.known.get(key)
        if found is None:
            found = self._by_number(noun, word, number) or self._found(noun, word, number, owner_id, key)
            self.known[key] = found
        return found

    def _by_number(self, noun: str, word: str, number: str) -> int | None:
        """The thing of this id, if it is called by this word here too."""
        if not (number.isascii() and number.isdecimal() and len(number) < 19):
            return None
        try:
            label = records.label(self.tx.conn, noun, int(number))
        except NotFound:
            return None
        return int(number) if label == (word or number) else None

    def _found(self, noun: str, word: str, number: str, owner_id: int | None, key: tuple[str, str, str]) -> int:
        for text in (word, number):
            ids = find.found(self.tx.conn, noun, text)
            if len(ids) > 1 and owner_id is not None:
                ids = [one for one in ids if self._owner(one) == owner_id] or ids
            if len(ids) == 1:
                return ids[0]
            if ids or not number or number.isdecimal():
                break
        if not ids and self.make and noun in CREATABLE:
            self.made.append(key)
            self.absent.clear()
            return self._made(noun, word, owner_id)
        return find.one(self.tx.conn, noun, word)

    def _owner(self, contact_id: int) -> int | None:
        row = self.tx.run("SELECT partner_id FROM contacts WHERE id = ?", (contact_id,)).fetchone()
        return None if row is None else row[0]

    def _made(self, noun: str, word: str, owner_id: int | None) -> int:
        """A new thing called so; of a path also what is missing above it."""
        if noun == "contact":
            return records.add(self.tx, noun, {"name": word, "partner_id": owner_id})
        parent_id = None
        *above, name = find.SLASH.split(word) if NOUNS[noun].tree else [word]
        for place in range(len(above)):
            parent_id = self.one(noun, " / ".join(above[: place + 1]))
        return records.add(self.tx, noun, {"name": name, **({"parent_id": parent_id} if NOUNS[noun].tree else {})})

    def categories(self, text: str) -> list[int]:
        """The ids of categories of partners, a line each or between commas; a name that is here may have commas of its own."""
        if "\n" in text:
            return [self.one("partner_category", part) or 0 for part in text.split("\n") if part.strip()]
        parts, ids, start = text.split(","), [], 0
        while start < len(parts):
            ends = range(len(parts), start, -1)
            end = next((end for end in ends if self._is_here("partner_category", ",".join(parts[start:end]))), start + 1)
            name = ",".join(parts[start:end])
            if name.strip():
                ids.append(self.one("partner_category", name) or 0)
            start = end
        return ids

    def _is_here(self, noun: str, word: str) -> bool:
        """Whether a word names anything; asked once, until something is made."""
        key = (noun, word.strip(), "")
        if key in self.known:
            return True
        if key not in self.absent and not find.found(self.tx.conn, noun, word):
            self.absent.add(key)
        return key not in self.absent


def add_categories(tx: Tx, partner_id: int, category_ids: list[int]) -> bool:
    """Put a partner into categories that it is not in yet → whether there were any."""
    sql = "SELECT category_id FROM partner_category_members WHERE partner_id = ?"
    there = {row[0] for row in tx.run(sql, (partner_id,))}
    for category_id in category_ids:
        if category_id not in there:
            partners.add_category(tx, partner_id, category_id)
    return not there.issuperset(category_ids)
