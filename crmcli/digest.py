"""SHA-256 and HMAC by CPython's own module: loading OpenSSL through hashlib costs 3 ms on every mail.

The same digests as hashlib and hmac give (a test compares them); hmac is RFC 2104 with a block of 64 bytes.
"""

from __future__ import annotations

from _operator import _compare_digest

from crmcli.tuples import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # from Python 3.12 on
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

INNER = bytes(byte ^ 0x36 for byte in range(256))
OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hexdigest(content: bytes) -> str:
    """The SHA-256 of the bytes, 64 hexadecimal digits."""
    return sha256(content).hexdigest()


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 of the message, 32 bytes; the key is at most 64 bytes long."""
    if len(key) > 64:
        key = sha256(key).digest()
    key = key.ljust(64, b"\0")
    return sha256(key.translate(OUTER) + sha256(key.translate(INNER) + message).digest()).digest()


def same(one: Any, other: Any) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return bool(_compare_digest(one, other))
