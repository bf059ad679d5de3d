"""HTML cut down to tags that say something about a mail's text, and that cannot hang the parser of the tree.

selectolax is quick on real pages and quadratic on hostile ones: 100,000 nested `<div>` or 100,000 attributes in one
tag cost it 20 s, `<p><font>` 20,000 times all memory. What this writes has no formatting elements, five attributes of
our own, no comments and scripts, and a bounded product of depth and tags.
"""

from __future__ import annotations

import re

TAGS = 100_000
# Elements that may nest, times all tags so far: what the search for open elements can cost.
EFFORT = 100_000_000
ATTRIBUTES = 200
LONGEST = 2000

START = re.compile(r"<!--|<(/?)([a-zA-Z][^\s/<>]*)")
NAME = re.compile(r"[\s/]*([^\s/<>=]+|=[^\s/<>=]*)\s*(=)?\s*")
BARE = re.compile(r"[^\s<>]*")
CLOSING = re.compile(r"</(script|style|title|textarea|xmp|iframe|noembed|noframes)(?=[\s/>])", re.IGNORECASE)
HEAD = 65_536


def names(text: str) -> frozenset[str]:
    """A set of the element names in text."""
    return frozenset(text.split())


RAW = names("script style title textarea xmp iframe noembed noframes")
DROPPED = names(
    "abbr acronym b basefont bdi bdo big cite code em font frame frameset i ins kbd link mark math meta nobr o:p option "
    "optgroup plaintext s samp select small strike strong sub sup svg template tt u var wbr"
)
# Their end is implied by what follows, so that they do not nest by themselves.
FLAT = names("br dd dt hr img li p tbody td tfoot th thead tr")
LINES = names("blockquote br div h1 h2 h3 h4 h5 h6 hr li p table tr")

UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
INDENTED = re.compile(r"border\s*:\s*(none|0)", re.IGNORECASE)
# Classes and ids by which mail programs mark what they quote: the element itself, or all from there on.
QUOTE = re.compile(
    r"(?:^|\s)(?:x_)*(gmail_quote\w*|gmail_attr|yahoo_quoted\w*|yahoo-quoted\w*|moz-cite-prefix|moz-forward-container|"
    r"protonmail_quote|tutanota_quote|zmail_extra|OLK_SRC_BODY_SECTION|OutlookMessageHeader|"
    r"ms-outlook-mobile-reference-message)(?=\s|$)"
)
REST = re.compile(r"(?:^|\s)(?:x_)*(divRplyFwdMsg|appendonsend|mail-editor-reference-message-container|isForwardContent)(?=\s|$)")
SIGNATURE = re.compile(
    r"(?:^|\s)(?:x_)*(gmail_signature\w*|moz-signature|Signature|AppleMailSignature|ms-outlook-mobile-signature|"
    r"protonmail_signature_block|yahoo-signature)(?=\s|$)"
)


def soften(html: str) -> tuple[str, bool]:
    """The page in tags that the tree's parser can take, and whether something was left out for a budget.

    Attributes that stay: href and alt, and our own `hidden`, `indented`, `quote`, `rest`, `sign`.
    """
    out: list[str] = []
    spans: list[bool] = []
    at = tags = opened = 0
    while found := START.search(html, at):
        out.append(html[at : found.start()])
        tags += 1
        if tags > TAGS:
            out.append(re.sub(r"<[^<>]*>", " ", html[found.start() :]).replace("<", "&lt;"))
            return "".join(out), True
        end, attributes = _attributes(html, found.end()) if found[2] else (_after_comment(html, found.start()), {})
        if end < 0:
            # it never ends: a sign for "less than", or the rest of the page is comment
            out.append("&lt;" if found[2] else "")
            at = found.start() + 1 if found[2] else len(html)
            continue
        at, name, close = end, (found[2] or "").lower()[:40], bool(found[1])
        if name in RAW and not close:
            ended = CLOSING.search(html, at)
            at = ended.start() if ended else len(html)
        elif name and name not in RAW and name not in DROPPED:
            opened += not close and name not in FLAT
            within = opened * tags <= EFFORT
            out.append(_tag(name, close, attributes, spans) if within else "<br>" if name in LINES else " ")
    out.append(html[at:])
    return "".join(out), opened * tags > EFFORT


def _after_comment(html: str, start: int) -> int:
    end = html.find("-->", start + 2)
    return end + 3 if end >= 0 else -1


def _attributes(html: str, at: int) -> tuple[int, dict[str, str]]:
    """Where the tag ends, and its attributes; -1 where it does not end."""
    found: dict[str, str] = {}
    for _ in range(ATTRIBUTES):
        name = NAME.match(html, at)
        if not name:
            break
        at, value = name.end(), ""
        if name[2]:
            quote = html[at : at + 1]
            end = html.find(quote, at + 1, at + HEAD) if quote in ('"', "'") and quote else -1
            if end >= 0:
                value, at = html[at + 1 : end], end + 1
            else:
                bare = BARE.match(html, at)
                value, at = (bare[0], bare.end()) if bare else ("", at)
        found.setdefault(name[1].lower(), value)
    end = html.find(">", at, at + HEAD)
    return (end + 1, found) if end >= 0 and html.find("<", at, end) < 0 else (-1, found)


def _tag(name: str, close: bool, attributes: dict[str, str], spans: list[bool]) -> str:
    if close:
        if name == "span":
            return "</span>" if spans and spans.pop() else ""
        return f"</{'x-a' if name == 'a' else name}>"
    kept = _kept(attributes)
    if name == "span":
        # a span that says nothing is left out, and its end with it
        spans.append(bool(kept))
        return f"<span{kept}>" if kept else ""
    if name == "a":
        # by another name it is no formatting element, which would come again in every block that it was left open in
        return f"<x-a{kept}>"
    return f"<{name}{kept}>"


def _kept(attributes: dict[str, str]) -> str:
    if not attributes:
        return ""
    kept = [f' {key}="{_value(attributes[key])}"' for key in ("href", "alt") if attributes.get(key)]
    style = attributes.get("style", "")
    named = f"{attributes.get('class', '')} {attributes.get('id', '')}"
    kept += [" hidden"] if "hidden" in attributes or UNSEEN.search(style) else []
    kept += [" indented"] if INDENTED.search(style) and "type" not in attributes else []
    kept += [f" {word}" for word, form in (("quote", QUOTE), ("rest", REST), ("sign", SIGNATURE)) if form.search(named)]
    return "".join(kept)


def _value(text: str) -> str:
    return text.replace('"', "&quot;").replace("<", "&lt;") if len(text) <= LONGEST else ""
