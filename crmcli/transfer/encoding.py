"""Which encoding a text file is in: told, marked, UTF-8, or else guessed."""

from __future__ import annotations

import codecs

from crmcli.errors import Usage
from crmcli.mail import decode
from crmcli.tuples import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1 << 20
SAMPLE = 1 << 16

# The first bytes of texts in UTF-16 without a mark that begin with a letter of ASCII.
WIDE = {(True, False): "utf-16-le", (False, True): "utf-16-be"}


class Encoding(NamedTuple):
    """A codec, and whether it is only a guess."""

    name: str
    guessed: bool = False


def found(file: BinaryIO, given: str = "") -> Encoding:
    """The encoding of a seekable file, which is left at its beginning; Usage where the given one is none or wrong."""
    head = file.read(4)
    file.seek(0)
    name = _known(given) if given else _marked(head)
    if name:
        wrong = _wrong(file, name)
        if wrong is not None:
            raise Usage(f"the file is not in {given or name}: byte {wrong} means nothing in it", hint="--encoding NAME")
        return Encoding(name)
    wrong = _wrong(file, "utf-8")
    return Encoding("utf-8") if wrong is None else _guessed(file, wrong)


def _known(given: str) -> str:
    try:
        name = codecs.lookup(given).name
        "".encode(name)
    except LookupError:
        raise Usage(f"no encoding {given}", hint="such as utf-8, latin-1, cp1251 or utf-16") from None
    return "utf-8-sig" if name == "utf-8" else name


def _marked(head: bytes) -> str:
    """The codec that the first four bytes tell; '' where they tell none."""
    by_mark = next((name for mark, name in decode.BOMS if head.startswith(mark)), "")
    return by_mark or ("" if len(head) < 4 else WIDE.get((bool(head[0]) and bool(head[2]), bool(head[1]) or bool(head[3])), ""))


def _wrong(file: BinaryIO, name: str) -> int | None:
    """Where the first byte stands that means nothing in an encoding, from 1; None where all is well."""
    decoder, place = codecs.getincrementaldecoder(name)(), 0
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
            place += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        return place + getattr(error, "start", 0) + 1
    finally:
        file.seek(0)
    return None


def _guessed(file: BinaryIO, wrong: int) -> Encoding:
    """The likeliest encoding of a text that is not UTF-8, by the bytes from where that shows."""
    file.seek(max(0, wrong - SAMPLE // 2))
    sample = file.read(SAMPLE)
    file.seek(0)
    name = decode.text(sample).charset
    return Encoding(name if name != "utf-8" and _wrong(file, name) is None else "cp1252", guessed=True)
