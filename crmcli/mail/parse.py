"""A mail's bytes → what it says. Pure, and it never raises (mail.md §6)."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

from crmcli import digest
from crmcli.mail import address, body, marks, mime
from crmcli.mail.incoming import Incoming, Mailbox, Part
from crmcli.mail.words import eight_bit, words
from crmcli.text import clean
from crmcli.tuples import TYPE_CHECKING

if TYPE_CHECKING:
    from email.utils import parsedate_tz
else:
    from email._parseaddr import parsedate_tz  # email.utils loads sockets and random numbers, for 5 ms on every mail

ADDRESSES = 1000
ID = re.compile(r"<([^<>]{1,998})>")


def parse(raw: bytes) -> Incoming:
    """The mail as a value; a mail that cannot be read is `poisoned`."""
    try:
        return _read(raw)
    except Exception:  # whatever a mail does to us, it is kept and a person sees it
        return poisoned(raw)


def poisoned(raw: bytes) -> Incoming:
    """The mail as good as it goes without reading it: headers as latin-1, body as it stands, the whole attached."""
    head, _, below = raw[: body.TEXT + mime.HEADERS].replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head[: mime.HEADERS].decode("latin-1").replace("\n ", " ").replace("\n\t", " ").split("\n")
    fields = [line.partition(":") for line in lines if ":" in line]
    headers = tuple((name.strip().lower(), clean(value, lines=False)[: mime.HEADER]) for name, _, value in fields)
    text = clean(below[: body.TEXT].decode("latin-1"))
    values = dict(reversed(headers))
    return Incoming(
        message_id=next(iter(_ids(values.get("message-id", ""))), None),
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
        attachments=(Part("message.eml", "message/rfc822", raw, False, digest.hexdigest(raw)),),
        visible=((0, len(text)),) if text else (),
        marks=("poison",),
        content_key=digest.hexdigest(raw),
    )


def _read(raw: bytes) -> Incoming:
    root, cut = mime.tree(raw)
    hint = body.charset(raw, root)
    below = body.read(raw, root)
    fields = [(name.lower(), mime.unfolded(value)) for name, value in root.fields]
    first = dict(reversed(fields))
    headers = tuple((name, clean(eight_bit(value, hint), lines=False)) for name, value in fields)
    senders = _mailboxes(fields, "from", hint)
    name, sender = next((box for box in senders if box[1]), senders[0] if senders else ("", ""))
    boxes = {key: tuple(box for box in _mailboxes(fields, key, hint) if box[1]) for key in ("reply-to", "to", "cc")}
    date = next(filter(None, (_date(value) for key, value in headers if key == "date")), None)
    found = dict.fromkeys((*cut, *below.marks))
    found |= {"two-from": None} if len({box[1] for box in senders if box[1]}) > 1 else {}
    found |= {"cut-addresses": None} if any(len(some) >= ADDRESSES for some in boxes.values()) else {}
    return Incoming(
        message_id=next(iter(_ids(first.get("message-id", ""))), None),
        in_reply_to=_ids(first.get("in-reply-to", "")),
        references=_ids(first.get("references", "")),
        from_=sender or None,
        from_name=name,
        reply_to=boxes["reply-to"],
        to=boxes["to"],
        cc=boxes["cc"],
        subject=clean(words(first.get("subject", ""), hint), lines=False),
        date=date,
        headers=headers,
        received=tuple(value for key, value in headers if key == "received"),
        text=below.text,
        html_used="html" in found,
        charset=below.charset,
        charset_reason=below.reason,
        attachments=below.attachments,
        visible=marks.visible(below.text, below.quoted),
        marks=tuple(found),
        content_key=_key(sender, date, below.text, below.attachments, first),
    )


def _mailboxes(fields: list[mime.Field], key: str, charset: str) -> list[Mailbox]:
    """All mailboxes of the headers of one name, from the top."""
    value = ", ".join(value for name, value in fields if name == key)
    return address.mailboxes(value, ADDRESSES, charset) if value else []


def _ids(value: str) -> tuple[str, ...]:
    """The ids of a header in their order, each once, without brackets and blanks; one without brackets counts too."""
    found = ID.findall(value) or [word for word in value.split() if "@" in word]
    return tuple(dict.fromkeys(filter(None, ("".join(clean(eight_bit(one)).split()) for one in found))))


def _date(value: str) -> str | None:
    """UTC text of a Date header; None where it is none, or before 1970."""
    try:
        found = parsedate_tz(value)
        if not found:
            return None
        seconds = calendar.timegm((*found[:6], 0, 1, 0)) - (found[9] or 0)
        at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at.year >= 1970 else None


def _key(sender: str, date: str | None, text: str, attachments: tuple[Part, ...], headers: dict[str, str]) -> str:
    """What is equal for copies of one mail: sha256 of sender, date, text and the hashes of the attachments.

    Of one without id and date the subject too: scripts that write such mails may say nothing else.
    """
    parts = [sender, date or "", text, *(part.sha256 for part in attachments)]
    if not date and not _ids(headers.get("message-id", "")):
        parts.append(headers.get("subject", ""))
    return digest.hexdigest("\0".join(parts).encode("utf-8", "replace"))
