"""What an address tells: the organisation behind it, and whether a person reads it. Pure."""

from __future__ import annotations

from itertools import pairwise

# Second-level names under which organisations register: the last three labels are theirs.
REGISTRIES = frozenset(("ac", "co", "com", "edu", "gob", "gov", "gv", "mil", "ne", "net", "nom", "or", "org"))

# Mail servers themselves, by the local part of an address or by a name, without what separates its words.
SERVERS = frozenset(
    (
        "mdaemon", "maildaemon", "mailerdaemon", "postmaster", "maildeliverysystem", "maildeliverysubsystem",
        "emaildeliverysystem", "emaildeliverysubsystem", "internetmaildeliverysystem", "internetmaildeliverysubsystem",
    )
)  # fmt: skip
NOTHING_BETWEEN = str.maketrans("", "", "-_. ")
DASHES = str.maketrans("_.+=", "----")

NO_REPLY = frozenset(("noreply", "notreply", "donotreply"))
OF_LISTS = ("-owner", "-request", "-bounce", "-bounces")


def organisation(address: str) -> str:
    """The registered domain of an address or domain, lower case: ``mail.acme.co.uk`` → ``acme.co.uk``."""
    labels = address.rpartition("@")[2].lower().rstrip(".").split(".")
    three = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in REGISTRIES
    return ".".join(labels[-3:] if three else labels[-2:])


def reads_nobody(address: str) -> bool:
    """Whether no person reads the address: mailer-daemon, postmaster, no-reply forms, the robots of lists.

    Told by words and not by a pattern, which would take longer to compile than the whole mail to classify.
    """
    local = address.rpartition("@")[0].lower()
    words = local.translate(DASHES).split("-")
    return (
        _is_server(local)
        or not NO_REPLY.isdisjoint(words)
        or any(word == "reply" and before in ("no", "not", "donot") for before, word in pairwise(words))
        or local.replace("+", "-").replace("=", "-").partition("-")[0] in ("bounce", "bounces")
        or local.startswith("owner-")
        or local.endswith(OF_LISTS)
        or local in ("listserv", "majordomo")
    )


def is_daemon(name: str) -> bool:
    """Whether an address or a name is that of a mail server, which writes of mails that it could not deliver."""
    return _is_server(name.rpartition("@")[0].lower() or name.lower())


def _is_server(local: str) -> bool:
    return local.translate(NOTHING_BETWEEN) in SERVERS
