"""crm user: the people who work here."""

from __future__ import annotations

from crmcli.cli import nouns

app = nouns.app(
    "user",
    {
        "add": 'crm user add dora --name "Dora Moss" --email dora@us.example --section support',
        "list": "crm user list --columns +phone",
        "show": "crm user show dora",
        "edit": "crm user edit dora --away-from friday --away-to +2w",
        "archive": "crm user archive dora",
        "unarchive": "crm user unarchive dora",
        "delete": "crm user delete dora",
    },
)
