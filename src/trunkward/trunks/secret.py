"""A trunk's secrets as they are kept, and what an act does to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as it is kept: H(A1), encrypted (`digest.secret`)."""

    #: Number of the version it was made with.
    id: int
    trunk: str
    username: str
    realm: str
    #: Of the key it was encrypted with (`control.secrets.key_id`).
    key_id: str
    sha256: bytes
    #: b"": it has none for MD5.
    md5: bytes = b""
    #: Seconds since the epoch; None: for good.
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """What one act does."""

    #: `new`, `rotate` or `revoke`.
    act: str
    trunk: str
    #: Its `id` is the version's.
    added: SealedSecret | None = None
    #: When others of the trunk end, by their ids.
    ends: Mapping[int, float]
