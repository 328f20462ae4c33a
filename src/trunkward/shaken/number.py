"""Telephone numbers in the one form that signer and verifier must both arrive at (RFC 8224 section 8.3)."""

#: E.164 section 6: at most 15 digits, country code included.
MAX_DIGITS = 15
#: Longest text looked at; a user part beyond it is no telephone number (our limit).
MAX_TEXT = 256

_DIGITS = frozenset("0123456789")
#: RFC 3966 section 3, `visual-separator`.
_SEPARATORS = frozenset("-.()")
#: RFC 8224 section 8.3 keeps these two; they occur in service codes only.
_SERVICE = frozenset("*#")


class NotANumber(ValueError):
    """The text is no telephone number; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str) -> None:
        """Keep the code, which is also the message."""
        super().__init__(reason)
        self.reason = reason


def canonical_tn(text: str) -> str:
    """Canonical form of a telephone number: digits, `*` and `#` only (RFC 8224 section 8.3).

    Takes the user part of a SIP URI or the subscriber of a `tel` URI (scheme `tel:` and escapes
    already gone): a leading `+` and visual separators are dropped, and so is everything from the first
    `;` on (RFC 3966 parameters, such as `npdi`, `rn`, `cpc`: a routing number is never signed). No
    number plan is applied: short numbers and service codes stay as dialled.

    Raises `NotANumber` for everything else: other characters (letters, spaces, digits outside ASCII), no
    digit at all, more than 15 digits, a `+` with a service code or a country code starting with 0, and
    numbers that mean something only in a `phone-context` (RFC 3966 section 5.1.5).
    """
    digits_alone = text[1:] if text.startswith("+") and not text.startswith("+0") else text
    if digits_alone.isascii() and digits_alone.isdigit() and len(digits_alone) <= MAX_DIGITS:
        return digits_alone  # E.164 numbers, and what is canonical already, as in claims and tokens
    if len(text) > MAX_TEXT:
        raise NotANumber("number-too-long")
    subscriber, *parameters = text.split(";")
    if any(parameter.partition("=")[0].strip().lower() == "phone-context" for parameter in parameters):
        raise NotANumber("number-has-phone-context")
    is_global = subscriber.startswith("+")
    kept: list[str] = []
    digits = 0
    for character in subscriber.removeprefix("+"):
        if character in _DIGITS:
            digits += 1
        elif character in _SEPARATORS:
            continue
        elif character not in _SERVICE:
            raise NotANumber("number-has-foreign-character")
        elif is_global:
            raise NotANumber("number-global-with-service-code")
        kept.append(character)
    if not digits:
        raise NotANumber("number-without-digits")
    if len(kept) > MAX_DIGITS:
        raise NotANumber("number-too-long")
    if is_global and kept[0] == "0":
        # ITU-T E.164 assigns no country code that begins with 0.
        raise NotANumber("number-country-code-zero")
    return "".join(kept)
