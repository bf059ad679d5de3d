"""Whether our own mail server vouches for the From of a mail (mail.md §5, RFC 8601). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[();]|\\.|[^"();\\]+|.', re.DOTALL)
RESULT = re.compile(r"\s*([a-z0-9-]+)(?:/\d+)?\s*=\s*([a-z]+)\b(.*)", re.IGNORECASE | re.DOTALL)
WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+', re.DOTALL)
BY = re.compile(r"(?:^|\s)by\s+([^\s;()]+)", re.IGNORECASE)

ALIGNED = {"dmarc": ("header.from",), "dkim": ("header.d",), "spf": ("smtp.mailfrom",)}
"""The property of each method that must name the domain of From."""


def vouched(headers: Sequence[tuple[str, str]], authserv_id: str, our_hosts: Collection[str], address: str) -> bool:
    """Whether the Authentication-Results of authserv_id speak for an address; our_hosts are lower case.

    Only the topmost one counts, as what a sender forges stands below what our servers put before it. Domains must
    be equal: without a list of public suffixes nothing wider is safe.
    """
    domain = address.rpartition("@")[2].lower()
    results = _results(headers, authserv_id, our_hosts) if domain else []
    dmarc = [result for result in results if result[0] == "dmarc"]
    if dmarc:
        return all(_speaks(result, domain) for result in dmarc)
    return any(_speaks(result, domain) for result in results)


def denied(headers: Sequence[tuple[str, str]], authserv_id: str, our_hosts: Collection[str]) -> bool:
    """Whether those results say that the mail is not from where its From says, in so many words."""
    return any(result[:2] == ("dmarc", "fail") for result in _results(headers, authserv_id, our_hosts))


def _results(headers: Sequence[tuple[str, str]], authserv_id: str, our_hosts: Collection[str]) -> list[tuple[str, str, str]]:
    """Method, verdict and properties of each result of ours; none where there is no header of ours."""
    found = _ours(headers, authserv_id.lower(), our_hosts) if authserv_id else None
    matches = (RESULT.match(clause) for clause in found or ())
    return [(match[1].lower(), match[2].lower(), match[3]) for match in matches if match]


def _ours(headers: Sequence[tuple[str, str]], authserv_id: str, our_hosts: Collection[str]) -> list[str] | None:
    """The results of the topmost header of ours above the last Received of the top run by our hosts."""
    found: list[str] | None = None
    for name, value in headers:
        if name == "received":
            by = BY.search("".join(clauses(value)[:1]))
            if by is None or by[1].lower().rstrip(".") not in our_hosts:
                return None
            if found is not None:
                return found
        elif name == "authentication-results" and found is None:
            server, *results = clauses(value)
            if server.split()[:1] and server.split()[0].lower() == authserv_id:
                found = results
    return None


def clauses(value: str) -> list[str]:
    """A header parted at its semicolons: without comments, quoted words kept whole."""
    depth, parts = 0, [""]
    for token in TOKEN.findall(value):
        if token in ("(", ")"):
            depth = max(0, depth + (1 if token == "(" else -1))
        elif depth:
            continue
        elif token == ";":
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _speaks(result: tuple[str, str, str], domain: str) -> bool:
    """Whether one result is a pass for exactly this domain."""
    method, verdict, rest = result
    if verdict != "pass" or method not in ALIGNED:
        return False
    said = [word.partition("=") for word in WORD.findall(rest)]
    values = [value.strip('"').rpartition("@")[2].lower() for name, _, value in said if name.lower() in ALIGNED[method]]
    return values == [domain]
