"""What senders and transports hand each other: a mail in its envelope, and the two ways in which it can fail to leave."""

from __future__ import annotations

from collections.abc import Callable

from crmcli.tuples import NamedTuple, TypeAlias


class Parcel(NamedTuple):
    """A finished mail in its envelope; sender is '' for a mail that nobody may answer by a bounce."""

    id: int
    sender: str
    recipient: str
    message_id: str
    created_at: str
    content: bytes


class Refused(Exception):
    """The recipient was refused; lasting tells that trying again is of no use."""

    def __init__(self, words: str, lasting: bool) -> None:
        super().__init__(words)
        self.lasting = lasting


class Down(Exception):
    """The transport does not work, or (by_mail) does not take this mail."""

    def __init__(self, words: str, by_mail: bool = False) -> None:
        super().__init__(words)
        self.by_mail = by_mail


Deliver: TypeAlias = Callable[[Parcel], None]
