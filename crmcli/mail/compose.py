"""A letter → the bytes of a mail (mail.md §7, RFC 5322, 2045, 2047, 2231). Pure, and the same for the same letter.

Only ASCII leaves, but for addresses that are not; line ends are LF; no value can break a line.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp

from crmcli.text import clean
from crmcli.tuples import NamedTuple

TYPE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-")
"""What the names of a type and its subtype are made of, in lower case (RFC 6838 §4.2)."""

IDENTIFIER = re.compile(r"[!-;=?-~]{3,900}")
LINE = 76
"""Characters of a line of a header with encoded words (RFC 2047 §2), and of one of base64 (RFC 2045 §6.8)."""

ENCODED = "=?utf-8?"
ROOM = 60
"""Characters that an encoded word has for its text."""

AS_IT_IS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
"""What may stand in an encoded word wherever it does (RFC 2047 §5)."""

LONGEST_WORD, LONGEST_LINE, LONGEST_NAME = 70, 900, 60


class File(NamedTuple):
    """A file that goes with a letter."""

    name: str
    type: str
    content: bytes


class Letter(NamedTuple):
    """All that a mail says; ids are with their angle brackets, date is as RFC 5322 writes it."""

    sender: tuple[str, str]
    reply_to: str
    recipient: tuple[str, str]
    subject: str
    date: str
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]
    text: str
    files: tuple[File, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()


def compose(letter: Letter) -> bytes:
    """The finished bytes of the mail, without envelope."""
    headers = [
        ("From", mailbox(*letter.sender)),
        ("To", mailbox(*letter.recipient)),
        ("Reply-To", letter.reply_to),
        ("Subject", words("Subject", letter.subject)),
        ("Date", letter.date),
        ("Message-ID", letter.message_id),
        ("In-Reply-To", letter.in_reply_to),
        ("References", "\n ".join(letter.references)),
        *((name, words(name, value)) for name, value in letter.extra),
        ("MIME-Version", "1.0"),
    ]
    head = _lines(headers)
    text = _text(letter.text)
    if not letter.files:
        return head + text
    boundary = b"=_%b" % "".join(filter(str.isalnum, letter.message_id.partition(".")[0])).encode()
    parts = [b"--%b\n%b\n" % (boundary, part) for part in (text, *map(_file, letter.files))]
    return b"".join((head, b'Content-Type: multipart/mixed; boundary="%b"\n\n' % boundary, *parts, b"--%b--\n" % boundary))


def words(name: str, value: str) -> str:
    """The value of an unstructured header: one line of text, encoded (RFC 2047) and folded as it must be."""
    said = clean(value, lines=False).split(" ")
    plain = next((index for index, word in enumerate(said) if not _is_plain(word)), len(said))
    lines = [f"{name}:"]
    for word in said[:plain]:
        _put(lines, word)
    if plain < len(said):
        room = LINE - len(lines[-1]) - len(f" {ENCODED}q??=")
        for word in _encoded(" ".join(said[plain:]), room if room >= ROOM // 3 else ROOM):
            _put(lines, word)
    return "\n".join(lines)[len(f"{name}: ") :]


def _put(lines: list[str], word: str) -> None:
    """A word more: on the last line where it fits or stands alone with the name, else on a line of its own."""
    if len(lines[-1]) + 1 + len(word) <= LINE or " " not in lines[-1]:
        lines[-1] += f" {word}"
    else:
        lines.append(f" {word}")


def _encoded(text: str, first: int) -> list[str]:
    """The text as encoded words of UTF-8, of which the first has less room; readable where it is mostly Latin."""
    quoted = ["".join(_quoted(byte) for byte in letter.encode("utf-8")) for letter in text]
    readable = sum(map(len, quoted)) <= len(text.encode("utf-8")) * 4 / 3
    found, used, room = [""], 0, first
    for letter, shown in zip(text, quoted, strict=True):
        size = len(shown) if readable else len(letter.encode("utf-8"))
        if used + size > (room if readable else room // 4 * 3):
            found, used, room = [*found, ""], 0, ROOM
        found[-1] += shown if readable else letter
        used += size
    return [f"{ENCODED}q?{word}?=" if readable else f"{ENCODED}b?{_base64(word)}?=" for word in found]


def _quoted(byte: int) -> str:
    letter = chr(byte)
    return "_" if letter == " " else letter if letter in AS_IT_IS else f"={byte:02X}"


def _base64(text: str) -> str:
    return b2a_base64(text.encode("utf-8"), newline=False).decode("ascii")


def mailbox(name: str, address: str) -> str:
    """``"Name" <address>``; the name is a quoted string or encoded words, the address alone where there is none."""
    name = clean(name, lines=False)[:LONGEST_NAME].strip()
    if not name:
        return address
    if name.isascii() and "=?" not in name:
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + f'" <{address}>'
    *before, last = _encoded(name, ROOM - 10)
    between = " " if len(last) + len(address) < LINE - 15 else "\n "
    return "\n ".join([*before, f"{last}{between}<{address}>"])


def identifier(text: str | None) -> str:
    """A foreign Message-ID as it may stand in our headers: ``<…>`` of plain characters, else nothing."""
    bare = (text or "").strip().strip("<>")
    return f"<{bare}>" if IDENTIFIER.fullmatch(bare) else ""


def _is_plain(word: str) -> bool:
    return word != "" and word.isascii() and "=?" not in word and len(word) <= LONGEST_WORD


def _lines(headers: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in headers if value).encode("utf-8")


def _text(text: str) -> bytes:
    """The text as a part: as it is where that is safe everywhere, else quoted-printable."""
    text = clean(text).rstrip("\n") + "\n"
    spoiled = any(len(line) > LONGEST_LINE or line.startswith(("From ", "--=_")) for line in text.split("\n"))
    if text.isascii() and not spoiled:
        return b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n" + text.encode("ascii")
    body = b"\n" + b2a_qp(text.encode("utf-8"), istext=True)
    head = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n"
    return head + body.replace(b"\nFrom ", b"\n=46rom ")


def _file(file: File) -> bytes:
    """A file as a part: base64, its name by RFC 2231 where it is not plain."""
    kind = file.type.lower()
    names = kind.split("/")
    named = len(names) == 2 and all(name[:1].isalnum() and TYPE.issuperset(name) for name in names)
    if not named or names[0] in ("message", "multipart"):
        kind = "application/octet-stream"
    name = clean(file.name, lines=False)
    plain = name.isascii() and '"' not in name and "\\" not in name
    said = f'filename="{name}"' if plain else _percent(name)
    head = [("Content-Type", kind), ("Content-Disposition", f"attachment; {said}"), ("Content-Transfer-Encoding", "base64")]
    body = b2a_base64(file.content, newline=False)
    return _lines(head) + b"\n" + b"".join([body[at : at + LINE] + b"\n" for at in range(0, len(body), LINE)])


def _percent(name: str) -> str:
    """The parameter for a name of any letters, in two where they would make a line that mail servers break (RFC 2231)."""
    from urllib.parse import quote

    first, *more = (quote(name[at : at + LONGEST_NAME], safe="") for at in range(0, len(name), LONGEST_NAME))
    if not more:
        return f"filename*=utf-8''{first}"
    rest = (f";\n filename*{number}*={piece}" for number, piece in enumerate(more, 1))
    return f"filename*0*=utf-8''{first}{''.join(rest)}"
