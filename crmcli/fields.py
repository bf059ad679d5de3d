"""The nouns and their fields: one table that columns, options, JSON keys, import, filters and help are made from.

A field's name is its column; its option drops ``_id`` and ``_at`` (``section_id`` → ``--section``); its short
name in output is the same without ``_id`` (a link shows both ``section_id`` and ``section``).
"""

from __future__ import annotations

from crmcli.model import STATES
from crmcli.tuples import NamedTuple

VERB_STATES = (*STATES, "escalate")
DATE_TYPES = ("none", "created", "last_action", "deadline", "starts", "sla")


class Field(NamedTuple):
    """One column of a noun.

    kind: text, lines, int, number, percent, money, time, day, bool, choice, priority, link, addresses, delay.
    edit tells whether add and edit take it; off names a boolean's opposite where it is not ``--no-x``.
    """

    name: str
    kind: str = "text"
    help: str = ""
    link: str = ""
    choices: tuple[str, ...] = ()
    edit: bool = True
    off: str = ""

    @property
    def short(self) -> str:
        """The field's word in options and as the readable half of a link: without ``_id`` or ``_at``."""
        return self.name.removesuffix("_id").removesuffix("_at")


class Noun(NamedTuple):
    """A kind of thing: its word, its table, the column that names it, and its fields in the order of show."""

    name: str
    table: str
    key: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    order: str = "id"
    tree: bool = False

    @property
    def command(self) -> str:
        """The words that stand for it on the command line, such as ``partner contact``."""
        return COMMANDS.get(self.name, self.name)

    @property
    def title(self) -> str:
        """The noun in a sentence."""
        return self.name.replace("_", " ")

    @property
    def a(self) -> str:
        """One of them in a sentence: ``a section``, ``an event``."""
        return f"{'an' if self.name[0] in 'aei' else 'a'} {self.title}"

    @property
    def plural(self) -> str:
        """Several of them in a sentence."""
        return self.table.replace("_", " ")

    @property
    def archives(self) -> bool:
        """Whether it can be archived."""
        return any(field.name == "active" for field in self.fields)

    def field(self, word: str) -> Field | None:
        """The field with this name, short name or option's word."""
        word = word.replace("-", "_")
        return next((field for field in self.fields if word in (field.name, field.short)), None)


# The nouns that stand below another word on the command line.
COMMANDS = {
    "contact": "partner contact",
    "partner_category": "partner category",
    "amount": "partner amount",
    "event_type": "event type",
    "canned_reply": "mail template",
    "segment_line": "segment line",
}


def _text(name: str, about: str = "") -> Field:
    return Field(name, "text", about)


def _link(name: str, noun: str, about: str = "") -> Field:
    return Field(name, "link", about, link=noun)


def _choice(name: str, choices: tuple[str, ...], about: str = "") -> Field:
    return Field(name, "choice", about, choices=choices)


def _bool(name: str, about: str = "", off: str = "") -> Field:
    return Field(name, "bool", about, off=off)


def _read(name: str, kind: str = "text", about: str = "", link: str = "") -> Field:
    return Field(name, kind, about, link=link, edit=False)


ACTIVE = _bool("active", "whether it is in use, not archived")

CASE = Noun(
    "case",
    "cases",
    "name",
    (
        _text("name", "the subject"),
        Field("state", "choice", "changed only by the verbs", choices=STATES, edit=False),
        Field("priority", "priority", "1 highest … 5 lowest, or its name"),
        _link("section_id", "section", "where it belongs"),
        _link("category_id", "category", "its kind; brings its probability"),
        _link("partner_id", "partner", "brings contact and e-mail where they are empty"),
        _link("contact_id", "contact", "the person at the partner"),
        _text("email_from", "the partner's e-mail"),
        Field("email_cc", "addresses", "watchers, comma separated"),
        _link("user_id", "user", "the responsible"),
        Field("starts_at", "time", "when it starts"),
        Field("deadline_at", "time", "when it must be done; a day means its end"),
        _read("created_at", "time"),
        _read("closed_at", "time"),
        _read("last_action_at", "time"),
        _read("next_action_at", "time"),
        _read("wake_at", "time"),
        _read("lost_reason"),
        Field("planned_revenue", "money", "what it would bring"),
        Field("planned_cost", "money", "what it would cost"),
        Field("probability", "percent", "chance of success, 0 to 100"),
        _link("channel_id", "channel", "how the next words go; cleared with them"),
        _link("mood_id", "mood", "the partner's state of mind; cleared with the next words"),
        _text("ref", "KIND:ID of something here, or a URL"),
        _text("ref2", "KIND:ID of something here, or a URL"),
        Field("created_by", "choice", "how it came", choices=("cli", "mail", "import", "rule"), edit=False),
        Field("description", "lines", "your action: the pending text that note and reply take"),
        _read("email_last", "lines"),
        _read("active", "bool"),
    ),
    ("id", "starts_at", "deadline_at", "name", "partner", "user", "priority", "planned_revenue", "planned_cost", "state"),
    "priority, deadline_at IS NOT NULL, deadline_at DESC, starts_at DESC, id DESC",
)

NOUNS: dict[str, Noun] = {
    noun.name: noun
    for noun in (
        CASE,
        Noun(
            "user",
            "users",
            "login",
            (
                _text("login", "the name to work under"),
                _text("name", "the person's name"),
                _text("email", "the person's address"),
                _text("phone"),
                Field("signature", "lines", "goes under replies"),
                _link("section_id", "section", "where new cases of this person go"),
                Field("away_from", "time", "away from here on"),
                Field("away_to", "time", "until then"),
                ACTIVE,
            ),
            ("id", "login", "name", "email", "section", "active"),
            "login",
        ),
        Noun(
            "section",
            "sections",
            "name",
            (
                _text("name"),
                _text("code", "a short unique word, used by the gateway"),
                _link("parent_id", "section", "the section above; escalation goes there"),
                _link("user_id", "user", "the responsible"),
                _text("reply_to", "the mail address of this section"),
                Field("sequence", "int", "place in lists"),
                _bool("allow_unlink", "cases that are not draft may be deleted"),
                _choice("reply_state", STATES, "the state a case takes when the staff answers"),
                _bool("thanks", "thank the sender of a new case"),
                _text("language", "of its mails, such as en or de"),
                ACTIVE,
            ),
            ("id", "path", "code", "user", "reply_to", "active"),
            "path",
            tree=True,
        ),
        Noun(
            "category",
            "categories",
            "name",
            (
                _text("name"),
                Field("probability", "percent", "what a case of this kind takes over"),
                _link("section_id", "section"),
                ACTIVE,
            ),
            ("id", "name", "probability", "section", "active"),
            "name",
        ),
        Noun(
            "partner",
            "partners",
            "name",
            (
                _text("name"),
                _text("ref", "your code for the partner"),
                _link("parent_id", "partner", "the partner above"),
                _link("user_id", "user", "the account manager"),
                _text("website"),
                _text("vat"),
                _text("lang"),
                Field("comment", "lines"),
                _bool("customer"),
                _bool("supplier"),
                ACTIVE,
            ),
            ("id", "name", "ref", "user", "categories", "customer", "supplier", "active"),
            "name",
        ),
        Noun(
            "contact",
            "contacts",
            "name",
            (
                _link("partner_id", "partner", "empty for a private person"),
                _choice("type", ("default", "invoice", "delivery", "contact", "other")),
                _text("name"),
                _text("function"),
                _text("email"),
                _text("phone"),
                _text("mobile"),
                _text("street"),
                _text("street2"),
                _text("zip"),
                _text("city"),
                _text("state"),
                _text("country"),
                Field("birthdate", "day"),
                ACTIVE,
            ),
            ("id", "name", "partner", "type", "email", "phone", "city", "active"),
            "name, id",
        ),
        Noun(
            "partner_category",
            "partner_categories",
            "name",
            (_text("name"), _link("parent_id", "partner_category", "the category above"), ACTIVE),
            ("id", "path", "active"),
            "path",
            tree=True,
        ),
        Noun("channel", "channels", "name", (_text("name"), ACTIVE), ("id", "name", "active"), "id"),
        Noun(
            "mood",
            "moods",
            "name",
            (_text("name"), Field("factor", "number", "0 and up: higher is happier"), ACTIVE),
            ("id", "name", "factor", "active"),
            "factor, id",
        ),
        Noun(
            "event",
            "events",
            "name",
            (
                _text("name"),
                _link("partner_id", "partner"),
                _link("case_id", "case"),
                Field("at", "time", "when it happened"),
                _link("user_id", "user"),
                _link("channel_id", "channel"),
                _link("mood_id", "mood"),
                _choice("type", ("sale", "purchase", "prospect")),
                _choice("partner_type", ("customer", "retailer", "prospect")),
                Field("description", "lines"),
                Field("planned_cost", "money"),
                Field("planned_revenue", "money"),
                Field("probability", "percent"),
                _text("document", "KIND:ID of something here"),
            ),
            ("id", "at", "name", "partner", "mood", "type", "partner_type"),
            "at DESC, id DESC",
        ),
        Noun(
            "event_type",
            "event_types",
            "key",
            (_read("key"), _text("name"), ACTIVE),
            ("id", "key", "name", "active"),
            "id",
        ),
        Noun(
            "canned_reply",
            "canned_replies",
            "name",
            (
                _text("name"),
                Field("text", "lines", "what the reply says"),
                _link("section_id", "section", "where it is of use"),
                ACTIVE,
            ),
            ("id", "name", "section", "active"),
            "name",
        ),
        Noun(
            "amount",
            "amounts",
            "id",
            (
                _link("partner_id", "partner"),
                Field("at", "time", "when it was"),
                _choice("kind", ("sale", "purchase")),
                Field("amount", "money", "a refund is negative"),
                _text("ref"),
                _text("note"),
            ),
            ("id", "partner", "at", "kind", "amount", "ref", "note"),
            "at DESC, id DESC",
        ),
        Noun(
            "rule",
            "rules",
            "name",
            (
                _text("name"),
                Field("sequence", "int", "its turn; rules without one come last"),
                ACTIVE,
                _choice("state_to", VERB_STATES, "fires on the verb that leads there"),
                _choice("date_type", DATE_TYPES, "the time that the delay counts from"),
                Field("delay", "delay", "15min 4h 2d 1month, negative before"),
                _choice("state_from", STATES, "the case stands so (before the verb)"),
                _link("section_id", "section"),
                _bool("section_sub", "sections below count too"),
                _link("category_id", "category"),
                _link("user_id", "user", "the responsible is this one"),
                _link("partner_id", "partner"),
                _link("partner_category_id", "partner_category"),
                _bool("partner_category_sub", "categories below count too"),
                Field("min_priority", "priority", "at least so urgent"),
                Field("max_priority", "priority", "at most so urgent"),
                Field("min_messages", "int", "so many communications at least"),
                _text("where", "a filter"),
                _choice("set_state", VERB_STATES),
                _link("set_section_id", "section"),
                _link("set_user_id", "user"),
                Field("set_priority", "priority"),
                Field("add_cc", "addresses", "watchers to add"),
                _bool("remind_user", "remind the responsible"),
                _bool("remind_partner", "remind the partner"),
                _bool("remind_attach", "with the case's files"),
                _bool("mail_user", "mail to the responsible"),
                _bool("mail_partner", "mail to the partner"),
                _bool("mail_watchers", "mail to the watchers"),
                Field("mail_to", "addresses", "mail to these"),
                Field("mail_body", "lines", "text with %(case_id)s and the like"),
                _read("quiet", "bool", "mail waits for working time"),
                _text("method", "a registered method"),
                _bool("go_on", "later rules may fire too"),
                _text("repeat", "once, or every:1d while it holds"),
                _read("effective_from", "time"),
            ),
            ("id", "sequence", "name", "when", "if", "then", "active"),
            "sequence IS NULL, sequence, id",
        ),
        Noun(
            "view",
            "views",
            "name",
            (
                _text("name"),
                _text("filter", "what it lists, such as '+mine +late'"),
                _text("columns", "comma separated"),
                _text("sort", "comma separated, - for downwards"),
                _choice("layout", ("list", "calendar", "new")),
                _link("section_id", "section", "only cases of this section"),
                _link("user_id", "user", "whose it is"),
            ),
            ("id", "name", "section", "filter", "layout"),
            "name",
        ),
        Noun(
            "segment",
            "segments",
            "name",
            (
                _text("name"),
                Field("description", "lines"),
                _link("category_id", "partner_category", "what the members get"),
                _bool("exclusive", "take the category from partners that do not match"),
                Field("state", "choice", choices=("not running", "running"), edit=False),
                _read("last_partner_id", "int"),
                _bool("sales_purchase_active", "the lines count"),
                Field("period_days", "int", "days of a period"),
                Field("periods", "int", "how many periods back"),
                Field("decrease", "number", "0 to 1: what a period without anything leaves"),
                Field("default_mood", "number", "to start from; 0 for none"),
                _text("where", "a filter on partners"),
                _text("every", "how often run-rules runs it"),
                _read("run_at", "time"),
                ACTIVE,
            ),
            ("id", "name", "category", "exclusive", "state", "run_at", "active"),
            "name",
        ),
        Noun(
            "segment_line",
            "segment_lines",
            "name",
            (
                _link("segment_id", "segment"),
                _text("name"),
                _choice("variable", ("sale", "purchase", "mood")),
                _choice("operator", ("<", "=", ">", "<=", ">=")),
                Field("value", "number", "sale and purchase in currency units"),
                _bool("mandatory", "must hold; of the optional ones one is enough", off="optional"),
                Field("window_days", "int", "amounts of the last so many days only"),
            ),
            ("id", "segment", "name", "variable", "operator", "value", "mandatory", "window_days"),
            "segment_id, id",
        ),
    )
}
