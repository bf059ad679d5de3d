"""The envelope of a mail: whom the mail server took it for, and from whom (mail.md §1). Pure.

What is given wins: options, then the environment that the mail server sets, then the trace headers that stand
above the first Received. Where none of them names a recipient, To and Cc are matched with our sections later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from crmcli.text import is_address
from crmcli.tuples import NamedTuple

# Trace headers that name the recipient, best first: Postfix, Exim, then everybody.
TO = ("x-original-to", "envelope-to", "delivered-to")
FROM = "return-path"
# How mail servers write the empty sender: as nothing, as Postfix and Sendmail do where they must write something, as qmail.
EMPTY = ("", "mailer-daemon", "#@[]")
TRACE = frozenset((*TO, FROM))

# No header block of an honest mail server's own is longer.
REACH = 65536
HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]*(?:\r?\n(?=[ \t])|(?=\r?\n)|$))*)\r?\n?")


class Envelope(NamedTuple):
    """Recipients and sender as bare addresses; sender None where nobody told, '' for a bounce; section is a code."""

    recipients: tuple[str, ...] = ()
    sender: str | None = None
    section: str = ""

    @property
    def route(self) -> str:
        """What tells one delivery of the same bytes from another: the section, else the recipients."""
        return f"section {self.section.lower()}" if self.section else ", ".join(self.recipients).lower()


class Trace(NamedTuple):
    """What stands at the top of a mail: where the mail itself begins, and the trace headers above the first Received."""

    start: int
    headers: tuple[tuple[str, str], ...]


def told(section: str, recipients: Sequence[str], sender: str | None, environ: Mapping[str, str]) -> Envelope:
    """The envelope by options, else by the environment of Postfix local, Exim, OpenSMTPD, qmail or Courier."""
    found = [address for given in recipients for address in _bare(given)] or _from_environment(environ)
    return Envelope(tuple(dict.fromkeys(found)), _sender(environ.get("SENDER") if sender is None else sender), section)


def completed(envelope: Envelope, trace: Trace) -> Envelope:
    """The envelope with what it leaves open taken from the trace headers."""
    recipients, sender = envelope.recipients, envelope.sender
    if not recipients and not envelope.section:
        recipients = tuple(dict.fromkeys(next((found for name in TO if (found := _all(trace, name))), [])))
    if sender is None:
        sender = _sender(next((value for name, value in trace.headers if name == FROM), None))
    return envelope._replace(recipients=recipients, sender=sender)


def trace(raw: bytes) -> Trace:
    """The trace headers above the first Received, and the offset of the bytes that every copy of the mail shares.

    Left out of those are a leading ``From `` line of a mailbox and the trace headers at the very top.
    """
    head = raw[:REACH]
    position = start = head.find(b"\n") + 1 if head.startswith((b"From ", b">From ")) else 0
    headers: list[tuple[str, str]] = []
    top = True
    while found := HEADER.match(head, position):
        name = found[1].decode("ascii").lower()
        if name == "received":
            break
        position = found.end()
        if name in TRACE:
            headers.append((name, " ".join(found[2].decode("utf-8", "replace").split())))
            start = position if top else start
        else:
            top = False
    return Trace(start, tuple(headers))


def plus_part(address: str) -> str:
    """What stands behind the plus in the local part: ``support+x7@us.example`` → ``x7``."""
    return address.rpartition("@")[0].partition("+")[2]


def _from_environment(environ: Mapping[str, str]) -> list[str]:
    found = _bare(environ.get("ORIGINAL_RECIPIENT") or environ.get("RECIPIENT") or "")
    if not found:
        return []
    extension = environ.get("EXTENSION") or environ.get("LOCAL_PART_SUFFIX", "").lstrip("+") or ""
    local, _, domain = found[0].rpartition("@")
    return found if not extension or "+" in local else [f"{local}+{extension}@{domain}"]


def _all(trace: Trace, wanted: str) -> list[str]:
    """The addresses of the topmost header of this name."""
    return next((_bare(value) for name, value in trace.headers if name == wanted and _bare(value)), [])


def _sender(given: str | None) -> str | None:
    """The envelope sender; the ways in which mail servers write the empty one are one, and one that is no address is unknown."""
    if given is None:
        return None
    bare = given.strip().strip("<>").strip()
    return bare if is_address(bare) else "" if bare.lower() in EMPTY else None


def _bare(given: str) -> list[str]:
    return [bare for part in given.split(",") if is_address(bare := part.strip().strip("<>").strip())]
