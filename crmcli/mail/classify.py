"""What kind of mail it is: a table of named signs, the strongest kind that any of them speaks for (mail.md §4). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from crmcli.mail import undelivered
from crmcli.mail.incoming import Incoming
from crmcli.mail.senders import reads_nobody
from crmcli.text import is_own
from crmcli.tuples import NamedTuple

KINDS = ("own-loop", "bounce", "receipt", "feedback", "auto-reply", "bulk", "human")
"""The kinds, the strongest first."""

LOST = 50
"""A mail that passed more servers than this runs in a circle."""

# Patterns that few mails need are compiled when one does.
ADDRESS = r"[^\s<>(),;:\"]+@[^\s<>(),;:\"]+"
REPORT = r"multipart/report\b.*\breport-type\s*=\s*\"?([a-z-]+)"


class Known(NamedTuple):
    """What is known beside the mail itself; addresses are lower case.

    sender is the envelope's (None: unknown, '': a bounce); signed tells that the Message-ID is one of ours; staff
    that From is an address of a user.
    """

    sender: str | None = None
    signed: bool = False
    staff: bool = False
    own: frozenset[str] = frozenset()
    own_lists: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()


class Kind(NamedTuple):
    """One of KINDS, the names of the signs that were found, and whether the sender forbids an automatic answer."""

    name: str
    evidence: tuple[str, ...] = ()
    unthanked: bool = False


class Sign(NamedTuple):
    """A named sign of a kind: one of these headers is there (none: of any mail), and what is asked of it holds.

    A list's signs do not count where the list is one of our own.
    """

    name: str
    kind: str
    headers: tuple[str, ...] = ()
    holds: Callable[[Incoming, Known], bool] | None = None
    of_list: bool = False


def classify(incoming: Incoming, known: Known) -> Kind:
    """The kind of a mail with its evidence; a web form's mail is human whatever robots' signs it bears."""
    ours = _from_own_list(incoming, known)
    known = known._replace(sender=None) if ours and known.sender else known  # the list's own, where its bounces go
    names = {name for name, _ in incoming.headers}
    asked = [sign for sign in SIGNS if not ((sign.headers and names.isdisjoint(sign.headers)) or (ours and sign.of_list))]
    signs = [sign for sign in asked if sign.holds is None or sign.holds(incoming, known)]
    if (incoming.from_ or "").lower() in known.forms:
        signs = [sign for sign in signs if sign.kind not in ("auto-reply", "bulk")]
    name = min((sign.kind for sign in signs), key=KINDS.index, default="human")
    suppressed = (incoming.header("x-auto-response-suppress") or "none").lower()
    return Kind(name, tuple(sign.name for sign in signs), suppressed != "none")


def _value(names: tuple[str, ...], *values: str) -> Callable[[Incoming, Known], bool]:
    return lambda incoming, known: any(_word(value) in values for name in names for value in incoming.all(name))


def _word(value: str) -> str:
    """What a header says before its parameters: no comments, lower case."""
    if "(" not in value:
        return value.partition(";")[0].strip().lower()
    from crmcli.mail.identity import clauses

    return clauses(value)[0].strip().lower()


def _report(kind: str) -> Callable[[Incoming, Known], bool]:
    def found(incoming: Incoming, known: Known) -> bool:
        value = (incoming.header("content-type") or "").lower()
        said = re.match(REPORT, value) if value.startswith("multipart/report") else None
        return said is not None and said[1] == kind

    return found


def _part(kind: str) -> Callable[[Incoming, Known], bool]:
    def found(incoming: Incoming, known: Known) -> bool:
        types = [_word(incoming.header("content-type") or ""), *(part.type for part in incoming.attachments)]
        return kind in types

    return found


def _untyped_report(incoming: Incoming, known: Known) -> bool:
    """A report that does not say of what is about a delivery, unless a part of it says else."""
    value = (incoming.header("content-type") or "").lower()
    if not value.startswith("multipart/report") or "report-type" in value:
        return False
    return not any(part.type in ("message/disposition-notification", "message/feedback-report") for part in incoming.attachments)


def _daemon_unanswered(incoming: Incoming, known: Known) -> bool:
    return _no_sender(incoming, known) and undelivered.by_daemon(incoming)


def _daemon_titled(incoming: Incoming, known: Known) -> bool:
    return undelivered.by_daemon(incoming) and undelivered.is_titled(incoming)


def _brings_back(incoming: Incoming, known: Known) -> bool:
    return undelivered.brings_back(incoming)


def _names_recipients(incoming: Incoming, known: Known) -> bool:
    return undelivered.names_recipients(incoming)


def _away(incoming: Incoming, known: Known) -> bool:
    return incoming.subject.lower().replace(" :", ":").startswith(AWAY)


def _automatic(incoming: Incoming, known: Known) -> bool:
    return any(_word(value) != "no" for value in incoming.all("auto-submitted"))


def _no_sender(incoming: Incoming, known: Known) -> bool:
    return known.sender == "" or "".join((incoming.header("return-path") or "").split()) == "<>"


def _nobody(incoming: Incoming, known: Known) -> bool:
    return any(reads_nobody(address) for address in (incoming.from_, known.sender) if address)


def _own_sender(incoming: Incoming, known: Known) -> bool:
    return not known.staff and any(is_own(address, known.own) for address in (incoming.from_, known.sender) if address)


def _travelled(incoming: Incoming, known: Known) -> bool:
    return len(incoming.received) > LOST


def _delivered_twice(incoming: Incoming, known: Known) -> bool:
    ours = [found for value in incoming.all("delivered-to") if is_own(found := value.strip("<> \t").lower(), known.own)]
    return len(set(ours)) < len(ours)


def _signed(incoming: Incoming, known: Known) -> bool:
    return known.signed


def _from_own_list(incoming: Incoming, known: Known) -> bool:
    """Whether the mail came through a list that is ourselves, named by its address or its List-Id."""
    if not known.own_lists:
        return False
    said = " ".join(value for name in ("list-post", "mailing-list") for value in incoming.all(name)).lower()
    found = set(re.findall(ADDRESS, said.replace("mailto:", " ")))
    ids = {value.lower().rpartition("<")[2].partition(">")[0].strip() for value in incoming.all("list-id")}
    return bool(found & known.own_lists) or not ids.isdisjoint({*known.own_lists, *_ids(known.own_lists)})


def _ids(lists: Iterable[str]) -> set[str]:
    """The List-Ids that lists have by these addresses (RFC 2919)."""
    return {name.replace("@", ".") for name in lists}


def _looped(incoming: Incoming, known: Known) -> bool:
    """A list that is ourselves names itself here too."""
    return any(value.strip("<> \t").lower() not in known.own_lists for value in incoming.all("x-loop"))


# How the subjects begin that answering machines write; people who answer to those put a Re: before it.
AWAY = (
    "automatic reply:", "out of office:", "out of office autoreply:", "automatische antwort:", "abwesenheitsnotiz:", "abwesend:",
    "réponse automatique:", "respuesta automática:", "risposta automatica:", "automatisch antwoord:", "resposta automática:",
    "autosvar:", "automatisk svar:", "automatiskt svar:", "automatyczna odpowiedź:", "odpowiedź automatyczna:",
    "automatická odpověď:", "автоматический ответ:", "自動応答:", "自动答复:", "自動回覆:",
)  # fmt: skip

PRECEDENCE = ("precedence", "x-precedence")
OUR_OWN = "our own address"

SIGNS = (
    Sign("our Message-ID", "own-loop", (), _signed),
    Sign("too many servers", "own-loop", (), _travelled),
    Sign("delivered to us twice", "own-loop", ("delivered-to",), _delivered_twice),
    Sign("delivery report", "bounce", ("content-type",), _report("delivery-status")),
    Sign("delivery status part", "bounce", (), _part("message/delivery-status")),
    Sign("X-Failed-Recipients", "bounce", ("x-failed-recipients",)),
    Sign("report of no type", "bounce", ("content-type",), _untyped_report),
    Sign("mail server without envelope sender", "bounce", (), _daemon_unanswered),
    Sign("mail server with a bounce's title", "bounce", (), _daemon_titled),
    Sign("bounce's title and the mail", "bounce", (), _brings_back),
    Sign("bounce's title and recipients", "bounce", (), _names_recipients),
    Sign("disposition report", "receipt", ("content-type",), _report("disposition-notification")),
    Sign("disposition part", "receipt", (), _part("message/disposition-notification")),
    Sign("feedback report", "feedback", ("content-type",), _report("feedback-report")),
    Sign("feedback part", "feedback", (), _part("message/feedback-report")),
    Sign("Auto-Submitted", "auto-reply", ("auto-submitted",), _automatic),
    Sign("automatic answer's title", "auto-reply", (), _away),
    Sign("Precedence: auto_reply", "auto-reply", PRECEDENCE, _value(PRECEDENCE, "auto_reply", "auto-reply", "autoreply")),
    Sign("X-Loop", "auto-reply", ("x-loop",), _looped),
    Sign("X-No-Loop", "auto-reply", ("x-no-loop",)),
    Sign("X-Autoreply", "auto-reply", ("x-autoreply", "x-auto-reply")),
    Sign("X-Autorespond", "auto-reply", ("x-autorespond",)),
    Sign("X-Auto-Response", "auto-reply", ("x-auto-response",)),
    Sign("X-AutoReply-From", "auto-reply", ("x-autoreply-from",)),
    Sign("X-Mail-Autoreply", "auto-reply", ("x-mail-autoreply",)),
    Sign("X-Autogenerated", "auto-reply", ("x-autogenerated",)),
    Sign("X-FC-MachineGenerated", "auto-reply", ("x-fc-machinegenerated",)),
    Sign("X-Amazon-Mail-Relay-Type", "auto-reply", ("x-amazon-mail-relay-type",)),
    Sign("Delivered-To: autoresponder", "auto-reply", ("delivered-to",), _value(("delivered-to",), "autoresponder")),
    Sign("no envelope sender", "auto-reply", (), _no_sender),
    Sign("nobody's address", "auto-reply", (), _nobody),
    Sign(OUR_OWN, "auto-reply", (), _own_sender),
    Sign("Precedence: bulk", "bulk", PRECEDENCE, _value(PRECEDENCE, "bulk", "junk", "list"), of_list=True),
    Sign("List-Id", "bulk", ("list-id",), of_list=True),
    Sign("List-Unsubscribe", "bulk", ("list-unsubscribe",), of_list=True),
    Sign("List-Post", "bulk", ("list-post",), of_list=True),
    Sign("Mailing-List", "bulk", ("mailing-list",), of_list=True),
)
