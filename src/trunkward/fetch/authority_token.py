"""Authority tokens (RFC 9447, RFC 9448): how an ACME order for a TNAuthList is proved.

Nothing of ours is looked at, as with HTTP-01: a policy administrator has said beforehand that the code is
ours, and its token is the answer to the challenge.
"""

from collections.abc import Mapping
from typing import Any, Self

from acme import messages
from josepy.interfaces import JSONDeSerializable
from josepy.jwk import JWK

from trunkward.fetch.acme_authority import AcmeFailed
from trunkward.shaken.authority_token import ATC, CHALLENGE, TN_AUTH_LIST, identifier_value

#: The library knows names and addresses; a type it meets in an answer must be made known to it.
_IDENTIFIER = messages.IdentifierType(TN_AUTH_LIST)


class _Response(JSONDeSerializable):
    """The answer to the challenge: one key, and the token."""

    def __init__(self, key: str, token: str) -> None:
        self._key, self._token = key, token

    def to_partial_json(self) -> dict[str, str]:
        return {self._key: self._token}

    @classmethod
    def from_json(cls, jobj: Mapping[str, Any]) -> Self:
        [(key, token)] = jobj.items()
        return cls(key, token)


class AuthorityToken:
    """The token of one order."""

    kind = CHALLENGE

    def __init__(self, token: str, key: str) -> None:
        """`key`: what it is called in the answer."""
        self._token, self._key = token, key

    def prepare(self, challenge: messages.ChallengeBody, account: JWK) -> JSONDeSerializable:
        """The answer. Raises `AcmeFailed` for a challenge that wants another kind of token."""
        wanted = challenge.to_partial_json().get("tkauth-type")
        if wanted != ATC:
            raise AcmeFailed(f"wants an authority token of type {wanted!r}; this node has {ATC}")
        return _Response(self._key, self._token)

    def forget(self) -> None:
        """Nothing is left of it here."""


def identifiers(spc: str) -> tuple[messages.Identifier, ...]:
    """What an order for a service provider code is for (RFC 9448 section 3)."""
    return (messages.Identifier(typ=_IDENTIFIER, value=identifier_value(spc)),)
