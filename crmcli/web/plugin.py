"""What Datasette asks us: who may see what, and how a cell looks."""

from __future__ import annotations

from typing import Any

from datasette import hookimpl
from markupsafe import Markup

from crmcli.web import pages

NEVER = ("execute-sql", "view-database-download", "permissions-debug", "debug-menu")


@hookimpl  # type: ignore[untyped-decorator]
def permission_allowed(action: str, resource: Any) -> bool | None:
    """Views have pages; tables, downloads and SQL of one's own have none."""
    if action == "view-table":
        return None if resource[1] in pages.VIEWS else False
    return False if action in NEVER else None


@hookimpl  # type: ignore[untyped-decorator]
def render_cell(value: Any, column: str, table: str | None, datasette: Any) -> Any:
    """Money in units, priorities by name, and a link from a case's number to its page."""
    number = pages.case_id(table, column, value)
    if number is not None:
        return Markup('<a href="{}?case_id={}">{}</a>').format(datasette.urls.query(pages.NAME, "case"), number, number)
    return pages.cell(column, value)
