"""What one mail says, as a value: all that later steps may know of it (mail.md §6)."""

from __future__ import annotations

from crmcli.tuples import NamedTuple, TypeAlias

Mailbox: TypeAlias = tuple[str, str]  # name, address
Span: TypeAlias = tuple[int, int]  # start, end: offsets into a text

RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
"""Types of parts in which a mail comes back to its sender."""


class Part(NamedTuple):
    """A file that came with a mail: name as the sender wrote it (decoded, one line), type in lower case, its digest."""

    name: str
    type: str
    content: bytes
    inline: bool
    sha256: str


class Incoming(NamedTuple):
    """A mail as read.

    Ids stand without their angle brackets; references run from the oldest to the newest. Addresses are bare,
    with the domain in lower case; entries without an address are left out of reply_to, to and cc. headers are all
    of the mail's own, in their order: lower-case name, and the value unfolded, with encoded words as they came.
    visible are the parts of text that the sender wrote now (marks.py); quotes and signatures lie between them.
    content_key is equal for copies of one mail that came by different ways (mail.md §3).

    marks: 'poison' (could not be read: everything is raw), 'cut-headers', 'cut-header', 'cut-addresses', 'cut-depth',
    'cut-parts', 'cut-text' (a budget of mail.md §6 was exceeded), 'truncated' (the end of the mail is missing),
    'html' (the text was made from HTML), 'late-text' (what looks like commands stands in a file or a later part),
    'signed', 'encrypted', 'winmail', 'calendar', 'message' (carries such a part), 'two-from' (more than one sender in
    From).
    """

    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    from_: str | None
    from_name: str
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    date: str | None
    headers: tuple[tuple[str, str], ...]
    received: tuple[str, ...]
    text: str
    html_used: bool
    charset: str
    charset_reason: str
    attachments: tuple[Part, ...]
    visible: tuple[Span, ...]
    marks: tuple[str, ...]
    content_key: str

    def header(self, name: str) -> str | None:
        """The first value of the header of this lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the header of this lower-case name, from the top."""
        return tuple([value for key, value in self.headers if key == name])

    @property
    def own_text(self) -> str:
        """What the sender wrote now: the text without quotes and signatures."""
        return "\n".join(self.text[start:end].strip("\n") for start, end in self.visible)
