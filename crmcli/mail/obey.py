"""Commands by mail of the staff: tried first, and what may be done goes with what the mail leads to (mail.md §5)."""

from __future__ import annotations

from collections.abc import Iterable

from crmcli import cases, records, settings
from crmcli.db import Tx
from crmcli.errors import Busy, CrmError, Usage
from crmcli.execute import execute
from crmcli.mail import commands
from crmcli.mail.classify import Kind
from crmcli.mail.commands import FIELDS, Order
from crmcli.mail.decide import Decision, Facts, decide
from crmcli.mail.incoming import Incoming
from crmcli.model import NEW, Act, Add, Case, Command, Edit, Mail, Reply, Row
from crmcli.tuples import NamedTuple
from crmcli.values import Moment
from crmcli.workflow import VERB_TO, VERBS

UNKNOWN = "the sender is not proven to be who it says"
PLAIN = "commands are taken from plain text, and this was HTML"
OLD = "it is old mail, which is only kept"
LATE = "commands are taken from the beginning of a mail, and this was a file or a later part"
AGAIN = "a mail of the same second with the same words was obeyed before"

OBEYED = """
SELECT 1
FROM messages m JOIN deliveries d ON d.message_id = m.id
WHERE m.content_key = ? AND m.id <> ? AND d.case_id = ? AND json_extract(d.decision, '$.obeyed') <> ''
LIMIT 1
"""

TELL = """These lines of your mail were not obeyed, and stay in its text:

{lines}
{others}
What may be set by mail: crm help mail"""

OTHERS = """
These were:

{lines}
"""


class Tried(NamedTuple):
    """What trying came to, in the order in which it is to be done: each order with its commands, or the reason in words.

    case is the one that there is already, as it would be but for its state; None for a new one.
    """

    done: dict[Order, tuple[Edit | Act, ...]]
    refused: dict[Order, str]
    case: Case | None = None


def obeyed(
    tx: Tx, incoming: Incoming, kind: Kind, found: Facts, decision: Decision, verified: bool
) -> tuple[Decision, Row]:  # fmt: skip
    """The decision with the commands of the mail that may be done, and what to tell of them all: `obeyed`, `refused`.

    What is obeyed leaves the text, what is refused stays, and a proven sender is told of it. Acts as that person.
    """
    orders = commands.read(incoming.text)
    if not orders or not decision.commands:
        return decision, {}
    why = _why_not(tx, incoming, found) if verified else UNKNOWN
    tried = Tried({}, dict.fromkeys(orders, why)) if why else _tried(tx, orders, found, decision)
    if tried.done:
        after = found if tried.case is None else found._replace(case=tried.case)
        decision = _together(tried, decide(_cut(incoming, tried.done), kind, after), found)
    if tried.refused and why in ("", PLAIN, LATE):
        decision = decision._replace(commands=(*decision.commands, _letter(tried, found, decision)))
    refused = (f"{order.words} ({reason})" for order, reason in tried.refused.items())
    return decision, {"obeyed": "; ".join(order.words for order in tried.done), "refused": "; ".join(refused)}


def _why_not(tx: Tx, incoming: Incoming, found: Facts) -> str:
    """Why a proven sender's mail commands nothing; who sends such a mail on under another id has not written it."""
    if tx.origin.quiet:
        return OLD
    if incoming.html_used or "late-text" in incoming.marks:
        return PLAIN if incoming.html_used else LATE
    case_id = found.case.id if found.case and incoming.date else None
    return AGAIN if tx.run(OBEYED, (incoming.content_key, found.message_id, case_id)).fetchone() else ""


def _tried(tx: Tx, orders: tuple[Order, ...], found: Facts, decision: Decision) -> Tried:
    """Each order tried for itself, in its turn, on the case that the mail is for; nothing of it stays."""
    tx.act_as(found.user_id)
    tried, first = Tried({}, {}), decision.commands[0]
    with tx.rehearsal():
        is_new = isinstance(first, Add)
        case_id = execute(tx, first).case_id if isinstance(first, Add) else first.case_id
        before = cases.get(tx.conn, case_id)
        for order in sorted(orders, key=_turn):
            try:
                with tx.savepoint():
                    made = _commands(tx, case_id, order)
                    if made:
                        execute(tx, *made)
            except Busy:
                raise
            except CrmError as error:
                tried.refused[order] = f"{error.message}: {error.hint}" if error.hint else error.message
            else:
                tried.done[order] = tuple(command._replace(case_id=NEW) for command in made) if is_new else made
        after = cases.get(tx.conn, case_id)
    return tried._replace(case=None if is_new else after._replace(state=before.state))


def _turn(order: Order) -> int:
    """Fields come first, as verbs may need them; a state that is set stands at the end."""
    return 0 if order.key != "state" else 1 if order.value.lower() == "escalate" else 2


def _commands(tx: Tx, case_id: int, order: Order) -> tuple[Edit | Act, ...]:
    """What an order asks for; none where the case is in that state already. Usage and NotFound for what makes no sense."""
    field = FIELDS.get(order.key)
    if field is None:
        raise Usage(f"there is no command Set-{order.key.title()}", hint=", ".join(f"Set-{key.title()}" for key in FIELDS))
    if field == "state":
        return _act(cases.get(tx.conn, case_id), order.value.lower())
    moment = Moment(tx.now, settings.get(tx.conn, "zone"))
    return (Edit(case_id, records.parsed(tx.conn, "case", {field: order.value}, moment)),)


def _act(case: Case, word: str) -> tuple[Act, ...]:
    """The verb, by its own name or by that of the state it leads to."""
    verb = word if word in VERBS else VERB_TO.get(word)
    if verb is None:
        raise Usage(f"there is no state {word or '(empty)'}", hint=f"one of: {', '.join(VERBS)}")
    return () if VERBS[verb].to == case.state else (Act(case.id, verb),)


def _cut(incoming: Incoming, done: Iterable[Order]) -> Incoming:
    """The mail without the lines that are obeyed; of one that says nothing else, what it quotes is not repeated."""
    lines = sorted(done)
    left = incoming._replace(text=commands.without(incoming.text, lines), visible=commands.moved(incoming.visible, lines))
    return left if left.own_text.strip() or left.attachments else left._replace(text="(commands only)", visible=())


def _together(tried: Tried, decision: Decision, found: Facts) -> Decision:
    """The decision with what is obeyed, as one action: fields before its own commands, the state after them."""
    rest, made = list(decision.commands), [command for each in tried.done.values() for command in each]
    first: list[Command] = []
    if isinstance(rest[0], Add):
        first = [_in_its_section(rest.pop(0), made)]
    if any(_turn(order) == 2 for order in tried.done):
        rest = [_staying(command, found) for command in rest if not isinstance(command, Act)]
    last = [command for command in made if isinstance(command, Act) and command.verb != "escalate"]
    first += [command for command in made if command not in last]
    return decision._replace(commands=(*first, *rest, *last), user_id=found.user_id)


def _in_its_section(add: Command, made: list[Edit | Act]) -> Command:
    """A new case begins in the section that it is told to be in, and so with that one's responsible."""
    assert isinstance(add, Add)
    values = dict(add.values)
    for command in made:
        if isinstance(command, Edit) and command.values.get("section_id"):
            values["section_id"] = command.values["section_id"]
    return Add(values)


def _staying(command: Command, found: Facts) -> Command:
    """A reply leaves the state to the one that was told."""
    return command._replace(state=found.case.state) if isinstance(command, Reply) and found.case else command


def _letter(tried: Tried, found: Facts, decision: Decision) -> Mail:
    """What tells the sender which lines were refused, and why."""
    lines = "\n".join(f"  {order.words}\n    {reason}" for order, reason in tried.refused.items())
    done = "\n".join(f"  {order.words}" for order in tried.done)
    body = TELL.format(lines=lines, others=OTHERS.format(lines=done) if done else "")
    case_id = NEW if isinstance(decision.commands[0], Add) else decision.commands[0].case_id
    return Mail(case_id, (found.writer[1],), body, "told")
