"""A signing key that stays in its token (PKCS#11): here is only what asks it to sign.

To the rest it is a private key like any other, of which nothing can be read.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, NoReturn, cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11.util.ec import encode_ec_public_key

from trunkward.shaken.es256 import COORDINATE_BYTES
from trunkward.shaken.passport import PassportError
from trunkward.trunks.token_key import TokenKey


class TokenLost(PassportError):
    """The token does not sign (any more)."""

    def __init__(self, detail: str) -> None:
        """`detail` for people."""
        super().__init__("key-token-lost", detail)


class KeyInToken(ec.EllipticCurvePrivateKey):
    """One key on P-256, by an open session."""

    def __init__(self, place: TokenKey, pin: str) -> None:
        """Opens a session. Raises `TokenLost`, also for a key that is none on P-256."""
        try:
            token = pkcs11.lib(place.module).get_token(token_label=place.token)
            self._session = token.open(user_pin=pin)
            private = self._session.get_key(
                object_class=pkcs11.ObjectClass.PRIVATE_KEY, key_type=pkcs11.KeyType.EC, label=place.label
            )
            public = self._session.get_key(
                object_class=pkcs11.ObjectClass.PUBLIC_KEY, key_type=pkcs11.KeyType.EC, label=place.label
            )
            read = load_der_public_key(encode_ec_public_key(cast("pkcs11.PublicKey", public)))
        except (pkcs11.PKCS11Error, RuntimeError, ValueError, KeyError) as problem:
            said = str(problem) or type(problem).__name__
            raise TokenLost(f"token {place.token}, key {place.label}: {said}") from None
        if not isinstance(read, ec.EllipticCurvePublicKey):
            raise TokenLost(f"token {place.token}, key {place.label}: not an elliptic curve key")
        self._key, self._public = cast("Any", private), read
        # signing is two calls to a session, and the key is looked after in another thread
        self._one_at_a_time = Lock()

    @property
    def curve(self) -> ec.EllipticCurve:
        """Of the public key."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA with SHA-256, in DER like any key's. Raises `TokenLost`."""
        try:
            with self._one_at_a_time:
                raw = self._signed(data)
        except pkcs11.PKCS11Error as problem:
            raise TokenLost(str(problem) or type(problem).__name__) from None
        r, s = raw[:COORDINATE_BYTES], raw[COORDINATE_BYTES:]
        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))

    def _signed(self, data: Any) -> bytes:
        # PKCS#11 v2.40 section 2.3.1: CKM_ECDSA takes the digest, and gives R and S one after the other
        signed: bytes = self._key.sign(sha256(data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        return signed

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        """Not with this key."""
        raise TypeError("this key only signs")

    def private_numbers(self) -> NoReturn:
        """They are in the token."""
        raise TypeError("this key does not leave its token")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:
        """They are in the token."""
        raise TypeError("this key does not leave its token")

    def __copy__(self) -> "KeyInToken":
        """The same key."""
        return self

    def __deepcopy__(self, memo: Any) -> "KeyInToken":
        """The same key."""
        return self


@lru_cache(maxsize=4)
def _opened(place: TokenKey, pin: str) -> KeyInToken:
    return KeyInToken(place, pin)


def key_in_token(place: TokenKey, read_pin: Callable[[str], str]) -> KeyInToken:
    """The key, by the session there is; a new one where that is lost. Raises `TokenLost`."""
    pin = read_pin(place.pin_file)
    key = _opened(place, pin)
    try:
        key.sign(b"still there", ec.ECDSA(SHA256()))
    except TokenLost:
        _opened.cache_clear()
        return _opened(place, pin)
    return key
