"""Public mail samples, where they are at hand: bounces are known as such, and no mail of a person is taken for one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from crmcli.mail.classify import Known, classify
from crmcli.mail.parse import parse
from tests.mail.post import out, post
from tests.mail.test_parse_corpora import PUBLIC, needs_corpora

BOUNCES = PUBLIC / "flufl-bounce" / "data"

# A guest answers a hotel: it is kept among the bounces because nobody must take it for one.
NO_BOUNCE = "groupwise_03.txt"

# All other samples that no person wrote.
ROBOTS = {
    "cpython/msg_02.txt": "auto-reply",
    "cpython/msg_05.txt": "bounce",
    "cpython/msg_16.txt": "bounce",
    "cpython/msg_25.txt": "bounce",
    "cpython/msg_32.txt": "auto-reply",
    "cpython/msg_33.txt": "auto-reply",
    "cpython/msg_43.txt": "bounce",
    "mikel-mail/error_emails/bad_date_header.eml": "bulk",
    "mikel-mail/error_emails/empty_in_reply_to.eml": "bulk",
    "mikel-mail/error_emails/encoding_madness.eml": "auto-reply",
    "mikel-mail/mime_emails/raw_email_encoded_stack_level_too_deep.eml": "auto-reply",
    "mikel-mail/mime_emails/raw_email_with_mimepart_without_content_type.eml": "bounce",
    "mikel-mail/multipart_report_emails/multi_address_bounce1.eml": "bounce",
    "mikel-mail/multipart_report_emails/multi_address_bounce2.eml": "bounce",
    "mikel-mail/multipart_report_emails/multipart_report_multiple_status.eml": "bounce",
    "mikel-mail/multipart_report_emails/report_422.eml": "bounce",
    "mikel-mail/multipart_report_emails/report_530.eml": "bounce",
    "mikel-mail/plain_emails/raw_email_trailing_dot.eml": "auto-reply",
    "stalwart-mail-parser/thirdparty/014.eml": "bulk",
}


def kind_of(path: Path) -> str:
    """The class of a sample, of whose envelope nothing is known."""
    return classify(parse(path.read_bytes()), Known()).name


@needs_corpora
def test_ninety_five_of_a_hundred_bounces_are_known() -> None:
    """Of 116 and one that is none."""
    found = {path.name: kind_of(path) for path in BOUNCES.glob("*.txt")}
    assert len(found) == 117
    assert found.pop(NO_BOUNCE) == "human"
    assert sum(kind in ("bounce", "auto-reply") for kind in found.values()) >= 0.95 * 117
    assert set(found.values()) <= {"bounce", "auto-reply", "receipt"}


@needs_corpora
def test_no_mail_of_a_person_is_taken_for_a_robots() -> None:
    """Of all other samples exactly those of the table are."""
    paths = [path for path in PUBLIC.rglob("*") if path.is_file() and BOUNCES not in path.parents]
    names = {path: "/".join((path.relative_to(PUBLIC).parts[0], *path.parts[-2:])) for path in paths}
    found = {names[path].replace("cpython/cpython/", "cpython/"): kind_of(path) for path in paths}
    assert {name: kind for name, kind in found.items() if kind != "human"} == ROBOTS


@needs_corpora
def test_no_bounce_is_thanked_or_makes_a_case(conn: sqlite3.Connection) -> None:
    for path in sorted(BOUNCES.glob("*.txt")):
        if path.name != NO_BOUNCE:
            assert post(conn, path.read_bytes(), "support@us.example").case_id is None, path.name
    assert out(conn) == []
