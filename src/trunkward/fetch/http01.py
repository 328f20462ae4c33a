"""HTTP-01 (RFC 8555 section 8.3): what must be answered where, while an order runs."""

import re

from acme import challenges, messages
from josepy.jwk import JWK

from trunkward.fetch.acme_authority import AcmeFailed

#: Section 8.3: at least 128 bits in base64url; the upper end is ours.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)


class Http01Answers:
    """The answers of the order that runs now, by their token."""

    kind = "http-01"

    def __init__(self) -> None:
        """There are none yet."""
        self._answers: dict[str, bytes] = {}

    def prepare(self, challenge: messages.ChallengeBody, account: JWK) -> challenges.ChallengeResponse:
        """From now on this token is answered. Raises `AcmeFailed` for one that cannot stand in a path."""
        token = str(challenge.to_partial_json().get("token"))
        if not _TOKEN.fullmatch(token):
            raise AcmeFailed(f"a challenge with a token that is none: {token!r}")
        response, answer = challenge.response_and_validation(account)
        self._answers[token] = answer.encode("ascii")
        return response  # type: ignore[no-any-return]

    def forget(self) -> None:
        """None is answered any more."""
        self._answers.clear()

    def answer(self, token: str) -> bytes | None:
        """What to answer to a token, or None: it is nobody's."""
        return self._answers.get(token)
