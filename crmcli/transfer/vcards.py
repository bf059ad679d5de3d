"""vCards: the organisation is the partner, the person its contact; by vobject (RFC 2426, RFC 6350)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from crmcli.errors import BadConfig
from crmcli.model import Row
from crmcli.text import clean
from crmcli.transfer.line import Line
from crmcli.tuples import Any

# A part of an address in a card → our field.
ADDRESS = {"street": "street", "extended": "street2", "city": "city", "region": "state", "code": "zip", "country": "country"}
MOBILE = frozenset({"cell", "mobile", "iphone"})

CONTACTS = """
SELECT c.id, c.name, c.function, c.email, c.phone, c.mobile, c.street, c.street2, c.zip, c.city, c.state, c.country,
       c.birthdate, p.name AS partner, p.website, p.comment,
       (SELECT group_concat(address, ' ') FROM (SELECT address FROM addresses WHERE contact_id = c.id ORDER BY id)) AS more,
       (SELECT group_concat(name, ',') FROM (
          SELECT DISTINCT k.name FROM partner_category_members m JOIN partner_categories k ON k.id = m.category_id
          WHERE m.partner_id = c.partner_id ORDER BY k.name)) AS categories
FROM contacts c LEFT JOIN partners p ON p.id = c.partner_id
"""
BARE = """
SELECT NULL AS id, '' AS name, NULL AS function, NULL AS email, NULL AS phone, NULL AS mobile, NULL AS street, NULL AS street2,
       NULL AS zip, NULL AS city, NULL AS state, NULL AS country, NULL AS birthdate, t.name AS partner, t.website, t.comment,
       NULL AS more, NULL AS categories
FROM partners t
"""


def _vobject() -> Any:
    try:
        import vobject
    except ImportError:
        raise BadConfig("vCards need the package vobject", hint="pip install 'crmcli[contacts]'") from None
    return vobject


# In -------------------------------------------------------------------------------------------------


def lines(text: Iterable[str]) -> Iterator[Line]:
    """The cards of a text, each as the line of its partner and contact; one that cannot be read is a fault."""
    vobject = _vobject()
    for number, card in _cards(text):
        try:
            cells = _cells(vobject.readOne(card))
        except Exception as error:  # what vobject raises is not settled: it is the card that is wrong
            yield Line(number, {}, f"no vCard: {clean(str(error), lines=False)[:100]}")
        else:
            yield Line(number, cells)


def _cards(text: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The text of each card and the number of its first line."""
    kept: list[str] = []
    start = 0
    for number, line in enumerate(text, 1):
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            kept, start = [], number
        if start:
            kept.append(line)
        if word == "END:VCARD" and start:
            yield start, "".join(kept)
            start = 0
    if start:
        yield start, "".join(kept)


def _cells(card: Any) -> Row:
    """What a card says: org is the partner, fn the person, the rest under the names of our fields."""
    content = card.contents
    name, partner = _first(content, "fn"), _organisation(content)
    if _first(content, "x-abshowas").upper() == "COMPANY" or _first(content, "kind").lower() in ("org", "organization"):
        partner, name = partner or name, ""
    emails = [_value(line) for line in content.get("email", []) if _value(line)]
    phones = {"phone": "", "mobile": ""}
    for line in content.get("tel", []):
        kind = "mobile" if MOBILE & {word.lower() for word in line.params.get("TYPE", [])} else "phone"
        phones[kind] = phones[kind] or _value(line).removeprefix("tel:")
    found = {
        "org": partner, "fn": name, "function": _first(content, "title"), "email": emails[0] if emails else "",
        "birthdate": _first(content, "bday")[:10], "website": _first(content, "url"), "comment": _first(content, "note"),
        "categories": ",".join(_value(line) for line in content.get("categories", [])), "further": emails[1:], **phones,
        **_address(content),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _value(line: Any) -> str:
    value = line.value
    return ",".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def _first(content: Any, name: str) -> str:
    return next((_value(line) for line in content.get(name, [])), "")


def _organisation(content: Any) -> str:
    """The organisation; its units are left out, as they are no part of the partner's name."""
    value = content["org"][0].value if "org" in content else ""
    return str(value[0] if isinstance(value, list) and value else value or "").strip()


def _address(content: Any) -> dict[str, str]:
    """The first postal address of a card by our fields."""
    found = next((line.value for line in content.get("adr", [])), None)
    parts = {ours: getattr(found, theirs, "") for theirs, ours in ADDRESS.items()}
    return {name: " ".join(part) if isinstance(part, list) else str(part) for name, part in parts.items() if part}


# Out ------------------------------------------------------------------------------------------------


def partners(conn: sqlite3.Connection, where: str, parameters: Row) -> Iterator[str]:
    """A card for each contact of the partners `t` for which a condition holds; a partner without contacts has one too."""
    chosen = f"SELECT t.id FROM partners t WHERE {where}"
    yield from _written(conn, f"{CONTACTS} WHERE c.partner_id IN ({chosen}) ORDER BY c.partner_id, c.id", parameters)
    lonely = "NOT EXISTS (SELECT 1 FROM contacts c WHERE c.partner_id = t.id)"
    yield from _written(conn, f"{BARE} WHERE {where} AND {lonely} ORDER BY t.id", parameters)


def contacts(conn: sqlite3.Connection, where: str, parameters: Row) -> Iterator[str]:
    """A card for each contact `t` for which a condition holds."""
    yield from _written(conn, f"{CONTACTS} WHERE c.id IN (SELECT t.id FROM contacts t WHERE {where}) ORDER BY c.id", parameters)


def _written(conn: sqlite3.Connection, sql: str, parameters: Row) -> Iterator[str]:
    vobject = _vobject()
    for row in conn.execute(sql, parameters):
        yield _card(vobject, row).serialize()


def _card(vobject: Any, row: sqlite3.Row) -> Any:
    """One card, version 3.0."""
    card = vobject.vCard()
    person = row["name"] or row["email"] or ""
    card.add("fn").value = person or row["partner"]
    given, _, family = person.rpartition(" ")
    card.add("n").value = vobject.vcard.Name(family=family, given=given)
    if row["partner"]:
        card.add("org").value = [row["partner"]]
        if not person:
            card.add("x-abshowas").value = "COMPANY"
    for theirs, ours in (("title", "function"), ("url", "website"), ("note", "comment"), ("bday", "birthdate")):
        if row[ours]:
            card.add(theirs).value = row[ours]
    if row["categories"]:
        card.add("categories").value = row["categories"].split(",")
    for address in (row["email"], *(row["more"] or "").split()):
        if address:
            card.add("email").value = address
    for kind, value in (("WORK", row["phone"]), ("CELL", row["mobile"])):
        if value:
            card.add("tel").value = value
            card.contents["tel"][-1].type_param = kind
    if any(row[ours] for ours in ADDRESS.values()):
        card.add("adr").value = vobject.vcard.Address(**{theirs: row[ours] or "" for theirs, ours in ADDRESS.items()})
    return card
