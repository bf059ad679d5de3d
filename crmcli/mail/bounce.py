"""What a bounce says: who was not reached, why, and which mail of ours came back (mail.md §4, RFC 3464). Pure.

Imported only for mails that look like bounces: flufl.bounce, which knows the servers that follow no standard, is
slow to load.
"""

from __future__ import annotations

import re
from email.parser import HeaderParser

from crmcli.mail.address import bare
from crmcli.mail.incoming import RETURNED, Incoming
from crmcli.mail.words import words
from crmcli.text import clean
from crmcli.tuples import NamedTuple

HEAD = 256 * 1024
# What flufl.bounce is given: 262,144 empty lines cost it 3 s, and the longest line of an honest mail is this (RFC 5322 §2.1.1).
LINES = 10_000
LINE = 1000
RECIPIENTS = 1000
REASON = 500
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


def names_recipients(text: str) -> bool:
    """Whether the text names recipients that were not reached, in a form that flufl.bounce knows of some mail server."""
    return any(_failures("\n" + text[:HEAD]))


def _failures(mail: str) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Who was not reached for now, and for good; a bounce that cannot be read says nothing."""
    import logging
    from email import message_from_string

    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").disabled = True  # what it writes to standard error is a failure to Exim
    try:
        message = message_from_string("\n".join(line[:LINE] for line in mail.split("\n", LINES)[:LINES]))
        if "@" not in (message["From"] or ""):  # one of its readers fails there, and with it those after
            del message["From"]
            message["From"] = "nobody@invalid"
        temporary, permanent = all_failures(message)
    except Exception:
        return frozenset(), frozenset()
    return frozenset(temporary), frozenset(permanent)


def _guessed(raw: bytes, text: str) -> tuple[Failure, ...]:
    temporary, permanent = _failures(raw[:HEAD].decode("ascii", "surrogateescape").replace("\r\n", "\n"))
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
