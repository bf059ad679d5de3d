"""Tokens: what they prove, and that nothing else does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crmcli.mail import sign
from crmcli.mail.sign import Key, Proof

OLD, NEW = Key(1, b"1" * 32, retired=True), Key(2, b"2" * 32)
KEYS = (NEW, OLD)

PROOFS = st.one_of(
    st.builds(lambda case: Proof(case, "case"), st.integers(0, 10**12)),
    st.builds(lambda case, user: Proof(case, "user", user_id=user), st.integers(0, 10**12), st.integers(1, 10**9)),
    st.builds(lambda case, mail: Proof(case, "bounce", outbox_id=mail), st.integers(0, 10**12), st.integers(1, 10**9)),
)


@given(PROOFS)
def test_a_token_proves_what_was_signed_whatever_mail_systems_do_to_its_case(proof: Proof) -> None:
    """Upper case, lower case and title case verify alike."""
    token = sign.sign(KEYS, proof)
    assert token == token.lower()
    for said in (token, token.upper(), token.title()):
        assert sign.verify(said, KEYS) == proof


@given(PROOFS, st.integers(0, 200), st.sampled_from("abcdefgh234567-019cub"))
def test_a_token_with_one_character_changed_proves_nothing(proof: Proof, place: int, letter: str) -> None:
    """No number, purpose or part of the signature can be exchanged."""
    token = sign.sign(KEYS, proof)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or sign.verify(changed, KEYS) is None


def test_a_token_carries_at_least_80_bits() -> None:
    """20 base32 characters are 100 bits."""
    assert len(sign.sign(KEYS, Proof(1, "case")).rpartition("-")[2]) * 5 >= 80


def test_the_newest_key_signs_and_a_retired_one_still_proves() -> None:
    """Old threads go on after a change of keys, and new tokens do not come from the old key."""
    before = sign.sign((Key(1, OLD.key),), Proof(7, "case"))
    assert sign.verify(before, KEYS) == Proof(7, "case")
    assert sign.sign(KEYS, Proof(7, "case")).split("-")[1] == "2"
    assert sign.verify(before, (NEW,)) is None


def test_another_key_of_the_same_version_proves_nothing() -> None:
    """A copy of our database format with its own key is a stranger."""
    assert sign.verify(sign.sign(KEYS, Proof(7, "case")), (Key(2, b"3" * 32),)) is None


def test_a_case_and_a_user_are_not_mixed_up() -> None:
    """Case 1 for user 23 is not case 12 for user 3, and a bounce address proves no person."""
    tokens = {sign.sign(KEYS, proof).rpartition("-")[2] for proof in (
        Proof(1, "user", user_id=23), Proof(12, "user", user_id=3), Proof(1, "bounce", outbox_id=23), Proof(1, "case"),
    )}  # fmt: skip
    assert len(tokens) == 4


def test_proofs_are_found_wherever_they_stand() -> None:
    """Plus parts, Message-IDs, References: one search for all."""
    case, user = sign.sign(KEYS, Proof(3, "case")), sign.sign(KEYS, Proof(4, "user", user_id=9))
    text = f"<support+{case.upper()}@us.example> <abcdefghijklmnop.{user}@us.example> <c9-1-{'a' * 20}@us.example>"
    assert list(sign.proofs(text, KEYS)) == [Proof(3, "case"), Proof(4, "user", user_id=9)]


def test_a_token_inside_a_longer_word_is_none() -> None:
    """A word that goes on is not a token."""
    token = sign.sign(KEYS, Proof(3, "case"))
    assert list(sign.proofs(f"x{token} {token}x {token}7", KEYS)) == []


def test_the_marker_line_is_found_quoted_and_in_any_language() -> None:
    """As our templates write it, and as answers quote it."""
    token = sign.sign(KEYS, Proof(3, "case"))
    for line in (f"== Please reply above this line == {token} ==", f"> > == Bitte oberhalb antworten == {token} == "):
        found = next(sign.markers(f"Thanks!\n{line}\nmore"), None)
        assert found
        assert list(sign.proofs(found[0], KEYS)) == [Proof(3, "case")]


def test_tokens_of_staff_are_taken_out_of_words_for_outsiders() -> None:
    """A quoted notice does not hand its proof on; the token of the case may go."""
    case, user = sign.sign(KEYS, Proof(3, "case")), sign.sign(KEYS, Proof(3, "user", user_id=9))
    assert sign.concealed(f"see support+{user}@us.example and {case}") == f"see support+…@us.example and {case}"


def test_digests_depend_on_every_part_and_on_the_key() -> None:
    """Equal parts give equal names, and nobody without the key can guess them."""
    assert sign.digest(KEYS, 1, "a") == sign.digest(KEYS, 1, "a")
    assert (
        len(
            {
                sign.digest(KEYS, 1, "a"),
                sign.digest(KEYS, 1, "b"),
                sign.digest(KEYS, "1", "", "a"),
                sign.digest((OLD, Key(3, b"x" * 32)), 1, "a"),
            }
        )
        == 4
    )
