"""Files of rows, line by line: csv, tsv, json, jsonl and vCards, whatever encoding they are in (cli.md §5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from crmcli.errors import Usage
from crmcli.transfer import objects, tables, vcards
from crmcli.transfer.encoding import Encoding
from crmcli.transfer.line import Line, text
from crmcli.tuples import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

ENDINGS = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "txt": "csv", "json": "json", "jsonl": "jsonl", "ndjson": "jsonl",
    "vcf": "vcf", "vcard": "vcf",
}  # fmt: skip

READERS: dict[str, Callable[[Iterator[str]], Iterator[Line]]] = {
    "json": objects.array, "jsonl": objects.by_line, "vcf": vcards.lines,
}  # fmt: skip


def read(file: BinaryIO, name: str, encoding: Encoding) -> Iterator[Line]:
    """The lines of a seekable file, whose form its name or its beginning tells; Usage where it is none."""
    form = _form(file, name, encoding.name)
    if form in READERS:
        return READERS[form](text(file, encoding.name))
    return tables.lines(text(file, encoding.name), form == "tsv", encoding.name.startswith("utf-16"))


def _form(file: BinaryIO, name: str, encoding: str) -> str:
    """json and vCards show themselves; what else a file is its name tells."""
    start = file.read(4096).decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    file.seek(0)
    by_name = ENDINGS.get(name.rpartition(".")[2].lower(), "")
    if not start and by_name != "jsonl":  # which is what nothing looks like there
        raise Usage("there is nothing in the file", hint="a header line and a line a row, or json")
    if not start:
        return by_name
    if start.upper().startswith("BEGIN:VCARD"):
        return "vcf"
    if start[0] in "[{":
        return "jsonl" if by_name == "jsonl" or _starts_with_an_object(file, encoding) else "json"
    return by_name if by_name in ("csv", "tsv", "vcf") else "csv"


def _starts_with_an_object(file: BinaryIO, encoding: str) -> bool:
    """Whether the first line is a json object by itself, so that more may follow in further lines."""
    first = file.readline().decode(encoding, "ignore").lstrip("\ufeff")
    file.seek(0)
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False
