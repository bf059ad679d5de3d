"""vCards in and out: the organisation is the partner, the person its contact."""

from __future__ import annotations

import builtins
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.world import Crm, Seeded, put, rows

CARDS = """\
BEGIN:VCARD
VERSION:3.0
N:Doe;Jane;;;
FN:Jane Doe
ORG:Omega Ltd;Sales
EMAIL;TYPE=INTERNET:jane@omega.example
EMAIL:jd@home.example
TEL;TYPE=CELL:+49 170 1
TEL;TYPE=WORK:+49 30 2
ADR;TYPE=WORK:;Floor 2;Main 1;Berlin;BE;10115;Germany
TITLE:CEO
BDAY:1980-02-03
URL:https://omega.example
NOTE:two\\nlines
CATEGORIES:VIP
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Lone Wolf
EMAIL:wolf@x.example
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg M=C3=BCller
ORG:Pi GmbH
END:VCARD
BEGIN:VCARD
VERSION:3.0
N:;;;;
FN:Sigma AG
X-ABShowAs:COMPANY
TEL:1
END:VCARD
BEGIN:VCARD
VERSION:3.0
this is no property
END:VCARD
"""
CONTACTS = """
SELECT p.name, c.name, c.type, c.function, c.email, c.phone, c.mobile,
       c.street, c.street2, c.zip, c.city, c.state, c.country, c.birthdate
FROM contacts c LEFT JOIN partners p ON p.id = c.partner_id
ORDER BY c.id
"""


def test_cards_are_partners_with_contacts(crm: Crm, conn: sqlite3.Connection) -> None:
    """Of versions 2.1, 3.0 and 4.0; people without an organisation are private; a card that is none is refused alone."""
    put(conn, "partner_categories", name="VIP")
    done = crm("import", "partner", "-", stdin=CARDS.replace("\n", "\r\n").encode())
    assert done.exit == 9
    assert "line 35: no vCard" in done.err
    nothing = (None,) * 8
    assert rows(conn, CONTACTS) == [
        ("Omega Ltd", "Jane Doe", "contact", "CEO", "jane@omega.example", "+49 30 2", "+49 170 1",
         "Main 1", "Floor 2", "10115", "Berlin", "BE", "Germany", "1980-02-03"),
        (None, "Lone Wolf", "contact", None, "wolf@x.example", None, None, *nothing[1:]),
        ("Pi GmbH", "Jörg Müller", "contact", None, None, None, None, *nothing[1:]),
        ("Sigma AG", "", "default", None, None, "1", None, *nothing[1:]),
    ]  # fmt: skip
    assert rows(conn, "SELECT website, comment FROM partners WHERE id = 1") == [("https://omega.example", "two\nlines")]
    assert rows(conn, "SELECT address, contact_id FROM addresses") == [("jd@home.example", 1)]
    assert rows(conn, "SELECT partner_id, category_id FROM partner_category_members") == [(1, 1)]
    again = crm("import", "partner", "-", stdin=CARDS.encode())
    assert again.err.startswith("import partner: 4 same\n")


def test_cards_may_be_taken_as_contacts(crm: Crm, conn: sqlite3.Connection) -> None:
    """Their partner must be here then, or be made."""
    one = CARDS[: CARDS.index("END:VCARD") + 10]
    assert "no partner Omega Ltd" in crm("import", "contact", "-", stdin=one.encode()).err
    assert crm("import", "contact", "-", "--create-missing", stdin=one.encode()).exit == 0
    assert [row[:2] for row in rows(conn, CONTACTS)] == [("Omega Ltd", "Jane Doe")]
    assert rows(conn, "SELECT address FROM addresses") == [("jd@home.example",)]


def test_cards_come_back_as_they_went(crm: Crm, conn: sqlite3.Connection, template: bytes, tmp_path: Path) -> None:
    """All contacts with their partners, and partners without contacts; those of a filter."""
    put(conn, "partner_categories", name="VIP")
    crm("import", "partner", "-", stdin=CARDS.encode())
    put(conn, "partners", name="Alone; & Co, \\ Sons")
    out = crm("export", "partner", "-o", "vcf")
    assert (out.exit, out.out.count("BEGIN:VCARD")) == (0, 4)
    other = Seeded(template).at(tmp_path / "other.db")
    assert crm("import", "partner", "-", "--create-missing", "--db", other, stdin=out.out.encode()).exit == 0
    assert crm("export", "partner", "-o", "vcf", "--db", other).out == out.out
    contacts = crm("export", "contact", "-o", "vcf").out
    assert "FN:Lone Wolf" in contacts
    assert "FN:Lone Wolf" not in crm("export", "contact", "partner:Omega", "-o", "vcf").out
    assert crm("export", "case", "-o", "vcf").exit == 2


def test_without_vobject_the_way_to_it_is_told(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence."""
    found = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "vobject":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    done = crm("import", "partner", "-", stdin=CARDS.encode())
    assert (done.exit, done.err) == (78, "crm: vCards need the package vobject (pip install 'crmcli[contacts]')\n")
