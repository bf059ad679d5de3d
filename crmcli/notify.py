"""What happens to a case → the mails about it, as finished bytes in the outbox (mail.md §7).

Each kind of mail is one line of a table: to whom, in whose name, with which words. Everything is written in the
transaction of its cause and follows from it alone, so that a rehearsal writes the same mails.
"""

from __future__ import annotations

from crmcli import clock, files, mail_limits, outbox, recipients, settings
from crmcli.db import Tx
from crmcli.mail import sign, template
from crmcli.mail.compose import File, Letter, compose, identifier
from crmcli.model import PRIORITIES, Case, Mailed, Row
from crmcli.recipients import Copy, Desk
from crmcli.text import clean
from crmcli.tuples import NamedTuple


class Kind(NamedTuple):
    """How a kind of mail looks: its kind in the outbox, template and people; in whose name; Auto-Submitted."""

    kind: str
    template: str
    copies: recipients.Copies
    speaker: str = ""
    robots: str = ""
    subject: str = ""
    proves: bool = False


class Signs(NamedTuple):
    """A copy's token, the name in its Message-ID, the address it comes from, and the one that its bounces go to."""

    token: str
    name: str
    address: str
    bounce: str


KINDS = {
    "reply": Kind("reply", "reply", recipients.outside, "actor"),
    "forward": Kind("forward", "forward", recipients.staff_and_watchers, "author", "auto-generated", proves=True),
    "note": Kind("forward", "note", recipients.staff, "author", "auto-generated"),
    "thanks": Kind("thanks", "thanks", recipients.writer, "", "auto-replied"),
    "remind_user": Kind("remind", "remind", recipients.given, "", "auto-generated", "Reminder: ", proves=True),
    "remind_partner": Kind("remind", "remind_partner", recipients.given, "responsible", "auto-generated", "Reminder: "),
    "rule": Kind("rule", "rule", recipients.given, "", "auto-generated"),
    "told": Kind("alert", "rule", recipients.given, "", "auto-generated", "Commands: "),
    "alert": Kind("alert", "alert", recipients.given, "", "auto-generated", "Held mail: "),
}

NOBODY = "nobody@crm.invalid"
"""Stands in mails that are held for want of an address to come from."""

LONGEST = 900_000
"""Characters of a text that a mail repeats."""

WARNING = """WARNING: this mail names {address} as its writer, but our mail
server does not vouch for that. Do not act on it before you have asked that
person in another way. It was not thanked for, nor sent on to the partner.

"""

LARGEST = 5_000_000
"""Bytes of the files in a notice of several mails."""

# What a mail said in this case, who, and whether as a note.
SAID = """
SELECT h.email, h.description, h.direction
FROM case_history h JOIN case_log l ON l.id = h.log_id
WHERE h.message_id = ? AND l.case_id = ?
ORDER BY h.id
LIMIT 1
"""

NEWEST_LOG = "SELECT coalesce(max(id), 0) FROM case_log WHERE case_id = ?"

MESSAGE = "SELECT message_id, subject FROM messages WHERE id = ?"

# What a reply answers: the partner's newest mail in the case.
HEARD = """
SELECT m.message_id, m.subject
FROM case_log l JOIN case_history h ON h.log_id = l.id JOIN messages m ON m.id = h.message_id
WHERE l.case_id = ? AND h.direction = 'in' AND m.class = 'human'
  AND m.marks NOT LIKE '%stranger%' AND m.marks NOT LIKE '%possible-spoof%'
ORDER BY h.id DESC
LIMIT 1
"""


def write_mails(tx: Tx, case: Case, event: Mailed) -> tuple[int, ...]:
    """Put the mails of one event into the outbox, one row a person → their ids."""
    kind = KINDS[event.kind]
    desk = recipients.desk(tx.conn, case, event.message_id)
    written: list[int] = []
    for copy in kind.copies(tx.conn, case, event, desk):
        excess = "" if copy.held or event.kind == "alert" else mail_limits.excess(tx, case, kind.kind, copy)
        written.append(_write(tx, case, event, desk, copy._replace(held=copy.held or excess)))
        if excess:
            written += _alert(tx, case, desk, excess)
    return tuple(written)


def _alert(tx: Tx, case: Case, desk: Desk, excess: str) -> tuple[int, ...]:
    """Tell the responsible that mail is held, once a day."""
    address = recipients.responsible(tx.conn, case, desk.section)
    if not address or mail_limits.was_told(tx, address):
        return ()
    return write_mails(tx, case, Mailed("alert", excess, (address,)))


def _write(tx: Tx, case: Case, event: Mailed, desk: Desk, copy: Copy) -> int:
    """One copy, from finished words to a row; a notice that soon follows another becomes part of that one."""
    kind, said, cause = KINDS[event.kind], _said(tx, case, event, desk, copy), _cause(tx, case, event)
    signs = _signs(tx, case, event, desk, copy, said["text"])
    if kind.kind == "forward" and copy.user_id and not copy.held and cause.startswith("message:"):
        row = outbox.waiting(tx, case.id, copy.address, signs.token, cause)
        letter = _with_earlier(tx, case, row, event, desk, copy, signs) if row else None
        if row and letter:
            return outbox.take_in(tx, row, cause, {"subject": letter.subject, "bytes": compose(letter)})
    letter = _letter(tx, case, event, desk, copy, said, signs)
    silent = kind.kind == "thanks" and settings.get(tx.conn, "null_sender") != "off"
    return outbox.add(
        tx,
        {
            "kind": kind.kind,
            "case_id": case.id,
            "cause": cause,
            "user_id": copy.user_id,
            "recipient": copy.address,
            "envelope_from": "" if silent else signs.bounce,
            "message_id": letter.message_id,
            "subject": letter.subject,
            "bytes": compose(letter),
        },
        copy.held or ("" if desk.address else outbox.NO_SENDER),
    )


def _with_earlier(
    tx: Tx, case: Case, row: Row, event: Mailed, desk: Desk, copy: Copy, signs: Signs
) -> Letter | None:  # fmt: skip
    """The notice that waits with one more mail in it: all texts, files and ids; None where that would be too much."""
    events = [*(_told_of(tx, case, event.kind, word) for word in row["cause"].split(" ")), event]
    if not desk.address or None in events or len({_template(tx, case, each, copy) for each in events if each}) > 1:
        return None
    all_said = [_said(tx, case, each, desk, copy) for each in events if each]
    text = "\n\n".join([all_said[0]["text"], *(f"{said['author']}:\n\n{said['text']}" for said in all_said[1:])])
    letters = [_letter(tx, case, each, desk, copy, all_said[0] | {"text": text}, signs) for each in events if each]
    joined = tuple(file for letter in letters for file in letter.files)
    if len(text) > LONGEST or sum(len(file.content) for file in joined) > LARGEST:
        return None
    references = tuple(dict.fromkeys(name for letter in letters for name in letter.references))
    return letters[0]._replace(message_id=row["message_id"], files=joined, references=references)


def _told_of(tx: Tx, case: Case, kind: str, cause: str) -> Mailed | None:
    """The event that a notice was written for, from what its case remembers of it."""
    message_id = int(cause.removeprefix("message:"))
    row = tx.run(SAID, (message_id, case.id)).fetchone()
    return Mailed(kind, row["description"], message_id=message_id, author=row["email"]) if row else None


def _signs(tx: Tx, case: Case, event: Mailed, desk: Desk, copy: Copy, text: str) -> Signs:
    """What tells this copy from all others, and proves the case, its reader or itself; it follows from its cause alone."""
    kind, keys, outbox_id = KINDS[event.kind], outbox.keys(tx.conn), outbox.next_id(tx.conn)
    proof = sign.Proof(case.id, "user", copy.user_id) if kind.proves and copy.user_id else sign.Proof(case.id, "case")
    bounce = sign.sign(keys, sign.Proof(case.id, "bounce", outbox_id=outbox_id))
    name = sign.digest(keys, outbox_id, _cause(tx, case, event), kind.template, copy.address, tx.now, text)
    address = desk.address or NOBODY
    return Signs(sign.sign(keys, proof), name, address, _plus(tx, address, bounce))


def _letter(tx: Tx, case: Case, event: Mailed, desk: Desk, copy: Copy, said: dict[str, str], signs: Signs) -> Letter:
    """The mail before it is bytes."""
    kind, token, domain = KINDS[event.kind], signs.token, signs.address.rpartition("@")[2]
    answered = _answered(tx, case, event)
    return Letter(
        sender=_sender(said["speaker"], desk, signs.address),
        reply_to=_plus(tx, signs.address, token),
        recipient=(recipients.name(tx.conn, copy.address), copy.address),
        subject=f"{kind.subject}[{case.id}] {said['subject']}",
        date=clock.mail_date(tx.now),
        message_id=f"<{signs.name}.{token}@{domain}>",
        in_reply_to=answered,
        references=tuple(part for part in (f"<{token}@{domain}>", answered) if part),
        text=template.render(_template(tx, case, event, copy), desk.section["language"], {**said, "token": token}),
        files=_files(tx, case, event),
        extra=_extra(kind, case),
    )


def _cause(tx: Tx, case: Case, event: Mailed) -> str:
    """What a mail came from: a rule, and the mail or the log row that it is about."""
    if event.kind == "alert":
        return event.text
    about = f"message:{event.message_id}" if event.message_id else f"log:{tx.run(NEWEST_LOG, (case.id,)).fetchone()[0]}"
    return f"rule:{tx.rule_id} {about}" if tx.rule_id else about


def _template(tx: Tx, case: Case, event: Mailed, copy: Copy) -> str:
    """The words for this copy: a watcher from outside reads others than the staff, and what came from outside is no note."""
    if event.kind == "forward" and copy.user_id is None:
        return "copy"
    row = tx.run(SAID, (event.message_id, case.id)).fetchone() if event.kind == "note" and event.message_id else None
    return "heard" if row and row["direction"] == "in" else KINDS[event.kind].template


def _said(tx: Tx, case: Case, event: Mailed, desk: Desk, copy: Copy) -> dict[str, str]:
    """All that a template may name, and the speaker for From."""
    conn, kind = tx.conn, KINDS[event.kind]
    responsible = recipients.user(conn, case.user_id)
    actor = recipients.user(conn, tx.user_id) or responsible
    doubtful = recipients.is_doubtful(conn, event.message_id)
    known = "" if doubtful or not event.author else recipients.name(conn, event.author)
    author = known or event.author or _called(actor)
    text = WARNING.format(address=author) + event.text if doubtful else event.text
    signer = {"actor": actor, "responsible": responsible}.get(kind.speaker)
    signature = ((signer or {}).get("signature") or "").strip()
    speakers = {"actor": _called(actor), "author": author, "responsible": _called(responsible)}
    return {
        "case_id": str(case.id),
        "subject": clean(case.name, lines=False),
        "state": case.state,
        "priority": PRIORITIES[case.priority - 1],
        "section": desk.section["name"],
        "responsible": _called(responsible) or "nobody yet",
        "author": author or "Somebody",
        "partner": case.email_from or "nobody",
        "text": _cut(text if copy.user_id else sign.concealed(text), case).strip("\n"),
        "signature": f"\n-- \n{signature}" if signature else "",
        "speaker": speakers.get(kind.speaker, ""),
    }


def _cut(text: str, case: Case) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n(cut here; all of it is in case {case.id})"


def _called(user: Row | None) -> str:
    return str(user["name"] or user["login"]) if user else ""


def _sender(speaker: str, desk: Desk, address: str) -> tuple[str, str]:
    """From: ``"Name via Section" <address of the section>``, so that SPF and DMARC hold."""
    section = desk.section["name"]
    return (f"{speaker} via {section}" if speaker else section, address)


def _plus(tx: Tx, address: str, token: str) -> str:
    """The address with the token as its plus part, plain where those are off or it would be too long."""
    local, _, domain = address.rpartition("@")
    if settings.get(tx.conn, "plus") == "off" or len(local) + len(token) > 63:
        return address
    return f"{local}+{token}@{domain}"


def _answered(tx: Tx, case: Case, event: Mailed) -> str:
    """The Message-ID of the mail that this one follows, '' for none."""
    if event.kind in ("forward", "note", "thanks"):
        row = tx.run(MESSAGE, (event.message_id,)).fetchone()
    else:
        row = tx.run(HEARD, (case.id,)).fetchone()
    return identifier(row["message_id"]) if row else ""


def _files(tx: Tx, case: Case, event: Mailed) -> tuple[File, ...]:
    """The files that go along: those named, those of the mail passed on, or all of the case."""
    if event.kind == "thanks" or not (event.attachment_ids or event.message_id or event.with_files):
        return ()
    rows = tx.run("SELECT id, name, type, sha256 FROM attachments WHERE message_id = ?", (event.message_id,)).fetchall()
    for attachment_id in event.attachment_ids:
        rows += tx.run("SELECT id, name, type, sha256 FROM attachments WHERE id = ?", (attachment_id,)).fetchall()
    named = files.of_case(tx.conn, case.id, event.kind == "remind_partner") if event.with_files else []
    each = {row["id"]: row for row in (*named, *rows)}
    return tuple(File(row["name"], row["type"], files.content(tx.conn, row["sha256"])) for row in each.values())


def _extra(kind: Kind, case: Case) -> tuple[tuple[str, str], ...]:
    """What robots and mail programs are told."""
    robots = (("Auto-Submitted", kind.robots), ("X-Auto-Response-Suppress", "All")) if kind.robots else ()
    urgency = (("X-Priority", str(case.priority)),) if kind.kind == "forward" else ()
    return (*robots, *urgency)
