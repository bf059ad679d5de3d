"""Everything that the doctor looks at, in the order of its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crmcli.doctor import mail, pipe, place, work
from crmcli.doctor.line import Line, Site

SITE: tuple[Callable[[Site], Iterator[Line]], ...] = (
    place.rights,
    place.file_system,
    place.space,
    place.log,
    work.whole,
    work.clocks,
    work.zone,
    work.heartbeat,
    work.rules,
    work.cases,
    mail.transport,
    mail.waiting,
    mail.custody,
)
PIPE: tuple[Callable[[Site], Iterator[Line]], ...] = (pipe.program, pipe.writers, pipe.routes)


def examine(site: Site, with_pipe: bool) -> list[Line]:
    """What is to be said of a site; with the pipe, of the mail server's side too."""
    return [line for look in (*SITE, *(PIPE if with_pipe else ())) for line in look(site)]
