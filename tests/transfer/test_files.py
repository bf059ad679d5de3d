"""Files as they come: delimiters, encodings, quotes, ragged and hostile cells."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.transfer.world import Crm, file, rows


def names(conn: sqlite3.Connection) -> list[str]:
    """The names of all partners."""
    return [row[0] for row in conn.execute("SELECT name FROM partners ORDER BY id")]


@pytest.mark.parametrize(
    "content",
    [
        "name,ref\nAcme,A1\nBeta,B2\n",
        "name;ref\r\nAcme;A1\r\nBeta;B2\r\n",
        "name\tref\nAcme\tA1\nBeta\tB2\n",
        "name|ref\nAcme|A1\nBeta|B2",
        "sep=;\nname;ref\nAcme;A1\nBeta;B2\n",
        '"name","ref"\n"Acme","A1"\n"Beta","B2"\n',
        " name , ref \nAcme,A1\n\n,\nBeta,B2\n,,\n",
        "\ufeffname,ref\nAcme,A1\nBeta,B2\n",
        '[{"name": "Acme", "ref": "A1"}, {"name": "Beta", "ref": "B2"}]',
        '{"name": "Acme", "ref": "A1"}\n\n{"name": "Beta", "ref": "B2"}\n',
        "name,ref\rAcme,A1\rBeta,B2\r",
    ],
)
def test_every_shape_of_table_gives_the_same_rows(content: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """The delimiter and the form are found in the file itself."""
    done = crm("import", "partner", "-", stdin=content.encode())
    assert (done.exit, done.out) == (0, "")
    assert done.err == "import partner: 2 made\n"
    assert rows(conn, "SELECT name, ref FROM partners ORDER BY id") == [("Acme", "A1"), ("Beta", "B2")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_an_encoding_that_shows_itself_is_read(encoding: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """By its mark, or by where its zeros are."""
    done = crm("import", "partner", "-", stdin="name\nCafé Brück\n北京\n".encode(encoding))
    assert (done.exit, done.err) == (0, "import partner: 2 made\n")
    assert names(conn) == ["Café Brück", "北京"]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("latin-1", "Café Müller"),
        ("cp1252", "Brück & Söhne – Köln"),
        ("cp1251", "Пётр Иванов и сыновья, насосы и трубы, Казань"),
    ],
)
def test_an_encoding_that_is_guessed_is_told(encoding: str, name: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """What was guessed is on standard error; --encoding settles it without a word."""
    content = f'name\n"{name}"\n'.encode(encoding)
    done = crm("import", "partner", "-", stdin=content)
    assert done.exit == 0
    assert "is not UTF-8; it is read as" in done.err
    assert names(conn) == [name]
    told = crm("import", "partner", "-", "--encoding", encoding, stdin=content)
    assert (told.exit, told.err) == (0, "import partner: 1 same\n")


def test_a_wrong_encoding_is_refused_with_the_place(crm: Crm, conn: sqlite3.Connection) -> None:
    """Nothing is read as what it is not."""
    done = crm("import", "partner", "-", "--encoding", "utf-8", stdin=b"name\nCaf\xe9\n")
    assert done.exit == 2
    assert "byte 9" in done.err
    assert crm("import", "partner", "-", "--encoding", "klingon", stdin=b"name\nx\n").exit == 2
    assert names(conn) == []


def test_one_bad_byte_far_down_is_found(crm: Crm, conn: sqlite3.Connection) -> None:
    """The guess looks where the text stops being UTF-8, not only at its beginning."""
    content = b"name\n" + b"".join(b"Partner %d\n" % number for number in range(20_000)) + "Café Zürich, Köln\n".encode("latin-1")
    done = crm("import", "partner", "-", "-n", "-q", stdin=content.replace(b", ", b" "))
    assert done.exit == 0
    assert names(conn) == []


def test_phones_and_zips_stay_texts(crm: Crm, conn: sqlite3.Connection) -> None:
    """No cell becomes a number on its way."""
    crm("import", "contact", "-", stdin=b"name,zip,phone\nJoe,01234,0049\nAnn,1e5,+49\n")
    assert rows(conn, "SELECT zip, phone FROM contacts ORDER BY id") == [("01234", "0049"), ("1e5", "+49")]


def test_json_numbers_booleans_and_lists_are_read_by_their_field(crm: Crm, conn: sqlite3.Connection) -> None:
    """Numbers as they are written out, true as yes, a list as several."""
    content = '[{"name": "Acme", "ref": 12, "customer": false, "comment": null, "categories": ["VIP", "Paris, Texas"]}]'
    done = crm("import", "partner", "-", "--create-missing", stdin=content.encode())
    assert done.exit == 0
    assert rows(conn, "SELECT name, ref, customer, comment FROM partners") == [("Acme", "12", 0, None)]
    assert rows(conn, "SELECT name FROM partner_categories ORDER BY id") == [("VIP",), ("Paris, Texas",)]


def test_cells_with_quotes_lines_and_delimiters_are_whole(crm: Crm, conn: sqlite3.Connection) -> None:
    """And a line is told by where it begins."""
    content = 'name,comment\n"A ""B"", C","one\ntwo"\n\nBad "quote" inside,x\n,"no\nname"\n'
    done = crm("import", "partner", "-", stdin=content.encode())
    assert done.exit == 9
    assert "line 6: a partner needs its name" in done.err
    assert rows(conn, "SELECT name, comment FROM partners") == [('A "B", C', "one\ntwo"), ('Bad "quote" inside', "x")]


@pytest.mark.parametrize("content", ['name,ref\nAcme,"A1\nBeta,B2\n', 'name,ref\n"Acme"x,A1\n'])
def test_a_quote_that_is_lost_refuses_the_file(content: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """What follows it might all be one cell: nothing is taken."""
    done = crm("import", "partner", "-", stdin=content.encode())
    assert done.exit == 1
    assert done.err.startswith("crm: line ")
    assert names(conn) == []


def test_ragged_lines(crm: Crm, conn: sqlite3.Connection) -> None:
    """Cells that are missing are empty, cells without a header refuse their line, empty ones do not."""
    done = crm("import", "partner", "-", stdin=b"name,ref\nShort\nLong,L1,more,and more\nEmpty,E1,,\n")
    assert done.exit == 9
    assert "line 3: 2 more cells than the header has names" in done.err
    assert rows(conn, "SELECT name, ref FROM partners") == [("Short", None), ("Empty", "E1")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,ref,name\nA,B,C\n", "the header has name more than once"),
        ("name, name\nA,B\n", "the header has name more than once"),
        (",,\nA,B,C\n", "the first line names no columns"),
        ("foo,bar\nA,B\n", "no column is a field of a partner: foo, bar"),
        ("", "there is nothing in the file"),
        ("\ufeff \n", "there is nothing in the file"),
        ("name,websit\nA,B\n", "no column websit"),
        ("name,Name\nA,B\n", "name and Name are both the name"),
        ("[1, 2", "the file is not json"),
    ],
)
def test_a_header_that_cannot_be_read_refuses_the_file(content: str, said: str, crm: Crm, conn: sqlite3.Connection) -> None:
    """With one sentence, and nothing is written."""
    done = crm("import", "partner", "-", stdin=content.encode())
    assert done.exit in (1, 2)
    assert said in done.err
    assert done.err.count("\n") == 1
    assert names(conn) == []


def test_lines_of_json_that_are_wrong_are_refused_alone(crm: Crm, conn: sqlite3.Connection) -> None:
    """A line that is no object, no json, or holds an object."""
    content = '{"name": "Acme"}\n{"name": \n[1]\n{"name": {"a": 1}}\n{"name": "Beta"}\n'
    done = crm("import", "partner", "-", stdin=content.encode())
    assert done.exit == 9
    assert [line.split(":")[0] for line in done.err.splitlines()[1:-1]] == ["line 2", "line 3", "line 4"]
    assert names(conn) == ["Acme", "Beta"]


def test_the_reason_for_a_refused_line_repeats_no_controls_of_the_file(crm: Crm) -> None:
    done = crm("import", "amount", "-", stdin="partner,at,kind,amount\n\x1b[31mX\u202ey,2026-01-01,sale,1\n".encode())
    assert done.exit == 1
    assert "line 2: no partner [31mX\\u202ey (" in done.err


def test_controls_and_zero_bytes_never_get_in(crm: Crm, conn: sqlite3.Connection) -> None:
    """Foreign text is cleaned as everywhere."""
    done = crm("import", "partner", "-", stdin=b"name,comment\nA\x00c\x1b[31mme,one\x07\n")
    assert done.exit == 0
    assert rows(conn, "SELECT name, comment FROM partners") == [("Ac[31mme", "one")]


def test_a_cell_of_a_megabyte_is_taken(crm: Crm, conn: sqlite3.Connection) -> None:
    """Longer than the csv module's own limit."""
    done = crm("import", "partner", "-", stdin=b"name,comment\nAcme," + b"x" * 1_000_000 + b"\n")
    assert done.exit == 0
    assert rows(conn, "SELECT length(comment) FROM partners") == [(1_000_000,)]


def test_formulas_come_back_without_their_quote(crm: Crm, conn: sqlite3.Connection) -> None:
    """What export put before a formula goes, one quote and no more; other quotes stay."""
    done = crm("import", "partner", "-", stdin=b"name,comment\nA,'=1+1\nB,''=1+1\nC,'tis\nD,=1+1\nE,'+49\n")
    assert done.exit == 0
    assert [row[0] for row in rows(conn, "SELECT comment FROM partners ORDER BY id")] == ["=1+1", "'=1+1", "'tis", "=1+1", "+49"]


def test_tsv_is_read_as_it_is_written(crm: Crm, conn: sqlite3.Connection) -> None:
    """Quotes are letters, and escapes are undone; Excel's own, in UTF-16, has quotes."""
    crm("import", "partner", "-", stdin=b'name\tcomment\nA "b\t"one\\ntwo\\\\n\\tx"\n')
    assert rows(conn, "SELECT name, comment FROM partners") == [('A "b', '"one\ntwo\\n\tx"')]
    crm("import", "partner", "-", stdin='name\tcomment\nExcel\t"one, ""two"""\n'.encode("utf-16"))
    assert rows(conn, "SELECT comment FROM partners WHERE name = 'Excel'") == [('one, "two"',)]


def test_a_tsv_of_one_column_keeps_its_commas(crm: Crm, conn: sqlite3.Connection, tmp_path: Path) -> None:
    """The ending of the name says what is between cells where the header does not."""
    assert crm("import", "partner", file(tmp_path, "p.tsv", "name\nAcme, Inc.\n")).exit == 0
    assert names(conn) == ["Acme, Inc."]


def test_a_file_that_is_not_there_and_a_folder(crm: Crm, tmp_path: Path) -> None:
    """Each has its sentence."""
    assert crm("import", "partner", str(tmp_path / "none.csv")).exit == 3
    assert crm("import", "partner", str(tmp_path)).exit == 2
    assert "nearest: partner" in crm("import", "partners", "-", stdin=b"name\nx\n").err
