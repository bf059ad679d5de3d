"""Charsets, transfer encodings, encoded words and parameters: tolerant, and right where the mail is."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail import decode
from crmcli.mail.parse import parse
from crmcli.mail.words import eight_bit, parameters, words

GERMAN = "Sehr geehrte Damen und Herren, wir möchten die Prüfung der Öfen für nächste Woche bestätigen."
RUSSIAN = "Здравствуйте, подтверждаем получение вашего заказа и отправим его завтра утром."

LADDER = [
    (GERMAN.encode("latin-1"), "iso-8859-1", GERMAN, "cp1252", "declared"),
    ("“so”".encode("cp1252"), "ISO-8859-1", "“so”", "cp1252", "declared"),
    ("東京".encode("cp932"), "x-sjis", "東京", "cp932", "declared"),
    ("한국".encode("cp949"), "ks_c_5601-1987", "한국", "cp949", "declared"),
    ("你好".encode("gb18030"), "GB2312", "你好", "gb18030", "declared"),
    (b"Fr+APY-sche", "utf-7", "Frösche", "utf-7", "declared"),
    (GERMAN.encode(), "us-ascii", GERMAN, "utf-8", "utf-8"),
    (b"\xef\xbb\xbfhi", "", "hi", "utf-8-sig", "bom"),
    ("hé".encode("utf-16"), "x-unknown", "hé", "utf-16", "bom"),
    ("東京".encode("iso2022_jp"), "", "東京", "iso2022_jp_ext", "bom"),
    (RUSSIAN.encode("koi8-r"), "", RUSSIAN, "koi8-r", "guessed"),
    ("für".encode("latin-1"), "", "für", "cp1252", "fallback"),
    (b"\x81\xfc", "", "\ufffdü", "cp1252", "fallback"),
    ("für die Tür".encode()[:-2], "utf-8", "für die T", "utf-8", "declared"),
    ("caf\xe9".encode("latin-1"), "utf-8", "café", "cp1252", "fallback"),
]


@pytest.mark.parametrize(("data", "declared", "text", "charset", "reason"), LADDER)
def test_the_charset_is_found_step_by_step(data: bytes, declared: str, text: str, charset: str, reason: str) -> None:
    """Declared, byte order mark, UTF-8, guess, windows-1252."""
    assert decode.text(data, declared) == (text, charset, reason)


NO_CHARSETS = "rot13 base64 hex zlib idna punycode unicode_escape raw_unicode_escape undefined mbcs aliases ../x os.path ü \0"


@pytest.mark.parametrize("name", [*NO_CHARSETS.split(" "), "", " ", "utf-8\0", "x" * 100])
def test_what_is_no_charset_is_refused(name: str) -> None:
    """Python has codecs that are no charsets of mails."""
    assert decode.codec(name) is None


@pytest.mark.parametrize("name", ["UTF-8", '"utf-8"', " utf8 ", "Windows-1251", "ISO-8859-15", "big5", "EUC-KR", "cp850"])
def test_charsets_are_known_by_the_names_that_mails_use(name: str) -> None:
    """Quotes, blanks and case do not matter."""
    assert decode.codec(name)


@given(st.binary(), st.sampled_from(["", "utf-8", "gb2312", "iso-2022-jp", "utf-7", "utf-16", "big5", "hz", "euc-jp", "cp1255"]))
def test_any_bytes_become_text(data: bytes, declared: str) -> None:
    """Under any declaration."""
    assert isinstance(decode.text(data, declared).text, str)


@given(st.text())
def test_utf_8_is_read_as_such_whether_declared_or_not(text: str) -> None:
    """But for byte order marks and what looks like Japanese mail."""
    if not text.startswith("\ufeff") and "\x1b$" not in text:
        assert decode.text(text.encode("utf-8", "replace")).text == text.encode("utf-8", "replace").decode()


@given(st.binary(max_size=300), st.integers(1, 80))
def test_base64_is_read_whatever_stands_between(data: bytes, width: int) -> None:
    """Any line length, foreign characters, missing padding, each line padded by itself."""
    encoded = base64.b64encode(data)
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    assert decode.transfer(b"\r\n".join(lines), "BASE64") == data
    assert decode.transfer(b" !\n".join(lines).rstrip(b"="), " base64 ; x (y)") == data
    pieces = [data[at : at + width] for at in range(0, len(data), width)]
    assert decode.transfer(b"\n".join(map(base64.b64encode, pieces)), '"base64"') == data


@pytest.mark.parametrize("footer", ["___________\nA list of lists\n", "\n-- \r\nScanned for viruses.\r\n", "-----\nBye=\n"])
def test_a_footer_put_behind_base64_is_not_read_as_such(footer: str) -> None:
    """Lists and scanners do so; read as base64 it makes a text whose bytes are of no charset."""
    for said in ("Grüße aus Köln!", "Grüße aus Köln"):
        encoded = base64.encodebytes(said.encode())
        assert decode.transfer(encoded + footer.encode(), "base64").decode() == said
    assert decode.transfer(b"----\n" + encoded, "base64").decode() == said


@given(st.binary(max_size=300))
def test_quoted_printable_is_read(data: bytes) -> None:
    """As Python writes it, which keeps line ends as they are."""
    data = data.replace(b"\r", b"")
    assert decode.transfer(quopri.encodestring(data), "Quoted-Printable") == data


def test_blanks_behind_a_soft_line_break_go_with_it() -> None:
    """A mail server on the way put them there (RFC 2045 §6.7, rule 3); blanks that are text stay."""
    assert decode.transfer(b"one=  \r\nline=\t\n \na = b \nc", "quoted-printable") == b"oneline \na = b \nc"


@given(st.binary(max_size=100), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "8bit", "", "x"]))
def test_no_encoding_makes_bytes_raise(data: bytes, encoding: str) -> None:
    """An unknown one changes nothing."""
    found = decode.transfer(data, encoding)
    assert found == data if encoding in ("8bit", "", "x") else isinstance(found, bytes)


def test_uuencode_is_read() -> None:
    """With its first and last line."""
    assert decode.transfer(b"begin 644 a.txt\n#0V%T\n`\nend\n", "x-uuencode") == b"Cat"


WORDS = [
    ("=?utf-8?q?a_b=C3=A9?=", "a bé"),
    ("=?UTF-8?B?w6k?=", "é"),
    ("=?utf-8*en?q?x?=", "x"),
    ("a =?utf-8?q?b?= c", "a b c"),
    ("=?utf-8?q?a?=  \t=?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
    ("=?utf-8?b?w?= =?utf-8?b?6k=?=", "é"),
    ("=?utf-8?q?=C3?= =?utf-8?b?qQ==?=", "é"),
    ("=?utf-8?q?a?= =?latin1?q?=E9?=", "aé"),
    ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
    ('"=?utf-8?q?quoted?="', '"quoted"'),
    ("x=?utf-8?q?y?=z", "xyz"),
    ("=?utf-8?q?with blanks here?=", "with blanks here"),
    ("=?utf-8?q?Really??=", "Really?"),
    ("=?utf-8?q??=", ""),
    ("=?nonsense?q?=E9?=", "é"),
    ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
    ("=?utf-8?q?never ends", "=?utf-8?q?never ends"),
    ("=?us-ascii?q?=C3=A9?=", "é"),
    ("\udcc3\udca9 =?utf-8?q?x?=", "é x"),
]


@pytest.mark.parametrize(("value", "expected"), WORDS)
def test_encoded_words_are_read_wherever_they_stand(value: str, expected: str) -> None:
    """Joined before they are decoded, blanks between them dropped (RFC 2047)."""
    assert words(value) == expected


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40), st.lists(st.integers(1, 9), max_size=20), st.booleans())
def test_a_text_cut_into_words_anywhere_comes_back(text: str, cuts: list[int], in_base64: bool) -> None:
    """Even in the middle of a character."""
    data, pieces = text.encode(), []
    for cut in [*cuts, len(data)]:
        pieces.append(data[:cut])
        data = data[cut:]
    written = [base64.b64encode(piece).decode() if in_base64 else "".join(f"={byte:02X}" for byte in piece) for piece in pieces]
    kept = text.replace("\x1b$", "") if "\x1b$" in text else text
    assert kept != text or words(" ".join(f"=?utf-8?{'B' if in_base64 else 'q'}?{piece}?=" for piece in written)) == text


def test_bytes_in_headers_are_utf_8_or_in_the_charset_of_the_text() -> None:
    """Mailers that write them raw mean the same charset in both."""
    raw = "東京".encode("cp932").decode("ascii", "surrogateescape")
    assert eight_bit(raw, "shift_jis") == words(raw, "shift_jis") == "東京"
    assert eight_bit("é".encode().decode("ascii", "surrogateescape"), "shift_jis") == "é"


PARAMETERS = [
    ("text/plain; charset=utf-8", {"charset": "utf-8"}),
    ('a/b; Name="a;b\\"c.txt" ; x = y', {"name": 'a;b"c.txt', "x": "y"}),
    ("a/b; name=my file.txt", {"name": "my file.txt"}),
    ("a/b; filename*=utf-8'en'%e2%82%ac%20rates", {"filename": "€ rates"}),
    ("a/b; filename*=iso-8859-1''caf%E9.txt; filename=cafe.txt", {"filename": "café.txt"}),
    ("a/b; filename*0=long; filename*1=name; filename*2=.txt", {"filename": "longname.txt"}),
    ("a/b; filename*1=b; filename*0*=utf-8''%C3; filename*2*=%A9", {"filename": "\ufffdb\ufffd"}),
    ("a/b; filename*0*=utf-8''%C3; filename*1*=%A9", {"filename": "é"}),
    ('a/b; name="=?utf-8?q?caf=C3=A9?="', {"name": "café"}),
    ("a/b; name=caf\udcc3\udca9", {"name": "café"}),
    ('a/b; name="never closed', {"name": "never closed"}),
    ("a/b; flag; ; =x", {"flag": ""}),
    ("a/b", {}),
]


@pytest.mark.parametrize(("value", "expected"), PARAMETERS)
def test_parameters_are_read(value: str, expected: dict[str, str]) -> None:
    """Quoted, continued, percent-encoded, as encoded words (RFC 2231)."""
    found = parameters(value)
    if expected.get("filename", "").startswith("\ufffd"):
        # a character cut by a plain section between its halves cannot be had
        assert "b" in found["filename"]
    else:
        assert found == expected


@given(st.text("abé%", min_size=1, max_size=30), st.integers(1, 7))
def test_a_name_cut_into_sections_comes_back(name: str, width: int) -> None:
    """In any order of the sections."""
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    pieces = [escaped[at : at + 3 * width] for at in range(0, len(escaped), 3 * width)]
    sections = [f"; filename*{n}*={'' if n else chr(39).join(('utf-8', '', ''))}{piece}" for n, piece in enumerate(pieces)]
    assert parameters("a/b" + "".join(reversed(sections))) == {"filename": name}


@given(st.text(";=*'\"\\ %aé0", max_size=60))
def test_no_parameters_make_it_raise(value: str) -> None:
    """Nor do encoded words made of them."""
    assert all(isinstance(one, str) for one in parameters("a/b;" + value).values())
    assert isinstance(words(f"=?{value}?q?{value}?="), str)


def test_paragraphs_that_were_broken_are_whole_again() -> None:
    """In each depth of quoting by itself; a blank that was put before a line goes, the line of a signature stays."""
    flowed = "One \nline.\n From\n> quoted \n> words\n>> deep \n> not\n\n-- \nJoe \nRoe"
    assert decode.unflowed(flowed, " ") == "One line.\nFrom\n> quoted words\n>> deep \n> not\n\n-- \nJoe Roe"
    assert decode.unflowed("見積 \nもり \r\nです", "") == "見積もりです"


@given(st.lists(st.sampled_from(["word", "word ", "> q ", ">> q", " s", "-- ", "", "> -- ", ">"]), max_size=12))
def test_joining_lines_keeps_every_word(lines: list[str]) -> None:
    """And breaks none out of its quote."""
    found = decode.unflowed("\n".join(lines), " ")
    assert found.replace(">", "").split() == " ".join(line.lstrip(">") for line in lines).split()
    assert found.count("\n") <= max(len(lines) - 1, 0)
    assert {line[: len(line) - len(line.lstrip(">"))] for line in found.split("\n")} <= {"", ">", ">>"}


def test_a_mail_says_whether_its_lines_were_broken() -> None:
    for how, text in (("", "One \nline."), ("; format=flowed", "One line."), ("; Format=Flowed; DelSp=Yes", "Oneline.")):
        assert parse(f"Content-Type: text/plain{how}\n\nOne \nline.\n".encode()).text == text
