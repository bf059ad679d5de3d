"""SHA-256 and HMAC by CPython's own module: loading OpenSSL through hashlib costs 3 ms on every mail.

The same digests as hashlib and hmac give (a test compares them); hmac is RFC 2104 with a block of 64 bytes.
"""

from __future__ import annotations

import sys
from _operator import _compare_digest

from crmcli.tuples import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import sha256 as own
else:
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256 as own
        else:
            from _sha256 import sha256 as own
    except ImportError:
        from hashlib import sha256 as own


INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def sha256(content: bytes) -> Any:
    """The digest as hashlib gives it; OpenSSL's takes a fifth of the time, for who has loaded it."""
    return getattr(sys.modules.get("hashlib"), "sha256", own)(content)


def hexdigest(content: bytes) -> str:
    """The SHA-256 of the bytes, 64 hexadecimal digits."""
    return str(sha256(content).hexdigest())


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 of the message, 32 bytes; the key is at most 64 bytes long."""
    if len(key) > 64:
        key = sha256(key).digest()
    key = key.ljust(64, b"\0")
    inner, outer = key.translate(INNER), key.translate(OUTER)
    return bytes(sha256(outer + sha256(inner + message).digest()).digest())


def same(one: Any, other: Any) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return bool(_compare_digest(one, other))
