"""What a filter may ask of each noun: its own fields, what is reckoned from other tables, and its flags."""

from __future__ import annotations

from crmcli.errors import Usage
from crmcli.fields import NOUNS, Field, Noun
from crmcli.model import Row
from crmcli.tuples import NamedTuple

TEXTS = ("text", "lines", "addresses")
# In the words of the indexes cases_unclosed (schema.sql), and so that no index on the state offers itself instead.
UNCLOSED = "t.state NOT IN ('done', 'cancel')"


class Readable(NamedTuple):
    """A field as SQL: sql gives its value for the row {t}.

    Where a row may have many values, rows is what they stand in (FROM …) and owner the column there with {t}'s id;
    {t} in sql is then not used. plain: it is a column that an index may be on.
    """

    field: Field
    sql: str
    rows: str = ""
    owner: str = ""
    plain: bool = False


def _reckoned(name: str, kind: str, words: str, sql: str) -> Readable:
    return Readable(Field(name, kind, words, edit=False), f"({sql})")


def _many(name: str, link: str, words: str, sql: str, rows: str, owner: str) -> Readable:
    return Readable(Field(name, "link", words, link=link, edit=False), sql, rows, owner)


SAID = "FROM case_log l JOIN case_history h ON h.log_id = l.id WHERE l.case_id = {t}.id"

# Noun → fields that are no columns of its table; they win over fields.NOUNS.
RECKONED: dict[str, tuple[Readable, ...]] = {
    "case": (
        _reckoned("messages", "int", "how many communications", f"SELECT count(*) {SAID}"),
        _reckoned("email_last", "lines", "the newest communication", f"SELECT h.description {SAID} ORDER BY h.id DESC LIMIT 1"),
        _reckoned("next_action_at", "time", "when a rule is due", "SELECT min(due_at) FROM rule_due d WHERE d.case_id = {t}.id"),
    ),
    "partner": (
        _many(
            "category", "partner_category", "a category it has",
            "m.category_id", "partner_category_members m", "m.partner_id",
        ),
        _many("contact", "contact", "a contact of it", "k.id", "contacts k", "k.partner_id"),
        _many(
            "segment", "segment", "a segment it is in now",
            "m.segment_id", "(SELECT * FROM segment_members WHERE left_at IS NULL) m", "m.partner_id",
        ),
        _reckoned("cases", "int", "how many cases", "SELECT count(*) FROM cases c WHERE c.partner_id = {t}.id"),
    ),
    "rule": (Readable(Field("delay", "text", "number and unit, such as 2 day"), "({t}.delay || ' ' || {t}.delay_unit)"),),
}  # fmt: skip

# What people look for by the partner's name: an amount has hardly a text of its own.
PARTNERS_OWN = ("contact", "event", "amount")
OF_PARTNER = _reckoned("partner_name", "text", "whose it is", "SELECT name FROM partners WHERE id = {t}.partner_id")

HISTORY = Noun(
    "history",
    "v_history",
    "id",
    (
        Field("case_id", "link", link="case"),
        Field("at", "time", "when it was"),
        Field("name", "text", "what was done"),
        Field("direction", "choice", choices=("in", "out", "note")),
        Field("email", "text", "whom it came from or went to"),
        Field("description", "lines", "the words"),
        Field("user_id", "link", "who acted", link="user"),
        Field("section_id", "link", link="section"),
        Field("channel_id", "link", link="channel"),
        Field("mood_id", "link", link="mood"),
    ),
    ("id", "at", "name", "case_id", "user", "section", "channel", "mood", "description"),
    "id DESC",
)


class FlagSql(NamedTuple):
    """A flag's meaning in words and as SQL over the row t; {now}, {me} or {stale} is put in as a parameter."""

    help: str
    sql: str


CASE_FLAGS = {
    "open": FlagSql("draft or open", "t.state IN ('draft', 'open')"),
    "unclosed": FlagSql("draft, open or pending", UNCLOSED),
    "closed": FlagSql("done or cancelled", "t.state IN ('done', 'cancel')"),
    "late": FlagSql("unclosed and past its deadline", f"{UNCLOSED} AND t.deadline_at IS NOT NULL AND +t.deadline_at < {{now}}"),
    "stale": FlagSql(
        "unclosed and no action for stale_days (a setting, 14)",
        f"{UNCLOSED} AND coalesce(t.last_action_at, t.created_at) < {{stale}}",
    ),
    "waiting": FlagSql(
        "unclosed and the last communication is the partner's",
        f"{UNCLOSED} AND coalesce((SELECT h.direction {SAID.format(t='t')} ORDER BY h.id DESC LIMIT 1), '') = 'in'",
    ),
}
MINE = {
    "mine": FlagSql("the responsible is me", "t.user_id IS {me}"),
    "unassigned": FlagSql("nobody is responsible", "t.user_id IS NULL"),
}
ARCHIVED = {"archived": FlagSql("archived; lists leave these out unless the filter speaks of them", "t.active = 0")}
UNKEPT = ("breached", "atrisk")
# What people call a flag that is called otherwise here.
FLAG_WORDS = {
    "overdue": "late", "expired": "late", "due": "late", "my": "mine", "me": "mine", "free": "unassigned", "nobody": "unassigned",
    "active": "unclosed", "done": "closed", "old": "stale", "answer": "waiting",
}  # fmt: skip


def noun_of(name: str) -> Noun:
    """The noun with this name; Usage where there is none that can be filtered."""
    noun = NOUNS.get(name.replace("-", "_")) or (HISTORY if name == "history" else None)
    if noun is None:
        raise Usage(f"no noun {name} to filter", hint=f"one of: {', '.join([*NOUNS, 'history'])}")
    return noun


def readable(noun: Noun) -> dict[str, Readable]:
    """All that can be asked of a noun: name → field, in the order to show them."""
    found = {"id": Readable(Field("id", "int", "its number", edit=False), "{t}.id", plain=True)}
    for field in noun.fields:
        column = '"where"' if field.name == "where" else field.name
        found[field.name] = Readable(field, f"{{t}}.{column}", plain=True)
    for special in RECKONED.get(noun.name, ()):
        found[special.field.name] = special
    return found


def lookup(noun: Noun, word: str) -> Readable | None:
    """A field by its name or its short name (deadline for deadline_at, user for user_id)."""
    fields = readable(noun)
    return fields.get(word) or next((one for one in fields.values() if one.field.short == word), None)


def texts(noun: Noun) -> list[Readable]:
    """What holds the text of a noun: its columns, and for what is a partner's own the name of the partner."""
    own = [one for one in readable(noun).values() if one.field.kind in TEXTS]
    return [*own, OF_PARTNER] if noun.name in PARTNERS_OWN else own


def flags(noun: Noun) -> dict[str, FlagSql]:
    """The flags that a noun knows."""
    names = {field.name for field in noun.fields}
    found = dict(CASE_FLAGS) if noun.name == "case" else {}
    if "user_id" in names:
        found |= MINE
    return found | ARCHIVED if "active" in names else found


# Kind → what its values may be, and how a test of it looks.
EXAMPLES = {
    "text": ("text that it contains", "{0}:pump"),
    "lines": ("text that it contains", '{0}:"broken pump"'),
    "addresses": ("text that it contains", "{0}:acme.example"),
    "int": ("whole numbers", "{0}>3"),
    "number": ("numbers", "{0}>=0.5"),
    "percent": ("0 to 100", "{0}:20..60"),
    "money": ("amounts", "{0}>1000.50"),
    "priority": ("1 to 5, highest to lowest", "{0}<=high"),
    "bool": ("yes, no", "{0}:yes"),
    "time": ("days, times, periods", "{0}.before:eom"),
    "day": ("days, periods", "{0}:1980"),
}
LINKED = {"user": "{0}:me,none", "section": "{0}:Sales/", "partner": "{0}.category:VIP", "contact": "{0}.email:acme.example"}


def described(name: str) -> list[Row]:
    """What a noun can be filtered by, to be shown: field, kind, values, example, help; then its flags."""
    noun = noun_of(name)
    rows = [_described(one.field) for one in readable(noun).values()]
    for flag, meaning in flags(noun).items():
        rows.append({"field": f"+{flag}", "kind": "flag", "values": "", "example": f"not +{flag}", "help": meaning.help})
    return rows


def _described(field: Field) -> Row:
    if field.link:
        values, example = f"a {noun_of(field.link).title}, or its fields", LINKED.get(field.link, "{0}:none")
    elif field.choices:
        values, example = ", ".join(field.choices), f"{{0}}:{field.choices[0]},{field.choices[-1]}"
    else:
        values, example = EXAMPLES[field.kind]
    kind = "text" if field.kind in TEXTS else field.kind
    return {"field": field.short, "kind": kind, "values": values, "example": example.format(field.short), "help": field.help}
