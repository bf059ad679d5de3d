"""What the schema checks, in words: the sentence for a CHECK that refused a row. Pure.

The schema is the one place that says what a value may be; this only reads its conditions aloud.
"""

from __future__ import annotations

import re

# The shape of a condition and what it says of the column.
SHAPES = (
    (r"(\w+) IN \(0, 1\)", "{0} is yes or no"),
    (r"(\w+) IN \((.*)\)", "{0} is one of: {1}"),
    (r"(\w+) BETWEEN (\S+) AND (\S+)", "{0} is from {1} to {2}"),
    (r"(\w+) > (\S+) AND \w+ < (\S+)", "{0} is more than {1} and less than {2}"),
    (r"(\w+) > (\S+)", "{0} is more than {1}"),
    (r"(\w+) >= (\d\S*)", "{0} is {1} or more"),
    (r"length\((\w+)\) >= (\S+)", "{0} has {1} bytes or more"),
    (r"\"?(\w+)\"? <> ''", "{0} must not be empty"),
    (r"(\w+) IS strftime\(.*", "{0} is a time such as 2026-03-31T15:00:00Z"),
    (r"(\w+) IS date\(.*", "{0} is a day such as 2026-03-31"),
    (r"(\w+_time) GLOB .*", "{0} is a time of day such as 09:00"),
    (r"\w+ <> (id|other_id)", "nothing leads to itself"),
)  # fmt: skip

# Conditions that are of no such shape.
OTHERS = {
    "(state = 'done') = (closed_at IS NOT NULL)": "a case has a closing time when it is done, and only then",
    "wake_at IS NULL OR state = 'pending'": "only a pending case wakes by itself",
    "left_at >= entered_at": "nothing is left before it is entered",
    "from_time < to_time": "working time begins before it ends",
    "repeat = 'once' OR repeat GLOB 'every:[1-9]*'": "repeat is once, or every: and a delay, such as every:1d",
    "origin = 'manual' OR origin GLOB '[1-9]*'": "origin is manual or the id of a segment",
    "user_id IS NULL OR contact_id IS NULL": "an address belongs to a user or a contact, not both",
    "rule_id IS NOT NULL OR case_id IS NOT NULL": "a rule or a case is needed",
    "(message_id IS NULL) <> (case_id IS NULL)": "a file belongs to a mail or to a case",
    "id = 1": "there is one such row at most",
}


def words(condition: str) -> str:
    """The sentence for the condition of a CHECK; for one that nobody put into words, the condition itself."""
    known = OTHERS.get(condition)
    if known:
        return known
    for shape, sentence in SHAPES:
        found = re.fullmatch(shape, condition)
        if found:
            column, *values = found.groups()
            return sentence.format(_name(column), *(value.replace("'", "") for value in values))
    return f"a value is not allowed: {condition}"


def _name(column: str) -> str:
    return column.removesuffix("_id").removesuffix("_at").replace("_", " ")
