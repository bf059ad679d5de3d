"""How a bounce looks where its headers follow no standard: who writes it, under which title, with what in it. Pure.

A title alone is no sign: people write about mails that did not arrive. Each sign is a title and something else that
people do not write (mail.md §4).
"""

from __future__ import annotations

from crmcli.mail.incoming import RETURNED, Incoming
from crmcli.mail.senders import is_daemon

START = 4000


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split("|"))


# Titles that servers give to bounces and nobody to anything else, in lower case.
OF_MAIL = _each(
    "undeliverable|undelivered mail|undelivered message|mail delivery |mail could not be delivered|mail not delivered|"
    "message could not be delivered|message not delivered|message delivery |email delivery failure|email delivery failed|"
    "delivery status notification|delivery failure notification|delivery notification: delivery has failed|"
    "delayed mail|mail delayed|message delayed|returned mail|returned message|returned to sender|failure notice|failed mail|"
    "mail failed|non-delivery|nondeliverable mail|mail system error|warning: could not send message|warning: message |"
    "unzustellbar|nachricht nicht zugestellt|mail konnte nicht zugestellt werden|non remis|message non distribué|"
    "notification d'état de remise|échec de la remise|no se puede entregar|correo no entregado|mensaje no entregado|"
    "notificación de estado de entrega|non recapitabile|mancato recapito|messaggio non recapitato|onbestelbaar|niet bezorgd|"
    "não é possível entregar|mensagem não entregue|nie można dostarczyć|niedostarczona wiadomość|zwrot wiadomości|"
    "olevererbart|kan inte levereras|kan ikke leveres|doručení se nezdařilo|nedoručitelné|не доставлено|недоставлен|"
    "配信不能|配信できません|未配信|系统退信|退信通知|邮件传输失败|投递失败|無法傳遞"
)
# Titles that a parcel may have as well.
OF_ANYTHING = _each(
    "delivery failure|delivery failed|delivery delayed|delivery error|delivery report|delivery notification|delivery problem|"
    "failure delivery|user unknown|could not be delivered|has not yet been delivered|message delayed|delayed"
)
TITLES = (*OF_MAIL, *OF_ANYTHING)
# What servers write of a mail that they give back, in the languages that most of them are shipped with.
TOLD = _each(
    "could not be delivered|could not deliver|unable to deliver|cannot be delivered|was not delivered|has not been delivered|"
    "not able to deliver|undeliverable|no such user|user unknown|unknown user|mailbox unavailable|mailbox is full|"
    "nicht zugestellt|unzustellbar|pas pu être remis|no se ha podido entregar|non è stato possibile recapitare|не доставлено"
)


def by_daemon(incoming: Incoming) -> bool:
    """Whether a mail server is the writer, by address or name."""
    return any(is_daemon(name) for name in (incoming.from_ or "", incoming.from_name) if name)


def is_titled(incoming: Incoming) -> bool:
    """Whether the subject has such a title, wherever in it."""
    subject = incoming.subject[:START].lower()
    return any(map(subject.__contains__, TITLES))


def brings_back(incoming: Incoming) -> bool:
    """Whether the subject begins with such a title, the text says so, and the mail comes along."""
    subject = incoming.subject.lower().removeprefix("[postmaster] ")
    if not (subject.startswith(OF_MAIL) and any(part.type in RETURNED for part in incoming.attachments)):
        return False
    text = incoming.text[:START].lower()
    return any(words in text for words in TOLD)


def names_recipients(incoming: Incoming) -> bool:
    """Whether a mail with such a title lists whom it did not reach, as mail servers do, in what it does not quote."""
    if not is_titled(incoming):
        return False
    from crmcli.mail import bounce

    return bounce.names_recipients(incoming.own_text)
