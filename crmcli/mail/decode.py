"""Bytes to text: charsets and transfer encodings, none of which may fail (mail.md §6)."""

from __future__ import annotations

import binascii
import codecs
import re
from io import BytesIO

from crmcli.tuples import NamedTuple

# What mails call a charset → the codec that reads it best: the superset where mails mix the two up.
ALIASES = {
    "us-ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "utf8": "utf-8",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "x-euc-jp": "euc_jp",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "korean": "cp949",
    "euc-kr": "cp949",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
}
# Text encodings to Python, but no charsets of mails; some are quadratic.
REFUSED = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CHARSET = re.compile(r"[A-Za-z0-9][\w.:+-]{0,39}", re.ASCII)
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
BLANKS = (b" ", b"\t", b"\r", b"\n")
NOT_BASE64 = bytes(set(range(256)) - set(BASE64))
CUT = ("unexpected end of data", "incomplete multibyte sequence")
# Pieces of base64 with a padding of their own; more are no mail program's work.
PIECES = 400_000
# Lines that are joined where they were broken; all after them stay as they came.
PARAGRAPHS = 100_000


class Decoded(NamedTuple):
    """A text, the codec that gave it, and why that one: declared, bom, utf-8, guessed or fallback."""

    text: str
    charset: str
    reason: str


def text(data: bytes, declared: str = "") -> Decoded:
    """The bytes as text: by the declared charset, else BOM, strict UTF-8, chardet, windows-1252 with replacement."""
    for charset, reason in ((codec(declared), "declared"), (_by_mark(data), "bom"), ("utf-8", "utf-8")):
        found = charset and _strict(data, charset)
        if charset and found is not None:
            return Decoded(found or "", charset, reason)
    guess = _guess(data) if len(data) > 40 else None
    if guess:
        return Decoded(data.decode(guess, "replace"), guess, "guessed")
    return Decoded(data.decode("cp1252", "replace"), "cp1252", "fallback")


def codec(name: str) -> str | None:
    """The codec for a charset as a mail names it; None where it is unknown or no charset at all."""
    name = name.strip(" \t\r\n\"'").lower()
    if not CHARSET.fullmatch(name):
        return None
    name = ALIASES.get(name, name)
    if name in ("utf-8", "ascii", "cp1252"):
        return name
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    usable = getattr(found, "_is_text_encoding", True) and found.name.replace("_", "-") not in REFUSED
    return found.name if usable else None


def _strict(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except UnicodeDecodeError as error:
        # a character cut in two at the very end is no reason to doubt others before it
        whole = data[: error.start]
        if error.reason in CUT and not whole.isascii():
            return whole.decode(charset)
    except (UnicodeError, ValueError):
        pass
    return None


def _by_mark(data: bytes) -> str | None:
    if data.isascii():
        return "iso2022_jp_ext" if b"\x1b$" in data else None
    return next((charset for mark, charset in BOMS if data.startswith(mark)), None)


def _guess(data: bytes) -> str | None:
    import chardet

    return codec(chardet.detect(data[:65536])["encoding"] or "")


def unflowed(text: str, joint: str) -> str:
    """The text with the lines joined that a mail program broke: those that end with a blank, in quotes of one depth.

    joint is what stood there, '' under DelSp=yes, else the blank (RFC 3676 §4).
    """
    pieces: list[str] = []
    open_at = -1  # the depth of the quote in which the last line goes on
    for line in text.split("\n", PARAGRAPHS):
        inner = line.lstrip(">")
        depth = len(line) - len(inner)
        said = inner[inner.startswith(" ") :].rstrip("\r")
        if depth != open_at or said == "-- ":
            pieces.append("\n" + line[:depth] + " " * (depth > 0))
        open_at = depth if said.endswith(" ") and said != "-- " else -1
        pieces.append(said[:-1] + joint if open_at >= 0 else said)
    return "".join(pieces)[1:]


def transfer(data: bytes, encoding: str) -> bytes:
    """The bytes under a Content-Transfer-Encoding; an unknown one changes nothing."""
    encoding = encoding.split(";")[0].split("(")[0].strip(" \t\r\n\"'").lower()
    if encoding == "base64":
        return base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(_with_bare_breaks(data))
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uuencoded(data)
    return data


def base64(data: bytes) -> bytes:
    """What base64 says, foreign characters, missing and early padding overlooked."""
    said = data.translate(None, NOT_BASE64)
    if len(said) + sum(map(data.count, BLANKS)) < len(data):
        said = _before_footer(data).translate(None, NOT_BASE64)
    said = said.rstrip(b"=")
    if b"=" not in said:
        return _base64_run(said)
    *pieces, rest = said.split(b"=", PIECES)
    return b"".join(map(_base64_run, pieces)) + _base64_run(rest.replace(b"=", b""))


def _with_bare_breaks(data: bytes) -> bytes:
    """Quoted-printable without the blanks that were put behind its soft line breaks (RFC 2045 §6.7, rule 3)."""
    if b"= " not in data and b"=\t" not in data:
        return data
    lines = ((line, line.rstrip(b" \t\r")) for line in data.split(b"\n"))
    return b"\n".join(bare if bare.endswith(b"=") else line for line, bare in lines)


def _before_footer(data: bytes) -> bytes:
    """What stands above a line with nothing of base64 in it, such as a rule: lists and scanners write below it."""
    end, begun = 0, False
    for line in BytesIO(data):
        said = line.translate(None, NOT_BASE64)
        if begun and line.strip() and not said:
            return data[:end]
        end, begun = end + len(line), begun or said != b""
    return data


def _base64_run(data: bytes) -> bytes:
    whole = data if len(data) % 4 != 1 else data[:-1]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _uuencoded(data: bytes) -> bytes:
    found = bytearray()
    for line in BytesIO(data):
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            found += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(found)
