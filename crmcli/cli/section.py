"""crm section: where cases belong, as a tree."""

from __future__ import annotations

from crmcli.cli import nouns

app = nouns.app(
    "section",
    {
        "add": 'crm section add "Field Service" --parent support --user ann --reply-to field@us.example',
        "list": "crm section list --counts",
        "show": 'crm section show "Field Service"',
        "edit": 'crm section edit "Field Service" --code field --no-thanks',
        "archive": "crm section archive field",
        "unarchive": "crm section unarchive field",
        "delete": "crm section delete field",
    },
)
