"""What a bounce says: who was not reached, why, and which mail of ours came back (mail.md §4, RFC 3464). Pure.

Imported only for mails that look like bounces: flufl.bounce, which knows the servers that follow no standard, is
slow to load.
"""

from __future__ import annotations

import re
from email.parser import HeaderParser

from crmcli.mail.address import bare
from crmcli.mail.incoming import Incoming
from crmcli.mail.words import words
from crmcli.text import clean
from crmcli.tuples import NamedTuple

HEAD = 256 * 1024
RECIPIENTS = 1000
REASON = 500
RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
UNFAILED = ("delayed", "delivered", "relayed", "expanded")

BLANK = re.compile(r"\n[ \t]*\n")
STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
REPLY = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])")
# Ids of a returned mail, also where its headers stand in the text of the bounce, quoted or not.
IDS = re.compile(r"^[> \t|]*(?:Message-ID|References|In-Reply-To)[ \t]*:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
ID = re.compile(r"<([^<>\s]{1,998})>")


class Failure(NamedTuple):
    """One recipient: action is failed, delayed, delivered, relayed or expanded; status as RFC 3463, like 5.1.1."""

    address: str
    action: str
    status: str
    reason: str

    @property
    def permanent(self) -> bool:
        """Whether the address will not work tomorrow either."""
        return self.action == "failed" and self.status.startswith("5")


class Bounce(NamedTuple):
    """The recipients that a bounce is about, and the ids of the returned mail and of those that it answered."""

    recipients: tuple[Failure, ...]
    ids: tuple[str, ...]


def read(raw: bytes, incoming: Incoming) -> Bounce:
    """What the bounce says, by RFC 3464, else as flufl.bounce understands it; empty where neither does."""
    reports = [_text(part.content) for part in incoming.attachments if part.type.endswith("/delivery-status")]
    blocks = [block for report in reports for block in BLANK.split(report, RECIPIENTS)][:RECIPIENTS]
    found = dict.fromkeys(failure for block in blocks if (failure := _recipient(block)))
    return Bounce(tuple(found) or _guessed(raw, incoming.text), _ids(incoming))


def _text(content: bytes) -> str:
    return content[:HEAD].decode("utf-8", "replace").replace("\r\n", "\n")


def _recipient(block: str) -> Failure | None:
    """The recipient of one group of fields; None for the group about the message."""
    fields = HeaderParser().parsestr(block.strip("\n"))
    values = {name.lower(): clean(str(value), lines=False) for name, value in reversed(list(fields.raw_items()))}
    named = (values.get(name, "").rpartition(";")[2] for name in ("original-recipient", "final-recipient", "x-actual-recipient"))
    address = next(filter(None, (bare(name.strip().strip("<>")) for name in named)), "")
    if not address:
        return None
    reason = words(values.get("diagnostic-code", "")) or values.get("status", "")
    action = values.get("action", "").lower().partition(" ")[0]
    action = action if action in UNFAILED else "failed"
    return Failure(address, action, _status(values.get("status", ""), action, reason), reason[:REASON])


def _status(status: str, action: str, reason: str) -> str:
    """The status, else the one in the reason, else what the action says in general."""
    for text in (status, reason):
        if found := STATUS.search(text):
            return ".".join(found.groups())
    if found := REPLY.search(reason):
        return f"{found[1]}.0.0"
    return {"failed": "5.0.0", "delayed": "4.0.0"}.get(action, "2.0.0")


def _guessed(raw: bytes, text: str) -> tuple[Failure, ...]:
    from email import message_from_bytes

    from flufl.bounce import all_failures

    try:
        temporary, permanent = all_failures(message_from_bytes(raw[:HEAD]))
    except Exception:  # a bounce that cannot be read says nothing
        return ()
    statuses = {found[1]: ".".join(found.groups()) for found in reversed(list(STATUS.finditer(text[:HEAD])))}
    failures = [("failed", "5", one) for one in permanent] + [("delayed", "4", one) for one in temporary - permanent]
    named = sorted((action, kind, bare(one.decode("utf-8", "replace"))) for action, kind, one in failures)
    reason = clean(text[:REASON], lines=False)
    found = [Failure(one, action, statuses.get(kind, f"{kind}.0.0"), reason) for action, kind, one in named if one]
    return tuple(found[:RECIPIENTS])


def _ids(incoming: Incoming) -> tuple[str, ...]:
    texts = [_text(part.content) for part in incoming.attachments if part.type in RETURNED]
    found = [one for text in (*texts, incoming.text[:HEAD]) for value in IDS.findall(text) for one in ID.findall(value)]
    return tuple(dict.fromkeys((*found, *incoming.in_reply_to, *incoming.references)))
