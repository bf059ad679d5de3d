"""Which parts of a mail's text its sender wrote now: quotes and signatures are marked by offsets, never cut (mail.md §6).

Every line is looked at once, and only its beginning; what the structure of the HTML says and what we sent ourselves
comes first, the habits of mail programs (phrases.py) last.
"""

from __future__ import annotations

from collections.abc import Iterable

from crmcli.mail.incoming import Span
from crmcli.mail.phrases import ATTRIBUTED, ATTRIBUTED_UNSPACED, ATTRIBUTIONS, DEVICE, FORWARD, FROM, HEADER, SEPARATOR
from crmcli.mail.sign import markers

LINES = 20_000
LINE = 400
# Lines of ours that are shorter are found everywhere.
TELLING = 16
# A signature under a bare "--" is short; under the proper "-- " it may be long.
SIGNATURE = 12
# Lines that end like an attribution and are looked at.
ATTRIBUTED_LINES = 200
AFTER_DEVICE = 3

ENDS = (":", "：")
# Signs that may stand around the words of a label or an attribution.
SIGNS = str.maketrans(dict.fromkeys(":：,;<>()[]*\xa0", " "))


def visible(text: str, quoted: Iterable[Span] = (), sent: str = "") -> tuple[Span, ...]:
    """The spans of text that are neither quote nor signature; all of it where nothing would be left.

    quoted are spans known to be none of the sender's words; sent is the text that we sent and this mail answers.
    """
    spans = _lines(text)
    lines = [text[start : min(end, start + LINE)] for start, end in spans]
    hidden = [False] * len(lines)
    _hide_known(spans, lines, hidden, quoted)
    _hide_sent(lines, hidden, sent)
    _hide_quotes(lines, hidden)
    _hide_rest(text, spans, lines, hidden)
    _hide_attributions(lines, hidden)
    _hide_signatures(lines, hidden)
    return _shown(text, spans, lines, hidden)


def again(text: str, shown: Iterable[Span], sent: str) -> tuple[Span, ...]:
    """The visible spans once more, now that the text is known which the mail answers."""
    gaps, at = [], 0
    for start, end in sorted(shown):
        gaps.append((at, start))
        at = end
    return visible(text, [*gaps, (at, len(text))], sent)


def _lines(text: str) -> list[Span]:
    """Where the lines of the text lie; what follows after LINES lines is one."""
    found: list[Span] = []
    start = 0
    while start < len(text) and len(found) < LINES:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        found.append((start, end))
        start = end + 1
    return [*found, (start, len(text))] if start < len(text) else found


def _hide_known(spans: list[Span], lines: list[str], hidden: list[bool], quoted: Iterable[Span]) -> None:
    """Lines that begin in one of the spans, and a rule above them."""
    number = 0
    for start, end in sorted(quoted):
        while number < len(spans) and spans[number][0] < start:
            number += 1
        while number < len(spans) and spans[number][0] < end:
            hidden[number] = True
            number += 1
    for number in range(1, len(lines)):
        if hidden[number] and not hidden[number - 1]:
            first = _above(lines, number)
            hidden[first:number] = [True] * (number - first)


def _hide_sent(lines: list[str], hidden: list[bool], sent: str) -> None:
    """Lines that we wrote ourselves, whatever stands before them."""
    ours = {line for line in (_plain(line[:LINE]) for line in sent.split("\n")[:LINES]) if line}
    if not ours:
        return
    for number, line in enumerate(lines):
        plain = _plain(line)
        hidden[number] = hidden[number] or (plain in ours and (len(plain) >= TELLING or (number > 0 and hidden[number - 1])))


def _plain(line: str) -> str:
    return " ".join(line.lstrip("> \t|").split())


def _hide_quotes(lines: list[str], hidden: list[bool]) -> None:
    """Lines that begin with a sign of quoting."""
    for number, line in enumerate(lines):
        if line.lstrip()[:1] in (">", "»"):
            hidden[number] = True


def _hide_rest(text: str, spans: list[Span], lines: list[str], hidden: list[bool]) -> None:
    """All from the first line on that says that another mail follows."""
    marker = next(markers(text), None)
    for number in range(len(lines)):
        ours = marker is not None and spans[number][1] >= marker.start()
        if ours or (not hidden[number] and _begins_another(lines, number)):
            first = _above(lines, number if ours else _labelled(lines, number))
            if ours and first and lines[first - 1].rstrip().endswith(ENDS) and _is_dated(lines[first - 1]):
                # the line that says who wrote it, in any language
                first = _above(lines, _attribution(lines, hidden, first - 1) or first - 1)
            hidden[first:] = [True] * (len(lines) - first)
            return


def _begins_another(lines: list[str], number: int) -> bool:
    line = lines[number].strip()
    if line[:2] in ("--", "__", "==") and (title := line.strip("-_= ").lower()):
        return title in SEPARATOR or title.startswith("forwarded by ")
    if line[-1:] == ":" and line[:-1].rstrip().lower() in FORWARD:
        return True
    return _label(line) in FROM and sum(_label(later) in HEADER for later in lines[number + 1 : number + 8]) >= 2


def _label(line: str) -> str:
    """What stands before the first colon, if that is a word or two: "Sent", "Enviado el"."""
    label = line[:40].replace("：", ":").partition(":")
    return label[0].strip("*_ \t\xa0").lower() if label[1] else ""


def _labelled(lines: list[str], number: int) -> int:
    """The line, or the first of the lines of headers right above it: not all programs begin with From."""
    while number and _label(lines[number - 1].strip()) in HEADER:
        number -= 1
    return number


def _above(lines: list[str], number: int) -> int:
    """The line, or the first of the empty lines and rules above it."""
    first = number
    while first and (not lines[first - 1].strip("-_=* \t")):
        first -= 1
    return first


def _hide_attributions(lines: list[str], hidden: list[bool]) -> None:
    """ "On …, … wrote:" above a quote; and where nothing marks the quote, all that follows it."""
    ending = [number for number, line in enumerate(lines) if line.rstrip().endswith(ENDS) and not hidden[number]]
    for number in ending[:ATTRIBUTED_LINES]:
        first = _attribution(lines, hidden, number)
        after = next((later for later in range(number + 1, len(lines)) if lines[later].strip()), len(lines))
        if after == len(lines) or hidden[after]:
            first = number if first is None and _names(lines[number]) else first
            if first is not None:
                hidden[first:after] = [True] * (after - first)
        elif first is not None and _is_dated(" ".join(lines[first : number + 1])):
            hidden[first:] = [True] * (len(lines) - first)
            return


def _attribution(lines: list[str], hidden: list[bool], last: int) -> int | None:
    """The first line of the attribution that ends in the line last: mailers break it into up to four."""
    joined = ""
    for first in range(last, max(last - 4, -1), -1):
        if hidden[first] or not lines[first].strip():
            break
        joined = f"{lines[first]} {joined}"
        said = _words(joined)
        if any(said.startswith(begin, 1) and any(f" {verb} " in said for verb in verbs) for begin, verbs in ATTRIBUTIONS):
            return first
    line, said = lines[last], _words(lines[last])
    known = any(f" {verb} " in said for verb in ATTRIBUTED) or any(verb in line for verb in ATTRIBUTED_UNSPACED)
    return last if known and _is_dated(line) else _broken(lines, hidden, last)


def _broken(lines: list[str], hidden: list[bool], last: int) -> int | None:
    """The first line of an attribution in two or three lines that has a verb, a date and an address in brackets."""
    joined = lines[last]
    for first in range(last - 1, max(last - 3, -1), -1):
        if hidden[first] or not lines[first].strip():
            return None
        joined = f"{lines[first]} {joined}"
        before, _, rest = joined.partition("<")
        address, closed, after = rest.partition(">")
        if closed and "@" in address and _is_dated(before + after):
            return first if any(f" {verb} " in _words(before + after) for verb in ATTRIBUTED) else None
    return None


def _names(line: str) -> bool:
    """Whether the line ends with an address in brackets, and has a date besides."""
    return "@" in line and line.rstrip()[-2:-1] == ">" and _is_dated(line.partition("<")[0])


def _words(line: str) -> str:
    return f" {' '.join(line.translate(SIGNS).lower().split())} "


def _is_dated(line: str) -> bool:
    """Whether the line has an address, or figures enough for a date."""
    return "@" in line or sum(map(str.isdigit, line)) >= 2


def _hide_signatures(lines: list[str], hidden: list[bool]) -> None:
    """From a line of two dashes, or one that a telephone wrote, to the next quote or the end."""
    number = 0
    while number < len(lines):
        line = lines[number]
        proper = line in ("-- ", "--\xa0")
        if hidden[number] or not (proper or line.rstrip() == "--" or line.strip().lower().startswith(DEVICE)):
            number += 1
            continue
        end = next((later for later in range(number, len(lines)) if hidden[later]), len(lines))
        said = sum(bool(text.strip()) for text in lines[number + 1 : end])
        if proper or said <= (SIGNATURE if line.startswith("--") else AFTER_DEVICE):
            hidden[number:end] = [True] * (end - number)
        number = end if end > number else number + 1


def _shown(text: str, spans: list[Span], lines: list[str], hidden: list[bool]) -> tuple[Span, ...]:
    """What is not hidden, empty lines at the edges apart."""
    found: list[Span] = []
    start = end = -1
    for number, (first, last) in enumerate(spans):
        if hidden[number]:
            if start >= 0:
                found.append((start, end))
            start = -1
        elif lines[number].strip():
            start, end = (first if start < 0 else start), last
    if start >= 0:
        found.append((start, end))
    return tuple(found) or (((0, len(text)),) if text else ())
