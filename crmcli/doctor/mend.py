"""What crm doctor --fix does: only what harms nothing and can be done again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from crmcli import db, outbox
from crmcli.doctor.line import Line, Site, many
from crmcli.doctor.place import LOG, NOTES
from crmcli.mail import ingest
from crmcli.model import Origin

TEXTS = (
    "INSERT INTO texts (texts) VALUES ('delete-all')",
    "INSERT INTO text_entry (id, text) SELECT id * 4, name FROM cases",
    "INSERT INTO text_entry (id, text) SELECT id * 4 + 1, description FROM cases",
    "INSERT INTO text_entry (id, text) SELECT log_id * 4 + 2, description FROM case_history",
    "INSERT INTO text_entry (id, text) SELECT id * 4 + 3, name FROM attachments",
)
LOOKED_AT = 1000
"""Rows of each index that ANALYZE looks at."""

ENOUGH = 1000


def mend(site: Site, lines: list[Line], origin: Origin) -> Iterator[str]:
    """Do what the lines ask for, then bring SQLite's knowledge of the data up to date → what was done, in words."""
    for name in dict.fromkeys(line.mend for line in lines if line.mend):
        yield MENDERS[name](site, origin)
    site.conn.execute(f"PRAGMA analysis_limit = {LOOKED_AT}")
    site.conn.execute("ANALYZE")
    yield "SQLite knows again what is in the tables"


def _rights(site: Site, origin: Origin) -> str:
    """Others lose their rights; log and lock files get those of the database where they are ours."""
    found = os.stat(site.path)
    mode = stat.S_IMODE(found.st_mode) & ~0o007
    os.chmod(site.path, mode)
    for path in (site.path + end for end in (*LOG, *NOTES)):
        if os.path.exists(path) and os.stat(path).st_uid in (os.geteuid(), 0) and os.access(path, os.W_OK):
            os.chown(path, -1, found.st_gid)
            os.chmod(path, mode)
    return f"the database and the files beside it have mode {mode:o}"


def _leases(site: Site, origin: Origin) -> str:
    with db.write(site.conn, origin) as tx:
        return f"{many(outbox.free(tx), 'mail')} left by senders that died wait to be sent again"


def _custody(site: Site, origin: Origin) -> str:
    done = ingest.drain(site.conn, origin._replace(source="mail", user_id=None), ENOUGH)
    return f"{many(done, 'mail')} that had been taken were handled"


def _texts(site: Site, origin: Origin) -> str:
    with db.write(site.conn, origin) as tx:
        for sql in TEXTS:
            tx.run(sql)
    return "the index of full text was made anew"


def _log(site: Site, origin: Origin) -> str:
    busy = site.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return "the log could not be emptied: somebody is reading" if busy else "the log was emptied"


MENDERS: dict[str, Callable[[Site, Origin], str]] = {
    "rights": _rights,
    "leases": _leases,
    "custody": _custody,
    "texts": _texts,
    "log": _log,
}
