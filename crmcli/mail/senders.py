"""What an address tells: the organisation behind it, and whether a person reads it. Pure."""

from __future__ import annotations

import re

# Second-level names under which organisations register: the last three labels are theirs.
REGISTRIES = frozenset(("ac", "co", "com", "edu", "gob", "gov", "gv", "mil", "ne", "net", "nom", "or", "org"))

# Mail servers themselves, by the local part of an address or by a name.
DAEMON = r"(m|mail|mailer)[-_. ]?daemon|postmaster|(internet |e-?)?mail[-_. ]?delivery[-_. ]?(sub-?)?system"

NOBODY = re.compile(
    rf"{DAEMON}|(.*[-_.+])?(no|not|donot|do[-_.]not)[-_.]?reply([-_.+].*)?"
    r"|owner-.*|.*-(owner|request|bounces?)|bounces?([-+=].*)?|listserv|majordomo"
)


def organisation(address: str) -> str:
    """The registered domain of an address or domain, lower case: ``mail.acme.co.uk`` → ``acme.co.uk``."""
    labels = address.rpartition("@")[2].lower().rstrip(".").split(".")
    three = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in REGISTRIES
    return ".".join(labels[-3:] if three else labels[-2:])


def reads_nobody(address: str) -> bool:
    """Whether no person reads the address: mailer-daemon, postmaster, no-reply forms, the robots of lists."""
    return NOBODY.fullmatch(address.rpartition("@")[0].lower()) is not None


def is_daemon(name: str) -> bool:
    """Whether an address or a name is that of a mail server, which writes of mails that it could not deliver."""
    local = name.rpartition("@")[0].lower() or name.lower()
    return NOBODY.fullmatch(local) is not None and re.fullmatch(DAEMON, local) is not None  # compiled for few mails
