"""crm category: kinds of cases, with the probability that they bring."""

from __future__ import annotations

from crmcli.cli import nouns

app = nouns.app(
    "category",
    {
        "add": "crm category add Warranty --probability 10 --section support",
        "list": "crm category list --sort -probability",
        "show": "crm category show Warranty",
        "edit": "crm category edit Warranty --probability 40",
        "archive": "crm category archive Warranty",
        "unarchive": "crm category unarchive Warranty",
        "delete": "crm category delete Warranty",
    },
)
