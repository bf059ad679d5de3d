"""Which case a mail belongs to: the clues in it, and the strongest grade of them that the sender may use (mail.md §5). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from crmcli.mail import sign
from crmcli.mail.incoming import Incoming
from crmcli.tuples import NamedTuple

REFERENCES = 50
TAGS = 3
LOOKED_AT = 20_000
"""Characters of the text in which a forwarded mail must show itself."""

FORWARDS = ("fwd", "fw", "wg", "tr", "rv", "enc", "i", "vs")
"""What mail programs put before the subject of a mail that they pass on."""

# Patterns that few mails need are compiled when one does: start-up is most of what a mail costs.
TAG = r"(?<!\w)\[(\d{1,15})\]"
SEPARATOR = (
    r"[>\s]*[-_*=]{0,40}\s*(?:begin forwarded message|(?:forwarded|original) message|weitergeleitete nachricht"
    r"|ursprüngliche nachricht|message (?:transféré|d['’]origine)|mensaje (?:reenviado|original)"
    r"|messaggio (?:inoltrato|originale)|mensagem (?:encaminhada|original)"
    r"|(?:doorgestuurd|oorspronkelijk) bericht|vidarebefordrat meddelande|videresendt besked"
    r"|przekazana wiadomość|välitetty viesti)\s*:?\s*[-_*=]{0,40}\s*\Z"
)
HEADER = (
    r"[>\s*]*(?:(from|von|de|da|van|från|fra|od|lähettäjä)|(sent|date|gesendet|datum|envoyé|enviado|inviato|data|verzonden|skickat"
    r"|sendt|fecha|dato)|(to|an|à|para|a|aan|till|til|do)|(subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|temat))"
    r"\*?\s?:\*?\s"
)


class Clues(NamedTuple):
    """What in a mail points to cases, by grade: signed (personal are those that prove a member of the staff), referred, tagged.

    references are Message-IDs, the newest first; forward tells that the mail passes another one on; answered are those of
    personal that stand in an address or in the id of the mail that is answered, not of an older one.
    """

    signed: tuple[int, ...] = ()
    personal: tuple[tuple[int, int], ...] = ()
    references: tuple[str, ...] = ()
    tags: tuple[int, ...] = ()
    forward: bool = False
    answered: tuple[tuple[int, int], ...] = ()


class Pointed(NamedTuple):
    """Where the clues lead: cases as they are now, by grade, and who takes part in each (lower case).

    references holds the cases of one reference each, the newest first; gone are signed cases that were deleted.
    """

    signed: tuple[int, ...] = ()
    references: tuple[tuple[int, ...], ...] = ()
    tagged: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    people: Mapping[int, frozenset[str]] = MappingProxyType({})
    names: Mapping[int, str] = MappingProxyType({})


class Thread(NamedTuple):
    """The case that a mail belongs to with the grade of the evidence, else those that a new case is linked to, and why."""

    case_id: int | None = None
    grade: str = ""
    linked: tuple[int, ...] = ()
    why: str = ""


def clues(incoming: Incoming, recipients: Sequence[str], keys: tuple[sign.Key, ...]) -> Clues:
    """The clues in a mail; recipients are the envelope's, beside those in To and Cc."""
    addresses = [*recipients, *(address for _, address in (*incoming.to, *incoming.cc))]
    newest = tuple(dict.fromkeys((*incoming.in_reply_to, *reversed(incoming.references))))
    held = [proof for text in (*addresses, *newest) for proof in sign.proofs(text, keys)]
    direct = [proof for text in (*addresses, *(incoming.in_reply_to or newest[:1])) for proof in sign.proofs(text, keys)]
    shown = (proof for found in sign.markers(incoming.text) for proof in sign.proofs(found[0], keys))
    return Clues(
        # The first marker line is that of the mail that is answered; those below it stood in what that one quoted.
        tuple(dict.fromkeys(proof.case_id for proof in (*held, *islice(shown, 1)))),
        _personal(held),
        newest[:REFERENCES],
        tuple(dict.fromkeys(map(int, re.findall(TAG, incoming.subject) if "[" in incoming.subject else ())))[:TAGS],
        is_forward(incoming),
        _personal(direct),
    )


def _personal(proofs: Sequence[sign.Proof]) -> tuple[tuple[int, int], ...]:
    return tuple(dict.fromkeys((proof.case_id, proof.user_id) for proof in proofs if proof.user_id is not None))


def is_forward(incoming: Incoming) -> bool:
    """Whether the mail passes another one on: the subject says so and the text shows it."""
    if not is_called_forward(incoming.subject):
        return False
    lines = incoming.text[:LOOKED_AT].split("\n")
    if any(len(line) < 120 and re.match(SEPARATOR, line, re.IGNORECASE) for line in lines):
        return True
    kinds = [found.lastindex if (found := re.match(HEADER, line, re.IGNORECASE)) else None for line in lines]
    return any(len({kind for kind in kinds[at : at + 6] if kind}) >= 3 for at, kind in enumerate(kinds) if kind)


def is_called_forward(subject: str) -> bool:
    """Whether a subject says that the mail passes another one on, which may be attached or shown in any language."""
    return subject.partition(":")[0].rpartition("]")[2].strip().lower() in FORWARDS


def thread(clues: Clues, pointed: Pointed, address: str, staff: bool) -> Thread:
    """The case that the best evidence leads to; grades B and C only for the staff and those who take part in the case."""
    groups = [("A", pointed.signed), *(("B", cases) for cases in pointed.references), ("C", pointed.tagged)]
    refused: list[int] = []
    for grade, cases in groups:
        mine = [case for case in cases if grade == "A" or staff or address.lower() in pointed.people[case]]
        refused += [case for case in cases if case not in mine]
        mine = [case for case in mine if not _named_in(case, mine, pointed)] if grade == "C" else mine
        if len(mine) > 1:
            return Thread(None, grade, tuple(mine), "it points to several cases")
        if mine and clues.forward and grade != "A":
            return Thread(None, grade, tuple(mine), "it passes another mail on")
        if mine:
            return Thread(mine[0], grade)
    return Thread(None, "", tuple(dict.fromkeys(refused))[:TAGS], "its sender takes no part in that case" if refused else "")


def _named_in(case: int, others: Sequence[int], pointed: Pointed) -> bool:
    """Whether the case's tag is part of another case's name, and so no word of the sender's."""
    return any(f"[{case}]" in pointed.names[other] for other in others if other != case)
