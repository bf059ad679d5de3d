"""What commands there are, in the order and under the headings of the help; each is loaded when it is used."""

from __future__ import annotations

from crmcli.tuples import NamedTuple


class Entry(NamedTuple):
    """A command: the module of crmcli.cli that has it as `app`, or module:name, and what it is for."""

    module: str
    text: str


HEADINGS: dict[str, dict[str, Entry]] = {
    "Work": {
        "next": Entry("next_", "What to do now, the most urgent first, and why."),
        "case": Entry("case", "Cases: leads, opportunities, tasks, requests, bugs, claims."),
        "search": Entry("search", "Full text over cases, communications and names of files."),
        "calendar": Entry("calendar", "Cases by month and day, and as an iCalendar file."),
        "history": Entry("history", "Communications of all cases."),
        "view": Entry("view", "Saved views."),
        "report": Entry("report", "Reports: numbers over cases."),
        "status": Entry("status", "The numbers of today; the same as crm alone."),
        "filter": Entry("filter", "Filters explained, and what can be filtered by."),
    },
    "Take back": {
        "changes": Entry("changes", "What was changed, by whom and when."),
        "undo": Entry("undo", "Take a step back: a command, a bulk edit, an import, a run."),
        "redo": Entry("undo:redo_app", "Take an undo back."),
    },
    "Keep": {
        "partner": Entry("partner", "Customers and suppliers, their contacts, categories and amounts."),
        "section": Entry("section", "Sections: where cases belong, with their mail address."),
        "category": Entry("category", "Categories of cases, with their probability."),
        "user": Entry("user", "The people who work here."),
        "event": Entry("event", "What happened with partners."),
        "channel": Entry("channel", "How people reach us."),
        "mood": Entry("mood", "States of mind and their factors."),
    },
    "By itself": {
        "rule": Entry("rule", "Rules: what happens by itself, and when."),
        "segment": Entry("segment", "Segments: partners put in a category by criteria."),
        "mail": Entry("mail", "Mail in and out: what came, what waits, what was sent."),
        "ingest": Entry("ingest", "Take a mail from standard input, as the mail server's pipe does."),
        "lmtp": Entry("lmtp", "Take mail by LMTP, for the mail servers of busy sites."),
        "run-rules": Entry("run_rules", "Do what is due by the rules; for cron."),
    },
    "In and out": {
        "import": Entry("import_", "Take rows out of files: csv, tsv, json, vCard, mail."),
        "export": Entry("export", "Write rows to csv, tsv, json, vCard, or everything to one file."),
        "sql": Entry("sql", "Ask the database in SQL, reading only."),
        "web": Entry("web", "Look at it all in a browser."),
    },
    "This site": {
        "init": Entry("init", "Make a database."),
        "demo": Entry("demo", "See it work, in a database of its own."),
        "config": Entry("config", "Settings: of this database and your own."),
        "backup": Entry("backup", "Copy the database while it is in use, and check the copy."),
        "restore": Entry("restore", "Put a backup in the place of the database."),
        "verify": Entry("verify", "Check that the database is whole."),
        "doctor": Entry("doctor", "Check the site: cron, mail, rights, space; mend what is safe."),
        "completion": Entry("completion", "Completion for bash, zsh and fish."),
        "man": Entry("man", "The same help as manual pages."),
        "menu": Entry("menu", "The menus of the OpenERP module, and their commands here."),
        "help": Entry("help", "Longer help on a topic or command."),
    },
}

COMMANDS = {name: entry for under in HEADINGS.values() for name, entry in under.items()}
