"""Quotes and signatures: what the sender wrote now stays visible, whatever program quoted below it (mail.md §6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail import marks

OWN = "Thanks, that works.\n\nSee you on Monday: 10:00."


def shown(text: str, **how: object) -> str:
    """The visible pieces of a text, one after another."""
    return "\n".join(text[start:end] for start, end in marks.visible(text, **how))  # type: ignore[arg-type]


ATTRIBUTIONS = [
    "On Mon, Mar 2, 2026 at 10:00 AM Ann Lee <ann@us.example> wrote:",
    "On Mon, Mar 2, 2026 at 10:00 AM Ann Lee via Support <\nsupport@us.example> wrote:",
    "On 2 March 2026\nat 10:00,\nAnn Lee <ann@us.example>\nwrote:",
    "Am 02.03.2026 um 10:00 schrieb Ann Lee:",
    "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Ann Lee <ann@us.example>:",
    "Ann Lee <ann@us.example> schrieb am Mo., 2. März 2026, 10:00:",
    "Le lun. 2 mars 2026 à 10:00, Ann Lee <ann@us.example> a écrit :",
    "El lun, 2 mar 2026 a las 10:00, Ann Lee (<ann@us.example>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 10:00 Ann Lee <ann@us.example> ha scritto:",
    "Em seg., 2 de mar. de 2026 às 10:00, Ann Lee <ann@us.example> escreveu:",
    "Op ma 2 mrt 2026 om 10:00 schreef Ann Lee <ann@us.example>:",
    "pon., 2 mar 2026 o 10:00 Ann Lee <ann@us.example> napisał(a):",
    "W dniu 2.03.2026 o 10:00, Ann Lee pisze:",
    "Den mån 2 mars 2026 kl 10:00 skrev Ann Lee <ann@us.example>:",
    "man. 2. mar. 2026 kl. 10.00 skrev Ann Lee <ann@us.example>:",
    "po 2. 3. 2026 v 10:00 odesílatel Ann Lee <ann@us.example> napsal:",
    "Dne 2.3.2026 v 10:00 Ann Lee napsal(a):",
    "2 марта 2026 г., 10:00 от Ann Lee <ann@us.example> написал:",
    "ma 2. maalisk. 2026 klo 10.00 Ann Lee (ann@us.example) kirjoitti:",
    "Ann Lee <ann@us.example>, 2 Mar 2026 Pzt, 10:00 tarihinde şunu yazdı:",
    "2026年3月2日(月) 10:00 Ann Lee <ann@us.example>:",
    "Ann Lee <ann@us.example> 于2026年3月2日周一 10:00写道：",
    "2026년 3월 2일 (월) 오전 10:00, Ann Lee <ann@us.example>님이 작성:",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS)
def test_an_attribution_goes_with_its_quote(line: str) -> None:
    """In each language; what stands below the quote is the sender's again."""
    assert shown(f"{OWN}\n\n{line}\n\n> Does it work?\n> Ann\n") == OWN
    assert shown(f"{line}\n> Does it work?\n\n{OWN}") == OWN


@pytest.mark.parametrize("line", ATTRIBUTIONS)
def test_an_attribution_without_a_sign_of_quoting_hides_the_rest(line: str) -> None:
    """Programs that turn HTML into text drop the signs."""
    assert shown(f"{OWN}\n\n{line}\n\nDoes it work?\nAnn\n") == OWN


@pytest.mark.parametrize("line", ["пн, 2 мар. 2026 г. в 10:00, Ann Lee <ann@us.example>:", "2 Mar 2026, Ann <ann@us.example>:"])
def test_an_address_and_a_colon_above_a_quote_are_an_attribution(line: str) -> None:
    """Without a word for it; where no quote follows, the sender may be giving an address."""
    assert shown(f"{OWN}\n\n{line}\n> Does it work?") == OWN
    assert shown(f"{OWN}\n\n{line}\n12 chairs") == f"{OWN}\n\n{line}\n12 chairs"


BROKEN = [
    "po 2. 3. 2026 v 10:00 odesílatel Ann Lee <ann@us.example>\nnapsal:",
    "Ann Lee <ann@us.example> escreveu (segunda, 2/03/2026\nà(s) 10:00):",
    "Ann Lee <ann@us.example>, 2 Mar 2026 Pzt, 10:00 tarihinde\nşunu yazdı:",
    "Am Abend, 2. 3. 2026 um\n10:00 Ann Lee <ann@us.example>\nschrieb:",
]


@pytest.mark.parametrize("line", BROKEN)
def test_an_attribution_is_known_over_several_lines_by_verb_date_and_address(line: str) -> None:
    """However it begins; without one of the three it is a sentence of the sender's."""
    assert shown(f"{OWN}\n\n{line}\n\n> Does it work?\n") == OWN
    assert shown(f"{OWN}\n\n{line}\n\nDoes it work?\n") == OWN
    told = f"{OWN}\n\nOn 2 March <ann@us.example> came and\nthen said:"
    assert shown(f"{told}\n> Does it work?") == told


def test_a_rule_above_what_html_says_is_quoted_goes_with_it() -> None:
    """A rule that stands alone is the sender's."""
    text = f"{OWN}\n\n-----\n\nquoted\n"
    assert shown(text, quoted=[(text.index("quoted"), len(text))]) == OWN
    assert shown(f"{OWN}\n-----\nmore") == f"{OWN}\n-----\nmore"


def test_a_block_of_headers_may_begin_with_its_date() -> None:
    """All lines of headers right above the sender's go with it, others stay."""
    block = "Gesendet: Montag, 2. März 2026\nVon: Ann Lee\nAn: Joe\nBetreff: Drucker\n\nDoes it work?"
    assert shown(f"{OWN}\n\n{block}") == OWN
    assert shown(f"{OWN}\nAn: alle\n\n{block}") == f"{OWN}\nAn: alle"


HEADERS = [
    ("From: Ann Lee", "Sent: Monday, March 2, 2026", "To: Joe", "Subject: Printer"),
    ("Von: Ann Lee", "Gesendet: Montag, 2. März 2026", "An: Joe", "Betreff: Drucker"),
    ("De : Ann Lee", "Envoyé : lundi 2 mars 2026", "À : Joe", "Objet : Imprimante"),
    ("De: Ann Lee", "Enviado el: lunes, 2 de marzo de 2026", "Para: Joe", "Asunto: Impresora"),
    ("Da: Ann Lee", "Inviato: lunedì 2 marzo 2026", "A: Joe", "Oggetto: Stampante"),
    ("De: Ann Lee", "Enviada em: segunda-feira, 2 de março de 2026", "Para: Joe", "Assunto: Impressora"),
    ("Van: Ann Lee", "Verzonden: maandag 2 maart 2026", "Aan: Joe", "Onderwerp: Printer"),
    ("Od: Ann Lee", "Wysłano: poniedziałek, 2 marca 2026", "Do: Joe", "Temat: Drukarka"),
    ("Från: Ann Lee", "Skickat: den 2 mars 2026", "Till: Joe", "Ämne: Skrivare"),
    ("Fra: Ann Lee", "Sendt: 2. marts 2026", "Til: Joe", "Emne: Printer"),
    ("От: Ann Lee", "Отправлено: 2 марта 2026", "Кому: Joe", "Тема: Принтер"),
    ("*From:* Ann Lee", "*Date:* Monday", "*To:* Joe", "*Subject:* Printer"),
    ("差出人: Ann Lee", "送信日時: 2026年3月2日", "宛先: Joe", "件名: プリンター"),
    ("发件人: Ann Lee", "发送时间: 2026年3月2日", "收件人: Joe", "主题: 打印机"),
]


@pytest.mark.parametrize("lines", HEADERS, ids=[lines[0] for lines in HEADERS])
@pytest.mark.parametrize("above", ["", "_" * 32 + "\n", "-----Original Message-----\n"])
def test_a_block_of_headers_hides_the_rest(lines: tuple[str, ...], above: str) -> None:
    """With or without a rule above it."""
    block = "\n".join(lines)
    assert shown(f"{OWN}\n\n{above}{block}\n\nDoes it work?\n") == OWN


SEPARATORS = [
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "---------- Forwarded message ---------",
    "-------- Message d'origine --------",
    "-------- Mensaje original --------",
    "________ Forwarded by Ann Lee on 2.3.2026 ________",
    "Begin forwarded message:",
    "Anfang der weitergeleiteten Nachricht:",
]


@pytest.mark.parametrize("line", SEPARATORS)
def test_a_separator_hides_the_rest(line: str) -> None:
    """What was forwarded is not what the sender wrote."""
    assert shown(f"{OWN}\n\n{line}\n\nDoes it work?\n") == OWN


def test_our_own_line_hides_the_rest_with_the_attribution_above() -> None:
    """Quoted or not, in any language of the template and of the attribution."""
    line = "== Bitte oberhalb antworten == c3-1-abcdefghijklmnopqrst =="
    assert shown(f"{OWN}\n\nAnn via Support ἔγραψεν 2026-03-02 10:00:\n\n{line}\n\nDear Joe\n") == OWN
    assert shown(f"{OWN}\n> {line}\nDear Joe\n") == OWN
    assert shown(f"{OWN}\n== Please reply above this line ==\nnot ours").endswith("not ours")


def test_lines_that_we_sent_are_quotes_whatever_stands_before_them() -> None:
    """Short lines only next to long ones."""
    sent = "Dear Joe,\n\nplease switch the printer off and on again.\n\nAnn"
    quoted = "| please switch the printer  off and on again.\nAnn\n"
    assert shown(f"Ann\n{OWN}\n{quoted}", sent=sent) == f"Ann\n{OWN}"
    assert marks.again(f"{OWN}\n{quoted}", ((0, len(OWN) + 50),), sent) == ((0, len(OWN)),)


SIGNATURES = [
    ("-- \nJoe Doe\nDoe Ltd", True),
    ("--\nJoe Doe", True),
    ("Sent from my iPhone", True),
    ("Von meinem iPad gesendet", True),
    ("Envoyé de mon iPhone", True),
    ("Get Outlook for iOS<https://aka.ms/o0ukef>", True),
    ("--\n" + "many lines of a table\n" * 20, False),
    ("---\nJoe", False),
    ("Best regards\nJoe", False),
]


@pytest.mark.parametrize(("below", "hidden"), SIGNATURES)
def test_a_signature_is_what_two_dashes_or_a_telephone_began(below: str, hidden: bool) -> None:
    """A greeting is the sender's text."""
    assert (shown(f"{OWN}\n\n{below}\n") == OWN) == hidden


KEPT = [
    "On Monday our engineer wrote:\n\nthe pump is broken.",
    "These are missing:\n- chairs\n- tables",
    "From: the beginning\nit was broken.",
    "He said: no",
    "Am I right? She wrote: yes",
    "Note to self -- this stays\nand this",
    "Sent from the warehouse yesterday",
    "Total:\n\n12.50\n======\n",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    """Cutting the sender's words is worse than showing a quote."""
    assert shown(text) == text.strip()


def test_a_mail_of_quotes_alone_shows_all() -> None:
    """An empty rest would hide what was forwarded."""
    for text in ("> only\n> this", "-- \nJoe", "On 2.3.2026 Ann <a@us.example> wrote:\n> x"):
        assert marks.visible(text) == ((0, len(text)),)
    assert marks.visible("") == ()


def test_answers_between_the_quotes_are_seen() -> None:
    """Each of them."""
    assert shown("> one?\n\nyes\n\n> two?\nno\nno!\n>> deep\n") == "yes\nno\nno!"


PIECES = st.sampled_from(
    ["hello", "> quoted", "", "-- ", "--", "On 2.3.2026 Ann <a@b.c> wrote:", "wrote:", "From: x", "To: y", "Subject: z", "_____"]
)


@given(st.lists(PIECES, max_size=14))
def test_visible_spans_are_whole_lines_in_order(lines: list[str]) -> None:
    """And nothing but marked lines lies between them."""
    text = "\n".join(lines)
    spans = marks.visible(text)
    places = [place for span in spans for place in span]
    assert places == sorted(set(places)) or places == [0, len(text)]
    assert all(start == 0 or text[start - 1] == "\n" for start, _ in spans)
    assert all(end == len(text) or text[end] == "\n" for _, end in spans)


@given(st.text("ab\n> -:", max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=5))
def test_known_spans_are_hidden_unless_nothing_is_left(text: str, quoted: list[tuple[int, int]]) -> None:
    """Lines that begin in a span; a mail that is all quote is shown."""
    spans = [(min(span), max(span)) for span in quoted]
    found = marks.visible(text, spans)
    if found != ((0, len(text)),):
        begun = [at for at in range(len(text)) if at == 0 or text[at - 1] == "\n"]
        known = {at for at in begun if any(start <= at < end for start, end in spans)}
        assert not any(start <= at < end for at in known for start, end in found)
