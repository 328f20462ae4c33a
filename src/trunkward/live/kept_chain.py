"""One certificate chain in the form it is kept in, on a node's disk and in Valkey."""

from hashlib import sha256

import msgspec


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One chain, as it is kept on disk and in Valkey."""

    url: str
    chain: str
    #: Seconds since the epoch.
    until: float


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


def key_of(url: str) -> str:
    """What a URL's chain is kept under."""
    return sha256(url.encode()).hexdigest()


def written(kept: Kept) -> bytes:
    """A chain as bytes."""
    return _encode(kept)


def read(text: bytes, url: str, now_s: float) -> Kept | None:
    """The chain of a URL; None for another's, one whose time is over, and what cannot be read."""
    try:
        found = _decode(text)
    except msgspec.MsgspecError:
        return None
    return found if found.url == url and found.until > now_s else None
