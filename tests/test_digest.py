"""Our digests are those of hashlib and hmac."""

from __future__ import annotations

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from crmcli import digest


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_digests_are_those_of_the_standard_library(key: bytes, message: bytes) -> None:
    """SHA-256, and HMAC with keys shorter and longer than a block."""
    assert hashlib.sha256(message).hexdigest() == digest.hexdigest(message)
    assert hmac.digest(key, message, "sha256") == digest.hmac(key, message)


def test_digests_are_compared_whole() -> None:
    """Equal is equal, and nothing else."""
    assert digest.same("abc", "abc")
    assert not digest.same("abc", "abd")
