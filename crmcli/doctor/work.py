"""Whether the work is done: the heartbeat of cron, rules that are late or fail, clock and zone, cases that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator

from crmcli import clock, settings, verify, zones
from crmcli.doctor.line import BAD, OK, WARN, Line, Site, count, many
from crmcli.errors import Usage
from crmcli.rules import delay

DATED = "SELECT delay, delay_unit, repeat FROM rules WHERE active = 1 AND (date_type <> 'none' OR delay <> 0)"
WAKING = "SELECT count(*) FROM cases WHERE wake_at IS NOT NULL"
SEGMENTS = "SELECT count(*) FROM segments WHERE active = 1"
LAST_RUN = "SELECT max(at) FROM runs WHERE kind = 'rules'"
BEGUN = "SELECT min(at) FROM change_sets"

OVERDUE = """
SELECT count(*), min(coalesce(d.retry_at, d.due_at))
FROM rule_due d JOIN rules r ON r.id = d.rule_id
WHERE r.active = 1
  AND coalesce(d.retry_at, d.due_at) <= ?
"""
FAILED = """
SELECT r.name, count(*), max(f.reason)
FROM rule_firings f JOIN rules r ON r.id = f.rule_id
WHERE f.state = 'failed'
GROUP BY r.name
ORDER BY r.name
"""

UNCLOSED = "c.active = 1 AND c.state IN ('draft', 'open', 'pending')"
OF_NOBODY = f"SELECT count(*) FROM cases c JOIN users u ON u.id = c.user_id WHERE {UNCLOSED} AND u.active = 0"
NOWHERE = f"SELECT count(*) FROM cases c JOIN sections s ON s.id = c.section_id WHERE {UNCLOSED} AND s.active = 0"

HOUR, DAY = 3600, 86400
SHORTEST = 300
"""Seconds between two runs of cron that are always enough."""


def heartbeat(site: Site) -> Iterator[Line]:
    """How long ago the rules last ran, against the shortest time that one of them counts in."""
    last, finest = site.conn.execute(LAST_RUN).fetchone()[0], _finest(site)
    if finest is None:
        yield Line("cron", OK, f"nothing waits for a time; the rules last ran {last}" if last else "nothing waits for a time")
        return
    since = last or site.conn.execute(BEGUN).fetchone()[0] or site.now
    age = (clock.moment(site.now) - clock.moment(since)).total_seconds()
    said = f"the rules last ran {last}" if last else "the rules never ran"
    if age <= max(finest, SHORTEST) + SHORTEST:
        yield Line("cron", OK, said)
    else:
        late = age > finest + DAY
        yield Line("cron", BAD if late else WARN, f"{said}; they are needed every {_duration(finest)}", "crm help cron")


def _finest(site: Site) -> int | None:
    """The shortest time in seconds that a dated rule, a case that wakes or a segment counts in; None where there is none."""
    seconds = {**delay.SECONDS, **delay.AVERAGE}
    found = [HOUR] if count(site, WAKING) else []
    found += [DAY] if count(site, SEGMENTS) else []
    for number, unit, repeat in site.conn.execute(DATED):
        every = delay.period(repeat)
        spans = [(number, unit), *([every] if every else [])]
        found += [abs(number) * seconds.get(unit, HOUR) or HOUR for number, unit in spans]
    return min(found, default=None)


def _duration(seconds: int) -> str:
    if seconds < HOUR:
        return many(max(seconds // 60, 1), "minute")
    return many(seconds // HOUR, "hour") if seconds < 2 * DAY else many(seconds // DAY, "day")


def rules(site: Site) -> Iterator[Line]:
    """What should have fired long ago, and what failed."""
    late, since = site.conn.execute(OVERDUE, (clock.shift(site.now, -HOUR),)).fetchone()
    if late:
        yield Line("rules", BAD, f"{many(late, 'firing')} overdue, the first since {since}", "crm run-rules -v")
    failed = site.conn.execute(FAILED).fetchall()
    for name, number, reason in failed:
        yield Line("rules", WARN, f"{name} failed for {many(number, 'case')}: {reason or 'it is not known why'}", "crm rule list")
    if not late and not failed:
        yield Line("rules", OK, "nothing is overdue, nothing failed")


def clocks(site: Site) -> Iterator[Line]:
    """Time only runs forwards: what was written last was not written in the future."""
    newest = site.conn.execute("SELECT max(true_at) FROM change_sets").fetchone()[0]
    if newest and newest > clock.shift(site.clock, SHORTEST):
        yield Line("clock", BAD, f"the newest change is of {newest}, and it is {site.clock}", "set the clock of this machine")
    else:
        yield Line("clock", OK, f"it is {site.clock}")


def zone(site: Site) -> Iterator[Line]:
    """Whether the site's zone is known here; rules and months follow it."""
    name = settings.get(site.conn, "zone")
    try:
        zones.tz(name)
    except Usage as error:
        yield Line("zone", BAD, error.message, "crm config set zone Europe/Berlin, or install tzdata")
    else:
        yield Line("zone", OK, name)


def cases(site: Site) -> Iterator[Line]:
    """Unclosed cases that are on nobody's list."""
    lost = (
        (OF_NOBODY, "belong to people who have left", "crm case list +unclosed 'user:LOGIN'; crm case edit ID --user …"),
        (NOWHERE, "stand in archived sections", "crm case edit ID --section …, or: crm section unarchive"),
    )
    found = [(count(site, sql), words, todo) for sql, words, todo in lost]
    for number, words, todo in found:
        if number:
            yield Line("cases", WARN, f"{many(number, 'unclosed case')} {words}", todo)
    if not any(number for number, _, _ in found):
        yield Line("cases", OK, "every unclosed case is on somebody's list or on nobody's")


def whole(site: Site) -> Iterator[Line]:
    """The quick half of crm verify: schema, references, full text."""
    faults = [*verify.schema(site.conn), *verify.references(site.conn)]
    if faults:
        first = faults[0]
        yield Line("database", BAD, f"{many(len(faults), 'fault')}: {first.place} {first.problem}", "crm verify")
    else:
        yield Line("database", OK, "schema and references are as they should be; the rest is told by crm verify")
    missed = sum(1 for _ in verify.texts(site.conn))
    if missed:
        yield Line("full text", BAD, f"{many(missed, 'text')} not found, or found though gone", "crm doctor --fix", "texts")
    else:
        yield Line("full text", OK, "everything is found")
