"""crm mood: states of mind, and how much each counts."""

from __future__ import annotations

from crmcli.cli import nouns

app = nouns.app(
    "mood",
    {
        "add": "crm mood add Delighted --factor 9.5",
        "list": "crm mood list --sort -factor",
        "show": "crm mood show Delighted",
        "edit": "crm mood edit Delighted --factor 9",
        "archive": "crm mood archive Delighted",
        "unarchive": "crm mood unarchive Delighted",
        "delete": "crm mood delete Delighted",
    },
)
