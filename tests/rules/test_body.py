"""The bodies of rule mail: %(key)s by pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.errors import Usage
from crmcli.rules.body import KEYS, check, fill

VALUES = {key: f"<{key}>" for key in KEYS}


def test_keys_are_put_in_and_two_percent_signs_are_one() -> None:
    assert fill("Case %(case_id)s: 100%% sure of %(partner)s", VALUES) == "Case <case_id>: 100% sure of <partner>"


def test_an_empty_value_prints_as_nothing() -> None:
    assert fill("[%(deadline)s]", {**VALUES, "deadline": None}) == "[]"


def test_what_is_put_in_is_not_read_again() -> None:
    assert fill("%(case_subject)s", {**VALUES, "case_subject": "%(email_from)s %% {{ 7*7 }}"}) == "%(email_from)s %% {{ 7*7 }}"


@pytest.mark.parametrize(
    "body",
    [
        "100%",
        "100% sure",
        "%(partner)d",
        "%s",
        "%d",
        "%(case_id)999999999d",
        "%(case_id)",
        "%(case_id",
        "%()s",
        "%(nothing)s",
        "%(case_id )s",
        "%(case_user.email)s",
        "%%%",
        "%(case_id)\ns",
        "%-10s",
    ],
)
def test_a_wrong_percent_sign_is_refused(body: str) -> None:
    with pytest.raises(Usage):
        check(body)


def test_an_unknown_key_is_refused_with_those_that_exist() -> None:
    with pytest.raises(Usage) as caught:
        check("%(case_nr)s")
    assert "case_id" in caught.value.hint


@given(st.lists(st.sampled_from([*(f"%({key})s" for key in KEYS), "%%", "text", "\n", "(", ")s", "{{x}}", "$y"])))
def test_a_checked_body_is_filled_as_python_would(parts: list[str]) -> None:
    body = "".join(parts)
    check(body)
    assert fill(body, VALUES) == body % VALUES


@given(st.text(alphabet="%()scae_id 1x\n", max_size=20))
def test_what_is_not_refused_can_be_filled(body: str) -> None:
    try:
        check(body)
    except Usage:
        return
    assert fill(body, VALUES) == body % VALUES
