"""What the browser shows: the documented views with their facets, and the saved queries. Pure."""

from __future__ import annotations

from crmcli.model import PRIORITIES
from crmcli.tuples import Any, NamedTuple
from crmcli.values import written


class View(NamedTuple):
    """A view as a page: its title, what it holds, the columns to narrow it by, and the one it is sorted by, downwards."""

    title: str
    about: str
    facets: tuple[str, ...]
    newest: str = "id"


class Query(NamedTuple):
    """A saved query as a page: its title, what it tells, and its SQL; ``{now}`` stands for the present moment."""

    title: str
    about: str
    sql: str


NAME = "crm"
NOW = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"
UNCLOSED = "active = 1 AND state IN ('draft', 'open', 'pending')"
# What is searched for as words of full text, whatever signs stand in it; nothing finds nothing.
QUOTED = """'"' || replace(replace(trim(:words), '"', ''), ' ', '" "') || '"'"""
LISTED = "id AS case_id, name, state, priority, section, user, partner"

VIEWS = {
    "v_cases": View("Cases", "Every case, archived ones too (active is 0).", ("state", "section", "user", "priority")),
    "v_opportunities": View(
        "Opportunities",
        "Unclosed cases with a planned revenue or a probability (q); expected is revenue times q.",
        ("section", "user", "category"),
        "expected",
    ),
    "v_history": View("Communications", "What was written and said, the newest first.", ("direction", "section", "user"), "at"),
    "v_log": View("Log", "All that happened to cases, the newest first.", ("name", "user", "rule"), "at"),
    "v_spans": View("Time in states", "How long cases stood where, in seconds.", ("state", "section", "user"), "entered_at"),
    "v_partners": View("Partners", "Customers and suppliers, and how many of their cases are unclosed.", ("categories", "user")),
    "v_contacts": View("Contacts", "People and their addresses.", ("partner", "email_state", "country")),
    "v_mails": View("Mail in", "Mails that came in, and what became of them.", ("class", "state"), "received_at"),
    "v_outbox": View("Mail out", "Mails that go out.", ("state", "kind"), "created_at"),
}

QUERIES = {
    "late": Query(
        "Late cases",
        "Unclosed and past their deadline, the longest late first.",
        f"SELECT {LISTED}, deadline_at FROM v_cases WHERE {UNCLOSED} AND deadline_at < {{now}} ORDER BY deadline_at",
    ),
    "unassigned": Query(
        "Unassigned cases",
        "Unclosed and nobody's, the most urgent and oldest first.",
        f"SELECT {LISTED}, created_at FROM v_cases WHERE {UNCLOSED} AND user_id IS NULL ORDER BY priority, created_at",
    ),
    "waiting_for_us": Query(
        "Waiting for us",
        "Unclosed cases whose last communication is the partner's.",
        f"SELECT {LISTED}, email_last FROM v_cases c WHERE {UNCLOSED}"
        " AND 'in' = (SELECT direction FROM v_history WHERE case_id = c.id ORDER BY id DESC LIMIT 1) ORDER BY priority, case_id",
    ),
    "workload": Query(
        "Workload",
        "Unclosed cases of each person, and how many of them are late.",
        "SELECT coalesce(user, 'nobody') AS user, count(*) AS cases, sum(priority <= 2) AS urgent,"
        f" count(CASE WHEN deadline_at < {{now}} THEN 1 END) AS late FROM v_cases WHERE {UNCLOSED} GROUP BY 1 ORDER BY 2 DESC",
    ),
    "opportunities_by_section": Query(
        "Opportunities by section",
        "What the unclosed cases of each section may bring.",
        "SELECT section, count(*) AS cases, sum(planned_revenue) AS planned, sum(planned_cost) AS cost,"
        " sum(expected) AS expected, sum(expected_benefit) AS expected_benefit FROM v_opportunities GROUP BY 1 ORDER BY 5 DESC",
    ),
    "opportunities_by_user": Query(
        "Opportunities by person",
        "What the unclosed cases of each person may bring.",
        "SELECT coalesce(user, 'nobody') AS user, count(*) AS cases, sum(planned_revenue) AS planned, sum(planned_cost) AS cost,"
        " sum(expected) AS expected, sum(expected_benefit) AS expected_benefit FROM v_opportunities GROUP BY 1 ORDER BY 5 DESC",
    ),
    "time_in_states": Query(
        "Time in states",
        "How many hours cases stood in each state of a section, on average, once they had left it.",
        "SELECT section, state, count(*) AS times, round(avg(seconds) / 3600.0, 1) AS hours"
        " FROM v_spans WHERE left_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    "mail_that_waits": Query(
        "Mail that waits",
        "Mails that have not left, and why.",
        "SELECT id, case_id, kind, recipient, subject, state, attempts, next_at, error"
        " FROM v_outbox WHERE state <> 'sent' ORDER BY id",
    ),
    "search": Query(
        "Search",
        "Cases with all of these words in their name, description or communications, the newest first.",
        f"""SELECT {LISTED}, created_at FROM v_cases WHERE id IN (
  SELECT id / 4 FROM (SELECT rowid AS id FROM texts WHERE texts MATCH {QUOTED}) WHERE id % 4 < 2
  UNION SELECT case_id FROM v_log WHERE id IN (
    SELECT id / 4 FROM (SELECT rowid AS id FROM texts WHERE texts MATCH {QUOTED}) WHERE id % 4 = 2))
ORDER BY 1 DESC""",
    ),
    "case": Query(
        "One case",
        "All that happened to a case, the newest first.",
        "SELECT l.at, l.name, l.user, l.section, h.direction, h.email, h.description"
        " FROM v_log l LEFT JOIN v_history h ON h.log_id = l.id WHERE l.case_id = :case_id ORDER BY l.id DESC",
    ),
}

MONEY = (
    "planned_revenue", "planned_cost", "expected", "expected_cost", "expected_benefit", "planned", "cost",
)  # fmt: skip
OF_CASES = ("v_cases", "v_opportunities")


def metadata(title: str, now: str | None) -> dict[str, Any]:
    """The pages as Datasette wants them told; queries ask for the time unless now, UTC text, is given."""
    moment = f"'{now}'" if now else NOW
    return {
        "title": title,
        "description": "Customers, suppliers and their cases, to look at. Times are UTC.",
        "databases": {
            NAME: {
                "tables": {name: _table(view) for name, view in VIEWS.items()},
                "queries": {name: _query(query, moment) for name, query in QUERIES.items()},
            }
        },
    }


def _table(view: View) -> dict[str, Any]:
    return {"title": view.title, "description": view.about, "facets": list(view.facets), "sort_desc": view.newest}


def _query(query: Query, moment: str) -> dict[str, Any]:
    sql = query.sql.replace("{now}", moment)
    return {"title": query.title, "description": query.about, "sql": sql, "hide_sql": True}


def cell(column: str, value: Any) -> str | None:
    """How a value reads on a page: money in units, a priority by its name; None for as it is."""
    if not isinstance(value, int):
        return None
    if column in MONEY:
        return written("money", value)
    return PRIORITIES[value - 1] if column == "priority" and 1 <= value <= len(PRIORITIES) else None


def case_id(table: str | None, column: str, value: Any) -> int | None:
    """The case that a cell names, which leads to its page; None where it names none."""
    names = column == "case_id" or (column == "id" and table in OF_CASES)
    return value if names and isinstance(value, int) else None
