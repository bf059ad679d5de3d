"""Our digests are those of hashlib and hmac."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli import digest


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_digests_are_those_of_the_standard_library(key: bytes, message: bytes) -> None:
    """SHA-256, and HMAC with keys shorter and longer than a block."""
    assert hashlib.sha256(message).hexdigest() == digest.hexdigest(message)
    assert hmac.digest(key, message, "sha256") == digest.hmac(key, message)


@pytest.mark.parametrize(
    ("first", "module"), [("pass", "_sha256" if sys.version_info < (3, 12) else "_sha2"), ("import hashlib", "_hashlib")]
)
def test_the_faster_one_is_taken_where_it_is_loaded(first: str, module: str) -> None:
    """CPython's own by itself, OpenSSL's for who has loaded it: the same digests."""
    told = "print(type(digest.sha256(b'')).__module__, digest.hexdigest(b'mail'), digest.hmac(b'key', b'mail').hex())"
    said = subprocess.run(
        [sys.executable, "-c", f"{first}; from crmcli import digest; {told}"], check=True, capture_output=True, text=True
    )  # fmt: skip
    mac = hmac.digest(b"key", b"mail", "sha256").hex()
    assert said.stdout.split() == [module, hashlib.sha256(b"mail").hexdigest(), mac]


def test_digests_are_compared_whole() -> None:
    """Equal is equal, and nothing else."""
    assert digest.same("abc", "abc")
    assert not digest.same("abc", "abd")
