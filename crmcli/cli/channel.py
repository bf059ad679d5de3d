"""crm channel: how people reach us."""

from __future__ import annotations

from crmcli.cli import nouns

app = nouns.app(
    "channel",
    {
        "add": "crm channel add chat",
        "list": "crm channel list",
        "show": "crm channel show chat",
        "edit": 'crm channel edit chat --name "live chat"',
        "archive": 'crm channel archive "live chat"',
        "unarchive": 'crm channel unarchive "live chat"',
        "delete": 'crm channel delete "live chat"',
    },
)
