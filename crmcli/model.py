"""The values that the rooms hand to each other.

Commands say what someone wants; events say what happened; both are plain values. Times are UTC text
``YYYY-MM-DDTHH:MM:SSZ``, money is cents, probability is percent (spec: domain.md).
"""

# No postponed annotations here: NamedTuple would compile each of them, 2 ms at every start of the program.

from collections.abc import Iterable

from crmcli.origin import Origin as Origin
from crmcli.tuples import Any, NamedTuple, TypeAlias

Row: TypeAlias = dict[str, Any]

STATES = ("draft", "open", "pending", "done", "cancel")
UNCLOSED = ("draft", "open", "pending")
PRIORITIES = ("highest", "high", "normal", "low", "lowest")
LINK_KINDS = ("relates", "blocks", "duplicates", "continues", "merged")

NEW = 0
"""In a command's case_id: the case that the first command of the same action makes."""


class Case(NamedTuple):
    """One row of `cases`, in the order of its columns."""

    id: int
    name: str
    state: str
    priority: int
    section_id: int
    category_id: int | None
    partner_id: int | None
    contact_id: int | None
    email_from: str | None
    email_cc: str | None
    user_id: int | None
    starts_at: str
    deadline_at: str | None
    created_at: str
    closed_at: str | None
    last_action_at: str | None
    wake_at: str | None
    lost_reason: str | None
    planned_revenue: int | None
    planned_cost: int | None
    probability: float | None
    channel_id: int | None
    mood_id: int | None
    ref: str | None
    ref2: str | None
    created_by: str
    description: str | None
    active: int


# Commands: what someone asks of a case -----------------------------------------------------------


class Add(NamedTuple):
    """A new case from these column values; what is missing is defaulted (domain.md §1)."""

    values: Row


class Edit(NamedTuple):
    """New values for columns; no event, no rules."""

    case_id: int
    values: Row


class Act(NamedTuple):
    """A verb of the life cycle: open, pending, close, cancel, reset, escalate."""

    case_id: int
    verb: str
    until: str | None = None
    lost_reason: str | None = None


class Note(NamedTuple):
    """Historize the text, else the case's pending description; message_id where it came by mail."""

    case_id: int
    text: str | None = None
    email: str | None = None
    message_id: int | None = None


class Reply(NamedTuple):
    """Answer the partner and watchers; state None means the section's reply_state."""

    case_id: int
    text: str | None = None
    state: str | None = None
    attachment_ids: tuple[int, ...] = ()
    message_id: int | None = None
    author: str | None = None


class Hear(NamedTuple):
    """An incoming mail of someone outside: a communication `in`, passed on to the staff.

    forward is the kind of mail that passes it on: forward (staff and watchers), note (staff only), '' (none).
    """

    case_id: int
    message_id: int
    text: str
    email: str | None
    human: bool = True
    thank: bool = False
    forward: str = "forward"


class Remind(NamedTuple):
    """Send the newest communication to the responsible, the partner, or both."""

    case_id: int
    user: bool = False
    partner: bool = False
    attach: bool = False


class Mail(NamedTuple):
    """Rule mail: the body after substitution, to each of the recipients once; kind told is an answer to their own mail."""

    case_id: int
    recipients: tuple[str, ...]
    body: str
    kind: str = "rule"


class Duplicate(NamedTuple):
    """A draft with the same fields, without history, log and dates of action."""

    case_id: int


class Merge(NamedTuple):
    """case_id goes into into_id: communications and attachments move, later mail follows."""

    case_id: int
    into_id: int


class Link(NamedTuple):
    """A link between two cases; off takes it away."""

    case_id: int
    other_id: int
    kind: str
    off: bool = False


class Split(NamedTuple):
    """The communications history_ids leave the case for a new one named name."""

    case_id: int
    history_ids: tuple[int, ...]
    name: str | None = None


class Attach(NamedTuple):
    """A file on the case: its name, type and the sha256 of its stored bytes."""

    case_id: int
    name: str
    type: str
    size: int
    sha256: str


class SetActive(NamedTuple):
    """Archive (False) or unarchive (True)."""

    case_id: int
    active: bool


class Delete(NamedTuple):
    """Remove the case and all that hangs on it."""

    case_id: int


class Follow(NamedTuple):
    """What the case refers to is another row now, as of merged partners: the new values alone, which bring nothing along."""

    case_id: int
    values: Row


class Reword(NamedTuple):
    """A mail of the case says something else, read again: its words, where they are shown as they were before."""

    case_id: int
    message_id: int
    before: str
    after: str


class Due(NamedTuple):
    """Time has passed for the case: the dated rules that are due are tried."""

    case_id: int


class Arrive(NamedTuple):
    """The case has come from elsewhere, as it stands: the log, the partner's story and the rules are told of it now."""

    case_id: int


Command: TypeAlias = (
    Add
    | Edit
    | Act
    | Note
    | Reply
    | Hear
    | Remind
    | Mail
    | Duplicate
    | Merge
    | Link
    | Split
    | Attach
    | SetActive
    | Delete
    | Follow
    | Reword
    | Due
    | Arrive
)


# Events: what happened to a case --------------------------------------------------------------------


class Changed(NamedTuple):
    """Columns got these values."""

    values: Row


class Logged(NamedTuple):
    """Something was done: one row of the log. kind is what rules react to, '' for nothing."""

    name: str
    kind: str = ""


class Spoken(NamedTuple):
    """A communication, on the log row just written; kind 'communication' is what rules react to."""

    direction: str
    email: str | None
    text: str
    message_id: int | None = None


class Mailed(NamedTuple):
    """Mail to be written: reply, forward, note (to staff only), thanks, remind_user, remind_partner, rule, told, alert.

    message_id is the row of the mail it answers or passes on, author that mail's sender; with_files adds all
    files of the case.
    """

    kind: str
    text: str = ""
    recipients: tuple[str, ...] = ()
    attachment_ids: tuple[int, ...] = ()
    message_id: int | None = None
    author: str | None = None
    with_files: bool = False


class Linked(NamedTuple):
    """A link was made (or taken away)."""

    other_id: int
    kind: str
    off: bool = False


class Moved(NamedTuple):
    """Communications went to another case; history_ids None means all of them, with the attachments."""

    other_id: int
    history_ids: tuple[int, ...] | None = None


class Attached(NamedTuple):
    """A file was put on the case."""

    name: str
    type: str
    size: int
    sha256: str


class Reworded(NamedTuple):
    """A mail is shown by other words."""

    message_id: int
    before: str
    after: str


class Deleted(NamedTuple):
    """The case is gone."""


Event: TypeAlias = Changed | Logged | Spoken | Mailed | Linked | Moved | Attached | Reworded | Deleted


class Happening(NamedTuple):
    """All that one action did to one case: what rules are asked about.

    kinds holds 'create', 'communication' and the states of verbs (draft on create and reset, open, pending,
    done, cancel, escalate); state_from is the state before the action; log_id is the newest log row of it.
    """

    case_id: int
    kinds: frozenset[str]
    state_from: str
    log_id: int


class Followup(NamedTuple):
    """What a rule that holds wants done to a case, in order, and the occasion that it answers.

    The commands may be made one by one, each for the case as those before have left it: take them once.
    """

    rule_id: int
    case_id: int
    commands: Iterable[Command]
    occasion: str


class Outcome(NamedTuple):
    """What an action came to: the case it was about (the new one for Add, Duplicate, Split) and the mails queued."""

    case_id: int
    outbox_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Column(NamedTuple):
    """A column of a Result; kind tells how values are written: text, int, money, percent, time, day, bool, number, lines.

    Kind path is a branch of a tree (``A / B``), words a list of texts, rows a Result of its own: a section of a show.
    Kind object is a dict or a list of them as JSON has it; other formats leave it out.
    """

    name: str
    kind: str = "text"
    title: str = ""
    total: bool = False


class Result(NamedTuple):
    """Rows to show: one value for every list, object and report; the renderers do the rest.

    rows hold raw values (cents, UTC text, 0/1) under the names in columns, and are read once: they may come from
    the database one by one. one says that it is a single object; more is the number of rows not shown; mark names
    the value that is true of a row to be shown in red and with ``!``; shown names the columns of tables, tsv and
    csv where these are not all.
    """

    columns: tuple[Column, ...]
    rows: Iterable[Row]
    title: str = ""
    one: bool = False
    more: int = 0
    footer: tuple[str, ...] = ()
    mark: str = ""
    shown: tuple[str, ...] = ()
