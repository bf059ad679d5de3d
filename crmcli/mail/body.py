"""The text of a mail and the files with it, chosen among its parts (mail.md §6)."""

from __future__ import annotations

from itertools import islice

from crmcli import digest
from crmcli.mail import decode
from crmcli.mail.incoming import Part, Span
from crmcli.mail.mime import Entity, leaves
from crmcli.text import clean
from crmcli.tuples import NamedTuple

TEXT = 5_000_000
BLANK = 200
"""Bytes of a part beyond which nobody looks whether it is empty."""
BLANKS = b" \t\r\n\xc2\xa0"

HTML = ("text/html", "text/enriched", "text/richtext", "application/xhtml+xml")
# Renderings of one text: those of an alternative that are not shown are no attachments.
RENDERINGS = ("text/plain", "text/x-amp-html", "text/watch-html", *HTML)
# What a part of this type says about the mail.
SPECIAL = {
    "multipart/signed": "signed",
    "multipart/encrypted": "encrypted",
    "application/ms-tnef": "winmail",
    "text/calendar": "calendar",
    "message/rfc822": "message",
    "message/global": "message",
}
SMIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")
PGP = (("-----BEGIN PGP MESSAGE-----", "encrypted"), ("-----BEGIN PGP SIGNED MESSAGE-----", "signed"))
# Names for parts that came without.
NAMES = {"message/rfc822": "message.eml", "text/calendar": "invite.ics", "message/delivery-status": "delivery-status.txt"}


class Body(NamedTuple):
    """What stands below the headers; quoted are spans of the text that HTML says are quoted or signatures."""

    text: str
    quoted: list[Span]
    charset: str
    reason: str
    attachments: tuple[Part, ...]
    marks: tuple[str, ...]


def read(raw: bytes, root: Entity) -> Body:
    """The text and the attachments of a mail."""
    shown = _bodies(raw, root)
    starts = {part.start for part in shown}
    attachments = tuple(_attachment(raw, part) for part in leaves(root) if part.start not in starts and _is_file(part))
    text, quoted, used, marks = _text(raw, shown)
    found = [*marks, *_special(root, attachments), *(mark for line, mark in PGP if line in text)]
    if text.lstrip()[:4].lower() == "set-" and not _begins_it(raw, root, shown[0]):
        found.append("late-text")
    return Body(text, quoted, used.charset, used.reason, attachments, tuple(dict.fromkeys(found)))


def charset(raw: bytes, root: Entity) -> str:
    """The charset that the mail's text is declared in, '' for none: a hint for headers that declare nothing."""
    return next(filter(None, (part.parameters.get("charset") for part in _bodies(raw, root))), "")


def _bodies(raw: bytes, root: Entity) -> list[Entity]:
    """The parts that make the text; where there are none, the first text that came as a file to be shown."""
    named = (part for part in leaves(root) if part.type in ("text/plain", *HTML) and part.disposition != "attachment")
    return _shown(raw, root) or list(islice(named, 1))


def _shown(raw: bytes, entity: Entity) -> list[Entity]:
    """The parts that make the text: of an alternative the plain one that says something, else the last that does."""
    if not entity.children:
        is_text = entity.type == "text/plain" or entity.type in HTML or entity.type.startswith("multipart/")
        return [entity] if is_text and entity.disposition != "attachment" and not entity.name else []
    found = [_shown(raw, child) for child in entity.children]
    if entity.type != "multipart/alternative":
        return [part for parts in found for part in parts]
    plain = [parts for parts in found if any(part.type == "text/plain" and _says_something(raw, part) for part in parts)]
    return next(iter(plain or filter(None, reversed(found))), [])


def _says_something(raw: bytes, part: Entity) -> bool:
    """Whether a plain part is more than the blanks that some programs put beside the HTML."""
    data = raw[part.start : part.end]
    return len(data) > BLANK or bool(decode.transfer(data, part.encoding).translate(None, BLANKS))


def _begins_it(raw: bytes, root: Entity, part: Entity) -> bool:
    """Whether a mail begins with the words of this part, which are its writer's own and no file's."""
    return part.start == leaves(root)[0].start and not part.name and _says_something(raw, part)


def _is_file(part: Entity) -> bool:
    """Whether a part that is not shown is an attachment, and not another rendering of the text."""
    spare = part.alternative and part.type in RENDERINGS and part.disposition != "attachment"
    return not spare and not part.type.startswith("multipart/")


def _text(raw: bytes, parts: list[Entity]) -> tuple[str, list[Span], decode.Decoded, list[str]]:
    """The text of the parts, what HTML says is quoted in it, how the first part was decoded, and the marks."""
    texts: list[str] = []
    quoted: list[Span] = []
    marks: list[str] = []
    used, left, length = decode.Decoded("", "utf-8", "utf-8"), TEXT, 0
    for number, part in enumerate(parts):
        data = decode.transfer(raw[part.start : part.end], part.encoding)
        marks += ["cut-text"] * (len(data) > left)
        read = decode.text(data[:left], part.parameters.get("charset", ""))
        left -= min(len(data), left)
        used = read if number == 0 else used
        text, spans, more = _from_html(read.text) if part.type in HTML else (_plain(read.text, part), [], [])
        marks += more
        text = text.lstrip("\ufeff").strip("\n") if not spans else text
        if text:
            quoted.extend((start + length, end + length) for start, end in spans)
            texts.append(text)
            length += len(text) + 2
    return "\n\n".join(texts), quoted, used, marks


def _plain(source: str, part: Entity) -> str:
    """Plain text, its paragraphs whole again where the mail says that they were broken."""
    text = clean(source)
    if part.parameters.get("format", "").lower() != "flowed":
        return text
    joint = "" if part.parameters.get("delsp", "").lower() == "yes" else " "
    if text.lstrip()[:4].lower() != "set-":
        return decode.unflowed(text, joint)
    from crmcli.mail import commands

    block = commands.read(text)  # a blank behind a command does not join the next line to it
    start = block[-1].end if block else 0
    return text[:start] + decode.unflowed(text[start:], joint)


def _from_html(source: str) -> tuple[str, list[Span], list[str]]:
    from crmcli.mail import html

    page = html.to_text(source)
    return page.text, page.quoted, ["html", "cut-text"] if page.cut else ["html"]


def _attachment(raw: bytes, part: Entity) -> Part:
    content = decode.transfer(raw[part.start : part.end], part.encoding)
    inline = part.disposition == "inline" or (part.disposition != "attachment" and bool(part.get("content-id")))
    return Part(clean(part.name, lines=False) or NAMES.get(part.type, ""), part.type, content, inline, digest.hexdigest(content))


def _special(root: Entity, attachments: tuple[Part, ...]) -> list[str]:
    """The marks that the kinds of its parts give a mail."""
    found, waiting = [], [root]
    while waiting:
        part = waiting.pop()
        waiting.extend(part.children)
        if part.type in SMIME:
            found.append("signed" if "signed" in part.parameters.get("smime-type", "") else "encrypted")
        elif part.type in SPECIAL:
            found.append(SPECIAL[part.type])
    return found + ["winmail" for part in attachments if part.name.lower() == "winmail.dat"]
