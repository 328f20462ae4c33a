"""Nonces that nobody has to remember: a time, some chance, and a seal that only this node's gates can make.

    nonce = base64url( time, 6 bytes of ms since 1970 | epoch, 8 bytes | chance, 12 bytes | seal, 16 bytes )
    seal  = the first 16 bytes of HMAC-SHA-256(key, label | realm | time | epoch | chance)

Whoever has the key knows a nonce of its own, and how old it is, without ever having seen it (RFC 7616
section 3.3 suggests that form). That each (nonce, nc) is used once is not in here: that is a fact from
outside (`admission.ports.NonceUse`). Where that is remembered, an epoch ends when something may have been
lost; a nonce names the one it was made in, and is good in no other.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

#: Seconds a nonce can be answered: long enough for a PBX to use one for many calls, with nc counting up, and
#: short enough that what a gate must remember of it (the highest nc) is soon forgotten.
NONCE_LIFE_S = 300
#: Seconds by which the clock of the gate that made it may be ahead of ours.
SKEW_S = 5
CHANCE_BYTES = 12
_TIME_BYTES, _EPOCH_BYTES, _SEAL_BYTES = 6, 8, 16
#: Characters: 42 bytes need no padding.
NONCE_CHARACTERS = (_TIME_BYTES + _EPOCH_BYTES + CHANCE_BYTES + _SEAL_BYTES) * 4 // 3


class NonceRefused(ValueError):
    """Not a nonce to accept now; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a nonce of ours says of itself."""

    #: Until when it can be answered, in seconds since the epoch.
    until: float
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonces:
    """Makes and checks the nonces of one realm."""

    key: bytes
    realm: str

    def make(self, now: float, chance: bytes, epoch: int) -> str:
        """A nonce of `now` (seconds since the epoch) and this epoch, with `CHANCE_BYTES` nobody can guess."""
        if len(chance) != CHANCE_BYTES:
            raise ValueError(f"{len(chance)} bytes of chance, {CHANCE_BYTES} are needed")
        said = int(now * 1000).to_bytes(_TIME_BYTES, "big") + epoch.to_bytes(_EPOCH_BYTES, "big") + chance
        return urlsafe_b64encode(said + self._seal(said)).decode("ascii")

    def check(self, nonce: str, now: float) -> Told:
        """What it says, if it can be answered `now`. Raises `NonceRefused`."""
        # b64decode passes over what is no digit of it, and two texts must not be one nonce: made anew below
        try:
            raw = urlsafe_b64decode(nonce.encode("ascii")) if len(nonce) == NONCE_CHARACTERS else b""
        except ValueError:
            raw = b""
        said, seal = raw[:-_SEAL_BYTES], raw[-_SEAL_BYTES:]
        if not raw or urlsafe_b64encode(raw).decode("ascii") != nonce:
            raise NonceRefused("not a nonce of this node")
        if not hmac.compare_digest(seal, self._seal(said)):
            raise NonceRefused("not a nonce of this node, or of another realm")
        until = int.from_bytes(said[:_TIME_BYTES], "big") / 1000 + NONCE_LIFE_S
        if now > until:
            raise NonceRefused(f"{now - until + NONCE_LIFE_S:.0f} s old; it lives for {NONCE_LIFE_S}")
        if now < until - NONCE_LIFE_S - SKEW_S:
            raise NonceRefused("of a time to come")
        epoch = said[_TIME_BYTES : _TIME_BYTES + _EPOCH_BYTES]
        return Told(until=until, epoch=int.from_bytes(epoch, "big"))

    def _seal(self, said: bytes) -> bytes:
        # the realm has no zero byte, so where it ends is clear
        sealed = b"trunkward nonce\0" + self.realm.encode() + b"\0" + said
        return hmac.digest(self.key, sealed, "sha256")[:_SEAL_BYTES]
