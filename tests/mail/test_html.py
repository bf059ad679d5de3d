"""HTML mail as text: what a reader would see, with links, quotes and nothing hidden (mail.md §6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail.html import to_text
from crmcli.mail.tags import soften

READ = [
    ("plain", "plain"),
    ("<p>one</p><p>two</p>", "one\n\ntwo"),
    ("<div>one</div><div>two</div>", "one\ntwo"),
    ("<div>one<div>two</div>three</div>", "one\ntwo\nthree"),
    ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
    ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
    ("<p>a <b>bold</b> <i>it</i>alic <font color=red>red</font></p>", "a bold italic red"),
    ("un<b>broken</b>", "unbroken"),
    ("  many \n\t blanks&nbsp;&nbsp;here ", "many blanks here"),
    ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
    ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
    ("<h1>Title</h1>text", "Title\n\ntext"),
    ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    ("above<hr>below", "above\n\n--------------------\n\nbelow"),
    ("&lt;b&gt; &amp;amp; &euro; &#8364; &#x20AC; &bogus;", "<b> &amp; € € € &bogus;"),
    ("a < b and c <3 d", "a < b and c <3 d"),
    ("1 <2 and <b>x", "1 <2 and x"),
    ('<a href="https://x.example/a?b=1&amp;c=2">text</a>', "text (https://x.example/a?b=1&c=2)"),
    ("<a href=https://x.example/>https://x.example</a>", "https://x.example"),
    ('<a href="http://x.example/long/path">x.example</a>', "x.example"),
    ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
    ('<a href="mailto:a@x.example">write</a>', "write (mailto:a@x.example)"),
    ('<a href="javascript:alert(1)">x</a><a href="#top">y</a><a name=z>z</a>', "xyz"),
    ('<a href="https://x.example"><img src=a.png alt="the shop"></a>', "[the shop] (https://x.example)"),
    ('<a href="https://x.ex\nample/ y">z</a>', "z (https://x.example/y)"),
    ("<img src=a><img alt=''>x", "x"),
    ("<blockquote>one<br>two<blockquote>three</blockquote></blockquote>end", "> one\n> two\n>\n> > three\n\nend"),
    ('<blockquote style="margin:0 0 0 40px;border:none">indented</blockquote>', "indented"),
    ('<div style="display:none">hidden</div><p hidden>too</p>seen', "seen"),
    ('<span style="visibility: hidden">no <b>no</b></span><span>yes</span>', "yes"),
    ("<style>p{}</style><script>if (a<b) '</p>'</script><title>t</title>x", "x"),
    ("<SCRIPT>x</SCRIPT >seen", "seen"),
    ("<textarea>typed</textarea><noscript>plain</noscript>", "plain"),
    ("<!-- a --> b <!-- <p> --> c<!---->d<!-->e", "b cde"),
    ("<!--[if mso]><p>outlook</p><![endif]-->rest", "rest"),
    ("seen<!-- never closed <p>gone</p>", "seen"),
    ('<p title="a > b" class="x">text</p>', "text"),
    ("<p title='a < b'>text</p>", "text"),
    ("<html><head><meta charset=x></head><body>text</body></html>", "text"),
    ("<svg><text>drawn</text></svg><math><mi>x</mi></math>", "drawnx"),
    ("<p>a\x00b\x1b[31mc&#0;&#27;d</p>", "ab[31mc\ufffdd"),
    ("x" * 10 + "<p", "xxxxxxxxxx<p"),
    ("", ""),
    ("<>", "<>"),
    ("</p></div></x>", ""),
]


@pytest.mark.parametrize(("html", "expected"), READ, ids=[html[:40] for html, _ in READ])
def test_a_page_is_read_as_a_reader_sees_it(html: str, expected: str) -> None:
    """Each line of the table."""
    assert to_text(html).text == expected


QUOTES = [
    '<div class="gmail_quote">Q</div>',
    '<div class="gmail_quote gmail_quote_container">Q</div>',
    '<div class="x_gmail_quote">Q</div>',
    '<div id="yahoo_quoted_1" class="yahoo_quoted">Q</div>',
    '<div class="moz-cite-prefix">Q</div>',
    '<span id="OLK_SRC_BODY_SECTION">Q</span>',
    '<div class="gmail_signature">Q</div>',
    '<div id="Signature">Q</div>',
]


@pytest.mark.parametrize("html", QUOTES)
def test_what_programs_mark_as_quote_or_signature_is_told(html: str) -> None:
    """By class or id; what comes after is the sender's again."""
    page = to_text(f"<div>own</div>{html}<div>more</div>")
    assert page.text == "own\nQ\nmore"
    assert [page.text[start:end] for start, end in page.quoted] == ["Q\n"]


@pytest.mark.parametrize("name", ["divRplyFwdMsg", "appendonsend", "x_divRplyFwdMsg"])
def test_outlook_marks_where_the_rest_is_quoted(name: str) -> None:
    """All after the element is."""
    page = to_text(f'<div>own</div><div id="{name}">From: x</div><div>old</div>')
    assert [page.text[start:end] for start, end in page.quoted] == ["From: x\nold"]


def test_names_that_only_contain_such_a_word_say_nothing() -> None:
    """A class of the sender's own."""
    assert to_text('<div class="my_gmail_quotes">x</div><div id="Signatures">y</div>').quoted == []


PIECES = st.sampled_from(
    ("<div>", "</div>", "<p>", "</p>", "<span hidden>", "</span>", "<blockquote>", "</blockquote>", "<table><tr><td>",
     "</table>", "<a href='http://x.example'>", "</a>", "<br>", "<pre>", "</pre>", "text", " ", "\n", "&amp;", "<!--", "-->",
     "<", ">", '"', "=", '<div class="gmail_quote">', "<script>", "</script>", "<svg>", "<b", "<p x='", "<li>", "<img alt=i>")
)  # fmt: skip


@given(st.lists(PIECES, max_size=30))
def test_no_page_makes_it_raise(pieces: list[str]) -> None:
    """And its spans lie within its text."""
    page = to_text("".join(pieces))
    assert all(0 <= start < end <= len(page.text) for start, end in page.quoted)
    assert "\n\n\n" not in page.text or "<pre>" in pieces


@given(st.lists(PIECES, max_size=30))
def test_softened_pages_have_our_own_attributes_only(pieces: list[str]) -> None:
    """And every tag in them ends."""
    tame, cut = soften("".join(pieces))
    assert not cut
    assert soften(tame)[0].count("<") <= tame.count("<")
    assert not any(word in tame for word in ("<script", "<b", "<svg", "<!--")) or "<blockquote" in tame or "<br" in tame
