"""Rich call data (RFC 9795): what a PASSporT says of the caller besides a number, and the digests over it."""

import re
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from typing import Any

from trunkward.shaken.causes import Cause, Refused
from trunkward.shaken.number import NotANumber, canonical_tn
from trunkward.shaken.passport import deterministic_json

#: Characters of a display name and of a call reason that are taken (our limits).
MAX_NAME = 256
MAX_REASON = 256
#: Most digests (our limit).
MAX_DIGESTS = 64

#: RFC 6901 section 4: no zeros before it.
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)
#: RFC 9795 section 6.
_HASHES = {"sha256": sha256, "sha384": sha384, "sha512": sha512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rcd:
    """What a PASSporT says of the caller. To be shown only where `Verification.rcd` has it."""

    nam: str
    #: Number to be shown instead, canonical.
    apn: str | None = None
    #: A picture, and a jCard: URLs, with the digest of what must be found there.
    icn: str | None = None
    jcl: str | None = None
    digests: Mapping[str, str]
    #: The jCard itself.
    jcd: tuple[Any, ...] | None = None
    #: Call reason.
    crn: str | None = None

    def agrees(self, pointer: str, content: bytes) -> bool:
        """Whether what was fetched for `/icn` or `/jcl` is what was signed (RFC 9795 section 6.1 step 3)."""
        return digest_agrees(self.digests.get(pointer, ""), content)


def rcd_of(claims: Mapping[str, Any], *, required: bool) -> Rcd | None:
    """The `rcd` of a PASSporT, or None if it has none and need not. Raises `Refused`.

    1. `nam` is there; `jcd` and `jcl` are not both.
    2. Each digest names something that is there, by an algorithm we know.
    3. What is referred to has a digest. It is fetched by nobody here.
    4. What is inline has the digest that is given for it, over its JSON (quotes of a text included).
    """
    value, digests = claims.get("rcd"), claims.get("rcdi", {})
    if value is None and not required and "rcdi" not in claims:
        return None
    # 1.
    if not isinstance(value, dict) or not isinstance(value.get("nam"), str):
        raise _malformed("no rcd with a nam")
    if not isinstance(digests, dict) or len(digests) > MAX_DIGESTS:
        raise _malformed("rcdi is no object, or too large")
    if "jcd" in value and "jcl" in value:
        raise _malformed("jcd and jcl exclude each other")
    rcd = Rcd(
        nam=_text(value, "nam", MAX_NAME) or "",
        apn=_number(value),
        icn=_text(value, "icn", None),
        jcl=_text(value, "jcl", None),
        jcd=_card(value),
        digests=digests,
        crn=_text(claims, "crn", MAX_REASON),
    )
    # 2. and 4.
    for pointer, digest in digests.items():
        _check_digest(value, pointer, digest)
    # 3.
    for pointer, url in (("/icn", rcd.icn), ("/jcl", rcd.jcl)):
        if url is not None and pointer not in digests:
            raise _malformed(f"{pointer} refers to something without a digest")
    return rcd


def digest_agrees(digest: str, content: bytes) -> bool:
    """Whether `sha256-...` and its kin are the digest of `content`; padding may be there or not."""
    algorithm, _, expected = digest.partition("-")
    if algorithm not in _HASHES:
        return False
    # base64 of RFC 4648 section 4, which the examples of RFC 9795 write without padding
    found = b2a_base64(_HASHES[algorithm](content).digest(), newline=False).decode("ascii").rstrip("=")
    return expected.rstrip("=") == found


def _check_digest(rcd: dict[str, Any], pointer: str, digest: object) -> None:
    if not isinstance(digest, str) or digest.partition("-")[0] not in _HASHES:
        raise _malformed(f"a digest by no algorithm of RFC 9795: {pointer[:40]}")
    if pointer == "/icn" or pointer.startswith("/jcl"):
        if pointer.split("/")[1] not in rcd:
            raise _malformed(f"a digest of what is not there: {pointer[:40]}")
        return  # of what is to be fetched, and within that
    target = _pointed(rcd, pointer)
    if _is_reference(pointer, target):
        return
    if not digest_agrees(digest, deterministic_json(target)):
        raise Refused(Cause.RCD_DIGEST, f"{pointer[:40]} is not what was digested")


def _is_reference(pointer: str, target: object) -> bool:
    """A URL within a jCard stands for what is found there (RFC 9795 section 6.1.3)."""
    return pointer.startswith("/jcd/") and isinstance(target, str) and target.startswith("https://")


def _pointed(value: Any, pointer: str) -> Any:
    """What a JSON pointer points at (RFC 6901). Raises `Refused`."""
    first, *steps = pointer.split("/")
    for step in steps:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            raise _malformed(f"a digest of what is not there: {pointer[:40]}")
    if first or not steps:
        raise _malformed(f"no JSON pointer: {pointer[:40]}")
    return value


def _text(value: Mapping[str, Any], key: str, most: int | None) -> str | None:
    text = value.get(key)
    if text is None:
        return None
    if not isinstance(text, str):
        raise _malformed(f"{key} is no text")
    if most is None and not text.startswith("https://"):
        raise _malformed(f"{key} is no https URL")
    if not text.isprintable() or (most is not None and len(text) > most):
        raise _malformed(f"{key} is too long, or has characters that cannot be shown")
    return text


def _number(value: Mapping[str, Any]) -> str | None:
    number = _text(value, "apn", MAX_NAME)
    try:
        return None if number is None else canonical_tn(number)
    except NotANumber as refused:
        raise _malformed(f"apn: {refused}") from None


def _card(value: Mapping[str, Any]) -> tuple[Any, ...] | None:
    card = value.get("jcd")
    if card is None:
        return None
    if not isinstance(card, list) or len(card) != 2 or card[0] != "vcard" or not isinstance(card[1], list):
        raise _malformed("jcd is no jCard (RFC 7095 section 3.2)")
    return tuple(card)


def _malformed(why: str) -> Refused:
    return Refused(Cause.RCD_MALFORMED, why)
