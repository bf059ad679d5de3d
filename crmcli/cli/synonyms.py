"""What people call commands that are called otherwise here: the word, and what to type instead."""

from __future__ import annotations

# Under any noun.
VERBS = {
    "create": "{noun} add", "new": "{noun} add", "make": "{noun} add", "insert": "{noun} add",
    "ls": "{noun} list", "find": "{noun} list FILTER", "all": "{noun} list",
    "view": "{noun} show ID", "get": "{noun} show ID", "info": "{noun} show ID", "print": "{noun} show ID",
    "update": "{noun} edit ID", "change": "{noun} edit ID", "set": "{noun} edit ID", "modify": "{noun} edit ID",
    "rename": "{noun} edit ID --name NAME", "rm": "{noun} delete ID", "remove": "{noun} delete ID", "del": "{noun} delete ID",
    "restore": "{noun} unarchive ID", "hide": "{noun} archive ID",
}  # fmt: skip

# Under the word that comes first; alone, at the root.
OF = {
    "crm case": {
        "assign": "case edit ID --user LOGIN", "take": "case open ID", "give": "case edit ID --user LOGIN",
        "move": "case edit ID --section SECTION", "answer": "case reply ID TEXT", "respond": "case reply ID TEXT",
        "mail": "case reply ID TEXT", "comment": "case note ID TEXT", "done": "case close ID", "finish": "case close ID",
        "resolve": "case close ID", "reopen": "case open ID", "start": "case open ID", "wait": "case pending ID --until TIME",
        "snooze": "case pending ID --until TIME", "reject": "case cancel ID", "history": "case show ID",
        "tag": "case edit ID --category NAME", "copy": "case duplicate ID", "next": "next",
    },
    "crm": {
        "add": "case add NAME", "list": "case list", "ls": "case list", "show": "case show ID", "edit": "case edit ID",
        "close": "case close ID", "reply": "case reply ID TEXT", "note": "case note ID TEXT", "tasks": "case list",
        "task": "case list", "todo": "next", "today": "next", "agenda": "calendar agenda", "ticket": "case list",
        "customer": "partner list", "company": "partner list", "supplier": "partner list", "contact": "partner contact list",
        "person": "partner contact list", "team": "section list", "queue": "section list", "setting": "config list",
        "setup": "init", "log": "changes", "revert": "undo", "send": "mail send", "outbox": "mail outbox list",
        "inbox": "mail list", "cron": "run-rules", "dump": "export all", "check": "doctor",
    },
}  # fmt: skip

# Options of cases that are called otherwise, and what is no option at all.
STATES = "states are changed by the verbs: crm case open, pending, close, cancel, reset"
OPTIONS = {
    "--due": "--deadline", "--owner": "--user", "--assignee": "--user", "--responsible": "--user", "--title": "--name",
    "--subject": "--name", "--customer": "--partner", "--company": "--partner", "--email": "--email-from", "--tag": "--category",
    "--text": "--description", "--revenue": "--planned-revenue", "--cost": "--planned-cost",
    "--state": STATES, "--status": STATES,
}  # fmt: skip


def option(path: str, word: str) -> str:
    """What to write for a word that is no option of a command; empty where nobody can tell."""
    if path not in ("crm case add", "crm case edit"):
        return ""
    meant = OPTIONS.get(word, "")
    return "crm case add SUBJECT" if meant == "--name" and path == "crm case add" else meant


def instead(path: str, word: str) -> str:
    """What to type for a word that is no command under a path such as ``crm case``; empty where nobody can tell.

    A number alone is taken for a thing to be shown.
    """
    noun = path.removeprefix("crm").strip()
    if word.isdecimal() and noun:
        return f"{path} show {word}"
    known = OF.get(path, {})
    for form in (word, word.removesuffix("s")):
        if form in known:
            return f"crm {known[form]}"
        if noun and form in VERBS:
            return f"crm {VERBS[form].format(noun=noun)}"
    return ""
