"""Telephone numbers as pseudonyms: who has the secret could make them, and nobody can take them back.

The same number gives the same pseudonym for as long as the secret is the same, so an export can still be
counted and grouped. There are few enough telephone numbers to try them all: whoever has the secret can find
the number behind a pseudonym, and nobody else can.
"""

import hmac

#: Hex digits of a pseudonym: 64 bits, so that two of ten million numbers are alike once in 400,000 exports.
_DIGITS = 16


class Pseudonyms:
    """Pseudonyms under one secret."""

    def __init__(self, secret: bytes, keep_digits: int = 0) -> None:
        """`keep_digits`: how many digits at the beginning of a number stay (its country, its area)."""
        self._secret = secret
        self._kept = keep_digits

    def of(self, number: str) -> str:
        """`+1202~3f0a...` for an E.164 number; what is dialled by everybody (an emergency number) stays."""
        if not number.startswith("+"):
            return number
        kept = number[: 1 + self._kept] if self._kept else ""
        return f"{kept}~{hmac.digest(self._secret, number.encode(), 'sha256').hex()[:_DIGITS]}"
