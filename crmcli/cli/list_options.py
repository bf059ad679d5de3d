"""The options of every list, for Typer."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from crmcli.cli.lists import Asked

Filter: TypeAlias = Annotated[list[str] | None, typer.Argument(metavar="[FILTER]...", help="Which ones; see: crm help filter.")]
Columns: TypeAlias = Annotated[str, typer.Option(metavar="NAMES", help="Columns to show: id,name; +name adds one.")]
Sort: TypeAlias = Annotated[str, typer.Option(metavar="NAMES", help="Order: priority,-deadline; - is downwards.")]
Limit: TypeAlias = Annotated[int | None, typer.Option(min=0, metavar="N", help="At most so many; 0 for all.")]
After: TypeAlias = Annotated[int | None, typer.Option(metavar="ID", help="Go on after this one.")]
Archived: TypeAlias = Annotated[bool, typer.Option("--archived", help="Those that are archived.")]
Everything: TypeAlias = Annotated[bool, typer.Option("--all", help="Archived ones too.")]

__all__ = ["After", "Archived", "Asked", "Columns", "Everything", "Filter", "Limit", "Sort"]
