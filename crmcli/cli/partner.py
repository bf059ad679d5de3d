"""crm partner: customers and suppliers, their contacts, categories and amounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from crmcli import find, partner_merge, partners, records
from crmcli.cli import nouns
from crmcli.cli.fields import parameter
from crmcli.cli.session import Session, session
from crmcli.db import Tx


def _categories(s: Session, given: dict[str, Any]) -> Callable[[Tx, int], None] | None:
    """What --add-category and --remove-category do to a partner; names are looked up before anything is written."""
    wanted = find.many(s.conn, "partner_category", given.get("add_category") or [])
    unwanted = find.many(s.conn, "partner_category", given.get("remove_category") or [])

    def act(tx: Tx, partner_id: int) -> None:
        for category_id in wanted:
            partners.add_category(tx, partner_id, category_id)
        for category_id in unwanted:
            partners.remove_category(tx, partner_id, category_id)

    return act if wanted or unwanted else None


def _option(name: str, text: str) -> Any:
    shown = typer.Option(metavar="CATEGORY", help=text, show_default=False)
    return parameter(name, list[str] | None, None, shown)


INTO = _option("add_category", "Put into this category; repeat or use commas.")
OUT = _option("remove_category", "Take out of this category; repeat or use commas.")

app = nouns.app(
    "partner",
    {
        "add": "crm partner add Beta --ref C001 --user ann --supplier",
        "list": "crm partner list category:VIP --columns id,name,categories",
        "show": "crm partner show Beta",
        "edit": "crm partner edit Beta --add-category VIP",
        "archive": "crm partner archive Beta",
        "unarchive": "crm partner unarchive Beta",
        "delete": "crm partner delete Beta",
    },
    {"add": nouns.Also([INTO], _categories), "edit": nouns.Also([INTO, OUT], _categories)},
)

contact = nouns.app(
    "contact",
    {
        "add": 'crm partner contact add "Ada Poe" --partner Acme --email ada@acme.example',
        "list": "crm partner contact list --partner Acme",
        "show": "crm partner contact show ada@acme.example",
        "edit": "crm partner contact edit ada@acme.example --phone '+44 113 496 0000' --function Maintenance",
        "archive": 'crm partner contact archive "Ada Poe"',
        "unarchive": 'crm partner contact unarchive "Ada Poe"',
        "delete": 'crm partner contact delete "Ada Poe"',
    },
)
category = nouns.app(
    "partner_category",
    {
        "add": "crm partner category add Gold --parent VIP",
        "list": "crm partner category list",
        "show": "crm partner category show Gold",
        "edit": "crm partner category edit Gold --name Platinum",
        "archive": "crm partner category archive Platinum",
        "unarchive": "crm partner category unarchive Platinum",
        "delete": "crm partner category delete Platinum",
    },
)
amount = nouns.app(
    "amount",
    {
        "add": "crm partner amount add Acme --kind sale --amount 120.50 --at 2026-03-01 --ref INV1",
        "list": "crm partner amount list --partner Acme",
        "show": "crm partner amount show 1",
        "edit": "crm partner amount edit 1 --note 'paid in cash'",
        "delete": "crm partner amount delete 1",
    },
)


@app.command()
def merge(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="FROM", help="The partner that is one too many.", show_default=False)],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The partner that stays.", show_default=False)],
) -> None:
    """Make two partners one: all that hangs on FROM goes to INTO, which stays; FROM is archived.

    Cases, contacts, events, amounts, categories, pins, rules and partners below go over, and mail from its contacts
    finds INTO from then on. What INTO has no value for (code, manager, website, VAT, language) it takes from FROM.
    crm undo takes all of it back.

    Example: crm partner merge Beta Acme -y
    """
    s = session(ctx)
    partner_id, into_id = (find.one(s.conn, "partner", word) for word in (which, into))
    partner_merge.check_merge(s.conn, partner_id, into_id)
    counts = ", ".join(partner_merge.hanging_on(s.conn, partner_id)) or "nothing hangs on it"
    names = [records.label(s.conn, "partner", number) for number in (partner_id, into_id)]
    s.confirm(f"merge {names[0]} into {names[1]}: {counts}?")
    with s.write() as tx:
        partner_merge.merge(tx, partner_id, into_id)
        s.done("partner", [into_id])


app.registered_commands.insert(-1, app.registered_commands.pop())  # the help ends with delete, as everywhere
app.add_typer(contact, name="contact", help="The people at partners, and private ones.")
app.add_typer(category, name="category", help="Categories of partners, as a tree.")
app.add_typer(amount, name="amount", help="What was sold to partners and bought from them.")
