"""Full text: users' words as phrases that FTS5 finds in `texts` (schema.sql), and where the finds belong."""

from __future__ import annotations

import re

# Scripts without spaces between words, and Hangul: each letter is a word of its own, and a word the phrase of its
# letters. The view `unspaced` of schema.sql has the same.
LETTERS = "\u0e00-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"

# Each text has an id of its own in the index, four times the id of its row plus: 0 a case's name, 1 its description,
# 2 a communication (by its log row), 3 a file's name.
CASES = """
WITH hit (id, kind) AS MATERIALIZED (SELECT rowid >> 2, rowid & 3 FROM texts WHERE texts MATCH {phrase})
SELECT id FROM hit WHERE kind < 2
UNION ALL SELECT l.case_id FROM hit JOIN case_log l ON l.id = hit.id WHERE kind = 2
UNION ALL SELECT a.case_id FROM hit JOIN attachments a ON a.id = hit.id WHERE kind = 3 AND a.case_id IS NOT NULL
UNION ALL SELECT l.case_id
FROM hit JOIN attachments a ON a.id = hit.id
JOIN case_history h ON h.message_id = a.message_id
JOIN case_log l ON l.id = h.log_id
WHERE kind = 3
"""
LOG_ROWS = "SELECT rowid >> 2 FROM texts WHERE texts MATCH {phrase} AND rowid & 3 = 2"

# Noun → its column that full text finds, and the query that finds it.
FOUND = {"case": ("t.id", CASES), "history": ("t.log_id", LOG_ROWS)}


def phrase(text: str) -> str | None:
    """The words as one FTS5 phrase, whatever signs are in it; None where there is no letter or digit to look for."""
    if not any(sign.isalnum() for sign in text):
        return None
    apart = text if text.isascii() else re.sub(f"([{LETTERS}])", r" \1 ", text)
    return '"' + apart.replace('"', " ").replace("\x00", " ") + '"'
