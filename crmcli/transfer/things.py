"""Lines of a file about things that people keep, all but cases: made, changed, or found to be here as they are."""

from __future__ import annotations

from collections.abc import Callable

from crmcli import filters, records
from crmcli.db import Tx
from crmcli.errors import Refused
from crmcli.model import Row
from crmcli.rules import save as rules
from crmcli.segments import save as segments
from crmcli.transfer.entries import Entry
from crmcli.transfer.links import add_categories
from crmcli.transfer.work import Work
from crmcli.tuples import NamedTuple

CONTACT_COLUMNS = "SELECT * FROM contacts WHERE partner_id IS ? AND "
# The contact of a partner that a line speaks of: by its name, else by its address, else the one for everything.
BY_NAME = CONTACT_COLUMNS + "name = ? COLLATE NOCASE ORDER BY active DESC, id LIMIT 1"
BY_EMAIL = CONTACT_COLUMNS + "email = ? ORDER BY active DESC, id LIMIT 1"
BY_TYPE = CONTACT_COLUMNS + "type = 'default' AND name = '' ORDER BY active DESC, id LIMIT 1"
OF_EMAIL = "SELECT 1 FROM contacts WHERE email = ? LIMIT 1"

FURTHER = """
INSERT INTO addresses (address, contact_id) VALUES (?, ?)
ON CONFLICT (address) DO UPDATE SET contact_id = excluded.contact_id WHERE contact_id IS NULL AND user_id IS NULL
"""


class Save(NamedTuple):
    """How a thing of a noun is made and changed."""

    add: Callable[[Tx, Row], int]
    edit: Callable[[Tx, int, Row], None]


def _view(tx: Tx, values: Row) -> Row:
    filters.compile(tx.conn, values.get("filter") or "", "case", filters.context(tx.conn, tx.now, tx.user_id))
    return values


SAVE = {
    "rule": Save(rules.add, rules.edit),
    "segment": Save(segments.add, segments.edit),
    "segment_line": Save(segments.add_line, segments.edit_line),
    "view": Save(
        lambda tx, values: records.add(tx, "view", _view(tx, values)),
        lambda tx, view_id, values: records.edit(tx, "view", view_id, _view(tx, values)),
    ),
}


def _save(noun: str) -> Save:
    return SAVE.get(noun) or Save(
        lambda tx, values: records.add(tx, noun, values),
        lambda tx, row_id, values: records.edit(tx, noun, row_id, values),
    )


def take(work: Work, entry: Entry) -> str:
    """Do what a line says → made, changed, same or left; refusals are raised, and leave half-done work to a rollback."""
    noun = work.noun.name
    contacts = _contacts(work, entry)
    if noun == "partner" and not (entry.own.get("name") or entry.own.get("ref") or entry.own.get("id")) and contacts:
        return _private(work, contacts)
    values = work.values(entry)
    emails = [contact["email"] for contact in contacts if contact.get("email")]
    found = work.match.find(values, emails)
    if not work.takes(found is not None):
        return "left"
    if found is None:
        given = {name: value for name, value in values.items() if name != "id"}
        row_id, done = _save(noun).add(work.tx, {**work.own_id(values), **given}), "made"
    else:
        row_id, done = found.id, _change(work, found.id, {**values, **dict.fromkeys(found.columns)})
    work.match.tell(row_id, values)
    more = [_contact(work, row_id, contact) for contact in contacts]
    if noun == "partner" and entry.own.get("categories"):
        more.append(add_categories(work.tx, row_id, work.links.categories(entry.own["categories"])))
    if noun == "contact" and entry.own.get("further"):
        more.append(_further(work, row_id, entry.own["further"]))
    return "changed" if done == "same" and any(more) else done


def _change(work: Work, row_id: int, values: Row) -> str:
    """Give a row what a line says and what it does not say itself; an empty cell leaves what is there."""
    row = work.tx.run(f"SELECT * FROM {work.noun.table} WHERE id = ?", (row_id,)).fetchone()
    changed = {name: value for name, value in values.items() if value is not None and name != "id" and row[name] != value}
    if not changed:
        return "same"
    _save(work.noun.name).edit(work.tx, row_id, changed)
    return "changed"


# The contacts of a partner ----------------------------------------------------------------------------


def _contacts(work: Work, entry: Entry) -> list[Row]:
    """The contacts that a line of a partner tells of, as values of their columns; further: more addresses."""
    found = []
    for texts in entry.parts.get("contacts", ()):
        own = {name: text for name, text in texts.items() if name not in ("id", "partner_id", "further")}
        contact = {name: value for name, text in own.items() if (value := work.parsed("contact", name, text)) is not None}
        if texts.get("further"):
            contact["further"] = texts["further"]
        if contact:
            found.append(contact)
    return found


def _contact(work: Work, partner_id: int | None, told: Row) -> bool:
    """Make or change one contact of a partner → whether anything was done."""
    tx, values = work.tx, {name: value for name, value in told.items() if name != "further"}
    name, email = values.get("name"), values.get("email")
    sql, key = (BY_NAME, (name,)) if name else (BY_EMAIL, (email,)) if email else (BY_TYPE, ())
    row = tx.run(sql, (partner_id, *key)).fetchone()
    if row is None:
        usual = {"type": "contact" if name or partner_id is None else "default"}
        contact_id, done = records.add(tx, "contact", {"partner_id": partner_id, **usual, **values}), True
    else:
        contact_id = row["id"]
        changed = {one: value for one, value in values.items() if row[one] != value and one != "name"}
        done = bool(changed)
        if any(row[one] is not None for one in changed):
            _once(work, contact_id)
        if changed:
            records.edit(tx, "contact", contact_id, changed)
    work.contacts.add(contact_id)
    further = bool(told.get("further")) and _further(work, contact_id, told["further"])
    return done or further


def _once(work: Work, contact_id: int) -> None:
    """Refuse that a second line says otherwise of a contact than the first did."""
    if contact_id in work.contacts:
        raise Refused("an earlier line says otherwise of this contact", hint="give contacts of their own a name or an email")


def _private(work: Work, contacts: list[Row]) -> str:
    """A person without a partner, as a vCard without an organisation tells of; one who is known is left as is."""
    if not work.takes(False):
        return "left"
    strangers = [one for one in contacts if not (one.get("email") and work.tx.run(OF_EMAIL, (one["email"],)).fetchone())]
    done = [_contact(work, None, contact) for contact in strangers]
    return "made" if any(done) else "same"


def _further(work: Work, contact_id: int, text: str) -> bool:
    """Note more addresses of a contact → whether any was new; one that is somebody's already stays so."""
    before = work.tx.conn.total_changes
    for part in text.replace(",", "\n").split("\n"):
        address = work.parsed("contact", "email", part)
        if address:
            work.tx.run(FURTHER, (address, contact_id))
    return work.tx.conn.total_changes > before
