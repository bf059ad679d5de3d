"""What errors of SQLite and of the system mean to the user."""

from __future__ import annotations

from crmcli import checks
from crmcli.errors import Busy, CrmError, Refused

# What sqlite says, by the start of its error name, and what it means to the user.
TROUBLE = {
    "SQLITE_BUSY": "the database is busy",
    "SQLITE_LOCKED": "the database is busy",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the database is read-only",
    "SQLITE_IOERR": "the disk cannot be read or written",
    "SQLITE_CANTOPEN": "the database cannot be opened",
    "SQLITE_NOTADB": "the file is not a crm database",
    "SQLITE_CORRUPT": "the database is damaged",
    "SQLITE_PERM": "the database may not be opened",
    "SQLITE_AUTH": "the database may not be opened",
    "SQLITE_NOMEM": "there is not enough memory",
}


def explained(error: BaseException) -> CrmError | None:
    """What an error of SQLite (by its name) or of the system means to the user; None where it is a bug of ours."""
    if isinstance(error, OSError) and error.errno is not None:
        return Busy(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
    if isinstance(error, MemoryError):
        return Busy("there is not enough memory")
    name = getattr(error, "sqlite_errorname", None) or ""
    for start, words in TROUBLE.items():
        if name.startswith(start):
            return Busy(words, hint="try again, or run: crm doctor")
    if name.startswith("SQLITE_CONSTRAINT"):
        return Refused(_constraint(name, str(error)))
    return None


def _constraint(name: str, detail: str) -> str:
    """The sentence for a refused row; the detail names the table and column, as schema.sql does."""
    what = detail.split(": ", 1)[-1]
    if name == "SQLITE_CONSTRAINT_UNIQUE":
        columns = ", ".join(part.split(".")[-1] for part in what.split(", "))
        return f"there is one with this {columns} already"
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY":
        return "something else still refers to it, or what it refers to is gone"
    if name == "SQLITE_CONSTRAINT_NOTNULL":
        return f"{what.split('.')[-1].removesuffix('_id').removesuffix('_at').replace('_', ' ')} is required"
    if name == "SQLITE_CONSTRAINT_TRIGGER":
        return what
    if name == "SQLITE_CONSTRAINT_CHECK":
        return checks.words(what)
    return f"a value is not allowed: {what}"
