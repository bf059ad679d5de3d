"""Header values to text: bytes, encoded words and parameters, none of which may fail (RFC 2047, 2231, 6532)."""

from __future__ import annotations

import binascii
import re
from itertools import groupby

from crmcli.mail.decode import base64, text
from crmcli.tuples import TypeAlias

Word: TypeAlias = tuple[str, str, str]  # charset, b or q, content

# What few mails need is compiled where one does.
WORD = r"=\?([\w.:+*-]{1,75})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,3})\?="
PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"?|[^;]*))?', re.DOTALL)
SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?\Z")
PERCENT = rb"%([0-9A-Fa-f]{2})"


def eight_bit(value: str, charset: str = "") -> str:
    """A header value whose bytes over 127 came as surrogates, as text: UTF-8, else in the charset of the mail's text."""
    if value.isascii():
        return value
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return text(data, charset).text


def words(value: str, charset: str = "") -> str:
    """A header value with its encoded words decoded, wherever they stand (RFC 2047).

    Blanks between two words go; the bytes of neighbours in one charset are joined before they are decoded, as
    mailers cut characters in two. charset is that of the mail's text, for bytes that came without any.
    """
    if "=?" not in value:
        return eight_bit(value, charset)
    pieces: list[str] = []
    run: list[Word] = []
    end = 0
    for word in re.finditer(WORD, value, re.ASCII):
        between = value[end : word.start()]
        if not run or between.strip():
            pieces += (_joined_words(run), eight_bit(between, charset))
            run = []
        run.append((word[1].partition("*")[0].lower(), word[2].lower(), word[3]))
        end = word.end()
    return "".join((*pieces, _joined_words(run), eight_bit(value[end:], charset)))


def _joined_words(run: list[Word]) -> str:
    return "".join(text(_bytes(list(some)), charset).text for charset, some in groupby(run, key=lambda word: word[0]))


def _bytes(run: list[Word]) -> bytes:
    """The bytes of neighbouring words in one charset; base64 is joined first, as some cut that too."""
    found = b""
    for kind, some in groupby(run, key=lambda word: word[1]):
        data = "".join(content for _, _, content in some).encode("utf-8", "surrogateescape")
        found += base64(data) if kind == "b" else binascii.a2b_qp(data, header=True)
    return found


def parameters(value: str) -> dict[str, str]:
    """The parameters of a Content-Type or Content-Disposition, names in lower case (RFC 2231; encoded words too)."""
    if ";" not in value:
        return {}
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for found in PARAMETER.finditer(value):
        content = _unquoted(found[2] or "")
        section = SECTION.match(found[1].lower())
        if section and (section[2] or section[3]):
            sections.setdefault(section[1], []).append((int(section[2] or 0), bool(section[3]), content))
        else:
            plain.setdefault(found[1].lower(), words(content))
    return plain | {name: _joined(parts) for name, parts in sections.items()}


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith('"'):
        value = value[1:-1] if value.endswith('"') and len(value) > 1 else value[1:]
        return re.sub(r"\\(.)", r"\1", value) if "\\" in value else value
    return value


def _joined(parts: list[tuple[int, bool, str]]) -> str:
    parts.sort(key=lambda part: part[0])
    charset, data = "", b""
    for number, (_, encoded, content) in enumerate(parts):
        if encoded and number == 0 and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        piece = content.encode("utf-8", "surrogateescape")
        data += re.sub(PERCENT, lambda found: bytes([int(found[1], 16)]), piece) if encoded else piece
    return text(data, charset).text
