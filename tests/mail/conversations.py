"""What people, their mail programs and robots write to a support address, step by step, and where each mail must end.

Each conversation is one line of a table by its title; talk.py plays them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Any

from crmcli.model import Act, Add, Delete, Edit, Merge, Note, Reply
from tests.conftest import NOW
from tests.mail.post import setting, store
from tests.mail.talk import STEP, Do, Have, Mail, Step, foreign

JOE = Mail("joe", 1, "draft", "in", label="joe1", goes="thanks joe, forward ann")
SUE = Mail("sue", 2, "draft", "in", label="sue1", subject="Fan")
OPEN = Mail("joe", 1, "open", "in", answers="thanks 1", label="joe2", goes="forward ann")
BACK = Mail("joe", 1, "open", "in")
NEW = Mail("joe", 2, "draft", "in")
NOTE = Mail("ann", 1, "draft", "note", text="Do not tell him.", goes="")
OTHER = "Other words"
PLUS = "support+TOKEN@us.example"
REFERENCES = {"references": "<TOKEN@us.example>"}
FORWARDED = "See.\n\n---------- Forwarded message -------\nFrom: Joe <joe@acme.example>\nDate: today\nSubject: Pump\n\nIt broke."


def joe(**terms: Any) -> Mail:
    """Joe's first mail, but for this."""
    return JOE._replace(**terms)


def back(**terms: Any) -> Mail:
    """Joe's answer comes into his case."""
    return BACK._replace(**terms)


def new(**terms: Any) -> Mail:
    """A mail of joe's makes a case of its own."""
    return NEW._replace(**terms)


def apart(who: str, **terms: Any) -> Mail:
    """Who takes no part in joe's case and names its tag gets a case of his own, linked to it."""
    return Mail(who, 2, "draft", "in", subject="Re: [1] Pump", links="relates 1")._replace(**terms)


def retired(conn: sqlite3.Connection) -> None:
    """The key signs no more, and proves still; another one signs."""
    with conn:
        conn.execute("UPDATE mail_keys SET retired_at = ?", (NOW,))
        conn.execute("INSERT INTO mail_keys (key, created_at) VALUES (randomblob(32), ?)", (NOW,))


def rekeyed(conn: sqlite3.Connection) -> None:
    """The key is another one, as in a database that was made anew."""
    with conn:
        conn.execute("UPDATE mail_keys SET key = randomblob(32)")


def plain(conn: sqlite3.Connection) -> None:
    """No plus parts."""
    setting(conn, "plus", "off")


def impatient(conn: sqlite3.Connection) -> None:
    """Closed cases open again for five days only."""
    setting(conn, "reopen_days", "5")


def sales(conn: sqlite3.Connection) -> None:
    """A second section, bob's."""
    store(conn, "sections", name="Sales", code="sales", reply_to="sales@us.example", user_id=2)


def report(kind: str) -> Callable[[bytes], bytes]:
    """Makes the mail a report of this kind."""
    said = f"multipart/report; report-type={kind}; boundary=x".encode()
    return lambda raw: raw.replace(b"text/plain; charset=utf-8", said)


def contact(conn: sqlite3.Connection) -> None:
    """Joe is known by his address at home, and by that at work besides."""
    number = store(conn, "contacts", name="Joe Roe", email="joe@home.example")
    store(conn, "addresses", address="joe@acme.example", contact_id=number)


AWAY = {"auto_submitted": "auto-replied"}

PLAIN: dict[str, list[Step]] = {
    "a first mail makes a draft, is thanked and passed on": [JOE],
    "an answer to the thank-you opens the draft": [JOE, OPEN],
    "an answer to the plus address alone is enough": [JOE, Mail("joe", 1, "open", "in", plus="thanks 1", subject="Other words")],
    "an answer that lost the Message-ID is known by the first of its References": [
        JOE, Mail("joe", 1, "open", "in", answers="case 1", subject="Other words"),
    ],
    "an answer to one's own first mail belongs to its case": [JOE, Mail("joe", 1, "open", "in", answers="joe1")],
    "a subject tag is enough for the partner": [JOE, Mail("joe", 1, "open", "in", subject="Re: [1] Pump")],
    "a subject tag is enough with other words around it": [JOE, Mail("joe", 1, "open", "in", subject="About [1], please")],
    "an encoded subject tag counts": [JOE, Mail("joe", 1, "open", "in", subject="=?utf-8?q?Re=3A_=5B1=5D_P=C3=BCmpe?=")],
    "a folded subject tag counts": [JOE, Mail("joe", 1, "open", "in", subject="Re:\n [1] Pump")],
    "a counter of replies is no tag": [JOE, Mail("joe", 2, "draft", "in", subject="Re[1]: Pump")],
    "the same title counts for nothing": [JOE, Mail("joe", 2, "draft", "in", subject="Re: Pump")],
    "a thread index counts for nothing": [
        JOE, Mail("joe", 2, "draft", "in", subject="Re: Pump", headers={"thread_index": "Ac=="}),
    ],
    "a stranger's subject tag makes a new case, linked": [
        JOE, Mail("eve", 2, "draft", "in", subject="Re: [1] Pump", links="relates 1", goes="thanks eve, forward ann"),
    ],
    "a stranger's reference to a partner's mail makes a new case, linked": [
        JOE, Mail("eve", 2, "draft", "in", answers="joe1", links="relates 1"),
    ],
    "a tag of a case that never was makes a new case": [JOE, Mail("joe", 2, "draft", "in", subject="Re: [99] Pump", links="")],
    "a stranger who holds the proof is heard, marked, and passed on to the staff alone": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("eve", 1, "open", "in", answers="thanks 1", goes="forward ann"),
    ],
    "a stranger who held the proof does not take part from then on": [
        JOE, Mail("eve", 1, "open", "in", answers="thanks 1"),
        Mail("eve", 2, "draft", "in", subject="Re: [1] Pump", links="relates 1"),
    ],
    "a watcher may use the tag": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("sue", 1, "open", "in", subject="Re: [1] Pump", goes="forward ann"),
    ],
    "who was written to beside us takes part": [
        JOE._replace(cc="sue@acme.example"), Mail("sue", 1, "open", "in", answers="joe1"),
    ],
    "a forged proof proves nothing": [
        JOE, Mail("eve", 2, "draft", "in", headers={"in_reply_to": "<c1-1-aaaaaaaaaaaaaaaaaaaa@us.example>"}),
    ],
    "a cut proof proves nothing": [JOE, Mail("eve", 2, "draft", "in", answers="thanks 1", spoof="cut")],
    "the proof of another case leads to that one": [
        JOE, Mail("sue", 2, "draft", "in", label="sue1"),
        Mail("joe", 2, "open", "in", answers="thanks 2", subject="Re: [1] Pump"),
    ],
    "proofs of two cases make a new one, linked to both": [
        JOE, Mail("joe", 2, "draft", "in"),
        Mail("joe", 3, "draft", "in", answers="thanks 1, thanks 2", links="relates 1, relates 2"),
    ],
    "tags of two cases make a new one, linked to both": [
        JOE, Mail("joe", 2, "draft", "in"), Mail("joe", 3, "draft", "in", subject="[1] and [2]", links="relates 1, relates 2"),
    ],
    "of several references the newest counts": [
        JOE, Mail("joe", 2, "draft", "in", label="other"), Mail("joe", 2, "open", "in", answers="joe1, other"),
    ],
    "a tag in the name of a case is no word of the sender's": [
        JOE, Mail("joe", 2, "draft", "in", subject="Like number 1"), Do(Edit(2, {"name": "Like [1]"})),
        Mail("joe", 2, "open", "in", subject="Re: [2] Like [1]"),
    ],
    "a proof outweighs a tag": [
        JOE, Mail("joe", 2, "draft", "in"), Mail("joe", 1, "open", "in", answers="thanks 1", subject="Re: [2] Pump"),
    ],
    "a forward with a tag alone is a new case, linked": [
        JOE, Mail("joe", 2, "draft", "in", subject="Fwd: [1] Pump", text=FORWARDED, links="relates 1"),
    ],
    "a forward in name only stays in its case": [
        JOE, Mail("joe", 1, "open", "in", subject="Fw: [1] Pump", text="Please look again."),
    ],
    "a forward that carries the proof stays in its case": [
        JOE, Mail("joe", 1, "open", "in", answers="thanks 1", subject="WG: [1] Pump", text=FORWARDED),
    ],
    "an answer after a pause opens the case": [JOE, Do(Act(1, "pending")), Mail("joe", 1, "open", "in", answers="thanks 1")],
    "an answer to an open case leaves it open": [JOE, OPEN, Mail("joe", 1, "open", "in", answers="joe2")],
    "an answer soon after closing opens the case again": [
        JOE, Do(Act(1, "close")), Mail("joe", 1, "open", "in", answers="thanks 1", days=29),
    ],
    "an answer soon after cancelling opens the case again": [
        JOE, Do(Act(1, "cancel")), Mail("joe", 1, "open", "in", answers="thanks 1", days=29),
    ],
    "an answer long after closing continues the case in a new one": [
        JOE, Do(Act(1, "close")), Mail("joe", 2, "draft", "in", answers="thanks 1", days=31, links="continues 1"),
    ],
    "the last close counts, not the first": [
        JOE, Do(Act(1, "close")), Do(Act(1, "open"), 10), Do(Act(1, "close"), 20),
        Mail("joe", 1, "open", "in", answers="thanks 1", days=45),
    ],
    "what continues an old case takes its later mail": [
        JOE, Do(Act(1, "close")), Mail("joe", 2, "draft", "in", answers="thanks 1", days=31, links="continues 1"),
        Mail("joe", 2, "open", "in", answers="thanks 1", days=32, links="continues 1"),
    ],
    "mail follows a merged case": [
        JOE, Mail("sue", 2, "draft", "in"), Do(Merge(1, 2)), Mail("joe", 2, "open", "in", answers="out 1"),
    ],
    "mail about a deleted case goes to triage": [JOE, Do(Delete(1)), Mail("joe", None, answers="out 1")],
    "an archived open case is brought back": [
        JOE, OPEN, Do(Edit(1, {"active": 0})), Mail("joe", 1, "open", "in", answers="thanks 1"),
    ],
    "a vacation notice is appended, changes nothing and is passed on to the staff": [
        JOE, Mail("joe", 1, "draft", "in", answers="thanks 1", headers={"auto_submitted": "auto-replied"}, goes="forward ann"),
    ],
    "a vacation notice of the staff is appended and passed on to nobody": [
        JOE, Mail("ann", 1, "draft", "in", answers="forward 1 ann", headers={"auto_submitted": "auto-replied"}, goes=""),
    ],
    "a vacation notice does not open a closed case": [
        JOE, Do(Act(1, "close")), Mail("joe", 1, "done", "in", answers="thanks 1", headers={"auto_submitted": "auto-replied"}),
    ],
    "a newsletter without a thread goes to triage": [Mail("joe", None, headers={"list_id": "<news.acme.example>"}, goes="")],
    "our own mail that comes back goes to triage": [JOE, Mail("joe", None, headers={"message_id": "forward 1 ann"}, goes="")],
    "a proven answer of the staff goes to the partner": [
        JOE, OPEN, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
    ],
    "a proven answer by the plus address goes to the partner": [
        JOE, OPEN, Mail("ann", 1, "pending", "out", plus="forward 1 ann", text="Fixed.", goes="reply joe", subject="Fixed"),
    ],
    "a proven answer goes to the watchers too, and an unproven note to neither": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe, reply sue"),
        Mail("ann", 1, "pending", "note", subject="[1]", text="Do not tell them.", goes=""),
    ],
    "whom the staff writes to besides watches from then on": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", cc="sue@acme.example", goes="reply joe"),
        Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann, forward sue"),
    ],
    "the staff's mail without proof is a note to the staff": [
        JOE, Mail("bob", 1, "draft", "note", subject="Re: [1] Pump", text="Beware of joe.", goes="forward ann"),
    ],
    "another's proof makes a note of a colleague's answer": [
        JOE, Mail("bob", 1, "draft", "note", answers="forward 1 ann", text="Tell him no.", goes="forward ann"),
    ],
    "a forged staff sender reaches no partner": [
        JOE, Mail("ann", 1, "draft", "note", subject="Re: [1] Pump", text="Pay here.", spoof="eve", goes=""),
    ],
    "a forged staff sender with the partner's proof reaches no partner": [
        JOE, Mail("ann", 1, "draft", "note", answers="thanks 1", text="Pay here.", spoof="eve", goes=""),
    ],
    "a forged staff sender without a thread makes a case of its own": [
        JOE, Mail("ann", 2, "draft", "in", text="Pay here.", spoof="eve"),
    ],
    "a staff proof from a foreign address is held, and the person is asked": [
        JOE, Mail("eve", 1, "draft", "note", answers="forward 1 ann", text="Pay here.", goes="forward ann, rule ann"),
    ],
    "a partner who quotes the staff's proof is still the partner": [
        JOE, Mail("joe", 1, "open", "in", answers="forward 1 ann", goes="forward ann"),
    ],
    "a proof for one case is none for another": [
        JOE, Mail("sue", 2, "draft", "in"), Do(Edit(1, {"email_cc": "ann@us.example"})),
        Mail("ann", 2, "draft", "note", answers="", plus="thanks 2", headers={"x_note": "forward 1 ann"}, text="No.", goes=""),
    ],
    "an answer of the staff to a case of nobody takes it": [
        JOE, Do(Edit(1, {"user_id": None})),
        Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
    ],
    "an answer of the staff to a case without a partner's address is a note": [
        JOE, Do(Edit(1, {"email_from": None})), Mail("ann", 1, "draft", "note", answers="forward 1 ann", text="Fixed.", goes=""),
    ],
    "the partner answers what the staff wrote at the terminal": [
        JOE, Do(Reply(1, "Which pump?")), Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann"),
    ],
    "a note at the terminal is no way in for anybody": [JOE, Do(Note(1, "Secret.")), Mail("eve", 2, "draft", "in")],
    "a case made at the terminal takes its partner's answers": [
        Do(Add({"name": "Offer", "section_id": 1, "email_from": "joe@acme.example"})), Do(Reply(1, "Our offer.")),
        Mail("joe", 1, "open", "in", answers="reply 1 joe", goes="forward ann"),
    ],
    "a member of the staff who asks for help is the partner of that case": [
        Mail("bob", 1, "draft", "in", goes="thanks bob, forward ann"),
        Mail("bob", 1, "open", "in", answers="thanks 1", goes="forward ann"),
    ],
}  # fmt: skip

# What mail programs, relays and gateways leave of the proof.
CLIENTS: dict[str, list[Step]] = {
    "only In-Reply-To is left": [JOE, back(answers="thanks 1", drop="references", subject=OTHER)],
    "only References is left": [JOE, back(answers="thanks 1", drop="in_reply_to", subject=OTHER)],
    "the relay gave our mail another Message-ID": [JOE, back(answers="case 1, <r1@relay.example>", subject=OTHER)],
    "the relay gave another Message-ID, and the references were cut to that": [
        JOE, back(answers="<r1@relay.example>", subject="Re: [1] Pump"),
    ],
    "the references are cut to the first and the last": [
        JOE, back(answers="case 1, <x7@acme.example>, <x8@acme.example>", subject=OTHER),
    ],
    "the references are cut at the front, and the writer's own are left": [
        JOE, back(answers="<x7@acme.example>, joe1", subject=OTHER),
    ],
    "the signed id stands before a hundred others": [
        JOE, back(answers=", ".join(["case 1", *(f"<x{number}@acme.example>" for number in range(100))]), subject=OTHER),
    ],
    "the references are folded, a line each": [
        JOE, back(quote="thanks 1", subject=OTHER, headers={"references": "<TOKEN@us.example>\n\t<a@b.example>\n <c@d.example>"}),
    ],
    "In-Reply-To holds words beside the id": [
        JOE, back(quote="thanks 1", subject=OTHER, headers={"in_reply_to": 'Your message of Monday <x.TOKEN@us.example>'}),
    ],
    "the ids lost their brackets": [
        JOE, back(quote="thanks 1", subject=OTHER, headers={"references": "x.TOKEN@us.example"}),
    ],
    "the ids are in capital letters": [
        JOE, back(quote="thanks 1", forge=str.upper, subject=OTHER, headers={"references": "<TOKEN@US.EXAMPLE>"}),
    ],
    "the plus part is in capital letters": [
        JOE, back(quote="thanks 1", forge=str.upper, subject=OTHER, to="SUPPORT+TOKEN@US.EXAMPLE"),
    ],
    "the plus part stands in Cc": [JOE, back(quote="thanks 1", to="ann@us.example", cc=PLUS, subject=OTHER)],
    "the plus part stands among many recipients": [
        JOE, back(quote="thanks 1", to="a@acme.example, Support <support+TOKEN@us.example>, b@acme.example", subject=OTHER),
    ],
    "the plus part stands in a group of addresses": [
        JOE, back(quote="thanks 1", to="Helpers: ann@us.example, support+TOKEN@us.example;", subject=OTHER),
    ],
    "the plus part is the envelope's alone": [
        JOE, back(to="undisclosed-recipients:;", recipient="thanks 1", subject=OTHER),
    ],
    "the plus part is quoted in the name of the recipient": [
        JOE, back(quote="thanks 1", to='PLUS <support+TOKEN@us.example>', subject=OTHER),
    ],
    "the plus part is behind another extension": [
        JOE, back(quote="thanks 1", to="support+mail+TOKEN@us.example", subject=OTHER),
    ],
    "the trace header of the mail server holds the plus part": [
        JOE, back(
            quote="thanks 1", subject=OTHER, to="undisclosed-recipients:;",
            bend=lambda raw: b"X-Original-To: support+TOKEN@us.example\n" + raw,
        ),
    ],
    "plus parts are off, and the references lead home": [
        Have(plain), JOE, back(answers="thanks 1", subject=OTHER),
    ],
    "plus parts are off, and the first of the references is left": [
        Have(plain), JOE, back(answers="case 1", subject=OTHER),
    ],
    "plus parts are off, and the marker line is left": [
        Have(plain), JOE,
        back(quote="thanks 1", text="Thanks.\n\nMARKER\n\nHello,", subject=OTHER),
    ],
    "plus parts are off, and the tag is left": [
        Have(plain), JOE, back(subject="Re: [1] Pump"),
    ],
    "the marker line is quoted": [JOE, back(quote="thanks 1", text="Thanks.\n\n> MARKER\n> Hello,", subject=OTHER)],
    "the marker line is quoted thrice": [JOE, back(quote="thanks 1", text="Thanks.\n\n> > >MARKER", subject=OTHER)],
    "the marker line is quoted with bars": [JOE, back(quote="thanks 1", text="Thanks.\n\n| MARKER\n| Hello,", subject=OTHER)],
    "the marker line stands below all of an answer without quotes": [
        JOE, back(quote="thanks 1",
            text="Thanks.\n\nFrom: Support\nSent: Monday\nTo: Joe\nSubject: [1] Pump\n\nMARKER\n", subject="Pumps"),
    ],
    "the marker line has CR and blanks behind it": [
        JOE, back(quote="thanks 1", text="Thanks.\r\n\r\n> MARKER \t\r\n", subject=OTHER),
    ],
    "the marker line is translated": [
        JOE, back(quote="thanks 1", text="Danke.\n\n> == Bitte über dieser Zeile antworten == TOKEN ==", subject=OTHER),
    ],
    "the marker line stands in HTML": [
        JOE, back(
            quote="thanks 1", subject=OTHER, text="<p>Thanks.</p><blockquote><p>MARKER</p><p>Hello,</p></blockquote>",
            bend=lambda raw: raw.replace(b"text/plain", b"text/html"),
        ),
    ],
    "the marker line is bare in quoted-printable": [
        JOE, back(
            quote="thanks 1", subject=OTHER, text="Thanks.\n\n> MARKER",
            bend=lambda raw: raw.replace(b"8bit", b"quoted-printable").replace(b"==", b"=3D=3D"),
        ),
    ],
    "the marker line was broken by the writer's program, and the tag is left": [
        JOE, back(quote="thanks 1", text="Thanks.\n\n> > == Please reply above this line ==\n> > TOKEN ==",
            subject="Re: [1] Pump"),
    ],
    "the tag has marks of mail gateways before it": [JOE, back(subject="[EXTERN] Re: [1] Pump")],
    "the tag has prefixes in several languages before it": [JOE, back(subject="AW: Re: SV: Antw: RE: [1] Pump")],
    "the tag stands at the end": [JOE, back(subject="Pump [1]")],
    "the tag is all there is": [JOE, back(subject="[1]")],
    "the tag is in an encoded word in base64": [JOE, back(subject="=?utf-8?b?UmU6IFsxXSBQdW1w?=")],
    "the tag is cut by two encoded words": [JOE, back(subject="=?utf-8?q?Re=3A_=5B1?=\n =?utf-8?q?=5D_P=C3=BCmpe?=")],
    "the tag is folded by a tab": [JOE, back(subject="Re: a very long subject that goes on\n\t[1] Pump")],
    "the tag has leading blanks after a fold of its own": [JOE, back(subject="Re:\n   \n [1] Pump")],
    "all lines end with CR LF": [
        JOE, back(answers="thanks 1", bend=lambda raw: raw.replace(b"\n", b"\r\n"), subject=OTHER),
    ],
    "the names of all headers are in small letters": [
        JOE, back(answers="thanks 1", bend=lambda raw: re.sub(rb"(?m)^[\w-]+:", lambda name: name[0].lower(), raw)),
    ],
    "a line of a mailbox stands before it": [
        JOE, back(answers="thanks 1", bend=lambda raw: b"From joe@acme.example Mon Mar  2 09:00:00 2026\n" + raw),
    ],
    "the mail has no subject": [JOE, back(answers="thanks 1", subject="")],
    "the mail has no text": [JOE, back(answers="thanks 1", text=" ")],
    "the mail has no date and no id": [JOE, back(answers="thanks 1", headers={"date": "", "message_id": ""})],
}  # fmt: skip

# What looks like evidence and is none, or is somebody else's.
FORGED: dict[str, list[Step]] = {
    "a token of another database": [JOE, new(quote="thanks 1", forge=foreign, subject=OTHER, headers=REFERENCES)],
    "a plus part of another database": [JOE, new(quote="thanks 1", forge=foreign, to=PLUS)],
    "a marker line of another database": [JOE, new(quote="thanks 1", forge=foreign, text="Thanks.\n\n> MARKER")],
    "a staff token of another database": [
        JOE, Mail("ann", 1, "draft", "note", quote="forward 1 ann", forge=foreign, subject="[1]", to=PLUS, goes=""),
    ],
    "a token with the number of another case": [
        JOE, SUE, new(case=3, quote="thanks 1", forge=lambda token: token.replace("c1-", "c2-"), to=PLUS),
    ],
    "a token with the number of a case that never was": [
        JOE, new(quote="thanks 1", forge=lambda token: token.replace("c1-", "c7-"), to=PLUS),
    ],
    "a token with another key's number": [
        JOE, new(quote="thanks 1", forge=lambda token: token.replace("c1-1-", "c1-2-"), to=PLUS),
    ],
    "a case's token turned into a person's": [
        JOE, Mail("ann", 1, "draft", "note", quote="thanks 1", forge=lambda token: token.replace("c1-", "u1-1-"),
            subject="[1]", goes="",
                  to=PLUS),
    ],
    "one person's token with another's number": [
        JOE, Mail("bob", 1, "draft", "note", quote="forward 1 ann",
            forge=lambda token: token.replace("u1-1-", "u1-2-"), subject="[1]",
                  to=PLUS, goes="forward ann"),
    ],
    "a token that lost its last letter": [JOE, new(quote="thanks 1", forge=lambda token: token[:-1], to=PLUS)],
    "a token with a letter more": [JOE, new(quote="thanks 1", forge=lambda token: token + "a", to=PLUS)],
    "a token with one letter changed": [
        JOE, new(quote="thanks 1", forge=lambda token: token[:-1] + ("b" if token[-1] == "a" else "a"), to=PLUS),
    ],
    "a token in the middle of the text is no marker line": [JOE, new(quote="thanks 1", text="Is TOKEN my number?")],
    "a token in the subject is no tag": [JOE, new(quote="thanks 1", subject="About TOKEN")],
    "a token in a header of the writer's own": [
        JOE, new(quote="thanks 1", headers={"x_crm_case": "TOKEN", "thread_topic": "TOKEN"}),
    ],
    "a token of a key that was thrown away": [
        JOE, Have(rekeyed), new(answers="thanks 1"),
    ],
    "a token signed by a retired key": [JOE, Have(retired), back(answers="thanks 1", subject=OTHER)],
    "a plus part signed by a retired key": [JOE, Have(retired), back(plus="thanks 1", subject=OTHER)],
    "a new key's proof beside a retired key's": [
        JOE, Have(retired), Mail("sue", 2, "draft", "in", subject="Fan"),
        Mail("sue", 2, "open", "in", plus="thanks 2"), back(plus="thanks 1"),
    ],
    "a tag with a sign in it": [JOE, new(subject="Re: [#1] Pump")],
    "a tag with blanks in it": [JOE, new(subject="Re: [ 1 ] Pump")],
    "a tag of round brackets": [JOE, new(subject="Re: (1) Pump")],
    "a tag of an impossible number": [JOE, new(subject="Re: [99999999999999999999] Pump")],
    "a tag of letters and figures": [JOE, new(subject="Re: [A1] [1A] Pump")],
    "a tag in the text": [JOE, new(text="See [1].")],
    "a tag whose number was changed to one's other case": [JOE, new(subject="Fan"), back(case=2, subject="Re: [2] Pump")],
    "a tag whose number was changed to a stranger's case": [JOE, SUE, new(case=3, subject="Re: [2] Pump", links="relates 2")],
    "a stranger's tag of a closed case": [
        JOE, Do(Act(1, "close")), apart("eve"),
    ],
    "a stranger's forward with a tag": [
        JOE, Mail("eve", 2, "draft", "in", subject="Fwd: [1] Pump", text=FORWARDED, links="relates 1"),
    ],
    "a stranger's tags of three cases": [
        JOE, SUE, Mail("max", 3, "draft", "in", subject="Lamp"),
        Mail("eve", 4, "draft", "in", subject="[1] [2] [3]", links="relates 1, relates 2, relates 3"),
    ],
    "a colleague of the partner's with a tag is a stranger": [JOE, apart("sue")],
    "the partner's other address with a tag is a stranger's": [JOE, apart("home")],
    "the partner's address with an extension is another one": [JOE, apart("joe+")],
    "the partner's other address with the proof is heard": [
        JOE, Mail("home", 1, "open", "in", answers="thanks 1", goes="forward ann"),
    ],
    "the partner's address in capital letters is the partner's": [JOE, Mail("JOE", 1, "open", "in", subject="Re: [1] Pump")],
    "a foreign Message-ID that looks like one of ours by its domain": [JOE, new(answers="<1@us.example>")],
    "a Message-ID of the partner's with another domain": [JOE, new(answers="<m0@evil.example>")],
    "an empty id matches nothing": [
        joe(headers={"message_id": ""}), new(headers={"in_reply_to": "<>", "references": "<> <>"}),
    ],
    "the bounce address proves the case as well": [
        JOE, Do(Reply(1, "Which pump?")),
        back(plus="bounce reply 1", subject=OTHER),
    ],
    "two senders in From are no way in": [
        JOE, apart("eve", headers={"from_": "eve@evil.example, joe@acme.example"}),
    ],
    "a name that is an address takes no part": [
        JOE, apart("eve", headers={"from_": '"joe@acme.example" <eve@evil.example>'}),
    ],
    "Reply-To takes no part": [
        JOE, apart("eve", headers={"reply_to": "joe@acme.example"}),
    ],
    "Sender takes no part": [
        JOE, apart("eve", headers={"sender": "joe@acme.example"}),
    ],
    "Resent-From takes no part": [
        JOE, apart("eve", headers={"resent_from": "joe@acme.example"}),
    ],
}  # fmt: skip

# How mail programs of many tongues pass a mail on, and what only looks so.
BLOCKS = {
    "Fwd": "---------- Forwarded message ---------\nFrom: Max <max@acme.example>\nDate: Monday\nSubject: Pump\n\nIt broke.",
    "FW": "-----Original Message-----\nFrom: Max\nSent: Monday\nTo: Joe\nSubject: Pump\n\nIt broke.",
    "WG": "-----Ursprüngliche Nachricht-----\nVon: Max\nGesendet: Montag\nAn: Joe\nBetreff: Pumpe\n\nSie ist kaputt.",
    "TR": "De : Max <max@acme.example>\nEnvoyé : lundi 2 mars\nÀ : Joe\nObjet : Pompe\n\nElle est cassée.",
    "RV": "De: Max\nEnviado el: lunes\nPara: Joe\nAsunto: Bomba\n\nSe rompió.",
    "ENC": "-------- Mensagem encaminhada --------\nAssunto: Bomba\nData: segunda\nDe: Max\nPara: Joe\n\nQuebrou.",
    "I": "---------- Messaggio inoltrato ----------\nDa: Max\nData: lunedì\nOggetto: Pompa\nA: Joe\n\nSi è rotta.",
    "VS": "---------- Välitetty viesti ----------\nLähettäjä: Max\nAihe: Pumppu\n\nSe meni rikki.",
}  # fmt: skip
FORWARDS: dict[str, list[Step]] = {
    **{
        f"a forward with {prefix} and the mail in it is a new case, linked": [
            JOE, new(subject=f"{prefix}: [1] Pump", text=f"See below.\n\n{block}", links="relates 1"),
        ]
        for prefix, block in BLOCKS.items()
    },
    **{
        f"a mail with {prefix} and no mail in it stays in its case": [JOE, back(subject=f"{prefix}: [1] Pump",
            text="Look at it.")]
        for prefix in BLOCKS
    },
    "a forward by a telephone": [
        JOE, new(
            subject="Fwd: [1] Pump",
                text="See.\n\nBegin forwarded message:\n\n> From: Max\n> Date: Monday\n> Subject: Pump\n>\n> It broke.",
            links="relates 1",
        ),
    ],
    "a forward of a web mailer, its block in bold": [
        JOE, new(
            subject="Fw: [1] Pump",
                text="See.\n\n*From:* Max\n*Sent:* Monday\n*To:* Joe\n*Subject:* Pump\n\nIt broke.", links="relates 1",
        ),
    ],
    "an answer to a forward is none": [JOE, back(subject="Re: Fwd: [1] Pump", text=FORWARDED)],
    "a forward of an answer is one": [JOE, new(subject="Fwd: Re: [1] Pump", text=FORWARDED, links="relates 1")],
    "a forward with a gateway's mark before it": [JOE, new(subject="[EXTERN] WG: [1] Pump", text=FORWARDED, links="relates 1")],
    "a forward with the tag before it": [JOE, new(subject="[1] Fwd: Pump", text=FORWARDED, links="relates 1")],
    "a forward with a reference to a partner's mail": [
        JOE, new(subject="Fwd: Pump", text=FORWARDED, answers="joe1", links="relates 1"),
    ],
    "a forward with the marker line in it carries the proof": [
        JOE, back(subject="Fwd: Pump", quote="thanks 1", text=f"{FORWARDED}\n\n> MARKER"),
    ],
    "a forward to the plus address carries the proof": [JOE, back(subject="Fwd: [1] Pump", text=FORWARDED, plus="thanks 1")],
    "a forward by the staff with a tag": [
        JOE, Mail("ann", 2, "draft", "in", subject="Fwd: [1] Pump", text=FORWARDED, links="relates 1"),
    ],
    "a forward by the staff with its proof goes nowhere by itself but to the case": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", subject="Fwd: [1] Pump",
            text=f"For you.\n\n{FORWARDED}", goes="reply joe"),
    ],
    "a forward of no case is a new one": [Mail("joe", 1, "draft", "in", subject="Fwd: Pump", text=FORWARDED)],
}  # fmt: skip

# What the state of the case makes of an answer.
STATES: dict[str, list[Step]] = {
    "an answer on the last day opens the case again": [JOE, Do(Act(1, "close")), back(answers="thanks 1", days=30 - STEP)],
    "an answer two seconds after the last day does not": [
        JOE, Do(Act(1, "close")), new(answers="thanks 1", days=30 - STEP + 2 / 86400, links="continues 1"),
    ],
    "the site says how long cases open again": [
        Have(impatient), JOE, Do(Act(1, "close")), new(answers="thanks 1", days=6, links="continues 1"),
    ],
    "within the site's own days a case opens again": [
        Have(impatient), JOE, Do(Act(1, "close")), back(answers="thanks 1", days=4),
    ],
    "an answer long after cancelling continues the case": [
        JOE, Do(Act(1, "cancel")), new(answers="thanks 1", days=31, links="continues 1"),
    ],
    "a case that a partner opened again counts from its last close": [
        JOE, Do(Act(1, "close")), back(answers="thanks 1", days=20), Do(Act(1, "close"), 25), back(answers="joe1", days=54),
    ],
    "closed and cancelled, the later counts": [
        JOE, Do(Act(1, "cancel")), Do(Act(1, "open"), 10), Do(Act(1, "close"), 20), back(answers="thanks 1", days=49),
    ],
    "a tag opens a closed case again": [JOE, Do(Act(1, "close")), back(subject="Re: [1] Pump", days=3)],
    "a tag of a case closed long ago continues it": [
        JOE, Do(Act(1, "close")), new(subject="Re: [1] Pump", days=90, links="continues 1"),
    ],
    "a reference to a partner's mail opens a closed case again": [JOE, Do(Act(1, "close")), back(answers="joe1", days=3)],
    "a case is continued twice": [
        JOE, Do(Act(1, "close")), new(answers="thanks 1", days=40, links="continues 1"), Do(Act(2, "close"), 41),
        Mail("joe", 3, "draft", "in", answers="thanks 1", days=90, links="continues 2"),
    ],
    "what continues a case opens again within its own days": [
        JOE, Do(Act(1, "close")), new(answers="thanks 1", days=40, links="continues 1"), Do(Act(2, "close"), 41),
        back(case=2, answers="thanks 1", days=60, links="continues 1"),
    ],
    "a stranger with an old proof does not get into what continues the case": [
        JOE, Do(Act(1, "close")), new(answers="thanks 1", days=40, links="continues 1"),
        Mail("eve", 3, "draft", "in", answers="thanks 1", days=41, links="continues 1"),
    ],
    "a vacation notice does not continue a case closed long ago": [
        JOE, Do(Act(1, "close")), Mail("joe", 1, "done", "in", answers="thanks 1", headers=AWAY, days=90),
    ],
    "a note of the staff leaves a closed case closed": [
        JOE, Do(Act(1, "close")), Mail("ann", 1, "done", "note", subject="[1]", text="By the way.", goes="", days=90),
    ],
    "an escalated case hears its partner": [JOE, Do(Act(1, "open")), back(answers="thanks 1")],
    "a case put off hears its partner": [JOE, Do(Act(1, "pending", "2026-05-01T09:00:00Z")), back(answers="thanks 1")],
    "a case put back to draft hears its partner": [JOE, Do(Act(1, "cancel")), Do(Act(1, "reset")), back(answers="thanks 1")],
    "a tag of a deleted case makes a new one": [JOE, Do(Delete(1)), new(subject="Re: [1] Pump")],
    "a reference into a deleted case makes a new one": [JOE, Do(Delete(1)), new(answers="joe1")],
    "a proof of a deleted case beside a tag of one's own": [
        JOE, SUE, Do(Delete(1)), Mail("sue", 2, "open", "in", answers="out 1", subject="Re: [2] Fan"),
    ],
    "a case that got another name keeps its mail": [JOE, Do(Edit(1, {"name": "Hall seven"})), back(answers="thanks 1")],
    "a case that went to another section keeps its mail": [
        Have(sales), JOE, Do(Edit(1, {"section_id": 2})), back(answers="thanks 1", goes="forward ann"),
    ],
    "a case that got another partner's address hears both": [
        JOE, Do(Edit(1, {"email_from": "sue@acme.example"})), Mail("sue", 1, "open", "in", subject="Re: [1] Pump"),
        back(subject="Re: [1] Pump"),
    ],
}  # fmt: skip

# Cases that became one, and mails that point to more than one.
SEVERAL: dict[str, list[Step]] = {
    "a chain of merged cases is followed": [
        JOE, SUE, Mail("joe", 3, "draft", "in", subject="Lamp"), Do(Merge(1, 2)), Do(Merge(2, 3)), back(case=3, answers="out 1"),
    ],
    "a tag of a merged case is followed": [JOE, SUE, Do(Merge(1, 2)), back(case=2, subject="Re: [1] Pump")],
    "a reference into a merged case is followed": [JOE, SUE, Do(Merge(1, 2)), back(case=2, answers="joe1")],
    "the marker line of a merged case is followed": [
        JOE, SUE, Do(Merge(1, 2)), back(case=2, quote="out 1", text="Yes.\n\n> MARKER", subject=OTHER),
    ],
    "proofs of two cases that became one are one": [JOE, SUE, Do(Merge(1, 2)), back(case=2, answers="out 1, thanks 2")],
    "tags of two cases that became one are one": [JOE, SUE, Do(Merge(1, 2)), back(case=2, subject="[1] and [2]")],
    "a stranger's tag of a merged case is linked to where it went": [
        JOE, SUE, Do(Merge(1, 2)), Mail("eve", 3, "draft", "in", subject="Re: [1] Pump", links="relates 2"),
    ],
    "a merged case that was closed long ago is continued": [
        JOE, SUE, Do(Merge(1, 2)), Do(Act(2, "close")), back(case=3, state="draft", answers="out 1", days=31,
            links="continues 2"),
    ],
    "an answer of the staff follows a merged case": [
        JOE, SUE, Do(Merge(1, 2)), Mail("ann", 2, "pending", "out", answers="out 2", text="Fixed.", goes="reply sue, reply joe"),
    ],
    "the plus part of one case and the reference of another": [
        JOE, SUE, Mail("joe", 3, "draft", "in", answers="thanks 2", plus="thanks 1", links="relates 1, relates 2"),
    ],
    "the marker line of one case and the reference of another": [
        JOE, SUE, Mail("joe", 3, "draft", "in", answers="thanks 2", quote="thanks 1", text="Yes.\n\n> MARKER",
            links="relates 1, relates 2"),
    ],
    "a mail to the plus addresses of two cases": [
        JOE, NEW, Mail("joe", 3, "draft", "in", plus="thanks 1", quote="thanks 2", cc=PLUS, links="relates 1, relates 2"),
    ],
    "a proof outweighs a reference to another case": [JOE, new(label="other"), back(answers="other, case 1")],
    "a proof outweighs a stranger's place in another case": [JOE, SUE, back(answers="sue1, thanks 1")],
    "a reference outweighs a tag": [JOE, NEW, back(answers="joe1", subject="Re: [2] Pump")],
    "of two tags only that counts whose case one takes part in": [JOE, SUE, back(subject="[1] like [2]")],
    "of two references only that counts whose case one takes part in": [JOE, SUE, back(answers="joe1, sue1")],
    "proof and tag of one case are one": [JOE, back(answers="thanks 1", subject="Re: [1] Pump")],
    "the same tag twice is one": [JOE, back(subject="Re: [1] Fwd [1] Pump")],
    "a copy of one's own mail in another case does not lead astray": [
        JOE, new(label="other"), back(case=2, answers="other"), back(answers="joe1"),
    ],
    "ten answers in a row stay in one case": [
        JOE, *(back(label=f"n{number}", answers=f"n{number - 1}" if number else "joe1",
            subject="Re: Pump") for number in range(10)),
    ],
    "partner and staff take turns": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Which?", goes="reply joe"),
        back(answers="reply 1 joe", text="The red one."),
        Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
        back(answers="reply 1 joe", text="Thank you."),
    ],
    "two partners write at once, and each stays in his case": [
        JOE, SUE, back(answers="thanks 1"), Mail("sue", 2, "open", "in", answers="thanks 2"), back(subject="[1]"),
        Mail("sue", 2, "open", "in", subject="[2]"),
    ],
}  # fmt: skip

# Who takes part, and what the staff's mail becomes.
TAKING_PART: dict[str, list[Step]] = {
    "who got a copy of an answer takes part": [
        JOE, back(answers="thanks 1", cc="sue@acme.example"), Mail("sue", 1, "open", "in", subject="Re: [1] Pump"),
    ],
    "who was written to with the proof by a stranger takes no part": [
        JOE, Mail("eve", 1, "open", "in", answers="thanks 1", cc="max@acme.example"),
        apart("max"),
    ],
    "the twentieth in a copy takes part, the twenty-first does not": [
        joe(cc=", ".join(f"p{number}@acme.example" for number in range(19)) + ", sue@acme.example, max@acme.example"),
        Mail("sue", 1, "open", "in", subject="Re: [1] Pump"), apart("max"),
    ],
    "the contact's main address takes part": [
        Have(contact), JOE, Mail("home", 1, "open", "in", subject="Re: [1] Pump"),
    ],
    "whom the staff made a watcher takes part": [
        JOE, Do(Edit(1, {"email_cc": "max@acme.example"})), Mail("max", 1, "open", "in", answers="joe1"),
    ],
    "who is no watcher any more takes no part": [
        JOE, Do(Edit(1, {"email_cc": "max@acme.example"})), Do(Edit(1, {"email_cc": None})),
        apart("max"),
    ],
    "whom the staff copied by mail takes part": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Sue knows.", cc="sue@acme.example",
            goes="reply joe"),
        Mail("sue", 1, "open", "in", subject="Re: [1] Pump", goes="forward ann"),
    ],
    "whom a note of the staff named takes no part": [
        JOE, NOTE._replace(subject="[1]", cc="sue@acme.example"), apart("sue"),
    ],
    "a reply to all by the partner": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        back(answers="thanks 1", cc="sue@acme.example, ann@us.example", goes="forward ann"),
    ],
    "a reply to all by a watcher": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})), Do(Reply(1, "Which pump?")),
        Mail("sue", 1, "open", "in", answers="reply 1 sue", cc="joe@acme.example", goes="forward ann"),
    ],
    "a reply to all by the staff": [
        JOE, Do(Edit(1, {"email_cc": "sue@acme.example"})),
        Mail("ann", 1, "pending", "out", plus="forward 1 ann", text="Fixed.", cc="joe@acme.example, sue@acme.example",
            goes="reply joe, reply sue"),
    ],
    "the staff's proof when only the first of the references is left": [
        JOE, Mail("ann", 1, "pending", "out", quote="forward 1 ann",
            headers={"references": "<TOKEN@us.example> <r@relay.example>"},
                  text="Fixed.", goes="reply joe"),
    ],
    "the staff's proof in the envelope alone": [
        JOE, Mail("ann", 1, "pending", "out", to="undisclosed-recipients:;", recipient="forward 1 ann", text="Fixed.",
            goes="reply joe"),
    ],
    "the staff's other address is hers": [
        JOE, Mail("ann2", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", goes="reply joe"),
    ],
    "the staff's marker line alone is a note": [
        JOE, Mail("ann", 1, "draft", "note", quote="forward 1 ann", text="No.\n\n> MARKER", subject=OTHER, goes=""),
    ],
    "the staff's reference to the partner's mail is a note": [JOE, NOTE._replace(answers="joe1")],
    "the staff with the partner's proof is a note": [JOE, NOTE._replace(answers="thanks 1")],
    "the staff with the partner's plus address is a note": [JOE, NOTE._replace(plus="thanks 1")],
    "the staff with a token of another case is a note": [
        JOE, SUE, Mail("ann", 3, "draft", "in", answers="forward 1 ann, forward 2 ann", links="relates 1, relates 2",
            text="Both."),
    ],
    "the staff with her proof for one case and a tag of another": [
        JOE, SUE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", subject="Re: [2] Fan", text="Fixed.",
            goes="reply joe"),
    ],
    "a colleague who watches answers by a notice of his own": [
        JOE, Do(Edit(1, {"email_cc": "bob@us.example"})), OPEN._replace(goes="forward ann, forward bob"),
        Mail("bob", 1, "pending", "out", answers="forward 1 bob", text="Fixed.", goes="reply joe"),
    ],
    "a colleague who watches answers by another's notice": [
        JOE, Do(Edit(1, {"email_cc": "bob@us.example"})), OPEN._replace(goes="forward ann, forward bob"),
        Mail("bob", 1, "open", "note", answers="forward 1 ann", text="No.", goes="forward ann"),
    ],
    "one who has left the staff answers by an old notice": [
        JOE, Mail("ex", 1, "draft", "note", answers="forward 1 ann", text="Hello.", goes="forward ann, rule ann"),
    ],
    "one who has left the staff uses a tag": [JOE, apart("ex")],
    "a staff proof from the partner's colleague": [
        JOE, Mail("sue", 1, "draft", "note", answers="forward 1 ann", text="Sent to me.", goes="forward ann, rule ann"),
    ],
    "the staff answers, the partner answers all, the colleague answers": [
        JOE, Mail("ann", 1, "pending", "out", answers="forward 1 ann", text="Fixed.", cc="sue@acme.example", goes="reply joe"),
        back(answers="reply 1 joe", cc="sue@acme.example", goes="forward ann", label="all"),
        Mail("sue", 1, "open", "in", answers="all", goes="forward ann"),
    ],
    "a member of the staff who is the partner": [
        Mail("bob", 1, "draft", "in", goes="thanks bob, forward ann", label="bob1"), Mail("bob", 1, "open", "in", answers="bob1"),
    ],
    "a member of the staff asks with a tag of a partner's case": [
        JOE, Mail("bob", 1, "draft", "note", subject="[1]", goes="forward ann"),
    ],
    "a case of one partner and a mail of the staff's to the section": [JOE, Mail("ann", 2, "draft", "in", subject="Pump")],
}  # fmt: skip

# Where it goes by its recipients.
ROUTES: dict[str, list[Step]] = {
    "each section has its own cases": [Have(sales), JOE, new(to="sales@us.example", goes="thanks joe, forward bob")],
    "a mail to both sections goes to the first": [
        Have(sales), joe(to="sales@us.example, support@us.example", goes="thanks joe, forward bob"),
    ],
    "an answer to the other section's address stays in its case": [
        Have(sales), JOE, back(answers="thanks 1", to="sales@us.example"),
    ],
    "a tag in a mail to the other section stays in its case": [Have(sales), JOE, back(subject="[1]", to="sales@us.example")],
    "the plus part of one section's case at the other's address": [
        Have(sales), JOE, back(quote="thanks 1", to="sales+TOKEN@us.example", subject=OTHER),
    ],
    "an answer delivered by the other section's pipe": [Have(sales), JOE, back(answers="thanks 1", section="sales")],
    "a group of addresses with ours in it": [joe(to="Helpers: a@acme.example, support@us.example;")],
    "undisclosed recipients, and the envelope tells": [
        Have(sales), joe(to="undisclosed-recipients:;", recipient="sales@us.example", goes="thanks joe, forward bob"),
    ],
    "ours in Cc alone": [joe(to="max@acme.example", cc="support@us.example")],
    "nobody's address makes a case for triage": [
        joe(to="other@else.example", goes=""),
    ],
}  # fmt: skip

# What is no person's mail, and what came before.
ROBOTS: dict[str, list[Step]] = {
    "a vacation notice with a tag alone is appended": [
        JOE, Mail("joe", 1, "draft", "in", subject="Away: [1] Pump", headers=AWAY),
    ],
    "a vacation notice of a stranger with a tag goes to triage": [
        JOE, Mail("eve", None, subject="Away: [1] Pump", headers=AWAY),
    ],
    "a vacation notice of a stranger with the proof is appended": [
        JOE, Mail("eve", 1, "draft", "in", answers="thanks 1", headers=AWAY, goes="forward ann"),
    ],
    "a vacation notice of nobody's case goes to triage": [Mail("joe", None, headers=AWAY, goes="")],
    "a vacation notice with the plus address alone is appended": [
        JOE, Mail("joe", 1, "draft", "in", plus="thanks 1", sender="", subject="Away"),
    ],
    "a list's mail with the proof is appended": [
        JOE, Mail("joe", 1, "draft", "in", answers="thanks 1", headers={"list_id": "<x.acme.example>"}),
    ],
    "a list's mail with a forward's looks goes to triage": [
        Mail("joe", None, subject="Fwd: news", text=FORWARDED, headers={"precedence": "bulk"}),
    ],
    "a robot's mail does not open a pending case": [
        JOE, Do(Act(1, "pending")), Mail("joe", 1, "pending", "in", answers="thanks 1", headers=AWAY),
    ],
    "a receipt goes to triage": [
        JOE, Mail("joe", None, answers="thanks 1", bend=report("disposition-notification")),
    ],
    "a complaint goes to triage": [
        JOE, Mail("joe", None, answers="thanks 1", bend=report("feedback-report")),
    ],
    "a bounce belongs to the case of the mail that came back": [
        JOE, Do(Reply(1, "Which pump?")), Mail("joe", 1, "pending", "out", plus="bounce reply 1", sender="", goes="rule ann",
             headers={"x_failed_recipients": "joe@acme.example"}),
    ],
    "a mail of no-reply makes no case": [Mail("joe", None, headers={"from_": "no-reply@acme.example"}, goes="")],
    "people's mail that wants no automatic answer makes a case": [
        joe(headers={"x_auto_response_suppress": "OOF"}, goes="forward ann"), back(answers="joe1"),
    ],
    "the same bytes again are the same mail": [
        JOE, Mail("joe", 1, "draft", "in", again=True, text="Words number 0.", headers={"message_id": "<m0@joe.example>"}),
    ],
    "the same mail by the other section's address is one case": [
        Have(sales), joe(recipient="support@us.example", text="Help."),
        Mail("joe", 1, "draft", "in", again=True, text="Help.", recipient="sales@us.example", headers={"message_id": "joe1"}),
    ],
    "the same id with other words is a new mail, and that id threads nothing": [
        JOE, new(text="Quite another thing.", headers={"message_id": "joe1"}), new(case=3, answers="joe1"),
    ],
    "the same id with other words, and the tag leads home": [
        JOE, new(text="Quite another thing.", headers={"message_id": "joe1"}), back(answers="joe1", subject="Re: [1] Pump"),
    ],
    "the same words under another id are a new mail": [joe(text="Help."), new(text="Help.")],
    "the same words without any id are one mail": [
        joe(text="Help.", headers={"message_id": ""}), Mail("joe", 1, "draft", "in", text="Help.", again=True,
            headers={"message_id": ""}, to=" support@us.example"),
    ],
    "an answer that comes before what it answers finds its case later": [
        joe(answers="<m1@joe.example>"), new(answers=""), back(answers="joe1"),
    ],
}  # fmt: skip

CONVERSATIONS: dict[str, list[Step]] = {
    **PLAIN, **CLIENTS, **FORGED, **FORWARDS, **STATES, **SEVERAL, **TAKING_PART, **ROUTES, **ROBOTS,
}  # fmt: skip
