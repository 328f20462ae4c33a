"""What a connection is called outside this process: a token that nobody else can make (RFC 5626 section 5.2).

It stands as the user of the node's own URI in the Path of a binding: whoever may send a request there, which
later is another node, has it sent on that very connection. It says which connection, of which start of
Kamailio, from where; signed with a key that lives no longer than the connections do.
"""

import base64
import os

# `hashlib` and `hmac` would load OpenSSL a second time; this is CPython's own SHA-2.
from _sha2 import sha256  # type: ignore[import-not-found]

#: Bytes of the signature; RFC 5626 asks for 80 bits.
_SIGNATURE = 16
#: RFC 2104: of SHA-256.
_BLOCK = 64

#: Read before Kamailio's processes are forked, so all have the same.
_KEY = os.urandom(32)


def token(connection: int, edge: str, source: str, key: bytes = _KEY) -> str:
    """The name of a connection: letters, digits, `-` and `_`."""
    said = f"{connection} {edge} {source}".encode()
    return base64.urlsafe_b64encode(_signature(key, said) + said).decode().rstrip("=")


def connection_of(name: str, edge: str, key: bytes = _KEY) -> int:
    """Kamailio's id of the connection with this name, 0 when it is none of this start."""
    try:
        whole = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
        signature, said = whole[:_SIGNATURE], whole[_SIGNATURE:]
        if not _same(signature, _signature(key, said)):
            return 0
        connection, started, _ = said.decode().split(" ")
    except ValueError:
        return 0
    return int(connection) if started == edge else 0


def _signature(key: bytes, said: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), cut."""
    padded = key.ljust(_BLOCK, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in padded) + said).digest()
    whole: bytes = sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()
    return whole[:_SIGNATURE]


def _same(one: bytes, other: bytes) -> bool:
    """Compared in one time, wherever they differ."""
    differ = len(one) ^ len(other)
    for mine, theirs in zip(one, other, strict=False):
        differ |= mine ^ theirs
    return not differ
