"""A mail's bytes → what it says. Pure, and it never raises (mail.md §6)."""

from __future__ import annotations

import calendar
import hashlib
import re
from email.utils import parsedate_tz

from crmcli.mail import address, decode, marks, mime
from crmcli.mail.incoming import Incoming, Mailbox, Part, Span
from crmcli.text import clean

TEXT = 5_000_000
ADDRESSES = 1000

ID = re.compile(r"<([^<>]{1,998})>")
HTML = ("text/html", "text/enriched", "text/richtext", "application/xhtml+xml")
# Renderings of one text: those of an alternative that are not shown are no attachments.
RENDERINGS = ("text/plain", "text/x-amp-html", "text/watch-html", *HTML)
# What a part of this type or of this name says about the mail.
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


def parse(raw: bytes) -> Incoming:
    """The mail as a value; a mail that cannot be read is `poisoned`."""
    try:
        return _read(raw)
    except Exception:  # whatever a mail does to us, it is kept and a person sees it
        return poisoned(raw)


def poisoned(raw: bytes) -> Incoming:
    """The mail as good as it goes without reading it: headers as latin-1, body as it stands, the whole attached."""
    head, _, body = raw[: TEXT + mime.HEADERS].replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head[: mime.HEADERS].decode("latin-1").replace("\n ", " ").replace("\n\t", " ").split("\n")
    fields = [line.partition(":") for line in lines if ":" in line]
    headers = tuple((name.strip().lower(), clean(value, lines=False)[: mime.HEADER]) for name, _, value in fields)
    text = clean(body[:TEXT].decode("latin-1"))
    values = dict(reversed(headers))
    found = ID.search(values.get("message-id", ""))
    return Incoming(
        message_id=found[1] if found else None,
        in_reply_to=(),
        references=(),
        from_=None,
        from_name=values.get("from", ""),
        reply_to=(),
        to=(),
        cc=(),
        subject=values.get("subject", ""),
        date=None,
        headers=headers,
        received=tuple(value for name, value in headers if name == "received"),
        text=text,
        html_used=False,
        charset="latin-1",
        charset_reason="fallback",
        attachments=(Part("message.eml", "message/rfc822", raw, False),),
        visible=((0, len(text)),),
        marks=("poison",),
        content_key=hashlib.sha256(raw).hexdigest(),
    )


def _read(raw: bytes) -> Incoming:
    root, cut = mime.tree(raw)
    found = dict.fromkeys(cut)
    fields = [(name.lower(), mime.FOLD.sub("", value)) for name, value in root.fields]
    first = dict(reversed(fields))
    senders = address.mailboxes(first.get("from", ""), ADDRESSES)
    name, sender = next((box for box in senders if box[1]), senders[0] if senders else ("", ""))
    if sum(key == "from" for key, _ in fields) > 1:
        found["two-from"] = None
    boxes = {key: _boxes(fields, key, found) for key in ("reply-to", "to", "cc")}
    bodies, others = _chosen(root)
    text, quoted, used = _text(raw, bodies, found)
    attachments = tuple(_part(raw, part) for part in others)
    found.update(dict.fromkeys(_special(root, attachments, text)))
    date = next(filter(None, (_date(value) for key, value in fields if key == "date")), None)
    return Incoming(
        message_id=next(iter(_ids(first.get("message-id", ""))), None),
        in_reply_to=_ids(first.get("in-reply-to", "")),
        references=_ids(first.get("references", "")),
        from_=sender or None,
        from_name=name,
        reply_to=boxes["reply-to"],
        to=boxes["to"],
        cc=boxes["cc"],
        subject=clean(decode.words(first.get("subject", "")), lines=False),
        date=date,
        headers=tuple((key, clean(decode.eight_bit(value), lines=False)) for key, value in fields),
        received=tuple(clean(decode.eight_bit(value), lines=False) for key, value in fields if key == "received"),
        text=text,
        html_used="html" in found,
        charset=used.charset,
        charset_reason=used.reason,
        attachments=attachments,
        visible=marks.visible(text, quoted),
        marks=tuple(found),
        content_key=_key(sender, date, text, attachments),
    )


def _boxes(fields: list[mime.Field], key: str, found: dict[str, None]) -> tuple[Mailbox, ...]:
    value = ", ".join(value for name, value in fields if name == key)
    boxes = address.addressed(value, ADDRESSES) if value else ()
    if len(boxes) >= ADDRESSES:
        found["cut-addresses"] = None
    return boxes


def _ids(value: str) -> tuple[str, ...]:
    """The ids of a header in their order, each once, without brackets and blanks; one without brackets counts too."""
    found = ID.findall(value) or [word for word in value.split() if "@" in word]
    return tuple(dict.fromkeys(filter(None, ("".join(clean(decode.eight_bit(one)).split()) for one in found))))


def _date(value: str) -> str | None:
    """UTC text of a Date header; None where it is none, or out of 1970–9999."""
    try:
        found = parsedate_tz(clean(value, lines=False))
        if not found:
            return None
        seconds = calendar.timegm((*found[:6], 0, 1, 0)) - (found[9] or 0)
        year, month, day, hour, minute, second = _civil(seconds)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z" if 1970 <= year <= 9999 else None


def _civil(seconds: int) -> tuple[int, ...]:
    import time

    return time.gmtime(seconds)[:6]


def _chosen(root: mime.Entity) -> tuple[list[mime.Entity], list[mime.Entity]]:
    """The parts that make the text, and the attachments."""
    bodies = _bodies(root)
    chosen = {id(part) for part in bodies}
    spare = {id(part) for part in _spare(root, chosen)}
    others = [part for part in mime.leaves(root) if id(part) not in chosen | spare]
    return bodies, [part for part in others if not part.type.startswith("multipart/")]


def _bodies(entity: mime.Entity) -> list[mime.Entity]:
    if entity.children:
        found = [_bodies(child) for child in entity.children]
        if entity.type != "multipart/alternative":
            return [part for some in found for part in some]
        plain = [some for some in found if any(part.type == "text/plain" and part.start < part.end for part in some)]
        return next(iter(plain or filter(None, reversed(found))), [])
    is_text = entity.type == "text/plain" or entity.type in HTML or entity.type.startswith("multipart/")
    return [entity] if is_text and entity.disposition != "attachment" and not entity.name else []


def _spare(root: mime.Entity, chosen: set[int]) -> list[mime.Entity]:
    """The renderings of alternatives that are not shown."""
    found, waiting = [], [(root, False)]
    while waiting:
        part, inside = waiting.pop()
        inside = inside or part.type == "multipart/alternative"
        waiting.extend((child, inside) for child in part.children)
        if inside and part.type in RENDERINGS and part.disposition != "attachment" and id(part) not in chosen:
            found.append(part)
    return found


def _text(raw: bytes, bodies: list[mime.Entity], found: dict[str, None]) -> tuple[str, list[Span], decode.Decoded]:
    """The text of the parts, what HTML says is quoted in it, and how the first part was decoded."""
    texts: list[str] = []
    quoted: list[Span] = []
    used, left = decode.Decoded("", "utf-8", "utf-8"), TEXT
    for number, part in enumerate(bodies):
        data = decode.transfer(raw[part.start : part.end], part.encoding)
        if len(data) > left:
            found["cut-text"] = None
            data = data[:left]
        left -= len(data)
        read = decode.text(data, part.parameters.get("charset", ""))
        used = read if number == 0 else used
        spans: list[Span] = []
        if part.type in HTML:
            from crmcli.mail import html

            text, spans, cut = html.to_text(read.text)
            found["html"] = None
            found.update({"cut-text": None} if cut else {})
        else:
            text = clean(read.text).lstrip("\ufeff").strip("\n")
        if text:
            at = sum(len(one) + 2 for one in texts)
            quoted.extend((start + at, end + at) for start, end in spans)
            texts.append(text)
    return "\n\n".join(texts), quoted, used


def _part(raw: bytes, part: mime.Entity) -> Part:
    content = decode.transfer(raw[part.start : part.end], part.encoding)
    inline = part.disposition == "inline" or (part.disposition != "attachment" and bool(part.get("content-id")))
    name = clean(part.name, lines=False) or NAMES.get(part.type, "")
    return Part(name, part.type, content, inline)


def _special(root: mime.Entity, attachments: tuple[Part, ...], text: str) -> list[str]:
    """The marks that the kinds of its parts give a mail."""
    found, waiting = [], [root]
    while waiting:
        part = waiting.pop()
        waiting.extend(part.children)
        if part.type in SMIME:
            found.append("signed" if "signed" in part.parameters.get("smime-type", "") else "encrypted")
        elif part.type in SPECIAL:
            found.append(SPECIAL[part.type])
    if any(part.name.lower() == "winmail.dat" for part in attachments):
        found.append("winmail")
    return found + [mark for line, mark in PGP if line in text]


def _key(sender: str, date: str | None, text: str, attachments: tuple[Part, ...]) -> str:
    """What is equal for copies of one mail: sha256 of sender, date, text and the hashes of the attachments."""
    parts = [sender, date or "", text, *(hashlib.sha256(part.content).hexdigest() for part in attachments)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
